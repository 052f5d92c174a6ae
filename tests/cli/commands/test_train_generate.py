from __future__ import annotations

import json
import subprocess
import sys
import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml

from lt_bench.cli.main import main
from lt_bench.media.audio import iter_audio, write_wav
from lt_bench.media.image import write_png
from lt_bench.media.tracks import TrackInfo, probe_track
from lt_bench.media.video import probe_video, read_frames
from lt_bench.media.video_writer import write_video
from lt_bench.models import presets

RUN = yaml.safe_load((Path(__file__).resolve().parents[2] / "tiny_run.yaml").read_text(encoding="utf-8"))
Train = Callable[..., Path]
# MLflow uses a loader of SQLAlchemy that is to go.
pytestmark = pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy is deprecated")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a trained model, made by the command itself: run/model.safetensors."""
    folder = tmp_path_factory.mktemp("train")
    (folder / "run.yaml").write_text(yaml.safe_dump(RUN))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setitem(presets.PRESETS, "tiny", presets.Size(depth=1, dim=16, heads=2))
        patch.setattr("data_prep.pipeline.default_workers", lambda: 1)  # processes take longer to start than this
        assert main(["train", "--config", "run.yaml", "--out", "run", "train.steps=3"]) == 0
    rng = np.random.default_rng(0)
    write_png(folder / "tall.png", rng.integers(0, 256, (90, 50, 3), dtype=np.uint8))
    write_wav(folder / "voice.wav", (0.1 * rng.normal(size=640 * 7 + 100)).clip(-1, 1).astype(np.float32))
    return folder


