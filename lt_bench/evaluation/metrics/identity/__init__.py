"""Similarity of faces to the portrait or the reference."""
