"""How many steps does each sampler need to be as near to the data as the released loop, and how long does it take?

    python experiments/performance/sampler_steps.py --out experiments/performance/sampler_steps.json

Released loop: 250 DDPM steps on the linear schedule (here with the variance of the posterior). What the network would
predict is exact here, for the data are a known mixture of Gaussians; so all distance is the sampler's. Distance: energy
distance (Szekely and Rizzo 2013) between samples and data, unbiased, in 8 dimensions. A sampler's number of steps is
the least of those tried whose distance is at most the released loop's plus two standard errors over the repetitions.

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
from torch import Tensor

from lt_bench.config import DiffusionConfig, ModelConfig, SamplingConfig
from lt_bench.diffusion.samplers import build_sampler
from lt_bench.diffusion.schedule import Marginal, flow_marginal, linear_marginal, sample_to_epsilon, sample_to_flow
from lt_bench.files import write_json
from lt_bench.models.build import build_model
from lt_bench.models.conditions import Conditions
from lt_bench.sampling.guided import GuidedWindows

DIM, MODES, SAMPLES = 8, 6, 1500
RELEASED = ("linear", "ddpm", 250)
TRIED = (4, 6, 8, 10, 12, 16, 20, 25, 33, 50, 75, 100)
SAMPLERS = [("linear", "ddpm"), ("linear", "ddim"), ("linear", "dpmpp_2m"), ("linear", "unipc")]
SAMPLERS += [("flow", "flow_euler"), ("flow", "flow_heun"), ("flow", "dpmpp_2m"), ("flow", "unipc")]


class Mixture:
    """Equally likely Gaussians of unequal widths, zero mean and unit variance overall, with the exact denoiser."""

    def __init__(self) -> None:
        generator = torch.Generator().manual_seed(0)
        self.means = torch.randn(MODES, DIM, generator=generator, dtype=torch.float64)
        self.means -= self.means.mean(0)
        self.deviations = 0.08 + 0.4 * torch.rand(MODES, DIM, generator=generator, dtype=torch.float64)
        total = (self.means.square().mean(0) + self.deviations.square().mean(0)).sqrt()
        self.means, self.deviations = self.means / total, self.deviations / total

    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        """Data (count, DIM)."""
        mode = torch.randint(MODES, (count,), generator=generator)
        noise = torch.randn(count, DIM, generator=generator, dtype=torch.float64)
        return self.means[mode] + self.deviations[mode] * noise

    def denoise(self, x: Tensor, m: Marginal) -> Tensor:
        """The mean of the clean data given noisy ones (count, DIM)."""
        variance = (m.signal * self.deviations) ** 2 + m.sigma**2
        off = x[:, None] - m.signal * self.means
        share = torch.softmax(-0.5 * (off**2 / variance + variance.log()).sum(-1), dim=1)
        clean = self.means + m.signal * self.deviations**2 / variance * off
        return (share[..., None] * clean).sum(1)


def run_sampler(data: Mixture, schedule: str, name: str, steps: int, generator: torch.Generator) -> tuple[Tensor, int]:
    """Samples, and the network's calls."""
    prediction = "epsilon" if schedule == "linear" else "velocity"
    sampler = build_sampler(name, steps, DiffusionConfig(schedule, prediction))  # type: ignore[arg-type]
    x = torch.randn(SAMPLES, 1, DIM, 1, 1, generator=generator, dtype=torch.float64)
    for t in sampler.timesteps:
        m = (linear_marginal if schedule == "linear" else flow_marginal)(t.double())
        clean = data.denoise(x[:, 0, :, 0, 0], m)[:, None, :, None, None]
        convert = sample_to_epsilon if schedule == "linear" else sample_to_flow
        x = sampler.step(convert(clean, x, m), t, x, generator)
    return x[:, 0, :, 0, 0], len(sampler.timesteps)


def energy_distance(first: Tensor, second: Tensor) -> float:
    """2 E|X-Y| - E|X-X'| - E|Y-Y'|, without the pairs of a sample with itself; about 0 for one distribution."""
    across = torch.cdist(first, second).mean()
    within = sum(torch.cdist(x, x).sum() / (len(x) * (len(x) - 1)) for x in (first, second))
    return float(2 * across - within)


