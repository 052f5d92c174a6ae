"""Write the pages of docs/reference that are made from the code.

python docs/make_reference.py            # or: make docs
python docs/make_reference.py --check    # exit with code 1 if a page is out of date
"""

from __future__ import annotations

import argparse
import ast
import dataclasses
import importlib
import inspect
import itertools
import sys
import textwrap
import typing
from pathlib import Path
from typing import Any

from score_pages import protocols_page, scores_page

from lt_bench.cli.main import VERBS, verb_module
from lt_bench.cli.parsing import VerbParser
from lt_bench.config import ExperimentConfig, SearchConfig
from lt_bench.evaluation.protocol import Protocol

FOLDER = Path(__file__).resolve().parent / "reference"
MADE = "<!-- made by docs/make_reference.py; do not edit -->"
WIDTH = 110


def commands_page() -> str:
    """Show the help of every command."""
    parts = [
        MADE,
        "# Commands",
        "",
        "Exit codes: 0 done; 1 a check failed, or some items could not be processed (they are",
    ]
    parts += ["listed); 2 bad input (one line on stderr); 130 interrupted; 143 ended by SIGTERM. Rerun an interrupted"]
    parts += ["command to resume it; `generate` starts again from the beginning.", ""]
    for verb, summary in VERBS.items():
        module = importlib.import_module(f"lt_bench.cli.commands.{verb_module(verb)}")

        def formatter(prog: str) -> argparse.HelpFormatter:
            return argparse.RawDescriptionHelpFormatter(prog, width=WIDTH)

        parser = VerbParser(prog=f"lt-bench {verb}", description=module.__doc__, formatter_class=formatter)
        module.add_arguments(parser)
        parts += [f"## lt-bench {verb}", "", f"{summary[0].upper()}{summary[1:]}.", ""]
        parts += ["```text", *_lines(parser.format_help()), "```", ""]
        for name, child in _children(parser).items():
            child.formatter_class = formatter
            parts += [f"### lt-bench {verb} {name}", "", "```text", *_lines(child.format_help()), "```", ""]
    return "\n".join(parts)


def _children(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    actions = [a for a in parser._actions if isinstance(a, argparse._SubParsersAction)]
    return {name: child for action in actions for name, child in action.choices.items()}


def _lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.rstrip().splitlines()]


def configuration_page() -> str:
    """Describe every YAML key of an experiment, a search or a protocol, by section."""
    parts = [MADE, "# Configuration", ""]
    parts += [
        "Any key can be changed on the command line as `part.key=value`. An unknown key is an error. A YAML file can"
    ]
    parts += ["start with `base: other.yaml`, whose keys it overrides. Every run saves its resolved configuration.", ""]
    seen: list[type] = []
    for start in (ExperimentConfig, SearchConfig, Protocol):
        _collect(start, seen)
    for kind in seen:
        parts += _part(kind)
    return "\n".join(parts)


def _collect(kind: type, seen: list[type]) -> None:
    if kind in seen:
        return
    seen.append(kind)
    for hint in typing.get_type_hints(kind).values():
        for found in (hint, *typing.get_args(hint)):
            if dataclasses.is_dataclass(found):
                _collect(typing.cast(type, found), seen)


def _part(kind: type) -> list[str]:
    notes = _field_notes(kind)
    lines = [
        f"## {kind.__name__}",
        "",
        inspect.cleandoc(kind.__doc__ or ""),
        "",
        "| key | type | default | description |",
        "|---|---|---|---|",
    ]
    hints = typing.get_type_hints(kind)
    for field in dataclasses.fields(kind):
        cells = (f"`{field.name}`", _type(hints[field.name]), _default(field), notes.get(field.name, ""))
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return [*lines, ""]


def _type(hint: Any) -> str:
    if dataclasses.is_dataclass(hint):
        name = typing.cast(type, hint).__name__
        return f"[{name}](#{name.lower()})"
    if typing.get_origin(hint) is typing.Literal:
        return ", ".join(f"`{value}`" for value in typing.get_args(hint))
    if typing.get_origin(hint) is dict:
        return f"mapping of name to {_type(typing.get_args(hint)[1])}"
    if typing.get_args(hint):
        inner = ", ".join(_type(a) for a in typing.get_args(hint) if a is not Ellipsis)
        name = getattr(typing.get_origin(hint), "__name__", "")
        return f"list of {inner}" if name in ("tuple", "list") else " or ".join(_type(a) for a in typing.get_args(hint))
    return getattr(hint, "__name__", str(hint))


def _default(field: dataclasses.Field[Any]) -> str:
    if field.default is not dataclasses.MISSING:
        return f"`{field.default}`" if field.default != "" else "empty"
    if field.default_factory is not dataclasses.MISSING:
        made = field.default_factory()
        return "defaults of its keys" if dataclasses.is_dataclass(made) else f"`{made}`"
    return "required"


def _field_notes(kind: type) -> dict[str, str]:
    """Return the docstring below each field of a class and its bases."""
    notes: dict[str, str] = {}
    for one in reversed(kind.__mro__):
        if not dataclasses.is_dataclass(one):
            continue
        body = typing.cast(
            ast.ClassDef, ast.parse(textwrap.dedent(inspect.getsource(typing.cast(type, one)))).body[0]
        ).body
        for before, node in itertools.pairwise(body):
            is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
            if is_text and isinstance(before, ast.AnnAssign) and isinstance(before.target, ast.Name):
                notes[before.target.id] = " ".join(str(node.value.value).split())
    return notes


PAGES = {
    "commands.md": commands_page,
    "configuration.md": configuration_page,
    "protocols.md": protocols_page,
    "metrics.md": scores_page,
}


def main() -> int:
    """Write the pages, or check that they are up to date."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; exit with code 1 if a page is out of date")
    check = parser.parse_args().check
    old = [name for name, make in PAGES.items() if not _same(FOLDER / name, make())]
    for name in old:
        print(f"docs/reference/{name} {'is out of date: make docs' if check else 'written'}")
        if not check:
            (FOLDER / name).write_text(PAGES[name](), encoding="utf-8")
    return 1 if check and old else 0


def _same(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8") == text


if __name__ == "__main__":
    sys.exit(main())
