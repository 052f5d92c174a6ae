"""The table of pinned assets."""

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
    """One pinned file."""

    name: str
    """Unique; what commands and errors call it."""
    file: str
    """Path below the cache folder and below a mirror, with forward slashes."""
    group: str
    """What ``--group`` takes: "detector", "codec", "speech", "grid-sample", "hdtf", "example"."""
    purpose: str
    licence: str
    bytes: int | None
    """None where unknown."""
    sha256: str | None
    """Of the file itself, never of an archive around it; None where unknown: then the asset cannot be used."""
    url: str
    """Where it officially comes from: an http(s) address, or ``pypi:PACKAGE==VERSION``."""
    source: Source
    """How the file comes out of the URL: as it is, unpacked by bz2, a member of a zip, of a package's wheel or source
    distribution; "derived" means converted from that URL's content once, so only a mirror has it."""
    member: str | None
    """The path inside a zip, wheel or source distribution."""
    note: str
    """What a user of the file must know."""

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
        """The size for people, in decimal units."""
        return "unknown size" if self.bytes is None else readable_size(self.bytes)


def readable_size(count: int) -> str:
    """Bytes in decimal units: "547 B", "3.8 MB"."""
    value, unit = float(count), "B"
    for larger in ("kB", "MB", "GB"):
        if value < 1000:
            break
        value, unit = value / 1000, larger
    return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"


@cache
def assets() -> MappingProxyType[str, Asset]:
    """Every asset by name, in the table's order."""
    document = json.loads(files("lt_bench.assets").joinpath("table.json").read_text(encoding="utf-8"))
    table = {row["name"]: Asset(**row) for row in document["assets"]}
    if len(table) != len(document["assets"]):
        raise ValueError("table.json: expected unique names")
    return MappingProxyType(table)


def asset(name: str) -> Asset:
    """One asset of the table.

    Raises:
        AssetError: there is none of that name.
    """
    table = assets()
    if name not in table:
        near = difflib.get_close_matches(name, table, n=1)
        hint = f"; did you mean {near[0]}?" if near else "; see: lt-bench assets list"
        raise AssetError(f"{name}: expected the name of an asset, got an unknown one{hint}")
    return table[name]
