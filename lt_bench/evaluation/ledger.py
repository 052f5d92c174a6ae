"""Values of one pair of videos, kept beside the features, so that a second run and a resumed one need not measure."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from lt_bench.errors import FaceError, LtBenchError
from lt_bench.evaluation.clip import UnscorableError
from lt_bench.evaluation.feature_store import Address, FeatureStore, address_hash
from lt_bench.evaluation.fingerprint import code_hash
from lt_bench.evaluation.scores.base import Score
from lt_bench.evaluation.statistics import UndefinedError
from lt_bench.files import read_json, sha256_json, write_json

LASTING = (UnscorableError, UndefinedError, FaceError)
"""Misses that lie in the videos and are kept; others, such as an absent asset, may be gone next time."""


class Ledger:
    """The values of one pair, by what each rests on: score, settings, detector and provider, code, library versions.

    Args:
        store: in whose folder the file lies.
        address: of the pair: hashes of all files, rules that decide the frames.
    """

    def __init__(self, store: FeatureStore, address: Address) -> None:
        name = address_hash(address)
        self._path = store.folder / name[:2] / f"{name}.json"
        self._rows: dict[str, dict[str, Any]] = self._read()
        self._new = False

    def value(
        self, score: Score, role: str, compute: Callable[[], float], tell: Callable[[LtBenchError], str]
    ) -> float:
        """The value of ``score``, from the file or computed.

        Args:
            score: which.
            role: of the video in the place of the generated one: ``value``, ``reference`` or ``control``.
            compute: measures it.
            tell: gives the reason of a miss, as it is kept.
        """
        settings = dataclasses.asdict(score)  # type: ignore[call-overload]
        provider = [score.provider] if score.provider else []
        key = sha256_json([role, score.name, score.detector, settings, code_hash(score.__module__), *provider])
        if key not in self._rows:
            row: dict[str, Any] = {"score": f"{score.name}, {role}"}
            try:
                row["value"] = compute()
            except LASTING as error:
                row["miss"] = tell(error)
            self._rows[key], self._new = row, True
        row = self._rows[key]
        if "miss" in row:
            raise UnscorableError(row["miss"])
        return row["value"]

    def save(self) -> None:
        """Write what is new, with what another process may have written meanwhile."""
        if self._new:
            write_json(self._path, {**self._read(), **self._rows})
            self._new = False

    def _read(self) -> dict[str, dict[str, Any]]:
        if not self._path.exists():
            return {}
        try:
            rows = read_json(self._path)
        except LtBenchError:
            return {}  # damaged: measured again
        return rows if isinstance(rows, dict) and all(isinstance(row, Mapping) for row in rows.values()) else {}
