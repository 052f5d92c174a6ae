"""Ray on this machine: two nodes, of which one is lost."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from data_prep.pipeline import prepare
from lt_bench.cli.main import main
from lt_bench.config import DataConfig, SyntheticConfig
from lt_bench.files import sha256_file

pytest.importorskip("ray")
SMALL = SyntheticConfig(
    train_speakers=6, validation_speakers=1, test_speakers=1, takes=2, train_frames=40, test_frames=40
)


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name, value in {
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
        "PYTHONPATH": os.pathsep.join([str(Path(__file__).resolve().parents[3]), os.environ.get("PYTHONPATH", "")]),
    }.items():
        monkeypatch.setenv(name, value)
    from ray.cluster_utils import Cluster

    quiet = {"num_cpus": 1, "object_store_memory": 100_000_000, "node_ip_address": "127.0.0.1"}
    made = Cluster(initialize_head=True, head_node_args={**quiet, "include_dashboard": False})
    made.second = made.add_node(**quiet)
    monkeypatch.setenv("RAY_ADDRESS", made.address)
    yield made
    made.shutdown()


def files(path: Path) -> dict[str, str]:
    return {str(p.relative_to(path)): sha256_file(p) for p in sorted(path.rglob("*")) if p.is_file()}


def losing(cluster: Any, at: int) -> Callable[[int, int], None]:
    def progress(done: int, _: int) -> None:
        if done == at:
            cluster.remove_node(cluster.second, allow_graceful=False)

    return progress


@pytest.mark.slow
@pytest.mark.faults
@pytest.mark.filterwarnings("ignore")  # Ray's own, of this process
def test_two_nodes_one_lost_on_the_way_give_the_bytes_of_the_local_engine(cluster: Any, tmp_path: Path):
    local, far = (
        DataConfig(cache=str(tmp_path / name), synthetic=SMALL, resolution=64, codec="dct") for name in ("local", "ray")
    )
    prepare(local, workers=1)
    done = prepare(far, workers=2, engine="ray", progress=losing(cluster, 4))
    assert (done.prepared, done.rejected) == (16, ())
    assert files(tmp_path / "ray") == files(tmp_path / "local")
    assert len([node for node in cluster.list_all_nodes() if node != cluster.second]) == 1


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # Ray's own, of this process
def test_real_clips_prepared_by_the_command_on_ray_are_those_of_the_local_engine(mirror: Path, tmp_path: Path):
    for engine in ("local", "ray"):
        out = str(tmp_path / engine)
        assert main(["prepare", "grid-sample", "--out", out, "--engine", engine, "--workers", "2"]) == 0
    # The note of what was verified has the cache's own path; everything else must be the same.
    found, expected = ({**files(tmp_path / engine), "verified.json": ""} for engine in ("ray", "local"))
    assert found == expected
    assert sum(name.startswith("clips/") for name in found) == 11
