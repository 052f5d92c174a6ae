"""Metrics of single frames against the reference frames."""
