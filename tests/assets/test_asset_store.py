from pathlib import Path

import pytest

from lt_bench.assets import asset_path, has_asset, store
from lt_bench.assets.store import cache_folder, obtain
from lt_bench.errors import AssetError


@pytest.fixture
def made_mirror(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: dict[str, bytes]) -> Path:
    folder = tmp_path / "mirror" / "folder"
    folder.mkdir(parents=True)
    for name, data in content.items():
        (folder / name).write_bytes(data)
    monkeypatch.setenv("LT_BENCH_MIRROR", str(tmp_path / "mirror"))
    return folder


def into_cache(tmp_path: Path, name: str, data: bytes) -> Path:
    path = tmp_path / "cache" / "folder" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def test_nothing_is_downloaded_unless_asked(small, tmp_path: Path) -> None:
    assert not has_asset("plain")
    with pytest.raises(AssetError) as error:
        asset_path("plain")
    text = str(error.value)
    for part in ("plain", "1.9 kB", "CC0", str(tmp_path / "cache"), "not set", "lt-bench assets get plain"):
        assert part in text
    assert "\n" not in text
    assert not (tmp_path / "cache").exists()


def test_the_cache_comes_before_the_mirror(small, made_mirror: Path, tmp_path: Path, content) -> None:
    assert asset_path("plain") == made_mirror / "plain"
    cached = into_cache(tmp_path, "plain", content["plain"])
    assert asset_path("plain") == cached
    assert has_asset("plain")


def test_a_mirror_serves_before_the_address(small, made_mirror: Path) -> None:
    assert asset_path("plain", download=True) == made_mirror / "plain"
    assert not cache_folder().exists()


def test_a_damaged_file_in_the_cache_is_named_never_passed_over(small, made_mirror: Path, tmp_path, content) -> None:
    damaged = into_cache(tmp_path, "plain", content["plain"][:-1] + b"?")
    for call in (asset_path, has_asset):
        with pytest.raises(AssetError, match=rf"{damaged}: expected asset plain with sha256 [0-9a-f]+, got") as error:
            call("plain")
        assert str(small["plain"].sha256) in str(error.value)


def test_a_damaged_file_in_the_mirror_is_named(small, made_mirror: Path, content) -> None:
    (made_mirror / "plain").write_bytes(content["plain"] + b"more")
    for call in (asset_path, has_asset, lambda name: obtain(small[name])):
        with pytest.raises(AssetError, match=rf"{made_mirror / 'plain'}: expected asset plain of 1900 bytes, got 1904"):
            call("plain")
    assert not (cache_folder() / "folder" / "plain").exists()


def test_a_folder_in_an_assets_place_is_an_error(small, made_mirror: Path) -> None:
    (made_mirror / "plain").unlink()
    (made_mirror / "plain").mkdir()
    with pytest.raises(AssetError, match="got no regular file"):
        asset_path("plain")


def test_a_mirror_that_is_no_folder_is_an_error(small, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LT_BENCH_MIRROR", str(tmp_path / "nowhere"))
    with pytest.raises(AssetError, match=r"LT_BENCH_MIRROR: expected a folder of assets, got .*nowhere"):
        has_asset("plain")


def test_files_are_hashed_once_until_they_change(small, made_mirror: Path, monkeypatch, content) -> None:
    hashed: list[Path] = []
    original = store.sha256_file
    monkeypatch.setattr(store, "sha256_file", lambda path: hashed.append(path) or original(path))
    for _ in range(3):
        asset_path("plain")
    assert len(hashed) == 1
    (made_mirror / "plain").write_bytes(content["plain"][::-1])
    with pytest.raises(AssetError, match="with sha256"):
        asset_path("plain")
    assert len(hashed) == 2


def test_what_is_not_pinned_cannot_be_used_or_downloaded(small, made_mirror: Path, tmp_path: Path) -> None:
    assert not has_asset("unpinned")
    for call in (lambda: asset_path("unpinned"), lambda: asset_path("unpinned", download=True)):
        with pytest.raises(AssetError, match="not pinned: sha256 unknown"):
            call()
    into_cache(tmp_path, "unpinned", b"anything")
    assert not has_asset("unpinned")
    with pytest.raises(AssetError, match=r"not pinned: sha256 unknown, so that .* cannot be verified or used"):
        asset_path("unpinned")


def test_the_cache_is_the_platforms_unless_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LT_BENCH_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
    monkeypatch.delenv("LT_BENCH_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder().name == "lt_bench"


def test_real_assets_are_found_and_verified(mirror: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LT_BENCH_CACHE", str(tmp_path))
    assert asset_path("bbaf2n.mpg") == mirror / "grid-sample" / "bbaf2n.mpg"
    assert has_asset("face_landmarker.task")
    assert not has_asset("i3d_torchscript.pt")
