"""The metrics, by what they look at; importing a file registers its metric."""
