"""Data sets: which clips to prepare, where their videos come from, and their splits."""
