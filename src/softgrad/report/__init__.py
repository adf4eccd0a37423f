"""The report of a training run, as one HTML page and as Markdown.

details.py: what is computed for it from the model and its table, once; importance.py: which columns matter; stored.py:
the file that keeps it. build.py: the document (document.py), with the sections of measured.py, which show metrics, and
of of_table.py, about rows and columns. figures.py: the plots. words.py: numbers and names. write.py: HTML and Markdown,
from the templates page.html.jinja and page.md.jinja and from page.css.

matplotlib draws, and jinja2 fills in the templates: the extra `report` installs both.
"""
