"""Measure the steps that each sampler needs to match the released loop's distance to the data, and their time.

    python experiments/performance/sampler_steps.py --out experiments/performance/sampler_steps.json

Released loop: 250 DDPM steps on the linear schedule (here with the variance of the posterior). Data: independent
Gaussians of deviations 0.05 to 1.5 and mean 0.3, for which the best prediction is exact; so all distance is the
sampler's. Distance: 2-Wasserstein. That of a deterministic sampler is exact, for it is an affine map; that of DDPM is
estimated from its samples' moments. A sampler's steps are the least of those tried that are no further than DDPM.

The time is that of a whole window (16 frames, latents 4 x 16 x 16) with a randomly initialised network of the given
preset, conditions encoded once a window for ours, at every step for the released loop; medians and their ratio.
"""

from __future__ import annotations

import argparse
import math
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from measure import machine
from torch import Tensor

from lt_bench.config import DiffusionConfig, ModelConfig, SamplingConfig
from lt_bench.diffusion.samplers import build_sampler
from lt_bench.diffusion.schedule import flow_marginal, linear_marginal, sample_to_epsilon, sample_to_flow
from lt_bench.files import write_json
from lt_bench.models.build import build_model
from lt_bench.models.conditions import Conditions
from lt_bench.sampling.guided import GuidedWindows

MEAN = 0.3
DEVIATIONS = torch.logspace(math.log10(0.05), math.log10(1.5), 8, dtype=torch.float64)
SAMPLES = 40_000
RELEASED = ("linear", "ddpm", 250)
FEW = 25
"""Maximum number of network calls of timed samplers."""
TRIED = (4, 5, 6, 7, 8, 9, 10, 12, 14, 16, 18, 20, 25, 33, 50, 75, 100, 150)
SAMPLERS = [("linear", "ddim", "even")]
SAMPLERS += [("linear", name, spacing) for name in ("dpmpp_2m", "unipc") for spacing in ("even", "log_snr")]
SAMPLERS += [("flow", name, "even") for name in ("flow_euler", "flow_heun", "dpmpp_2m", "unipc")]


def run_sampler(
    schedule: str, name: str, steps: int, spacing: str, x: Tensor, generator: torch.Generator
) -> tuple[Tensor, int]:
    """Return the result for the initial noise (N, dimensions), and the number of network calls."""
    prediction = "epsilon" if schedule == "linear" else "velocity"
    sampler = build_sampler(name, steps, DiffusionConfig(schedule, prediction), spacing=spacing)  # type: ignore[arg-type]
    x, deviations = x[:, None, :, None, None], DEVIATIONS[None, None, :, None, None].to(x)
    for t in sampler.timesteps:
        m = (linear_marginal if schedule == "linear" else flow_marginal)(t.double())
        gain = m.signal * deviations**2 / ((m.signal * deviations) ** 2 + m.sigma**2)
        clean = MEAN + gain * (x - m.signal * MEAN)
        convert = sample_to_epsilon if schedule == "linear" else sample_to_flow
        x = sampler.step(convert(clean, x, m).to(x.dtype), t, x, generator)
    return x[:, 0, :, 0, 0], len(sampler.timesteps)


def wasserstein(mean: Tensor, deviation: Tensor) -> float:
    """Compute the 2-Wasserstein distance of independent Gaussians to the data."""
    return float(((mean - MEAN) ** 2 + (deviation - DEVIATIONS) ** 2).sum().sqrt())


def steps_needed() -> tuple[list[dict[str, Any]], float]:
    """Return the table of distances, and the distance of the released loop."""
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(SAMPLES, len(DEVIATIONS), generator=generator)
    samples, _ = run_sampler(*RELEASED, "even", noise, generator)
    limit = wasserstein(samples.double().mean(0), samples.double().std(0))
    probes = torch.tensor([[0.0], [1.0]], dtype=torch.float64).expand(2, len(DEVIATIONS))
    rows = []
    for schedule, name, spacing in SAMPLERS:
        row: dict[str, Any] = {"schedule": schedule, "sampler": name, "spacing": spacing}
        row |= {"steps": None, "calls": None, "distances": {}}
        for steps in TRIED:
            (offset, end), calls = run_sampler(schedule, name, steps, spacing, probes, generator)
            row["distances"][steps] = round(wasserstein(offset, (end - offset).abs()), 5)
            if row["distances"][steps] <= limit:
                row["steps"], row["calls"] = steps, calls
                break
        rows.append(row)
        print(f"{schedule:7} {name:10} {spacing:8} steps {row['steps']}, calls {row['calls']}", flush=True)
    return rows, limit


