"""Train the probe network on synthetic speakers.

    python experiments/detectors/train_probe.py --work probe_frames

The weights are written to the package, the held-out figures to this folder.
Deterministic: the same versions of the libraries on the same kind of machine give the same weights.
"""

from __future__ import annotations

import argparse
import dataclasses
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from degrade import block_dct, blur, jpeg
from probe_batches import Recipe
from probe_data import render_set
from probe_report import held_out_figures
from probe_training import train
from safetensors.torch import save_file

import lt_bench.evaluation
from lt_bench.evaluation.metrics.synthetic.probe import read_probe
from lt_bench.evaluation.metrics.synthetic.probe_network import ProbeNetwork
from lt_bench.files import atomic_path, sha256_file, write_json

HERE = Path(__file__).parent
WEIGHTS = Path(lt_bench.evaluation.__file__).parent / "weights" / "probe.safetensors"
HELD_OUT_SPEAKERS, HELD_OUT_FRAMES = 60, 50


def save(probe: ProbeNetwork, path: Path) -> None:
    """Store the weights in half precision."""
    weights = {
        name: (value.half() if value.is_floating_point() else value).contiguous()
        for name, value in probe.state_dict().items()
    }
    with atomic_path(path) as temporary:
        save_file(weights, temporary)


def conditions() -> dict[str, Callable[[np.ndarray], np.ndarray] | None]:
    """The damage under which the held-out speakers are read."""
    rng = np.random.default_rng(0)
    return {
        "clean": None,
        "blur_1.0": lambda frame: blur(frame, 1.0),
        "blur_1.5": lambda frame: blur(frame, 1.5),
        "jpeg_20": lambda frame: jpeg(frame, 20),
        "block_dct_5_2_noise_0.3": lambda frame: block_dct(frame, 5, 2, 0.3, rng),
    }


def main() -> None:
    """Render, train, store the weights, and measure the stored network."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--work", type=Path, required=True, help="folder for the rendered frames (about 1 GB)")
    parser.add_argument("--weights", type=Path, default=WEIGHTS)
    parser.add_argument("--figures", type=Path, default=HERE / "probe.json")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    recipe = Recipe()
    data = render_set(
        "probe_train", recipe.speakers, recipe.natural_frames, recipe.free_frames, arguments.work, progress=True
    )
    held_out = render_set("probe_test", HELD_OUT_SPEAKERS, HELD_OUT_FRAMES, 0, arguments.work)
    started = time.process_time()
    save(train(data, recipe), arguments.weights)
    seconds = time.process_time() - started
    probe = read_probe(arguments.weights.read_bytes())
    figures = {
        name: {key: round(value, 4) for key, value in held_out_figures(probe, held_out, damage).items()}
        for name, damage in conditions().items()
    }
    report = {
        "data": "synthetic",
        "weights_sha256": sha256_file(arguments.weights),
        "weights_bytes": arguments.weights.stat().st_size,
        "parameters": sum(p.numel() for p in probe.parameters()),
        "training_cpu_seconds": round(seconds),
        "recipe": dataclasses.asdict(recipe),
        "held_out_speakers": HELD_OUT_SPEAKERS,
        "held_out_frames_per_take": HELD_OUT_FRAMES,
        "held_out": figures,
    }
    write_json(arguments.figures, report)
    for name, values in figures.items():
        print(name, ", ".join(f"{key} {value:.3f}" for key, value in values.items()))
    print(f'pin it in lt_bench/evaluation/metrics/synthetic/probe.py: PROBE_SHA256 = "{report["weights_sha256"]}"')


if __name__ == "__main__":
    main()
