"""Metrics of head, eye and pixel motion."""
