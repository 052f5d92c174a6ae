"""Devices of worker processes."""

from __future__ import annotations

import importlib
import os
from pathlib import Path

import pytest

from lt_bench.cli.main import main
from lt_bench.devices import GPU_VARIABLE, device_of, parse_devices, visible_gpus
from lt_bench.process_pool import run_in_processes


def test_devices_of_a_container_are_counted_from_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(GPU_VARIABLE, raising=False)
    monkeypatch.setattr(Path, "glob", lambda self, pattern: iter([Path("/dev/nvidia4"), Path("/dev/nvidia5")]))
    assert visible_gpus() == ("0", "1")


def test_devices_that_were_chosen_are_kept_as_they_were_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(GPU_VARIABLE, "3, GPU-5f")
    assert visible_gpus() == ("3", "GPU-5f")
    monkeypatch.setenv(GPU_VARIABLE, "")
    assert visible_gpus() == ()


def test_numbers_count_the_gpus_that_this_process_may_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(GPU_VARIABLE, "3,GPU-5f")
    assert parse_devices("1,0,cpu,0") == ("GPU-5f", "3", "cpu", "3")
    assert parse_devices("all") == ("3", "GPU-5f")
    with pytest.raises(ValueError, match=r"expected a list of cpu and of GPUs \(numbers below 2, or all\), got '2'"):
        parse_devices("2")
    monkeypatch.setenv(GPU_VARIABLE, "")
    assert parse_devices("cpu,cpu") == ("cpu", "cpu")
    with pytest.raises(ValueError, match=r"\(no GPU here\), got 'all'"):
        parse_devices("all")


def test_a_device_that_is_not_there_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(GPU_VARIABLE, "")
    with pytest.raises(SystemExit) as ended:
        main(["evaluate", "--generated", "a", "--real", "b", "--protocol", "pixels-v1", "--devices", "0"])
    assert ended.value.code == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "--devices: expected a list of cpu and of GPUs (no GPU here), got '0'" in error


def test_devices_are_given_in_turn() -> None:
    assert [device_of(number, ("7", "cpu")) for number in range(3)] == ["7", "cpu", "7"]
    assert device_of(0, ()) is None


def test_each_process_sees_its_own_device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "support"))  # processes of their own import it too
    meeting = importlib.import_module("meeting")
    monkeypatch.setenv(GPU_VARIABLE, "3,5")
    jobs = [(tmp_path, number, 3) for number in range(3)]
    seen = list(run_in_processes(meeting.seen_device, jobs, meeting.nothing, 3, ("5", "cpu", "3")))
    assert {device for device, _ in seen} == {"5", "", "3"}
    assert len({process for _, process in seen} | {os.getpid()}) == 4
