"""Frame-wise metrics reformulated over time: the same distances along a soft alignment of the two videos."""
