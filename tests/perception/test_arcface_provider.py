"""ArcFace never falls back to the CPU silently."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lt_bench.errors import AssetError
from lt_bench.perception import arcface


@pytest.mark.parametrize(
    ("available", "used", "refused"),
    [
        (["CPUExecutionProvider"], ["CPUExecutionProvider"], False),
        (["CUDAExecutionProvider", "CPUExecutionProvider"], ["CUDAExecutionProvider", "CPUExecutionProvider"], False),
        (["CUDAExecutionProvider", "CPUExecutionProvider"], ["CPUExecutionProvider"], True),
    ],
)
def test_a_gpu_that_onnx_runtime_cannot_use_is_an_error(
    available: list[str], used: list[str], refused: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    import onnxruntime

    class Session:
        def __init__(self, *_: Any, providers: list[tuple[str, dict[str, str]]]) -> None:
            assert [name for name, _ in providers] == available

        def get_providers(self) -> list[str]:
            return used

    monkeypatch.setattr(onnxruntime, "InferenceSession", Session)
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: available)
    if refused:
        with pytest.raises(AssetError, match="expected ONNX Runtime's CUDAExecutionProvider, got CPUExecutionProvider"):
            arcface._open(Path("net.onnx"))
    else:
        assert isinstance(arcface._open(Path("net.onnx")), Session)
