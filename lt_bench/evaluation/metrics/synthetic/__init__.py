"""Metrics of rendered speakers, whose truth is known."""
