"""Known answers of the scores, computed with the user's own machine, libraries and weights."""
