"""Families of the backbone: how it attends in space and feeds forward; ``FAMILIES`` lists them by name."""

from lt_bench.models.families.base import FAMILIES, Family, Grid, register_family
from lt_bench.models.families.softmax import SoftmaxFamily

SOFTMAX = SoftmaxFamily()

__all__ = ["FAMILIES", "SOFTMAX", "Family", "Grid", "SoftmaxFamily", "register_family"]
