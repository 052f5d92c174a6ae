"""The feature rows of many clips, read clip by clip, so that a large set never lies in memory as a whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float
from numpy import ndarray


@dataclass(frozen=True)
class Rows:
    """Features of the generated or of the reference videos; can be iterated repeatedly."""

    collected: Sequence[Mapping[str, ndarray]]
    key: str
    half: Literal[0, 1] | None = None
    """Of each clip the first rows or the last ones only; the first half has the odd one."""

    def __iter__(self) -> Iterator[Float[ndarray, "n D"]]:
        for features in self.collected:
            rows = features[self.key]
            yield rows if self.half is None else np.array_split(rows, 2)[self.half]

    def whole(self) -> Float[ndarray, "N D"]:
        """All rows at once, for distances that compare each with each."""
        return np.concatenate(list(self))
