"""A folder packed into one file (``.tar.xz``), and opened again like a folder.

Many small text files of one kind pack to a tenth of their size, and a repository then holds one file a study. Any
``tar -xf`` unpacks it. The same files always make the same bytes: members are sorted, and no time or owner is kept.
"""

from __future__ import annotations

import lzma
import os
import tarfile
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from lt_bench.errors import LtBenchError
from lt_bench.files import atomic_path, open_regular, write_errors

MAX_BYTES = 1_000_000_000
"""Unpacked bytes at most."""
MAX_FILES = 100_000
BROKEN = (tarfile.TarError, lzma.LZMAError, EOFError, OSError)
"""What reading a damaged archive may raise."""


def pack_folder(folder: Path, files: Iterable[Path], out: str | os.PathLike[str]) -> int:
    """Pack files of a folder, whole or not at all.

    Args:
        folder: members are named relative to it.
        files: the files to pack, in any order.
        out: the ``.tar.xz`` file to write.

    Returns:
        Number of packed files.

    Raises:
        LtBenchError: there is nothing to pack.
    """
    members = sorted({path.relative_to(folder).as_posix(): path for path in files}.items())
    if not members:
        raise LtBenchError(f"{folder}: expected files to pack, got none")
    with atomic_path(out) as temporary, tarfile.open(temporary, "w:xz", preset=9) as pack:
        for name, path in members:
            info = tarfile.TarInfo(name)  # without time, owner and mode of the file
            info.size = path.stat().st_size
            with path.open("rb") as stream:
                pack.addfile(info, stream)
    return len(members)


@contextmanager
def open_folder(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a folder as it is, or a packed one unpacked; the unpacked files last until the block ends.

    Example:
        >>> import tempfile
        >>> root = Path(tempfile.mkdtemp())
        >>> _ = (root / "a.txt").write_text("one")
        >>> pack_folder(root, [root / "a.txt"], root / "all.tar.xz")
        1
        >>> with open_folder(root / "all.tar.xz") as folder:
        ...     (folder / "a.txt").read_text()
        'one'

    Raises:
        LtBenchError: neither a folder nor a sound pack, or a member that leads out of it.
    """
    if Path(path).is_dir():
        yield Path(path)
        return
    with tempfile.TemporaryDirectory(prefix="lt_bench_packed_") as folder:
        _unpack(Path(path), Path(folder))
        yield Path(folder)


def _unpack(path: Path, folder: Path) -> None:
    expected = f"{path}: expected a folder or a packed one (.tar.xz)"
    if not path.exists():
        raise LtBenchError(f"{expected}, got nothing there")
    size = count = 0
    try:
        with open_regular(path) as stream, tarfile.open(fileobj=stream, mode="r:xz") as pack:
            for member in pack:
                size, count = size + member.size, count + 1
                if size > MAX_BYTES or count > MAX_FILES:
                    raise LtBenchError(f"{path}: expected at most {MAX_BYTES} bytes in {MAX_FILES} files, got more")
                if not member.isfile():
                    raise LtBenchError(f"{path}: member '{member.name}': expected a regular file, got another kind")
                with write_errors(folder):
                    pack.extract(member, folder, filter="data")
    except BROKEN as error:
        raise LtBenchError(f"{expected}, got: {error}") from None
