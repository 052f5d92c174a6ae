"""Two commands on one folder: the second is refused in one line, or, where a folder may be shared, both end well."""

from __future__ import annotations

import time

import pytest

from tests.faults.normalised import differences, normalised

pytestmark = [pytest.mark.slow, pytest.mark.faults]


def share_out(arena):
    """Two folders of inputs with one ``out``, so that each command has a log of its own."""
    one, other = arena(), arena()
    (one / "out").mkdir()
    (other / "out").symlink_to(one / "out")
    return one, other


@pytest.mark.parametrize("verb", ["prepare", "train", "ablate"])
def test_the_second_writer_is_refused_in_one_line(verb, arena, warm, undisturbed):
    one, other = share_out(arena)
    whole = undisturbed(verb)
    first = warm(verb, one)
    lock = one / "out" / ".lock"
    while not lock.exists():
        assert first.poll() is None
        time.sleep(0.003)
    assert first.until(whole.work / 4)
    second = warm(verb, other)
    assert second.wait() == 2, second.said()
    (line,) = second.said().splitlines()
    assert line.startswith(f"lt-bench {verb}: ")
    assert "another process" in line or "held by" in line
    assert first.wait() == 0, first.said()
    assert differences(normalised(one / "out"), whole.files) == []


@pytest.mark.parametrize("verb", ["evaluate", "generate", "search"])
def test_where_a_folder_may_be_shared_both_end_with_the_undisturbed_result(verb, arena, warm, undisturbed):
    one, other = share_out(arena)
    running = [warm(verb, one), warm(verb, other)]
    assert [each.wait() for each in running] == [0, 0], running[0].said() + running[1].said()
    assert differences(normalised(one / "out"), undisturbed(verb).files) == []
