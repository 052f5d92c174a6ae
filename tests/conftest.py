"""Fixtures shared by all tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

MIRROR = Path(__file__).resolve().parents[2] / "shared" / "assets"


@pytest.fixture
def mirror(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of pinned assets; tests that need one skip where it is absent."""
    if not (MIRROR / "MANIFEST.json").is_file():
        pytest.skip("the folder of pinned assets (LT_BENCH_MIRROR) is absent")
    monkeypatch.setenv("LT_BENCH_MIRROR", str(MIRROR))
    return MIRROR


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> None:
    import torch

    torch.set_num_threads(1)
