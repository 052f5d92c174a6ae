"""Deinterlacing of video, as players do it.

Interlaced frames contain two fields, recorded at two times. bwdif (a combination of W3FDIF and YADIF) completes the
fields to one picture per frame, at the time of its first field, so the frame rate does not change. Progressive frames
are not changed.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator

import av
from av import VideoFrame
from av.filter import Graph


def deinterlaced(frames: Iterator[VideoFrame]) -> Generator[VideoFrame, None, None]:
    """Yield the frames of a video in order, and deinterlace those that are marked as interlaced.

    The filter reads one frame ahead, and is not built for a video without interlaced frames.
    """
    graph: Graph | None = None
    shape: tuple[int, int, str] | None = None
    for frame in frames:
        if graph is not None and shape != _shape(frame):
            yield from _finished(graph)
            graph = None
        if graph is None:
            if not frame.interlaced_frame:
                yield frame
                continue
            graph, shape = _build(frame), _shape(frame)
        graph.vpush(frame)
        yield from _ready(graph)
    if graph is not None:
        yield from _finished(graph)


def _build(frame: VideoFrame) -> Graph:
    graph = Graph()
    graph.threads = 1
    source = graph.add_buffer(
        width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base, name="in"
    )
    graph.link_nodes(
        source, graph.add("bwdif", "mode=send_frame:parity=auto:deint=interlaced"), graph.add("buffersink")
    ).configure()
    return graph


def _finished(graph: Graph) -> Iterator[VideoFrame]:
    graph.vpush(None)
    yield from _ready(graph)


def _ready(graph: Graph) -> Iterator[VideoFrame]:
    while True:
        try:
            frame = graph.vpull()
        except (av.BlockingIOError, av.EOFError):
            return
        assert isinstance(frame, VideoFrame)
        yield frame


def _shape(frame: VideoFrame) -> tuple[int, int, str]:
    return frame.width, frame.height, frame.format.name
