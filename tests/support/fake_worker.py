"""A worker that measures nothing: it does what the portrait's name of its cell says, and writes a fake result."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

from lt_bench.evaluation.results.result_file import Clip, ProtocolRef, RealSetRef, Result, Score, save_result
from lt_bench.evaluation.results.settings import hash_of_settings
from lt_bench.jobs.command_lease import die_without_lease
from lt_bench.jobs.job_status import StatusReporter
from lt_bench.jobs.parent_watchdog import die_with_parent, locked_folder


def fake_result(system: str) -> Result:
    score = Score(
        name="lip_corr",
        title="fake",
        unit="",
        higher_is_better=True,
        target=None,
        scope="video",
        aggregate="mean",
        source="none",
        detector="",
        value=0.5,
        interval=None,
        scored=1,
        per_video={"clip": 0.5},
        reference=None,
        missing=None,
        settings={},
        settings_hash=hash_of_settings({}),
    )
    return Result(
        system=system,
        protocol=ProtocolRef("fake", 1, "f" * 64, 64, 64, 25.0, 0),
        real=RealSetRef("a" * 64, "synthetic", "test"),
        clips=(Clip("clip", "someone", 50),),
        misses=(),
        scores={"lip_corr": score},
        seed=0,
        cache_hash="c" * 64,
    )


def main(folder: Path) -> int:
    die_with_parent(every=0.1)
    die_without_lease()
    with locked_folder(folder, "a fake worker", 5):
        deed = folder.parent.name.split("-")[0]
        with (folder / "starts.txt").open("a") as stream:
            stream.write(f"{os.getpid()} {os.environ['OMP_NUM_THREADS']} {os.environ['OMP_WAIT_POLICY']}\n")
        report = StatusReporter(folder)
        report.begin("training", 10, "c" * 64)
        report.step(3)
        if deed == "sleeps":
            time.sleep(60)
        if deed == "dies":
            os.kill(os.getpid(), signal.SIGKILL)
        if deed == "exits":
            return 3
        if deed == "fails" or (deed == "mends" and not (folder / "mended").exists()):
            (folder / "mended").touch()
            report.fail("first line\nsecond line")
            return 1
        if deed == "stubborn":
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            time.sleep(60)
        report.end()
        model = folder / "model.safetensors"
        if not model.exists():
            model.write_text(f"trained in {folder.parent.name}")
        report.begin("generating", 2, "c" * 64)
        if deed == "ungenerable":
            report.fail("no such step")
            return 1
        save_result(fake_result(folder.parent.name), folder / "result.json")
        report.finish()
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
