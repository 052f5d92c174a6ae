"""Classes from a user's own files, for every verb that looks names up."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lt_bench.config import ModelConfig


def add_plugin_flag(parser: argparse._ActionsContainer) -> None:
    """Add ``--plugin``, which may stand several times."""
    parser.add_argument(
        "--plugin",
        action="append",
        default=[],
        metavar="FILE.py",
        help="Python file that registers classes of your own, such as a fusion, metric, codec or sampler",
    )


def with_plugins(config: ModelConfig, files: Sequence[str]) -> ModelConfig:
    """Import the files, and add them to a configuration, so that worker processes import them too.

    Raises:
        ConfigError: a file is missing or no Python file.
    """
    from lt_bench.plugins import load_plugins

    config = dataclasses.replace(config, plugins=tuple(dict.fromkeys([*config.plugins, *files])))
    load_plugins(config.plugins)
    return config
