"""Write ``README.md``: every claim about speed and memory, from the result files of the scripts.

    python experiments/performance/summary.py

A claim without a result file is reported as not measured. No number is typed by hand.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lt_bench.files import read_json, write_text

HERE = Path(__file__).parent
Document = dict[str, Any]
HEAD = """# Performance

Each row compares lt_bench with a named peer or bound in one run. Values are medians, except that memory and the one
pass of evaluation are single runs. `summary.py` makes this page from the JSON files in this folder, and `make bench`
repeats all measurements. Each script documents how to run it alone. The speed of the machine varies from minute to
minute, so ratios are more reliable than times.

| claim | measured against | aim | found | machine |
|---|---|---|---|---|
"""

BY_HAND = """
## Larger sizes

These are results of the same scripts, run by hand with more and longer videos, more cells and more commands
(`by_hand/`).

| claim | found | machine |
|---|---|---|
"""

BOUNDS = """
## What limits each measurement

Steps, preparation, ablation, many clips and many videos were profiled; the other limits follow from the computations.

"""


@dataclass(frozen=True)
class Claim:
    """A line of the table, for one result file."""

    what: str
    against: str
    aim: str
    script: str
    found: Callable[[Document], str]
    bound: str
    """The largest part of its time or memory."""

    def line(self) -> str:
        """Return the line in Markdown; the JSON file has the script's name."""
        cell, where = self._measured(HERE) or ("not measured", "")
        return f"| [{self.what}]({self.script}.py) | {self.against} | {self.aim} | {cell} | {where} |\n"

    def by_hand(self) -> str:
        """Return the line for the larger sizes, or nothing if they were not measured."""
        measured = self._measured(HERE / "by_hand")
        return "" if measured is None else f"| [{self.what}]({self.script}.py) | {measured[0]} | {measured[1]} |\n"

    def _measured(self, folder: Path) -> tuple[str, str] | None:
        path = folder / f"{self.script}.json"
        if not path.exists():
            return None
        document = read_json(path)
        return self.found(document), _machine(document)


def _machine(document: Document) -> str:
    machine = document.get("machine")
    if not isinstance(machine, dict):
        return str(machine or "not noted")
    load = machine.get("load_average", machine.get("load"))
    return f"{machine.get('cpu', '')}, {machine.get('cores')} cores, load {load}"


def _model_step(d: Document) -> str:
    parts = []
    rows = {(row["task"], row["subject"]): row for row in d["rows"]}
    for task in dict.fromkeys(task for task, _ in rows):
        mine, bound = rows[task, "lt_bench (heap kept)"], rows[task, "lt_bench (heap kept, products alone)"]
        operation, step = (d["ours_over_best_peer"][f"{task}, cpu, per {what}"] for what in ("operation", "step"))
        shares = f"{mine['cpu_of_peak']:.0%} of the peak, its products and attention alone {bound['cpu_of_peak']:.0%}"
        parts.append(f"{task}: {operation:.2f}x per operation, {step:.2f}x per step, {shares}")
    return "; ".join(parts)


def _sampler_steps(d: Document) -> str:
    best = min((s for s in d["samplers"] if s["steps"]), key=lambda s: s["calls"])
    text = f"{best['sampler']} ({best['spacing']}): {best['calls']} network calls for 250"
    if not d.get("time"):
        return text
    faster = max(d["time"]["times_faster_median"].values())
    return f"{text}; {faster:.1f}x faster (preset {d['time']['preset']})"


def _preparation(d: Document) -> str:
    return ", ".join(f"{v['bound_over_prepare']:.0%}" for v in d["videos"]) + " of the bound"


def _window_reading(d: Document) -> str:
    copied = ", ".join(f"{s['read_over_copy_speed']:.0%}" for s in d["sets"])
    least = min(s["mp4_window_only_over_training_item"] for s in d["sets"])
    return f"{copied} of a copy; {least:.0f}x or more faster than the mp4"


def _one_pass(d: Document) -> str:
    text = f"{d['clips']} clip{'s' * (d['clips'] > 1)}: {d['separate_over_one_pass_cpu_seconds']:.1f}x"
    beyond = d.get("separate_over_one_pass_beyond_start")
    text += f" ({beyond:.1f}x without every process's start)" if beyond else ""
    return f"{text}; repeated {d['first_over_repeated_cpu_seconds']:.0f}x"


def _sizes(d: Document) -> str:
    sizes = d["sizes"]
    return ", ".join(f"{n}: {s['cpu_ms_a_clip']} ms" for n, s in sizes.items()) + (
        f"; resume of 10,000: {d['resume_finished']['10000']['wall_seconds']} s"
    )


def _many_videos(d: Document) -> str:
    cost = ", ".join(f"{k} videos: {v} ms CPU each" for k, v in d["cpu_ms_a_video"].items())
    most = d["rows"][-1]
    return f"{cost}; {most['videos']} again: {most['again_wall_seconds']} s; {most['first_peak_mib']} MiB"


def _pages(d: Document) -> str:
    return ", ".join(f"{p['clips_side_by_side']} clips side by side: {p['load_ms']} ms" for p in d["pages"])


def _commands(d: Document) -> str:
    worst = max(d["commands"], key=lambda c: c["peak_bytes"])
    return f"at most {worst['peak_bytes'] / 2**30:.2f} GiB ({worst['name']}) of {len(d['commands'])} commands"


