"""Lightning callbacks of a run: average, checkpoints, curve, preemption, progress and scores."""
