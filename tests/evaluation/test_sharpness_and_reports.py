"""No-reference sharpness, and numbers that a system reports of itself."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from scipy import ndimage

from lt_bench.evaluation.harness import evaluate
from lt_bench.evaluation.inputs.clip_context import ClipContext, UnscorableError
from lt_bench.evaluation.metrics.catalog import build_metric
from lt_bench.evaluation.metrics.image.sharpness import blur_effect
from lt_bench.evaluation.protocol import Protocol, ScoreSpec

PICTURE = np.random.default_rng(0).integers(0, 256, (60, 70), dtype=np.uint8)


def by_scipy(grey: np.ndarray) -> float:
    """The same by scipy's filters, as scikit-image's ``blur_effect`` does it."""
    values = []
    for axis in (0, 1):
        sharp, soft = (
            np.abs(ndimage.sobel(x, axis)) for x in (grey, ndimage.uniform_filter1d(grey, 11, axis, mode="reflect"))
        )
        inner = (slice(2, -1), slice(2, -1))
        values.append(np.abs(1 - np.maximum(sharp - soft, 0)[inner].sum() / sharp[inner].sum()))
    return max(values)


def test_blur_effect_equals_a_second_implementation() -> None:
    for sigma in (0.5, 2.0):
        grey = ndimage.gaussian_filter(PICTURE / 255.0, sigma)
        assert blur_effect(grey) == pytest.approx(by_scipy(grey), rel=0.02)


def test_more_blur_is_less_sharp_and_noise_counts_as_sharp(clip_of: Callable[..., ClipContext]) -> None:
    picture = cv2.cvtColor(PICTURE, cv2.COLOR_GRAY2RGB)

    def sharpness(frame: np.ndarray) -> float:
        return build_metric("sharpness").score(clip_of(frame[None], frame[None]))

    values = [sharpness(cv2.GaussianBlur(picture, (0, 0), sigma)) for sigma in (0.7, 1.5, 3, 6)]
    assert values == sorted(values, reverse=True)
    assert sharpness(picture) > values[0]
    assert build_metric("sharpness").higher_is_better is None
    with pytest.raises(UnscorableError, match="a plain one"):
        sharpness(np.zeros_like(picture))


def test_runtime_parameters_and_macs_come_from_the_manifest_or_are_missing(painted, generate) -> None:
    names = ("seconds_per_video_second", "parameters", "macs_per_video_second")
    rules = Protocol("cost", 1, "for tests", tuple(map(ScoreSpec, ("psnr", *names))), 64)
    folder: Path = generate()
    head = {"format": "lt_bench generated set", "version": 1, "system": "theirs"}
    facts = {"seconds_per_video_second": 1.5, "parameters": 52_000_000}
    (folder / "manifest.json").write_text(json.dumps({**head, **facts}))
    scores = evaluate(folder, painted.folder, rules).scores
    assert [scores[name].value for name in names] == [1.5, 52_000_000, None]
    assert scores["macs_per_video_second"].missing == "the system's manifest does not report 'macs_per_video_second'"
    assert scores["parameters"].title == "parameters, as reported"
    assert (scores["parameters"].scope, scores["parameters"].higher_is_better) == ("set", None)
