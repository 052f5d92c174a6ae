"""Whatever happens to a preparation, the same command ends it with the bytes of an undisturbed run."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from data_prep.datasets.registry import list_source
from data_prep.describe import describe_cache
from data_prep.pipeline import prepare
from data_prep.resolved import resolve_auto
from lt_bench.cli.main import main
from lt_bench.config import DataConfig, SyntheticConfig
from lt_bench.data.format import INDEX_FILE, JOURNAL_FILE
from lt_bench.data.verify import verify_cache
from lt_bench.data.writer import CacheWriter
from lt_bench.errors import LtBenchError
from lt_bench.files import sha256_file
from lt_bench.media.audio import read_audio
from lt_bench.media.video import read_frames, write_video

SCENES = 3
SMALL = SyntheticConfig(
    train_speakers=8, validation_speakers=2, test_speakers=2, takes=2, train_frames=30, test_frames=30
)
CLIPS = 24


def config(path: Path) -> DataConfig:
    return DataConfig(cache=str(path), synthetic=SMALL, resolution=64, codec="dct")


OF_THE_VERB = ("report.html", "verified.json")
"""What the command adds to what ``prepare`` makes; the second says when."""


def files(path: Path) -> dict[str, str]:
    found = (p for p in sorted(path.rglob("*")) if p.is_file() and p.name not in OF_THE_VERB)
    return {str(p.relative_to(path)): sha256_file(p) for p in found}


def journal(path: Path) -> int:
    file = path / JOURNAL_FILE
    return file.read_bytes().count(b"\n") if file.exists() else 0


def test_a_second_process_on_the_same_folder_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    settings = DataConfig(cache=str(tmp_path / "cache"), resolution=64, codec="dct")
    with CacheWriter(tmp_path / "cache", describe_cache(resolve_auto(settings), list_source(settings).hash)):
        assert main(["prepare", "synthetic", "--out", str(tmp_path / "cache")]) == 2
    assert "another process is writing this cache" in capsys.readouterr().err


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    path = tmp_path_factory.mktemp("undisturbed") / "cache"
    assert prepare(config(path), workers=1).prepared == CLIPS
    return files(path)


def start(out: Path, workers: int) -> subprocess.Popen[bytes]:
    keys = [f"synthetic.{name}={value}" for name, value in vars(SMALL).items()]
    command = [sys.executable, "-m", "lt_bench", "prepare", "synthetic", "--out", str(out), "--workers", str(workers)]
    command += ["--resolution", "64", "--codec", "dct"]
    return subprocess.Popen([*command, *keys], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


def kill_at(out: Path, workers: int, lines: int, seconds: float) -> int:
    """Run until the journal has so many lines, a little more, then kill; how many lines it has now."""
    process = start(out, workers)
    while process.poll() is None and journal(out) < lines:
        time.sleep(0.002)
    time.sleep(seconds)
    process.kill()
    process.wait()
    return journal(out)


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2, 4])
def test_killed_again_and_again_at_random_moments(workers: int, undisturbed: dict[str, str], tmp_path: Path):
    out, rng, lines = tmp_path / "cache", random.Random(workers), 0
    kills = 0
    while not (out / INDEX_FILE).exists() and kills < 8:
        before = lines
        lines = kill_at(out, workers, min(lines + rng.randint(1, 5), CLIPS - 1), rng.random() * 0.2)
        assert lines >= before or (out / INDEX_FILE).exists(), "a clip was lost"
        kills += 1
    assert kills >= 3
    remaining = prepare(config(out), workers=workers)
    assert remaining.prepared == CLIPS - lines or (out / INDEX_FILE).exists()
    assert files(out) == undisturbed
    assert verify_cache(out).clips == CLIPS


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(disk)], capture_output=True).returncode:
        pytest.skip("this user cannot mount a file system")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.slow
def test_a_full_disk_is_named_and_with_more_room_the_same_command_ends(
    small_disk: Path, undisturbed: dict[str, str], tmp_path: Path
):
    out = small_disk / "cache"
    with pytest.raises(LtBenchError, match=r"could not be written: No space left on device"):
        prepare(config(out), workers=2)
    kept = journal(out)
    assert 0 < kept < CLIPS
    assert not list(out.rglob(".*.tmp*"))
    subprocess.run(["mount", "-o", "remount,size=64m", str(small_disk)], check=True)
    assert prepare(config(out), workers=2).prepared == CLIPS - kept
    assert files(out) == undisturbed


@pytest.mark.slow
@pytest.mark.faults
def test_a_worker_that_is_killed_costs_no_clip(undisturbed: dict[str, str], tmp_path: Path):
    import psutil

    out = tmp_path / "cache"
    process = start(out, 2)
    while process.poll() is None and journal(out) < 3:
        time.sleep(0.002)
    workers = [child for child in psutil.Process(process.pid).children() if "spawn_main" in " ".join(child.cmdline())]
    os.kill(workers[0].pid, 9)
    assert process.wait(600) == 0
    assert files(out) == undisturbed


@pytest.fixture(scope="module")
def films(assets: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A film of three scenes, and one of a single scene."""
    folder, scenes = tmp_path_factory.mktemp("films"), []
    for name in ("sbia1a", "lbax4n", "brbk7n", "lrwp9a"):
        path = assets / "grid-sample" / f"{name}.mpg"
        scenes.append((read_frames(path, max_frames=50)[20:50], read_audio(path)[20 * 640 : 50 * 640]))
    pictures, sounds = (np.concatenate(parts) for parts in zip(*scenes[:SCENES], strict=True))
    write_video(folder / "many.mp4", pictures, audio=sounds)
    write_video(folder / "one.mp4", scenes[SCENES][0], audio=scenes[SCENES][1])
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(
    ("clips", "lines", "kept"),
    [(1, 0, 0), (2, 0, 0), (3, 0, 0), (3, 3, 3), (3, 3, 1)],
    ids=["one clip written", "two written", "all written", "all in the journal", "one of three in the journal"],
)
def test_killed_within_a_film_of_three_scenes(
    clips: int, lines: int, kept: int, films: Path, mirror: Path, tmp_path: Path
):
    out = tmp_path / "killed"
    command = [sys.executable, "-m", "lt_bench", "prepare", "folder", "--folder", str(films), "--resolution", "64"]
    process = subprocess.Popen(
        [*command, "--out", str(out), "--workers", "1"], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    )
    while process.poll() is None and (len(list(out.glob("clips/*.safetensors"))) < clips or journal(out) < lines):
        time.sleep(0.0005)
    process.kill()
    assert process.wait() == -9
    if kept < lines:  # a moment of a millisecond, made by hand
        whole = (out / JOURNAL_FILE).read_bytes().splitlines(keepends=True)
        (out / JOURNAL_FILE).write_bytes(b"".join(whole[:kept]))
    settings = DataConfig(dataset="folder", folder=str(films), cache=str(out), resolution=64)
    prepare(settings, workers=1)
    undisturbed = tmp_path / "undisturbed"
    assert prepare(replace(settings, cache=str(undisturbed)), workers=1).prepared == SCENES + 1
    assert files(out) == files(undisturbed)
