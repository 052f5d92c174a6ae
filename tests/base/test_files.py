"""Files appear whole or not at all."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from lt_bench.errors import LtBenchError
from lt_bench.files import atomic_path, read_json, sha256_file, sha256_json, write_json, write_text


def test_a_failed_write_leaves_the_old_file_and_no_litter(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    write_text(target, "old")

    def fail() -> None:
        with atomic_path(target) as temporary:
            temporary.write_text("ne")
            raise RuntimeError("half way")

    with pytest.raises(RuntimeError, match="half way"):
        fail()
    assert target.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_the_temporary_file_keeps_the_suffix(tmp_path: Path) -> None:
    with atomic_path(tmp_path / "v.mp4") as temporary:
        assert temporary.suffix == ".mp4"
        temporary.write_bytes(b"x")


def test_modes_follow_the_umask(tmp_path: Path) -> None:
    write_text(tmp_path / "a", "x")
    mask = os.umask(0)
    os.umask(mask)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o666 & ~mask


def test_an_unusable_folder_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LtBenchError, match="expected a writable folder, got"):
        write_text(tmp_path / "file" / "a.txt", "x")


def test_nan_is_not_json(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        write_json(tmp_path / "a.json", {"a": float("nan")})
    assert not (tmp_path / "a.json").exists()


def test_read_json_names_the_file(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{")
    with pytest.raises(LtBenchError, match=r"a\.json: expected JSON"):
        read_json(tmp_path / "a.json")
    with pytest.raises(LtBenchError, match=r"b\.json: expected a readable JSON file"):
        read_json(tmp_path / "b.json")


def test_hashes(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    assert sha256_file(tmp_path / "a").startswith("ba7816bf")
    assert sha256_json({"b": 1, "a": 2}) == sha256_json({"a": 2, "b": 1}) != sha256_json({"a": 2, "b": 2})


def test_a_disk_that_is_full_is_one_line_whoever_meets_it(tmp_path: Path) -> None:
    """Safetensors has an error of its own for what the system says."""
    target = tmp_path / "a.safetensors"
    code = (
        "import resource, numpy as np\nfrom safetensors.numpy import save_file\n"
        "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "from lt_bench.files import atomic_path\nfrom lt_bench.errors import LtBenchError\n"
        f"try:\n  with atomic_path({str(target)!r}) as path:\n    save_file({{'a': np.zeros(9999)}}, path)\n"
        "except LtBenchError as error:\n  print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == f"{target}: could not be written: File too large\n", done.stderr
    assert not list(tmp_path.iterdir())
