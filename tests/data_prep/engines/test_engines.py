from __future__ import annotations

from collections.abc import Callable
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import ModuleType

import pytest

from data_prep.engines import run_jobs
from lt_bench.errors import LtBenchError


@pytest.fixture
def toys(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    import engine_workers

    return engine_workers


@pytest.fixture
def run(toys: ModuleType, tmp_path: Path) -> Callable[..., list]:
    def _run(jobs: int, workers: int = 2, **what: object) -> list:
        return list(run_jobs(range(jobs), partial(toys.Toy, tmp_path, **what), toys.lost, workers))

    return _run


def tries(folder: Path, job: int) -> int:
    return len((folder / f"tried-{job}").read_text().split())


def test_one_and_several_processes_do_every_job_once(run, tmp_path: Path):
    for workers in (1, 3):
        assert sorted(run(7, workers)) == [n * n for n in range(7)]
    assert {tries(tmp_path, n) for n in range(7)} == {2}
    assert len(list(tmp_path.glob("closed-*"))) == 4
    assert run(0) == []


def test_a_job_whose_process_dies_once_is_done_and_one_that_always_does_is_named(run, tmp_path: Path):
    results = run(6, 2, die=frozenset({2}), stumble=frozenset({4}))
    assert sorted(r for r in results if isinstance(r, int)) == [0, 1, 9, 16, 25]
    assert [r for r in results if isinstance(r, str)] == [
        "2: the process that prepared it was ended 3 times, the last time alone, by SIGKILL (out of memory?)"
    ]
    assert [tries(tmp_path, n) for n in range(6)] == [1, 1, 3, 1, 2, 1]


def test_what_wants_for_memory_beside_others_is_tried_alone(
    toys: ModuleType, run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    assert sorted(run(6, 3, twice=frozenset({1, 4}))) == [n * n for n in range(6)]
    monkeypatch.setattr("data_prep.engines.local.MAX_LOST", 2)
    folder = tmp_path / "all"
    folder.mkdir()
    results: list[int | str] = []
    jobs = run_jobs(range(9), partial(toys.Toy, folder, twice=frozenset(range(9))), toys.lost, 3)
    with pytest.raises(LtBenchError, match="2 jobs in a row were lost; try fewer --workers"):
        results.extend(jobs)
    assert len(results) >= 2
    assert all(isinstance(result, int) for result in results)  # made after all, so in no list of what was lost


def test_what_concerns_all_jobs_ends_the_run(run):
    for workers in (1, 2):
        with pytest.raises(LtBenchError, match="the disk is full"):
            run(5, workers, fail=1)


def test_processes_that_always_die_end_the_run(run, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("data_prep.engines.local.MAX_LOST", 2)
    with pytest.raises(LtBenchError, match="2 jobs in a row were lost"):
        run(9, die=frozenset(range(9)))


def test_each_process_gets_its_device_and_its_successor_too(toys: ModuleType, tmp_path: Path, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,5")
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "support"))
    met, alone = tmp_path / "met", tmp_path / "alone"
    met.mkdir()
    alone.mkdir()
    seen = list(run_jobs([(met, n, 2) for n in range(2)], toys.Meeting, toys.lost, 1, devices=("5", "cpu")))
    assert sorted(device for device, _ in seen) == ["", "5"]
    stumbling = partial(toys.Meeting, stumbles=True)
    assert [device for device, _ in run_jobs([(alone, 0, 1)], stumbling, toys.lost, 1, devices=("5",))] == ["5"]


@pytest.mark.parametrize(("gpus", "devices", "share"), [(2, (), 0.5), (2, ("cpu",), 0.0), (0, (), 0.0)])
def test_ray_is_asked_for_the_gpus_of_its_cluster(gpus, devices, share, monkeypatch):
    asked = {}

    class Ray:
        def cluster_resources(self):
            return {"CPU": 8.0, "GPU": float(gpus)}

        def remote(self, **wanted):
            asked.update(wanted)
            return lambda function: None

        def put(self, value):
            return value

    @contextmanager
    def cluster(workers):
        yield Ray()

    monkeypatch.setattr("data_prep.engines.ray.ray_cluster", cluster)
    monkeypatch.setattr("data_prep.engines.ray.run_tasks", lambda *given: iter(()))
    assert list(run_jobs(range(3), list, list, 4, engine="ray", devices=devices)) == []
    assert asked["num_gpus"] == share