@pytest.fixture(autouse=True)
def _here(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setitem(presets.PRESETS, "tiny", presets.Size(depth=1, dim=16, heads=2))


def _generate(*rest: str, checkpoint: str = "run/model.safetensors", **names: str) -> int:
    files = {"portrait": "tall.png", "audio": "voice.wav", "out": "out.mp4"} | names
    options = [part for name, value in files.items() for part in (f"--{name}", value)]
    return main(["generate", "--checkpoint", checkpoint, *options, *rest])


def test_train_prepares_trains_and_does_not_do_it_twice(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = folder / "run" / "model.safetensors"
    stamp = model.stat().st_mtime_ns
    assert main(["train", "--config", "run.yaml", "--out", "run", "train.steps=3", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["model"], report["steps"], report["resumed_from"]) == ("run/model.safetensors", 3, 3)
    assert model.stat().st_mtime_ns == stamp
    files = {".lock", "checkpoints", "config.yaml", "metrics.csv", "model.safetensors", "mlflow.db", "tracking"}
    assert {path.name for path in (folder / "run").iterdir()} == files


def test_train_logs_to_a_database_in_its_folder(folder: Path) -> None:
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{folder / 'run' / 'mlflow.db'}")
    (run,) = client.search_runs([client.get_experiment_by_name("train").experiment_id])
    assert (run.info.run_name, run.info.status) == ("run", "FINISHED")
    assert run.data.params["train.steps"] == "3"
    assert run.data.metrics["train/loss"] > 0
    assert run.data.tags["checkpoint"] == str((folder / "run" / "model.safetensors").resolve())
    assert run.inputs.dataset_inputs[0].dataset.name == "synthetic"


def test_train_with_another_config_in_the_same_folder_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--config", "run.yaml", "--out", "run", "train.steps=3", "train.seed=5"]) == 2
    captured = capsys.readouterr()
    assert captured.err.count("\n") == 1
    assert "train.seed: 5" in captured.err


def test_train_prolongs_a_run_in_its_folder_and_in_its_tracked_run(folder: Path, capsys) -> None:
    from mlflow import MlflowClient

    command = ["train", "--config", "run.yaml", "--out", "longer"]
    assert main([*command, "train.steps=2"]) == 0
    assert main([*command, "train.steps=2", "train.decay=cosine"]) == 2
    assert main([*command, "train.steps=4", "--json"]) == 0
    report = json.loads(capsys.readouterr().out.partition("\n")[2])
    assert (report["steps"], report["resumed_from"]) == (4, 2)
    client = MlflowClient(f"sqlite:///{folder / 'longer' / 'mlflow.db'}")
    (run,) = client.search_runs([client.get_experiment_by_name("train").experiment_id])
    assert (run.info.status, run.data.params["train.steps"], run.data.tags["now.train.steps"]) == ("FINISHED", "2", "4")
    assert [m.step for m in client.get_metric_history(run.info.run_id, "train/loss")] == [2, 4]
    assert main([*command, "train.steps=3"]) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert "expected train.steps: 3, got a run that has taken 4 steps; choose another folder" in error


def test_train_names_an_unknown_key(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--config", "run.yaml", "--out", "other", "train.stepz=3"]) == 2
    assert "did you mean 'steps'" in capsys.readouterr().err


def test_a_run_that_cannot_be_trained_is_refused_before_its_cache_is_prepared(tmp_path, capsys):
    (tmp_path / "run.yaml").write_text(f"data: {{dataset: synthetic, cache: {tmp_path / 'cache'}}}\n")
    assert (
        main(["train", "--config", str(tmp_path / "run.yaml"), "--out", str(tmp_path / "run"), "train.steps=-5"]) == 2
    )
    assert "train.steps: expected at least 1, got -5" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run.yaml"]


def test_generate_takes_any_picture_and_sound(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _generate("--json", "audio_scale=2", "seed=3") == 0
    captured = capsys.readouterr()
    report = json.loads(captured.out)
    assert (report["frames"], report["portrait_crop"], report["resolution"]) == (7, "centre", 32)
    assert (report["sampling"]["audio_scale"], report["sampling"]["seed"]) == (2.0, 3)
    info = probe_video(folder / "out.mp4")
    assert (info.width, info.height, info.has_audio) == (32, 32, True)
    assert len(read_frames(folder / "out.mp4")) == 7
    first = (folder / "out.mp4").read_bytes()
    assert _generate("audio_scale=2", "seed=3", out="again.mp4") == 0
    assert (folder / "again.mp4").read_bytes() == first
    assert capsys.readouterr().out == "again.mp4\n"


def test_generate_takes_the_sound_of_a_video_and_one_frame_of_it(folder: Path) -> None:
    pictures = np.zeros((3, 32, 32, 3), np.uint8)
    write_video(folder / "speech.mp4", pictures, 25.0, np.full(640 * 3, 0.1, np.float32))
    assert _generate(audio="speech.mp4", out="short.mp4") == 0
    assert 1 <= len(read_frames(folder / "short.mp4")) <= 5


def test_generate_keeps_the_rate_and_the_channels_of_the_given_sound(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    time = np.arange(48000 // 4) / 48000
    left, right = (np.rint(8000 * np.sin(2 * np.pi * f * time)).astype("<i2") for f in (300, 2000))
    with wave.open(str(folder / "stereo.wav"), "wb") as stream:
        stream.setparams((2, 2, 48000, 0, "NONE", ""))
        stream.writeframes(np.stack([left, right], axis=1).tobytes())
    assert _generate("--json", audio="stereo.wav", out="stereo.mp4") == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["audio_rate"], report["audio_channels"]) == (48000, 2)
    assert probe_track(folder / "stereo.mp4") == TrackInfo(48000, 2)
    sides = [np.concatenate(list(iter_audio(folder / "stereo.mp4", 48000, channel=k))) for k in (0, 1)]
    peaks = [np.abs(np.fft.rfft(side[2000:10000])).argmax() * 48000 / 8000 for side in sides]
    assert peaks == pytest.approx([300, 2000], abs=12)


@pytest.mark.parametrize("kind", ["silent", "opposed"])
def test_generate_refuses_silence_but_hears_channels_of_opposite_sign(
    folder: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    voice = np.rint(8000 * np.sin(np.arange(8000) / 9)).astype("<i2") * (kind == "opposed")
    with wave.open(str(folder / f"{kind}.wav"), "wb") as stream:
        stream.setparams((2, 2, 16000, 0, "NONE", ""))
        stream.writeframes(np.stack([voice, -voice], axis=1).astype("<i2").tobytes())
    assert _generate(audio=f"{kind}.wav", out=f"{kind}.mp4") == (0 if kind == "opposed" else 2)
    error = capsys.readouterr().err
    assert ("silent.wav: expected a voice of at least -60 dB of full scale, got silence" in error) == (kind == "silent")


def test_a_missing_model_is_reported_before_pytorch_is_imported(folder: Path) -> None:
    script = (
        "import sys; from lt_bench.cli.main import main; code = main(sys.argv[1:]); "
        "sys.exit(code if 'torch' not in sys.modules else 9)"
    )
    arguments = ["--checkpoint", "none", "--portrait", "tall.png", "--audio", "voice.wav", "--out", "o.mp4"]
    done = subprocess.run(
        [sys.executable, "-c", script, "generate", *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "none: expected a model file, got no such file" in done.stderr


def test_generate_explains_bad_input_on_one_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_wav(folder / "blip.wav", np.zeros(639, np.float32))
    write_video(folder / "silent.mp4", np.zeros((3, 32, 32, 3), np.uint8))
    (folder / "broken.png").write_bytes(b"\x89PNG....")
    (folder / "broken.safetensors").write_bytes(b"nothing")
    cases = [
        (_generate(audio="blip.wav"), "blip.wav: expected sound of at least one frame (40 ms), got 40 ms"),
        (_generate(audio="silent.mp4"), "silent.mp4"),
        (_generate(audio="none.wav"), "none.wav"),
        (_generate(portrait="broken.png"), "broken.png"),
        (_generate(portrait="voice.wav"), "voice.wav: expected a picture"),
        (_generate(checkpoint="broken.safetensors"), "broken.safetensors: expected a model file"),
        (_generate(checkpoint="none"), "none: expected a model file, got no such file"),
        (_generate(out="video.avi"), "--out: expected a file ending in .mp4"),
        (_generate(out="tall.png/out.mp4"), "--out: expected a writable folder"),
        (_generate("sampler=ddim"), "sampling.sampler"),
        (_generate("scale=2"), "unknown key 'scale'"),
        (_generate("weights=raw", "steps=0"), "sampling.steps"),
    ]
    lines = capsys.readouterr().err.splitlines()
    assert [code for code, _ in cases] == [2] * len(cases)
    for (_, text), line in zip(cases, lines, strict=True):
        assert line.startswith("lt-bench generate: ")
        assert text in line
    assert not list(folder.glob(".*tmp*"))


def test_a_model_of_real_faces_looks_for_the_face(
    mirror: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from safetensors import safe_open
    from safetensors.torch import load_file, save_file

    path = folder / "run" / "model.safetensors"
    with safe_open(path, "pt") as file:
        document = json.loads(file.metadata()["lt_bench"]) | {"landmark_set": "mediapipe478"}
    save_file(load_file(path), folder / "real.safetensors", metadata={"lt_bench": json.dumps(document)})
    capsys.readouterr()
    assert _generate(checkpoint="real.safetensors") == 2
    error = capsys.readouterr().err
    assert "tall.png: expected a face" in error
    assert "--no-crop" in error
    assert _generate("--no-crop", checkpoint="real.safetensors") == 0
    face = next(read_frame for read_frame in read_frames(sorted(mirror.glob("grid-sample/*.mpg"))[0], max_frames=1))
    write_png(folder / "face.png", face)
    capsys.readouterr()
    assert _generate("--json", checkpoint="real.safetensors", portrait="face.png") == 0
    assert json.loads(capsys.readouterr().out)["portrait_crop"] == "face"


def test_the_configuration_that_train_saves_repeats_the_run(folder: Path) -> None:
    from safetensors.numpy import load_file

    assert main(["train", "--config", "run/config.yaml", "--out", "again", "--tracking", "off"]) == 0
    first, again = (load_file(folder / name / "model.safetensors") for name in ("run", "again"))
    assert all(np.array_equal(first[name], again[name]) for name in first)
