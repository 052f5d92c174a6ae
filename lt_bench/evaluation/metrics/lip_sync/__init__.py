"""Metrics of real mouths against the voice or the reference landmarks."""
