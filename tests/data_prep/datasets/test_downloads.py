"""Fetching by the real yt-dlp, from a server of this test's own."""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from data_prep.datasets.downloads import VideoFolder, Wanted, fetch_videos
from lt_bench.errors import ConfigError
from lt_bench.media.video import read_frames, write_video


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None: ...


@pytest.fixture
def site(tmp_path: Path) -> Iterator[str]:
    folder = tmp_path / "site"
    write_video(folder / "one.mp4", np.random.default_rng(0).integers(0, 255, (5, 32, 32, 3), dtype=np.uint8))
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
def test_videos_arrive_and_those_that_do_not_are_listed_with_a_reason(site: str, tmp_path: Path):
    pytest.importorskip("yt_dlp")
    wanted = [Wanted("First", f"{site}/one.mp4"), Wanted("Gone", f"{site}/nothing.mp4")]
    folder, steps = tmp_path / "videos", []
    failed = fetch_videos(wanted, folder, lambda now, total: steps.append((now, total)))
    assert read_frames(folder / "First.mp4", fps=None).shape == (5, 32, 32, 3)
    assert list(failed) == ["Gone"]
    assert "404" in failed["Gone"]
    assert steps == [(0, 2), (1, 2), (2, 2)]
    here = VideoFolder(folder)
    assert here.find("First") == (folder / "First.mp4").resolve()
    assert here.find("Gone") is None
    assert "404" in here.reason("Gone", "other")
    before = (folder / "First.mp4").stat().st_mtime_ns
    (tmp_path / "site" / "nothing.mp4").write_bytes((folder / "First.mp4").read_bytes())
    assert fetch_videos(wanted, folder) == {}  # what failed is tried again, what is here is not
    assert (folder / "First.mp4").stat().st_mtime_ns == before
    assert VideoFolder(folder).failed == {}


def test_without_yt_dlp_the_error_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr("data_prep.datasets.downloads.importlib.util.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"pip install -e '.\[download\]'"):
        fetch_videos([], tmp_path)
