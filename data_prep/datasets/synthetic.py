"""The embedded procedural set."""

from __future__ import annotations

import dataclasses

from data_prep.datasets.base import DataSet
from data_prep.datasets.jobs import RULES, Source, SyntheticJob
from data_prep.synthetic.dataset import synthetic_clips
from lt_bench.conventions import HELD_OUT
from lt_bench.files import sha256_json


class Synthetic(DataSet):
    """Rendered talking faces with exact truth."""

    rendered = True

    def jobs(self) -> Source:
        """List the clips; the train split is not exported, since nothing is scored on it."""
        side = self.config.resolution
        jobs = tuple(SyntheticJob(spec) for spec in synthetic_clips(self.config.synthetic, side))
        listed = [dataclasses.asdict(job.spec) for job in jobs]
        return Source("synthetic", jobs, sha256_json([RULES, side, listed]), HELD_OUT)
