"""Measure the saving of one-way symbiotic fusion of the portrait, compared with symbiotic fusion.

    python experiments/performance/one_way_symbiotic.py [repeats]

Preset S, 16 frames of 4x16x16 latents (128 px), audio direct, batch 1, float32, one thread. The two run in turn, and
the median CPU time of each is taken, which other processes disturb less than the time on the clock. Prints and writes
``one_way_symbiotic.json``: seconds of a denoising step, of the work once a clip (the portrait), and their ratio.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from statistics import median

import torch
from measure import machine

from lt_bench.config import FusionConfig, ModelConfig
from lt_bench.files import write_json
from lt_bench.models.build import build_model
from lt_bench.models.conditions import Conditions
from lt_bench.models.letstalk import LetsTalk
from lt_bench.models.model_summary import describe

LATENT, SPEECH = (4, 16, 16), (12, 768)
SCHEMES = ("symbiotic", "one_way_symbiotic")


def make_model(scheme: str) -> LetsTalk:
    """Build a network whose zero layers are not zero, so that all of it is measured."""
    torch.manual_seed(0)
    model = build_model(ModelConfig("S", FusionConfig(scheme, "direct")), LATENT, SPEECH).eval()
    with torch.no_grad():
        for block in model.blocks:
            torch.nn.init.normal_(block.modulation.weight, std=0.02)  # type: ignore[union-attr,arg-type]
    return model


def seconds(run: object) -> float:
    """Return the CPU time of a call."""
    start = time.process_time()
    run()  # type: ignore[operator]
    return time.process_time() - start


@torch.no_grad()
def main(repeats: int) -> None:
    """Measure both schemes, print a table and write the result file."""
    torch.set_num_threads(1)
    models = {scheme: make_model(scheme) for scheme in SCHEMES}
    keep = torch.ones(1, dtype=torch.bool)
    audio, motion = torch.randn(1, 16, 5, *SPEECH), torch.randn(1, 2, *LATENT)
    conditions = Conditions(torch.randn(1, *LATENT), audio, motion, keep, keep)
    latents, timestep = torch.randn(1, 16, *LATENT), torch.tensor([500.0])
    encoded = {scheme: model.encode_conditions(conditions) for scheme, model in models.items()}
    one_way = models["one_way_symbiotic"]
    difference = one_way(latents, timestep, conditions) - one_way(latents, timestep, encoded["one_way_symbiotic"])
    times: dict[str, dict[str, list[float]]] = {scheme: {"step": [], "clip": []} for scheme in SCHEMES}
    for _ in range(repeats):
        for scheme, model in models.items():
            step = seconds(lambda model=model, scheme=scheme: model(latents, timestep, encoded[scheme]))
            clip = seconds(lambda model=model: model.encode_portrait(conditions.portrait, keep))
            times[scheme]["step"].append(step)
            times[scheme]["clip"].append(clip)
    found = {scheme: {name: round(median(values), 4) for name, values in of.items()} for scheme, of in times.items()}
    macs = {s: describe(m.config, LATENT, SPEECH).macs_step for s, m in models.items()}
    report = {
        "setting": "preset S, 16 frames of 4x16x16, batch 1, float32, one thread, median CPU seconds",
        "repeats": repeats,
        "torch": torch.__version__,
        "seconds": found,
        "step_speedup": round(found["symbiotic"]["step"] / found["one_way_symbiotic"]["step"], 3),
        "macs_step": macs,
        "macs_ratio": round(macs["symbiotic"] / macs["one_way_symbiotic"], 3),
        "largest_difference_cached_or_not": float(difference.abs().max()),
    }
    write_json(Path(__file__).with_suffix(".json"), {**report, "machine": machine()})
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
