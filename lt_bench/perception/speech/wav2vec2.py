"""wav2vec 2.0 (Baevski et al., arXiv 2006.11477) with transformers: all hidden layers, at the video's frame rate."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from math import prod
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from jaxtyping import Float
from safetensors import SafetensorError
from torch import Tensor, nn
from torch.nn import functional

from lt_bench.assets.pretrained import expect_class, folder_hash, one_line, pretrained_folder, read_config
from lt_bench.conventions import SAMPLE_RATE
from lt_bench.errors import AssetError
from lt_bench.files import sha256_json
from lt_bench.media.sound import Sound
from lt_bench.perception.device import exact_inference
from lt_bench.perception.speech.base import (
    SAMPLES_PER_FRAME,
    SpeechEncoder,
    resample_features,
    sound_level,
)
from lt_bench.shapes import SpeechFeatures, Waveform

KEY = "speech_encoder wav2vec2"
BF16 = "@bf16"
"""At the end of a path: compute in bfloat16."""


class FrameRateFeatures(nn.Module):
    """Replacement of a model's convolutions: the same features, at the centers of the video's frames.

    Args:
        convolutions: feature extractor of the model.
        kernels: lengths of its kernels, first layer first.
        strides: strides of its layers.
    """

    def __init__(self, convolutions: nn.Module, kernels: Sequence[int], strides: Sequence[int]) -> None:
        super().__init__()
        self.convolutions = convolutions
        self.hop = prod(strides)
        self.field = 1 + sum((kernel - 1) * prod(strides[:i]) for i, kernel in enumerate(kernels))

    def forward(self, sound: Float[Tensor, "1 samples"]) -> Float[Tensor, "1 D frames"]:
        """Compute features of complete frames of sound; sound shorter than one step is padded with silence."""
        frames = sound.shape[1] // SAMPLES_PER_FRAME
        steps = self.convolutions(functional.pad(sound, (0, max(0, self.field - sound.shape[1]))))[0].T
        times = (self.hop * np.arange(len(steps)) + self.field / 2) / SAMPLE_RATE
        return torch.from_numpy(resample_features(steps.float().cpu().numpy(), times, frames)).to(sound).T[None]


class Wav2Vec2Encoder(SpeechEncoder):
    """Output of every transformer layer, without the embedding before them: 12 x 768 for the base model.

    As in LetsTalk, the convolutional features are interpolated to 25 Hz before the transformer, so that it attends over
    video frames. Sound is normalized to zero mean and unit variance if the model's preprocessor requires it.

    Args:
        path: a local folder in transformers' layout (``config.json``, ``model.safetensors``) or a hub id such as
            ``facebook/wav2vec2-base-960h``; followed by ``@bf16`` it computes in bfloat16, which is another encoder
            with another hash.
    """

    name = "wav2vec2"
    takes_path = True

    def __init__(self, path: str) -> None:
        self.path = path.removesuffix(BF16)
        self.dtype = torch.bfloat16 if path.endswith(BF16) else torch.float32
        self._device = torch.device("cpu")

    @classmethod
    def build(cls, path: str) -> Self:
        """Build the encoder of a folder or hub id."""
        return cls(path)

    @property
    def hash(self) -> str:
        """Hex SHA-256 over the weight files, the configuration and whether sound is normalised."""
        parts = [self.name, self._weights_hash, self._normalises]
        return sha256_json(parts if self.dtype == torch.float32 else [*parts, str(self.dtype)])

    def to(self, device: torch.device) -> Self:
        """This encoder, computing on a device from now on."""
        self._device = device
        if "_model" in self.__dict__:
            self._model.to(device)
        return self

    @property
    def layers(self) -> int:
        """Return the number of transformer layers."""
        return int(self._config["num_hidden_layers"])

    @property
    def dim(self) -> int:
        """Return the number of features of a layer."""
        return int(self._config["hidden_size"])

    def _level(self, sound: Sound, frames: int) -> tuple[float, float]:
        if not self._normalises:
            return 0.0, 1.0
        mean, deviation = sound_level(sound, frames)
        return mean, (deviation**2 + 1e-7) ** 0.5

    @exact_inference()
    def _encode(self, waveform: Waveform, frames: int) -> SpeechFeatures:
        sound = torch.from_numpy(waveform).float()[None].to(self._device, self.dtype)
        hidden = self._model(sound, output_hidden_states=True).hidden_states
        return torch.cat(hidden[1:]).transpose(0, 1).float().cpu().numpy()

    def __getstate__(self) -> dict[str, Any]:
        """Omit the network, whose parametrized weights cannot be pickled; workers load it."""
        return {key: value for key, value in self.__dict__.items() if key != "_model"}

    @cached_property
    def _folder(self) -> Path:
        folder = pretrained_folder(self.path, KEY)
        expect_class(folder, KEY, read_config(folder).get("model_type"), "wav2vec2")
        return folder

    @cached_property
    def _config(self) -> dict[str, Any]:
        from transformers import Wav2Vec2Config

        return Wav2Vec2Config.from_pretrained(self._folder).to_dict()

    @cached_property
    def _weights_hash(self) -> str:
        return folder_hash(self._folder)

    @cached_property
    def _normalises(self) -> bool:
        if not (self._folder / "preprocessor_config.json").is_file():
            return True  # transformers' own default for this model
        return bool(read_config(self._folder, "preprocessor_config.json").get("do_normalize", True))

    @cached_property
    def _model(self) -> Any:
        from transformers import Wav2Vec2Model

        try:
            loaded: Any = Wav2Vec2Model.from_pretrained(self._folder, use_safetensors=True, output_loading_info=True)
        except (OSError, ValueError, RuntimeError, SafetensorError) as error:
            raise AssetError(
                f"{KEY}: expected a model that loads from {self._folder}, got: {one_line(error)}"
            ) from error
        model, report = loaded
        # The vector for masked steps is used only in training; the published base-960h file lacks it.
        missing = sorted(set(report["missing_keys"]) - {"masked_spec_embed"})
        if missing:
            raise AssetError(f"{KEY}: expected all weights in {self._folder}, got none for {missing[0]}")
        convolutions = model.feature_extractor
        model.feature_extractor = FrameRateFeatures(convolutions, model.config.conv_kernel, model.config.conv_stride)
        return model.to(self._device, self.dtype).eval().requires_grad_(False)
