"""Experiments in MLflow."""

import os

# Read by the library when it is imported. What is run here is nobody else's business, unless its user says so.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
