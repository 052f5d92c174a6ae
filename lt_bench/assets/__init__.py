"""Pinned weights and small data: one table, one lookup order, every file verified before it is used."""

from lt_bench.assets.store import asset_path, has_asset
from lt_bench.assets.table import Asset, asset, assets

__all__ = ["Asset", "asset", "asset_path", "assets", "has_asset"]
