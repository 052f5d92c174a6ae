"""Folders packed into one file: the same files come out, and damaged or hostile packs are refused in one line."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from lt_bench import packed_folder
from lt_bench.errors import LtBenchError
from lt_bench.packed_folder import open_folder, pack_folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("b/result.json", "a/result.json", "a/b/values.csv"):
        path = tmp_path / "run" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"content of {name}")
    return tmp_path / "run"


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_a_packed_folder_opens_with_the_same_files_and_is_gone_afterwards(folder: Path, tmp_path: Path) -> None:
    assert pack_folder(folder, folder.rglob("*.*"), tmp_path / "run.tar.xz") == 3
    with open_folder(tmp_path / "run.tar.xz") as opened:
        assert files(opened) == files(folder)
    assert not opened.exists()


def test_a_plain_folder_opens_as_itself_and_stays(folder: Path) -> None:
    with open_folder(folder) as opened:
        assert opened == folder
    assert len(files(folder)) == 3


def test_the_same_files_make_the_same_pack(folder: Path, tmp_path: Path) -> None:
    packs = []
    for number, order in enumerate((False, True)):
        some = sorted(folder.rglob("*.*"), reverse=order)
        some[number].touch()
        some[number].chmod(0o600)
        pack_folder(folder, some, tmp_path / f"{number}.tar.xz")
        packs.append((tmp_path / f"{number}.tar.xz").read_bytes())
    assert packs[0] == packs[1]


def test_nothing_to_pack_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(LtBenchError, match="expected files to pack, got none"):
        pack_folder(folder, folder.glob("*.mp4"), tmp_path / "run.tar.xz")
    assert not (tmp_path / "run.tar.xz").exists()


def outside(pack: tarfile.TarFile) -> None:
    info = tarfile.TarInfo("../outside.txt")
    info.size = 1
    pack.addfile(info, io.BytesIO(b"x"))


def linked(pack: tarfile.TarFile) -> None:
    info = tarfile.TarInfo("link")
    info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
    pack.addfile(info)


@pytest.mark.parametrize(("hostile", "said"), [(outside, "outside the destination"), (linked, "a regular file")])
def test_a_member_that_leads_out_of_the_folder_is_refused(
    hostile: Callable[[tarfile.TarFile], None], said: str, tmp_path: Path
) -> None:
    with tarfile.open(tmp_path / "hostile.tar.xz", "w:xz") as pack:
        hostile(pack)
    with pytest.raises(LtBenchError, match=said), open_folder(tmp_path / "hostile.tar.xz"):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["hostile.tar.xz"]


def test_a_pack_that_unpacks_to_too_much_is_refused(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack_folder(folder, folder.rglob("*.*"), tmp_path / "run.tar.xz")
    monkeypatch.setattr(packed_folder, "MAX_BYTES", 10)
    with pytest.raises(LtBenchError, match="expected at most 10 bytes"), open_folder(tmp_path / "run.tar.xz"):
        pass


@pytest.mark.parametrize("kept", [0, 40, 120])
def test_a_truncated_pack_is_refused_in_one_line(kept: int, folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "run.tar.xz"
    pack_folder(folder, folder.rglob("*.*"), path)
    path.write_bytes(path.read_bytes()[:kept])
    told = r"run\.tar\.xz: expected a folder or a packed one"
    with pytest.raises(LtBenchError, match=told) as caught, open_folder(path):
        pass
    assert "\n" not in str(caught.value)


def test_an_absent_pack_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LtBenchError, match="got nothing there"), open_folder(tmp_path / "none.tar.xz"):
        pass
