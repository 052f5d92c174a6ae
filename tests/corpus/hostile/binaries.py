"""Model files, checkpoints, caches and packed results."""

from __future__ import annotations

import io
import json
import os
import pickle
import shutil
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hostile.entry import Entry, Make, folder, loop, pipe, sparse, written

Bomb = Callable[[], Any]


class Payload:
    """Runs a command when it is unpickled without care."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("touch canary",)


class Evaluated:
    """Runs Python when it is unpickled without care."""

    def __reduce__(self) -> tuple[Any, ...]:
        return eval, ("__import__('pathlib').Path('canary').write_text('ran')",)


def torch_zip(data: bytes, storage: bytes = b"", compression: int = zipfile.ZIP_STORED) -> bytes:
    """A file in PyTorch's format around any pickle."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        archive.writestr("archive/data.pkl", data)
        archive.writestr("archive/byteorder", "little")
        archive.writestr("archive/data/0", storage)
        archive.writestr("archive/version", "3\n")
    return buffer.getvalue()


def _saved(make: Callable[[Any], Any]) -> Make:
    def write(path: Path) -> None:
        import torch

        torch.save(make(torch), path)

    return write


def _tensor_pickle(size: int, shape: int) -> bytes:
    """A pickle of {'model': {'x': tensor}} whose storage claims ``size`` numbers and whose shape claims more."""
    rebuild = b"ctorch._utils\n_rebuild_tensor_v2\n"
    storage = b"(X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpu" + _number(size)
    storage += b"tQ"
    sizes = b"(" + _number(shape) + b"t"
    strides = b"(K\x01t"
    tensor = rebuild + b"(" + storage + b"K\x00" + sizes + strides + b"\x89ccollections\nOrderedDict\n)RtR"
    return b"\x80\x02}X\x05\x00\x00\x00model}X\x01\x00\x00\x00x" + tensor + b"ss."


def _number(value: int) -> bytes:
    data = value.to_bytes(8, "little", signed=True)
    return b"\x8a\x08" + data


def _deep_pickle() -> bytes:
    return b"\x80\x02" + b"]" * 200_000 + b"a" * 199_999 + b"."


def _script_module(path: Path) -> None:
    import warnings

    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), str(path))


def _halved(make: Make) -> Make:
    def write(path: Path) -> None:
        make(path)
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    return write


_PLAIN = _saved(lambda torch: {"model": {"x": torch.zeros(1000)}, "audioproj": {"y": torch.zeros(2)}})

PICKLES: dict[str, Make] = {
    "that runs a command": written(torch_zip(pickle.dumps({"model": Payload()}))),
    "that runs Python": written(torch_zip(pickle.dumps({"model": Evaluated()}, protocol=2))),
    "in the old format that runs a command": written(pickle.dumps(Payload(), protocol=2)),
    "that is a bare pickle": written(pickle.dumps({"model": {}, "state": Payload()})),
    "of a tar that runs a command": lambda p: _tar_checkpoint(p),
    "of 0 bytes": written(b""),
    "that is text": written("weights\n" * 1000),
    "cut": _halved(_PLAIN),
    "of one tensor": _saved(lambda torch: torch.zeros(3)),
    "with nothing in it": _saved(lambda torch: {}),
    "of strings for tensors": _saved(lambda torch: {"model": {"x": "y"}, "audioproj": {"z": 1}}),
    "of other tensors": _PLAIN,
    "whose tensor is larger than its storage": written(torch_zip(_tensor_pickle(16, 1 << 40), b"\0" * 64)),
    "whose storage claims a terabyte": written(torch_zip(_tensor_pickle(1 << 38, 1 << 38), b"\0" * 64)),
    "with a bomb of zeros": written(torch_zip(_tensor_pickle(750_000_000, 4), bytes(3 * 10**8), zipfile.ZIP_DEFLATED)),
    "of deep lists": written(torch_zip(_deep_pickle())),
    "of wrong operations": written(torch_zip(b"\x80\x02aaaRRtttb.")),
    "that calls what is allowed wrongly": written(
        torch_zip(b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n(K\x01K\x02tR.")
    ),
    "that announces 4 GB of text": written(torch_zip(b"\x80\x04B\xff\xff\xff\xff.")),
    "that is TorchScript": _script_module,
    "of 3 GB of zeros": sparse(3 * 10**9),
    "that links to itself": loop,
    "that is a pipe": pipe,
    "that is a folder": folder,
}


def _tar_checkpoint(path: Path) -> None:
    with tarfile.open(path, "w") as archive:
        for name, data in (("sys_info", pickle.dumps(Payload())), ("../outside/slip", b"slip"), ("pickle", b"")):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))


