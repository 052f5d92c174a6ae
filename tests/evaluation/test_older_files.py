"""Files of older minor versions: titles and reasons become settings and faults, once."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from lt_bench.config import to_dict
from lt_bench.errors import Fault
from lt_bench.evaluation.metrics.catalog import build_metric, metric_names
from lt_bench.evaluation.results.older_files import fault_of, settings_of
from lt_bench.evaluation.results.result_file import from_document, load_result
from lt_bench.evaluation.results.settings import hash_of_settings, protocol_settings

RELEASED = Path(__file__).parents[1] / "compat" / "v1"
PROTOCOL = {"width": 64, "height": 48, "fps": 25.0, "first_frame": 16}
RULES = "mine-v1 version 3: whole frames at 64x48, from frame 16"


def old(words: str) -> str:
    """Words as they were before strides were written ``5th``."""
    return words.replace("5th", "5.").replace("3rd", "3.").replace("2nd", "2.")


LATER = {
    "dssim_aligned",
    "expression_distance_aligned",
    "identity_dlib_truth_aligned",
    "lmd_face_aligned",
    "lmd_lips_aligned",
    "lpips_alex_aligned",
}
"""Metrics that no file before version 1.2 has."""


@pytest.mark.parametrize(
    ("name", "given"),
    [(name, {}) for name in metric_names() if name not in LATER]
    + [
        ("sharpness", {"stride": 3}),
        ("lpips_alex", {"stride": 2}),
        ("fid", {"resize": "pytorch", "stride": 2}),
        ("fvd", {"windows": "first", "start": 4, "frames": 10, "values": "0-1", "ddof": 0}),
        ("fvd", {"windows": "random_real", "average": True}),
        ("fvd_faces", {"windows": "first"}),
        ("sync_c", {"frames": 0, "crop": "whole"}),
        ("sync_d", {"frames": 50}),
    ],
)
def test_titles_of_every_metric_are_read_back_as_its_settings(name: str, given: dict[str, object]) -> None:
    metric = build_metric(name, given)
    title = ", ".join(part for part in (metric.title, old(metric.detail), f"{RULES} to 99 at 25 fps, N=12") if part)
    assert settings_of(name, title, PROTOCOL) == to_dict(metric) | protocol_settings(64, 48, 25.0, 16, 100)


def test_what_titles_do_not_say_stays_a_title() -> None:
    assert settings_of("plugin_loudness", f"loudness, {RULES} at 25 fps, N=4", PROTOCOL) == (
        {"title": "loudness"} | protocol_settings(64, 48, 25.0, 16, 0)
    )
    assert settings_of("sharpness", "sharpness, N=4", PROTOCOL) == {"title": "sharpness"}
    assert settings_of("parameters", "parameters, as reported", PROTOCOL) == {}


@pytest.mark.parametrize(
    ("reason", "fault"),
    [
        ("PSNR: the videos are equal, so that it is infinite", "reference"),
        ("the clip has no truth", "reference"),
        ("identity: expected a gallery take of ann, got none", "reference"),
        ("c0.mp4: expected the file that the real set's manifest names, got another", "reference"),
        ("real video c0.mp4: no face found in any of 75 frames", "reference"),
        ("motion: the real video has none, so that there is no ratio", "reference"),
        ("asset 'w600k_r50.onnx' is absent", "environment"),
        ("a.mp4: expected 75 frames as in the real video, at most 3 apart, got 60", "generated"),
        ("no generated video of this name", "generated"),
    ],
)
def test_faults_of_reasons(reason: str, fault: Fault) -> None:
    assert fault_of(reason) == fault


@pytest.mark.parametrize("name", ["result", "result_early", "result_1_1"])
def test_an_upgraded_score_compares_with_a_new_one(name: str) -> None:
    result = load_result(RELEASED / f"{name}.json")
    for score in result.scores.values():
        assert score.settings_hash == hash_of_settings(score.settings)
        assert ", N=" not in score.title
    found = result.scores["psnr"]
    settings = {key: value for key, value in found.settings.items() if key.startswith("protocol.")}
    assert found.settings == settings
    rival = replace(found, title="in other words", settings=settings, settings_hash=hash_of_settings(settings))
    result.comparable_score(replace(result, system="rival", scores={"psnr": rival}), "psnr")


def test_a_file_of_this_version_is_read_as_it_is() -> None:
    document = json.loads((RELEASED / "result_1_2.json").read_text(encoding="utf-8"))
    result = from_document(document)
    assert [miss.fault for miss in result.misses] == ["generated", "reference", "environment"]
    assert result.scores["sharpness"].settings["stride"] == 5
    assert result.scores["sharpness"].title == document["scores"]["sharpness"]["title"]
