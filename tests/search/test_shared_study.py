"""How commands share a study: each trial is begun once, killed ones come again, so many in all."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import optuna
import pytest
from optuna.trial import TrialState

from lt_bench.errors import ConfigError
from lt_bench.search.attempt import REASON, SURPLUS, place_of
from lt_bench.search.storage import open_storage


@pytest.fixture(params=["journal", "database"])
def plan(request, make_plan, tmp_path):
    if request.param == "journal":
        return make_plan()
    return make_plan(storage=f"sqlite:///{tmp_path / 'study.db'}")


def test_two_commands_never_get_the_same_trial_and_never_draw_the_same_values(plan, opened):
    one, other = opened(plan), opened(plan)
    attempts = [command.claim(plan.config.trials) for _ in range(3) for command in (one, other)]
    assert sorted(attempt.place for attempt in attempts) == list(range(6))
    assert len({attempt.values["sampling.audio_scale"] for attempt in attempts}) == 6
    assert one.claim(6) is None
    assert other.claim(6) is None


def test_values_follow_from_seed_and_number_whichever_command_asks(make_plan, opened, tmp_path):
    def values(commands: int, out: str) -> list[dict]:
        plan = make_plan(out=str(tmp_path / out))
        studies = [opened(plan) for _ in range(commands)]
        return [studies[k % commands].claim(4).values for k in range(4)]

    assert values(1, "a") == values(2, "b")


def test_a_killed_trial_comes_again_with_its_values_and_counts_once(plan, opened):
    study = opened(plan)
    first = study.claim(2)
    assert study.killed(first, "SIGKILL")
    again = study.claim(2)
    assert (again.place, again.values) == (first.place, first.values)
    assert again.trial.number != first.trial.number
    study.complete(again, [0.5])
    study.complete(study.claim(2), [0.7])
    assert study.claim(2) is None
    assert [trial.state for trial in study.latest()] == [TrialState.COMPLETE] * 2
    assert [place_of(trial) for trial in study.best()] == [1]


def test_attempts_that_were_broken_off_change_no_later_trial(make_plan, opened, tmp_path):
    def values(out: str, broken: int) -> list[tuple[int, dict]]:
        study, found = opened(make_plan(out=str(tmp_path / out))), []
        for _ in range(broken):
            study.release(study.claim(3))
        while (attempt := study.claim(3)) is not None:
            found.append((attempt.place, attempt.values))
            study.complete(attempt, [0.5 + 0.1 * attempt.place])
        return found

    assert values("undisturbed", 0) == values("disturbed", 2)


def test_a_trial_that_is_killed_too_often_is_failed_with_its_reason(make_plan, opened):
    study = opened(make_plan(retries=1))
    assert study.killed(study.claim(1), "first")
    assert not study.killed(study.claim(1), "second")
    assert study.claim(1) is None
    (trial,) = study.latest()
    assert (trial.state, trial.user_attrs[REASON]) == (TrialState.FAIL, "second")


def test_an_interrupted_trial_comes_again_and_does_not_count_as_killed(make_plan, opened):
    study = opened(make_plan(retries=0))
    for _ in range(3):
        study.release(study.claim(1))
    study.complete(study.claim(1), [0.1])
    assert [trial.state for trial in study.latest()] == [TrialState.COMPLETE]


def test_a_failed_trial_does_not_come_again(plan, opened):
    study = opened(plan)
    study.fail(study.claim(1), "no memory")
    assert study.claim(1) is None
    assert study.latest()[0].user_attrs[REASON] == "no memory"


def test_a_silent_command_loses_its_trial_once_and_may_not_end_it(plan, opened):
    """Two commands notice the silence at once; one trial comes of it."""
    dead, one, other = opened(plan), opened(plan), opened(plan)
    begun = time.monotonic()
    lost = dead.claim(1)
    found = one.recover()
    assert found == [] or time.monotonic() - begun > plan.config.grace - 1  # a database counts whole seconds
    deadline = time.monotonic() + 20
    while not found and time.monotonic() < deadline:
        time.sleep(0.3)
        found = one.recover() + other.recover()
    assert found == [lost.trial.number]
    assert not dead.owns(lost)
    dead.complete(lost, [9.0])  # it wakes up: its value is not taken
    again = other.claim(1)
    assert (again.place, again.values) == (lost.place, lost.values)
    other.complete(again, [0.5])
    assert [trial.values for trial in other.best()] == [[0.5]]


@pytest.mark.parametrize("url", ["", "sqlite:///{}/study.db"])
def test_a_command_that_gives_signs_of_life_keeps_its_trial(url, make_plan, opened, tmp_path):
    plan = make_plan(storage=url.format(tmp_path), grace=6)  # far from what a busy machine takes between two lines
    busy, other = opened(plan), opened(plan)
    attempt = busy.claim(1)
    begun = time.monotonic()
    while time.monotonic() - begun < plan.config.grace + 1.5:
        busy.heartbeats.beat(attempt.trial._trial_id)
        assert other.recover() == []
        time.sleep(0.3)
    assert busy.owns(attempt)


def test_a_clock_that_was_put_back_keeps_no_killed_trial_alive(make_plan, opened):
    """The last sign is from the future: the time runs from now."""
    dead, other = opened(make_plan()), opened(make_plan())
    attempt = dead.claim(1)
    sign = dead.heartbeats.folder / str(attempt.trial._trial_id)
    os.utime(sign, (time.time() + 86400,) * 2)
    assert other.recover() == []
    assert sign.stat().st_mtime < time.time() + 60


def test_a_command_with_another_search_is_refused_naming_the_key(make_plan, opened):
    opened(make_plan())
    opened(make_plan(trials=99, workers=7, heartbeat=2, grace=5))
    with pytest.raises(ConfigError, match=r"expected train\.steps: 31, got a study with train\.steps: 30"):
        opened(make_plan(train={"steps": 31, "validate_every": 10}))
    with pytest.raises(ConfigError, match="expected 2 objectives"):
        opened(make_plan(objectives=[{"score": "lip_corr"}, {"score": "parameters"}]))


def test_a_pareto_front_has_what_nothing_dominates(make_plan, opened):
    study = opened(make_plan(objectives=[{"score": "lip_corr"}, {"score": "seconds_per_clip"}]))
    for values in ([0.5, 10.0], [0.9, 20.0], [0.4, 11.0], [0.95, 30.0]):
        study.complete(study.claim(4), values)
    assert sorted(place_of(trial) for trial in study.best()) == [0, 1, 3]
    assert [t.number for t in study.study.best_trials] == [0, 1, 3]  # Optuna's own


def test_a_line_that_was_not_written_to_its_end_is_cut_off_and_the_study_goes_on(make_plan, opened):
    """As a full disk leaves it: Optuna alone would never read past it again."""
    study = opened(make_plan())
    study.complete(study.claim(2), [0.5])
    journal = make_plan().out / "study.journal"
    with journal.open("ab") as stream:
        stream.write(b'{"op_code":4,"worker_id":"x","study')
    again = opened(make_plan())
    again.complete(again.claim(2), [0.7])
    assert [trial.state for trial in opened(make_plan()).latest()] == [TrialState.COMPLETE] * 2


HOLDER = """
import sys, time
from pathlib import Path
from lt_bench.search.journal import SystemLock
SystemLock(Path(sys.argv[1])).acquire()
print(flush=True)
time.sleep(60)
"""


def test_a_command_that_is_killed_while_it_writes_lets_the_journal_go(make_plan, opened, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    study = opened(make_plan(out="out"))  # relative, where Optuna's own lock would be held for ever
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, "out/study.journal"], stdout=subprocess.PIPE)
    assert holder.stdout is not None
    holder.stdout.readline()
    holder.kill()
    holder.wait()
    holder.stdout.close()
    begun = time.monotonic()
    study.complete(study.claim(1), [0.5])
    assert time.monotonic() - begun < 5


SCRIPT = """
import sys
from pathlib import Path
from optuna.distributions import FloatDistribution
from lt_bench.config import SearchSamplerConfig
from lt_bench.search.trial_objective import Objective
from lt_bench.search.optuna_samplers import TrialSeededSampler
from lt_bench.search.storage import open_storage
from lt_bench.search.shared_study import SharedStudy
from optuna.pruners import NopPruner
storage, beats = open_storage("", Path(sys.argv[1]), "fake", 15, 90)
sampler = TrialSeededSampler(SearchSamplerConfig(startup_trials=3))
space = {"x": FloatDistribution(0, 1)}
study = SharedStudy("fake", storage, beats, [Objective("lip_corr", "maximize")], space, sampler, NopPruner(), 2)
while (attempt := study.claim(24)) is not None:
    print(attempt.place, flush=True)
    study.complete(attempt, [attempt.values["x"]])
"""


def test_three_processes_at_once_run_every_trial_once(tmp_path):
    command = [sys.executable, "-c", SCRIPT, str(tmp_path)]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    origins = [[int(line) for line in process.communicate(timeout=120)[0].split()] for process in processes]
    assert all(process.returncode == 0 for process in processes)
    storage, _ = open_storage("", tmp_path, "fake", 15, 90)
    trials = [t for t in optuna.load_study(study_name="fake", storage=storage).trials if SURPLUS not in t.user_attrs]
    assert [trial.state for trial in trials] == [TrialState.COMPLETE] * 24
    assert sorted(number for some in origins for number in some) == [trial.number for trial in trials]
    assert len({trial.params["x"] for trial in trials}) == 24
