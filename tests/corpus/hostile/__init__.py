"""Broken and hostile files, made by a script, and the commands that must meet them without harm."""
