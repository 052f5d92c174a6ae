"""Samples of the machine: written while a block runs, read whole."""

from __future__ import annotations

import time

import pytest
import torch

from lt_bench.tracking.system import SystemSampler, read_samples, sample


def test_samples_are_written_while_the_block_runs_and_a_cut_line_is_left_out(tmp_path):
    path = tmp_path / "run" / "system.csv"
    with SystemSampler(path, every=0.05):
        deadline = time.monotonic() + 30
        while len(read_samples(path)) < 8:
            assert time.monotonic() < deadline
            time.sleep(0.02)
    before = read_samples(path)
    assert before[0][0] == 0.0
    assert {name for _, name, _ in before} >= {"cpu_utilization_percentage", "process_memory_megabytes"}
    assert all(value >= 0 for _, _, value in before)
    with path.open("a") as stream:
        stream.write("173")
    assert read_samples(path) == before
    assert read_samples(tmp_path / "nothing") == []


def test_a_folder_that_cannot_be_written_to_neither_stops_nor_clutters_a_run(tmp_path):
    (tmp_path / "file").touch()
    with SystemSampler(tmp_path / "file" / "system.csv", every=0.01):
        time.sleep(0.1)  # an error that leaves the thread would fail this test
    assert read_samples(tmp_path / "file" / "system.csv") == []


def test_of_other_gpus_only_the_management_library_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def mem_get_info(device: int) -> tuple[int, int]:
        asked.append(device)  # opens a context on that GPU
        return 3 * 2**20, 4 * 2**20

    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 1)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "mem_get_info", mem_get_info)
    monkeypatch.setattr(torch.cuda, "utilization", lambda device: 50 + device)
    monkeypatch.setattr(torch.cuda, "device_memory_used", lambda device: 2 * 2**20)
    values = sample()
    assert asked == [1]
    assert (values["gpu_0_utilization_percentage"], values["gpu_1_utilization_percentage"]) == (50, 51)
    assert values["gpu_0_memory_usage_megabytes"] == 2
