import json
from pathlib import Path

import pytest

from lt_bench.assets import assets
from lt_bench.cli.main import main


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("LT_BENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("LT_BENCH_MIRROR", raising=False)
    return tmp_path / "cache"


def test_list_as_json_has_every_asset(capsys) -> None:
    assert main(["assets", "list", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [row["name"] for row in document["assets"]] == list(assets())
    assert {row["found"] for row in document["assets"]} == {"missing"}
    assert document["mirror"] is None


def test_list_says_where_each_was_found(mirror: Path, capsys) -> None:
    assert main(["assets", "list", "--json"]) == 0
    found = {row["name"]: row["found"] for row in json.loads(capsys.readouterr().out)["assets"]}
    assert found["face_landmarker.task"] == "mirror"
    assert found["i3d_torchscript.pt"] == "missing"
    assert main(["assets", "get", "RD_crop_wh.txt"]) == 0
    capsys.readouterr()
    assert main(["assets", "list", "--group", "hdtf", "--json"]) == 0
    found = {row["name"]: row["found"] for row in json.loads(capsys.readouterr().out)["assets"]}
    assert len(found) == 15
    assert [name for name, place in found.items() if place == "cache"] == ["RD_crop_wh.txt"]


def test_the_table_shows_name_size_licence_place_and_purpose(small, capsys) -> None:
    assert main(["assets", "list"]) == 0
    out = capsys.readouterr().out
    for part in ("plain", "1.9 kB", "CC0", "missing", "missing, not pinned", "tests", "cache:"):
        assert part in out


def test_get_group_copies_from_the_mirror(mirror: Path, own_cache: Path, capsys) -> None:
    assert main(["assets", "get", "--group", "grid-sample", "--json"]) == 0
    paths = json.loads(capsys.readouterr().out)["paths"]
    assert len(paths) == 11
    for name, path in paths.items():
        assert Path(path).read_bytes() == (mirror / "grid-sample" / name).read_bytes()
        assert Path(path).is_relative_to(own_cache)


def test_get_goes_on_after_a_failure_and_ends_with_2(small, capsys) -> None:
    assert main(["assets", "get", "gone", "plain", "unpinned", "--json"]) == 2
    captured = capsys.readouterr()
    document = json.loads(captured.out)
    assert list(document["paths"]) == ["plain"]
    assert set(document["failures"]) == {"gone", "unpinned"}
    assert "not pinned: sha256 unknown" in captured.err


def test_verify_passes_on_whole_files(mirror: Path, capsys) -> None:
    assert main(["assets", "verify", "--group", "hdtf"]) == 0
    assert capsys.readouterr().out.strip() == "15 good, 0 damaged, 0 missing"


def test_verify_names_each_damaged_file_and_ends_with_1(small, own_cache: Path, capsys) -> None:
    assert main(["assets", "get", "plain", "packed", "zipped"]) == 0
    capsys.readouterr()
    for name in ("plain", "packed"):
        (own_cache / "folder" / name).write_bytes(b"damaged")
    assert main(["assets", "verify"]) == 1
    out = capsys.readouterr().out
    assert f"damaged: {own_cache / 'folder' / 'plain'}: expected asset plain" in out
    assert f"damaged: {own_cache / 'folder' / 'packed'}: expected asset packed" in out
    assert "1 good, 2 damaged, 10 missing" in out
    assert main(["assets", "verify", "plain", "zipped", "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert document["good"] is False
    assert [row["state"] for row in document["assets"]] == ["damaged", "good"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["get", "nonesuch"], "nonesuch: expected the name of an asset"),
        (["get", "../../etc/passwd"], "expected the name of an asset"),
        (["get"], "get: expected NAME..., --group G or --all, got none"),
        (["list", "--group", "nonesuch"], "--group: expected one of codec, detector"),
        (["verify", "nonesuch"], "nonesuch: expected the name of an asset"),
    ],
)
def test_bad_input_is_one_line_and_2(arguments: list[str], message: str, capsys) -> None:
    assert main(["assets", *arguments]) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.err.count("\n") == 1
    assert captured.out == ""


def test_a_cache_that_cannot_be_written_is_one_line(mirror: Path, monkeypatch, tmp_path: Path, capsys) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("LT_BENCH_CACHE", str(tmp_path / "file"))
    assert main(["assets", "get", "RD_crop_wh.txt"]) == 2
    assert "expected a writable folder" in capsys.readouterr().err
