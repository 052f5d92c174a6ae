"""Check on this machine's GPUs what docs/cluster.md claims of them, in less than eight minutes.

    PYTHONPATH=. python experiments/performance/gpu_check --out gpu_check.json

PyTorch, Lightning, diffusers and transformers are enough; no data and no weights are needed. Each part runs in its own
process, with a time limit. A part that fails or takes too long is listed with its reason, and the others continue.
Training steps are of 16 frames with latents of 4x32x32, as those of SD-VAE at 256 pixels.

    PYTHONPATH=. python experiments/performance/gpu_check --device cpu --small --parts machine parity

Exit code: 0 when every claim that was measured holds, 1 when one does not.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

# PyTorch then looks for GPUs without starting CUDA, which no process could use after a fork.
os.environ["PYTORCH_NVML_BASED_CUDA_CHECK"] = "1"

import encoding
import generation
import machine
import parity
import several_devices
import step_profile
import throughput
import whole_training
from claims import CLAIMS, judge
from page import document, print_tables
from plan import FULL, SMALL, Plan
from running import Outcome, Part, missing, run_part

from lt_bench.files import write_json


def parts_of(plan: Plan) -> list[Part]:
    """All parts, the most telling first: those at the end are left out where time is short."""
    eager = [Part(f"eager {name}", throughput.Measure(name, compiled=False), 60) for name in plan.presets]
    compiled = [Part(f"compiled {name}", throughput.Measure(name, compiled=True), 110) for name in plan.presets]
    return [
        Part("machine", machine.measure, 30),
        Part("parity", parity.measure, 60),
        Part("profile", step_profile.measure, 60),
        *eager,
        Part("training", whole_training.measure, 60),
        *compiled[:1],
        Part("several devices", several_devices.measure, 90),
        Part("generation", generation.measure, 60),
        Part("codec", encoding.measure, 60),
        *compiled[1:],
    ]


def main() -> int:
    """Measure all parts, print the table and write the JSON file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, metavar="FILE", help="write what was measured here (JSON)")
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda", help="where to run (default: cuda)")
    parser.add_argument("--small", action="store_true", help="use tiny sizes, which try the parts and measure nothing")
    parser.add_argument("--minutes", type=float, default=7.5, help="time for all parts together (default: 7.5)")
    parser.add_argument("--peak", type=float, default=989, metavar="TFLOPS", help="the GPU's stated bf16 rate for MFU")
    parser.add_argument("--parts", nargs="+", metavar="NAME", help="run these parts only")
    arguments = parser.parse_args()
    plan = (SMALL if arguments.small else FULL)(device=arguments.device, peak_tflops=arguments.peak)
    parts = parts_of(plan)
    unknown = sorted(set(arguments.parts or ()) - {part.name for part in parts})
    if unknown:
        parser.error(f"--parts: expected some of {', '.join(part.name for part in parts)}; got {unknown[0]}")
    end = time.monotonic() + 60 * arguments.minutes
    outcomes: list[Outcome] = []
    for part in parts:
        left = end - time.monotonic()
        if arguments.parts and part.name not in arguments.parts:
            outcomes.append(missing(part, "not asked for"))
        elif left < 1:
            outcomes.append(missing(part, f"no time was left of {arguments.minutes:g} minutes"))
        else:
            print(f"{part.name} ...", file=sys.stderr, flush=True)
            limit = left if arguments.small else min(part.seconds, left)
            outcomes.append(run_part(part, plan, limit))
    verdicts = [judge(claim, outcomes) for claim in CLAIMS]
    print_tables(outcomes, verdicts)
    if arguments.out is not None:
        write_json(arguments.out, document(plan, outcomes, verdicts))
    return 1 if any(verdict.holds is False for verdict in verdicts) else 0


if __name__ == "__main__":
    sys.exit(main())
