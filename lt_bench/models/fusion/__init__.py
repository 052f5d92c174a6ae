"""Fusion schemes: one file per scheme, registered by name.

To add a scheme, add a file to this folder with a class under ``@register_fusion("name")``; every file here is
imported. A scheme in another package is registered when its module is imported.
"""

import importlib
import pkgutil

from lt_bench.models.fusion.base import (
    Fusion,
    FusionShape,
    Modality,
    build_fusion,
    fusion_names,
    register_fusion,
)

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")

__all__ = ["Fusion", "FusionShape", "Modality", "build_fusion", "fusion_names", "register_fusion"]
