"""The probe reads speakers of the synthetic set that it has never seen."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from data_prep.synthetic import STATE, SyntheticClip, make_clip
from data_prep.synthetic.dataset import speaker_seed
from lt_bench.errors import AssetError, MediaError
from lt_bench.evaluation.metrics.synthetic import probe
from lt_bench.evaluation.metrics.synthetic.probe import load_probe, probe_frames
from lt_bench.evaluation.metrics.synthetic.probe_readings import EMBEDDING, READINGS, ProbeReadings

SPEAKERS, FRAMES = 8, 40
FIRST = 5000  # beyond those of the committed figures
WEIGHTS = Path(probe.__file__).parents[2] / "weights" / "probe.safetensors"
FIGURES = Path(__file__).parents[4] / "experiments" / "detectors" / "probe.json"


@pytest.fixture(scope="module")
def clips() -> list[list[SyntheticClip]]:
    """Two takes of each of several fresh speakers."""
    seeds = [speaker_seed("probe_test", FIRST + i) for i in range(SPEAKERS)]
    return [[make_clip(seed, take, FRAMES, 64) for take in (0, 1)] for seed in seeds]


@pytest.fixture(scope="module")
def read(clips: list[list[SyntheticClip]]) -> list[list[ProbeReadings]]:
    return [[probe_frames(clip.frames) for clip in takes] for takes in clips]


def correlations(name: str, clips: list[list[SyntheticClip]], read: list[list[ProbeReadings]]) -> list[float]:
    """Within each clip, between what was read and the truth."""
    pairs = [
        (c.truth[:, STATE.index(name)], getattr(r, name))
        for cs, rs in zip(clips, read, strict=True)
        for c, r in zip(cs, rs, strict=True)
    ]
    return [float(np.corrcoef(*pair)[0, 1]) for pair in pairs if np.std(pair[0]) > 0]


@pytest.mark.parametrize(
    ("name", "least"),
    [
        ("opening", 0.95),
        ("width", 0.8),
        ("rounding", 0.9),
        ("blink", 0.9),
        ("yaw", 0.95),
        ("pitch", 0.9),
        ("roll", 0.95),
    ],
)
def test_readings_follow_the_truth(name: str, least: float, clips: list, read: list) -> None:
    assert np.median(correlations(name, clips, read)) > least


@pytest.mark.parametrize(("name", "most"), [("opening", 0.08), ("rounding", 0.12), ("yaw", 0.06), ("roll", 0.04)])
def test_readings_are_in_the_units_of_the_truth(name: str, most: float, clips: list, read: list) -> None:
    errors = [
        np.abs(getattr(r, name) - c.truth[:, STATE.index(name)]).mean()
        for cs, rs in zip(clips, read, strict=True)
        for c, r in zip(cs, rs, strict=True)
    ]
    assert np.mean(errors) < most


def test_soft_frames_are_still_read(clips: list[list[SyntheticClip]]) -> None:
    soft = [[probe_frames(np.stack([cv2.GaussianBlur(f, (0, 0), 1.0) for f in takes[0].frames]))] for takes in clips]
    assert np.median(correlations("opening", [takes[:1] for takes in clips], soft)) > 0.9


def test_one_person_in_two_scenes_is_nearer_than_two_people(read: list[list[ProbeReadings]]) -> None:
    centres = np.stack([[r.embedding.mean(0) for r in takes] for takes in read])
    centres /= np.linalg.norm(centres, axis=-1, keepdims=True)
    cosine = centres[:, 0] @ centres[:, 1].T
    same, different = np.diag(cosine), cosine[~np.eye(SPEAKERS, dtype=bool)]
    assert same.mean() > different.mean() + 0.4
    assert (same[:, None] > different).mean() > 0.95


def test_larger_frames_read_the_same(clips: list[list[SyntheticClip]]) -> None:
    small = clips[0][0]
    large = make_clip(speaker_seed("probe_test", FIRST), 0, FRAMES, 128)
    np.testing.assert_array_equal(small.truth, large.truth)
    a, b = probe_frames(small.frames), probe_frames(large.frames)
    assert np.corrcoef(a.opening, b.opening)[0, 1] > 0.97
    assert (a.embedding * b.embedding).sum(1).mean() > 0.9


def test_a_frame_reads_the_same_in_any_company(clips: list[list[SyntheticClip]]) -> None:
    frames = clips[1][0].frames
    together, alone = probe_frames(np.concatenate([frames, frames[::-1]])), probe_frames(frames[7:8])
    assert together.opening[7] == pytest.approx(alone.opening[0], abs=1e-4)
    np.testing.assert_allclose(together.embedding[7], alone.embedding[0], atol=1e-4)


def test_readings_are_float32_with_unit_embeddings(read: list[list[ProbeReadings]]) -> None:
    first = read[0][0]
    for name in READINGS:
        assert getattr(first, name).shape == (FRAMES,)
        assert getattr(first, name).dtype == np.float32
    assert first.embedding.shape == (FRAMES, EMBEDDING)
    np.testing.assert_allclose(np.linalg.norm(first.embedding, axis=1), 1, atol=1e-5)


def test_no_frames_give_no_readings() -> None:
    empty = probe_frames(np.empty((0, 64, 64, 3), np.uint8))
    assert empty.opening.shape == (0,)
    assert empty.embedding.shape == (0, EMBEDDING)


def test_frames_that_are_not_square_are_refused() -> None:
    with pytest.raises(MediaError, match=r"expected square RGB pictures.*\(2, 64, 80, 3\)"):
        probe_frames(np.zeros((2, 64, 80, 3), np.uint8))


def test_other_weights_than_the_pinned_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "PROBE_SHA256", "0" * 64)
    with pytest.raises(AssetError, match=r"probe\.safetensors: expected sha256 0000"):
        load_probe.__wrapped__()


def test_missing_weights_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "_WEIGHTS", "absent.safetensors")
    with pytest.raises(AssetError, match=r"absent\.safetensors: expected in lt_bench\.evaluation\.weights"):
        load_probe.__wrapped__()


def test_the_hash_changes_with_the_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    before = probe.probe_hash()
    assert before == probe.probe_hash()
    monkeypatch.setattr(probe, "PROBE_SHA256", "0" * 64)
    assert probe.probe_hash() != before


def test_the_network_is_frozen_and_small() -> None:
    network = load_probe()
    assert network is load_probe()
    assert not network.training
    assert not any(p.requires_grad for p in network.parameters())
    assert network(torch.zeros(1, 3, 64, 64)).readings.shape == (1, len(READINGS))
    assert WEIGHTS.stat().st_size < 3_000_000


def test_the_committed_figures_are_of_the_packaged_weights() -> None:
    report = json.loads(FIGURES.read_text())
    assert report["weights_sha256"] == hashlib.sha256(WEIGHTS.read_bytes()).hexdigest() == probe.PROBE_SHA256
    clean = report["held_out"]["clean"]
    assert clean["r2_opening"] > 0.95
    assert clean["auc_clip"] > 0.99
