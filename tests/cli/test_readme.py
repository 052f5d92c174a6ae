"""Every command that the README shows is one that the command line takes, on files that the repository has."""

from __future__ import annotations

import importlib
import re
import shlex
from pathlib import Path

import pytest

from lt_bench.cli.main import VERBS, verb_module
from lt_bench.cli.parsing import VerbParser

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
COMMANDS = re.findall(r"^    (lt-bench .+)$", README, flags=re.MULTILINE)
PAGES = [*(ROOT / "docs").glob("*.md"), *(ROOT / "experiments").rglob("*.md")]
COMMAND = re.compile(r"^    (?:\w+=\S+ )?(lt-bench .+[^\\])$", flags=re.MULTILINE)
OTHER_COMMANDS = sorted({command for page in PAGES for command in COMMAND.findall(page.read_text())} - set(COMMANDS))


@pytest.mark.parametrize("command", [*(c for c in COMMANDS if c != "lt-bench --help"), *OTHER_COMMANDS])
def test_the_command_line_takes_what_the_readme_shows(command: str) -> None:
    _, verb, *arguments = shlex.split(command, comments=True)
    parser = VerbParser()
    importlib.import_module(f"lt_bench.cli.commands.{verb_module(verb)}").add_arguments(parser)
    parser.parse_args(arguments)
    for name in arguments:
        if name.startswith("experiments/"):
            assert (ROOT / name).exists(), name


def test_every_verb_is_shown() -> None:
    assert {shlex.split(c)[1] for c in COMMANDS} - {"--help"} == set(VERBS)


def test_links_between_pages_lead_somewhere() -> None:
    for page in [ROOT / "README.md", *PAGES]:
        for target in re.findall(r"(?<!\\)\[[^]]*\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_targets_pictures_and_files_exist() -> None:
    targets = re.findall(r"^(\w+):.*##", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    for target in re.findall(r"^    make (\w+)", README, flags=re.MULTILINE):
        assert target in targets
    for picture in re.findall(r"!\[[^]]*\]\(([^)]+)\)", README):
        assert (ROOT / picture).is_file(), picture
    for path in re.findall(r"`((?:lt_bench|data_prep|experiments)/[^`{ ]*)`", README):
        assert (ROOT / path).exists(), path
