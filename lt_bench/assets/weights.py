"""Safe loading of weights, which never runs code from a pickle."""

from __future__ import annotations

import pickle
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lt_bench.errors import AssetError, LtBenchError

if TYPE_CHECKING:
    from torch import Tensor


def load_torch_weights(path: Path) -> dict[str, Tensor]:
    """Load the state dict of a ``.pth`` or ``.safetensors`` file on the CPU; pickles use ``weights_only``.

    Raises:
        AssetError: the file is not a plain dictionary of tensors.
    """
    import torch

    if path.suffix == ".safetensors":
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        try:
            return load_file(path)
        except SafetensorError as error:
            raise AssetError(f"{path}: expected weights, got: {error}") from error
    try:
        loaded = read_torch(path)
    except LtBenchError as error:
        raise AssetError(f"{path}: expected weights that load safely, got {error}") from None
    if not isinstance(loaded, dict) or not all(isinstance(value, torch.Tensor) for value in loaded.values()):
        raise AssetError(f"{path}: expected a dictionary of tensors, got {type(loaded).__name__}")
    return loaded


def read_torch(path: Path) -> Any:
    """Load the output of ``torch.save`` on the CPU: tensors and plain values; no code in the file is run.

    Raises:
        LtBenchError: a description of the file's actual kind, without its name.
    """
    import torch

    if not path.is_file():
        raise LtBenchError("a folder" if path.is_dir() else "a special file" if path.exists() else "no such file")
    try:
        return torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    except pickle.UnpicklingError:
        raise LtBenchError("a file that is damaged or would run code when loaded") from None
    except Exception as error:  # noqa: BLE001 - a damaged pickle makes torch raise anything
        raise LtBenchError(f"a damaged file or one of another kind ({type(error).__name__})") from None
