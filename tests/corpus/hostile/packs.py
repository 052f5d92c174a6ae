"""Packed results."""

from __future__ import annotations

import io
import json
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

from hostile.entry import Entry, Make, folder, loop, pipe, sparse, written


def _pack(members: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as pack:
        for name, data in members.items():
            pack.writestr(name, data)
    return buffer.getvalue()


def _with_members(more: dict[str, bytes], change: Callable[[bytes], bytes] = lambda data: data) -> Make:
    """The fixture's sound pack with further members."""

    def write(path: Path) -> None:
        with zipfile.ZipFile("fixtures/pack.zip") as good:
            members = {name: good.read(name) for name in good.namelist()}
        path.write_bytes(change(_pack(members | more)))

    return write


def _listed(count: int, data: bytes) -> Make:
    """Members that the manifest lists rightly."""

    def write(path: Path) -> None:
        import hashlib

        with zipfile.ZipFile("fixtures/pack.zip") as good:
            members = {name: good.read(name) for name in good.namelist()}
        manifest = json.loads(members["submission.json"])
        more = {f"videos/{k}.mp4": data for k in range(count)}
        facts = {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        manifest["files"] |= dict.fromkeys(more, facts)
        path.write_bytes(_pack(members | more | {"submission.json": json.dumps(manifest).encode()}))

    return write


def _linked(path: Path) -> None:
    _with_members({})(path)
    with zipfile.ZipFile(path, "a") as pack:
        info = zipfile.ZipInfo("videos/link.mp4")
        info.external_attr = 0o120777 << 16
        pack.writestr(info, "../../outside/secret.mp4")


def _patched(signature: bytes, offset: int, data: bytes) -> Callable[[bytes], bytes]:
    """Bytes after every occurrence of a record's signature replaced."""

    def change(whole: bytes) -> bytes:
        changed, start = bytearray(whole), 0
        while (place := whole.find(signature, start)) >= 0:
            changed[place + offset : place + offset + len(data)] = data
            start = place + 1
        return bytes(changed)

    return change


def _spoilt(data: bytes) -> bytes:
    """Every stream of packed data damaged, headers whole."""
    changed, start = bytearray(data), 0
    while (place := data.find(b"PK\x03\x04", start)) >= 0:
        name, extra = struct.unpack("<HH", data[place + 26 : place + 30])
        begin = place + 30 + name + extra
        changed[begin : begin + 8] = b"\xff" * 8
        start = begin
    return bytes(changed)


def _tar(path: Path) -> None:
    with tarfile.open(path, "w") as archive:
        for name in ("submission.json", "../../outside/slip"):
            info = tarfile.TarInfo(name)
            info.size = 2
            archive.addfile(info, io.BytesIO(b"{}"))


PACKS_MADE: dict[str, tuple[Make, str]] = {
    "that is no zip": (written("no zip"), "zip"),
    "of 0 bytes": (written(b""), "zip"),
    "cut": (_with_members({}, lambda data: data[: len(data) // 2]), "zip"),
    "that is a tar with a way out": (_tar, "zip"),
    "with a way out": (_with_members({"../../outside/slip": b"x"}), "leads out"),
    "with an absolute path": (_with_members({"/etc/slip": b"x"}), "leads out"),
    "with a way out by backslashes": (_with_members({"..\\..\\slip": b"x"}), "leads out"),
    "with a link": (_linked, "link.mp4"),
    "with a NUL in a name": (_with_members({"a\0b": b"x"}), ""),
    "without a manifest": (written(_pack({"result.json": b"{}"})), "submission.json"),
    "whose manifest is deep": (written(_pack({"submission.json": b"[" * 100_000})), ""),
    "whose manifest is no UTF-8": (written(_pack({"submission.json": b"\xff\xfe"})), ""),
    "whose manifest is 60 MB of lists": (written(_pack({"submission.json": b"[" + b"[]," * (2 * 10**7) + b"0]"})), ""),
    "whose manifest is a bomb": (written(_pack({"submission.json": bytes(3 * 10**8)})), ""),
    "with a bomb of zeros": (_listed(1, bytes(6 * 10**8)), ""),
    "with many bombs of zeros": (_listed(200, bytes(10**8 // 2)), ""),
    "of 60 000 members": (_with_members({f"x{k}": b"" for k in range(60_000)}), "not listed"),
    "with locked members": (
        _with_members({}, lambda d: _patched(b"PK\x01\x02", 8, b"\x01\0")(_patched(b"PK\x03\x04", 6, b"\x01\0")(d))),
        "",
    ),
    "of an unknown compression": (
        _with_members({}, lambda d: _patched(b"PK\x01\x02", 10, b"\x63\0")(_patched(b"PK\x03\x04", 8, b"\x63\0")(d))),
        "",
    ),
    "of damaged data": (_with_members({}, _spoilt), ""),
    "with wrong checksums": (_with_members({}, _patched(b"PK\x01\x02", 16, b"\0\0\0\0")), ""),
    "whose members claim other sizes": (_with_members({}, _patched(b"PK\x01\x02", 24, b"\xff\xff\xff\x7f")), ""),
    "of a newer version": (
        _with_members({"submission.json": b'{"format": "lt_bench submission", "version": 2}'}),
        "version",
    ),
    "of 3 GB of zeros": (sparse(3 * 10**9), "zip"),
    "that is a pipe": (pipe, ""),
    "that is a folder": (folder, ""),
    "that links to itself": (loop, ""),
}

PACKS = tuple(Entry(f"pack {n}", "pack", make, (1, 2), says, "pack.zip") for n, (make, says) in PACKS_MADE.items())
