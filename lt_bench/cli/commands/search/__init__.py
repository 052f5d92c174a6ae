"""``lt-bench search``."""
