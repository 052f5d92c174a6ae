"""Reading weights without running what a pickle could carry."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lt_bench.errors import AssetError

if TYPE_CHECKING:
    from torch import Tensor


def load_torch_weights(path: Path) -> dict[str, Tensor]:
    """A state dict of a ``.pth`` or ``.safetensors`` file, on the CPU; pickles are read with ``weights_only``.

    Raises:
        AssetError: the file is no plain dictionary of tensors.
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
        loaded: Any = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError) as error:
        raise AssetError(f"{path}: expected weights that load safely, got: {str(error).splitlines()[0]}") from error
    if not isinstance(loaded, dict) or not all(isinstance(value, torch.Tensor) for value in loaded.values()):
        raise AssetError(f"{path}: expected a dictionary of tensors, got {type(loaded).__name__}")
    return loaded
