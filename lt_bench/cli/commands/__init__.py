"""The verbs of ``lt-bench``."""
