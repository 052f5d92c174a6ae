"""Which code and which libraries made a result."""

from __future__ import annotations

import hashlib
import subprocess
from importlib import metadata, util
from pathlib import Path

OURS = ("data_prep", "lt_bench")
CODE = frozenset({".csv", ".j2", ".json", ".py", ".safetensors", ".yaml"})
"""Endings of the files of a package that decide what it computes."""
PACKAGES = (
    "av",
    "dlib-bin",
    "lpips",
    "lt-bench",
    "mediapipe",
    "numpy",
    "onnxruntime",
    "onnxruntime-gpu",
    "opencv-contrib-python",
    "scipy",
    "syncnet-python",
    "torch",
    "torch-fidelity",
    "torchmetrics",
    "torchvision",
    "transformers",
)


def package_versions() -> dict[str, str]:
    """Versions of the libraries that numbers depend on, those installed."""
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions


def git_commit() -> str | None:
    """The commit of this code, with ``-dirty`` where files differ from it; None outside a repository or without git."""
    here = Path(__file__).resolve().parent
    command = ["git", "-C", str(here), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None if done.returncode == 0 else None


def code_sha256() -> str:
    """The hex SHA-256 of this code as it lies on disk, committed or not: names and bytes of the packages' files."""
    total = hashlib.sha256()
    for package in OURS:
        found = util.find_spec(package)
        if found is None or found.origin is None:  # data_prep may not be installed
            continue
        folder = Path(found.origin).parent
        for path in sorted(path for path in folder.rglob("*") if path.suffix in CODE):
            content = hashlib.sha256(path.read_bytes()).hexdigest()
            total.update(f"{package}/{path.relative_to(folder).as_posix()} {content}\n".encode())
    return total.hexdigest()
