"""Checkpoints: of LetsTalk's release, and of runs."""

from __future__ import annotations

import io
import pickle
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hostile.entry import Entry, Make, folder, loop, pipe, sparse, written
from hostile.pickles import Evaluated, Payload


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
