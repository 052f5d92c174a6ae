"""The worst videos of every score on one page: one HTML file that holds its pictures."""

from __future__ import annotations

import base64
import io
import os
from contextlib import closing
from dataclasses import dataclass
from html import escape
from importlib import resources
from pathlib import Path

import numpy as np
from numpy import ndarray

from lt_bench.errors import LtBenchError
from lt_bench.evaluation.results.result_file import Result, Score
from lt_bench.files import write_text
from lt_bench.media.video import iter_frames

WORST = 30
MOMENTS = (0.15, 0.5, 0.85)
"""Where in a video its pictures are taken."""
HEIGHT = 88
"""Of a picture, in pixels."""


@dataclass(frozen=True)
class Ranked:
    """A video and how bad it is."""

    clip: str
    value: float


def worst_videos(score: Score, count: int = WORST) -> tuple[Ranked, ...]:
    """The worst videos of a score, worst first; of one without a better direction, those farthest from the rest."""
    values = score.per_video
    if score.higher_is_better is not None:
        sign = 1 if score.higher_is_better else -1
        order = sorted(values, key=lambda name: (sign * values[name], name))
    else:
        centre = float(np.median(list(values.values()))) if score.target is None and values else score.target or 0.0
        order = sorted(values, key=lambda name: (-abs(values[name] - centre), name))
    return tuple(Ranked(name, values[name]) for name in order[:count])


def write_page(
    result: Result,
    generated: str | os.PathLike[str],
    real: str | os.PathLike[str],
    path: Path,
    count: int = WORST,
) -> None:
    """Write the page: a table of scores, the spread of each over videos, what was missed, and the worst of each score.

    Args:
        result: of ``evaluate`` on the two folders.
        generated: folder of the system's videos.
        real: the real set.
        path: of the page, an ``.html`` file.
        count: videos a score.
    """
    files = {
        clip.id: (Path(generated) / clip.generated_file, Path(real) / clip.real_file)
        for clip in result.clips
        if clip.generated_file
    }
    ranked = {s.name: worst_videos(s, count) for s in result.scores.values() if s.per_video}
    shown = sorted({row.clip for rows in ranked.values() for row in rows})
    strips = {clip: _strips(*files[clip]) for clip in shown if clip in files}
    style = resources.files("lt_bench.evaluation.results").joinpath("worst_videos.css").read_text(encoding="utf-8")
    body = "".join(
        [
            f"<h1>{escape(result.system)}</h1><p>{_facts(result)}</p>",
            _table(result),
            _missed(result),
            *(_section(result.scores[name], rows, strips) for name, rows in ranked.items()),
            _pictures(strips),
        ]
    )
    head = f'<meta charset="utf-8"><title>{escape(result.system)}: worst videos</title><style>{style}</style>'
    write_text(path, f'<!doctype html><html lang="en"><head>{head}</head><body>{body}</body></html>\n')


def _facts(result: Result) -> str:
    rules, real = result.protocol, result.real
    return escape(
        f"{rules.id} version {rules.version}, {rules.width}x{rules.height} px, {rules.fps:g} fps; against "
        f"{real.dataset}{f'/{real.split}' if real.split else ''} ({real.hash[:12]}); "
        f"{result.scored} of {result.given} clips read, {len(result.misses)} misses"
    )


def _table(result: Result) -> str:
    rows = ["<tr><th>score<th>value<th>95% interval<th>N<th>real videos<th>wrong voice<th>over videos</tr>"]
    for score in result.scores.values():
        value = f"<b>{score.value:.4g}</b> {escape(score.unit)}" if score.value is not None else "missing"
        interval = f"{score.interval.low:.4g} .. {score.interval.high:.4g}" if score.interval else ""
        references = [f"{r.value:.4g} ({r.kind})" if r else "" for r in (score.reference, score.control)]
        cells = [value, interval, f"{score.scored}/{result.given}", *references, _histogram(score)]
        name = escape(score.name)
        link = f'<a href="#{name}">{name}</a>' if score.per_video else name
        title = escape(score.missing or score.title, quote=True)
        rows.append(f'<tr title="{title}"><td>{link}' + "".join(f"<td>{cell}" for cell in cells) + "</tr>")
    return f"<table>{''.join(rows)}</table>"


