"""Scoring clips on one or many processes, and aggregating their values."""
