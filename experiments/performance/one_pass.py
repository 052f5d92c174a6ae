"""One pass over all scores against every score as its own pass, and a repeated run against the first.

    python experiments/performance/one_pass.py --real DIR --generated DIR --out experiments/performance/one_pass.json

Every run is a process of its own (``lt-bench evaluate``) with a store of its own, except the repeated one. CPU seconds
of the processes are reported beside the wall clock, since those depend little on what else a machine does.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import yaml

from lt_bench.config import to_dict
from lt_bench.evaluation.protocol import load_protocol
from lt_bench.files import write_json


def run(protocol: str, arguments: argparse.Namespace, store: Path) -> dict[str, float]:
    """Seconds of one evaluation."""
    command = [sys.executable, "-m", "lt_bench", "evaluate", "--generated", str(arguments.generated)]
    command += ["--real", str(arguments.real), "--protocol", protocol, "--store", str(store), "--json"]
    command += ["--clips", str(arguments.clips)]
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=os.environ)
    if done.returncode not in (0, 1):
        raise SystemExit(done.stderr)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"seconds": time.perf_counter() - start, "cpu_seconds": cpu}


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--real", type=Path, required=True)
    parser.add_argument("--generated", type=Path, required=True)
    parser.add_argument("--protocol", default="open-v1")
    parser.add_argument("--clips", type=int, default=10)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    rules = load_protocol(arguments.protocol)
    with tempfile.TemporaryDirectory() as folder:
        together = run(arguments.protocol, arguments, Path(folder) / "together")
        again = run(arguments.protocol, arguments, Path(folder) / "together")
        alone: dict[str, dict[str, float]] = {}
        for spec in rules.scores:
            only: dict[str, Any] = {**to_dict(rules), "scores": [to_dict(spec)]}
            path = Path(folder) / f"{spec.name}.yaml"
            path.write_text(yaml.safe_dump(only), encoding="utf-8")
            alone[spec.name] = run(str(path), arguments, Path(folder) / spec.name)
            print(spec.name, alone[spec.name], flush=True)
    document: dict[str, Any] = {"clips": arguments.clips, "protocol": arguments.protocol}
    document |= {"one_pass": together, "repeated": again, "each_alone": alone}
    for unit in ("seconds", "cpu_seconds"):
        total = sum(seconds[unit] for seconds in alone.values())
        document[f"separate_over_one_pass_{unit}"] = total / together[unit]
        document[f"first_over_repeated_{unit}"] = together[unit] / again[unit]
    write_json(arguments.out, document)
    print({key: value for key, value in document.items() if "over" in key})


if __name__ == "__main__":
    main()
