"""Resampling of frames at any times to one exact rate, independent of files."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Timed(Generic[T]):
    """A value that is shown from ``start`` for ``duration``, both in exact seconds, so that ties are detected."""

    item: T
    start: Fraction
    duration: Fraction


@dataclass(frozen=True)
class Span:
    """A part of a recording, in seconds from its first frame."""

    start: Fraction
    stop: Fraction | None = None
    """End of the span (exclusive); None for the end of the recording."""

    @classmethod
    def of_seconds(cls, start: float, stop: float | None = None) -> Span:
        """Create a span from seconds, rounded to microseconds.

        Raises:
            ValueError: it starts before 0 or is empty.
        """
        first, last = (None if t is None else Fraction(round(t * 1_000_000), 1_000_000) for t in (start, stop))
        assert first is not None
        if first < 0 or (last is not None and last <= first):
            raise ValueError(f"expected a span of time from 0 on, got {start}..{stop} s")
        return cls(first, last)


def within(frames: Iterable[Timed[T]], span: Span, zero: Fraction) -> Iterator[Timed[T]]:
    """Yield the frames shown during a span: the first is cut to its start, the last is held until its stop.

    Args:
        frames: frames in order; frames before the one shown at the start are not needed.
        span: span relative to ``zero``.
        zero: time of the recording's start.
    """
    start, stop = zero + span.start, None if span.stop is None else zero + span.stop
    held: Timed[T] | None = None
    for frame in frames:
        end = frame.start if stop is None else min(frame.start, stop)
        if held is not None and frame.start > start:  # on the screen until now, even if its duration says otherwise
            yield Timed(held.item, held.start, end - held.start)
        if stop is not None and frame.start >= stop:
            return
        begin = max(start, frame.start)
        held = Timed(frame.item, begin, frame.start + frame.duration - begin)
    if held is not None and held.duration > 0:
        yield Timed(held.item, held.start, held.duration if stop is None else min(held.duration, stop - held.start))


def resample(frames: Iterable[Timed[T]], fps: Fraction) -> Iterator[T]:
    """Yield frames at exactly ``fps``, in constant memory; time zero is the start of the first frame.

    Output frame k is at the time k / fps and is the input frame with the nearest start, the earlier one on a tie. A
    later frame is only used if it starts within half an output interval; across a gap the earlier frame is repeated, as
    in a player. There are round(total duration * fps) output frames (halves up), at least one. The total duration
    includes the last input frame.

    Starts must strictly increase.
    """
    iterator = iter(frames)
    previous = next(iterator, None)
    if previous is None:
        return
    zero, decided, shown = previous.start, deque[T](), 0
    for frame in iterator:
        # The previous frame is used up to this time; after it, this frame is nearer and near enough.
        middle = max((previous.start + frame.start) / 2, frame.start - 1 / (2 * fps)) - zero
        while Fraction(shown + len(decided)) / fps <= middle:
            decided.append(previous.item)
        # Whether the last output frame is within the total duration is only known with the next frame.
        while decided and shown < _round_half_up((frame.start - zero) * fps):
            yield decided.popleft()
            shown += 1
        previous = frame
    total = max(1, _round_half_up((previous.start + previous.duration - zero) * fps))
    while shown < total:
        yield decided.popleft() if decided else previous.item
        shown += 1


def _round_half_up(value: Fraction) -> int:
    return int((value + Fraction(1, 2)) // 1)
