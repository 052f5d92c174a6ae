"""Agreement of metrics with human ratings."""
