"""Engines: places where workers run. All start the same worker on the same folders, so results are the same."""
