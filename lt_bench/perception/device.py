"""Where the large detectors run."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def detector_device() -> torch.device:
    """The current CUDA device, else the CPU; a worker chooses its GPU by ``torch.cuda.set_device``."""
    import torch

    return torch.device("cuda", torch.cuda.current_device()) if torch.cuda.is_available() else torch.device("cpu")
