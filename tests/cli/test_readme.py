"""The commands, links and facts of the README and the documentation."""

from __future__ import annotations

import importlib
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from lt_bench.cli.main import VERBS, verb_module
from lt_bench.cli.parsing import VerbParser

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "experiments").rglob("*.md")])
MADE = "<!-- made by "
"""First characters of a page that is made from docstrings."""
LINK = re.compile(r"(?<!\\)\[[^]]*\]\(([^)#:\s]*)(?:#([^)\s]*))?\)")


def fenced(text: str, language: str) -> Iterator[str]:
    """Yield the code of each fenced block in a language; in lists they are indented."""
    for block in re.findall(rf"^ *```{language}\n(.*?)^ *```$", text, flags=re.MULTILINE | re.DOTALL):
        yield block.replace("\\\n", " ")


def commands(text: str) -> list[str]:
    """Return each ``lt-bench`` command of the shell blocks, without variables before it."""
    lines = [line.strip() for block in fenced(text, "bash") for line in block.splitlines()]
    return [found[1] for line in lines if (found := re.match(r"(?:\w+=\S+ )*(lt-bench .+)$", line))]


COMMANDS = sorted({command for page in PAGES for command in commands(page.read_text())})


@pytest.mark.parametrize("command", [c for c in COMMANDS if c != "lt-bench --help"])
def test_the_command_line_accepts_each_documented_command(command: str) -> None:
    _, verb, *arguments = shlex.split(command, comments=True)
    parser = VerbParser()
    importlib.import_module(f"lt_bench.cli.commands.{verb_module(verb)}").add_arguments(parser)
    parser.parse_args(arguments)
    for name in arguments:
        if name.startswith("experiments/"):
            assert (ROOT / name).exists(), name


def test_each_verb_has_an_example() -> None:
    assert {shlex.split(c)[1] for c in COMMANDS} - {"--help"} == set(VERBS)


def test_the_readme_starts_with_the_two_setup_commands() -> None:
    first = next(fenced(README, "bash"))
    assert [line.split("#")[0].strip() for line in first.splitlines()] == ["make quickstart", "make test"]


def test_links_lead_to_files_and_headings() -> None:
    for page in PAGES:
        for target, anchor in LINK.findall(page.read_text()):
            path = page.parent / target if target else page
            assert path.exists(), f"{page.relative_to(ROOT)}: {target}"
            if anchor:
                assert anchor in anchors(path.read_text()), f"{page.relative_to(ROOT)}: {target}#{anchor}"


def anchors(text: str) -> set[str]:
    """Return the anchors of a page's headings, as GitHub and the website name them."""
    titles = re.findall(r"^#+ (.+)$", re.sub(r"```.*?```", "", text, flags=re.DOTALL), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


def test_each_fenced_block_names_its_language() -> None:
    for page in PAGES:
        opened = False
        for number, line in enumerate(page.read_text().splitlines(), 1):
            if line.lstrip().startswith("```"):
                assert opened or line.strip() != "```", f"{page.relative_to(ROOT)}:{number}"
                opened = not opened


def test_the_readmes_facts_are_those_of_the_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    python = project["requires-python"].removeprefix(">=")
    assert f"Version {project['version']} · {project['license']} · Python ≥ {python}" in README
    assert f"version = {{{project['version']}}}" in README
    assert f"version: {project['version']}\n" in (ROOT / "CITATION.cff").read_text()
    assert f"## {project['version']}\n" in (ROOT / "CHANGELOG.md").read_text()


def test_targets_and_files_exist() -> None:
    targets = re.findall(r"^(\w+):.*##", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    for page in PAGES:
        text = page.read_text()
        for block in fenced(text, "bash"):
            assert set(re.findall(r"^make (\w+)", block, flags=re.MULTILINE)) <= set(targets), page
        if page.is_relative_to(ROOT / "experiments") or text.startswith(MADE):
            continue
        for path in re.findall(r"`((?:lt_bench|data_prep|experiments|tests|notebooks|docs)/[^`{<* ]*)`", text):
            assert (ROOT / path).exists(), f"{page.relative_to(ROOT)}: {path}"
