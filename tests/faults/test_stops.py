"""One Ctrl-C, or SIGTERM, ends every command in order, and its last line is what to type to go on."""

from __future__ import annotations

import os
import shlex
import signal

import pytest

from tests.faults.commands import COMMANDS, SIDE_BY_SIDE
from tests.faults.processes import Running, check_gone

pytestmark = [pytest.mark.slow, pytest.mark.faults]
CODES = {"SIGINT": 130, "SIGTERM": 143}
IMPORTING = 0.6
"""CPU seconds after which a command that was just typed still imports."""


def stop(running: Running, name: str) -> None:
    """As a terminal sends Ctrl-C: to all processes of the session's group at once; SIGTERM to the command alone."""
    if name == "SIGINT":
        os.killpg(running.pid, signal.SIGINT)
    else:
        os.kill(running.pid, signal.SIGTERM)


def check_ended_in_order(running: Running, name: str, verb: str) -> None:
    family = running.family()
    stop(running, name)
    assert running.wait() == CODES[name], running.said()
    check_gone(family)
    said = running.said()
    assert "Traceback" not in said
    assert "Error" not in said
    assert said.splitlines()[-1] == shlex.join(["lt-bench", *COMMANDS[verb], *SIDE_BY_SIDE.get(verb, ())])
    assert "the same command" in said.splitlines()[-2]


def at_work(verb: str, share: float, arena, warm, undisturbed) -> Running:
    """The command, at a share of its work; where it is done sooner than it was, at an earlier one."""
    work = undisturbed(verb).work * share  # of a run that ends before this one begins
    running = warm(verb, arena(), *SIDE_BY_SIDE.get(verb, ()))
    if running.until(work):
        return running
    return at_work(verb, share / 2, arena, warm, undisturbed)


@pytest.mark.parametrize("verb", COMMANDS)
@pytest.mark.parametrize("name", CODES)
def test_told_to_stop_at_work(name, verb, arena, warm, undisturbed):
    # The first, undisturbed run may have taken several times the CPU time that the same work takes now.
    running = at_work(verb, 0.12, arena, warm, undisturbed)
    check_ended_in_order(running, name, verb)
    if verb in ("train", "generate"):  # they write alone, and remove what is half-written
        assert not list(running.folder.glob("out/**/.*.tmp*"))
    if verb == "generate":
        assert "from the start" in running.said()
        assert not list(running.folder.glob("out/*"))


@pytest.mark.parametrize("verb", COMMANDS)
@pytest.mark.parametrize("name", CODES)
def test_told_to_stop_while_it_imports(name, verb, arena, cold):
    running = cold(verb, arena(), *SIDE_BY_SIDE.get(verb, ()))
    assert running.until(IMPORTING)
    check_ended_in_order(running, name, verb)
