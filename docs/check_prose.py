"""Check the prose of Markdown pages and docstrings against the rules of CONTRIBUTING.md.

    python docs/check_prose.py             # everything that the project checks; or: make lint
    python docs/check_prose.py FILE ...    # some files

Each finding is printed as ``file:line: rule: text``. The exit code is 1 if there are findings.
"""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGES = ("*.md", "docs/**/*.md", "experiments/**/*.md")
UNCHECKED = ("experiments/fusion_ablation/README.md", "experiments/sensitivity/sensitivity.md")
"""The registered plan of a study, whose text must not change, and a page made by the package."""
GENERATED = "<!-- made by "
"""First characters of a page made from docstrings, which are checked in their Python files."""
CLEAN = (
    "docs",
    "experiments",
    "lt_bench/assets",
    "lt_bench/config",
    "lt_bench/data",
    "lt_bench/diffusion",
    "lt_bench/media",
    "lt_bench/models",
    "lt_bench/perception",
    "lt_bench/sampling",
    "lt_bench/tracking",
)
"""Folders whose docstrings and comments are checked; a folder is added once it has no findings."""

PHRASES = {
    r"beside|besides": "next to, alongside, or in addition to",
    r"so many|so much as": "that many, or the number",
    r"go(?:es)? on|went on": "resume, or continue",
    r"whoever|whatever|wherever|whichever": "name the cases",
    r"what (?:is|was|were)": "name the thing",
    r"who (?:is|was|are)": "name the person or the program",
    r"(?:is|are|was|were) told": "is notified, receives, or reads",
    r"in place of": "instead of",
    r"by (?:itself|themselves)": "automatically, alone, or separately",
    r"of (?:its|their|your) own": "its own X, or a separate X",
    r"at hand": "available",
    r"strangers?": "untrusted, or another person",
    r"hears?|heard": "uses audio",
    r"says? so": "reports it",
    r"(?:is|are) said": "is stated, or is set",
    r"(?:is|are) asked": "is queried, or receives",
    r"as (?:it|they) (?:came|come)": "unchanged",
    r"one by one": "one at a time",
    r"nobody|no one": "no user, or no process",
    r"thereby|of late|without a word": "leave it out",
    r"but for": "except for",
    r"makes? of": "generates from, or produces from",
    r"(?:is|are|was) there(?: already)?(?=[.,;])": "exists",
    r"a (?:clip|video|frame|row|step|cell|window|file) a\b": "one per",
    r"every \d+\.(?= [a-z])": "every Nth",
}
"""Banned turns of phrase, as regular expressions of whole words, and what to write instead."""
_BANNED = [(re.compile(rf"\b(?:{turn})(?!\w)", re.IGNORECASE), better) for turn, better in PHRASES.items()]
_QUESTION_WORD = re.compile(r"(?:what|who|where|how|when|which)\b", re.IGNORECASE)
_CODE = re.compile(r"``.+?``|`[^`]*`|\]\([^)]*\)|<!--.*?-->")
SHORTEST = 4
"""Words of the shortest docstring that is a sentence or a complete noun phrase."""


@dataclass(frozen=True)
class Finding:
    """A line that breaks a rule."""

    line: int
    rule: str
    text: str


def check_text(lines: list[tuple[int, str]]) -> Iterator[Finding]:
    """Find banned turns of phrase; code, links and HTML comments are ignored."""
    for number, line in lines:
        prose = _CODE.sub("", line)
        for banned, better in _BANNED:
            for found in banned.finditer(prose):
                yield Finding(number, "phrase", f"'{found[0]}': {better}")


def check_markdown(text: str) -> Iterator[Finding]:
    """Check a Markdown page outside of its fenced code, and that each fenced block names its language."""
    lines, code = [], False
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("```"):
            if not code and line.strip() == "```":
                yield Finding(number, "fence", "a fenced block without a language")
            code = not code
        elif not code:
            lines.append((number, line))
    yield from check_text(lines)


def check_python(text: str) -> Iterator[Finding]:
    """Check the docstrings and comments of a Python file."""
    yield from check_text(list(_docstrings_and_comments(text)))
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        docstring = ast.get_docstring(node)
        if not docstring:
            continue
        first = docstring.split("\n\n")[0]
        line = node.body[0].lineno
        if len(first.split()) < SHORTEST and not docstring.startswith("``"):
            yield Finding(line, "fragment", f"a docstring of {len(first.split())} words: {first}")
        if isinstance(node, ast.Module) and _QUESTION_WORD.match(first):
            yield Finding(line, "opening", f"a module docstring opens with a question word: {first.split()[0]}")


def _docstrings_and_comments(text: str) -> Iterator[tuple[int, str]]:
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        is_docstring = token.type == tokenize.STRING and token.string.startswith(('"""', 'r"""'))
        if token.type == tokenize.COMMENT or is_docstring:
            yield from enumerate(token.string.splitlines(), token.start[0])


def checked_files() -> list[Path]:
    """List the files that the project checks."""
    pages = {path for pattern in PAGES for path in ROOT.glob(pattern)}
    code = {path for folder in CLEAN for path in (ROOT / folder).rglob("*.py")}
    return sorted((pages | code) - {ROOT / path for path in UNCHECKED})


def check_file(path: Path) -> list[Finding]:
    """Check one file, by its suffix."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        return list(check_python(text))
    return [] if text.startswith(GENERATED) else list(check_markdown(text))


def main(arguments: list[str]) -> int:
    """Print the findings in the given files, or in all checked files."""
    count = 0
    for path in [Path(name).resolve() for name in arguments] or checked_files():
        for finding in check_file(path):
            shown = path.relative_to(ROOT) if path.is_relative_to(ROOT) else path
            print(f"{shown}:{finding.line}: {finding.rule}: {finding.text}")
            count += 1
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
