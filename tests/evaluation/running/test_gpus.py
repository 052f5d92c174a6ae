"""Which GPUs processes of evaluation are shared out over."""

from __future__ import annotations

from pathlib import Path

import pytest

from lt_bench.evaluation.running.scoring_engines import visible_gpus


def test_devices_of_a_container_are_counted_from_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(Path, "glob", lambda self, pattern: iter([Path("/dev/nvidia4"), Path("/dev/nvidia5")]))
    assert visible_gpus() == ("0", "1")


def test_devices_that_were_chosen_are_kept_as_they_were_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3, GPU-5f")
    assert visible_gpus() == ("3", "GPU-5f")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert visible_gpus() == ()
