"""``lt-bench ablate``."""
