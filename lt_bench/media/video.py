"""Reading of videos as players show them: upright RGB frames of square pixels, deinterlaced, at one exact rate."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path

import av
import numpy as np
from av import VideoFrame
from av.container import InputContainer
from av.packet import Packet
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

from lt_bench.conventions import FPS
from lt_bench.errors import MediaError
from lt_bench.media.colour import check_size, frame_to_rgb, rotation_degrees
from lt_bench.media.container import chosen_stream, demux_whole, explain, has_stream, open_media, seek_packets
from lt_bench.media.cropping import hidden_margins
from lt_bench.media.deinterlacing import deinterlaced
from lt_bench.media.resampling import Span, Timed, resample, within
from lt_bench.media.video_writer import write_video
from lt_bench.shapes import Frames, UInt8

__all__ = ["VideoInfo", "iter_frames", "probe_video", "read_frames", "write_video"]

MAX_GAP_SECONDS = 60
"""Longest accepted duration of a frame; a longer one means broken timestamps, and the frame is not repeated."""


@dataclass(frozen=True)
class VideoInfo:
    """Properties of a video file; its first frame was decoded successfully."""

    width: int
    """Width of the upright frame in square pixels."""
    height: int
    """Height of the upright frame in square pixels."""
    fps: float
    """Average frames per second as stored."""
    frames: int | None
    """Number of frames in the header; None if it is missing or only covers a part of the file."""
    duration: float
    """Seconds, from the header, or estimated by FFmpeg for formats without it (MPEG program streams)."""
    has_audio: bool
    codec: str
    """FFmpeg's name of the codec, such as "h264"."""
    rotation: int
    """Counterclockwise rotation, in degrees, that turns stored frames upright."""


def probe_video(path: str | os.PathLike[str]) -> VideoInfo:
    """Read a video's header and first frame.

    Raises:
        MediaError: it is not a readable video, or has no frame.
    """
    path = Path(path)
    with closing(open_media(path, "video")) as container:
        stream = _video_stream(container, path)
        with closing(_decode(container, stream, path)) as frames:
            frame = next(frames)
        height, width, _ = _Converter(path, stream).rgb(frame, 0).shape
        fps = float(stream.average_rate or stream.guessed_rate or 0)
        if stream.duration is not None and stream.time_base is not None:
            duration = float(stream.duration * stream.time_base)
        else:
            duration = (container.duration or 0) / av.time_base
        return VideoInfo(
            width=width,
            height=height,
            fps=fps,
            frames=stream.frames if stream.frames and abs(stream.frames - duration * fps) < 2 else None,
            duration=duration,
            has_audio=has_stream(container, "audio"),
            codec=stream.codec_context.codec.canonical_name,
            rotation=rotation_degrees(frame),
        )


def iter_frames(
    path: str | os.PathLike[str], fps: float | None = float(FPS), span: Span | None = None
) -> Generator[UInt8[np.ndarray, "H W 3"], None, None]:
    """Yield a video's upright RGB frames (uint8, 0..255), in constant memory.

    The file is opened immediately and decoded on demand.

    Args:
        path: path of the video.
        fps: frames per second of the output, by the rule of ``resampling.resample`` with time zero at the first frame's
            presentation time; None yields the stored frames.
        span: part of the video, reached by seeking; output frame 0 is the picture shown at its start.

    Raises:
        MediaError: the file cannot be opened (immediately), or is damaged, truncated, or changes its size (while
            reading).
    """
    path = Path(path)
    if fps is not None and not 0 < fps <= 1000:
        raise MediaError(f"{path}: expected a frame rate above 0 and up to 1000, got {fps}")
    container = open_media(path, "video")
    try:
        stream = _video_stream(container, path)
    except MediaError:
        container.close()
        raise
    return _frames(container, stream, path, fps, span)


def read_frames(path: str | os.PathLike[str], fps: float | None = float(FPS), max_frames: int | None = None) -> Frames:
    """All frames of ``iter_frames``, or the first ``max_frames``, as one array (F, H, W, 3).

    Raises:
        MediaError: same as ``iter_frames``.
    """
    if max_frames is not None and max_frames < 1:
        raise MediaError(f"{path}: expected to read at least one frame, got max_frames {max_frames}")
    with closing(iter_frames(path, fps)) as frames:
        return np.stack(list(islice(frames, max_frames)))


def first_frame_time(path: str | os.PathLike[str]) -> Fraction | None:
    """Return the presentation time of a file's first frame in seconds; None for a file without video.

    Raises:
        MediaError: the file cannot be opened, or its first frame cannot be decoded.
    """
    path = Path(path)
    with closing(open_media(path)) as container:
        if not has_stream(container, "video"):
            return None
        stream = _video_stream(container, path)
        with closing(_decode(container, stream, path)) as frames, closing(_timed(frames, stream, path)) as timed:
            return next(timed).start


def _video_stream(container: InputContainer, path: Path) -> VideoStream:
    stream = chosen_stream(container, "video", path)
    assert isinstance(stream, VideoStream)
    try:
        check_size(stream.codec_context.width, stream.codec_context.height)
    except MediaError as error:
        raise MediaError(f"{path}: {error}") from None
    # One thread is used, because workers run in parallel and frame threads would keep many frames in memory.
    stream.codec_context.thread_count = 1
    return stream


