"""Keys of a run that decide no number of it."""

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
"""Where things are and how often they are written: runs that differ in nothing else are the same run."""
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
"""How the work is shared out: windows and their draws are the same, but sums are rounded differently.

A run may go on with others of these. Two runs that differ in them are two all the same: they are compared for time and
memory.
"""
HARDWARE_KEYS = ("train.precision", "train.compile", "train.workers")
"""Keys that may be ``auto``: the machine that trains decides, and its choice stands in the checkpoint and the model."""
