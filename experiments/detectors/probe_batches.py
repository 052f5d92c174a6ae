"""Training batches of the probe: people in two scenes each, with the damage of generated video."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from degrade import degrade
from jaxtyping import Float, Int
from probe_data import ProbeSet
from torch import Tensor

from data_prep.synthetic.identity import HAIR_STYLES, identity_columns
from data_prep.synthetic.performance import STATE
from lt_bench.evaluation.metrics.synthetic.probe_readings import READINGS

_SILENT = ("pitch_hz", "formant_scale")  # attributes that no picture shows


@dataclass(frozen=True)
class Recipe:
    """Settings of the probe's training."""

    speakers: int = 4000
    natural_frames: int = 6
    """Frames of each take from its performance."""
    free_frames: int = 2
    """Frames of each take with a state drawn at will."""
    steps: int = 1600
    people: int = 32
    """Speakers in a batch; two frames of each of two takes."""
    rate: float = 2e-3
    decay: float = 0.02
    temperature: float = 0.1
    reading_weights: tuple[float, ...] = (1.0, 2.0, 1.5, 1.0, 1.0, 1.0, 1.0)
    """Of the squared errors of ``READINGS``; the width of the lips is the hardest to see."""
    identity_weight: float = 0.3
    attribute_weight: float = 0.2
    seed: int = 0


@dataclass(frozen=True)
class Batch:
    """P people, two takes, two frames each."""

    frames: Float[Tensor, "N 3 64 64"]
    readings: Float[Tensor, "N 7"]
    """Zero mean and unit variance over the training set."""
    person: Int[Tensor, " N"]
    attributes: Float[Tensor, "N A"]


class Sampler:
    """Draws batches from the training set."""

    def __init__(self, data: ProbeSet, recipe: Recipe) -> None:
        self.data, self.recipe, self.rng = data, recipe, np.random.default_rng([recipe.seed, 1])
        raw = data.states[..., [STATE.index(name) for name in READINGS]]
        self.mean, self.std = raw.mean((0, 1, 2)), raw.std((0, 1, 2))
        self.readings = (raw - self.mean) / self.std
        self.attributes = _visible_attributes(data)
        self.queue = np.empty(0, int)

    def draw(self) -> Batch:
        """Draw the next batch; every speaker is drawn once before any is drawn again."""
        people = self._next_people()
        takes, frames = self.data.frames.shape[1:3]
        who = np.repeat(people, 2 * takes)
        take = np.tile(np.repeat(np.arange(takes), 2), len(people))
        at = self.rng.random((len(people) * takes, frames)).argsort(1)[:, :2].ravel()
        pictures = np.stack([degrade(frame, self.rng) for frame in self.data.frames[who, take, at]])
        return Batch(
            frames=torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 255,
            readings=torch.from_numpy(self.readings[who, take, at]),
            person=torch.from_numpy(who),
            attributes=torch.from_numpy(self.attributes[who]),
        )

    def _next_people(self) -> np.ndarray:
        if len(self.queue) < self.recipe.people:
            self.queue = np.concatenate([self.queue, self.rng.permutation(len(self.data.frames))])
        people, self.queue = np.split(self.queue, [self.recipe.people])
        return people


def _visible_attributes(data: ProbeSet) -> np.ndarray:
    """Return the visible attributes of an identity with zero mean and unit variance; the hair style is one-hot."""
    names = identity_columns()
    kept = [i for i, name in enumerate(names) if name not in (*_SILENT, "hair_style")]
    style = np.eye(len(HAIR_STYLES), dtype=np.float32)[data.identities[:, names.index("hair_style")].astype(int)]
    table = np.concatenate([data.identities[:, kept], style], axis=1)
    return (table - table.mean(0)) / table.std(0)
