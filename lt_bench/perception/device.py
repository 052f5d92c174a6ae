"""Where the large detectors run, and how exactly."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

if TYPE_CHECKING:
    import torch


def detector_device() -> torch.device:
    """The current CUDA device, else the CPU; a worker chooses its GPU by ``torch.cuda.set_device``."""
    import torch

    return torch.device("cuda", torch.cuda.current_device()) if torch.cuda.is_available() else torch.device("cpu")


_KEPT: list[Any] = []


def kept_network(load: Callable[P, T]) -> Callable[P, T]:
    """Keep what a function loads for the rest of the process, or until ``detectors_released``; a decorator."""
    kept: Any = cache(load)
    _KEPT.append(kept)
    return kept


@contextmanager
def detectors_released() -> Iterator[None]:
    """After the context, networks that ``kept_network`` functions loaded onto a GPU are gone from its memory."""
    try:
        yield
    finally:
        import torch

        if torch.cuda.is_available():
            for kept in _KEPT:
                kept.cache_clear()
            torch.cuda.empty_cache()


def is_device_failure(error: BaseException) -> bool:
    """Whether the device failed, as for want of memory, rather than what it was given; what follows may fail too."""
    import torch

    told = str(error)
    return isinstance(error, (torch.OutOfMemoryError, torch.AcceleratorError)) or "CUDA" in told or "cuDNN" in told


@contextmanager
def exact_inference() -> Iterator[None]:
    """No gradients, and on a GPU full float32: TF32 moves features in the third digit.

    It is cuDNN's default, and that of matrix products where the environment says so, as in NVIDIA's containers.
    """
    import torch

    cudnn = torch.backends.cudnn
    precision = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        with (
            torch.inference_mode(),
            cudnn.flags(enabled=cudnn.enabled, benchmark=False, deterministic=True, allow_tf32=False),
        ):
            yield
    finally:
        torch.set_float32_matmul_precision(precision)
