"""Networks of scores run in full float32, and a device that fails says nothing of a video."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import onnxruntime
import pytest
import torch

from lt_bench.perception import arcface
from lt_bench.perception.device import exact_inference, is_device_failure


@pytest.fixture
def _fast() -> Iterator[None]:
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high")  # as NVIDIA's containers have it, by TORCH_ALLOW_TF32_CUBLAS_OVERRIDE
    yield
    torch.set_float32_matmul_precision(before)


@pytest.mark.usefixtures("_fast")
def test_products_and_convolutions_are_exact_within_and_as_before_after() -> None:
    convolutions = torch.backends.cudnn.allow_tf32
    with exact_inference():
        assert not torch.backends.cuda.matmul.allow_tf32
        assert not torch.backends.cudnn.allow_tf32
        assert torch.is_inference_mode_enabled()
    assert torch.get_float32_matmul_precision() == "high"
    assert torch.backends.cudnn.allow_tf32 == convolutions


def test_onnx_runtime_is_told_to_be_exact_on_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Any] = []
    monkeypatch.setattr(
        onnxruntime, "get_available_providers", lambda: ["CPUExecutionProvider", "CUDAExecutionProvider"]
    )

    class Session:
        def __init__(self, *given: Any, providers: list[Any]) -> None:
            told.extend(providers)

        def get_providers(self) -> list[str]:
            return [name for name, _ in told]

    monkeypatch.setattr(onnxruntime, "InferenceSession", Session)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
    arcface._open(Path("x.onnx"))
    (gpu, options), (cpu, _) = told
    assert (gpu, cpu) == ("CUDAExecutionProvider", "CPUExecutionProvider")
    assert options["use_tf32"] == "0"
    assert options["cudnn_conv_algo_search"] == "DEFAULT"


@pytest.mark.parametrize(
    ("error", "device"),
    [
        (torch.OutOfMemoryError("out of memory"), True),
        (RuntimeError("CUDA error: an illegal memory access was encountered"), True),
        (RuntimeError("cuDNN error: CUDNN_STATUS_NOT_INITIALIZED"), True),
        (RuntimeError("Calculated padded input size per channel: (0 x 3)"), False),
    ],
)
def test_a_failing_device_is_told_from_a_bad_video(error: RuntimeError, device: bool) -> None:
    assert is_device_failure(error) == device
