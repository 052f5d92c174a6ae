"""lt-bench doctor: passed, failed, asset missing; exit code 1 on a failure only."""

from __future__ import annotations

import json

import pytest

from lt_bench.cli.main import main
from lt_bench.errors import AssetError
from lt_bench.evaluation.doctor.check import Check, Figure, perform
from lt_bench.evaluation.doctor.known_answers import NUMBERS


@pytest.mark.parametrize("check", NUMBERS, ids=lambda check: check.name)
def test_what_needs_no_weights_passes(check: Check) -> None:
    assert perform(check).state == "passed"


def test_the_three_states() -> None:
    good, bad = Figure("x", 1.0, 1.001, 0.01), Figure("x", float("nan"), 1.0, 0.5)
    assert perform(Check("c", "", lambda: [good])).state == "passed"
    assert perform(Check("c", "", lambda: [good, bad])).state == "failed"
    absent = perform(Check("c", "", lambda: [good], ("i3d_torchscript.pt",)))
    assert (absent.state, absent.reason) == ("asset missing", "lt-bench assets get i3d_torchscript.pt")

    def broken() -> list[Figure]:
        raise AssetError("weights: expected others")

    assert perform(Check("c", "", broken)).reason == "weights: expected others"


def test_the_command_fails_only_where_a_figure_is_wrong(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("lt_bench.evaluation.doctor.known_answers.NUMBERS", ())
    checks = [Check("absent", "", list, ("i3d_torchscript.pt",)), Check("fine", "", lambda: [Figure("x", 1, 1, 0)])]
    monkeypatch.setattr("lt_bench.evaluation.doctor.networks.NETWORKS", tuple(checks))
    assert main(["doctor", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [check["state"] for check in document["checks"]] == ["asset missing", "passed"]
    checks.append(Check("wrong", "", lambda: [Figure("x", 2, 1, 0)]))
    monkeypatch.setattr("lt_bench.evaluation.doctor.networks.NETWORKS", tuple(checks))
    assert main(["doctor"]) == 1
    assert "1 passed, 1 failed, 1 asset missing" in capsys.readouterr().out
