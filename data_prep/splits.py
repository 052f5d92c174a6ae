"""Speaker-disjoint splits of a set without an official one."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from lt_bench.data.format import Split

HELD_OUT = 0.1
"""Share of the identities in the test split, and again in the validation split; at least one each where it can be."""


def split_identities(identities: Iterable[str]) -> dict[str, Split]:
    """Assign every identity to one split, by the order of the SHA-256 of its name.

    An identity's rank depends on the names alone, not on files or their order. With one identity all is train, with
    two there is no validation.
    """
    ranked = sorted(set(identities), key=lambda name: hashlib.sha256(name.encode()).hexdigest())
    held = max(1, round(HELD_OUT * len(ranked)))
    test = held if len(ranked) > 1 else 0
    validation = held if len(ranked) > 2 else 0
    return {
        name: "test" if rank < test else "validation" if rank < test + validation else "train"
        for rank, name in enumerate(ranked)
    }
