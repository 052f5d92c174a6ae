"""A self-contained page on which people compare videos of two systems, blind and in random order.

Each pair shows one clip as two systems made it, on random sides and without names. Attention checks show a video next
to a heavily blurred copy of it. Answers stay in the browser until the rater saves them as a CSV file that
``read_ratings`` reads; nothing is sent anywhere. System names are in the page's source, for it has no server to keep
them from a rater who looks for them.
"""

from __future__ import annotations

import itertools
import json
import random
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from lt_bench.errors import ConfigError
from lt_bench.files import write_text
from lt_bench.leaderboard.agreement.ratings import DAMAGED, PREFERENCE_COLUMNS, REFERENCE, TIE
from lt_bench.leaderboard.page.attachments import Attachments
from lt_bench.media.video import read_frames
from lt_bench.media.video_files import find_videos
from lt_bench.media.video_writer import write_video

BLUR_OF_SIDE = 0.06
"""Standard deviation of a check's blur, relative to the frame's longer side; strong enough to be obvious."""


@dataclass(frozen=True)
class Pair:
    """One question."""

    clip: str
    system_a: str
    system_b: str
    file_a: Path
    file_b: Path
    check: bool


def choose_pairs(folders: Mapping[str, Path], count: int, checks: int, seed: int, work: Path) -> list[Pair]:
    """Choose pairs of systems on the clips that all of them have, spread evenly over pairs of systems and clips.

    Args:
        folders: folder of videos of each system.
        count: number of pairs, at most all there are.
        checks: number of attention checks.
        seed: seed of the choice.
        work: folder for the damaged videos of the checks.

    Raises:
        ConfigError: fewer than two systems, a reserved system name, or no clip that all systems have.
    """
    reserved = {REFERENCE, DAMAGED, TIE} & folders.keys()
    if len(folders) < 2 or reserved:
        got = f"the reserved name '{min(reserved)}'" if reserved else f"{len(folders)}"
        raise ConfigError(f"--videos: expected SYSTEM=DIR of at least two systems, got {got}")
    videos = {system: _videos(folder) for system, folder in folders.items()}
    shared = sorted(set.intersection(*(set(found) for found in videos.values())))
    if not shared:
        raise ConfigError("--videos: expected folders with videos of the same names, got no name that all have")
    rng = random.Random(seed)
    all_pairs = [(clip, *pair) for clip in shared for pair in itertools.combinations(sorted(folders), 2)]
    rng.shuffle(all_pairs)
    pairs = [Pair(clip, a, b, videos[a][clip], videos[b][clip], False) for clip, a, b in all_pairs[:count]]
    for number in range(checks):
        clip, system = rng.choice(shared), rng.choice(sorted(folders))
        good, bad = videos[system][clip], work / f"check{number}.mp4"
        _blur(good, bad)
        pairs.append(Pair(clip, REFERENCE, DAMAGED, good, bad, True))
    return pairs


def write_rating_page(
    folders: Mapping[str, Path],
    out: Path,
    count: int = 40,
    checks: int = 3,
    seed: int = 0,
    title: str = "Which is better?",
) -> int:
    """Write the page; return its number of questions.

    Videos are inside the page while they are few, and files in ``media`` next to it otherwise.

    Raises:
        ConfigError: as ``choose_pairs``.
        MediaError: a video of a check cannot be read.
    """
    with tempfile.TemporaryDirectory(prefix="lt_bench_rate_") as work:
        pairs = choose_pairs(folders, count, checks, seed, Path(work))
        attachments = Attachments(out.parent)
        inside = attachments.begin(path for pair in pairs for path in (pair.file_a, pair.file_b))
        sources: dict[Path, int] = {}
        for path in dict.fromkeys(path for pair in pairs for path in (pair.file_a, pair.file_b)):
            sources[path] = len(sources)
        videos = [("data:video/mp4;base64," if inside else "") + attachments.video(path) for path in sources]
    questions = [
        {
            "clip": pair.clip,
            "systems": [pair.system_a, pair.system_b],
            "videos": [sources[pair.file_a], sources[pair.file_b]],
            "check": pair.check,
        }
        for pair in pairs
    ]
    folder = resources.files("lt_bench.leaderboard.agreement").joinpath("template")
    parts = {name: folder.joinpath(f"rate.{name}").read_text(encoding="utf-8") for name in ("html", "css", "js")}
    # "</" inside a script would end it.
    data = json.dumps({"questions": questions, "videos": videos, "tie": TIE, "columns": PREFERENCE_COLUMNS})
    environment = Environment(autoescape=True, undefined=StrictUndefined)
    page = environment.from_string(parts["html"]).render(
        title=title,
        css=Markup(parts["css"]),
        script=Markup(parts["js"]),
        data=Markup(data.replace("</", "<\\/")),
    )
    write_text(out, page)
    return len(questions)


def _videos(folder: Path) -> dict[str, Path]:
    return {name: folder / paths[0] for name, paths in find_videos(folder).by_name().items()}


def _blur(source: Path, target: Path) -> None:
    import cv2

    frames = read_frames(source)
    sigma = BLUR_OF_SIDE * max(frames.shape[1:3])
    write_video(target, (cv2.GaussianBlur(frame, (0, 0), sigma) for frame in frames))
