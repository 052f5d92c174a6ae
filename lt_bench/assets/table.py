"""Table of pinned assets, read from ``table.json``."""

from __future__ import annotations

import difflib
import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import Literal, get_args

from lt_bench.errors import AssetError

Source = Literal["url", "bz2", "zip", "wheel", "sdist", "derived"]


@dataclass(frozen=True)
class Asset:
    """One pinned file with its source and license."""

    name: str
    """Unique name in commands and errors."""
    file: str
    """Path below the cache folder and below a mirror, with forward slashes."""
    group: str
    """Value for ``--group``: "detector", "codec", "speech", "grid-sample", "hdtf", "example"."""
    purpose: str
    licence: str
    bytes: int | None
    """Size in bytes; None if unknown."""
    sha256: str | None
    """Hash of the file itself, not of an archive that contains it; None if unknown, which makes the asset unusable."""
    url: str
    """Official source: an http(s) address, or ``pypi:PACKAGE==VERSION``."""
    source: Source
    """How the file is obtained from the URL: unchanged, unpacked by bz2, or as a member of a zip file, a wheel or a
    source distribution. "derived" means converted once from the content of the URL, so only a mirror has it."""
    member: str | None
    """Path inside a zip file, wheel or source distribution."""
    note: str
    """Information for users of the file."""

    def __post_init__(self) -> None:
        path = PurePosixPath(self.file)
        if path.is_absolute() or ".." in path.parts:
            raise ValueError(f"{self.name}: expected a relative file, got {self.file}")
        if self.source not in get_args(Source):
            raise ValueError(f"{self.name}: expected a source of {get_args(Source)}, got {self.source}")
        if self.source in ("zip", "wheel", "sdist") and not self.member:
            raise ValueError(f"{self.name}: expected the member inside its {self.source}, got none")

    @property
    def size(self) -> str:
        """Return the size in decimal units."""
        return "unknown size" if self.bytes is None else readable_size(self.bytes)


def readable_size(count: int) -> str:
    """Format bytes in decimal units: "547 B", "3.8 MB"."""
    value, unit = float(count), "B"
    for larger in ("kB", "MB", "GB"):
        if value < 1000:
            break
        value, unit = value / 1000, larger
    return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"


@cache
def assets() -> MappingProxyType[str, Asset]:
    """Return all assets by name, in the table's order."""
    document = json.loads(files("lt_bench.assets").joinpath("table.json").read_text(encoding="utf-8"))
    table = {row["name"]: Asset(**row) for row in document["assets"]}
    if len(table) != len(document["assets"]):
        raise ValueError("table.json: expected unique names")
    return MappingProxyType(table)


def asset(name: str) -> Asset:
    """Return one asset of the table.

    Raises:
        AssetError: no asset has this name.
    """
    table = assets()
    if name not in table:
        near = difflib.get_close_matches(name, table, n=1)
        hint = f"; did you mean {near[0]}?" if near else "; see: lt-bench assets list"
        raise AssetError(f"{name}: expected the name of an asset, got an unknown one{hint}")
    return table[name]
