"""Measure the time to open a leaderboard page of 20 systems and 100 clips in a browser.

    python experiments/performance/leaderboard_page.py --out experiments/performance/leaderboard_page.json

Makes 20 result files with random numbers from a seed, and 100 clips per system as real mp4 files with sound (64 x 64,
25 frames; all systems show the same). It builds the page with ``build_leaderboard`` and opens it from the disk in
headless Chromium, each time in a new browser context. There are two pages: with 6 clips side by side, the default, and
with all 100.

``load_ms`` is the time from the start of the navigation to the end of the load event. ``interactive_ms`` is the time
until a click sorts the table; the click is tried from the beginning, so the time includes the driver's own delay.
``video_ms`` is the time from scrolling to the last clip until all its videos can be shown. All are medians.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import struct
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from measure import machine

from lt_bench.evaluation.results.result_file import Clip, ProtocolRef, RealSetRef, Result, Score, save_result
from lt_bench.evaluation.results.settings import hash_of_settings
from lt_bench.evaluation.statistics.cluster import cluster_bootstrap
from lt_bench.files import write_json
from lt_bench.leaderboard.build import build_leaderboard
from lt_bench.media.video_writer import write_video

NAMES = ("lip_corr", "lip_corr_shuffled", "psnr", "ssim", "identity", "mouth_error", "motion", "flicker")
VISIBLE = """() => [...document.querySelectorAll('.sample:last-of-type video')].every(v => v.readyState >= 2)"""


def main() -> None:
    """Make the files, build the pages, open them and write the result file."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--systems", type=int, default=20)
    parser.add_argument("--clips", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--keep", type=Path, help="folder for videos and pages; left there, and used again")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.keep or Path(temporary)
        clips = [Clip(f"clip{k:03d}", f"person{k // 2:02d}", 25) for k in range(arguments.clips)]
        systems = [f"system-{k:02d}" for k in range(arguments.systems)]
        make_videos(folder / "real", clips)
        for number, name in enumerate(systems):
            copy_videos(folder / "real", folder / name, number)
        results = [make_result(folder / f"{name}.json", name, clips, k) for k, name in enumerate(systems)]
        pages = [build(folder, results, systems, shown) for shown in (6, arguments.clips)]
        rows = [row | measure(Path(page), arguments.repeats) for page, row in pages]
    document = {
        "what": "milliseconds until a page opened from the disk is loaded, sorts, and shows its last clip's videos",
        "systems": arguments.systems,
        "clips": arguments.clips,
        "repeats": arguments.repeats,
        "pages": rows,
        "machine": machine(),
    }
    write_json(arguments.out, document)
    for row in rows:
        print(row)


def make_videos(folder: Path, clips: list[Clip]) -> None:
    """Write videos of moving gradients, all different, with a tone."""
    y, x = np.mgrid[:64, :64] / 64
    seconds = np.arange(16_000) / 16_000
    for k, clip in enumerate(clips):
        if (folder / f"{clip.id}.mp4").is_file():  # of an earlier call with --keep
            continue
        phase = x + np.arange(25)[:, None, None] / 25
        waves = [np.sin(2 * np.pi * (phase * (1 + k % 3) + c / 3 + y)) for c in range(3)]
        frames = np.stack([127.5 + 120 * wave for wave in waves], axis=-1).astype(np.uint8)
        tone = 0.2 * np.sin(2 * np.pi * (200 + 2 * k) * seconds) * np.abs(np.sin(5 * seconds))
        write_video(folder / f"{clip.id}.mp4", frames, 25, tone.astype(np.float32))


def copy_videos(real: Path, folder: Path, number: int) -> None:
    """Copy the videos for a system, each with a box at its end that players skip, so that all files differ."""
    folder.mkdir(exist_ok=True)
    box = struct.pack(">I4sQ", 16, b"free", number)
    for video in real.glob("*.mp4"):
        (folder / video.name).write_bytes(video.read_bytes() + box)


def make_result(path: Path, name: str, clips: list[Clip], seed: int) -> Path:
    """Write a result file with invented numbers."""
    scores = {score: make_score(score, clips, seed) for score in NAMES}
    protocol = ProtocolRef("drawn-from-a-seed", 1, "d" * 64, 64, 64, 25.0, 0, ("numbers are drawn from a seed",))
    meta = {"parameters": 1_000_000 * (seed + 1), "seconds_per_video_second": 0.5 + 0.1 * seed}
    real = RealSetRef("e" * 64, "synthetic", "test")
    save_result(Result(name, protocol, real, tuple(clips), (), scores, 0, "", {}, "", meta), path)
    return path


def make_score(name: str, clips: list[Clip], seed: int) -> Score:
    """Draw values around a level of the system."""
    rng = np.random.default_rng([seed, len(name)])
    values = rng.uniform(0.4, 0.9) + 0.05 * rng.standard_normal(len(clips))
    return Score(
        name=name,
        title=f"{name}, drawn from a seed",
        unit="",
        higher_is_better=name != "mouth_error",
        target=None,
        scope="video",
        aggregate="mean",
        source="drawn from a seed",
        detector="",
        value=float(values.mean()),
        interval=cluster_bootstrap(values.tolist(), [clip.identity for clip in clips]),
        scored=len(clips),
        per_video={clip.id: float(value) for clip, value in zip(clips, values, strict=True)},
        reference=None,
        missing=None,
        settings={},
        settings_hash=hash_of_settings({}),
    )


def build(folder: Path, results: list[Path], systems: list[str], shown: int) -> tuple[Path, dict[str, Any]]:
    """Build the page, and return it with its building time and size."""
    start = time.perf_counter()
    videos = {name: folder / name for name in systems}
    made = build_leaderboard(results, folder / f"page{shown}", samples=shown, real=folder / "real", videos=videos)
    seconds = round(time.perf_counter() - start, 1)
    beside = [path.stat().st_size for path in (made.page.parent / "media").glob("*")]
    size = {"html_bytes": made.page.stat().st_size, "files_beside": len(beside), "bytes_beside": sum(beside)}
    return made.page, {"clips_side_by_side": shown, "build_seconds": seconds} | size


def measure(page: Path, repeats: int) -> dict[str, Any]:
    """Return medians over new contexts of one browser."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        opened = [open_once(browser, page.resolve().as_uri()) for _ in range(repeats)]
        browser.close()
    return {key: round(statistics.median(one[key] for one in opened)) for key in opened[0]}


def open_once(browser: Any, address: str) -> dict[str, float]:
    """Open the page once in a new context."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    tab = context.new_page()
    complaints: list[str] = []
    tab.on("console", lambda m: complaints.append(m.text) if m.type in ("error", "warning") else None)
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    tab.goto(address, wait_until="commit")
    tab.locator("#board-1 thead button").nth(2).click()
    tab.wait_for_function("document.querySelectorAll('#board-1 th')[2].ariaSort")
    interactive = tab.evaluate("performance.now()")
    tab.wait_for_load_state("load")
    tab.wait_for_function("performance.getEntriesByType('navigation')[0].loadEventEnd > 0")
    load = tab.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd")
    start = time.perf_counter()
    tab.evaluate("[...document.querySelectorAll('.sample')].at(-1).scrollIntoView({behavior: 'instant'})")
    tab.locator(".sample:last-of-type video").nth(1).wait_for()
    tab.wait_for_function(VISIBLE)
    video = 1000 * (time.perf_counter() - start)
    assert not complaints, complaints
    context.close()
    return {"load_ms": load, "interactive_ms": interactive, "video_ms": video}


if __name__ == "__main__":
    main()
