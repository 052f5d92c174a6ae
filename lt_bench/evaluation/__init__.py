"""Scores of generated videos against real ones under a named protocol, and the result files they are kept in."""