def _histogram(score: Score, bins: int = 16) -> str:
    """A small drawing of how the videos spread, with the real videos' value as a line."""
    values = list(score.per_video.values())
    if len(values) < 2 or max(values) == min(values):
        return ""
    counts, edges = np.histogram(values, bins)
    low, wide, top = edges[0], edges[-1] - edges[0], counts.max()
    bars = "".join(
        f'<rect x="{8 * i}" y="{24 - 22 * n / top:.1f}" width="7" height="{22 * n / top:.1f}"/>'
        for i, n in enumerate(counts)
        if n
    )
    mark = ""
    if score.reference and low <= score.reference.value <= edges[-1]:
        x = 8 * bins * (score.reference.value - low) / wide
        mark = f'<line x1="{x:.1f}" x2="{x:.1f}" y1="0" y2="24"/>'
    title = f"<title>{low:.4g} to {edges[-1]:.4g}; line: real videos</title>"
    return f'<svg width="{8 * bins}" height="24" role="img">{title}{bars}{mark}</svg>'


def _missed(result: Result) -> str:
    if not result.misses:
        return ""
    rows = "".join(
        f"<tr><td>{escape(m.clip)}<td>{escape(m.score or 'every score')}<td>{escape(m.reason)}</tr>"
        for m in result.misses
    )
    return f"<details open><summary>{len(result.misses)} missed</summary><table>{rows}</table></details>"


def _section(score: Score, rows: tuple[Ranked, ...], strips: dict[str, tuple[str, str]]) -> str:
    better = {True: "higher is better", False: "lower is better", None: "neither is better"}[score.higher_is_better]
    near = f", best near {score.target:g}" if score.target is not None else ""
    cards = "".join(
        f"<figure><figcaption>{place}. {escape(row.clip)}: <b>{row.value:.4g}</b></figcaption>"
        f"{_strip(row.clip, strips)}</figure>"
        for place, row in enumerate(rows, 1)
    )
    name = escape(score.name)
    heading = f'<h2 id="{name}">{name}</h2><p>{escape(score.title)}: {better}{near}. Worst first.</p>'
    return f"{heading}<div>{cards}</div>"


def _strip(clip: str, strips: dict[str, tuple[str, str]]) -> str:
    if clip not in strips:
        return "<p>no picture</p>"
    name = _css_name(clip, sorted(strips))
    return f'<i class="{name}g" title="generated"></i><i class="{name}r" title="real"></i>'


def _pictures(strips: dict[str, tuple[str, str]]) -> str:
    """Every picture once, as a background that any number of cards show."""
    order = sorted(strips)
    rules = [
        f".{_css_name(clip, order)}{side}{{background-image:url({data})}}"
        for clip, both in strips.items()
        for side, data in zip("gr", both, strict=True)
    ]
    return f"<style>{''.join(rules)}</style>"


def _css_name(clip: str, order: list[str]) -> str:
    return f"c{order.index(clip)}"


def _strips(generated: Path, real: Path) -> tuple[str, str]:
    return _picture(generated), _picture(real)


def _picture(path: Path) -> str:
    """Three moments of a video side by side, as a data URL; a grey field where it cannot be read."""
    from PIL import Image

    try:
        with closing(iter_frames(path)) as frames:
            small = [_small(frame) for frame in frames]
        chosen = [small[int(moment * (len(small) - 1))] for moment in MOMENTS]
    except LtBenchError:
        chosen = [np.full((HEIGHT, HEIGHT, 3), 128, np.uint8)]
    image = Image.fromarray(np.concatenate(chosen, axis=1))
    data = io.BytesIO()
    image.save(data, "JPEG", quality=72)
    return f"data:image/jpeg;base64,{base64.b64encode(data.getvalue()).decode()}"


def _small(frame: ndarray) -> ndarray:
    import cv2

    width = max(1, round(frame.shape[1] * HEIGHT / frame.shape[0]))
    return np.asarray(cv2.resize(frame, (width, HEIGHT), interpolation=cv2.INTER_AREA))
