"""Fusion schemes from a user's own files, for every verb that builds a network."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lt_bench.config import ModelConfig


def add_plugin_flag(parser: argparse.ArgumentParser) -> None:
    """Add ``--plugin``."""
    parser.add_argument(
        "--plugin", action="append", default=[], metavar="FILE.py", help="Python file that registers a fusion scheme"
    )


def with_plugins(config: ModelConfig, files: Sequence[str]) -> ModelConfig:
    """A configuration that names the files too, so that whoever runs it imports them; they are imported here already.

    Raises:
        ConfigError: a file is missing or no Python file.
    """
    from lt_bench.plugins import load_plugins

    config = dataclasses.replace(config, plugins=tuple(dict.fromkeys([*config.plugins, *files])))
    load_plugins(config.plugins)
    return config
