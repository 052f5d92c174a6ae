"""Fusion schemes, one file each; ``FUSIONS`` lists them by name."""

from lt_bench.models.fusion.base import FUSIONS, Fusion, FusionShape, Modality, build_fusion, register_fusion

__all__ = ["FUSIONS", "Fusion", "FusionShape", "Modality", "build_fusion", "register_fusion"]
