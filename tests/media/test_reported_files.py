"""Files as users of other tools report them: cut, joined, recorded by browsers and phones."""

from __future__ import annotations

import struct
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from PIL import Image

from data_prep.datasets.jobs import VideoJob
from data_prep.reporting import plan
from lt_bench.errors import MediaError
from lt_bench.media.audio import read_audio, write_wav
from lt_bench.media.image import read_image
from lt_bench.media.resampling import Span
from lt_bench.media.video import iter_frames, probe_video, read_frames

Make = Callable[..., Path]
TIMES = [Fraction(k, 25) for k in range(60)]
GROUP = 30
"""Frames from one whole picture to the next."""


def drifting(count: int = 60) -> list[np.ndarray]:
    """A texture that moves, so that each picture is made of parts of the one before."""
    noise = np.random.default_rng(0).integers(0, 256, (200, 300, 3), dtype=np.uint8)
    soft = cv2.GaussianBlur(noise, (0, 0), 3).astype(float)
    texture = ((soft - soft.mean()) * 4 + 128).clip(0, 255).astype(np.uint8)
    return [np.ascontiguousarray(texture[k : k + 96, 2 * k : 2 * k + 128]) for k in range(count)]


def without_its_first_packets(source: Path, count: int) -> Path:
    """Cut a video's beginning off without encoding it again; its sound is kept."""
    path = source.with_name(f"cut-{source.name}")
    with av.open(str(source)) as given, av.open(str(path), "w") as target:
        streams = {stream.index: target.add_stream_from_template(stream) for stream in given.streams}
        seen = 0
        for packet in given.demux():
            if packet.dts is None:
                continue
            video = packet.stream.type == "video"
            seen += video
            if not video or seen > count:
                packet.stream = streams[packet.stream.index]
                target.mux(packet)
    return path


@pytest.mark.parametrize(
    ("codec", "suffix"),
    [("mpeg4", "avi"), ("mpeg4", "mp4"), ("msmpeg4v3", "mkv"), ("flv1", "flv"), ("libx264", "mp4")],
)
def test_a_video_that_was_cut_without_encoding_begins_with_its_first_whole_picture(
    make_video: Make, codec: str, suffix: str
) -> None:
    pictures, options = drifting(), {"g": str(GROUP), "b": "2000000"}
    source = make_video(TIMES, f"a.{suffix}", Fraction(1, 25), codec, pictures, options=options)
    frames = read_frames(without_its_first_packets(source, 8), fps=None)
    assert len(frames) == len(pictures) - GROUP
    errors = [np.abs(a.astype(int) - b).mean() for a, b in zip(frames, pictures[GROUP:], strict=True)]
    assert max(errors) < 8  # made up, they are 20 to 120 off


def test_the_sound_of_a_video_that_was_cut_without_encoding_stays_in_time(
    make_video: Make, click: Callable[..., np.ndarray]
) -> None:
    sound = click(1.7, 60 / 25)
    options = {"g": str(GROUP), "b": "2000000"}
    source = make_video(TIMES, "a.mp4", Fraction(1, 25), "mpeg4", drifting(), options=options, audio=sound)
    heard = read_audio(without_its_first_packets(source, 8))
    assert np.argmax(np.abs(heard)) / 16000 == pytest.approx(1.7 - GROUP / 25, abs=0.005)


def test_a_video_without_any_whole_picture_is_refused(make_video: Make) -> None:
    options = {"g": "100", "sc_threshold": "1000000000"}
    source = make_video(TIMES[:GROUP], "a.mkv", Fraction(1, 25), "mpeg4", drifting(GROUP), options=options)
    with pytest.raises(MediaError, match="expected a video with frames, got 0 whole frames"):
        read_frames(without_its_first_packets(source, 8))


