"""A disk that fills up while a file is written, imitated by the limit on a process's file sizes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from lt_bench.errors import LtBenchError, MediaError
from lt_bench.media.audio import write_wav
from lt_bench.media.image import write_png
from lt_bench.media.sound import SpooledSound
from lt_bench.media.video import write_video

resource = pytest.importorskip("resource", reason="the limit is one of POSIX systems")


@contextmanager
def full_after(count: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (count, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("kind", ["mp4", "wav", "png"])
@pytest.mark.parametrize("size", [0, 100, 20_000])
def test_a_full_disk_is_one_line_and_leaves_nothing(tmp_path: Path, kind: str, size: int) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (10, 64, 64, 3), dtype=np.uint8)
    path = tmp_path / f"a.{kind}"
    writers = {
        "mp4": lambda: write_video(path, noise),
        "wav": lambda: write_wav(path, np.zeros(16000, np.float32)),
        "png": lambda: write_png(path, np.concatenate(list(noise))),
    }
    with full_after(size), pytest.raises(LtBenchError, match=rf"a\.{kind}: could not be written") as error:
        writers[kind]()
    assert "\n" not in str(error.value)
    assert not list(tmp_path.iterdir())


def test_a_sound_that_finds_no_room_is_one_line_that_names_the_folder(tmp_path: Path) -> None:
    with full_after(2000), pytest.raises(MediaError, match="sound could not be kept there: File too large"):
        SpooledSound([np.zeros(1500, np.float32)], tmp_path)
