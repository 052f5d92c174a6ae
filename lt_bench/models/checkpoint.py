"""Model files, version 1: trained weights with all that is needed to generate from them, in one safetensors file."""

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
"""Of a side, in pixels or features: more is damage."""
Weights = Literal["ema", "raw"]


@dataclass(frozen=True)
class ModelCard:
    """What a model file says about itself, as JSON in the file's header."""

    config: RunConfig
    latent_shape: tuple[int, int, int]
    """Channels, height, width."""
    resolution: int
    """Side of the square frames, in pixels."""
    codec: str
    """As a configuration names it."""
    codec_hash: str
    """Empty where the codec is not pinned: an imported checkpoint may not say which weights it was trained with."""
    scaling: LatentScaling
    """Of the latents the model was trained on."""
    speech_encoder: str
    """As a configuration names it."""
    speech_hash: str
    """Empty where the encoder is not pinned."""
    speech_shape: tuple[int, int]
    """Layers, features."""
    dataset: str
    landmark_set: str
    """``synthetic`` for a model that has only seen rendered faces."""
    cache_hash: str
    parameters: int
    steps: int
    """Of training; 0 where unknown, as in an imported checkpoint."""
    seconds: float
    """Training time, resumed runs added up; 0 where unknown."""
    peak_memory: int
    """Largest memory while training, in bytes: of the process, or of the GPU where one was used."""
    plugins: dict[str, str] = field(default_factory=dict)
    """SHA-256 of the user's own code that the model was trained with, by file name."""

    def __post_init__(self) -> None:
        sizes = {"latent_shape": self.latent_shape, "speech_shape": self.speech_shape, "resolution": (self.resolution,)}
        for key, values in sizes.items():
            if not all(1 <= value <= MAX_SIZE for value in values):
                raise ValueError(f"{key} of 1 to {MAX_SIZE}")


@dataclass(frozen=True)
class LoadedModel:
    """A network in evaluation mode, ready to generate, and where it came from."""

    model: LetsTalk
    card: ModelCard
    weights: Weights
    path: Path
    sha256: str

    def build_codec(self) -> Codec:
        """The codec that the model's latents belong to.

        Raises:
            CheckpointError: the codec at hand is another one.
        """
        codec = build_codec(self.card.codec)
        if self.card.codec_hash:
            self._check("codec", self.card.codec, self.card.codec_hash, codec.hash)
        return codec

    def build_speech_encoder(self) -> SpeechEncoder:
        """The speech encoder that the model listens through.

        Raises:
            CheckpointError: the encoder at hand is another one.
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
        path: of the file, usually ``model.safetensors``.
        card: what the file says about itself.
        weights: state dicts of a ``LetsTalk``, by kind: ``raw`` and, where weights were averaged, ``ema``.
    """
    document = json.dumps({"format": FORMAT, "version": VERSION, **to_dict(card)}, allow_nan=False)
    with atomic_path(path) as temporary:
        save_file(_unshared(weights), temporary, metadata={"lt_bench": document})


def _unshared(weights: Mapping[Weights, Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """As the file names them. It holds no shared memory; what has its own is not copied, for weights are large."""
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
    """Read what a model file says about itself, without its weights.

    Raises:
        CheckpointError: no model file, or of another version.
    """
    with _open(path) as file:
        return _card(file, path)


def load_model(path: str | os.PathLike[str], weights: Weights = "ema") -> LoadedModel:
    """Build the network of a model file and load its weights.

    Args:
        path: of the model file.
        weights: averaged or raw.

    Raises:
        CheckpointError: no model file, of another version, damaged, or without weights of that kind.
    """
    with _open(path) as file:
        card = _card(file, path)
        names = [name for name in file.keys() if name.startswith(f"{weights}.")]  # noqa: SIM118 - not a dict
        if not names:
            raise CheckpointError(f"{path}: expected '{weights}' weights (see sampling.weights), got none")
        state = {name.removeprefix(f"{weights}."): file.get_tensor(name) for name in names}
    try:
        # Without memory first: a card may ask for more than there is, and the tensors say what there should be.
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
    """The tensors that the card's network has, without their memory; ``otherwise`` where it cannot be built so."""
    try:
        with torch.device("meta"):
            return build_model(card.config.model, card.latent_shape, card.speech_shape).state_dict()
    except NotImplementedError:  # a user's fusion that looks at values while it is built
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