CHECKPOINTS = (
    *tuple(
        Entry(f"{kind} {name}", kind, make, (0, 2) if make is loop else (2,), "", f"{kind.replace(' ', '_')}.ckpt")
        for kind in ("checkpoint", "run checkpoint")
        for name, make in PICKLES.items()
    ),
    Entry("run checkpoint of a newer version", "run checkpoint", lambda p: _newer_run(p), (2,), "version", "a.ckpt"),
    Entry(
        "run checkpoint of other keys",
        "run checkpoint",
        _saved(lambda torch: {"lt_bench": {"version": 1}}),
        (2,),
        "",
        "a.ckpt",
    ),
)


def _newer_run(path: Path) -> None:
    import torch

    from lt_bench.training.module import CHECKPOINT_KEY, CHECKPOINT_VERSION

    torch.save({CHECKPOINT_KEY: {"version": CHECKPOINT_VERSION + 1}}, path)


def safetensors(header: bytes | dict[str, Any], body: bytes = b"", length: int | None = None) -> bytes:
    """A safetensors file whose header may be anything."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + body


def _entry(shape: list[Any], offsets: list[Any], dtype: str = "F32") -> dict[str, Any]:
    return {"x": {"dtype": dtype, "shape": shape, "data_offsets": offsets}}


HEADERS: dict[str, Make] = {
    "of 0 bytes": written(b""),
    "of 7 bytes": written(b"\x10\0\0\0\0\0\0"),
    "whose header is 2^63 bytes": written(safetensors(b"{}", length=2**63)),
    "whose header is 90 MB": sparse(10**8, struct.pack("<Q", 9 * 10**7) + b"{"),
    "whose header is no JSON": written(safetensors(b"{]")),
    "whose header is a list": written(safetensors(b"[1]")),
    "whose header is deep": written(safetensors(b'{"a":' * 100_000 + b"1" + b"}" * 100_000)),
    "whose header is no UTF-8": written(safetensors(b'{"\xff\xfe": 1}')),
    "whose tensor is an exabyte": written(safetensors(_entry([1 << 58], [0, 1 << 60]))),
    "whose shape overflows": written(safetensors(_entry([1 << 40, 1 << 40], [0, 4]), bytes(4))),
    "whose shape is huge and empty": written(safetensors(_entry([0, 1 << 70], [0, 0]))),
    "whose shape is negative": written(safetensors(_entry([-1, -4], [0, 16]), bytes(16))),
    "whose shape is text": written(safetensors(_entry(["4"], [0, 16]), bytes(16))),
    "whose offsets go back": written(safetensors(_entry([4], [16, 0]), bytes(16))),
    "whose offsets are negative": written(safetensors(_entry([4], [-16, 0]), bytes(16))),
    "whose offsets are fractions": written(safetensors(_entry([4], [0.5, 16.5]), bytes(32))),
    "whose type is unknown": written(safetensors(_entry([4], [0, 16], "EVIL"), bytes(16))),
    "whose tensors overlap": written(safetensors(_entry([4], [0, 16]) | {"y": _entry([4], [8, 24])["x"]}, bytes(24))),
    "that is a pickle": written(pickle.dumps(Payload())),
    "of 3 GB of zeros": sparse(3 * 10**9),
    "that links to itself": loop,
    "that is a pipe": pipe,
    "that is a folder": folder,
}


def _model(change: Callable[[dict[str, Any]], Any]) -> Make:
    """The fixture's model with another card."""

    def write(path: Path) -> None:
        from safetensors import safe_open
        from safetensors.numpy import load_file, save_file

        source = "fixtures/model.safetensors"
        with safe_open(source, framework="np") as file:
            card = json.loads(file.metadata()["lt_bench"])
        change(card)
        save_file(load_file(source), path, metadata={"lt_bench": json.dumps(card)})

    return write