def _frames(
    container: InputContainer, stream: VideoStream, path: Path, fps: float | None, span: Span | None
) -> Generator[np.ndarray, None, None]:
    shape = None
    with closing(container):
        converter = _Converter(path, stream)
        if span is None:
            timed = _timed(_pictures(container, stream, path), stream, path)
        else:
            zero = first_frame_time(path)
            assert zero is not None
            packets = seek_packets(container, stream, path, zero + span.start)
            timed = within(_timed(_pictures(container, stream, path, packets), stream, path), span, zero)
        if fps is None:
            chosen = ((index, entry.item) for index, entry in enumerate(timed))
        else:
            numbered = (Timed((index, entry.item), entry.start, entry.duration) for index, entry in enumerate(timed))
            chosen = resample(numbered, Fraction(fps).limit_denominator(1001))
        last, rgb = -1, None
        for index, frame in chosen:
            if index != last:
                rgb, last = converter.rgb(frame, index), index
            assert rgb is not None
            if shape is not None and rgb.shape != shape:
                raise MediaError(
                    f"{path}: expected frames of one size, got {shape} then {rgb.shape} at frame {index}; encode it "
                    "again with ffmpeg -vf scale"
                )
            shape = rgb.shape
            yield rgb.copy()


def _pictures(
    container: InputContainer, stream: VideoStream, path: Path, packets: Iterator[Packet] | None = None
) -> Iterator[VideoFrame]:
    """Decode frames and deinterlace them."""
    with explain(path, "could not be deinterlaced"):
        yield from deinterlaced(_decode(container, stream, path, packets))


def _decode(
    container: InputContainer, stream: VideoStream, path: Path, packets: Iterator[Packet] | None = None
) -> Generator[VideoFrame, None, None]:
    """Decoded frames in order of presentation; at least one. Of all packets, or of those given, which follow a jump.

    A video that was cut without being encoded again begins with pictures that refer to some which are gone. Some
    decoders leave them out, others make them up; here they are left out, and the first whole one is the first frame.
    """
    count, jumped = 0, packets is not None
    headless: bool | None = None
    packets = demux_whole(container, stream, path) if packets is None else packets
    # AVI stores no presentation times, and with B-frames FFmpeg's estimates can decrease. In AVI one packet is one
    # frame, so the n-th shown frame gets the time of the n-th packet.
    slots: deque[int] | None = deque() if container.format.name == "avi" else None
    while True:
        with explain(path, f"damaged or cut after {count} frames"):
            packet = next(packets, None)
            frames = [] if packet is None else stream.decode(packet)
        if packet is not None and packet.size:
            headless = not packet.is_keyframe if headless is None else headless
            if slots is not None and packet.dts is not None:
                slots.append(packet.dts)
        for frame in frames:
            place = slots.popleft() if slots else None
            if headless and not frame.key_frame:
                continue
            headless = False
            if frame.is_corrupt:
                if jumped and not count:  # it refers to pictures from before the jump
                    continue
                raise MediaError(f"{path}: damaged: frame {count} cannot be decoded whole")
            if slots is not None:
                frame.pts, frame.time_base = place, stream.time_base
            yield frame
            count += 1
        if packet is None:
            break
    if not count:
        raise MediaError(f"{path}: expected a video with frames, got 0 {'whole ' if headless else ''}frames")


def _timed(frames: Iterator[VideoFrame], stream: VideoStream, path: Path) -> Generator[Timed[VideoFrame], None, None]:
    """Yield frames with exact times; a frame without a time follows the previous one by the stream's frame interval."""
    rate = stream.average_rate or stream.guessed_rate or Fraction(25)
    interval = 1 / Fraction(rate)
    last: Fraction | None = None
    for index, frame in enumerate(frames):
        if frame.pts is None or frame.time_base is None:
            start = Fraction(0) if last is None else last + interval
        else:
            start = frame.pts * frame.time_base
        if last is not None and not last < start <= last + MAX_GAP_SECONDS:
            if start == last:  # two pictures at one instant: the first is never seen
                continue
            if start < last:
                raise MediaError(
                    f"{path}: expected timestamps that go forward, got ones that jump back from {float(last):.3f} s to "
                    f"{float(start):.3f} s at frame {index}, as in files joined by cat; join them with ffmpeg -f concat"
                )
            raise MediaError(
                f"{path}: expected frame {index} after {float(last):.3f} s by at most {MAX_GAP_SECONDS} s, "
                f"got {float(start):.3f} s"
            )
        last = start
        given = frame.duration * frame.time_base if frame.duration and frame.time_base else interval
        yield Timed(frame, start, min(given, Fraction(MAX_GAP_SECONDS)))


class _Converter:
    """Converts the decoded frames of a stream to the pictures that a player shows."""

    def __init__(self, path: Path, stream: VideoStream) -> None:
        self._path, self._ratio = path, stream.sample_aspect_ratio
        self._hidden = hidden_margins(path, stream.container.format.name, stream)
        self._reformatter = VideoReformatter()

    def rgb(self, frame: VideoFrame, index: int) -> np.ndarray:
        path = self._path
        try:
            with explain(path, f"frame {index} could not be converted to RGB"):
                return frame_to_rgb(frame, self._reformatter, self._ratio, self._hidden)
        except MediaError as error:
            if str(error).startswith(str(path)):
                raise
            raise type(error)(f"{path}: frame {index}: {error}") from None
