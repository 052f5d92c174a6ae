"""The rejection of a clip by a rule of a stage."""

from __future__ import annotations

from data_prep.stages import REJECTION_RULES
from lt_bench.errors import LtBenchError


class RejectionError(LtBenchError):
    """A clip falls under a rule."""

    def __init__(self, rule: str, text: str, value: float | None = None, limit: float | None = None) -> None:
        super().__init__(text)
        self.rule = REJECTION_RULES[rule]
        self.value = value
        """The number measured, None where the rule has none."""
        self.limit = limit
        """The threshold that it did not keep."""
