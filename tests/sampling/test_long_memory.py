"""A long video takes the memory of a short one: both commands, each in a process of its own."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from lt_bench.models import presets

TINY = presets.PRESETS["tiny"]
"""As other processes see it, which know nothing of the smaller one that tests here use."""
SCRIPT = Path(__file__).resolve().parents[2] / "experiments" / "performance" / "long_video_memory.py"


@pytest.fixture
def _smallest_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(presets.PRESETS, "tiny", TINY)


def load_script(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(SCRIPT.parent)
    spec = importlib.util.spec_from_file_location("long_video_memory", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_four_minutes_take_the_memory_of_four_seconds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = load_script(monkeypatch)
    inputs = script.untrained(tmp_path)
    short, long = (script.measure(*inputs, seconds, 2, tmp_path) for seconds in (4, 240))
    for before, after in zip(short, long, strict=True):
        assert after["peak_mib"] < before["peak_mib"] + 48, after["command"]
