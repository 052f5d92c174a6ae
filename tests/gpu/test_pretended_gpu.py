"""The pretended GPU raises and records where a real one would."""

from __future__ import annotations

import pytest
import torch

from tests.support.pretended_autocast import Bf16Autocast
from tests.support.pretended_gpu import GpuTensor, PretendedGpu, pretended_gpu, to_host


def test_tensors_on_different_devices_do_not_mix(gpu: PretendedGpu) -> None:
    on_gpu = torch.ones(3, device="cuda")
    assert isinstance(on_gpu, GpuTensor)
    with pytest.raises(RuntimeError, match="expected all tensors on cuda:0"):
        on_gpu + torch.ones(3)
    with pytest.raises(TypeError, match="numpy"):
        on_gpu.numpy()
    assert torch.equal(to_host(on_gpu + torch.tensor(1.0)), torch.full((3,), 2.0))  # a number without dimensions may


@pytest.mark.parametrize(
    ("act", "kinds"),
    [
        (lambda x: float(x.sum()), ["scalar read"]),
        (lambda x: x.tolist(), ["copy to host"]),
        (lambda x: x.cpu(), ["copy to host"]),
        (lambda x: torch.ones(2).to("cuda"), ["copy to device"]),
        (lambda x: torch.tensor([1.0, 2.0], device="cuda"), ["copy to device"]),
        (lambda x: x[torch.tensor([0])], ["index from host"]),
        (lambda x: x[x > 0], ["count"]),
        (lambda x: torch.ones(2).to("cuda", non_blocking=True), []),
        (lambda x: x * 2 + torch.ones_like(x), []),
    ],
)
def test_host_synchronizations_are_recorded_by_kind(gpu: PretendedGpu, act, kinds: list[str]) -> None:
    given = torch.ones(4, device="cuda")
    gpu.reset()
    act(given)
    assert [event.kind for event in gpu.syncs] == kinds


def test_gradients_equal_those_of_the_cpu(gpu: PretendedGpu) -> None:
    torch.manual_seed(0)
    weight, x = torch.randn(3, 4), torch.randn(2, 4)
    host = weight.clone().requires_grad_()
    torch.nn.functional.linear(x, host).square().sum().backward()
    device = torch.nn.Parameter(weight.to("cuda"))
    torch.nn.functional.linear(x.to("cuda"), device).square().sum().backward()
    assert torch.equal(to_host(device.grad), host.grad)


def test_sizes_are_counted_without_numbers() -> None:
    with pretended_gpu("meta") as gpu:
        a = torch.empty(1024, 1024, device="cuda")
        gpu.reset()
        assert (a @ a).shape == (1024, 1024)
    assert gpu.kernels == {"mm": 1}
    assert gpu.bytes["mm"] >= 2 * 1024 * 1024 * 4


def test_autocast_computes_matrix_products_in_bfloat16(gpu: PretendedGpu) -> None:
    x = torch.ones(2, 2, device="cuda")
    with Bf16Autocast():
        assert torch.matmul(x, x).dtype == torch.bfloat16
        assert torch.nn.functional.layer_norm(x.bfloat16(), (2,)).dtype == torch.float32
