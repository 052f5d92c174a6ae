"""A user's own Python files, which add to the registries when they are imported."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
import traceback
from collections.abc import Iterable
from pathlib import Path

from lt_bench.errors import ConfigError, LtBenchError
from lt_bench.files import sha256_file

_PREFIX = "lt_bench_plugin_"
_LOADED: dict[str, Path] = {}
"""Files of this process's plugins by the name of their module, in the order in which they were imported."""


def plugin_hashes(paths: Iterable[str | Path]) -> dict[str, str]:
    """Compute the SHA-256 of each plugin by its file name: what a result records of code that is not the suite's."""
    return {path.name: sha256_file(path) for path in map(Path, paths)}


def loaded_plugins() -> tuple[Path, ...]:
    """List the files that this process has imported, for a worker process that must import the same."""
    return tuple(_LOADED.values())


def plugins_defining(*entries: type) -> dict[str, str]:
    """Compute the SHA-256, by file name, of the plugins in which classes are defined; empty for the package's own."""
    modules = dict.fromkeys(entry.__module__ for entry in entries)
    return plugin_hashes(_LOADED[module] for module in modules if module in _LOADED)


def load_plugins(paths: Iterable[str | Path]) -> None:
    """Import Python files; a file already imported is not imported again.

    Raises:
        ConfigError: a file is missing, no Python file, or raises an error when it is imported.
    """
    for path in map(Path, paths):
        if path.suffix != ".py" or not path.is_file():
            raise ConfigError(f"{path}: expected a Python file that registers classes of your own, got none")
        name = f"{_PREFIX}{path.stem}_{hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:8]}"
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
            if isinstance(error, ConfigError):
                raise ConfigError(f"{path}: {error}") from None
            if isinstance(error, LtBenchError) or not isinstance(error, (Exception, SystemExit)):
                raise
            raise ConfigError(f"{path}: expected code that can be imported, got {_told(error, path)}") from error
        _LOADED[name] = path.resolve()


def _told(error: BaseException, path: Path) -> str:
    """The error on one line, with the line of the file that led to it."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    line = error.lineno if isinstance(error, SyntaxError) else (lines[-1] if lines else None)
    message = error.msg if isinstance(error, SyntaxError) else str(error)
    return " ".join(f"{type(error).__name__}: {message}".split()) + (f" (line {line})" if line else "")