def test_a_browser_s_recording_has_no_length_and_no_index(make_video: Make, number_of) -> None:
    steps = np.random.default_rng(0).choice([33, 34, 66, 100], 59)
    times = [Fraction(int(ms), 1000) for ms in (0, *np.cumsum(steps))]
    path = make_video(times, "live.webm", Fraction(1, 1000), "libvpx", options={"g": "30"})
    data = path.read_bytes()
    place = data.index(b"\x44\x89\x88")  # the duration becomes an element that readers skip
    path.write_bytes(data[:place] + b"\xec\x89" + data[place + 2 :].replace(b"\x1c\x53\xbb\x6b", b"\x1c\x53\xbb\x6c"))
    assert probe_video(path).duration == 0
    job = VideoJob("a", "a", "train", "clip", path, "a.webm")
    assert plan._frames(job) is None  # unknown, not none
    whole = [number_of(frame) for frame in iter_frames(path)]
    for start in (0.0, 0.2, 0.4, 0.8, 1.2):
        part = [number_of(frame) for frame in iter_frames(path, span=Span.of_seconds(start, start + 0.4))]
        assert part == whole[round(start * 25) : round(start * 25) + 10]


def test_a_call_s_video_that_changes_its_size_is_refused_with_what_to_do(make_video: Make, tmp_path: Path) -> None:
    small, large = ([np.full((side, side, 3), 90, np.uint8)] * 10 for side in (48, 96))
    parts = [
        make_video(TIMES[:10], name, frames=f, codec="libvpx") for name, f in (("a.webm", small), ("b.webm", large))
    ]
    with av.open(str(tmp_path / "call.webm"), "w") as target:
        stream = None
        for number, part in enumerate(parts):
            with av.open(str(part)) as source:
                stream = stream or target.add_stream_from_template(source.streams.video[0])
                for packet in source.demux():
                    if packet.dts is not None:
                        packet.pts, packet.dts = (time + 400 * number for time in (packet.pts, packet.dts))
                        packet.stream = stream
                        target.mux(packet)
    with pytest.raises(MediaError, match=r"one size, got \(48, 48, 3\) then \(96, 96, 3\) .* ffmpeg -vf scale"):
        read_frames(tmp_path / "call.webm")


@pytest.mark.parametrize("codec", ["libx264", "libx265"])
def test_a_phone_s_video_is_turned_after_its_pixels_are_made_square(make_video: Make, codec: str) -> None:
    """Sides that are no multiple of a coding block, wide pixels and a quarter turn, all at once."""

    def setup(stream: av.VideoStream) -> None:
        stream.codec_context.sample_aspect_ratio = Fraction(3, 2)
        stream.set_display_rotation(90)

    picture = np.zeros((90, 120, 3), np.uint8)
    picture[:, 60:] = 255
    options = {"x265-params": "log-level=none"} if codec == "libx265" else None
    path = make_video(TIMES[:5], frames=[picture] * 5, codec=codec, setup=setup, options=options)
    info, frame = probe_video(path), read_frames(path)[0]
    assert (info.width, info.height) == (90, 180)
    assert frame.shape == (180, 90, 3)
    assert frame[5:85].min() > 240  # counterclockwise: what was right is above
    assert frame[95:175].max() < 15


@pytest.mark.parametrize("suffix", ["ts", "mkv", "mp4"])
def test_parts_are_found_in_a_recording_that_does_not_start_at_0(make_video: Make, number_of, suffix: str) -> None:
    times = [Fraction(582) + time for time in TIMES]
    options = {"qp": "0", "preset": "ultrafast", "g": str(GROUP)}
    path = make_video(times, f"late.{suffix}", options=options)
    whole = [number_of(frame) for frame in iter_frames(path)]
    assert whole == list(range(60))
    assert [number_of(frame) for frame in iter_frames(path, span=Span.of_seconds(1.4, 1.8))] == whole[35:45]


def joined_mp3(folder: Path, *tones: float) -> Path:
    """MP3 files of a second each, one after another, as speech services send long texts."""
    data = b""
    for tone in tones:
        wave = 0.3 * np.sin(2 * np.pi * tone * np.arange(16000) / 16000)
        with av.open(str(folder / "part.mp3"), "w") as target:
            stream = target.add_stream("libmp3lame", rate=16000, layout="mono")
            samples = np.ascontiguousarray(wave[None], np.float32)
            frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="mono")
            frame.sample_rate = 16000
            target.mux([*stream.encode(frame), *stream.encode(None)])
        data += (folder / "part.mp3").read_bytes()
    (folder / "joined.mp3").write_bytes(data)
    return folder / "joined.mp3"