def _raw_card(text: str) -> Make:
    return written(safetensors({"__metadata__": {"lt_bench": text}} | _entry([1], [0, 4]), bytes(4)))


CARDS: dict[str, tuple[Make, str]] = {
    "of a newer version": (_model(lambda c: c.update(version=2)), "version"),
    "whose card is deep": (_raw_card("[" * 50_000), ""),
    "whose card is no JSON": (_raw_card("{"), "JSON"),
    "of something else": (_raw_card("{}"), "format"),
    "with an unknown key": (_model(lambda c: c.update(evil=1)), "evil"),
    "of latents as large as a city": (_model(lambda c: c.update(latent_shape=[32, 200_000, 200_000])), ""),
    "of latents of 0 channels": (_model(lambda c: c.update(latent_shape=[0, 0, 0])), ""),
    "of negative latents": (_model(lambda c: c.update(latent_shape=[-3, -4, -4])), ""),
    "of 10^9 audio tokens": (_model(lambda c: c["config"]["model"].update(audio_tokens=10**9)), ""),
    "of 10^9 frames": (_model(lambda c: c["config"]["model"].update(frames=10**9)), ""),
    "of a layer of 10^12 features": (_model(lambda c: c.update(speech_shape=[1, 10**12])), ""),
    "whose plugin is named": (
        _model(
            lambda c: c["config"]["model"].update(
                plugins=["fixtures/evil.py"], fusion={"portrait": "evil", "audio": "evil"}
            )
        ),
        "plugin",
    ),
    "whose codec leads out": (_model(lambda c: c.update(codec="kl:../outside")), ""),
    "of another codec": (_model(lambda c: c.update(codec_hash="0" * 64)), "codec"),
    "of resolution 10^9": (_model(lambda c: c.update(resolution=10**9)), ""),
    "of a scaling of NaN": (_model(lambda c: c["scaling"].update(mean=[float("nan")] * 32)), ""),
    "of 10^12 sampling steps": (_model(lambda c: c["config"]["sampling"].update(steps=10**12)), ""),
}

MODELS = tuple(
    Entry(f"model {name}", "model", make, file="model.safetensors") for name, make in HEADERS.items()
) + tuple(
    Entry(f"model {name}", "model", make, (2,), says, "model.safetensors") for name, (make, says) in CARDS.items()
)


def _cache(change: Callable[[Path], Any]) -> Make:
    """The fixture's cache with something else in it."""

    def write(path: Path) -> None:
        shutil.copytree("fixtures/cache", path)
        change(path)

    return write


def _index(change: Callable[[list[dict[str, Any]]], Any]) -> Make:
    """The fixture's cache with another index, its checksums mended."""

    def rewrite(path: Path) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        rows = pq.read_table(path / "index.parquet").to_pylist()
        change(rows)
        pq.write_table(pa.Table.from_pylist(rows), path / "index.parquet")
        _mend(path)

    return _cache(rewrite)


def _mend(path: Path) -> None:
    """Write the cache's checksums anew, as one who means harm would."""
    from lt_bench.files import sha256_file

    names = [line.split("  ", 1)[1] for line in (path / "SHA256SUMS").read_text().splitlines()]
    (path / "SHA256SUMS").write_text("".join(f"{sha256_file(path / name)}  {name}\n" for name in names))


def _in_cache(name: str, make: Make) -> Make:
    def change(path: Path) -> None:
        (path / name).unlink()
        make(path / name)

    return _cache(change)


def _clip(path: Path) -> str:
    return f"clips/{sorted(p.name for p in (path / 'clips').iterdir())[0]}"


def _in_clip(make: Make) -> Make:
    def change(path: Path) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        from lt_bench.files import sha256_file

        name = _clip(path)
        (path / name).unlink()
        make(path / name)
        if (path / name).is_file() and (path / name).stat().st_size < 2 * 10**8:  # its hash is made to fit
            rows = pq.read_table(path / "index.parquet").to_pylist()
            row = next(row for row in rows if row["file"] == name)
            row.update(sha256=sha256_file(path / name), bytes=(path / name).stat().st_size)
            pq.write_table(pa.Table.from_pylist(rows), path / "index.parquet")
            _mend(path)

    return _cache(change)


