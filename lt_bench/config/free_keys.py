"""Keys of a run that do not affect its numbers."""

from __future__ import annotations

FREE_KEYS = (
    "data.cache",
    "data.folder",
    "model.plugins",
    "train.threads",
    "train.workers",
    "train.checkpoint_every",
    "train.log_every",
    "evaluation.samples",
    "evaluation.system",
)
"""Locations, names and output intervals: runs that differ only in these keys are the same run."""
SHARING_KEYS = (
    "train.accelerator",
    "train.devices",
    "train.nodes",
    "train.strategy",
    "train.accumulate",
    "train.activation_checkpointing",
    "train.compile",
    "train.deterministic",
    "sampling.batch_size",
    "sampling.compile",
)
"""Distribution of the work: windows and random numbers are the same, but sums are rounded differently.

A run can be resumed with other values of these keys. Two complete runs that differ in them count as two runs, because
they are compared for time and memory.
"""
HARDWARE_KEYS = ("train.precision", "train.compile", "train.workers")
"""Keys with the value ``auto``, which the training machine resolves; the checkpoint and the model store the result."""
