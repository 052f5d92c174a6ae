"""ArcFace never falls back to the CPU silently."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from lt_bench.errors import AssetError
from lt_bench.perception import arcface

CPU, CUDA = ["CPUExecutionProvider"], ["CUDAExecutionProvider", "CPUExecutionProvider"]


@pytest.mark.parametrize(
    ("available", "gpu", "asked", "used", "refused"),
    [
        (CPU, True, CPU, CPU, False),
        (CUDA, True, CUDA, CUDA, False),
        (CUDA, True, CUDA, CPU, True),
        (CUDA, False, CPU, CPU, False),
    ],
)
def test_a_gpu_that_onnx_runtime_cannot_use_is_an_error(
    available: list[str],
    gpu: bool,
    asked: list[str],
    used: list[str],
    refused: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import onnxruntime

    class Session:
        def __init__(self, *_: Any, providers: list[tuple[str, dict[str, str]]]) -> None:
            assert [name for name, _ in providers] == asked
            assert asked == CPU or providers[0][1]["device_id"] == "2"

        def get_providers(self) -> list[str]:
            return used

    monkeypatch.setattr(onnxruntime, "InferenceSession", Session)
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: available)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpu)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 2)
    assert arcface.chosen_provider() == asked[0]
    if refused:
        with pytest.raises(AssetError, match="expected ONNX Runtime's CUDAExecutionProvider, got CPUExecutionProvider"):
            arcface._open(Path("net.onnx"))
    else:
        assert isinstance(arcface._open(Path("net.onnx")), Session)
