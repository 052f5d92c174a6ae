"""Inputs, the warm interpreter, and a folder for every run of a command."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from functools import cache
from itertools import count
from pathlib import Path

import pytest

from tests.faults.commands import COMMANDS, SIDE, SPEAKERS, link_inputs, write_inputs
from tests.faults.processes import Cold, Warm, Zygote
from tests.faults.undisturbed import Whole, run_whole


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest first, so that no process is left with one of them when the other is done."""
    items.sort(key=lambda item: "faults/test_kill.py" not in item.nodeid)


@pytest.fixture(scope="session")
def zygote() -> Iterator[Zygote]:
    made = Zygote()
    yield made
    made.close()


@pytest.fixture(scope="session", autouse=True)
def _own_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Scores that an earlier test measured must not make a later one quicker than the undisturbed run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("user-cache")))
        yield


@pytest.fixture(scope="session")
def inputs(zygote: Zygote, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("inputs")
    write_inputs(folder)
    keys = [f"synthetic.{key}={value}" for key, value in SPEAKERS.items()]
    for words in (
        ["prepare", "synthetic", "--out", "cache", "--resolution", str(SIDE), "--codec", "dct", *keys],
        COMMANDS["train"],
    ):
        made = Warm(zygote, words, folder)
        assert made.wait() == 0, made.said()
    shutil.move(folder / "out" / "model.safetensors", folder)
    shutil.rmtree(folder / "out")
    shutil.copy(next(folder.glob("cache/real/test/*.png")), folder / "portrait.png")
    return folder


@pytest.fixture
def arena(inputs: Path, tmp_path: Path) -> Callable[[], Path]:
    """Makes folders with the inputs and nothing else."""
    numbers = count()

    def make() -> Path:
        folder = tmp_path / f"arena{next(numbers)}"
        link_inputs(inputs, folder)
        return folder

    return make


@pytest.fixture
def warm(zygote: Zygote) -> Callable[..., Warm]:
    """Starts a command of the table in a folder, its imports done."""
    return lambda name, folder, *more, **rules: Warm(zygote, [*COMMANDS[name], *more], folder, **rules)


@pytest.fixture
def cold() -> Callable[..., Cold]:
    """Starts a command of the table in a folder, as typed."""
    return lambda name, folder, *more, **variables: Cold([*COMMANDS[name], *more], folder, **variables)


@pytest.fixture(scope="session")
def undisturbed(zygote: Zygote, inputs: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Whole]:
    """What a command of the table leaves when nothing happens; each is run once."""

    @cache
    def run(name: str) -> Whole:
        folder = tmp_path_factory.mktemp("undisturbed") / name
        link_inputs(inputs, folder)
        return run_whole(Warm(zygote, COMMANDS[name], folder))

    return run
