"""Model files, version 1: trained weights with everything needed to generate, in one safetensors file."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from lt_bench.config import RunConfig, parse_config, to_dict
from lt_bench.errors import CheckpointError, ConfigError, LtBenchError
from lt_bench.files import atomic_path, parse_json, sha256_file
from lt_bench.models.build import build_model
from lt_bench.models.codecs.base import Codec, build_codec
from lt_bench.models.letstalk import LetsTalk
from lt_bench.perception.speech.base import SpeechEncoder, build_speech_encoder
from lt_bench.scaling import LatentScaling
from lt_bench.versions import body_of, check_version

FORMAT = "lt_bench model"
VERSION = 1
MAX_SIZE = 65536
"""Largest valid side, in pixels or features; larger values mean that the file is damaged."""
Weights = Literal["ema", "raw"]


@dataclass(frozen=True)
class ModelCard:
    """Description of a model, stored as JSON in the header of its file."""

    config: RunConfig
    latent_shape: tuple[int, int, int]
    """Channels, height, width."""
    resolution: int
    """Side of the square frames, in pixels."""
    codec: str
    """Codec, as a configuration names it."""
    codec_hash: str
    """Hash of the codec; empty if it is not pinned, as an imported checkpoint may not record the weights of its
    codec."""
    scaling: LatentScaling
    """Scaling of the latents that the model was trained on."""
    speech_encoder: str
    """Speech encoder, as a configuration names it."""
    speech_hash: str
    """Hash of the speech encoder; empty if it is not pinned."""
    speech_shape: tuple[int, int]
    """Number of layers and features."""
    dataset: str
    landmark_set: str
    """Landmark set; ``synthetic`` for a model that was trained only on rendered faces."""
    cache_hash: str
    parameters: int
    steps: int
    """Number of training steps; 0 if unknown, as in an imported checkpoint."""
    seconds: float
    """Training time, including resumed runs; 0 if unknown."""
    peak_memory: int
    """Peak memory of training in bytes: of the process, or of the GPU if one was used."""
    plugins: dict[str, str] = field(default_factory=dict)
    """SHA-256 of the user's plugins that the model was trained with, by file name."""

    def __post_init__(self) -> None:
        sizes = {"latent_shape": self.latent_shape, "speech_shape": self.speech_shape, "resolution": (self.resolution,)}
        for key, values in sizes.items():
            if not all(1 <= value <= MAX_SIZE for value in values):
                raise ValueError(f"{key} of 1 to {MAX_SIZE}")


@dataclass(frozen=True)
class LoadedModel:
    """A network in evaluation mode, ready to generate, with its source."""

    model: LetsTalk
    card: ModelCard
    weights: Weights
    path: Path
    sha256: str

    def build_codec(self) -> Codec:
        """Build the codec of the model's latents.

        Raises:
            CheckpointError: the available codec is another one.
        """
        codec = build_codec(self.card.codec)
        if self.card.codec_hash:
            self._check("codec", self.card.codec, self.card.codec_hash, codec.hash)
        return codec

    def build_speech_encoder(self) -> SpeechEncoder:
        """Build the speech encoder of the model's audio features.

        Raises:
            CheckpointError: the available encoder is another one.
        """
        encoder = build_speech_encoder(self.card.speech_encoder)
        if self.card.speech_hash:
            self._check("speech encoder", self.card.speech_encoder, self.card.speech_hash, encoder.hash)
        return encoder

    def _check(self, part: str, spec: str, expected: str, got: str) -> None:
        if got != expected:
            raise CheckpointError(
                f"{self.path}: expected {part} '{spec}' {expected[:16]}, got {got[:16]}; put back the weights that the "
                "model was trained with"
            )


def save_model(path: str | os.PathLike[str], card: ModelCard, weights: Mapping[Weights, Mapping[str, Tensor]]) -> None:
    """Write a model file atomically.

    Args:
        path: path of the file, usually ``model.safetensors``.
        card: description of the model.
        weights: state dicts of a ``LetsTalk``, by kind: ``raw`` and, if weights were averaged, ``ema``.
    """
    document = json.dumps({"format": FORMAT, "version": VERSION, **to_dict(card)}, allow_nan=False)
    with atomic_path(path) as temporary:
        save_file(_unshared(weights), temporary, metadata={"lt_bench": document})


