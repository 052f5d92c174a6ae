"""Where the large detectors run, and how exactly."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def detector_device() -> torch.device:
    """The current CUDA device, else the CPU; a worker chooses its GPU by ``torch.cuda.set_device``."""
    import torch

    return torch.device("cuda", torch.cuda.current_device()) if torch.cuda.is_available() else torch.device("cpu")


@contextmanager
def exact_inference() -> Iterator[None]:
    """No gradients, and on a GPU full float32: TF32, cuDNN's default, moves features in the third digit."""
    import torch

    cudnn = torch.backends.cudnn
    with (
        torch.inference_mode(),
        cudnn.flags(enabled=cudnn.enabled, benchmark=False, deterministic=True, allow_tf32=False),
    ):
        yield
