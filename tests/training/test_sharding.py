"""FSDP of one process: which weights are gathered together, in which precision, and when gradients are reduced."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
import torch.distributed as dist
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.distributed.fsdp import FSDPModule, MixedPrecisionPolicy
from torch.distributed.fsdp._fully_shard import _fsdp_param_group

from lt_bench.config import TrainConfig
from lt_bench.models.compiling import compiled_limits
from lt_bench.models.letstalk import LetsTalk
from lt_bench.training.blocks import prepare_blocks
from lt_bench.training.sharding import full_tensor, reduce_gradients, shard
from tests.training.test_compiled_graphs import make_model, run

pytestmark = [
    pytest.mark.filterwarnings("ignore:FSDP2-wrapped module"),
    pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf:UserWarning"),
]


@pytest.fixture
def mesh() -> Iterator[DeviceMesh]:
    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    try:
        yield init_device_mesh("cpu", (1,))
    finally:
        dist.destroy_process_group()


def groups(network: LetsTalk) -> dict[str, set[str]]:
    """The parameters of each FSDP module."""
    found = {}
    for name, module in network.named_modules():
        if isinstance(module, FSDPModule):
            (group,) = module._get_fsdp_state()._fsdp_param_groups
            found[name] = {fsdp._param_fqn for fsdp in group.fsdp_params}
    return found


def backward(network: LetsTalk) -> dict[str, torch.Tensor]:
    network.zero_grad()
    run(network).square().mean().backward()
    return {name: full_tensor(p.grad).clone() for name, p in network.named_parameters() if p.grad is not None}


@pytest.mark.parametrize(("portrait", "audio"), [("direct", "siamese"), ("one_way_symbiotic", "direct")])
def test_a_cross_attention_is_gathered_with_its_block(mesh: DeviceMesh, portrait: str, audio: str) -> None:
    network = make_model(portrait, audio)
    names, expected = list(network.state_dict()), backward(network)
    shard(network, mesh)
    assert list(network.state_dict()) == names
    for name, gradient in backward(network).items():
        torch.testing.assert_close(gradient, expected[name], rtol=1e-4, atol=1e-7, msg=name)
    found = groups(network)
    everything = [name for group in found.values() for name in group]
    assert sorted(everything) == sorted(name for name, _ in network.named_parameters())
    assert not [name for name in found[""] if ".attention." in name or name.startswith("blocks.")]
    assert "audio_fusion.attention.1.q.weight" in found["blocks.1"]
    assert found["audio_fusion.attention.1.kv"] == {"audio_fusion.attention.1.kv.weight"}


def test_compiled_blocks_gather_their_cross_attentions(mesh: DeviceMesh, graphs: list[Any]) -> None:
    network = make_model("direct", "direct")
    expected = backward(network)
    prepare_blocks(network.blocks, TrainConfig(compile=True, activation_checkpointing=True))
    shard(network, mesh)
    with compiled_limits(len(network.blocks)):
        for name, gradient in backward(network).items():
            torch.testing.assert_close(gradient, expected[name], rtol=1e-4, atol=1e-7, msg=name)
    assert 1 <= len(graphs) <= 6


def test_weights_are_gathered_in_bfloat16_and_gradients_reduced_in_float32(mesh: DeviceMesh) -> None:
    network = make_model("direct", "siamese")
    shard(network, mesh, low_precision=True)
    modules = [module for module in network.modules() if isinstance(module, FSDPModule)]
    policies = {group.mp_policy for module in modules for group in module._get_fsdp_state()._fsdp_param_groups}
    assert policies == {MixedPrecisionPolicy(torch.bfloat16, torch.float32, cast_forward_inputs=False)}


def test_gradients_are_reduced_after_the_last_micro_batch_alone(
    mesh: DeviceMesh, monkeypatch: pytest.MonkeyPatch
) -> None:
    reduced: list[int] = []
    reduce = _fsdp_param_group.foreach_reduce

    def counted(*args: Any, **kwargs: Any) -> Any:
        reduced.append(1)
        return reduce(*args, **kwargs)

    monkeypatch.setattr(_fsdp_param_group, "foreach_reduce", counted)
    network = make_model("direct", "direct")
    expected = {name: 2 * gradient for name, gradient in backward(network).items()}
    shard(network, mesh)
    network.zero_grad()
    for last in (False, True):
        reduce_gradients(network, last)
        run(network).square().mean().backward()
        assert len(reduced) == (len(groups(network)) if last else 0)
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None
        torch.testing.assert_close(full_tensor(parameter.grad), expected[name], rtol=1e-4, atol=1e-7, msg=name)
