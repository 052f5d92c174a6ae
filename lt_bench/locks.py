"""Locks of the system's on open files: it lets go when their process ends, however it ends."""

from __future__ import annotations

import fcntl
from pathlib import Path

from lt_bench.errors import WriteError


def lock(handle: int, folder: Path, wait: bool = False) -> bool:
    """Lock an open file for this process alone, until it is closed.

    Args:
        handle: of the file.
        folder: it lies in, for the error.
        wait: for another holder; or return at once.

    Returns:
        False where another process holds it.

    Raises:
        WriteError: the file system knows no locks.
    """
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    except OSError as error:
        raise WriteError(
            f"{folder}: expected a file system with locks (flock; Lustre is to be mounted with it), "
            f"got {error.strerror or error}"
        ) from None
    return True
