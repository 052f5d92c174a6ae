"""Measure the packaged probe on the data set's default clips: calm heads at 128 pixels, of held-out speakers.

    python experiments/detectors/check_probe.py --work probe_frames

The probe was trained on lively heads at 64 pixels. The figures are added to ``probe.json`` next to this file.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from probe_data import render_set
from probe_report import held_out_figures

from lt_bench.config import DataConfig
from lt_bench.evaluation.metrics.synthetic.probe import load_probe
from lt_bench.files import read_json, write_json

HERE = Path(__file__).parent
SPEAKERS, FRAMES = 60, 50


def main() -> None:
    """Render, measure, and add the figures to the report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--work", type=Path, required=True, help="folder for the rendered frames")
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    data = DataConfig()
    size, motion = data.resolution, data.synthetic.head_motion
    held_out = render_set("probe_test", SPEAKERS, FRAMES, 0, arguments.work, size=size, motion=motion)
    figures = {key: round(value, 4) for key, value in held_out_figures(load_probe(), held_out).items()}
    report = read_json(HERE / "probe.json")
    report["held_out"][f"clean_{size}px_motion_{motion:g}"] = figures
    write_json(HERE / "probe.json", report)
    print(", ".join(f"{key} {value:.3f}" for key, value in figures.items()))


if __name__ == "__main__":
    main()
