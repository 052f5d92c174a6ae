"""A disk that is full, or may not be written to: one line that says so, and with room the same command ends."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.commands import COMMANDS
from tests.faults.normalised import differences, normalised

pytestmark = [pytest.mark.slow, pytest.mark.faults]
ROOM = {"prepare": "1m", "train": "30m", "ablate": "60m", "search": "60m", "evaluate": "20k", "generate": "20k"}
"""Too little for the whole, enough for a part."""
FAILED = {"ablate": 1, "search": 1}
"""Exit codes of commands that go on where one of their jobs fails; the others say 2."""


@pytest.fixture
def disk() -> Iterator[Callable[..., Path]]:
    """Mounts a small file system as ``out`` of a folder."""
    made: list[Path] = []

    def mount(folder: Path, options: str) -> Path:
        out = folder / "out"
        out.mkdir()
        if subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(out)], capture_output=True).returncode:
            pytest.skip("this user cannot mount a file system")
        made.append(out)
        return out

    yield mount
    for out in made:
        subprocess.run(["umount", str(out)], check=True)


@pytest.mark.parametrize("verb", COMMANDS)
def test_a_full_disk_is_said_and_with_more_room_the_same_command_ends(verb, arena, warm, disk, undisturbed):
    folder = arena()
    out = disk(folder, f"size={ROOM[verb]}")
    first = warm(verb, folder)
    assert first.wait() in (2, FAILED.get(verb)), first.said()
    said = first.said()
    assert "No space left on device" in said or "could not be written" in said
    assert "Traceback" not in said
    subprocess.run(["mount", "-o", "remount,size=1g", str(out)], check=True)
    last = warm(verb, folder)
    assert last.wait() == 0, last.said()
    assert differences(normalised(out), undisturbed(verb).files) == []


@pytest.mark.parametrize("verb", COMMANDS)
def test_a_file_that_may_not_grow_is_said_in_one_line(verb, arena, warm):
    """As on a full disk, for users who cannot mount one: the limit of this process on the size of files."""
    running = warm(verb, arena(), file_size=2000)
    assert running.wait() in (2, FAILED.get(verb)), running.said()
    assert "Traceback" not in running.said()
    assert "File too large" in running.said() or "could not be written" in running.said()


@pytest.mark.parametrize("verb", COMMANDS)
def test_a_folder_that_may_not_be_written_to_is_said_in_one_line_before_any_work(verb, arena, warm, disk):
    folder = arena()
    if os.geteuid():
        (folder / "out").mkdir(mode=0o555)
    else:
        disk(folder, "ro")
    running = warm(verb, folder)
    assert running.wait() == 2, running.said()
    (line,) = running.said().splitlines()
    assert line.startswith(f"lt-bench {verb}: ")
    assert "out" in line
    assert "writable" in line or "Read-only" in line or "Permission" in line
