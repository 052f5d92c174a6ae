"""Of the corpus, what costs next to nothing: each text and small binary against the reader that meets it first."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hostile.checkpoints import PICKLES
from hostile.entry import Entry
from hostile.tensors import HEADERS
from hostile.texts import CONFIGS, EVIL, broken_json

from lt_bench.assets.weights import read_torch
from lt_bench.cli.main import main
from lt_bench.config import RunConfig, load_config
from lt_bench.data.clip_file import ClipFile
from lt_bench.errors import CacheError, CheckpointError, ConfigError, LtBenchError
from lt_bench.evaluation.inputs.pairing import read_pairs
from lt_bench.evaluation.results.result_file import load_result
from lt_bench.models.checkpoint import read_card

LARGE = ("GB", "MB", "90 MB", "90 000 overrides", "120 000 keys", "many times", "pipe", "storage claims", "bomb")


def small(name: str) -> bool:
    return not any(word in name for word in LARGE)


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def refused(tmp_path: Path) -> Callable[..., None]:
    """Makes a file and asks a reader to refuse it in one line that names it, running nothing in it."""

    def check(
        entry: Entry, read: Callable[[Path], object], error: type[LtBenchError], path: Path | None = None
    ) -> None:
        file = path or tmp_path / entry.filename
        entry.make(file)
        with pytest.raises(error) as caught:
            read(file)
        assert entry.says in str(caught.value)
        assert file.name in str(caught.value) or "based" in file.name  # then its base is named
        assert not (tmp_path / "canary").exists()

    return check


@pytest.mark.parametrize("entry", [e for e in CONFIGS if small(e.name)], ids=lambda e: e.name)
def test_a_bad_configuration_is_refused(entry: Entry, refused):
    if any(word in entry.name for word in ("resolution", "codec", "plugin", "path", "negative", "NUL in")):
        pytest.skip("its meaning is checked by the command, not the reader")
    refused(entry, lambda path: load_config(RunConfig, path), ConfigError)


@pytest.mark.parametrize("entry", [e for e in broken_json("json") if small(e.name)], ids=lambda e: e.name)
def test_broken_json_is_refused(entry: Entry, refused):
    refused(entry, load_result, LtBenchError)
    if "folder" not in entry.name:
        refused(entry, read_pairs, LtBenchError, Path("again.json"))


@pytest.mark.parametrize("name", [n for n in HEADERS if small(n)])
def test_a_bad_header_of_tensors_is_refused(name: str, refused):
    if "overlap" not in name:  # two names for the same numbers harm nobody who only reads
        refused(Entry(name, "model", HEADERS[name], file="a.safetensors"), ClipFile, CacheError)
    refused(Entry(name, "model", HEADERS[name], file="b.safetensors"), read_card, CheckpointError)


@pytest.mark.parametrize("name", [n for n in PICKLES if small(n)])
def test_no_pickle_runs_code_or_ends_in_a_traceback(name: str, tmp_path: Path):
    PICKLES[name](tmp_path / "a.ckpt")
    with contextlib.suppress(LtBenchError):  # some hold nothing but tensors
        read_torch(tmp_path / "a.ckpt")
    assert not (tmp_path / "canary").exists()


def test_names_that_no_terminal_can_show_are_printed_and_written(tmp_path: Path, capfd: pytest.CaptureFixture[str]):
    from lt_bench.files import printable, read_json, write_json

    write_json(tmp_path / "names.json", {"name": "\udcff", "evil": EVIL})
    assert read_json(tmp_path / "names.json")["name"] == "\udcff"
    assert printable("a\udcff.mp4") == r"a\xff.mp4"
    assert main(["compare", "a\udcff.json", "b.json"]) == 2
    assert "Traceback" not in capfd.readouterr().err


def test_a_document_of_too_many_lists_is_refused_before_it_is_built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from lt_bench.files import read_json

    monkeypatch.setattr("lt_bench.files.MAX_CONTAINERS", 10)
    (tmp_path / "a.json").write_text(json.dumps([[]] * 9))
    assert len(read_json(tmp_path / "a.json")) == 9
    (tmp_path / "a.json").write_text(json.dumps([[]] * 10))
    with pytest.raises(LtBenchError, match=r"a\.json: expected JSON of at most 10"):
        read_json(tmp_path / "a.json")
