"""Engines that run workers. All start the same worker on the same folders, so results do not depend on the engine."""
