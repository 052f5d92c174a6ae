from __future__ import annotations

import json
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
from safetensors.numpy import load_file

from data_prep.pipeline import open_complete, prepare
from lt_bench.cli.caches import ensure_cache
from lt_bench.cli.main import main
from lt_bench.config import DataConfig, SyntheticConfig
from lt_bench.data.cache import LatentCache
from lt_bench.data.real_set import read_real_set
from lt_bench.data.verify import verify_cache
from lt_bench.errors import CacheError, ConfigError, LtBenchError
from lt_bench.files import sha256_file
from lt_bench.media.audio import read_audio
from lt_bench.media.image import read_image
from lt_bench.media.video import read_frames
from lt_bench.models.codecs.base import build_codec, tensor_to_frames

TINY = SyntheticConfig(
    train_speakers=2, validation_speakers=1, test_speakers=1, takes=2, train_frames=20, test_frames=26
)


def config(path: Path, **changes: object) -> DataConfig:
    return DataConfig(**({"cache": str(path), "synthetic": TINY, "resolution": 64, "codec": "dct"} | changes))  # type: ignore[arg-type]


def files(path: Path) -> dict[str, str]:
    return {str(p.relative_to(path)): sha256_file(p) for p in sorted(path.rglob("*")) if p.is_file()}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("caches") / "synthetic"
    done = prepare(config(path), workers=1)
    assert (done.prepared, done.rejected) == (8, ())
    return path


def test_the_cache_holds_what_the_configuration_says(prepared: Path):
    cache = LatentCache.open(prepared)
    assert cache.info.latent_shape == (32, 8, 8)
    assert cache.info.landmark_set == "synthetic"
    assert [len(cache.records(split)) for split in ("train", "validation", "test")] == [4, 2, 2]
    assert [r.role for r in cache.records("test")] == ["clip", "gallery"]
    assert {r.frames for r in cache.records("train")} == {20}
    assert verify_cache(prepared).real_clips == 4
    homes = [{r.identity for r in cache.records(s)} for s in ("train", "validation", "test")]
    assert len(set.union(*homes)) == sum(map(len, homes))


def test_latents_portrait_video_and_truth_belong_together(prepared: Path):
    cache, codec = LatentCache.open(prepared), build_codec("dct")
    record = cache.records("test", "clip")[0]
    real = read_real_set(cache.real_folder("test"))
    clip = next(c for c in real.clips if c.id == record.id)
    window = cache.read_window(record, 0, record.frames)
    decoded = tensor_to_frames(codec.decode(cache.scaling.latents_to_raw(window.latents)))
    video = read_frames(real.folder / clip.video)
    assert video.shape == decoded.shape == (26, 64, 64, 3)
    assert np.mean((video.astype(float) - decoded) ** 2) < 255**2 * 10**-2.4  # 24 dB: same frames, two codecs
    shifted = np.mean((video[5:].astype(float) - decoded[:-5]) ** 2)
    assert shifted > 2 * np.mean((video.astype(float) - decoded) ** 2)
    picture = read_image(real.folder / clip.portrait)
    portrait = tensor_to_frames(codec.decode(cache.scaling.latents_to_raw(cache.read_portrait(record))[None]))[0]
    assert np.mean((picture.astype(float) - portrait) ** 2) < 255**2 * 10**-2.4
    assert len(read_audio(real.folder / clip.audio)) == 26 * 640
    assert abs(len(read_audio(real.folder / clip.video)) - 26 * 640) <= 2048
    truth = load_file(real.folder / str(clip.truth))
    assert window.truth is not None
    np.testing.assert_array_equal(truth["truth"], window.truth.numpy())
    np.testing.assert_array_equal(truth["mouth_box"], window.mouth_box.numpy())
    assert truth["landmarks"].shape == (26, 10, 2)
    centre = (window.mouth_box[:, :2] + window.mouth_box[:, 2:]) / 2
    assert (centre > 0.2).all()
    assert (centre < 0.95).all()


def test_a_complete_cache_is_not_touched(prepared: Path):
    before = {name: (prepared / name).stat().st_mtime_ns for name in files(prepared)}
    steps: list[tuple[int, int]] = []
    done = prepare(config(prepared), workers=1, progress=lambda now, total: steps.append((now, total)))
    assert done.prepared == 0
    assert ensure_cache(config(prepared)).hash == done.cache.hash
    assert before == {name: (prepared / name).stat().st_mtime_ns for name in files(prepared)}


def test_other_settings_are_refused_and_the_difference_is_named(prepared: Path):
    for changes, message in (
        ({"resolution": 128}, "resolution: expected 128, got 64"),
        ({"synthetic": SyntheticConfig(**{**TINY.__dict__, "seed": 3})}, r"synthetic\.seed: expected 3, got 0"),
    ):
        for attempt in (prepare, open_complete, ensure_cache):
            with pytest.raises(CacheError, match=message):
                attempt(config(prepared, **changes))
    with pytest.raises(ConfigError, match="resolution"):
        prepare(config(prepared, resolution=68))


