"""Derives the gradient of a softmax loss, step by step, on the reader's own numbers.

    explain.py        explain() and the Explanation that it returns
    arguments.py      checks the arguments
    steps/            computes the numbers and writes the steps
    mine.py           says what a gradient of the reader's is
    render/           a Document as text, Markdown, LaTeX and HTML
    document.py       the parts, steps and tables of an explanation
    formula.py        formulas as data
    error_bounds.py   numbers with error bounds, which decide how many digits are shown
    explore.py        the page with sliders

Each file imports only from files below it in this list; explore.py imports `sg.explain` alone.
"""

from softgrad.explanation.document import Answer, Compared, Document, Mine, Part, Step, Table, Wrong
from softgrad.explanation.explain import Explanation, explain

__all__ = ["Answer", "Compared", "Document", "Explanation", "Mine", "Part", "Step", "Table", "Wrong", "explain"]
