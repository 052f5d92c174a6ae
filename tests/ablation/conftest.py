"""Fixtures of grids whose workers are fake."""

from __future__ import annotations

from tests.support.fake_grid import experiment, fake_workers, jobs

__all__ = ["experiment", "fake_workers", "jobs"]
