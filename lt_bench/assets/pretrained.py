"""Pretrained networks named by the user: a local folder in the layout of diffusers or transformers, or a hub id."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lt_bench.errors import AssetError, LtBenchError
from lt_bench.files import read_json, sha256_file, sha256_json

_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")
_STEMS = ("model", "diffusion_pytorch_model")
_PATTERNS = [
    "config.json",
    "preprocessor_config.json",
    *(f"{stem}*.{end}" for stem in _STEMS for end in ("safetensors", "json")),
]


def pretrained_folder(spec: str, key: str) -> Path:
    """Return the local folder of a pretrained network.

    Args:
        spec: a folder with ``config.json`` and ``.safetensors`` weights, or a hub id ``owner/name``, which is
            downloaded into the Hugging Face cache if it is missing.
        key: name in error messages, such as ``codec kl``.

    Raises:
        AssetError: the folder does not exist or has another layout, or the hub could not provide it.
    """
    folder = Path(spec).expanduser()
    if not folder.is_dir():
        if folder.exists() or not _HUB_ID.fullmatch(spec) or spec.startswith("."):
            raise AssetError(f"{key}: expected a local folder or a hub id owner/name, got {spec!r}")
        folder = _download(spec, key)
    if not (folder / "config.json").is_file():
        raise AssetError(f"{key}: expected config.json in {folder}, got none")
    if not weight_files(folder):
        raise AssetError(f"{key}: expected .safetensors weights in {folder}, got none")
    return folder


def weight_files(folder: Path) -> list[Path]:
    """List the files with weights in the order of their names, without half-precision copies."""
    files = sorted(file for stem in _STEMS for file in folder.glob(f"{stem}*.safetensors"))
    return [file for file in files if ".fp16" not in file.name]


def folder_hash(folder: Path) -> str:
    """Compute the hex SHA-256 over the SHA-256 of the weight files and the configuration."""
    return sha256_json([read_config(folder), *(sha256_file(file) for file in weight_files(folder))])


def read_config(folder: Path, name: str = "config.json") -> dict[str, Any]:
    """Read a JSON configuration of the folder, without the note of the version that wrote it.

    Raises:
        AssetError: it is not a JSON object.
    """
    try:
        config = read_json(folder / name)
    except LtBenchError as error:
        raise AssetError(str(error)) from error
    if not isinstance(config, dict):
        raise AssetError(f"{folder / name}: expected a JSON object, got {type(config).__name__}")
    return {key: value for key, value in config.items() if not key.endswith("_version") and key != "_name_or_path"}


def expect_class(folder: Path, key: str, given: str | Sequence[str] | None, expected: str) -> None:
    """Check that a folder contains the expected network.

    Raises:
        AssetError: ``given``, the class in its configuration, is not ``expected``.
    """
    if given != expected:
        raise AssetError(f"{key}: expected {folder} to hold {expected}, got {given!r}")


def one_line(error: BaseException) -> str:
    """Return the bounded first line of an error's message, for libraries with long explanations."""
    lines = str(error).strip().splitlines()
    return (lines[0] if lines else type(error).__name__)[:200]


def _download(spec: str, key: str) -> Path:
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(spec, allow_patterns=_PATTERNS))
    except Exception as error:  # the client raises its own, HTTP and system errors
        raise AssetError(
            f"{key}: {spec} is no local folder, and the hub could not give it: {one_line(error)}"
        ) from error
