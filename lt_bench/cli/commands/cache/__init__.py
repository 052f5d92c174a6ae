"""``lt-bench cache``."""
