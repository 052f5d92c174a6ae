"""DDP over all GPUs (on the CPU: two processes): the same training as one device's, and how speed grows."""

from __future__ import annotations

import csv
import multiprocessing
import os
import socket
import tempfile
from pathlib import Path

import torch
from made_up_cache import make_cache
from plan import Plan
from running import Figures
from whole_training import steps_per_second

from lt_bench.config import RunConfig
from lt_bench.data.cache import LatentCache
from lt_bench.models.checkpoint import load_model
from lt_bench.training.run import train

CURVE = 3
"""Steps whose losses are compared."""


def measure(plan: Plan) -> Figures:
    """Train with one device and with all of them, in processes as torchrun starts them.

    Raises:
        RuntimeError: there is one GPU only, or a process failed.
    """
    devices = torch.cuda.device_count() if plan.device == "cuda" else 2
    if devices < 2:
        raise RuntimeError(f"expected at least two GPUs, got {devices}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        cache = make_cache(folder / "cache", plan)
        for count in (1, devices):  # one batch, shared by all
            keys = {"steps": CURVE, "log_every": 1, "batch_size": 2 * devices, "precision": "fp32", "devices": count}
            _train_in(count, plan.run_config(plan.presets[0], **keys), folder / f"same{count}", cache)
        for count in (1, devices):  # a batch for each
            keys = {"steps": plan.train_steps, "log_every": plan.log_every}
            keys |= {"batch_size": plan.windows * count, "devices": count}
            _train_in(count, plan.run_config(plan.presets[0], **keys), folder / f"more{count}", cache)
        one, all_ = folder / "same1", folder / f"same{devices}"
        curves = [_losses(one), _losses(all_)]
        weights = [load_model(run / "model.safetensors", "raw").model.parameters() for run in (one, all_)]
        ratio = steps_per_second(folder / f"more{devices}") / steps_per_second(folder / "more1")
    return {
        "devices": devices,
        "loss_error": max(abs(b / a - 1) for a, b in zip(*curves, strict=True)),
        "weight_error": max(float((a - b).detach().abs().max()) for a, b in zip(*weights, strict=True)),
        "efficiency": ratio,
    }


def _train_in(processes: int, config: RunConfig, out: Path, cache: LatentCache) -> None:
    context = multiprocessing.get_context("fork")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    ranks = [
        context.Process(target=_rank, args=(rank, processes, port, config, out, cache)) for rank in range(processes)
    ]
    for rank in ranks:
        rank.start()
    for rank in ranks:
        rank.join()
    codes = [rank.exitcode for rank in ranks]
    if any(codes):
        raise RuntimeError(f"expected {processes} processes to train, got exit codes {codes}")


def _rank(rank: int, processes: int, port: int, config: RunConfig, out: Path, cache: LatentCache) -> None:
    place = {
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": port,
        "LOCAL_RANK": rank,
        "NODE_RANK": 0,
        "WORLD_SIZE": processes,
    }
    os.environ |= {key: str(value) for key, value in place.items()}
    train(config, out, cache, progress=False)


def _losses(run: Path) -> list[float]:
    with (run / "metrics.csv").open(newline="") as stream:
        return [float(row["loss"]) for row in csv.DictReader(stream)]
