"""Networks of detectors are read once, and leave a GPU when training wants its memory back."""

from __future__ import annotations

import pytest
import torch

from lt_bench.perception import device
from lt_bench.perception.device import detectors_released, kept_network


def test_a_network_is_kept_until_it_is_released_from_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "_KEPT", [])
    emptied: list[bool] = []
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: emptied.append(True))
    read: list[str] = []

    @kept_network
    def load(name: str) -> object:
        read.append(name)
        return object()

    assert load("a") is load("a")
    with detectors_released():  # without a GPU there is nothing to free
        load("a")
    load("a")
    assert (read, emptied) == (["a"], [])
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    with detectors_released():
        load("a")
    load("a")
    assert (read, emptied) == (["a", "a"], [True])
