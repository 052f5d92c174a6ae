"""What was measured, said in words: the header of a table, its verdict, and where every number comes from."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import quote

from lt_bench.conventions import HELD_OUT
from lt_bench.evaluation.results.result_file import Result
from lt_bench.leaderboard.formats.numbers import duration, short_number, short_spread
from lt_bench.leaderboard.tables.boards import Board
from lt_bench.leaderboard.tables.ranking import contenders, control_name
from lt_bench.leaderboard.tables.rows import Row


def is_synthetic(board: Board) -> bool:
    """Whether the videos are of rendered faces."""
    return board.reference is not None and board.reference.real.dataset.startswith("synthetic")


def board_facts(board: Board) -> tuple[tuple[str, str], ...]:
    """Label and value, in reading order."""
    result = board.reference
    if result is None:
        return ()
    results = [r for row in board.rows for r in row.results]
    scored = [clip for clip in result.clips if clip.frames]
    lengths = sorted({round(clip.frames / result.protocol.fps, 2) for clip in scored})
    identities = len({clip.identity for clip in result.clips})
    kind = " (rendered faces, synthesised speech)" if is_synthetic(board) else ""
    return (
        ("Protocol", f"{result.protocol.id}, version {result.protocol.version}"),
        ("Data", f"{result.real.dataset}, {result.real.split} split{kind}"),
        ("Clips scored", f"{result.scored} of {result.given}"),
        ("Identities, unseen in training" if is_held_out(board) else "Identities", str(identities)),
        (
            "Scored length",
            _range(lengths, " s")
            + (f", from frame {result.protocol.first_frame}" if result.protocol.first_frame else ""),
        ),
        ("Frames", f"{result.protocol.width}x{result.protocol.height} px, {short_number(result.protocol.fps)} fps"),
        ("Seeds", _join({str(r.seed) for r in results if r.seed is not None}) or "not told"),
        ("Training", _range(_steps(results), " steps") or "not told"),
        ("Real set", result.real.hash[:16]),
        ("Latent cache", _join({r.cache_hash[:16] for r in results if r.cache_hash}) or "not told"),
        ("Commit", _join({_commit(r) for r in results if r.git_commit}) or "not told"),
    )


def _commit(result: Result) -> str:
    if not result.git_commit:
        return "not told"
    return result.git_commit[:10] + (" (changed)" if result.git_commit.endswith("-dirty") else "")


def is_held_out(board: Board) -> bool:
    """Whether the clips are of a held-out split and every result tells one and the same latent cache it was trained on.

    Splits are those of a cache: a system that was trained on another may have seen these people.
    """
    caches = {result.cache_hash for row in board.rows for result in row.results}
    split = board.reference.real.split if board.reference else ""
    return split in HELD_OUT and len(caches) == 1 and all(caches)


def _steps(results: Iterable[Result]) -> list[float]:
    found = (_number(result.meta.get("train_steps")) for result in results)
    return sorted({steps for steps in found if steps is not None})


def _range(values: list[float], unit: str) -> str:
    if not values:
        return ""
    ends = dict.fromkeys(f"{value:,g}" for value in (values[0], values[-1]))
    return " to ".join(ends) + unit


def _join(values: Iterable[str]) -> str:
    return ", ".join(sorted(values))


def verdict_sentences(board: Board) -> tuple[str, ...]:
    """What the headline score says, no more than it says."""
    name = board.headline
    if name is None:
        return ("No system has a score yet.",)
    ranked = contenders(board.rows, name)
    if not ranked:
        return (f"No system can be ranked by {name}: {board.note(board.rows[0], name)}.",)
    best = ranked[0]
    ranked = [row for row in ranked if not board.note(row, name)]
    apart = [row.system for row in board.rows if row.results and row not in ranked]
    said = (
        _lead(best, name, len(ranked)),
        _control(best, name),
        _ties(board, best, name, whole=not apart),
        f"Not ranked: {', '.join(apart)}." if apart else "",
        _missed(board),
    )
    return tuple(sentence for sentence in said if sentence)


def _lead(best: Row, name: str, systems: int) -> str:
    summary = best.scores[name]
    assert summary.value is not None
    interval = "" if summary.low is None else f" [{short_number(summary.low)}, {short_number(summary.high)}]"
    spread = (
        "" if summary.sd is None else f" ± {short_spread(summary.sd, summary.value)} over {len(summary.values)} seeds"
    )
    says = f"is first of {systems} systems by {name}:" if systems > 1 else f"reaches {name}"
    return f"{best.system} {says} {short_number(summary.value)}{spread}{interval}."


def _control(best: Row, name: str) -> str:
    control = best.scores.get(control_name(name))
    value = best.scores[name].value
    if control is None or control.value is None or value is None:
        return ""
    return (
        f"Scored against another utterance, the same videos reach {short_number(control.value)}: "
        f"{short_number(value - control.value)} less."
    )


def _ties(board: Board, best: Row, name: str, whole: bool) -> str:
    verdicts = board.verdicts[name]
    ties = [row.system for row in board.rows if verdicts[row.system].mark == "tie"]
    behind = [row.system for row in board.rows if verdicts[row.system].mark == "behind"]
    tested = any(verdict.p_value is not None for verdict in verdicts.values())
    if ties:
        return f"These clips do not tell it from {', '.join(ties)}."
    if not behind or not tested:
        return ""
    seeds = min(len(row.scores[name].values) for row in contenders(board.rows, name))
    models = " One seed tells of these trained models, not of ways to train." if seeds == 1 else ""
    says = "Every other system is measurably behind." if whole else f"Measurably behind: {', '.join(behind)}."
    return says + models


def _missed(board: Board) -> str:
    failed = [row.system for row in board.rows if not row.results]
    return f"No result: {', '.join(failed)}." if failed else ""


def provenance(board: Board, folder: Path) -> tuple[dict[str, str], ...]:
    """Where every row comes from: a line for each seed, with links that hold from ``folder``."""
    lines: list[dict[str, str]] = []
    for row in board.rows:
        for entry in row.entries:
            result = entry.result
            lines.append(
                {
                    "system": row.system,
                    "seed": "–" if entry.seed is None else str(entry.seed),
                    "file": str(entry.source),
                    "link": _link(entry.source, folder),
                    "config": _link(entry.config, folder) if entry.config else "",
                    "commit": _commit(result) if result else "–",
                    "training": duration(_number(result.meta.get("train_seconds"))) if result else "–",
                    "scored": f"{result.scored} of {result.given}" if result else f"{entry.state}: {entry.reason}",
                }
            )
    return tuple(lines)


def _link(path: Path, folder: Path) -> str:
    return quote(Path(os.path.relpath(path.resolve(), folder.resolve())).as_posix())


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None
