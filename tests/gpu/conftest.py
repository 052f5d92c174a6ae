"""A pretended GPU, and the smallest network."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lt_bench.models import presets
from tests.support.pretended_gpu import PretendedGpu, pretended_gpu


@pytest.fixture(autouse=True)
def _smallest_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(presets.PRESETS, "tiny", presets.Size(depth=2, dim=32, heads=2))


@pytest.fixture
def gpu() -> Iterator[PretendedGpu]:
    with pretended_gpu() as pretended:
        yield pretended
