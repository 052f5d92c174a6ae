"""Devices of worker processes: each process sees the one that it is given, a GPU or none."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

GPU_VARIABLE = "CUDA_VISIBLE_DEVICES"
CPU = "cpu"
ALL = "all"


def visible_gpus() -> tuple[str, ...]:
    """The CUDA devices that this process may use, found without CUDA or torch."""
    chosen = os.environ.get(GPU_VARIABLE)
    if chosen is not None:
        return tuple(part.strip() for part in chosen.split(",") if part.strip())
    # CUDA counts the devices that are there from 0: a container may hold /dev/nvidia4 alone, which is its device 0.
    return tuple(map(str, range(len(list(Path("/dev").glob("nvidia[0-9]*"))))))


def parse_devices(text: str) -> tuple[str, ...]:
    """Devices of a list such as ``0,1``, ``cpu,cpu`` or ``all``, as ``use_device`` takes them.

    A GPU's number counts those that this process may use, from 0, as in PyTorch. A device named twice is given to two
    processes.

    Raises:
        ValueError: there is no such GPU.
    """
    gpus = visible_gpus()
    if text == ALL and gpus:
        return gpus
    found = []
    for part in (part.strip() for part in text.split(",")):
        if part == CPU:
            found.append(CPU)
        elif part.isdecimal() and int(part) < len(gpus):
            found.append(gpus[int(part)])
        else:
            here = f"numbers below {len(gpus)}, or {ALL}" if gpus else "no GPU here"
            raise ValueError(f"expected a list of {CPU} and of GPUs ({here}), got {text!r}")
    return tuple(found)


def use_device(device: str) -> None:
    """Let this process see one device; to be called before it starts CUDA.

    Args:
        device: ``cpu``, or a GPU as CUDA_VISIBLE_DEVICES names it.
    """
    os.environ[GPU_VARIABLE] = "" if device == CPU else device


def device_of(number: int, devices: Sequence[str]) -> str | None:
    """The device of a worker by its number: devices are given in turn."""
    return devices[number % len(devices)] if devices else None


def usable_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
