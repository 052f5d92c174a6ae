"""Numeric precision of generation."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import torch

from lt_bench.config.sampling import Precision
from lt_bench.errors import ConfigError


def check_sampling_precision(precision: Precision, device: torch.device) -> None:
    """Check that the device supports a precision natively.

    Raises:
        ConfigError: the device would ignore or emulate it.
    """
    if precision == "tf32" and device.type != "cuda":
        raise ConfigError(f"sampling.precision: expected fp32 or bf16 on {device.type}, which has no TF32, got tf32")
    if precision == "bf16" and device.type == "cuda" and not torch.cuda.is_bf16_supported(including_emulation=False):
        raise ConfigError("sampling.precision: expected fp32 or tf32 on this GPU, which has no bfloat16, got bf16")


@contextmanager
def codec_precision(precision: Precision) -> Iterator[None]:
    """Compute float32 products and convolutions exactly with ``fp32``, and in TF32 otherwise, within the context."""
    cudnn = torch.backends.cudnn
    before = torch.get_float32_matmul_precision(), cudnn.allow_tf32
    exact = precision == "fp32"
    torch.set_float32_matmul_precision("highest" if exact else "high")
    cudnn.allow_tf32 = not exact
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before[0])
        cudnn.allow_tf32 = before[1]


@contextmanager
def network_precision(precision: Precision, device: torch.device) -> Iterator[None]:
    """Run the network in the configured precision within the context; ``bf16`` uses autocast with float32 weights."""
    low = torch.autocast(device.type, torch.bfloat16) if precision == "bf16" else nullcontext()
    with codec_precision(precision), low:
        yield
