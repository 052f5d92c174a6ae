"""Settings that a run leaves to its hardware."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from lt_bench.config import RunConfig, TrainConfig, to_yaml
from lt_bench.errors import ConfigError
from lt_bench.jobs.folder import check_folder
from lt_bench.training.hardware import Hardware, matmul_precision_set, resolve, summary

CPU = Hardware(cuda=False, cores=64)
GPU = Hardware(cuda=True, bf16=True, triton=True, cores=64)


def chosen(train: TrainConfig) -> tuple[str, object, object]:
    return train.precision, train.compile, train.workers


@pytest.mark.parametrize(
    ("hardware", "devices", "expected"),
    [
        (CPU, 1, ("fp32", False, 0)),
        (GPU, 1, ("bf16", True, 8)),
        (GPU, 16, ("bf16", True, 3)),
        (Hardware(cuda=True, cores=2), 1, ("fp32", False, 1)),
        (Hardware(cuda=True, cores=2), 8, ("fp32", False, 1)),
    ],
)
def test_defaults_follow_the_hardware(hardware: Hardware, devices: int, expected: tuple[str, bool, int]) -> None:
    assert chosen(resolve(TrainConfig(devices=devices), hardware)) == expected


def test_what_is_said_stays() -> None:
    said = TrainConfig(precision="fp32", compile=False, workers=3)
    assert resolve(said, GPU) == said
    assert resolve(TrainConfig(precision="bf16"), CPU).precision == "bf16"


def test_products_of_float32_are_exact_unless_the_run_is_in_bf16() -> None:
    before = torch.get_float32_matmul_precision()
    with matmul_precision_set(resolve(TrainConfig(), GPU)):
        assert torch.get_float32_matmul_precision() == "high"
    with matmul_precision_set(resolve(TrainConfig(), CPU)):
        assert torch.get_float32_matmul_precision() == "highest"
    assert torch.get_float32_matmul_precision() == before
    assert summary(resolve(TrainConfig(accelerator="gpu"), GPU)) == (
        "cuda: precision bf16, float32 matrix products high, blocks compiled, 8 loading processes for each of 1 devices"
    )


def test_a_folder_made_before_settings_could_be_left_open_goes_on(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(to_yaml(RunConfig(train=TrainConfig(precision="fp32", compile=False))))
    check_folder(tmp_path, RunConfig())
    with pytest.raises(ConfigError, match=r"expected train\.precision: 'bf16'"):
        check_folder(tmp_path, RunConfig(train=TrainConfig(precision="bf16")))