def _evaluation_memory(d: Document) -> str:
    return ", ".join(f"{r['protocol']} {r['videos']} x {r['frames']} frames: {r['peak_mib']} MiB" for r in d["rows"])


def _long_prepare(d: Document) -> str:
    return ", ".join(f"{m['frames']} frames: {m['peak_mb']} MiB" for m in d["measured"])


def _long_generate(d: Document) -> str:
    return ", ".join(f"{r['command']} {r['video_seconds']} s: {r['peak_mib']:.0f} MiB" for r in d["rows"])


def _many_cells(d: Document) -> str:
    first, most = d["first_call_logs_and_ranks"]["seconds_per_cell"], d["nothing_to_do"]["seconds_most"]
    return f"{d['finished_cells']} cells: {most} s with nothing to do, {first} s a cell to log and rank"


def _search(d: Document) -> str:
    def case(c: Document) -> str:
        kind = f"{c['sampler']}, {c['storage']}, {c['objectives']} objective{'s' * (c['objectives'] > 1)}"
        return f"{kind}: median {c['seconds_median']:.2f} s, most {c['seconds_most']:.2f} s"

    return "; ".join(case(c) for c in d["cases"])


CLAIMS = (
    Claim("training and sampling step", "LetsTalk's release, Latte", "1.1x per operation, 85% of the peak",
          "model_step", _model_step,
          "Matrix products and attention; of the rest, the tanh form of GELU is the largest part. Products and "
          "attention alone, above, are what no step can exceed without faster ones."),
    Claim("a whole sample", "the release's 250 steps", "15x", "sampler_steps", _sampler_steps,
          "Calls of the network; the sampler's own arithmetic is negligible."),
    Claim("one-way symbiotic portrait", "symbiotic portrait", "none", "one_way_symbiotic",
          lambda d: f"{d['step_speedup']:.2f}x faster a step, {d['macs_ratio']:.2f}x fewer MACs",
          "The video tokens' own products and their attention to the cached portrait."),
    Claim("reading cached windows", "copying the bytes; decoding the mp4", "80%; 20x", "window_reading",
          _window_reading,
          "The copy out of the page cache."),
    Claim("preparing a clip", "decode + landmarks + encode", "90%", "preparation", _preparation,
          "Landmarks (MediaPipe), two thirds of it; then x264 and decoding. Beyond the bound: the checks that decide "
          "whether a clip is kept, the crop, sharpness and files."),
    Claim("one pass of evaluation", "every metric as a separate pass", "3x; repeated 20x", "one_pass", _one_pass,
          "The networks (face descriptors, landmarks, lip sync), each once per frame; repeated: "
          "finding that nothing has changed."),
    Claim("Frechet distance, d 2048, N 500", "scipy.linalg.sqrtm", "20x", "frechet",
          lambda d: f"{d['ratio_of_cpu_seconds']:.0f}x, {d['relative_difference']:.0e} apart",
          "Singular values of an N x N matrix instead of the square root of a d x d matrix."),
    Claim("start-up", "an empty Python", "0.5 s", "startup",
          lambda d: ", ".join(f"`{name}` {value} s" for name, value in d["seconds"].items()),
          "The interpreter and its imports; PyTorch is not among them."),
    Claim("opening a page of 20 systems, 100 clips", "-", "1 s", "leaderboard_page", _pages,
          "The browser, reading a page of two megabytes; videos load only when they are shown."),
    Claim("a suggestion after 1,000 trials", "-", "1 s", "search_suggestions", _search,
          "Optuna's sampler over all trials; with sqlite, reading them."),
    Claim("ablation of many cells", "-", "5 s with nothing to do; 1 s a cell", "many_cells", _many_cells,
          "First call: statements of MLflow's own store. Nothing to do: making every cell's configuration, hashing its "
          "files."),
    Claim("preparation of 10 to 10,000 clips", "-", "constant; resume 5 s", "many_clips", _sizes,
          "Making clips safe (fsync of three files a clip); their content is random numbers here."),
    Claim("evaluation of 10 to 1,000 videos", "-", "constant", "many_videos", _many_videos,
          "SSIM's filters, opening and decoding the videos."),
    Claim("memory of every command", "-", "6 GiB", "peak_memory", _commands,
          "Libraries with their networks; in training also the activations."),
    Claim("memory of evaluation", "-", "flat", "evaluation_memory", _evaluation_memory,
          "Libraries and networks of the protocol, not videos."),
    Claim("memory of preparing a long video", "-", "2 GB", "long_video", _long_prepare,
          "Libraries and networks, and up to 256 MB of decoded frames."),
    Claim("memory of generating a long video", "four seconds", "the same", "long_video_memory", _long_generate,
          "Libraries and the network; video and sound pass in slices."),
)  # fmt: skip


def page() -> str:
    """Return the page in Markdown."""
    bounds = "".join(f"- **{claim.what}**: {claim.bound}\n" for claim in CLAIMS)
    larger = "".join(claim.by_hand() for claim in CLAIMS)
    return HEAD + "".join(claim.line() for claim in CLAIMS) + BY_HAND + larger + BOUNDS + bounds


if __name__ == "__main__":
    write_text(HERE / "README.md", page())
