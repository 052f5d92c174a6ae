"""Videos: each stands in a folder beside a good one, as a system's output and as raw material."""

from __future__ import annotations

import wave
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from hostile.entry import Entry, Make, folder, loop, pipe, sparse, written

SIDE, FRAMES = 64, 30
GOOD = "fine.mp4"
MISSED, EITHER = (1,), (0, 1)


def frames(count: int = FRAMES, height: int = SIDE, width: int = SIDE) -> np.ndarray:
    """Moving gradients, uint8 RGB."""
    y, x = np.mgrid[0:height, 0:width] / SIDE
    waves = [[np.sin(2 * np.pi * (x + y + s + k / 25)) * 90 + 128 for s in (0, 0.3, 0.6)] for k in range(count)]
    return np.rint(np.moveaxis(np.array(waves), 1, -1)).astype(np.uint8)


def encode(
    path: Path,
    pictures: Sequence[np.ndarray] | np.ndarray,
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    times: Sequence[float] | None = None,
    container: str | None = "mp4",
    sound: tuple[str, str, np.ndarray] | None = None,
    **settings: Any,
) -> None:
    """Pictures, and perhaps sound (codec, layout, samples), through any encoder."""
    with av.open(f"file:{path}", "w", format=container) as target:
        options = {"preset": "ultrafast"} if codec == "libx264" else {}
        stream: Any = target.add_stream(codec, rate=Fraction(settings.get("rate", 25)), options=options)
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = pix_fmt
        if "rotation" in settings:
            stream.set_display_rotation(settings["rotation"])
        audio: Any = target.add_stream(sound[0], rate=16000, layout=sound[1]) if sound else None
        base = Fraction(1, 1000)
        if times is not None:
            stream.codec_context.time_base = base
        for number, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24").reformat(format=pix_fmt)
            if times is not None:
                frame.pts, frame.time_base = round(times[number] / base), base
            target.mux(stream.encode(frame))
        target.mux(stream.encode(None))
        if sound:
            _add_sound(target, audio, sound[2])


def _add_sound(target: Any, stream: Any, samples: np.ndarray) -> None:
    for start in range(0, samples.shape[1], 1024):
        part = np.ascontiguousarray(samples[:, start : start + 1024], np.float32)
        packed = not stream.format.is_planar
        frame = av.AudioFrame.from_ndarray(
            part.T.reshape(1, -1) if packed else part, format="flt" if packed else "fltp", layout=stream.layout.name
        )
        frame.sample_rate, frame.pts, frame.time_base = 16000, start, Fraction(1, 16000)
        target.mux(stream.encode(frame))
    target.mux(stream.encode(None))


def tone(channels: int = 1, seconds: float = FRAMES / 25) -> np.ndarray:
    """A quiet tone, (channels, samples)."""
    time = np.arange(round(16000 * seconds)) / 16000
    return np.tile(np.float32(0.2 * np.sin(2 * np.pi * 200 * time)), (channels, 1))


def good(path: Path) -> None:
    """A video that nothing is wrong with."""
    encode(path, frames(), sound=("aac", "mono", tone()))


def _damaged(change: Callable[[bytes], bytes]) -> Make:
    def make(path: Path) -> None:
        good(path)
        path.write_bytes(change(path.read_bytes()))

    return make


def _flipped(data: bytes) -> bytes:
    """Every 97th byte of the second half of the pictures, inverted."""
    start = data.index(b"mdat") + 400
    middle = bytearray(data)
    for place in range(start, data.index(b"moov") - 8, 97):
        middle[place] ^= 0xFF
    return bytes(middle)


