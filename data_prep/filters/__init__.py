"""Measurements by which clips are rejected."""
