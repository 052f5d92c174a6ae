"""Freed memory is kept: the same blocks again cost few new pages; and given back in the end."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

CODE = """
import contextlib, resource, sys
import psutil
import torch
from lt_bench.training.environment import freed_memory_kept

def step():
    blocks = [torch.ones(2**21) for _ in range(16)]  # 8 MB each, 128 MB at once

with freed_memory_kept() if sys.argv[1] == "keep" else contextlib.nullcontext():
    step()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(4):
        step()
    faults, held = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before, psutil.Process().memory_info().rss
print(faults, (held - psutil.Process().memory_info().rss) / 2**20)
"""


def measured(word: str) -> tuple[float, float]:
    """New pages of four steps, and MiB that the end of the block gave back."""
    done = subprocess.run([sys.executable, "-c", CODE, word], capture_output=True, text=True, check=True)
    faults, returned = map(float, done.stdout.split())
    return faults, returned


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="a setting of glibc")
def test_steps_that_take_the_same_memory_touch_few_new_pages_and_give_them_back():
    kept, left = measured("keep"), measured("leave")
    assert kept[0] < 0.75 * left[0]
    assert kept[1] > 100 > left[1]
