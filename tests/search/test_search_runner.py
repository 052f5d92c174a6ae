"""Running trials: failures, kills, pruning, interruption, and what is left behind. Workers are fake."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from optuna.trial import TrialState

from lt_bench.config import RunConfig, load_config, to_yaml
from lt_bench.errors import WriteError
from lt_bench.jobs.engines.local import LocalEngine
from lt_bench.search.attempt import REASON, place_of
from lt_bench.search.shared_study import LENDER
from lt_bench.search.study_report import write_report
from lt_bench.search.trial_runner import SearchRunner

pytestmark = pytest.mark.usefixtures("fake_workers")


class Watcher:
    def __init__(self) -> None:
        self.most = 0
        self.ends: list[str] = []
        self.notes: list[str] = []

    def tick(self, snapshot) -> None:
        self.most = max(self.most, sum(snapshot.running))
        self.notes.append(snapshot.note)

    def begun(self, attempt, config) -> None:
        assert config.sampling.audio_scale == attempt.values["sampling.audio_scale"]

    def ended(self, ended) -> None:
        self.ends.append(f"{ended.attempt.place} {ended.outcome}")

    def recovered(self, numbers) -> None:
        self.ends.append(f"recovered {numbers}")

    def stopping(self, workers) -> None:
        self.ends.append(f"stopping {workers}")


def deeds(plan, text: str) -> None:
    plan.out.mkdir(parents=True, exist_ok=True)
    (plan.out / "deed").write_text(text)


def search(plan, study, workers: int = 2) -> Watcher:
    watcher = Watcher()
    SearchRunner(plan, study, LocalEngine(workers, 2), watcher).run()
    return watcher


def starts(plan, place: int) -> list[int]:
    path = plan.folder(place) / "starts.txt"
    return [int(pid) for pid in path.read_text().split()] if path.exists() else []


def test_an_equal_trial_is_not_paid_for_twice(make_plan, opened):
    plan = make_plan(space={"sampling.audio_scale": {"choices": [1.0, 3.0]}}, trials=6)
    study = opened(plan)
    search(plan, study, workers=1)
    trials = study.latest()
    assert [trial.state for trial in trials] == [TrialState.COMPLETE] * 6
    assert {trial.params["sampling.audio_scale"]: trial.values for trial in trials} == {1.0: [-1.0], 3.0: [-1.0]}
    paid = [place_of(trial) for trial in trials if starts(plan, place_of(trial))]
    assert len(paid) == len({trial.params["sampling.audio_scale"] for trial in trials}) == 2
    lent = [trial for trial in trials if LENDER in trial.user_attrs]
    assert {trial.user_attrs[LENDER] for trial in lent} <= set(paid)
    assert len(lent) == 4
    assert all((plan.folder(place_of(trial)) / "result.json").is_file() for trial in lent)


def test_a_search_goes_on_past_what_fails_and_tries_again_what_is_killed(make_plan, opened):
    plan = make_plan()
    study = opened(plan)
    deeds(plan, "fails-1 killed-2 misses-3")
    watcher = search(plan, study)
    assert watcher.most == 2
    trials = {place_of(trial): trial for trial in study.latest()}
    reasons = {number: t.user_attrs[REASON] for number, t in trials.items() if t.state == TrialState.FAIL}
    assert reasons.keys() == {1, 3}
    assert reasons[1] == "out of memory"
    assert "0 of 1 clips scored" in reasons[3]
    assert sum(trial.state == TrialState.COMPLETE for trial in trials.values()) == 4
    assert {"1 failed", "3 failed", "2 again", "2 complete"} <= set(watcher.ends)
    assert [len(starts(plan, number)) for number in trials] == [1, 1, 2, 1, 1, 1]
    assert watcher.notes[-1].startswith("best lip_corr")
    check_report(plan, study)

    # The same command again has nothing to do; with more trials it goes on.
    assert search(plan, opened(plan)).ends == []
    more = make_plan(trials=7)
    deeds(more, "")
    assert [end.split()[1] for end in search(more, opened(more)).ends] == ["complete"]


def check_report(plan, study) -> None:
    made = write_report(plan, study).document
    assert made["trials"] == {"complete": 4, "pruned": 0, "failed": 2, "running": 0, "waiting": 0}
    assert [entry["trial"] for entry in made["failed"]] == [1, 3]
    (best,) = made["best"]
    with (plan.out / "trials.csv").open(newline="") as stream:
        rows = {int(row["trial"]): row for row in csv.DictReader(stream)}
    assert float(rows[best["trial"]]["lip_corr"]) == max(float(r["lip_corr"]) for r in rows.values() if r["lip_corr"])
    config = load_config(RunConfig, plan.out / "best.yaml")
    assert config.sampling.audio_scale == best["params"]["sampling.audio_scale"]
    assert config.evaluation.split == "validation"
    assert json.loads((plan.out / "search.json").read_text())["best"] == made["best"]
    assert set(made["plots"]) == {"history-lip_corr", "parallel-lip_corr", "importance-lip_corr"}
    assert all(Path(path).read_bytes().startswith(b"\x89PNG") for path in made["plots"].values())


def test_hopeless_trials_are_pruned_by_their_validation_loss(make_plan, opened):
    plan = make_plan(trials=4, workers=1, pruner={"name": "median", "startup_trials": 1})
    study = opened(plan)
    deeds(plan, "curves")
    watcher = search(plan, study, workers=1)
    assert watcher.ends == ["0 complete", "1 complete", "2 pruned", "3 pruned"]
    pruned = study.latest()[2]
    assert pruned.intermediate_values == {10: -9.0}  # the study maximises, so a loss is reported with its sign changed
    made = write_report(plan, study).document
    assert made["trials"]["pruned"] == 2
    assert "losses" in made["plots"]


def test_an_interrupt_ends_the_workers_and_their_trials_wait_for_the_next_command(make_plan, opened):
    plan = make_plan(trials=2)
    study = opened(plan)
    deeds(plan, "sleeps")

    def interrupt() -> None:
        deadline = time.monotonic() + 60
        while not (starts(plan, 0) and starts(plan, 1)) and time.monotonic() < deadline:
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt, daemon=True)
    thread.start()
    watcher = Watcher()
    with pytest.raises(KeyboardInterrupt):
        SearchRunner(plan, study, LocalEngine(2, 2), watcher).run()
    thread.join()
    assert watcher.ends == ["stopping 2"]
    assert [trial.state for trial in study.latest()] == [TrialState.WAITING] * 2
    deeds(plan, "")
    again = search(plan, opened(plan))
    assert sorted(again.ends) == ["0 complete", "1 complete"]


def test_a_full_disk_stops_the_search_and_its_trials_wait_for_room(make_plan, opened):
    plan = make_plan(trials=3)
    deeds(plan, "full-1")
    with pytest.raises(WriteError, match=r"trial 1: a\.txt: could not be written: No space left"):
        search(plan, opened(plan))
    assert not any(trial.state == TrialState.FAIL for trial in opened(plan).latest())
    search(plan, opened(plan))
    assert [trial.state for trial in opened(plan).latest()] == [TrialState.COMPLETE] * 3


@pytest.mark.slow
def test_several_objectives_leave_a_configuration_for_every_trial_of_the_front(make_plan, opened):
    plan = make_plan(objectives=[{"score": "lip_corr"}, {"score": "seconds_per_clip"}], sampler={"name": "nsga2"})
    study = opened(plan)
    search(plan, study)
    made = write_report(plan, study).document
    # Made-up seconds rise with the made-up score, so nothing dominates anything.
    assert len(made["best"]) == 6
    for entry in made["best"]:
        config = load_config(RunConfig, entry["config"])
        assert config.sampling.steps == entry["params"]["sampling.steps"]
    assert "pareto" in made["plots"]


COMMAND = """
import sys
from lt_bench.config import SearchConfig, load_config
from lt_bench.jobs import launch
from lt_bench.search.search_plan import plan_search
from lt_bench.errors import WriteError
from lt_bench.jobs.engines.local import LocalEngine
from lt_bench.search.trial_runner import SearchRunner
sys.path.insert(0, sys.argv[2])
from conftest import open_study
from test_search_runner import Watcher
launch.COMMAND = (sys.executable, sys.argv[2] + "/fake_trial.py")
plan = plan_search(load_config(SearchConfig, sys.argv[1]), "s")
SearchRunner(plan, open_study(plan), LocalEngine(1, 2), Watcher()).run()
"""


@pytest.mark.slow
@pytest.mark.faults
def test_three_commands_finish_a_study_though_one_is_killed(make_plan, opened, tmp_path):
    """SIGKILL to a command in the middle of a trial: its worker ends, and another command runs the trial again."""
    plan = make_plan(trials=8, workers=1, grace=6)
    (tmp_path / "s.yaml").write_text(to_yaml(plan.config))
    deeds(plan, "sleeps")
    command = [sys.executable, "-c", COMMAND, str(tmp_path / "s.yaml"), str(Path(__file__).parent)]
    victim = subprocess.Popen(command)
    deadline = time.monotonic() + 120
    while not starts(plan, 0):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    deeds(plan, "slow")
    others = [subprocess.Popen(command) for _ in range(2)]
    victim.kill()
    victim.wait()
    assert [process.wait(timeout=300) for process in others] == [0, 0]
    study = opened(plan)
    trials = study.latest()
    assert [trial.state for trial in trials] == [TrialState.COMPLETE] * 8
    assert len(starts(plan, 0)) == 2  # by the killed command, and again
    assert trials[0].user_attrs["kills"] == 1
    assert [len(starts(plan, place_of(trial))) for trial in trials[1:]] == [1] * 7
    assert not Path(f"/proc/{starts(plan, 0)[0]}").exists()  # no worker outlives its command
