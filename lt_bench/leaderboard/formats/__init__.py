"""Tables as CSV, Markdown, LaTeX and terminal text."""
