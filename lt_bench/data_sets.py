"""Names and defaults of the data sets that ``prepare`` knows; their classes are imported at first use."""

from __future__ import annotations

from dataclasses import dataclass

from lt_bench.errors import ConfigError


@dataclass(frozen=True)
class DataSetEntry:
    """A data set's class and the defaults of its configuration."""

    target: str
    """``module:Class``, a subclass of ``data_prep.datasets.base.DataSet``."""
    codec: str = "dct"
    """Codec that ``codec: auto`` stands for."""
    resolution: int = 128
    """Side of the square frames in pixels where ``--resolution`` is not given."""


DATA_SETS: dict[str, DataSetEntry] = {
    "synthetic": DataSetEntry("data_prep.datasets.synthetic:Synthetic", codec="ae_rendered_f32"),
    "grid-sample": DataSetEntry("data_prep.datasets.grid_sample:GridSample", codec="taef2"),
    "grid": DataSetEntry("data_prep.datasets.grid:Grid", codec="taef2"),
    "crema-d": DataSetEntry("data_prep.datasets.crema_d:CremaD", codec="taef2"),
    "folder": DataSetEntry("data_prep.datasets.folder:Folder"),
    "hdtf": DataSetEntry("data_prep.datasets.hdtf:Hdtf", resolution=256),
    "celebv-hq": DataSetEntry("data_prep.datasets.celebv_hq:CelebvHq", resolution=256),
}
"""By the name in configurations. To add a data set, write its class and add its line here."""


def data_set_entry(name: str) -> DataSetEntry:
    """Return the entry of a data set.

    Raises:
        ConfigError: no data set has the name; the message lists the known ones.
    """
    if name not in DATA_SETS:
        raise ConfigError(f"dataset: expected one of {', '.join(DATA_SETS)}, got '{name}'")
    return DATA_SETS[name]
