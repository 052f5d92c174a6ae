"""Families of the backbone: what attends in space, and what feeds forward."""

from lt_bench.models.families.base import Family, Grid
from lt_bench.models.families.linear import LinearFamily
from lt_bench.models.families.softmax import SoftmaxFamily

SOFTMAX = SoftmaxFamily()
FAMILIES: dict[str, Family] = {"softmax": SOFTMAX, "linear": LinearFamily()}
"""By the name that ``ModelConfig.family`` has."""

__all__ = ["FAMILIES", "SOFTMAX", "Family", "Grid", "LinearFamily", "SoftmaxFamily"]
