"""Several processes, micro-batches and shards train what one process trains with the whole batch."""

from __future__ import annotations

import csv
import multiprocessing
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import pytest
import torch
from safetensors.torch import load_file

from lt_bench.config import RunConfig
from lt_bench.data.cache import LatentCache
from lt_bench.models.checkpoint import load_model
from lt_bench.training import gradients
from lt_bench.training.run import train

MakeRun = Callable[..., RunConfig]
pytestmark = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")


def _curve(folder: Path) -> dict[str, list[float]]:
    with (folder / "metrics.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    return {key: [float(row[key] or "nan") for row in rows] for key in ("loss", "grad_norm", "validation_loss")}


def _free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def _rank(rank: int, world: int, port: int, config: RunConfig, out: Path, cache: LatentCache) -> None:
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "LOCAL_RANK": str(rank), "NODE_RANK": "0"}
    os.environ["WORLD_SIZE"] = str(world)
    train(config, out, cache, progress=False)


def train_in(processes: int, config: RunConfig, out: Path, cache: LatentCache) -> None:
    """Train with gloo in so many processes, as Lightning's launcher would start them."""
    context, port = multiprocessing.get_context("fork"), _free_port()
    children = [
        context.Process(target=_rank, args=(rank, processes, port, config, out, cache)) for rank in range(processes)
    ]
    for child in children:
        child.start()
    for child in children:
        child.join(600)
    assert [child.exitcode for child in children] == [0] * processes


def _assert_same_run(first: Path, second: Path, tolerance: float = 1e-5) -> None:
    expected, got = _curve(first), _curve(second)
    for key in expected:
        assert got[key] == pytest.approx(expected[key], rel=tolerance, nan_ok=True), key
    for kind in ("raw", "ema"):
        one, two = (load_model(folder / "model.safetensors", kind).model.state_dict() for folder in (first, second))
        for name in one:
            torch.testing.assert_close(two[name], one[name], rtol=1e-3, atol=1e-5, msg=f"{kind} {name}")


@pytest.fixture(scope="module")
def whole(toy_cache: LatentCache, tmp_path_factory: pytest.TempPathFactory) -> Callable[[RunConfig], Path]:
    """The folder of a run trained by one process with the whole batch; each configuration once."""
    made: dict[RunConfig, Path] = {}

    def of(config: RunConfig) -> Path:
        if config not in made:
            made[config] = tmp_path_factory.mktemp("whole")
            train(config, made[config], toy_cache, progress=False)
        return made[config]

    return of


# Siamese and one-way tokens go through layers by ways of their own, which sharding must not miss.
FUSION = {"fusion": {"portrait": "one_way_symbiotic", "audio": "siamese"}}
SHARED: dict[str, Any] = {"batch_size": 4, "log_every": 1, "validate_every": 3, "model": FUSION}


@pytest.mark.parametrize("strategy", ["ddp", "fsdp"])
def test_two_processes_train_what_one_does(
    toy_cache: LatentCache, make_run: MakeRun, tmp_path: Path, whole: Callable[[RunConfig], Path], strategy: str
) -> None:
    train_in(2, make_run(**SHARED, devices=2, strategy=strategy), tmp_path, toy_cache)
    _assert_same_run(whole(make_run(**SHARED)), tmp_path)
    # The checkpoint is whole: one process exports from it what two did.
    (tmp_path / "model.safetensors").rename(tmp_path / "by_two.safetensors")
    assert train(make_run(**SHARED), tmp_path, toy_cache, progress=False).resumed_from == 6
    one, two = (load_file(tmp_path / name) for name in ("model.safetensors", "by_two.safetensors"))
    assert one.keys() == two.keys()
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_sharded_micro_batches_clipped_on_the_device_train_what_the_whole_batch_does(
    toy_cache: LatentCache,
    make_run: MakeRun,
    tmp_path: Path,
    whole: Callable[[RunConfig], Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(gradients, "reading_is_free", lambda value: False)  # as on a GPU
        train_in(2, make_run(**SHARED, devices=2, strategy="fsdp", accumulate=2), tmp_path, toy_cache)
    _assert_same_run(whole(make_run(**SHARED)), tmp_path)


def test_micro_batches_and_checkpointed_activations_train_what_the_whole_batch_does(
    toy_cache: LatentCache, make_run: MakeRun, tmp_path: Path, whole: Callable[[RunConfig], Path]
) -> None:
    changed = make_run(**SHARED, accumulate=2, activation_checkpointing=True)
    train(changed, tmp_path, toy_cache, progress=False)
    _assert_same_run(whole(make_run(**SHARED)), tmp_path)


def test_a_run_goes_on_with_another_number_of_micro_batches(
    toy_cache: LatentCache, make_run: MakeRun, tmp_path: Path, whole: Callable[[RunConfig], Path]
) -> None:
    class Stop(pl.Callback):
        def on_train_batch_start(self, trainer: pl.Trainer, pl_module: Any, batch: Any, batch_idx: int) -> None:
            if batch_idx == 5:  # in the middle of step 3; step 2 was saved
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(make_run(**SHARED, accumulate=2), tmp_path, toy_cache, [Stop()], progress=False)
    outcome = train(make_run(**SHARED, accumulate=4), tmp_path, toy_cache, progress=False)
    assert outcome.resumed_from == 2
    _assert_same_run(whole(make_run(**SHARED)), tmp_path)