def distances(data: Mixture, schedule: str, name: str, steps: int, repeats: int) -> tuple[list[float], int]:
    """Of several independent sets of samples."""
    found, calls = [], 0
    for seed in range(repeats):
        generator = torch.Generator().manual_seed(1000 + seed)
        samples, calls = run_sampler(data, schedule, name, steps, generator)
        found.append(energy_distance(samples, data.sample(SAMPLES, generator)))
    return found, calls


def steps_needed(data: Mixture, repeats: int) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The table of distances, and the released loop's."""
    released, _ = distances(data, *RELEASED, repeats)
    limit = float(np.mean(released) + 2 * np.std(released, ddof=1) / math.sqrt(repeats))
    rows = []
    for schedule, name in SAMPLERS:
        row: dict[str, Any] = {"schedule": schedule, "sampler": name, "steps": None, "calls": None, "tried": {}}
        for steps in TRIED:
            found, calls = distances(data, schedule, name, steps, repeats)
            row["tried"][steps] = round(float(np.mean(found)), 6)
            if np.mean(found) <= limit:
                row["steps"], row["calls"] = steps, calls
                break
        rows.append(row)
        print(f"{schedule:7} {name:10} steps {row['steps']}  distances {row['tried']}", flush=True)
    return rows, {"distances": [round(d, 6) for d in released], "limit": round(limit, 6)}


class Window:
    """One window of random inputs for a network of a preset."""

    def __init__(self, preset: str, learn_sigma: bool) -> None:
        config = ModelConfig(preset=preset, motion_frames=0, learn_sigma=learn_sigma)  # type: ignore[arg-type]
        self.model = build_model(config, (4, 16, 16), (12, 768)).eval()
        keep = torch.ones(1, dtype=torch.bool)
        audio = torch.randn(1, 16, 5, 12, 768)
        self.conditions = Conditions(torch.randn(1, 4, 16, 16), audio, None, keep, keep)

    @torch.inference_mode()
    def seconds(self, schedule: str, name: str, steps: int, anew: bool) -> float:
        """Time of a whole sample; ``anew`` encodes the conditions at every step."""
        prediction = "epsilon" if schedule == "linear" else "velocity"
        learn_sigma = self.model.config.learn_sigma
        start = time.perf_counter()
        sampler = build_sampler(name, steps, DiffusionConfig(schedule, prediction), learn_sigma)  # type: ignore[arg-type]
        x = torch.randn(1, 16, 4, 16, 16)
        guided = None if anew else GuidedWindows(self.model, self.conditions, SamplingConfig())
        for t in sampler.timesteps:
            predicted = self.model(x, t.expand(1), self.conditions) if guided is None else guided.predict(x, t)
            x = sampler.step(predicted, t, x, torch.Generator().manual_seed(0))
        return time.perf_counter() - start


def times(rows: list[dict[str, Any]], preset: str, rounds: int) -> dict[str, Any]:
    """Whole samples, side by side: in each round the released loop and every sampler once."""
    released, ours = Window(preset, learn_sigma=True), {s: Window(preset, s == "linear") for s in ("linear", "flow")}
    chosen = [row for row in rows if row["steps"] is not None and row["sampler"] != "ddpm"]
    found: dict[str, list[float]] = {"released": []}
    for _ in range(rounds):
        found["released"].append(released.seconds(*RELEASED, anew=True))
        for row in chosen:
            name = f"{row['schedule']} {row['sampler']} {row['steps']}"
            seconds = ours[row["schedule"]].seconds(row["schedule"], row["sampler"], row["steps"], anew=False)
            found.setdefault(name, []).append(seconds)
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
    parser.add_argument("--repeats", type=int, default=12, help="independent sets of samples a distance")
    parser.add_argument("--rounds", type=int, default=5, help="measurements of each time")
    arguments = parser.parse_args()
    rows, released = steps_needed(Mixture(), arguments.repeats)
    timed = times(rows, arguments.preset, arguments.rounds)
    data = f"mixture of {MODES} Gaussians in {DIM} dimensions, {SAMPLES} samples a set"
    document = {"data": data, "repeats": arguments.repeats, "released": released, "samplers": rows, "time": timed}
    write_json(arguments.out, document)
    print(f"\nreleased loop: distance limit {released['limit']}")
    for name, seconds in timed["seconds_median"].items():
        print(f"{name:28} {seconds:9.3f} s   {timed['times_faster_median'][name]:7.2f} x")


if __name__ == "__main__":
    main()
