"""The renderer: faces from identities, scenes and states."""
