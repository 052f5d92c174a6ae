"""Locks of the system's."""

from __future__ import annotations

import errno
import fcntl
from pathlib import Path

import pytest

from lt_bench.errors import WriteError
from lt_bench.locks import lock


def test_one_holds_a_file_until_it_is_closed(tmp_path: Path) -> None:
    with (tmp_path / "x").open("a") as one, (tmp_path / "x").open("a") as two:
        assert lock(one.fileno(), tmp_path)
        assert not lock(two.fileno(), tmp_path)
        one.close()
        assert lock(two.fileno(), tmp_path, wait=True)


@pytest.mark.parametrize("code", [errno.ENOSYS, errno.ENOTSUP, errno.ENOLCK])
def test_a_file_system_without_locks_is_said_to_be_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def no_locks(handle: int, how: int) -> None:
        raise OSError(code, "Function not implemented")

    monkeypatch.setattr(fcntl, "flock", no_locks)
    told = r"expected a file system with locks .*, got Function not implemented"
    with (tmp_path / "x").open("a") as one, pytest.raises(WriteError, match=told):
        lock(one.fileno(), tmp_path)
