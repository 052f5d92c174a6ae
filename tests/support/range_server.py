"""A local web server that answers ranges, and can fail the ways that real ones do."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Site:
    """What the server serves, and what it was asked for."""

    files: dict[str, bytes] = field(default_factory=dict)
    """By path, without query."""
    cut_after: list[int] = field(default_factory=list)
    """Bytes after which each of the next answers breaks off."""
    refuse: list[int] = field(default_factory=list)
    """Status codes of the next answers."""
    ranges: bool = True
    """Whether ranges are answered; else the whole file is sent."""
    asked: list[tuple[str, str]] = field(default_factory=list)
    """Path and range of every request."""
    url: str = ""


@contextmanager
def serve() -> Iterator[Site]:
    """Run a server until the block ends."""
    site = Site()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *args: object) -> None: ...

        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            wanted = self.headers.get("Range", "")
            site.asked.append((path, wanted))
            status = site.refuse.pop(0) if site.refuse else 200 if path in site.files else 404
            if status != 200:
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            whole = site.files[path]
            start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted and site.ranges else 0
            body = whole[start:]
            self.send_response(206 if start else 200)
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(whole) - 1}/{len(whole)}")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: site.cut_after.pop(0)] if site.cut_after else body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    site.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield site
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
