"""Parts of videos, reached by seeking, are the same as the same parts of the whole."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from lt_bench.media.audio import read_audio
from lt_bench.media.resampling import Span
from lt_bench.media.video import iter_frames


@pytest.mark.parametrize(("name", "codec"), [("a.mp4", "libx264"), ("a.mkv", "libx264"), ("a.mpg", "mpeg2video")])
@pytest.mark.parametrize(("start", "stop"), [(0.0, 1.0), (0.4, 2.0), (3.2, 4.8), (4.0, None)])
def test_frames_and_sound_of_a_span(
    make_video: Callable[..., Path],
    number_of: Callable[[np.ndarray], int],
    name: str,
    codec: str,
    start: float,
    stop: float | None,
):
    sound = np.random.default_rng(0).normal(0, 0.1, 5 * 16000).astype(np.float32)
    options = {"qp": "0", "preset": "ultrafast", "g": "30", "bf": "2"} if codec == "libx264" else {"b": "4000000"}
    path = make_video(
        [Fraction(k, 25) for k in range(125)], name, codec=codec, options=options, audio=sound,
        audio_codec="mp2" if name.endswith("mpg") else "aac",
        time_base=Fraction(1, 25) if name.endswith("mpg") else Fraction(1, 90000),
    )  # fmt: skip
    span = Span.of_seconds(start, stop)
    first, last = round(start * 25), 125 if stop is None else round(stop * 25)
    numbers = [number_of(frame) for frame in iter_frames(path)]
    assert [number_of(frame) for frame in iter_frames(path, span=span)] == numbers[first:last]
    assert numbers == list(range(125)) or codec == "mpeg2video"  # too lossy for the numbers, not for a comparison
    whole, part = read_audio(path), read_audio(path, span=span)
    expected = whole[first * 640 : last * 640]
    assert abs(len(part) - len(expected)) <= 2304
    shared = min(len(part), len(expected)) - 200
    # Codecs and resampling filters remember what came before the cut, so the first few hundred samples may differ.
    assert np.corrcoef(part[1200:shared], expected[1200:shared])[0, 1] > 0.99


def test_a_span_between_frames_of_another_rate_starts_with_the_picture_shown(
    make_video: Callable[..., Path], number_of
):
    path = make_video([Fraction(k, 10) for k in range(40)], rate=10)
    got = [number_of(frame) for frame in iter_frames(path, span=Span.of_seconds(1.05, 1.55))]
    assert got[0] == 10
    assert sorted(got) == got
    assert set(got) == {10, 11, 12, 13, 14, 15}
    assert len(got) in (12, 13)


def test_the_first_pictures_of_a_program_stream_are_not_lost(mirror: Path):
    path = mirror / "grid-sample" / "bbaf2n.mpg"
    whole = list(iter_frames(path))
    for start, stop in ((0, 1), (0.6, 2)):
        part = list(iter_frames(path, span=Span.of_seconds(start, stop)))
        assert np.array_equal(part, whole[round(start * 25) : round(stop * 25)])


def test_a_span_beyond_the_end_has_no_frames(make_video: Callable[..., Path]):
    path = make_video([Fraction(k, 25) for k in range(25)])
    assert list(iter_frames(path, span=Span.of_seconds(5, 6))) == []
    with pytest.raises(ValueError, match="span of time"):
        Span.of_seconds(2, 1)
