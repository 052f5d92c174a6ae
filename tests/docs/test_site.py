"""The pages of the website: links, navigation and build."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
LINK = re.compile(r"(?<!\\)\[[^]]*\]\(([^)#:\s]+)(?:#[^)\s]*)?\)")


@pytest.fixture(scope="module")
def staging() -> ModuleType:
    spec = importlib.util.spec_from_file_location("stage_site", ROOT / "docs/stage_site.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def pages(staging: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pages")
    staging.stage(folder)
    return folder


def test_each_link_of_a_staged_page_leads_to_a_file(pages: Path) -> None:
    found = 0
    for page in pages.rglob("*.md"):
        for target in LINK.findall(re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)):
            found += 1
            assert (page.parent / target).is_file(), f"{page.relative_to(pages)}: {target}"
    assert found > 100


def test_the_navigation_lists_each_page_once(pages: Path) -> None:
    def listed(entry: object) -> list[str]:
        if isinstance(entry, str):
            return [entry]
        parts = entry.values() if isinstance(entry, dict) else entry
        return [path for part in parts for path in listed(part)]  # type: ignore[union-attr]

    nav = listed(yaml.safe_load((ROOT / "mkdocs.yml").read_text())["nav"])
    assert sorted(nav) == sorted(page.relative_to(pages).as_posix() for page in pages.rglob("*.md"))


def test_links_are_rewritten_for_the_site(staging: ModuleType) -> None:
    page, files = staging.PurePosixPath("docs/how-to/index.md"), set()
    text = (
        "[a](../../SECURITY.md#x) [b](../../notebooks/05_search.ipynb) [c](../../LICENSE) [d](../../tests) \\[e](f)\n"
    )
    expected = "[a](../project/security.md#x) [b](../tutorials/05_search.md) [c](../files/LICENSE) d \\[e](f)\n"
    assert staging.rewrite(text, page, files) == expected
    assert files == {staging.PurePosixPath("LICENSE")}
    assert staging.rewrite("```\n[c](x)\n```\n", page, files) == "```\n[c](x)\n```\n"


@pytest.mark.slow
def test_the_site_builds_without_warnings(pages: Path, tmp_path: Path) -> None:
    if importlib.util.find_spec("zensical") is None:
        pytest.skip("zensical is not installed: pip install -e '.[site]'")
    shutil.copytree(pages, tmp_path / "build/pages")
    shutil.copyfile(ROOT / "mkdocs.yml", tmp_path / "mkdocs.yml")
    for package in ("lt_bench", "data_prep"):
        (tmp_path / package).symlink_to(ROOT / package)
    command = [sys.executable, "-m", "zensical", "build", "--strict"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "build/site/index.html").is_file()
