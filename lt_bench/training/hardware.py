"""Defaults by hardware: precision, compilation and data loading processes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import torch

from lt_bench.config import RunConfig, TrainConfig
from lt_bench.devices import usable_cores
from lt_bench.errors import ConfigError

MOST_WORKERS = 8
"""Maximum number of loading processes per GPU; more only compete for the disk."""


@dataclass(frozen=True)
class Hardware:
    """Properties of the training machine that defaults depend on."""

    cuda: bool
    bf16: bool = False
    """Whether the GPU computes in bfloat16 natively."""
    triton: bool = False
    """Whether ``torch.compile`` can generate kernels for the GPU."""
    cores: int = 1
    """CPU cores that this process may use."""

    @classmethod
    def of(cls, train: TrainConfig) -> Hardware:
        """Return the hardware that ``train.accelerator`` selects on this machine."""
        cores = usable_cores()
        if accelerator(train) != "cuda":
            return cls(cuda=False, cores=cores)
        from torch.utils._triton import has_triton

        bf16 = torch.cuda.is_bf16_supported(including_emulation=False)
        return cls(cuda=True, bf16=bf16, triton=has_triton(), cores=cores)


def accelerator(train: TrainConfig) -> str:
    """Return ``cuda`` or ``cpu``; not Apple's GPU, which lacks the float64 of the noise schedules."""
    return {"auto": "cuda" if torch.cuda.is_available() else "cpu", "gpu": "cuda"}.get(train.accelerator, "cpu")


def resolve(train: TrainConfig, hardware: Hardware) -> TrainConfig:
    """Replace each ``auto`` by its value.

    On a CPU: fp32, not compiled, data loaded in the training process. On a GPU: bf16 if native, compiled if Triton
    runs, and the machine's cores divided among the GPUs for data loading.
    """
    share = hardware.cores // train.devices - 1  # one core stays with each training process
    values = {
        "precision": "bf16" if hardware.cuda and hardware.bf16 else "fp32",
        "compile": hardware.cuda and hardware.triton,
        "workers": max(1, min(MOST_WORKERS, share)) if hardware.cuda else 0,
    }
    return replace(train, **{key: value for key, value in values.items() if getattr(train, key) == "auto"})


def resolve_run(config: RunConfig) -> RunConfig:
    """Return a run's configuration with the values for this machine."""
    return replace(config, train=resolve(config.train, Hardware.of(config.train)))


def check_precision(train: TrainConfig, cuda: bool) -> None:
    """Refuse bf16 on a GPU that would only emulate it.

    Raises:
        ConfigError: the GPU would emulate it.
    """
    if train.precision == "bf16" and cuda and not torch.cuda.is_bf16_supported(including_emulation=False):
        raise ConfigError("train.precision: expected fp32 on this GPU, which has no bfloat16, got bf16")


def matmul_precision(train: TrainConfig) -> str:
    """Return PyTorch's precision of float32 matrix products: TF32 for bf16 runs, otherwise exact."""
    return "high" if train.precision == "bf16" else "highest"


@contextmanager
def matmul_precision_set(train: TrainConfig) -> Iterator[None]:
    """Set the precision of float32 matrix products within the context."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(matmul_precision(train))
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


def summary(train: TrainConfig) -> str:
    """Return one line on how a resolved run computes."""
    compiled = "compiled" if train.compile else "not compiled"
    return (
        f"{accelerator(train)}: precision {train.precision}, float32 matrix products {matmul_precision(train)}, "
        f"blocks {compiled}, {train.workers} loading processes for each of {train.devices * train.nodes} devices"
    )
