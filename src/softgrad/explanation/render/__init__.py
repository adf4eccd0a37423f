"""A Document as text, Markdown, LaTeX and HTML. The formula_ files write the mathematics in it."""