def _rows_bomb(path: Path) -> None:
    """30 million equal rows, which are a few kilobytes."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pq.read_table(path / "index.parquet").slice(0, 1)
    one = pa.table(
        {
            name: table[name].combine_chunks().dictionary_encode()
            if pa.types.is_string(table[name].type)
            else table[name]
            for name in table.column_names
        }
    )
    with pq.ParquetWriter(path / "index.parquet", one.schema, compression="zstd") as writer:
        big = one.take(pa.array([0] * 1_000_000))
        for _ in range(30):
            writer.write_table(big)
    _mend(path)


def _header(change: Callable[[dict[str, Any]], Any]) -> Make:
    def write(path: Path) -> None:
        document = json.loads((path / "cache.json").read_text())
        change(document)
        (path / "cache.json").write_text(json.dumps(document))
        _mend(path)

    return _cache(write)


CACHES_MADE: dict[str, tuple[Make, str]] = {
    "of a newer version": (_header(lambda d: d.update(version=2)), "version"),
    "of another format": (_header(lambda d: d.update(format="x")), "format"),
    "of latents as large as a city": (_header(lambda d: d.update(latent_shape=[3, 10**9, 10**9])), "latent_shape"),
    "of a factor of 0": (_header(lambda d: d["codec"].update(factor=0)), ""),
    "of a scaling of 0": (_header(lambda d: d["codec"].update(std=[0.0] * d["codec"]["channels"])), ""),
    "of deep settings": (_cache(lambda p: (p / "cache.json").write_text('{"format": ' + "[" * 100_000)), ""),
    "whose index is no parquet": (_in_cache("index.parquet", written("PAR1 no PAR1")), ""),
    "whose index is of 0 bytes": (_in_cache("index.parquet", written(b"")), ""),
    "whose index announces a footer of 4 GB": (
        _in_cache("index.parquet", written(b"PAR1" + b"\0" * 99 + b"\xff\xff\xff\xffPAR1")),
        "",
    ),
    "whose index is 3 GB of zeros": (_in_cache("index.parquet", sparse(3 * 10**9)), ""),
    "whose index is a pipe": (_in_cache("index.parquet", pipe), ""),
    "whose index is of 30 million rows": (_cache(_rows_bomb), ""),
    "whose file leads out": (_index(lambda rows: rows[0].update(file="../../../outside/secret.mp4")), ""),
    "whose id leads out": (_index(lambda rows: rows[0].update(id="../../x")), ""),
    "with a clip twice": (_index(lambda rows: rows.append(rows[0])), "twice"),
    "with 10^15 frames": (_index(lambda rows: rows[0].update(frames=10**15)), ""),
    "with nulls": (_index(lambda rows: rows[0].update(identity=None)), ""),
    "with text for numbers": (_index(lambda rows: [row.update(frames="x") for row in rows]), ""),
    "without a column": (_index(lambda rows: [row.pop("sha256") for row in rows]), "sha256"),
    "whose clip is missing": (_cache(lambda p: (p / _clip(p)).unlink()), "missing"),
    "whose checksums lead out": (
        _cache(lambda p: (p / "SHA256SUMS").write_text("0" * 64 + "  ../../outside/secret.mp4\n")),
        "",
    ),
    "whose checksums name a device": (_cache(lambda p: (p / "SHA256SUMS").write_text("0" * 64 + "  /dev/zero\n")), ""),
    "whose checksums are other bytes": (_cache(lambda p: (p / "SHA256SUMS").write_bytes(b"\xff\xfe")), ""),
    "whose rejections are no list": (_cache(lambda p: ((p / "rejected.json").write_text("{}"), _mend(p))), ""),
}

CACHES = tuple(
    Entry(f"cache {name}", "cache", make, (1, 2), says) for name, (make, says) in CACHES_MADE.items()
) + tuple(Entry(f"clip {name}", "cache", _in_clip(make), (1, 2)) for name, make in HEADERS.items())


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
