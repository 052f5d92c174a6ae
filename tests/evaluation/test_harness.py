"""The harness: pairing, misses with reasons, rules of size and length, independence of order, kept features."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from lt_bench.errors import ConfigError, LtBenchError, ResultError
from lt_bench.evaluation.harness import Options, evaluate
from lt_bench.evaluation.protocol import Protocol, ScoreSpec, load_protocol
from lt_bench.evaluation.results.result_file import Result, load_result, save_result
from lt_bench.media.video import iter_frames, read_frames, write_video

PIXELS = Protocol("pixels", 1, "for tests", (ScoreSpec("psnr"), ScoreSpec("ssim"), ScoreSpec("motion_ratio")), 64)
Generate = Callable[..., Path]


def reasons(result: Result, score: str | None = None) -> dict[str, str]:
    return {miss.clip: miss.reason for miss in result.misses if miss.score == score}


def test_a_good_system_under_the_synthetic_protocol(painted, generate: Generate, probe_calls: list[int]) -> None:
    steps: list[tuple[int, int]] = []
    result = evaluate(generate(), painted.folder, "synthetic-v1", progress=lambda *step: steps.append(step))
    scores = result.scores
    assert steps == [(0, 4), (1, 4), (2, 4), (3, 4), (4, 4)]
    assert [c.id for c in result.clips] == ["ann_0", "bob_0", "bob_1", "cid_0"]
    assert (result.given, result.scored, result.misses) == (4, 4, ())
    assert (result.system, result.real.dataset, result.real.split) == ("made", "painted", "test")
    for name in ("lip_corr", "width_corr", "rounding_corr", "identity_probe"):
        assert scores[name].value == pytest.approx(1, abs=0.03), name
        assert scores[name].reference.kind == "ceiling"
    assert abs(scores["lip_corr_shuffled"].value) < 0.6
    assert scores["identity_rank1"].value == 1
    assert scores["lip_error"].value < 0.03
    assert scores["av_offset"].value == 0
    assert scores["pose_std_ratio"].value == pytest.approx(1, abs=0.05)
    assert scores["blink_rate_probe"].value == 0
    assert scores["yaw_error"].value < 2
    assert scores["fd_probe"].value < 0.05
    assert scores["fd_probe"].title.endswith("64x64, from frame 16 at 25 fps, d=3, N=176")
    assert scores["lip_corr"].interval.clusters == 3  # bob's two clips are one
    assert "squeezenet1_1_caffe.safetensors is absent: lt-bench assets get" in scores["fd_squeezenet"].missing
    assert scores["fd_squeezenet"].value is None


def test_a_system_with_another_face_loses_identity_not_lips(
    painted, generate: Generate, probe_calls: list[int]
) -> None:
    folder = generate(lambda clip, states: (states, "cid"))
    scores = evaluate(folder, painted.folder, "synthetic-v1").scores
    assert scores["identity_rank1"].value == 0.25  # cid alone is cid
    assert scores["identity_probe"].value < 0.5
    assert scores["lip_corr"].value > 0.97


def test_a_stiff_neck_has_no_spread_of_pose(painted, generate: Generate, probe_calls: list[int]) -> None:
    def stiffen(clip: str, states: np.ndarray) -> tuple[np.ndarray, str]:
        still = states.copy()
        still[:, 5:8] = 0
        return still, painted.identities[clip]

    scores = evaluate(generate(stiffen), painted.folder, "synthetic-v1").scores
    assert scores["pose_std_ratio"].value < 0.1
    assert (scores["pose_std_ratio"].higher_is_better, scores["pose_std_ratio"].target) == (None, 1.0)


def test_nothing_is_measured_twice(painted, generate: Generate, probe_calls: list[int]) -> None:
    folder = generate()
    first = evaluate(folder, painted.folder, "synthetic-v1")
    assert len(probe_calls) == 4 + 4 + 3  # generated, real, gallery
    probe_calls.clear()
    again = evaluate(folder, painted.folder, "synthetic-v1")
    assert probe_calls == []
    assert replace(first, git_commit=None) == replace(again, git_commit=None)
    other = generate(lambda clip, states: (states[::-1].copy(), painted.identities[clip]), name="other")
    evaluate(other, painted.folder, "synthetic-v1")
    assert len(probe_calls) == 4  # the real set is known


def test_a_known_video_is_not_even_decoded(painted, generate: Generate, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = generate()
    first = evaluate(folder, painted.folder, PIXELS)
    monkeypatch.setattr("lt_bench.evaluation.inputs.decoding.iter_frames", lambda *_: pytest.fail("decoded"))
    assert evaluate(folder, painted.folder, PIXELS).scores == first.scores


def test_each_video_is_decoded_once(painted, generate: Generate, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []

    def count(path: Path, fps: float) -> Iterator[np.ndarray]:
        opened.append(str(path))
        return iter_frames(path, fps)

    monkeypatch.setattr("lt_bench.evaluation.inputs.decoding.iter_frames", count)
    evaluate(generate(), painted.folder, PIXELS)
    assert len(opened) == len(set(opened)) == 8


def test_a_new_score_measures_only_itself(painted, generate: Generate, probe_calls: list[int]) -> None:
    folder, rules = generate(), load_protocol("synthetic-v1")
    evaluate(folder, painted.folder, replace(rules, scores=rules.scores[:1]))
    probe_calls.clear()
    both = evaluate(folder, painted.folder, replace(rules, scores=(*rules.scores[:1], ScoreSpec("yaw_error"))))
    assert probe_calls == []
    assert both.scores["yaw_error"].value is not None


def test_a_killed_run_goes_on_where_it_stopped(painted, generate: Generate, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, seen = generate(), []
    whole = evaluate(folder, painted.folder, PIXELS, options=Options(store=folder / "apart"))

    def die(done: int, total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        evaluate(folder, painted.folder, PIXELS, progress=die)
    monkeypatch.setattr(
        "lt_bench.evaluation.inputs.decoding.iter_frames",
        lambda path, fps: (seen.append(path), iter_frames(path, fps))[1],
    )
    resumed = evaluate(folder, painted.folder, PIXELS)
    assert len(seen) == 4  # of the two clips that were left
    assert resumed.scores == whole.scores


def test_every_bad_video_is_one_reason_and_the_others_go_on(painted, generate: Generate) -> None:
    folder = generate()
    good = read_frames(folder / "bob_1.mp4")
    (folder / "ann_0.mp4").unlink()
    (folder / "bob_0.mp4").write_bytes(b"not a video")
    shutil.copy(folder / "bob_1.mp4", folder / "stranger.mp4")
    shutil.copy(folder / "bob_1.mp4", folder / "cid_0.mov")
    result = evaluate(folder, painted.folder, PIXELS)
    found = reasons(result)
    assert found["ann_0"] == "no generated video of this name"
    assert "bob_0.mp4" in found["bob_0"]
    assert found["cid_0"] == "expected one generated video of this name, got cid_0.mov and cid_0.mp4; remove one"
    assert found["stranger"] == "no real video of this name"
    assert (result.given, result.scored) == (4, 1)
    assert list(result.scores["psnr"].per_video) == ["bob_1"]
    assert result.scores["psnr"].interval is None  # one identity
    assert [c.frames for c in result.clips] == [0, 0, len(good), 0]


def test_the_rule_of_lengths(painted, generate: Generate) -> None:
    folder = generate()
    frames = read_frames(folder / "ann_0.mp4")
    doubled = np.concatenate([frames, frames])
    write_video(folder / "ann_0.mp4", doubled[:63])
    write_video(folder / "bob_0.mp4", doubled[:66])
    write_video(folder / "bob_1.mp4", doubled[:56])
    write_video(folder / "cid_0.mp4", doubled[:20])
    result = evaluate(folder, painted.folder, PIXELS)
    assert {c.id: c.frames for c in result.clips} == {"ann_0": 60, "bob_0": 0, "bob_1": 56, "cid_0": 0}
    assert (
        "expected 60 frames as in the real video, at most 5 apart, got at least 66; cut it to"
        in reasons(result)["bob_0"]
    )
    assert "got 20" in reasons(result)["cid_0"]
    strict = replace(PIXELS, min_frames=58)
    told = reasons(evaluate(folder, painted.folder, strict))["bob_1"]
    assert "expected at least 58 frames, got 56; take a protocol with a smaller min_frames" in told
    assert any("cut at their end to the shorter" in rule for rule in result.protocol.rules)


def test_a_longest_length_cuts_both(painted, generate: Generate) -> None:
    folder = generate()
    frames = read_frames(folder / "ann_0.mp4")
    write_video(folder / "ann_0.mp4", np.concatenate([frames, frames]))
    result = evaluate(folder, painted.folder, replace(PIXELS, max_frames=40))
    assert {c.frames for c in result.clips} == {40}
    assert result.misses == ()


def test_the_rule_of_sizes(painted, generate: Generate) -> None:
    folder = generate()
    frames = read_frames(folder / "ann_0.mp4")
    write_video(folder / "ann_0.mp4", frames.repeat(2, axis=1).repeat(2, axis=2))
    write_video(folder / "bob_0.mp4", frames.repeat(2, axis=2))
    result = evaluate(folder, painted.folder, PIXELS)
    assert result.scores["psnr"].per_video["ann_0"] > 30  # 128 px shrunk to 64
    remedy = "crop both videos alike, or give the pixels their true shape (sample aspect ratio)"
    assert reasons(result) == {"bob_0": f"bob_0.mp4: expected frames of the shape 64x64, got 128x64; {remedy}"}
    assert "64x64" in result.scores["psnr"].title


def test_the_order_of_clips_and_the_number_of_processes_change_nothing(painted, generate: Generate) -> None:
    folder = generate()
    (folder / "cid_0.mp4").unlink()
    one = evaluate(folder, painted.folder, PIXELS)
    two = evaluate(folder, painted.folder, PIXELS, options=Options(workers=2))
    assert replace(one, git_commit=None) == replace(two, git_commit=None)


def test_devices_change_nothing(painted, generate: Generate, tmp_path: Path) -> None:
    folder = generate()
    one = evaluate(folder, painted.folder, PIXELS, options=Options(store=tmp_path / "one"))
    two = evaluate(folder, painted.folder, PIXELS, options=Options(store=tmp_path / "two", devices=("cpu", "cpu")))
    assert replace(one, git_commit=None) == replace(two, git_commit=None)


def test_the_first_clips_only(painted, generate: Generate, probe_calls: list[int]) -> None:
    folder = generate()
    (folder / "cid_0.mp4").unlink()
    result = evaluate(folder, painted.folder, "synthetic-v1", options=Options(clips=2))
    assert [c.id for c in result.clips] == ["ann_0", "bob_0"]
    assert reasons(result) == {}  # what lies beyond the first two is neither scored nor missed
    full = evaluate(folder, painted.folder, "synthetic-v1")
    same = full.scores["lip_corr_shuffled"].per_video["ann_0"]
    assert (
        result.scores["lip_corr_shuffled"].per_video["ann_0"] == same
    )  # the other identity does not depend on the choice


def test_a_tampered_real_set_is_noticed(painted, generate: Generate, tmp_path: Path) -> None:
    real = tmp_path / "real"
    shutil.copytree(painted.folder, real)
    shutil.copy(real / "ann_0.mp4", real / "bob_0.mp4")
    (real / "bob_1.mp4").unlink()
    found = reasons(evaluate(generate(), real, PIXELS))
    assert "expected the file that the real set's manifest names" in found["bob_0"]
    assert "bob_1.mp4" in found["bob_1"]


@pytest.mark.parametrize(
    ("damaged", "other", "missed"),
    [("bob_0.png", "ann_0.png", {"bob_0"}), ("cid_0.mp4", "ann_0.mp4", {"cid_0", "bob_0", "bob_1"})],
)
def test_kept_values_do_not_hide_another_portrait_or_another_strangers_video(
    painted, generate: Generate, tmp_path: Path, damaged: str, other: str, missed: set[str]
) -> None:
    real = tmp_path / "real"
    shutil.copytree(painted.folder, real)
    made = generate()
    assert reasons(evaluate(made, real, PIXELS)) == {}
    shutil.copy(real / other, real / damaged)
    message = f"{damaged}: expected the file that the real set's manifest names, got another; prepare it again"
    assert reasons(evaluate(made, real, PIXELS)) == dict.fromkeys(missed, message)


def test_damaged_truth_is_a_miss(painted, generate: Generate, probe_calls: list[int], tmp_path: Path) -> None:
    real = tmp_path / "real"
    shutil.copytree(painted.folder, real)
    save_file({"truth": painted.states["ann_0"][:20]}, real / "ann_0.truth.safetensors")
    found = reasons(evaluate(generate(), real, "synthetic-v1"))
    assert "manifest names" in found["ann_0"]


def test_any_folder_of_videos_is_a_real_set(painted, generate: Generate, tmp_path: Path) -> None:
    real = tmp_path / "plain"
    real.mkdir()
    for name in ("ann_0", "bob_0"):
        shutil.copy(painted.folder / f"{name}.mp4", real)
    folder = generate()
    for name in ("bob_1", "cid_0"):
        (folder / f"{name}.mp4").unlink()
    result = evaluate(folder, real, replace(PIXELS, size=0))
    assert [(c.id, c.identity) for c in result.clips] == [("ann_0", "ann_0"), ("bob_0", "bob_0")]
    assert (result.protocol.width, result.protocol.height) == (64, 64)
    missing = evaluate(folder, real, "synthetic-v1").scores
    assert missing["lip_corr"].missing == "the real set has no exact truth (only synthetic sets have)"
    assert missing["identity_rank1"].missing == "the real set has no gallery take of every identity"
    assert missing["psnr"].value == result.scores["psnr"].value or missing["psnr"].value is not None
    write_video(real / "bob_0.mp4", np.zeros((52, 32, 32, 3), np.uint8))
    with pytest.raises(ResultError, match=r"one size under this protocol, got 64x64 .ann_0. and 32x32 .bob_0."):
        evaluate(folder, real, replace(PIXELS, size=0))


def test_bad_input_says_so_in_one_line(painted, generate: Generate, tmp_path: Path) -> None:
    folder, empty = generate(), tmp_path / "empty"
    empty.mkdir()
    cases: list[tuple[Path, Path, object, str]] = [
        (tmp_path / "none", painted.folder, PIXELS, "none: expected a folder of generated videos, got nothing"),
        (empty, painted.folder, PIXELS, "empty: expected generated videos"),
        (folder, tmp_path / "none", PIXELS, "none: expected a folder of real videos, got nothing"),
        (folder, empty, PIXELS, "expected at least one real video, got none"),
        (folder, painted.folder, "bogus-v9", "expected one of disco, latentsync, open-v1"),
        (
            folder,
            painted.folder,
            replace(PIXELS, scores=(ScoreSpec("bogus"),)),
            "'scores': expected one of av_offset.* 'bogus'",
        ),
        (folder, painted.folder, replace(PIXELS, scores=(ScoreSpec("psnr", {"x": 1}),)), "unknown key 'x'"),
    ]
    for generated, real, protocol, says in cases:
        with pytest.raises(LtBenchError, match=says) as error:
            evaluate(generated, real, protocol)  # type: ignore[arg-type]
        assert "\n" not in str(error.value)


def test_nothing_to_score_is_bad_input_not_an_empty_table(painted, generate: Generate) -> None:
    folder = generate()
    for path in folder.glob("*.mp4"):
        path.rename(path.with_name(f"other_{path.name}"))
    with pytest.raises(ResultError, match="nothing to score: 4 of 4 clips missed; ann_0: no generated video"):
        evaluate(folder, painted.folder, PIXELS)


def test_videos_made_for_another_real_set_are_refused(painted, generate: Generate) -> None:
    folder = generate()
    manifest = {"format": "lt_bench generated set", "version": 1, "system": "S", "real_hash": "0" * 64}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ResultError, match="made for another real set"):
        evaluate(folder, painted.folder, PIXELS)


def test_facts_of_the_generated_manifest_reach_the_result(painted, generate: Generate) -> None:
    folder = generate()
    (folder / "ann_0.mp4").unlink()
    manifest = {
        "format": "lt_bench generated set",
        "version": 1,
        "system": "symbiotic-direct",
        "parameters": 123,
        "seconds_per_clip": 0.5,
        "sampling": {"seed": 7},
        "misses": [{"id": "ann_0", "reason": "the sound is too short"}],
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))
    result = evaluate(folder, painted.folder, PIXELS, meta={"train_seconds": 2.0})
    assert (result.system, result.seed) == ("symbiotic-direct", 7)
    assert result.meta == {"parameters": 123, "seconds_per_clip": 0.5, "train_seconds": 2.0}
    assert reasons(result)["ann_0"] == "the sound is too short"
    assert evaluate(folder, painted.folder, PIXELS, system="mine").system == "mine"
    (folder / "manifest.json").write_text(json.dumps({**manifest, "version": 2}))
    with pytest.raises(ResultError, match="expected version 1, got 2"):
        evaluate(folder, painted.folder, PIXELS)
    (folder / "manifest.json").write_text('{"theirs": true}')
    assert evaluate(folder, painted.folder, PIXELS).system == "made"


def test_a_result_of_the_harness_survives_its_file(painted, generate: Generate, tmp_path: Path) -> None:
    result = evaluate(generate(), painted.folder, PIXELS)
    save_result(result, tmp_path / "r.json")
    assert load_result(tmp_path / "r.json") == result


PLUGIN = '''
from dataclasses import dataclass
import numpy as np
from lt_bench.evaluation.metrics import ClipContext, UnscorableError, VideoMetric, register_metric

@register_metric
@dataclass(frozen=True)
class Loudness(VideoMetric):
    """Loudness of the generated video's own sound."""

    name = "plugin_loudness"
    title = "loudness"
    source = "test"
    provider = "TestExecutionProvider"
    scale: float = 1.0

    def score(self, clip: ClipContext) -> float:
        if clip.id == "cid_0":
            return float("nan")
        return self.scale * float(np.abs(clip.generated.audio).mean())
