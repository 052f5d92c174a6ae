"""Device and numeric precision of the large detectors."""

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
    """Return the current CUDA device, or the CPU; a worker selects its GPU with ``torch.cuda.set_device``."""
    import torch

    return torch.device("cuda", torch.cuda.current_device()) if torch.cuda.is_available() else torch.device("cpu")


_KEPT: list[Any] = []


def kept_network(load: Callable[P, T]) -> Callable[P, T]:
    """Cache the result of a loading function for the process, or until ``detectors_released``; a decorator."""
    kept: Any = cache(load)
    _KEPT.append(kept)
    return kept


@contextmanager
def detectors_released() -> Iterator[None]:
    """Free networks that ``kept_network`` functions loaded onto a GPU, when the context ends."""
    try:
        yield
    finally:
        import torch

        if torch.cuda.is_available():
            for kept in _KEPT:
                kept.cache_clear()
            torch.cuda.empty_cache()


def is_device_failure(error: BaseException) -> bool:
    """Return whether the device failed (for example, out of memory) and not the input; later calls can fail too."""
    import torch

    told = str(error)
    return isinstance(error, (torch.OutOfMemoryError, torch.AcceleratorError)) or "CUDA" in told or "cuDNN" in told


@contextmanager
def exact_inference() -> Iterator[None]:
    """Disable gradients, and on a GPU use full float32: TF32 changes the third digit of features.

    TF32 is cuDNN's default, and the default of matrix products in some environments, such as NVIDIA's containers.
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
