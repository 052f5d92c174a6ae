"""The worker process of one job: ``python -m lt_bench.jobs.worker RUN_DIR`` trains, generates and scores.

If a job trains on several devices, Lightning starts this command again for each rank but the first. All ranks read the
configuration from the folder, so they cannot differ; only the first writes, generates and scores.
"""

from __future__ import annotations

import dataclasses
import errno
import os
import signal
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from lt_bench.config import RunConfig, load_config
from lt_bench.conventions import CONFIG_FILE, RESULT_FILE, SYSTEM_FILE, VIDEOS
from lt_bench.errors import LtBenchError, WriteError
from lt_bench.files import remove_leftovers
from lt_bench.jobs.command_lease import die_without_lease
from lt_bench.jobs.job_status import StatusReporter
from lt_bench.jobs.launch import CANNOT_WRITE
from lt_bench.jobs.parent_watchdog import die_with_parent, locked_folder
from lt_bench.signal_exceptions import signals_raise

if TYPE_CHECKING:
    from lt_bench.data.cache import LatentCache

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
PATIENCE = 15.0
"""Seconds that a worker waits for the end of a worker whose command was killed."""


def main(arguments: list[str]) -> int:
    """Run the job of a folder.

    Returns:
        0 done, 1 failed (with the reason in ``status.json``), ``CANNOT_WRITE`` (with the reason if it can be written),
        143
        asked to stop.
    """
    folder, leads = Path(arguments[0]), int(os.environ.get("LOCAL_RANK", "0")) == 0
    die_with_parent(follows=not leads)
    die_without_lease()
    signal.signal(signal.SIGUSR2, signal.SIG_IGN)  # Slurm tells all of a job's processes; the one above this one acts
    try:
        with signals_raise([signal.SIGTERM], _Stopped):
            if not leads:
                follow_job(folder)
                return 0
            with locked_folder(folder, "a worker", PATIENCE):
                remove_leftovers(folder)
                return _guarded(folder)
    except (KeyboardInterrupt, _Stopped):
        print("stopped", file=sys.stderr)
        return 143
    except WriteError:  # of the status: not even the reason can be kept
        return CANNOT_WRITE
    except OSError as error:
        if error.errno not in FULL:
            raise
        return CANNOT_WRITE  # of the log


class _Stopped(BaseException):
    """The command asked this worker to stop; incomplete files are removed on the way out."""


def _guarded(folder: Path) -> int:
    report = StatusReporter(folder)
    try:
        run_job(folder, report)
    except LtBenchError as error:
        report.fail(str(error))
        print(f"failed: {report.status.reason}", file=sys.stderr)
        return CANNOT_WRITE if isinstance(error, WriteError) else 1
    except Exception as error:  # noqa: BLE001 - a cell that fails is a row with its reason; the trace is in the log
        traceback.print_exc()
        report.fail(f"{type(error).__name__}: {error}")
        return 1
    report.finish()
    return 0


def run_job(folder: Path, report: StatusReporter) -> None:
    """Train, generate and score as the folder's configuration says; finished parts are not repeated.

    Raises:
        LtBenchError: a stage failed; the message states the reason.
    """
    from lt_bench.data.cache import LatentCache

    config = load_config(RunConfig, folder / CONFIG_FILE)
    _set_threads(config)
    cache = LatentCache.open(Path(config.data.cache))
    _check_cache(folder, report, cache)
    model_file = _train(folder, config, cache, report)
    _generate(folder, config, cache, model_file, report)
    _score(folder, config, cache, model_file, report)


def follow_job(folder: Path) -> None:
    """Train together with the first rank, on the same configuration."""
    from lt_bench.data.cache import LatentCache
    from lt_bench.training.run import train

    config = load_config(RunConfig, folder / CONFIG_FILE)
    _set_threads(config)
    train(config, folder, LatentCache.open(Path(config.data.cache)), progress=False)


def _set_threads(config: RunConfig) -> None:
    import torch

    torch.set_num_threads(config.train.threads or int(os.environ.get("OMP_NUM_THREADS", "1")))


def _check_cache(folder: Path, report: StatusReporter, cache: LatentCache) -> None:
    made = report.status.cache_hash
    if made and made != cache.hash:
        raise LtBenchError(f"{folder}: expected a run on cache {cache.hash[:16]}, got one begun on cache {made[:16]}")


def _train(folder: Path, config: RunConfig, cache: LatentCache, report: StatusReporter) -> Path:
    from lt_bench.jobs.status_callback import ReportSteps
    from lt_bench.tracking.system import SystemSampler
    from lt_bench.training.run import train

    report.begin("training", config.train.steps, cache.hash)
    with SystemSampler(folder / SYSTEM_FILE):
        outcome = train(config, folder, cache, callbacks=[ReportSteps(report)], progress=False)
    print(
        f"training: {report.end():.1f} s, {outcome.parameters} parameters, peak memory {outcome.peak_memory >> 20} MiB"
    )
    return outcome.model_file


def _generate(folder: Path, config: RunConfig, cache: LatentCache, model_file: Path, report: StatusReporter) -> None:
    from lt_bench.models.checkpoint import load_model
    from lt_bench.sampling.videos import generate_split

    report.begin("generating", 0)
    made = generate_split(
        load_model(model_file, config.sampling.weights),
        cache.real_folder(config.evaluation.split),
        folder / VIDEOS,
        config.sampling,
        system=config.evaluation.system or f"{config.model.fusion.portrait}-{config.model.fusion.audio}",
        clips=config.evaluation.clips,
        progress=report.progress,
    )
    if not made.clips:
        reason = made.misses[0].reason if made.misses else "the split has no clips"
        raise LtBenchError(f"no clip could be generated: {reason}")
    print(f"generating: {report.end():.1f} s, {len(made.clips)} videos, {len(made.misses)} misses")


def _score(folder: Path, config: RunConfig, cache: LatentCache, model_file: Path, report: StatusReporter) -> None:
    from lt_bench.evaluation.harness import Options, evaluate
    from lt_bench.evaluation.results.result_file import save_result
    from lt_bench.models.checkpoint import read_card

    report.begin("scoring", 0)
    result = evaluate(
        folder / VIDEOS,
        cache.real_folder(config.evaluation.split),
        config.evaluation.protocol,
        progress=report.progress,
        options=Options(clips=config.evaluation.clips),
    )
    seconds = report.end()
    card = read_card(model_file)
    facts = {
        "portrait": config.model.fusion.portrait,
        "audio": config.model.fusion.audio,
        "parameters": card.parameters,
        "train_steps": card.steps,
        "train_seconds": card.seconds,
        "generate_seconds": report.status.seconds.get("generating"),
        "score_seconds": seconds,
        "peak_memory": card.peak_memory,
    }
    meta = {**result.meta, **{key: value for key, value in facts.items() if value is not None}}
    result = dataclasses.replace(result, seed=config.train.seed, cache_hash=cache.hash, meta=meta)
    save_result(result, folder / RESULT_FILE)
    print(f"scoring: {seconds:.1f} s, {result.scored} of {result.given} clips")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
