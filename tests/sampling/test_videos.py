from __future__ import annotations

import itertools
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lt_bench.cli.main import main
from lt_bench.diffusion.samplers import SAMPLERS
from lt_bench.errors import CheckpointError, LtBenchError
from lt_bench.evaluation.inputs.generated_videos import open_generated_videos
from lt_bench.files import read_json, sha256_file
from lt_bench.media.audio import read_audio
from lt_bench.media.video import probe_video, read_frames
from lt_bench.models.checkpoint import LoadedModel
from lt_bench.plugins import load_plugins
from lt_bench.sampling import clip_batch, videos
from lt_bench.sampling.generated_set import GeneratedClip, GeneratedSet, read_generated_set
from lt_bench.sampling.generation_pipeline import Pipeline
from lt_bench.sampling.operations import count_operations
from lt_bench.sampling.videos import generate_split


def _stamps(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in folder.glob("*.mp4")}


def test_every_clip_becomes_a_video_with_its_sound(loaded: LoadedModel, real_folder: Path, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    sampling = loaded.card.config.sampling
    made = generate_split(loaded, real_folder, tmp_path / "out", sampling, progress=lambda *now: told.append(now))
    assert sorted(_stamps(tmp_path / "out")) == ["a.mp4", "b.mp4", "c.mp4", "d.mp4"]
    for clip in made.clips:
        info = probe_video(tmp_path / "out" / clip.video)
        assert (info.width, info.height, info.fps, info.has_audio) == (32, 32, 25.0, True)
        assert len(read_frames(tmp_path / "out" / clip.video)) == clip.frames
        heard, said = read_audio(tmp_path / "out" / clip.video), read_audio(real_folder / f"{clip.id}.wav")
        length = min(len(heard), len(said))
        assert np.corrcoef(heard[:length], said[:length])[0, 1] > 0.5
    assert told[-1] == (27, 27)
    assert told == sorted(told)
    assert made == read_generated_set(tmp_path / "out")
    assert made.complete
    assert made.misses == ()
    assert all(clip.seconds > 0 for clip in made.clips)
    assert made.seconds_per_clip == pytest.approx(sum(c.seconds for c in made.clips) / 4, abs=1e-3)
    assert made.seconds_per_video_second == pytest.approx(sum(c.seconds for c in made.clips) * 25 / 27, abs=1e-2)
    card = loaded.card
    counted = count_operations(card.config.model, card.config.diffusion, sampling, card.latent_shape, card.speech_shape)
    assert made.macs_per_video_second == pytest.approx(sum(counted.of_video(c.frames) for c in made.clips) * 25 / 27)
    assert read_json(tmp_path / "out" / "manifest.json")["format"] == "lt_bench generated set"


def test_a_stopped_generation_goes_on_and_ends_the_same(
    loaded: LoadedModel, real_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sampling = loaded.card.config.sampling
    generate_split(loaded, real_folder, tmp_path / "whole", sampling)
    writer = clip_batch.video_writer

    @contextmanager
    def stop_at_b(path: Path, *rest: Any) -> Iterator[Any]:
        with writer(path, *rest) as write:
            yield write
            if path.stem == "b":
                raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(clip_batch, "video_writer", stop_at_b)
        with pytest.raises(KeyboardInterrupt):
            generate_split(loaded, real_folder, tmp_path / "out", sampling)
    half = read_generated_set(tmp_path / "out")
    assert [clip.id for clip in half.clips] == ["a", "c"]
    assert not half.complete
    assert not [path for path in (tmp_path / "out").iterdir() if path.name.startswith(".")]
    before = {clip.video: _stamps(tmp_path / "out")[clip.video] for clip in half.clips}
    done = generate_split(loaded, real_folder, tmp_path / "out", sampling)
    after = _stamps(tmp_path / "out")
    assert [clip.id for clip in done.clips] == ["a", "b", "c", "d"]
    assert {name: after[name] for name in before} == before
    for clip in done.clips:
        assert (tmp_path / "out" / clip.video).read_bytes() == (tmp_path / "whole" / clip.video).read_bytes()
    assert generate_split(loaded, real_folder, tmp_path / "out", sampling) == done
    assert _stamps(tmp_path / "out") == after


def test_several_processes_make_the_same_videos(
    loaded: LoadedModel, real_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (real_folder / "b.wav").write_bytes(b"no sound")
    (real_folder / "c.png").unlink()
    tiny = tmp_path / "tiny.py"  # the fixture's network, in processes that know nothing of it
    tiny.write_text("from lt_bench.models import presets\npresets.PRESETS['tiny'] = presets.Size(1, 16, 2)\n")
    one = generate_split(loaded, real_folder, tmp_path / "one", loaded.card.config.sampling)
    command = ["generate", "--checkpoint", str(loaded.path), "--real", str(real_folder), "--plugin", str(tiny)]
    assert main([*command, "--out", str(tmp_path / "two"), "--devices", "cpu,cpu"]) == 1
    assert capsys.readouterr().err.splitlines()[-2:] == [f"{miss.id}: {miss.reason}" for miss in one.misses]
    two = read_generated_set(tmp_path / "two")
    assert (two.misses, two.complete) == (one.misses, True)
    assert [(c.id, c.frames) for c in two.clips] == [(c.id, c.frames) for c in one.clips]
    for clip in one.clips:
        assert (tmp_path / "two" / clip.video).read_bytes() == (tmp_path / "one" / clip.video).read_bytes()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--portrait", "a.png"], "--audio: expected a file, got none"),
        (["--real", "set", "--portrait", "a.png"], "--real: expected no --portrait"),
        (["--portrait", "a.png", "--audio", "a.wav", "--devices", "cpu,cpu"], "--devices: expected one device"),
    ],
)
def test_options_that_do_not_go_together_are_one_line(
    options: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["generate", "--checkpoint", "model.safetensors", "--out", "out.mp4", *options]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert message in error


def test_videos_of_another_source_are_not_mixed(loaded: LoadedModel, real_folder: Path, tmp_path: Path) -> None:
    sampling = loaded.card.config.sampling
    generate_split(loaded, real_folder, tmp_path / "out", sampling, clips=1)
    with pytest.raises(CheckpointError, match=r"key 'sampling\.audio_scale' differs"):
        generate_split(loaded, real_folder, tmp_path / "out", replace(sampling, audio_scale=2.0))
    more = generate_split(loaded, real_folder, tmp_path / "out", replace(sampling, batch_size=4))
    assert len(more.clips) == 4
    assert len(generate_split(loaded, real_folder, tmp_path / "out", sampling, clips=2).clips) == 2


def test_a_clip_that_cannot_be_used_is_listed_and_the_rest_goes_on(
    loaded: LoadedModel, real_folder: Path, tmp_path: Path
) -> None:
    (real_folder / "b.wav").write_bytes(b"no sound")
    (real_folder / "c.png").unlink()
    made = generate_split(loaded, real_folder, tmp_path / "out", loaded.card.config.sampling)
    assert [clip.id for clip in made.clips] == ["a", "d"]
    assert [miss.id for miss in made.misses] == ["c", "b"]
    assert all("expected" in miss.reason and "\n" not in miss.reason for miss in made.misses)


def test_a_model_of_another_size_is_refused(loaded: LoadedModel, real_folder: Path, tmp_path: Path) -> None:
    other = replace(loaded, card=replace(loaded.card, resolution=64))
    with pytest.raises(CheckpointError, match="expected a model for the 32 px"):
        generate_split(other, real_folder, tmp_path / "out", loaded.card.config.sampling)


@pytest.mark.parametrize("change", [{"codec_hash": "00"}, {"speech_hash": "00"}])
def test_another_codec_or_encoder_is_refused(
    loaded: LoadedModel, real_folder: Path, tmp_path: Path, change: dict[str, str]
) -> None:
    other = replace(loaded, card=replace(loaded.card, **change))
    with pytest.raises(CheckpointError, match=r"expected (codec|speech encoder)"):
        generate_split(other, real_folder, tmp_path / "out", loaded.card.config.sampling)


def test_a_manifest_of_something_else_is_refused(loaded: LoadedModel, real_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text("{}")
    with pytest.raises(LtBenchError, match="expected format"):
        generate_split(loaded, real_folder, tmp_path, loaded.card.config.sampling)


def test_a_batch_holds_no_more_than_its_windows(
    loaded: LoadedModel, real_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Latents are decoded and forgotten as they come: at most one window of them is alive, however long the clips."""
    latents: list[weakref.ref] = []
    alive: list[int] = []
    inner = Pipeline.decode

    def decode(self: Pipeline, runs: Iterator[Any]) -> Iterator[Any]:
        def watched() -> Iterator[Any]:
            for run in runs:
                alive.append(sum(earlier() is not None for earlier in latents))
                latents.append(weakref.ref(run))
                yield run

        return inner(self, watched())

    monkeypatch.setattr(Pipeline, "decode", decode)
    generate_split(loaded, real_folder, tmp_path / "out", loaded.card.config.sampling)
    assert len(latents) == 9  # windows of 4 frames: a 2, b 3, c 1, d 3
    assert max(alive) <= 1


@pytest.mark.parametrize("order", list(itertools.permutations("abcd")))
def test_figures_of_a_set_do_not_depend_on_the_order_in_which_its_clips_were_made(
    loaded: LoadedModel, order: tuple[str, ...]
) -> None:
    seconds = {"a": 1.3133, "b": 1.2095, "c": 0.8047, "d": 0.6107}  # a quarter of their sum lies between two figures
    clips = [GeneratedClip(name, f"{name}.mp4", 5, seconds[name]) for name in order]
    card, sampling = loaded.card, loaded.card.config.sampling
    operations = count_operations(
        card.config.model, card.config.diffusion, sampling, card.latent_shape, card.speech_shape
    )
    made = GeneratedSet("x", "0", "0", sampling, 1, 1.0, clips=tuple(clips))
    again = replace(made, clips=tuple(sorted(clips, key=lambda clip: clip.id)))
    assert videos._summed(made, operations, complete=True) == videos._summed(again, operations, complete=True)


SAMPLER = """
from lt_bench.diffusion.samplers import register_sampler
from lt_bench.diffusion.samplers.flow import FlowEulerSampler

@register_sampler
class Mine(FlowEulerSampler):
    name = "mine"
"""


def test_the_plugin_of_a_sampler_is_recorded_and_another_version_makes_other_videos(
    loaded: LoadedModel, real_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SAMPLERS, "_added", {})
    plugin, out = tmp_path / "mine.py", tmp_path / "out"
    plugin.write_text(SAMPLER)
    load_plugins([plugin])
    sampling = replace(loaded.card.config.sampling, sampler="mine")
    made = generate_split(loaded, real_folder, out, sampling, clips=1)
    assert made.plugins == read_generated_set(out).plugins == {"mine.py": sha256_file(plugin)}
    assert open_generated_videos(out).meta["plugin mine.py"] == sha256_file(plugin)
    plugin.write_text(f"{SAMPLER}\n# another version\n")
    with pytest.raises(CheckpointError, match="key 'plugins' differs"):
        generate_split(loaded, real_folder, out, sampling, clips=1)
