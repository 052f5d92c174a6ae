"""A finished cache is recognised without being opened: neither torch nor its thousands of rows are needed to say so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lt_bench
from data_prep.datasets.jobs import FILMED_RULES, RULES
from data_prep.datasets.registry import list_source
from lt_bench.config import DataConfig, to_dict
from lt_bench.data.format import CACHE_FILE, INDEX_FILE, REJECTED_FILE
from lt_bench.errors import LtBenchError
from lt_bench.files import read_json, sha256_file, sha256_json, write_json
from lt_bench.plugins import loaded_plugins, plugin_hashes

VERIFIED_FILE = "verified.json"
"""Written by the last stage: the hash of what was verified, what it was made of, and what the command reported."""
CONTENT = (CACHE_FILE, INDEX_FILE, REJECTED_FILE)


def remember(config: DataConfig, cache_hash: str, report: dict[str, Any]) -> None:
    """Note that a configuration's cache is finished and sound.

    Args:
        config: as it was asked for.
        cache_hash: of the cache.
        report: of the command, without what another run of it would say otherwise.
    """
    path = Path(config.cache)
    document = {"hash": cache_hash, "asked": _asked(config), "files": _hashes(path), "report": report}
    write_json(path / VERIFIED_FILE, document)


def recall(config: DataConfig) -> dict[str, Any] | None:
    """The report of the cache if it was finished from this configuration and list of sources and is unchanged.

    None as well where weights are named by a path, for what lies there may be other weights now.

    Raises:
        LtBenchError: as ``list_source``.
    """
    path = Path(config.cache)
    if not (path / VERIFIED_FILE).is_file() or ":" in config.codec + config.speech_encoder:
        return None
    noted = read_note(path)
    if not all((path / name).is_file() for name in CONTENT) or noted.get("files") != _hashes(path):
        return None
    report = noted.get("report")
    return report if isinstance(report, dict) and noted.get("asked") == _asked(config) else None


def read_note(path: Path) -> dict[str, Any]:
    """What the last stage noted in a cache's folder; empty where nothing that can be read, so that it is done again."""
    try:
        noted = read_json(path / VERIFIED_FILE)
    except LtBenchError:
        return {}
    return noted if isinstance(noted, dict) else {}


def _asked(config: DataConfig) -> str:
    asked = [lt_bench.__version__, RULES, FILMED_RULES, to_dict(config), list_source(config).hash]
    plugins = plugin_hashes(loaded_plugins())
    return sha256_json([*asked, plugins] if plugins else asked)


def _hashes(path: Path) -> dict[str, str]:
    return {name: sha256_file(path / name) for name in CONTENT}