def _unshared(weights: Mapping[Weights, Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """Name the tensors of the file. Shared memory is copied, as safetensors needs it; other weights are not."""
    tensors: dict[str, Tensor] = {}
    taken: set[int] = set()
    for kind, state in weights.items():
        for name, tensor in state.items():
            kept = tensor.detach().cpu().contiguous()
            storage = kept.untyped_storage()
            if storage.data_ptr() in taken or storage.nbytes() != kept.nbytes:
                kept = kept.clone()
            taken.add(kept.untyped_storage().data_ptr())
            tensors[f"{kind}.{name}"] = kept
    return tensors


def read_card(path: str | os.PathLike[str]) -> ModelCard:
    """Read the description in a model file, without its weights.

    Raises:
        CheckpointError: the file is not a model file, or has another version.
    """
    with _open(path) as file:
        return _card(file, path)


def load_model(path: str | os.PathLike[str], weights: Weights = "ema") -> LoadedModel:
    """Build the network of a model file and load its weights.

    Args:
        path: path of the model file.
        weights: averaged or raw weights.

    Raises:
        CheckpointError: the file is not a model file, has another version, is damaged, or lacks weights of this kind.
    """
    with _open(path) as file:
        card = _card(file, path)
        names = [name for name in file.keys() if name.startswith(f"{weights}.")]  # noqa: SIM118 - not a dict
        if not names:
            raise CheckpointError(f"{path}: expected '{weights}' weights (see sampling.weights), got none")
        state = {name.removeprefix(f"{weights}."): file.get_tensor(name) for name in names}
    try:
        # The network is first built without memory, because a damaged card can ask for more memory than there is.
        problem = _mismatch(_shapes(card, state), state)
        if problem:
            raise CheckpointError(f"{path}: {problem}")
        model = build_model(card.config.model, card.latent_shape, card.speech_shape)
    except CheckpointError:
        raise
    except (ValueError, KeyError, RuntimeError, ArithmeticError) as error:
        files = " ".join(f"--plugin {file}" for file in card.config.model.plugins)
        hint = f" (trained with {files})" if files else ""
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise CheckpointError(f"{path}: expected a model this version can build, got: {reason}{hint}") from error
    problem = _mismatch(model.state_dict(), state)
    if problem:
        raise CheckpointError(f"{path}: {problem}")
    model.load_state_dict(state)
    return LoadedModel(model.eval().requires_grad_(False), card, weights, Path(path), sha256_file(path))


def _shapes(card: ModelCard, otherwise: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """Return the tensors of the card's network, without memory; ``otherwise`` if it cannot be built that way."""
    try:
        with torch.device("meta"):
            return build_model(card.config.model, card.latent_shape, card.speech_shape).state_dict()
    except NotImplementedError:  # a plugin's fusion scheme that reads values during construction
        return otherwise


def _open(path: str | os.PathLike[str]) -> Any:
    if not Path(path).is_file():
        got = "no such file" if not Path(path).exists() else "a folder" if Path(path).is_dir() else "a special file"
        raise CheckpointError(f"{path}: expected a model file, got {got}")
    try:
        return safe_open(path, framework="pt")
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{path}: expected a model file (safetensors), got {error}") from None


def _card(file: Any, path: str | os.PathLike[str]) -> ModelCard:
    try:
        document = parse_json((file.metadata() or {}).get("lt_bench", "null"), f"{path}: header")
    except LtBenchError as error:
        raise CheckpointError(str(error)) from None
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise CheckpointError(f"{path}: expected format '{FORMAT}', got a safetensors file of something else")
    check_version(document, str(path), VERSION, error=CheckpointError)
    try:
        return parse_config(ModelCard, body_of(document), str(path))
    except ConfigError as error:
        raise CheckpointError(str(error)) from None


def _mismatch(expected: Mapping[str, Tensor], got: Mapping[str, Tensor]) -> str | None:
    for name in sorted(expected.keys() | got.keys()):
        shapes = [list(state[name].shape) if name in state else "none" for state in (expected, got)]
        if shapes[0] != shapes[1]:
            return f"tensor '{name}': expected shape {shapes[0]}, got {shapes[1]}"
    return None
