"""Accuracy of a probe on held-out speakers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Float, Float32
from numpy import ndarray
from probe_data import ProbeSet
from scipy.stats import mannwhitneyu

from data_prep.synthetic.performance import STATE
from lt_bench.evaluation.metrics.synthetic.probe import probe_frames
from lt_bench.evaluation.metrics.synthetic.probe_network import ProbeNetwork
from lt_bench.evaluation.metrics.synthetic.probe_readings import READINGS, ProbeReadings

_PAIR_STRIDE = 5  # frames of one clip are alike: every fifth is enough for pairs


def held_out_figures(
    network: ProbeNetwork, held_out: ProbeSet, damage: Callable[[ndarray], ndarray] | None = None
) -> dict[str, float]:
    """Compute figures over (S, 2, K) frames; ``damage`` is applied to each frame first.

    Returns:
        ``r2_<reading>`` pooled over all frames, ``r_<reading>`` the median correlation within a clip, ``auc_frame`` and
        ``auc_clip`` (same person in two scenes against two people), ``rank1_frame`` and ``rank1_clip`` (the nearest of
        all second takes, by their mean embedding, to a frame or the mean of a first take is that of the same person).
    """
    frames = held_out.frames.reshape(-1, *held_out.frames.shape[-3:])
    if damage is not None:
        frames = np.stack([damage(frame) for frame in frames])
    readings = probe_frames(frames, network)
    clips = held_out.states.shape[:3]
    return {**_reading_figures(readings, held_out.states), **_identity_figures(readings.embedding.reshape(*clips, -1))}


def _reading_figures(readings: ProbeReadings, states: Float32[ndarray, "S T K 12"]) -> dict[str, float]:
    figures: dict[str, float] = {}
    for name in READINGS:
        truth = states[..., STATE.index(name)]
        read = getattr(readings, name).reshape(truth.shape)
        figures[f"r2_{name}"] = float(1 - np.mean((read - truth) ** 2) / np.var(truth))
        pairs = zip(read.reshape(-1, truth.shape[-1]), truth.reshape(-1, truth.shape[-1]), strict=True)
        within = [np.corrcoef(a, b)[0, 1] for a, b in pairs if np.std(b) > 0]
        figures[f"r_{name}"] = float(np.median(within))
    return figures


def _identity_figures(embedding: Float32[ndarray, "S 2 K D"]) -> dict[str, float]:
    frames = embedding[:, :, ::_PAIR_STRIDE]
    centres = embedding.mean(2)
    centres = centres / np.linalg.norm(centres, axis=-1, keepdims=True)
    by_frame = np.einsum("akd,bld->akbl", frames[:, 0], frames[:, 1])
    by_clip = centres[:, 0] @ centres[:, 1].T
    frame_to_clip = np.einsum("akd,bd->akb", embedding[:, 0], centres[:, 1])
    people = np.arange(len(embedding))
    return {
        "auc_frame": _auc(by_frame[people, :, people], np.moveaxis(by_frame, 2, 1)[~np.eye(len(people), dtype=bool)]),
        "auc_clip": _auc(by_clip[people, people], by_clip[~np.eye(len(people), dtype=bool)]),
        "rank1_frame": float((frame_to_clip.argmax(-1) == people[:, None]).mean()),
        "rank1_clip": float((by_clip.argmax(-1) == people).mean()),
        "cosine_same": float(by_frame[people, :, people].mean()),
        "cosine_different": float(np.moveaxis(by_frame, 2, 1)[~np.eye(len(people), dtype=bool)].mean()),
    }


def _auc(same: Float[ndarray, ...], different: Float[ndarray, ...]) -> float:
    same, different = same.ravel(), different.ravel()
    return float(mannwhitneyu(same, different).statistic / (len(same) * len(different)))
