"""Which code a score rests on, as a hash: values kept on disk are those of this very code, or are measured again."""

from __future__ import annotations

import ast
import hashlib
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import lt_bench
from lt_bench.evaluation.stores.provenance import package_versions
from lt_bench.files import sha256_json

PACKAGE = "lt_bench"
_ROOT = Path(lt_bench.__file__).parent


@cache
def code_hash(module: str) -> str:
    """SHA-256 over a module's source, those of this package's modules that it imports, and versions of libraries.

    Imports inside functions count, and so do those of the imported modules.

    Raises:
        ValueError: the module has no source file here.
    """
    if _source(module) is None:
        raise ValueError(f"module {module}: expected a source file, got none")
    sources: dict[str, str] = {}
    pending = [module]
    while pending:
        name = pending.pop()
        if name not in sources and (path := _source(name)):
            sources[name], imported = _read(path)
            pending += imported
    return sha256_json([sources, package_versions()])


def _source(module: str) -> Path | None:
    """The file of a module of this package, or of one that is loaded; None for others and for packages' contents."""
    first, *rest = module.split(".")
    if first != PACKAGE:
        file = getattr(sys.modules.get(module), "__file__", None)
        return Path(file) if file else None
    path = _ROOT.joinpath(*rest)
    candidates = (path / "__init__.py", path.with_suffix(".py"))
    return next((file for file in candidates if file.is_file()), None)


@cache
def _read(path: Path) -> tuple[str, tuple[str, ...]]:
    source = path.read_bytes()
    return hashlib.sha256(source).hexdigest(), tuple(_imported(source))


def _imported(source: bytes) -> Iterator[str]:
    """Names of this package's modules that a source imports; ``from a import b`` may mean the module a.b."""
    for node in ast.walk(ast.parse(source)):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        yield from (name for name in names if name.split(".")[0] == PACKAGE)
