"""The scores: one file each; importing a file registers its score."""
