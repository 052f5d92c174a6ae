"""The protocols of the package: all of them build, say how they differ, and their numbers are never mixed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from lt_bench.assets.table import assets
from lt_bench.errors import ResultError
from lt_bench.evaluation.harness import evaluate
from lt_bench.evaluation.metrics.base import Metric
from lt_bench.evaluation.metrics.catalog import build_metric, metric_names
from lt_bench.evaluation.metrics.distribution.precision_recall import Precision
from lt_bench.evaluation.protocol import Protocol, ScoreSpec, load_protocol, protocol_names
from lt_bench.evaluation.results.settings import hash_of_settings

EMULATIONS = ("disco", "latentsync", "pytorch_fid", "stylegan_v", "wav2lip_lrs")


def scores_of(name: str) -> dict[str, Metric]:
    rules = load_protocol(name)
    return {spec.name: build_metric(spec.name, spec.settings, name) for spec in rules.scores}


def test_the_package_has_its_own_protocols_and_five_that_reproduce_other_tools() -> None:
    assert protocol_names() == tuple(sorted((*EMULATIONS, "open-v1", "paper-v1", "synthetic-v1", "synthetic-v2")))
    assert {(load_protocol(name).id, load_protocol(name).version) for name in protocol_names()} == {
        ("open-v1", 3),
        ("paper-v1", 2),
        *((name, 1) for name in protocol_names() if name not in ("open-v1", "paper-v1")),
    }


@pytest.mark.parametrize("name", protocol_names())
def test_every_score_of_a_protocol_builds_and_names_known_assets(name: str) -> None:
    for score in scores_of(name).values():
        assert set(score.assets) <= set(assets())
        assert score.title
        assert score.source


def test_open_v1_needs_no_weights_that_are_not_free_and_small() -> None:
    table = assets()
    for score in scores_of("open-v1").values():
        for name in score.assets:
            assert "non-commercial" not in table[name].licence
            assert (table[name].bytes or 0) < 30_000_000


def test_every_score_of_the_package_but_a_second_backbone_stands_in_some_protocol() -> None:
    used = {name for protocol in protocol_names() for name in scores_of(protocol)}
    own = {name for name in metric_names() if type(build_metric(name)).__module__.startswith("lt_bench.")}
    assert own - used == {"lpips_vgg"}


@pytest.mark.parametrize("name", EMULATIONS)
def test_an_emulation_says_whose_numbers_it_explains_and_what_it_does_differently(name: str) -> None:
    rules = load_protocol(name)
    assert rules.about.startswith("Explains ")
    assert "Against paper-v1 it " in rules.about
    ours = scores_of("paper-v1")
    for score in scores_of(name).values():
        if score.name in ours:  # under the same name it must not read or hash as the same thing
            assert score.detail != ours[score.name].detail


def test_latentsync_feeds_0_to_1_without_rescaling_from_frame_20() -> None:
    detail = scores_of("latentsync")["fvd_faces"].detail
    assert "[0, 1] without rescaling" in detail
    assert "the first after 20 frames" in detail


def test_wav2lip_scores_whole_frames_in_each_videos_own_length() -> None:
    for score in scores_of("wav2lip_lrs").values():
        assert "whole frames resized to 224 px, no face looked for" in score.detail
        assert "each video's own length" in score.detail


def test_scores_without_weights_are_missing_with_the_command_that_gets_them(painted, generate) -> None:
    rules = replace(load_protocol("paper-v1"), min_frames=40, size=64)
    result = evaluate(generate(), painted.folder, rules)
    assert {"psnr", "ssim", "motion_ratio", "sharpness"} <= {n for n, s in result.scores.items() if s.value is not None}
    for name, weights in (
        ("fid", "pt_inception-2015-12-05-6726825d.pth"),
        ("fvd", "i3d_torchscript.pt"),
        ("fvd_videomae", "vit_g_hybrid_pt_1200e_ssv2_ft.pth"),
        ("lpips_alex", "alexnet-owt-7be5be79.pth"),
    ):
        assert result.scores[name].value is None
        assert result.scores[name].missing == f"asset {weights} is absent: lt-bench assets get {weights}"
    assert "w600k_r50.onnx and face_landmarker.task are absent" in result.scores["identity_arcface"].missing
    assert result.scores["sync_c"].missing == (
        "assets syncnet_v2.model and sfd_face.pth are absent: lt-bench assets get syncnet_v2.model sfd_face.pth"
    )


def test_titles_and_settings_carry_protocol_size_and_frames(painted, generate: Callable[..., Path]) -> None:
    rules = Protocol("mine", 3, "for tests", (ScoreSpec("psnr"), ScoreSpec("sharpness", {"stride": 2})), 32, 25.0, 4)
    result = evaluate(generate(), painted.folder, replace(rules, max_frames=50))
    score = result.scores["sharpness"]
    assert score.title == (
        "no-reference sharpness (1 - blur effect, 11 px), every 2nd frame, "
        "mine version 3: whole frames at 32x32, from frame 4 to 49 at 25 fps"
    )
    assert score.settings == {
        "stride": 2,
        "protocol.width": 32,
        "protocol.height": 32,
        "protocol.fps": 25.0,
        "protocol.first_frame": 4,
        "protocol.max_frames": 50,
    }
    assert score.settings_hash == hash_of_settings(score.settings)


def test_results_of_two_protocols_two_lengths_or_two_ns_are_refused_with_the_difference_named(
    painted, generate: Callable[..., Path]
) -> None:
    rules = Protocol("mine", 1, "for tests", (ScoreSpec("psnr"),), 32)
    folder = generate()
    whole = evaluate(folder, painted.folder, rules)
    for other, says in (
        (replace(rules, version=2), "protocol: mine version 1 against mine version 2"),
        (replace(rules, scores=(ScoreSpec("psnr"), ScoreSpec("ssim"))), "protocol hash: "),
    ):
        with pytest.raises(ResultError, match=says):
            whole.comparable_with(evaluate(folder, painted.folder, other))
    (folder / "ann_0.mp4").unlink()
    with pytest.raises(ResultError, match="clips scored: 4 against 3"):
        whole.comparable_with(evaluate(folder, painted.folder, rules))


def test_a_ceiling_stands_beside_precision_and_recall_for_higher_is_better() -> None:
    assert (Precision.higher_is_better, Precision.floor_kind) == (True, "ceiling")
