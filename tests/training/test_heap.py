"""Freed memory is kept: the same blocks again cost few new pages."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

CODE = """
import resource, sys
import torch
from lt_bench.training.heap import keep_freed_memory

def step():
    blocks = [torch.ones(2**21) for _ in range(16)]  # 8 MB each, 128 MB at once

if sys.argv[1] == "keep":
    assert keep_freed_memory()
step()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(4):
    step()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(word: str) -> int:
    done = subprocess.run([sys.executable, "-c", CODE, word], capture_output=True, text=True, check=True)
    return int(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="a setting of glibc")
def test_steps_that_take_the_same_memory_touch_few_new_pages():
    assert faults("keep") < 0.75 * faults("leave")
