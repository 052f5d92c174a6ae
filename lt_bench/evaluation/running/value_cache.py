"""Values of metrics on pairs of videos, kept next to the features, so that no run measures them again."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from lt_bench.errors import FaceError, LtBenchError
from lt_bench.evaluation.inputs.clip_context import UnscorableError
from lt_bench.evaluation.metrics.base import Metric
from lt_bench.evaluation.statistics.cluster import UndefinedError
from lt_bench.evaluation.stores.code_hash import code_hash
from lt_bench.evaluation.stores.feature_store import Address, FeatureStore, address_hash
from lt_bench.files import read_json, sha256_json, write_json

LASTING = (UnscorableError, UndefinedError, FaceError)
"""Errors that lie in the videos and are kept; others, such as an absent asset, may not recur."""


class ValueCache:
    """The values of one pair, addressed by metric, settings, detector, code and library versions.

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
        self, score: Metric, role: str, compute: Callable[[], float], tell: Callable[[LtBenchError], str]
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
                row |= {"miss": tell(error), "fault": error.fault}
            self._rows[key], self._new = row, True
        row = self._rows[key]
        if "miss" in row:
            raise UnscorableError(row["miss"], fault=row["fault"])
        return row["value"]

    def save(self) -> None:
        """Write new values, together with those that another process has written in the meantime."""
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
