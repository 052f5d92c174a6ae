"""Settings that are ``auto`` in a configuration, resolved once at each entry to a preparation."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import NewType

from data_prep.datasets.registry import data_set_class
from data_prep.filters.lip_sync import ASSETS
from lt_bench.assets.store import has_asset
from lt_bench.config import DataConfig
from lt_bench.data.format import CACHE_FILE, info_from_dict
from lt_bench.files import read_json

ResolvedConfig = NewType("ResolvedConfig", DataConfig)
"""A configuration in which nothing is ``auto``; only ``resolve_auto`` makes one."""


def resolve_auto(config: DataConfig) -> ResolvedConfig:
    """Replace ``quality.offset_by: auto`` by the measure that the cache was begun with.

    For a new cache this is SyncNet where its weights and ffmpeg are here, else ``lip_sync_open``.

    Raises:
        CacheError: the cache's header is damaged.
    """
    quality = config.quality
    if data_set_class(config.dataset).rendered or quality.max_offset is None or quality.offset_by != "auto":
        return ResolvedConfig(config)
    header = Path(config.cache) / CACHE_FILE
    begun = info_from_dict(read_json(header), header).settings if header.is_file() else {}
    name = begun.get("quality", {}).get("offset_by")
    if name not in ASSETS:
        here = all(has_asset(asset) for asset in ASSETS["syncnet"]) and shutil.which("ffmpeg")
        name = "syncnet" if here else "lip_sync_open"
    return ResolvedConfig(replace(config, quality=replace(quality, offset_by=name)))