def _clipped(data: bytes) -> bytes:
    """A clean aperture of half the sides, in the middle; the tables of a written video follow its pictures."""
    atom = b"\0\0\0\x28clap" + b"".join(n.to_bytes(4, "big") for n in (SIDE // 2, 1, SIDE // 2, 1, 0, 1, 0, 1))
    changed, place = bytearray(data), 0
    for name in (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd", b"avc1"):
        place = data.index(name, place)
        size = int.from_bytes(data[place - 4 : place], "big")
        changed[place - 4 : place] = (size + len(atom)).to_bytes(4, "big")
    return bytes(changed[: place - 4 + size] + atom + changed[place - 4 + size :])


def _headless(path: Path) -> None:
    """Cut without being encoded again: its first pictures refer to some that are gone."""
    whole = path.with_name(f"{path.name}.whole")
    with av.open(f"file:{whole}", "w", format="matroska") as target:
        stream: Any = target.add_stream("mpeg4", rate=25, options={"g": "12"})
        stream.width, stream.height, stream.pix_fmt = SIDE, SIDE, "yuv420p"
        for picture in frames(2 * FRAMES):
            target.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        target.mux(stream.encode(None))
    with av.open(f"file:{whole}") as given, av.open(f"file:{path}", "w", format="matroska") as target:
        copied = target.add_stream_from_template(given.streams.video[0])
        for number, packet in enumerate(given.demux()):
            if number >= 5 and packet.dts is not None:
                packet.stream = copied
                target.mux(packet)
    whole.unlink()


def _counted(data: bytes) -> bytes:
    """The table of sizes announces four thousand million frames."""
    place = data.index(b"stsz") + 12
    return data[:place] + b"\xff\xff\xff\xff" + data[place + 4 :]


def _wav(path: Path) -> None:
    with wave.open(str(path), "wb") as stream:
        stream.setparams((1, 2, 16000, 0, "NONE", ""))
        stream.writeframes(b"\0\1" * 16000)


def _png(path: Path) -> None:
    from PIL import Image

    Image.fromarray(frames(1)[0]).save(path, format="PNG")


def _changing_size(path: Path) -> None:
    parts = []
    for side in (SIDE, 2 * SIDE):
        encode(path, frames(15, side, side), container="h264")
        parts.append(path.read_bytes())
    path.write_bytes(b"".join(parts))


def _link_out(path: Path) -> None:
    path.symlink_to(Path("outside/secret.mp4").resolve())


def _renamed(name: str) -> Entry:
    return Entry(f"video named {name!r:.40}", "video", good, (0,), file=name)


GAP = [k / 25 for k in range(FRAMES - 1)] + [1e6]
_SLIPPING = [k / 25 + 0.3 * (k // 10) for k in range(FRAMES)]
_NAN = np.full((1, 16000), np.nan, np.float32)


def _tagged(path: Path, **tags: Any) -> None:
    with av.open(f"file:{path}", "w", format="matroska") as target:
        stream: Any = target.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = SIDE, SIDE, "yuv420p"
        for name, value in tags.items():
            setattr(stream.codec_context, name, value)
        for number, picture in enumerate(frames()):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format="yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            if "color_trc" in tags:
                frame.color_trc = tags["color_trc"]
            target.mux(stream.encode(frame))
        target.mux(stream.encode(None))


def _wide_pixels(path: Path) -> None:
    _tagged(path, sample_aspect_ratio=Fraction(100))


def _high_range(path: Path) -> None:
    _tagged(path, color_trc=16)


VIDEOS = (
    Entry("video cut in half", "video", _damaged(lambda data: data[: len(data) // 2]), MISSED),
    Entry("video without its last bytes", "video", _damaged(lambda data: data[:-200]), EITHER),
    Entry("video of 0 bytes", "video", written(b""), MISSED, "0 bytes"),
    Entry("video of 1 byte", "video", written(b"\0"), MISSED),
    Entry("video that is text", "video", written("not a video\n" * 100), MISSED),
    Entry("video that is sound", "video", _wav, MISSED),
    Entry("video that is a picture", "video", _png, MISSED),
    Entry("video with only sound in it", "video", lambda p: _only_sound(p), MISSED),
    Entry("video of 1 frame", "video", lambda p: encode(p, frames(1)), MISSED, "got 1"),
    Entry("video 8k wide", "video", lambda p: encode(p, [np.zeros((4320, 7680, 3), np.uint8)] * 26), EITHER),
    Entry("video that its container crops", "video", _damaged(_clipped), (0,)),
    Entry("video cut without encoding", "video", _headless, MISSED, "got at least 36"),
    Entry("video of 2 pixels", "video", lambda p: encode(p, frames(FRAMES, 2, 2)), EITHER),
    Entry("video of 10 bits", "video", lambda p: encode(p, frames(), pix_fmt="yuv420p10le"), (0,)),
    Entry("video turned by 90 degrees", "video", lambda p: encode(p, frames(), rotation=90), (0,)),
    Entry("video turned by 30 degrees", "video", lambda p: encode(p, frames(), rotation=30), MISSED, "quarter"),
    Entry("video of variable rate", "video", lambda p: encode(p, frames(), times=_SLIPPING), EITHER),
    Entry(
        "video with a frame of eleven days",
        "video",
        lambda p: encode(p, frames(), times=GAP, container="matroska"),
        MISSED,
    ),
    Entry("video of 1000 frames a second", "video", lambda p: encode(p, frames(120), rate=1000), MISSED),
    Entry("video without sound", "video", lambda p: encode(p, frames()), (0,)),
    Entry(
        "video with 8 channels",
        "video",
        lambda p: encode(p, frames(), container="matroska", sound=("pcm_f32le", "7.1", tone(8))),
        (0,),
    ),
    Entry(
        "video with NaN sound",
        "video",
        lambda p: encode(p, frames(), container="matroska", sound=("pcm_f32le", "mono", _NAN)),
        EITHER,
    ),
    Entry("video of another codec", "video", lambda p: encode(p, frames(), "mjpeg", "yuvj420p"), (0,)),
    Entry("video in Matroska named mp4", "video", lambda p: encode(p, frames(), container="matroska"), (0,)),
    Entry("video with alpha", "video", lambda p: encode(p, frames(), "ffv1", "yuva420p", container="matroska"), EITHER),
    Entry("video with damaged packets", "video", _damaged(_flipped), EITHER),
    Entry("video that announces 4e9 frames", "video", _damaged(_counted), EITHER),
    Entry("video that changes its size", "video", _changing_size, MISSED),
    Entry(
        "video that is a playlist of a file outside",
        "video",
        written("ffconcat version 1.0\nfile '../../outside/secret.mp4'\n"),
        MISSED,
    ),
    Entry(
        "video that is a playlist of the net",
        "video",
        written("#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nhttp://127.0.0.1:9/x.ts\n#EXT-X-ENDLIST\n"),
        MISSED,
    ),
    Entry("video of 3 GB of zeros", "video", sparse(3 * 10**9), MISSED),
    Entry("video of pixels a hundred times as wide as high", "video", _wide_pixels, MISSED, "sample aspect ratio"),
    Entry("video of high dynamic range", "video", _high_range, MISSED, "convert with ffmpeg"),
    Entry("video that links to itself", "video", loop, MISSED),
    Entry("video that links to nothing", "video", lambda p: p.symlink_to("nowhere.mp4"), MISSED),
    Entry("video that links out", "video", _link_out, EITHER),
    Entry("video that is a pipe", "video", pipe, MISSED),
    Entry("video that is a folder", "video", folder, MISSED),
    _renamed("two words.mp4"),
    _renamed("new\nline.mp4"),
    _renamed("-leading-dash.mp4"),
    _renamed("--help.mp4"),
    _renamed("ünïcödé \u202e\U0001f600.mp4"),
    _renamed("no utf8 \udcff\udcfe.mp4"),
    _renamed("<img src=x onerror=alert(1)>.mp4"),
    _renamed('"onerror=alert(1) x=".mp4'),
    _renamed("\x1b]0;title\x07\x1b[31mred.mp4"),
    _renamed("[red]markup[bold] %s {} $(touch canary) `id`.mp4"),
    _renamed("http:colon.mp4"),
    _renamed(f"{'long' * 62}.mp4"),
)


def _only_sound(path: Path) -> None:
    with av.open(f"file:{path}", "w", format="mp4") as target:
        stream: Any = target.add_stream("aac", rate=16000, layout="mono")
        _add_sound(target, stream, tone())