class Window:
    """One window of random inputs for a network of a preset."""

    def __init__(self, preset: str, learn_sigma: bool) -> None:
        config = ModelConfig(preset=preset, motion_frames=0, learn_sigma=learn_sigma)  # type: ignore[arg-type]
        self.model = build_model(config, (4, 16, 16), (12, 768)).eval()
        keep = torch.ones(1, dtype=torch.bool)
        audio = torch.randn(1, 16, 5, 12, 768)
        self.conditions = Conditions(torch.randn(1, 4, 16, 16), audio, None, keep, keep)

    @torch.inference_mode()
    def seconds(self, schedule: str, name: str, steps: int, spacing: str = "even", anew: bool = False) -> float:
        """Measure the time of a whole sample; ``anew`` encodes the conditions at every step."""
        prediction = "epsilon" if schedule == "linear" else "velocity"
        learn_sigma = self.model.config.learn_sigma
        start = time.perf_counter()
        config = DiffusionConfig(schedule, prediction)  # type: ignore[arg-type]
        sampler = build_sampler(name, steps, config, learn_sigma, spacing)  # type: ignore[arg-type]
        x = torch.randn(1, 16, 4, 16, 16)
        guided = None if anew else GuidedWindows(self.model, self.conditions, SamplingConfig())
        for t in sampler.timesteps:
            predicted = self.model(x, t.expand(1), self.conditions) if guided is None else guided.predict(x, t)
            x = sampler.step(predicted, t, x, torch.Generator().manual_seed(0))
        return time.perf_counter() - start


def times(rows: list[dict[str, Any]], preset: str, rounds: int) -> dict[str, Any]:
    """Time whole samples in alternation: the released loop and every sampler with few calls, once per round."""
    released, ours = Window(preset, learn_sigma=True), {s: Window(preset, s == "linear") for s in ("linear", "flow")}
    chosen = [row for row in rows if row["steps"] is not None and row["calls"] <= FEW]
    found: dict[str, list[float]] = {"released": []}
    for _ in range(rounds):
        found["released"].append(released.seconds(*RELEASED, anew=True))
        for row in chosen:
            what = [row[key] for key in ("schedule", "sampler", "steps", "spacing")]
            found.setdefault(" ".join(map(str, what)), []).append(ours[row["schedule"]].seconds(*what))
    ratios = {name: float(np.median(np.array(found["released"]) / np.array(values))) for name, values in found.items()}
    return {
        "preset": preset,
        "rounds": rounds,
        "seconds_median": {name: round(float(np.median(values)), 4) for name, values in found.items()},
        "times_faster_median": {name: round(ratio, 2) for name, ratio in ratios.items()},
    }


def main() -> None:
    """Measure, write the result file and print tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--preset", default="S", help="of the network whose time is taken")
    parser.add_argument("--rounds", type=int, default=5, help="measurements of each time; 0 for none")
    arguments = parser.parse_args()
    rows, limit = steps_needed()
    document: dict[str, Any] = {
        "released_distance": round(limit, 5),
        "samples": SAMPLES,
        "samplers": rows,
        "time": None,
    }
    print(f"released loop: distance {limit:.4f}")
    if arguments.rounds:
        document["time"] = timed = times(rows, arguments.preset, arguments.rounds)
        for name, seconds in timed["seconds_median"].items():
            print(f"{name:30} {seconds:9.3f} s   {timed['times_faster_median'][name]:7.2f} x")
    write_json(arguments.out, {**document, "machine": machine()})


if __name__ == "__main__":
    main()
