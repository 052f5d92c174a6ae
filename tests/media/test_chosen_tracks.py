"""Of several tracks the one that players choose is read: the default one, else the first."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.stream import Disposition

from lt_bench.errors import MediaError
from lt_bench.media.audio import read_audio
from lt_bench.media.video import probe_video, read_frames

RATE = 16000


def two_tracks(path: Path, sound: list[Disposition], pictures: list[Disposition]) -> Path:
    """Sound at levels 0.1, 0.2, ... and grey pictures of brightness 50, 100, ..., one track for each disposition."""
    with av.open(str(path), "w") as target:
        video, audio = [], []
        for disposition in pictures:
            stream = target.add_stream("libx264", rate=25, options={"qp": "0", "preset": "ultrafast"})
            stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
            stream.disposition = disposition
            video.append(stream)
        for disposition in sound:
            stream = target.add_stream("pcm_s16le", rate=RATE, layout="mono")
            stream.disposition = disposition
            audio.append(stream)
        for number, stream in enumerate(video, 1):
            for index in range(10):
                picture = np.full((48, 64, 3), 50 * number, np.uint8)
                frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format="yuv420p")
                frame.pts, frame.time_base = index, Fraction(1, 25)
                target.mux(stream.encode(frame))
            target.mux(stream.encode(None))
        for number, stream in enumerate(audio, 1):
            level = np.full((1, RATE * 4 // 10), round(3276.8 * number), np.int16)
            frame = av.AudioFrame.from_ndarray(level, format="s16", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = RATE, 0, Fraction(1, RATE)
            target.mux([*stream.encode(frame), *stream.encode(None)])
    return path


NONE, DEFAULT = Disposition(0), Disposition.default


@pytest.mark.parametrize(
    ("sound", "level"),
    [
        ([NONE, DEFAULT], 0.2),
        ([DEFAULT, NONE], 0.1),
        ([NONE, NONE], 0.1),
        ([DEFAULT, DEFAULT], 0.1),
        ([Disposition.visual_impaired | DEFAULT, NONE], 0.2),
        ([Disposition.comment], 0.1),
    ],
)
def test_the_default_audio_track_is_read(tmp_path: Path, sound: list[Disposition], level: float) -> None:
    path = two_tracks(tmp_path / "a.mkv", sound, [DEFAULT])
    assert read_audio(path).max() == pytest.approx(level, abs=0.01)


def test_the_default_video_track_is_read(tmp_path: Path) -> None:
    path = two_tracks(tmp_path / "a.mkv", [DEFAULT], [NONE, DEFAULT])
    assert read_frames(path).mean() == pytest.approx(100, abs=2)
    assert probe_video(path).has_audio


def test_timestamps_that_jump_back_are_called_so(make_video, tmp_path: Path) -> None:
    times = [Fraction(k, 25) for k in range(60)]
    tone = np.full(RATE * 60 // 25, 0.1, np.float32)
    pictures = [np.full((48, 64, 3), 90, np.uint8)] * 60
    kind = {"codec": "mpeg2video", "time_base": Fraction(1, 25), "options": {}, "audio_codec": "mp2"}
    one = make_video(times, "one.mpg", frames=pictures, audio=tone, **kind)
    both = tmp_path / "both.mpg"
    both.write_bytes(one.read_bytes() * 2)
    with pytest.raises(MediaError, match=r"both\.mpg: expected timestamps that go forward, got ones that jump back"):
        read_frames(both)
    with pytest.raises(MediaError, match=r"both\.mpg: expected audio timestamps that go forward.*ffmpeg -f concat"):
        read_audio(both)
