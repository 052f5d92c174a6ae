"""The folder of a job: its files, and the check that it belongs to the job's configuration."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lt_bench.config import RunConfig, load_config, to_dict, to_yaml
from lt_bench.config.free_keys import FREE_KEYS, HARDWARE_KEYS, SHARING_KEYS
from lt_bench.conventions import CONFIG_FILE
from lt_bench.errors import ConfigError


def check_folder(folder: Path, config: RunConfig) -> None:
    """Refuse to resume in a folder that was created with another configuration.

    Raises:
        ConfigError: names the first key that differs.
    """
    path = folder / CONFIG_FILE
    if not path.exists() or path.read_bytes() == to_yaml(config).encode():
        return
    made, asked = flat_config(to_dict(load_config(RunConfig, path))), flat_config(to_dict(config))
    for key in differing_keys(made, asked):
        raise ConfigError(
            f"{path}: expected {key}: {asked.get(key)!r}, got a run made with {key}: {made.get(key)!r}; "
            "choose another --out, or remove this folder to start it again"
        )


def link_file(folder: Path, source: Path, name: str) -> None:
    """Link a file of another folder into a job's folder, unless the job has one.

    A model that exists already is not trained again.
    """
    target = folder / name
    if target.exists():
        return
    target.unlink(missing_ok=True)  # a link whose file is gone
    target.symlink_to(os.path.relpath(source.resolve(), folder.resolve()))


def differing_keys(made: dict[str, Any], asked: dict[str, Any]) -> Iterator[str]:
    """Return the dotted keys whose differences prevent a run from resuming, in order."""
    for key in sorted(made.keys() | asked.keys()):
        values = made.get(key), asked.get(key)
        left_open = key in HARDWARE_KEYS and "auto" in values  # training itself compares what it comes to
        if key not in (*FREE_KEYS, *SHARING_KEYS) and not left_open and values[0] != values[1]:
            yield key


def flat_config(document: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return a configuration with dotted keys instead of mappings; lists are kept."""
    flat: dict[str, Any] = {}
    for key, value in document.items():
        flat |= flat_config(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value}
    return flat
