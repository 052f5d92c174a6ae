"""Eleven clips of ten speakers of the GRID corpus (Cooke, Barker, Cunningham, Shao 2006; CC BY 4.0), as pinned assets.

Each is 3 s of one sentence. Two clips show the same man, so identities are listed here and not taken from names.
The split is speaker-disjoint and fixed: seven speakers (eight clips) to train, one man to validate, a woman and a man
to test. No held-out speaker has a second take, so there is no gallery.
"""

from __future__ import annotations

from data_prep.datasets.base import DataSet
from data_prep.datasets.jobs import FILMED_RULES, Source, VideoJob
from lt_bench.assets.store import asset_path
from lt_bench.assets.table import asset
from lt_bench.conventions import SPLITS, Split
from lt_bench.files import sha256_json

SPEAKERS: dict[str, str] = {
    "bbaf2n": "grid_a",
    "brbk7n": "grid_b",
    "id2_vcd_swwp2s": "grid_c",
    "pwij3p": "grid_c",
    "lbax4n": "grid_d",
    "lbbc2a": "grid_e",
    "lrwp9a": "grid_f",
    "lwbsza": "grid_g",
    "sbia1a": "grid_h",
    "sbwe5n": "grid_i",
    "swiz3n": "grid_j",
}
"""Speaker of each clip."""
SPLIT_OF: dict[str, Split] = {"grid_i": "validation", "grid_b": "test", "grid_h": "test"}
"""Split of the speakers that are not trained on."""


class GridSample(DataSet):
    """The pinned clips."""

    def jobs(self) -> Source:
        """List the clips; see ``grid_sample``."""
        return grid_sample()


def grid_sample() -> Source:
    """List the clips; the videos are verified by their pinned hashes.

    Raises:
        AssetError: a video is missing or is not the pinned one.
    """
    jobs = tuple(
        VideoJob(
            id=name,
            identity=speaker,
            split=SPLIT_OF.get(speaker, "train"),
            role="clip",
            path=asset_path(f"{name}.mpg"),
            source=f"{name}.mpg",
        )
        for name, speaker in sorted(SPEAKERS.items())
    )
    listed = [[job.id, job.identity, job.split, asset(job.source).sha256] for job in jobs]
    return Source("grid-sample", jobs, sha256_json([FILMED_RULES, listed]), SPLITS)
