from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from lt_bench.media.resampling import Timed, resample

FPS = Fraction(25)


def regular(rate: Fraction, count: int) -> list[Timed[int]]:
    return [Timed(i, i / rate, 1 / rate) for i in range(count)]


def by_definition(frames: list[Timed[int]], fps: Fraction) -> list[int]:
    """The rule as its docstring words it, without any of the streaming."""
    zero, last = frames[0].start, frames[-1]
    total = max(1, int((last.start + last.duration - zero) * fps + Fraction(1, 2)))
    chosen = []
    for k in range(total):
        time = zero + k / fps
        allowed = [f for f in frames if f.start - time < 1 / (2 * fps)]
        chosen.append(min(allowed, key=lambda f: (abs(f.start - time), f.start)).item)
    return chosen


@settings(deadline=None)
@given(
    gaps=st.lists(st.fractions(Fraction(1, 1000), Fraction(1, 2), max_denominator=1200), min_size=1, max_size=30),
    start=st.fractions(-2, 2, max_denominator=1000),
    fps=st.sampled_from([Fraction(25), Fraction(30000, 1001), Fraction(10), Fraction(1)]),
)
def test_streaming_agrees_with_the_definition_for_any_times(gaps, start, fps) -> None:
    frames, time = [], start
    for index, gap in enumerate(gaps):
        frames.append(Timed(index, time, gap))
        time += gap
    assert list(resample(frames, fps)) == by_definition(frames, fps)


def test_the_same_rate_is_the_identity() -> None:
    assert list(resample(regular(FPS, 100), FPS)) == list(range(100))


def test_double_rate_takes_every_second_frame() -> None:
    assert list(resample(regular(Fraction(50), 100), FPS)) == list(range(0, 100, 2))


def test_half_rate_shows_every_frame_twice() -> None:
    assert list(resample(regular(Fraction(25, 2), 10), FPS)) == [i // 2 for i in range(20)]


def test_times_off_by_rounding_to_milliseconds_change_nothing() -> None:
    exact = regular(Fraction(30000, 1001), 300)
    rounded = [Timed(f.item, Fraction(round(f.start * 1000), 1000), f.duration) for f in exact]
    different = sum(a != b for a, b in zip(resample(exact, FPS), resample(rounded, FPS), strict=True))
    assert different <= 2
    jittered = [Timed(f.item, f.start + Fraction((-1) ** f.item, 1000), f.duration) for f in regular(FPS, 100)]
    assert list(resample(jittered, FPS)) == list(range(100))


def test_no_frame_is_shown_half_an_interval_before_its_time_across_a_gap() -> None:
    frames = [Timed(0, Fraction(0), Fraction(1)), Timed(1, Fraction(1), Fraction(1, 25))]
    assert list(resample(frames, FPS)) == [0] * 25 + [1]


def test_nothing_gives_nothing_and_one_frame_gives_at_least_one() -> None:
    assert list(resample([], FPS)) == []
    assert list(resample([Timed("only", Fraction(7), Fraction(0))], FPS)) == ["only"]


def test_memory_stays_constant() -> None:
    alive = 0

    def endless():
        nonlocal alive
        for i in range(10_000):
            alive = i
            yield Timed(i, i / FPS, 1 / FPS)

    for shown, item in enumerate(resample(endless(), FPS)):
        assert alive - item <= 1
        if shown == 50:
            break
    assert alive <= 52
