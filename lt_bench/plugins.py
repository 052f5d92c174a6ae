"""A user's own Python files, which register scores or fusion schemes when they are imported."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
import traceback
from collections.abc import Iterable
from pathlib import Path

from lt_bench.errors import ConfigError, LtBenchError
from lt_bench.files import sha256_file


def plugin_hashes(paths: Iterable[str | Path]) -> dict[str, str]:
    """SHA-256 of each plugin by its file name: what a result says of code that is not the suite's own."""
    return {path.name: sha256_file(path) for path in map(Path, paths)}


def load_plugins(paths: Iterable[str | Path]) -> None:
    """Import Python files; a file already imported is not imported again.

    Raises:
        ConfigError: a file is missing, no Python file, or raises an error when it is imported.
    """
    for path in map(Path, paths):
        if path.suffix != ".py" or not path.is_file():
            raise ConfigError(f"{path}: expected a Python file that registers scores or fusion schemes, got none")
        name = f"lt_bench_plugin_{path.stem}_{hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:8]}"
        if name in sys.modules:
            continue
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        try:
            spec.loader.exec_module(module)
        except BaseException as error:
            del sys.modules[name]
            if isinstance(error, LtBenchError) or not isinstance(error, (Exception, SystemExit)):
                raise
            raise ConfigError(f"{path}: expected code that can be imported, got {_told(error, path)}") from error


def _told(error: BaseException, path: Path) -> str:
    """The error on one line, with the line of the file that led to it."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    line = error.lineno if isinstance(error, SyntaxError) else (lines[-1] if lines else None)
    message = error.msg if isinstance(error, SyntaxError) else str(error)
    return " ".join(f"{type(error).__name__}: {message}".split()) + (f" (line {line})" if line else "")
