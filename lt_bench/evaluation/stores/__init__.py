"""Values and features kept on disk, and the code that they depend on."""