def test_mp3_files_joined_by_cat_are_read_on_over_their_tags(tmp_path: Path) -> None:
    sound = read_audio(joined_mp3(tmp_path, 300, 600, 900))
    assert len(sound) / 16000 == pytest.approx(3, abs=0.3)
    for second, tone in enumerate((300, 600, 900)):
        middle = sound[round((second + 0.4) * 16000) :][:4000]
        assert np.argmax(np.abs(np.fft.rfft(middle * np.hanning(4000)))) * 4 == pytest.approx(tone, abs=8)


def wav(tag: int, bits: int, data: bytes, more: bytes = b"", chunks: bytes = b"", tail: bytes = b"") -> bytes:
    """A WAV file of mono sound at 16 kHz."""
    head = struct.pack("<HHIIHH", tag, 1, 16000, 2000 * bits, bits // 8, bits) + more
    body = b"WAVE" + chunks + b"fmt " + struct.pack("<I", len(head)) + head
    body += b"data" + struct.pack("<I", len(data)) + data + tail
    return b"RIFF" + struct.pack("<I", len(body)) + body


def test_every_kind_of_wav_is_read(tmp_path: Path) -> None:
    tone = 0.3 * np.sin(2 * np.pi * 220 * np.arange(16000) / 16000)
    short = np.rint(tone * 32767).astype("<i2").tobytes()
    long = b"".join(struct.pack("<i", round(value * 8388607))[:3] for value in tone)
    extensible = struct.pack("<HHIH", 22, 24, 4, 1) + bytes.fromhex("000000001000800000aa00389b71")
    files = {
        "extensible, 24 bits": wav(0xFFFE, 24, long, extensible),
        "float64": wav(3, 64, tone.astype("<f8").tobytes()),
        "odd chunks around": wav(1, 16, short, chunks=b"bext\3\0\0\0abc\0", tail=b"LIST\5\0\0\0INFO1\0"),
        "zeros behind": wav(1, 16, short) + bytes(5000),
        "half a sample at the end": wav(1, 16, short + b"\1"),
    }
    for name, data in files.items():
        (tmp_path / "a.wav").write_bytes(data)
        assert np.abs(read_audio(tmp_path / "a.wav") - tone).max() < 1e-3, name
    write_wav(tmp_path / "a.wav", tone.astype(np.float32))
    assert np.abs(read_audio(tmp_path / "a.wav") - tone).max() < 1e-3


TURNS = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
"""How a camera stores an upright picture by its EXIF orientation."""


@pytest.mark.parametrize("orientation", TURNS)
@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif", "avif"])
def test_photographs_of_every_orientation_stand_upright(tmp_path: Path, orientation: int, suffix: str) -> None:
    upright = np.zeros((40, 60, 3), np.uint8)
    upright[:20, :30], upright[:20, 30:], upright[20:, :30] = (255, 0, 0), (0, 255, 0), (0, 0, 255)
    picture, exif = Image.fromarray(upright), Image.Exif()
    turn, exif[0x0112] = TURNS[orientation], orientation
    stored = picture if turn is None else picture.transpose(turn)
    stored.save(tmp_path / f"a.{suffix}", exif=exif, quality=100)
    shown = read_image(tmp_path / f"a.{suffix}").astype(int)
    assert shown.shape == upright.shape
    assert np.abs(shown - upright)[4:16, 4:26].max() < 16
    assert np.abs(shown - upright)[24:36, 34:56].max() < 16


def test_transparency_of_every_kind_is_white(tmp_path: Path) -> None:
    colours = Image.new("P", (20, 20), 1)
    colours.putpalette([0, 0, 0, 255, 0, 0])
    colours.save(tmp_path / "palette.png", transparency=1)
    Image.new("L", (20, 20), 100).save(tmp_path / "grey.png", transparency=100)
    Image.merge("LA", [Image.new("L", (20, 20), level) for level in (0, 0)]).save(tmp_path / "layer.png")
    for name in ("palette.png", "grey.png", "layer.png"):
        assert (read_image(tmp_path / name) == 255).all(), name


def test_a_phone_s_heic_photo_is_named(tmp_path: Path) -> None:
    (tmp_path / "photo.heic").write_bytes(struct.pack(">I4s4sI4s4s", 24, b"ftyp", b"heic", 0, b"mif1", b"heic"))
    with pytest.raises(MediaError, match=r"photo\.heic: expected a picture file, got a HEIC photo; save it as JPEG"):
        read_image(tmp_path / "photo.heic")
