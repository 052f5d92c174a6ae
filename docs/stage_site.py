"""Collect the pages of the website: docs/, the notebooks, and other Markdown files.

    python docs/stage_site.py build/pages

Links are rewritten for the layout of the site. A linked file that is not a page, such as a CSV file, is copied into
``files/``. A link to a folder becomes plain text.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path, PurePosixPath

import nbformat

ROOT = Path(__file__).resolve().parents[1]
STYLE = PurePosixPath("docs/site.css")
ASSETS = (".css", ".png", ".svg", ".webp")
"""Files of docs/ that keep their place on the site."""
LINK = re.compile(r"(?<!\\)(!?)\[([^]]*)\]\(([^)#:\s]+)(#[^)\s]*)?\)")
FENCE = re.compile(r"^ *```")


def pages() -> list[PurePosixPath]:
    """List the pages by their path in the repository."""
    found = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "experiments").rglob("*.md")]
    found += [*(ROOT / "notebooks").glob("*.ipynb"), *(ROOT / "tests").glob("*.md")]
    paths = sorted(PurePosixPath(path.relative_to(ROOT).as_posix()) for path in found)
    return [path for path in paths if path != PurePosixPath("README.md")]


def site_path(path: PurePosixPath) -> PurePosixPath:
    """Map the path of a page or file in the repository to its path on the site."""
    if path == PurePosixPath("README.md"):
        return PurePosixPath("index.md")
    if path.parts[0] == "docs" and path.suffix in (".md", *ASSETS):
        return path.relative_to("docs")
    if path.parts[0] == "experiments" and path.suffix == ".md":
        return "studies" / (path.with_name("index.md") if path.stem == "README" else path)
    if path.suffix == ".ipynb":
        return PurePosixPath("tutorials", f"{path.stem}.md")
    if path.suffix == ".md":
        return PurePosixPath("project", path.name.lower())
    return "files" / path


def to_markdown(notebook: Path) -> str:
    """Convert the text and code of a notebook to Markdown; outputs are left out."""
    cells = nbformat.read(notebook, as_version=4).cells
    parts = [c.source if c.cell_type == "markdown" else f"```python\n{c.source}\n```" for c in cells if c.source]
    return "\n\n".join(parts) + "\n"


def rewrite(text: str, page: PurePosixPath, files: set[PurePosixPath]) -> str:
    """Rewrite the links of a page, and add the files that it links to ``files``."""

    def moved(link: re.Match[str]) -> str:
        bang, label, target, anchor = link.groups()
        path = PurePosixPath(os.path.normpath(page.parent / target))
        if (ROOT / path).is_dir():
            return label
        if path.suffix not in (".md", ".ipynb"):
            files.add(path)
        new = os.path.relpath(site_path(path), site_path(page).parent)
        return f"{bang}[{label}]({new}{anchor or ''})"

    lines, code = [], False
    for line in text.splitlines(keepends=True):
        code ^= bool(FENCE.match(line))
        lines.append(line if code else LINK.sub(moved, line))
    return "".join(lines)


def stage(out: Path) -> None:
    """Write all pages, and the files that they link to, into a folder."""
    files: set[PurePosixPath] = set()
    for page in pages():
        source, target = ROOT / page, out / site_path(page)
        text = to_markdown(source) if page.suffix == ".ipynb" else source.read_text(encoding="utf-8")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(rewrite(text, page, files), encoding="utf-8")
    for file in [*files, STYLE]:
        target = out / site_path(file)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / file, target)


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    shutil.rmtree(folder, ignore_errors=True)
    stage(folder)
