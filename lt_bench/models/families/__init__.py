"""Families of the backbone, which differ in spatial attention and feed-forward."""

from lt_bench.models.families.base import Family, Grid
from lt_bench.models.families.linear import LinearFamily
from lt_bench.models.families.softmax import SoftmaxFamily

SOFTMAX = SoftmaxFamily()
FAMILIES: dict[str, Family] = {"softmax": SOFTMAX, "linear": LinearFamily()}
"""Families by their name in ``ModelConfig.family``."""

__all__ = ["FAMILIES", "SOFTMAX", "Family", "Grid", "LinearFamily", "SoftmaxFamily"]
