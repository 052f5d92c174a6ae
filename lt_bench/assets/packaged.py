"""Small pinned weights that are part of the package."""

from __future__ import annotations

import hashlib
from importlib import resources

from lt_bench.errors import AssetError


def packaged_weights(package: str, name: str, sha256: str) -> bytes:
    """Return the verified bytes of a file in the folder ``weights`` of a package.

    Args:
        package: dotted name of the package.
        name: name of the file.
        sha256: hex digest that the file must have.

    Raises:
        AssetError: the file is missing or not the pinned one.

    Example:
        >>> packaged_weights("lt_bench.evaluation", "none.safetensors", "00")
        Traceback (most recent call last):
        lt_bench.errors.AssetError: none.safetensors: expected in lt_bench.evaluation.weights, got no such file; ...
    """
    file = resources.files(package) / "weights" / name
    if not file.is_file():
        raise AssetError(f"{name}: expected in {package}.weights, got no such file; install the package again")
    data = file.read_bytes()
    found = hashlib.sha256(data).hexdigest()
    if found != sha256:
        raise AssetError(f"{name}: expected sha256 {sha256}, got {found}; install the package again")
    return data
