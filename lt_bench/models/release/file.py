"""Safe reader of the release's checkpoint files, which never runs code in them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from lt_bench.assets.weights import read_torch
from lt_bench.errors import CheckpointError, LtBenchError

COMPILED = "_orig_mod."
"""Prefix that ``torch.compile`` adds to names."""


@dataclass(frozen=True)
class ReleasedWeights:
    """State dicts of a checkpoint, with the release's names."""

    path: Path
    networks: dict[str, dict[str, Tensor]]
    """Networks by lt_bench's kind of weights: ``raw`` (the release's ``model``), ``ema``, or both."""
    projector: dict[str, Tensor]
    """Audio projector, which the release stores separately and without an average."""


def read_release(path: str | os.PathLike[str]) -> ReleasedWeights:
    """Read a checkpoint as the release's training writes it: ``model``, ``ema`` and ``audioproj``.

    A full checkpoint of its trainer (``state_dict`` with these prefixes) is also read, unless it contains objects.

    Raises:
        CheckpointError: the file does not exist, is not a checkpoint, contains more than tensors and plain values, or
            lacks a network or the audio projector.
    """
    document = _load(Path(path))
    if isinstance(document.get("state_dict"), Mapping):
        document = _by_prefix(document["state_dict"])
    networks = {ours: _state(path, document, theirs) for ours, theirs in (("raw", "model"), ("ema", "ema"))}
    networks = {kind: state for kind, state in networks.items() if state}
    if not networks:
        raise CheckpointError(f"{path}: expected key 'model' or 'ema', got {_names(document)}")
    projector = _state(path, document, "audioproj")
    if not projector:
        raise CheckpointError(f"{path}: expected key 'audioproj' (the audio projector), got {_names(document)}")
    return ReleasedWeights(Path(path), networks, projector)


def _load(path: Path) -> dict[str, Any]:
    try:
        document = read_torch(path)
    except LtBenchError as error:
        raise CheckpointError(
            f"{path}: expected a PyTorch checkpoint of tensors and plain values, got {error}"
        ) from None
    if not isinstance(document, dict):
        raise CheckpointError(f"{path}: expected a mapping of state dicts, got {type(document).__name__}")
    return document


def _by_prefix(state: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    parts: dict[str, dict[str, Any]] = {}
    for name, value in state.items():
        part, _, rest = name.partition(".")
        parts.setdefault(part, {})[rest] = value
    return parts


def _state(path: str | os.PathLike[str], document: dict[str, Any], key: str) -> dict[str, Tensor]:
    state = document.get(key, {})
    if not isinstance(state, Mapping) or not all(isinstance(value, Tensor) for value in state.values()):
        raise CheckpointError(f"{path}: key '{key}': expected a state dict of tensors, got something else")
    return {name.removeprefix(COMPILED): value for name, value in state.items()}


def _names(document: dict[str, Any]) -> str:
    names = ", ".join(map(str, list(document)[:5])) or "an empty file"
    return names if len(document) <= 5 else f"{names}, ..."
