"""Pinned weights and small data sets with one table and one lookup order; every file is verified before use."""

from lt_bench.assets.store import asset_path, has_asset
from lt_bench.assets.table import Asset, asset, assets

__all__ = ["Asset", "asset", "asset_path", "assets", "has_asset"]
