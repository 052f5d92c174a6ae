"""Tables of one result on the terminal."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from lt_bench.evaluation.results.result_file import Reference, Result, Score

PIPE_WIDTH = 140
MAX_UNUSED = 5
"""Unused entries of a folder that are printed; the result file lists all."""


def print_result(result: Result) -> None:
    """Print scores with intervals and references, then adjustments, missing scores and unscored clips."""
    console = wide_console()
    rules, real = result.protocol, result.real
    say(
        console,
        f"{result.system} under {rules.id} (version {rules.version}, {rules.hash[:12]}) against "
        f"{real.dataset}{f'/{real.split}' if real.split else ''} ({real.hash[:12]}): "
        f"{result.scored} of {result.given} clips read",
    )
    console.print(_table(result))
    adjusted = Counter(note for clip in result.clips for note in clip.adjusted)
    for note, count in adjusted.most_common():
        say(console, f"adjusted in {count} of {result.scored} clips: {note}")
    for score in result.scores.values():
        if score.missing:
            say(console, f"missing {score.name}: {score.missing}")
    for side, count in Counter(unused.side for unused in result.unused).items():
        names = [f"{unused.name} ({unused.reason})" for unused in result.unused if unused.side == side]
        more = f" and {count - MAX_UNUSED} more" if count > MAX_UNUSED else ""
        say(console, f"not used of the {side} folder: {', '.join(names[:MAX_UNUSED])}{more}")
    for miss in result.misses:
        say(console, f"missed {f'{miss.clip}, {miss.score}' if miss.score else miss.clip}: {miss.reason}")


def wide_console() -> Console:
    """Return a console that is wide enough for tables even if it is not a terminal."""
    from rich.console import Console

    console = Console()
    if not console.is_terminal:
        console.width = max(console.width, PIPE_WIDTH)  # a pipe has no width of its own
    return console


def say(console: Console, text: str) -> None:
    """Print a line without wrapping or markup."""
    console.print(text, highlight=False, markup=False, soft_wrap=True)


def direction(higher_is_better: bool | None, target: float | None) -> str:
    """Return the better direction in a word."""
    if higher_is_better is None:
        return "" if target is None else f"near {target:g}"
    return "higher" if higher_is_better else "lower"


def _table(result: Result) -> Table:
    from rich.table import Table

    infinite = any(score.extrapolated for score in result.scores.values())
    heads = ["score", "unit", "better", "value", "95% interval", "N", "real videos", "wrong voice"]
    table = Table(*heads, *(["N to infinity"] if infinite else []))
    for column in table.columns[::3]:  # names and values are never cut
        column.no_wrap = True
    for name, score in result.scores.items():
        table.add_row(name, *_row(score, result.given), *([_extrapolated(score)] if infinite else []))
    return table


def _row(score: Score, given: int) -> list[str]:
    interval = score.interval
    return [
        score.unit,
        direction(score.higher_is_better, score.target),
        "missing" if score.value is None else f"{score.value:.4g}",
        f"{interval.low:.4g} .. {interval.high:.4g}" if interval else "",
        f"{score.scored}/{given}",
        _reference(score.reference),
        f"{score.control.value:.4g}" if score.control else "",
    ]


def _reference(reference: Reference | None) -> str:
    return f"{reference.value:.4g} ({reference.kind})" if reference else ""


def _extrapolated(score: Score) -> str:
    found = score.extrapolated
    return f"{found.value:.4g} +- {found.error:.2g}" if found else ""
