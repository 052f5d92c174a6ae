"""The argument parser of every verb."""

from __future__ import annotations

import argparse
from typing import Any


class VerbParser(argparse.ArgumentParser):
    """Takes ``key=value`` overrides before, between and after the options.

    argparse takes a run of positional arguments in one place only, and its intermixed parsing does not go with
    sub-commands. Only verbs that have an argument ``overrides`` are affected; their sub-commands' parsers are of this
    class too.
    """

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse as usual, and count what is left over and looks like ``key=value`` to the overrides."""
        parsed, left = super().parse_known_args(args, namespace)
        if not hasattr(parsed, "overrides"):
            return parsed, left
        late = [item for item in left if "=" in item and not item.startswith("-")]
        parsed.overrides = [*parsed.overrides, *late]
        return parsed, [item for item in left if item not in late]
