"""MLflow tracking of runs and registration of models."""

import os

# The library reads this variable when it is imported. Usage reports stay off unless the user turns them on.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
