"""``lt-bench prepare``."""
