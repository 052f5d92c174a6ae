"""Tables of comparable systems, from result files."""