def test_a_cache_is_used_where_its_sources_are_not(prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("data_prep.pipeline.list_source", lambda _: pytest.fail("the sources were looked at"))
    assert open_complete(config(prepared)) is not None
    assert open_complete(config(tmp_path / "absent")) is None


def start(out: Path, workers: int) -> subprocess.Popen[str]:
    """The verb in its own process, until the first clip is in the journal."""
    arguments = (
        f"-m lt_bench prepare synthetic --out {out} --workers {workers} --resolution 64 --codec dct "
        "synthetic.train_speakers=2 synthetic.validation_speakers=1 synthetic.test_speakers=1 "
        "synthetic.train_frames=20 synthetic.test_frames=26"
    )
    process = subprocess.Popen([sys.executable, *arguments.split()], stderr=subprocess.PIPE, text=True)
    while process.poll() is None and not _lines(out):
        time.sleep(0.005)
    return process


@pytest.mark.slow
def test_killed_with_two_workers_and_ended_with_one_it_makes_the_same_bytes(prepared: Path, tmp_path: Path):
    out = tmp_path / "killed"
    process = start(out, workers=2)
    workers = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.communicate()
    assert not (out / "index.parquet").exists(), "the run ended before it could be killed"
    assert len(workers) >= 2
    assert psutil.wait_procs(workers, timeout=20)[1] == [], "workers live on without their parent"
    kept = {name: (out / name).stat().st_mtime_ns for name in _finished(out)}
    assert kept
    assert prepare(config(out), workers=1).prepared == 8 - len(kept)
    assert files(out) == files(prepared)
    assert kept == {name: (out / name).stat().st_mtime_ns for name in kept}


def test_an_interrupt_is_not_a_crash(tmp_path: Path):
    process = start(tmp_path / "stopped", workers=1)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 130, error
    assert "Traceback" not in error
    assert "interrupted" in error
    assert not (tmp_path / "stopped" / "index.parquet").exists()


def _lines(out: Path) -> int:
    journal = out / "journal.jsonl"
    return journal.read_bytes().count(b"\n") if journal.exists() else 0


def _finished(out: Path) -> list[str]:
    return [json.loads(line)["row"]["file"] for line in (out / "journal.jsonl").read_text().splitlines()]


def test_a_full_disk_is_an_error_and_not_a_list_of_rejected_clips(tmp_path: Path):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, before[1]))
    try:
        with pytest.raises(LtBenchError, match=r"safetensors: could not be written: File too large"):
            prepare(config(tmp_path / "full"), workers=1)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert [p.name for p in (tmp_path / "full" / "clips").iterdir()] == []
    assert not (tmp_path / "full" / "index.parquet").exists()


def test_a_lost_clip_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Its process died after the files were whole, and before it said so."""
    out, fatal = tmp_path / "cache", "test_spk0000_take0"

    def run_jobs(jobs, make, lost, **_):
        worker = make()
        for job in jobs:
            done = worker.prepare(job)
            yield lost(job, "died") if job.id == fatal else done

    monkeypatch.setattr("data_prep.pipeline.run_jobs", run_jobs)
    done = prepare(config(out), workers=1)
    assert [(clip.id, clip.rule) for clip in done.rejected] == [(fatal, "lost")]
    assert not list(out.rglob(f"{fatal}.*"))
    assert verify_cache(out).damage is None


def test_the_verbs_report_and_verify(prepared: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path):
    assert main(["cache", "info", str(prepared), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["splits"]["test"] == {"clips": 1, "gallery": 1, "identities": 1, "frames": 52}
    assert report["real"].keys() == {"validation", "test"}
    assert main(["cache", "info", str(prepared)]) == 0
    assert main(["cache", "verify", str(prepared)]) == 0
    capsys.readouterr()
    copy = tmp_path / "copy"
    shutil.copytree(prepared, copy)
    video = next((copy / "real" / "test").glob("*.mp4"))
    video.write_bytes(video.read_bytes() + b"x")
    assert main(["cache", "verify", str(copy), "--json"]) == 1
    answer = json.loads(capsys.readouterr().out)
    assert answer["sound"] is False
    assert video.name in answer["damage"]
    assert main(["prepare", "synthetic", "--out", str(prepared), "synthetic.sed=1"]) == 2
    assert "did you mean 'seed'" in capsys.readouterr().err
    assert main(["prepare", "folder", "--out", str(tmp_path / "x"), "--folder", str(tmp_path / "nothing")]) == 2
    assert not (tmp_path / "x").exists()
