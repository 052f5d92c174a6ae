"""A trial that measures nothing: it follows the file ``deed`` beside the trials, and its score is made up."""

from __future__ import annotations

import dataclasses
import importlib.util
import os
import signal
import sys
import time
from pathlib import Path

from lt_bench.config import RunConfig, load_config
from lt_bench.conventions import CONFIG_FILE, RESULT_FILE
from lt_bench.evaluation.results.result_file import save_result
from lt_bench.jobs.job_status import StatusReporter
from lt_bench.jobs.launch import CANNOT_WRITE
from lt_bench.jobs.parent_watchdog import die_with_parent, locked_folder


def fake_result(value: float, scored: int = 1):
    spec = importlib.util.spec_from_file_location("grid", Path(__file__).parents[1] / "support" / "fake_worker.py")
    grid = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(grid)
    made = grid.fake_result("fake")
    score = dataclasses.replace(made.scores["lip_corr"], value=value, scored=scored)
    return dataclasses.replace(made, scores={"lip_corr": score}, meta={"seconds_per_clip": 1.0 + value})


def main(folder: Path) -> int:
    die_with_parent(every=0.1)
    deed = folder.parent.parent / "deed"
    todo = deed.read_text().split() if deed.exists() else []
    with locked_folder(folder, "a fake worker", 5):
        with (folder / "starts.txt").open("a") as stream:
            stream.write(f"{os.getpid()}\n")
        config = load_config(RunConfig, folder / CONFIG_FILE)
        report = StatusReporter(folder)
        report.begin("training", config.train.steps, "c" * 64)
        number = folder.name.lstrip("0") or "0"
        first = len((folder / "starts.txt").read_text().split()) == 1
        if f"killed-{number}" in todo and first:
            os.kill(os.getpid(), signal.SIGKILL)
        if f"full-{number}" in todo and first:
            report.fail("a.txt: could not be written: No space left on device")
            return CANNOT_WRITE
        if f"fails-{number}" in todo:
            report.fail("out of\nmemory")
            return 1
        if "sleeps" in todo:
            time.sleep(60)
        if "curves" in todo:
            curve(folder, config, hopeless=int(number) >= 2)
        if "slow" in todo:
            time.sleep(0.3)
        report.end()
        scale = config.sampling.audio_scale
        save_result(fake_result(-((scale - 2.0) ** 2), 0 if f"misses-{number}" in todo else 1), folder / RESULT_FILE)
        report.finish()
    return 0


def curve(folder: Path, config: RunConfig, hopeless: bool) -> None:
    rows = ["step,loss,validation_loss"]
    for step in range(10, config.train.steps + 1, 10):
        rows.append(f"{step},0.1,{9.0 if hopeless else 1.0 / step}")
        (folder / "metrics.csv").write_text("\n".join(rows) + "\n")
        if hopeless:
            time.sleep(30)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
