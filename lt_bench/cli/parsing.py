"""Argument parsers of the command and its verbs, and the type of whole numbers in options."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any, NoReturn


class OneLineParser(argparse.ArgumentParser):
    """Reports an error in one line, without the usage text."""

    def error(self, message: str) -> NoReturn:
        """End with exit code 2."""
        self.exit(2, f"{self.prog}: {' '.join(message.removeprefix('argument ').split())}; see {self.prog} --help\n")


class VerbParser(OneLineParser):
    """Takes ``key=value`` overrides before, between and after the options.

    argparse takes a run of positional arguments in one place only, and its intermixed parsing does not go with
    sub-commands. Only verbs that have an argument ``overrides`` are affected; their sub-commands' parsers are of this
    class too.
    """

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse as usual, and add leftover arguments that look like ``key=value`` to the overrides."""
        parsed, left = super().parse_known_args(args, namespace)
        if not hasattr(parsed, "overrides"):
            return parsed, left
        late = [item for item in left if "=" in item and not item.startswith("-")]
        parsed.overrides = [*parsed.overrides, *late]
        return parsed, [item for item in left if item not in late]


def at_least(least: int) -> Callable[[str], int]:
    """Return the type of an option that takes a whole number of at least ``least``."""

    def whole_number(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = None
        if number is None or number < least:
            raise argparse.ArgumentTypeError(f"expected a whole number of at least {least}, got {text!r}")
        return number

    return whole_number


def add_devices_flag(parser: argparse.ArgumentParser, processes: str = "one process or more for each") -> None:
    """Add ``--devices``."""
    parser.add_argument(
        "--devices",
        type=_devices,
        default=(),
        metavar="LIST",
        help=f"GPUs by number, as 0,1, or all, or cpu: {processes} (default: what is there)",
    )


def _devices(text: str) -> tuple[str, ...]:
    from lt_bench.devices import parse_devices

    try:
        return parse_devices(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
