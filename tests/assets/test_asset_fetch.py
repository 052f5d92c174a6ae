import io
import subprocess
import tarfile
import zipfile
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from lt_bench.assets import asset_path
from lt_bench.assets.store import cache_folder, obtain
from lt_bench.assets.weights import load_torch_weights
from lt_bench.errors import AssetError


def left_behind() -> list[Path]:
    return [path for path in cache_folder().rglob("*") if path.is_file()] if cache_folder().exists() else []


@pytest.mark.parametrize("name", ["plain", "packed", "zipped"])
def test_a_download_is_unpacked_verified_and_kept(small, content, name: str) -> None:
    seen: list[int] = []
    path = asset_path(name, download=True, progress=seen.append)
    assert path == cache_folder() / "folder" / name
    assert path.read_bytes() == content[name]
    assert left_behind() == [path]
    assert seen[-1] > 0
    assert asset_path(name) == path


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("wrong", "expected asset wrong with sha256 .* got"),
        ("gone", "gone: could not be downloaded from http://127.*404"),
        ("unreachable", "unreachable: could not be downloaded from"),
        ("absent member", "absent member: expected nothing in what http.* gives, got none"),
        ("not packed", "not packed: expected packed data from http"),
        ("no archive", "no archive: expected an archive from http"),
        ("derived", r"derived: expected a mirror \(set LT_BENCH_MIRROR\).* made by hand"),
    ],
)
def test_a_failed_download_leaves_nothing(small, name: str, message: str) -> None:
    with pytest.raises(AssetError, match=message) as error:
        asset_path(name, download=True)
    assert "\n" not in str(error.value)
    assert left_behind() == []


def test_getting_mends_a_damaged_cache(small, content) -> None:
    path = obtain(small["plain"])
    path.write_bytes(b"damaged")
    assert obtain(small["plain"]).read_bytes() == content["plain"]


def test_getting_copies_from_the_mirror(small, content, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "mirror" / "folder").mkdir(parents=True)
    (tmp_path / "mirror" / "folder" / "derived").write_bytes(content["plain"])
    monkeypatch.setenv("LT_BENCH_MIRROR", str(tmp_path / "mirror"))
    path = obtain(small["derived"])
    monkeypatch.delenv("LT_BENCH_MIRROR")
    assert asset_path("derived") == path


def test_a_derived_asset_says_that_only_a_mirror_has_it(small) -> None:
    with pytest.raises(AssetError, match=r"converted from pypi:nothing==1\.0, so only a mirror has it"):
        asset_path("derived")


@pytest.fixture
def fake_pip(monkeypatch: pytest.MonkeyPatch, content) -> list[list[str]]:
    """Stands in for pip: puts a wheel or a source distribution where it was asked to, and records the commands."""
    commands: list[list[str]] = []

    def run(command: list[str], **_: object) -> subprocess.CompletedProcess:
        commands.append(command)
        folder = Path(command[command.index("--dest") + 1])
        if "--only-binary" in command:
            with zipfile.ZipFile(folder / "some_package-1.0-py3-none-any.whl", "w") as wheel:
                wheel.writestr("package/data.bin", content["wheel"])
        else:
            with tarfile.open(folder / "some_package-1.0.tar.gz", "w:gz") as sdist:
                for name, data in {"../evil": b"no", "some_package-1.0/example/data.bin": content["sdist"]}.items():
                    info = tarfile.TarInfo(name)
                    info.size = len(data)
                    sdist.addfile(info, io.BytesIO(data))
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(subprocess, "run", run)
    return commands


@pytest.mark.parametrize(("name", "flag"), [("wheel", "--only-binary"), ("sdist", "--no-binary")])
def test_a_package_is_fetched_by_pip_and_one_member_taken(small, content, fake_pip, name: str, flag: str) -> None:
    path = asset_path(name, download=True)
    assert path.read_bytes() == content[name]
    (command,) = fake_pip
    assert command[1:4] == ["-m", "pip", "download"]
    assert "--no-deps" in command
    assert flag in command
    assert command[-1] == "some-package==1.0"
    assert not list(path.parent.parent.parent.rglob("evil"))


def test_pip_that_fails_is_one_line(small, monkeypatch: pytest.MonkeyPatch) -> None:
    said = "ERROR: first line\nERROR: no matching distribution found\n"
    monkeypatch.setattr(subprocess, "run", lambda command, **_: subprocess.CompletedProcess(command, 1, "", said))
    with pytest.raises(AssetError, match=r"wheel: pip download some-package==1\.0 failed: ERROR: no matching") as error:
        asset_path("wheel", download=True)
    assert "\n" not in str(error.value)


def test_weights_load_from_both_formats(tmp_path: Path) -> None:
    weights = {"a": torch.arange(6.0).reshape(2, 3), "b": torch.ones(1, dtype=torch.float16)}
    torch.save(weights, tmp_path / "w.pth")
    save_file(weights, tmp_path / "w.safetensors")
    for name in ("w.pth", "w.safetensors"):
        loaded = load_torch_weights(tmp_path / name)
        assert set(loaded) == {"a", "b"}
        assert all(torch.equal(loaded[key], weights[key]) for key in weights)


class Harmful:
    def __reduce__(self):
        return print, ("this must never run",)


def test_a_pickle_that_would_run_code_is_refused(tmp_path: Path, capsys) -> None:
    torch.save({"a": Harmful()}, tmp_path / "bad.pth")
    torch.save([torch.ones(1)], tmp_path / "list.pth")
    (tmp_path / "prose.pth").write_text("no weights")
    (tmp_path / "prose.safetensors").write_text("no weights")
    for name in ("bad.pth", "list.pth", "prose.pth", "prose.safetensors"):
        with pytest.raises(AssetError, match=rf"{name}: expected") as error:
            load_torch_weights(tmp_path / name)
        assert "\n" not in str(error.value)
    assert capsys.readouterr().out == ""
