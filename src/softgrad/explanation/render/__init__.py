"""Renders a Document as text, Markdown, LaTeX and HTML. The formula_*.py files render its formulas."""
