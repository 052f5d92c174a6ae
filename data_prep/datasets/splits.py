"""Identity-disjoint splits of a set without an official one, by a rule that later additions do not upset.

The rule. Every identity has a value in [0, 1): the first 52 bits of the SHA-256 of its name and a seed. Below 0.1 it is
tested on, below 0.2 it validates, else it trains. The value is the name's own, so whoever joins later moves nobody.

Identities that share something (a source video, a speaker, a face under two names) form a group with one split: that
of the group's first name in alphabetical order.

Small sets. Among 20 identities the rule leaves the test split empty with probability 0.9^20 = 12%. No function of the
names alone can both hold one out of every pair and never move anyone: in a world of three names two of them would
form a pair without a test identity. So the group with the lowest value is *lent* to an empty test split, then the next
to an empty validation split (of three groups or more), and the highest is lent to an empty train split. Only a lent
group can move when the set grows, and not even that one where the earlier splits are given as ``pinned``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from lt_bench.conventions import Split
from lt_bench.errors import ConfigError


@dataclass(frozen=True)
class SplitRule:
    """The shares of identities that are held out, and the seed of their choice."""

    test: float = 0.1
    validation: float = 0.1
    seed: int = 0

    def value(self, name: str) -> float:
        """Where the name lies in [0, 1)."""
        digest = hashlib.sha256(f"{self.seed}:{name}".encode()).digest()
        return (int.from_bytes(digest[:8], "big") >> 12) / 2**52

    def split(self, value: float) -> Split:
        """The split of a value."""
        return "test" if value < self.test else "validation" if value < self.test + self.validation else "train"


RULE = SplitRule()


def split_identities(
    identities: Iterable[str],
    same: Iterable[Sequence[str]] = (),
    pinned: Mapping[str, Split] | None = None,
    rule: SplitRule = RULE,
) -> dict[str, Split]:
    """Assign every identity to one split by the rule above.

    Args:
        identities: names; repeats and order do not matter.
        same: names that belong together, such as all identities of one source video; unknown names are ignored.
        pinned: earlier splits that must hold; whoever belongs to a pinned identity follows it.
        rule: shares and seed.

    Raises:
        ConfigError: identities that belong together are pinned to two splits.
    """
    names, held = set(identities), pinned or {}
    groups = group_names(names, same)
    splits: dict[str, Split] = {group[0]: _split_of(group, held, rule) for group in groups}
    free = sorted((g[0] for g in groups if not held.keys() & set(g)), key=rule.value)
    _lend(splits, free)
    return {name: splits[group[0]] for group in groups for name in group}


def group_names(names: Iterable[str], same: Iterable[Sequence[str]] = ()) -> list[tuple[str, ...]]:
    """The connected groups of names, each sorted, in the order of their first names."""
    parent = {name: name for name in names}

    def root(name: str) -> str:
        while parent[name] != name:
            parent[name] = name = parent[parent[name]]
        return name

    for linked in same:
        known = [name for name in linked if name in parent]
        for name in known[1:]:
            first, second = sorted((root(known[0]), root(name)))
            parent[second] = first
    groups: dict[str, list[str]] = {}
    for name in sorted(parent):
        groups.setdefault(root(name), []).append(name)
    return [tuple(group) for group in groups.values()]


def _split_of(group: Sequence[str], pinned: Mapping[str, Split], rule: SplitRule) -> Split:
    fixed: dict[Split, str] = {pinned[name]: name for name in group if name in pinned}
    if len(fixed) > 1:
        (one, first), (two, second) = sorted(fixed.items())[:2]
        raise ConfigError(f"splits: {first} ({one}) and {second} ({two}) belong together: expected one split, got two")
    return next(iter(fixed)) if fixed else rule.split(rule.value(group[0]))


def _lend(splits: dict[str, Split], free: list[str]) -> None:
    """Fill an empty split from the groups that are not pinned, sorted by value."""
    if "test" not in splits.values() and len(splits) > 1 and free:
        splits[free[0]] = "test"
    if "validation" not in splits.values() and len(splits) > 2:
        able = [name for name in free if splits[name] == "train" or list(splits.values()).count("test") > 1]
        if able:
            splits[able[0]] = "validation"
    if "train" not in splits.values() and free:
        splits[free[-1]] = "train"
