"""What a check is, and how all of them are run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from lt_bench.errors import LtBenchError

State = Literal["passed", "failed", "asset missing"]


@dataclass(frozen=True)
class Figure:
    """One number and what it should be."""

    name: str
    got: float
    expected: float
    tolerance: float
    """Largest absolute difference that passes."""

    @property
    def ok(self) -> bool:
        """Whether it is within the tolerance; NaN is not."""
        return abs(self.got - self.expected) <= self.tolerance


@dataclass(frozen=True)
class Check:
    """A known answer.

    ``run`` may raise any ``LtBenchError``; it is called only where all assets are here.
    """

    name: str
    about: str
    """The computation, and the source of its known answer."""
    run: Callable[[], Sequence[Figure]]
    assets: tuple[str, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """How a check went."""

    name: str
    about: str
    state: State
    figures: tuple[Figure, ...] = ()
    reason: str = ""
    """Why it failed without a figure, or which asset is missing."""


def perform(check: Check) -> Outcome:
    """Run one check; nothing it raises as an error of this package escapes."""
    try:
        absent = missing_assets(check)
        if absent:
            reason = f"lt-bench assets get {' '.join(absent)}"
            return Outcome(check.name, check.about, "asset missing", reason=reason)
        figures = tuple(check.run())
    except LtBenchError as error:
        return Outcome(check.name, check.about, "failed", reason=" ".join(str(error).split()))
    state: State = "passed" if all(figure.ok for figure in figures) else "failed"
    return Outcome(check.name, check.about, state, figures)


def missing_assets(check: Check) -> list[str]:
    """The assets of a check that are not here.

    Raises:
        AssetError: one is here but is not the pinned file.
    """
    from lt_bench.assets.store import has_asset

    return [name for name in check.assets if not has_asset(name)]


def run_checks(checks: Sequence[Check]) -> Iterator[Outcome]:
    """Run the checks in sequence."""
    yield from map(perform, checks)
