"""Which code and which libraries made a result."""

from __future__ import annotations

import subprocess
from importlib import metadata
from pathlib import Path

PACKAGES = (
    "av",
    "dlib-bin",
    "lpips",
    "lt-bench",
    "mediapipe",
    "numpy",
    "onnxruntime",
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
