"""``torch.compile`` of the blocks: the same curve.

In a process of its own, since run-time shape checks cannot be traced.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

KEYS = {
    "plain": {},
    "compiled": {"compile": True},
    "checkpointed": {"compile": True, "activation_checkpointing": True},
}
SCRIPT = """
import json
import sys
from pathlib import Path
import torch
sys.path.insert(0, sys.argv[1])
import conftest as toys
from lt_bench.training.run import train
torch.set_num_threads(1)
toys.presets.PRESETS["tiny"] = toys.TINY
out = Path(sys.argv[2])
cache = toys.make_cache(out / "cache")
for name, keys in json.loads(sys.argv[3]).items():
    train(toys.run_config(steps=3, log_every=1, **keys), out / name, cache, progress=False)
"""


@pytest.mark.slow
def test_compiled_blocks_train_the_same_curve(tmp_path: Path) -> None:
    here = str(Path(__file__).parent)
    subprocess.run([sys.executable, "-c", SCRIPT, here, str(tmp_path), json.dumps(KEYS)], check=True)
    plain, *others = (_rows(tmp_path / name / "metrics.csv") for name in KEYS)
    assert len(plain) == 3
    for compiled in others:
        for expected, got in zip(plain, compiled, strict=True):
            assert got == pytest.approx(expected, rel=1e-4)


def _rows(path: Path) -> list[list[float]]:
    return [[float(value) for value in line.split(",")[1:4]] for line in path.read_text().splitlines()[1:]]
