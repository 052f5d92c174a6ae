"""Result files, and what is derived from them alone."""
