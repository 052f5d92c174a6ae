"""Turn raw videos, or the embedded synthetic set, into a latent cache."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lt_bench.cli.commands.prepare.plan_text import print_plan, print_status
from lt_bench.cli.commands.prepare.report_text import print_report, report_of
from lt_bench.cli.output import add_json_flag, print_json, progress_bar
from lt_bench.cli.parsing import add_devices_flag, at_least
from lt_bench.cli.plugin_option import add_plugin_flag
from lt_bench.data_sets import DATA_SETS

if TYPE_CHECKING:
    from rich.progress import Progress

    from lt_bench.config import DataConfig


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument("dataset", choices=tuple(DATA_SETS), help="what to prepare")
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="a key of the data configuration")
    parser.add_argument("--out", required=True, metavar="DIR", help="folder of the cache")
    parser.add_argument("--folder", default="", metavar="DIR", help="folder of videos, for the data set 'folder'")
    parser.add_argument(
        "--videos", default="", metavar="DIR", help="downloaded videos (default: a folder next to the cache)"
    )
    parser.add_argument("--info", default="", metavar="FILE", help="celebvhq_info.json, for the data set 'celebv-hq'")
    parser.add_argument(
        "--download",
        action="store_true",
        help="fetch the videos that are not there (those on YouTube by yt-dlp)",
    )
    parser.add_argument(
        "--speakers", default="", metavar="N-M,...", help="speakers of grid or crema-d, such as 1-5,7 (default: all)"
    )
    parser.add_argument(
        "--codec",
        default="auto",
        help=f"dct (default), ae_rendered_f32, taef2, kl:PATH or dc:PATH ({_others('codec', 'dct')})",
    )
    parser.add_argument("--speech-encoder", default="log_mel", help="log_mel (default), moonshine or wav2vec2:PATH")
    parser.add_argument(
        "--resolution",
        type=at_least(1),
        help=f"side of the square frames in pixels (default: 128; {_others('resolution', 128)})",
    )
    parser.add_argument("--engine", choices=("local", "ray"), default="local", help="where clips are prepared")
    parser.add_argument("--workers", type=at_least(1), metavar="N", help="processes (default: one a CPU, at most 8)")
    add_plugin_flag(parser)
    add_devices_flag(parser)
    look = parser.add_mutually_exclusive_group()
    look.add_argument("--plan", action="store_true", help="say what would be done, with sizes and a time estimate")
    look.add_argument("--status", action="store_true", help="say at which stage every clip is")
    add_json_flag(parser)


def _others(key: str, common: str | int) -> str:
    """The data sets whose default differs from the common one, as text."""
    defaults = {name: getattr(entry, key) for name, entry in DATA_SETS.items()}
    return ", ".join(f"{name}: {value}" for name, value in defaults.items() if value != common)


def run(arguments: argparse.Namespace) -> int:
    """Prepare, verify and report; return 0 for a sound cache, even if clips were rejected (they are listed)."""
    from lt_bench.plugins import load_plugins

    load_plugins(arguments.plugin)
    config = data_config(arguments)
    _check_devices(arguments)
    if arguments.plan:
        return _plan(config, arguments.workers, arguments.json)
    if arguments.status:
        return _status(config, arguments.json)
    if arguments.download:
        _download(config)
    report, damage = _finished(config) or _made(config, arguments.workers, arguments.engine, arguments.devices)
    if arguments.json:
        print_json({**report, "sound": damage is None, "damage": damage})
    else:
        print_report(report, damage)
    return 0 if damage is None else 1


def _check_devices(arguments: argparse.Namespace) -> None:
    from lt_bench.devices import CPU
    from lt_bench.errors import ConfigError

    if arguments.engine == "ray" and set(arguments.devices) - {CPU}:
        raise ConfigError("--devices: expected cpu or nothing with Ray, which gives out its cluster's GPUs, got GPUs")


def _finished(config: DataConfig) -> tuple[dict[str, Any], None] | None:
    """Return the report of a finished cache, within a second because nothing heavy is imported."""
    from data_prep.completion import recall

    started = time.monotonic()
    known = recall(config)
    if known is None:
        return None
    page = str(Path(config.cache) / known["report"])
    now = {"cache": config.cache, "report": page, "prepared_now": 0, "seconds": round(time.monotonic() - started, 3)}
    return {**known, **now}, None


def _made(
    config: DataConfig, workers: int | None, engine: Any, devices: Sequence[str]
) -> tuple[dict[str, Any], str | None]:
    """Prepare the missing clips and verify the cache; return the report and the first damage."""
    from data_prep.completion import remember
    from data_prep.encoding.verification import verify_once
    from data_prep.pipeline import prepare
    from data_prep.reporting.report_page import write_report

    with progress_bar() as bar:
        done = prepare(config, workers, _steps(bar, f"preparing {config.dataset}"), engine, devices)
        page = write_report(done.cache)
        damage = verify_once(done.cache, _steps(bar, "verifying"))
    report = report_of(done, page)
    if damage is None:
        lasting = {key: value for key, value in report.items() if key not in ("cache", "prepared_now", "seconds")}
        remember(config, done.cache.hash, {**lasting, "report": page.name})
    return report, damage


def _steps(bar: Progress, what: str) -> Callable[[int, int], None]:
    task = None

    def step(now: int, total: int) -> None:
        nonlocal task
        if task is None:
            task = bar.add_task(what, total=total)
        bar.update(task, completed=now, total=total)

    return step


def _plan(config: DataConfig, workers: int | None, as_json: bool) -> int:
    from data_prep.pipeline import default_workers
    from data_prep.reporting.plan import make_plan
    from lt_bench.config import to_dict

    plan = make_plan(config, workers or default_workers())
    document = {"dataset": config.dataset, "cache": config.cache, "terms": _terms(config), **to_dict(plan)}
    if as_json:
        print_json(document)
    else:
        print_plan(document)
    return 0


def _status(config: DataConfig, as_json: bool) -> int:
    from data_prep.reporting.status import status
    from lt_bench.config import to_dict

    found = status(config)
    document = {"dataset": config.dataset, "cache": config.cache, "stages": found.stages(), **to_dict(found)}
    if as_json:
        print_json(document)
    else:
        print_status(document)
    return 0


def _terms(config: DataConfig) -> str | None:
    from data_prep.datasets.base import DownloadedDataSet
    from data_prep.datasets.registry import build_data_set

    found = build_data_set(config)
    return found.terms if isinstance(found, DownloadedDataSet) else None


def _download(config: DataConfig) -> None:
    from data_prep.datasets.base import DownloadedDataSet
    from data_prep.datasets.registry import build_data_set, data_set_class
    from lt_bench.errors import ConfigError

    found = build_data_set(config)
    if not isinstance(found, DownloadedDataSet):
        able = ", ".join(name for name in DATA_SETS if issubclass(data_set_class(name), DownloadedDataSet))
        raise ConfigError(f"--download: expected one of {able}, got {config.dataset}, which is not downloaded here")
    with progress_bar() as bar:
        bar.console.print(found.terms, markup=False, highlight=False)
        failed = found.download(_steps(bar, f"fetching {config.dataset} ({found.unit})"))
        wanted = len(found.wanted_videos())
        here = f"{found.video_folder}: {wanted - len(failed)} of {wanted} are here"
        bar.console.print(f"{here}; {len(failed)} could not be downloaded" if failed else here, highlight=False)


def data_config(arguments: argparse.Namespace) -> DataConfig:
    """Return the data configuration of the arguments; overrides apply last.

    Raises:
        ConfigError: an override is no key of the configuration.
    """
    from lt_bench.config import DataConfig, parse_config
    from lt_bench.config.load import apply_overrides

    document: dict[str, Any] = {
        "dataset": arguments.dataset,
        "cache": arguments.out,
        "resolution": arguments.resolution or DATA_SETS[arguments.dataset].resolution,
        "codec": arguments.codec,
        "speech_encoder": arguments.speech_encoder,
        "folder": arguments.folder,
        "videos": arguments.videos,
        "info": arguments.info,
        "speakers": arguments.speakers,
    }
    return parse_config(DataConfig, apply_overrides(document, arguments.overrides), "arguments")
