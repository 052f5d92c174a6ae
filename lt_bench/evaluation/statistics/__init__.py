"""Intervals and tests for values that share identities and seeds."""
