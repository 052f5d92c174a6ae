"""Rates, file names and format names are defined once, in ``lt_bench.conventions``."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

from lt_bench import conventions

ROOT = Path(__file__).parents[2]
NAMES = {name for name in vars(conventions) if name.isupper()}
TEXTS = {value for value in vars(conventions).values() if isinstance(value, str) and "." in value[1:-2]} - {
    conventions.__name__,
    conventions.__file__,
    conventions.__doc__,
}


@cache
def modules() -> tuple[tuple[Path, ast.Module], ...]:
    """Every module of the package and of data_prep but the conventions themselves."""
    paths = [path for folder in ("lt_bench", "data_prep") for path in sorted((ROOT / folder).rglob("*.py"))]
    return tuple(
        (path.relative_to(ROOT), ast.parse(path.read_text(encoding="utf-8")))
        for path in paths
        if path != Path(conventions.__file__)
    )


def test_no_module_defines_a_convention_again() -> None:
    found = []
    for path, tree in modules():
        for node in tree.body:
            targets = node.targets if isinstance(node, ast.Assign) else []
            targets = [node.target] if isinstance(node, ast.AnnAssign) else targets
            names = {name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name)}
            found += [f"{path}: {name}" for name in sorted(names & NAMES)]
    assert found == []


def test_no_module_spells_a_file_name_again() -> None:
    found = [
        f"{path}:{node.lineno}: {node.value}"
        for path, tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and node.value in TEXTS
    ]
    assert {"config.yaml", "status.json", "result.json", "metrics.csv", "manifest.json"} <= TEXTS
    assert found == []
