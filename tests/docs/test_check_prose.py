"""The rules of the prose check."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def prose() -> ModuleType:
    spec = importlib.util.spec_from_file_location("check_prose", ROOT / "docs/check_prose.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


BANNED = {
    "The bound stands beside the value.": "beside",
    "Besides, it is fast.": "Besides",
    "Score the first so many clips.": "so many",
    "The same command goes on.": "goes on",
    "The loss, whatever it predicts.": "whatever",
    "It measures only what is new.": "what is",
    "It depends on who is tested.": "who is",
    "The run is told of the signal.": "is told",
    "A mean in place of a sum.": "in place of",
    "A process of its own.": "of its own",
    "It finds the face by itself.": "by itself",
    "No GPU was at hand.": "at hand",
    "Files of strangers.": "strangers",
    "A metric that hears the voice.": "hears",
    "Secondary, and says so.": "says so",
    "Settings are said in the file.": "are said",
    "The scheduler is asked for more.": "is asked",
    "Text as it came.": "as it came",
    "All but for the last.": "but for",
    "The video that a cell makes of a portrait.": "makes of",
    "One score a clip a system.": "a clip a",
    "The file is there.": "is there",
    "It keeps every 5. frame.": "every 5.",
}


@pytest.mark.parametrize(("sentence", "found"), BANNED.items())
def test_each_banned_turn_of_phrase_is_found(prose: ModuleType, sentence: str, found: str) -> None:
    findings = list(prose.check_markdown(f"# Title\n\n{sentence}\n"))
    assert [(f.line, f.rule, f.text.split("'")[1]) for f in findings] == [(3, "phrase", found)]


def test_each_rule_has_an_example(prose: ModuleType) -> None:
    covered = {index for sentence in BANNED for index, (rule, _) in enumerate(prose._BANNED) if rule.search(sentence)}
    uncovered = {turn for index, turn in enumerate(prose.PHRASES) if index not in covered}
    assert uncovered <= {r"one by one", r"nobody|no one", r"thereby|of late|without a word"}


def test_code_and_links_are_ignored(prose: ModuleType) -> None:
    page = "`beside` [a](what-is.md#told)\n\n```bash\nbeside\n```\n"
    assert list(prose.check_markdown(page)) == []


def test_a_fence_needs_a_language(prose: ModuleType) -> None:
    assert [(f.line, f.rule) for f in prose.check_markdown("\n```\nx\n```\n")] == [(2, "fence")]


def test_python_rules(prose: ModuleType) -> None:
    module = '"""What was collected of all clips."""\n\n\ndef name():\n    """Its name."""\n    return 1  # beside it\n'
    findings = {(f.line, f.rule) for f in prose.check_python(module)}
    assert findings == {(1, "phrase"), (1, "opening"), (5, "fragment"), (6, "phrase")}


def test_clean_python_has_no_findings(prose: ModuleType) -> None:
    module = '"""Per-clip features for set-level metrics."""\n\n\ndef f():\n    """Return the number of clips."""\n'
    assert list(prose.check_python(module)) == []


def test_findings_name_file_line_and_rule(
    prose: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "page.md"
    page.write_text("fine\n\nbeside\n")
    assert prose.main([str(page)]) == 1
    assert capsys.readouterr().out == f"{page}:3: phrase: 'beside': next to, alongside, or in addition to\n"
    page.write_text("fine\n")
    assert prose.main([str(page)]) == 0


def test_the_project_passes(prose: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    assert prose.main([]) == 0, capsys.readouterr().out
