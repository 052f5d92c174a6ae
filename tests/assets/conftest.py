"""A table of small assets, a cache and a mirror to keep them in, and a server to fetch them from."""

from __future__ import annotations

import bz2
import hashlib
import io
import threading
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import MappingProxyType

import pytest

from lt_bench.assets import store, table

CONTENT = {name: f"the bytes of {name}\n".encode() * 100 for name in ("plain", "packed", "zipped", "wheel", "sdist")}


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """The address of a local server with one asset as it is, one as bz2 and one in a zip."""
    folder = tmp_path / "served"
    folder.mkdir()
    (folder / "plain").write_bytes(CONTENT["plain"])
    (folder / "packed.bz2").write_bytes(bz2.compress(CONTENT["packed"]))
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("inside/zipped", CONTENT["zipped"])
        packed.writestr("../evil", b"must never be unpacked")
    (folder / "archive.zip").write_bytes(archive.getvalue())
    (folder / "wrong").write_bytes(b"x" * len(CONTENT["plain"]))
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as running:
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, server: str) -> dict[str, table.Asset]:
    """The table of small assets, with an empty cache and no mirror."""

    def entry(name: str, content: str, url: str, source: str = "url", member: str | None = None, **more: object):
        data = CONTENT[content]
        fields = {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest(), "note": "made by hand; long ago"}
        return table.Asset(
            name=name, file=f"folder/{name}", group="group", purpose="tests", licence="CC0", url=url, source=source,
            member=member, **(fields | more),
        )  # fmt: skip

    entries = [
        entry("plain", "plain", f"{server}/plain"),
        entry("packed", "packed", f"{server}/packed.bz2", "bz2"),
        entry("zipped", "zipped", f"{server}/archive.zip", "zip", "inside/zipped"),
        entry("absent member", "zipped", f"{server}/archive.zip", "zip", "nothing"),
        entry("not packed", "plain", f"{server}/plain", "bz2"),
        entry("no archive", "plain", f"{server}/plain", "zip", "inside/zipped"),
        entry("gone", "plain", f"{server}/gone"),
        entry("unreachable", "plain", "http://127.0.0.1:9/plain"),
        entry("wrong", "plain", f"{server}/wrong"),
        entry("unpinned", "plain", f"{server}/plain", bytes=None, sha256=None),
        entry("derived", "plain", "pypi:nothing==1.0", "derived"),
        entry("wheel", "wheel", "pypi:some-package==1.0", "wheel", "package/data.bin"),
        entry("sdist", "sdist", "pypi:some-package==1.0", "sdist", "example/data.bin"),
    ]
    made = MappingProxyType({e.name: e for e in entries})
    monkeypatch.setattr(table, "assets", lambda: made)
    monkeypatch.setattr("lt_bench.assets.assets", lambda: made)
    monkeypatch.setattr(store, "_hashes", {})
    monkeypatch.setenv("LT_BENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("LT_BENCH_MIRROR", raising=False)
    return dict(made)


@pytest.fixture
def content() -> dict[str, bytes]:
    return CONTENT