'''


def test_a_metric_of_ones_own_is_one_file(painted, generate: Generate, tmp_path: Path) -> None:
    plugin = tmp_path / "loudness_plugin.py"
    plugin.write_text(PLUGIN)
    folder = generate()
    write_video(folder / "ann_0.mp4", read_frames(folder / "ann_0.mp4"))  # silent: no sound track
    rules = replace(PIXELS, scores=(ScoreSpec("psnr"), ScoreSpec("plugin_loudness", {"scale": 2.0})))
    result = evaluate(folder, painted.folder, rules, options=Options(plugins=(plugin,)))
    score = result.scores["plugin_loudness"]
    assert sorted(score.per_video) == ["bob_0", "bob_1"]
    assert 0.1 < score.value < 0.3
    assert (score.providers, result.scores["psnr"].providers) == (("TestExecutionProvider",), ())
    assert "no audio track" in reasons(result, "plugin_loudness")["ann_0"]
    assert reasons(result, "plugin_loudness")["cid_0"] == "expected a finite value, got nan"
    assert ("ann_0", None) not in [(miss.clip, miss.score) for miss in result.misses]
    assert len(result.scores["psnr"].per_video) == 4
    assert len(str(result.meta["plugin loudness_plugin.py"])) == 64
    again = evaluate(folder, painted.folder, rules, options=Options(plugins=(plugin,), workers=2))
    assert again.scores == result.scores  # worker processes import the file too
    with pytest.raises(ConfigError, match="expected a Python file"):
        evaluate(folder, painted.folder, rules, options=Options(plugins=(tmp_path / "none.py",)))


def test_protocols_of_the_package_are_valid() -> None:
    synthetic, real = load_protocol("synthetic-v1"), load_protocol("open-v1")
    assert (synthetic.id, synthetic.first_frame, synthetic.size) == ("synthetic-v1", 16, 64)
    assert real.size == 0
    assert synthetic.hash != real.hash
    assert replace(synthetic, min_frames=41).hash != synthetic.hash


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"scores": ()}, "at least one"),
        ({"scores": (ScoreSpec("psnr"), ScoreSpec("psnr"))}, "each once"),
        ({"first_frame": 24}, "min_frames"),
        ({"max_frames": 10}, "max_frames"),
        ({"fps": 0.0}, "fps"),
        ({"size": -1}, "size"),
    ],
)
def test_a_protocol_that_contradicts_itself_is_refused(changes: dict, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        replace(PIXELS, **changes)
