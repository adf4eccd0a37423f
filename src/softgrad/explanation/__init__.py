"""How the gradient of a softmax loss comes about, step by step, on the reader's own numbers.

    explain.py        explain() and the Explanation that it returns
    arguments.py      checks what the user gives
    steps/            computes the numbers and writes the steps
    render/           a Document as text, Markdown, LaTeX and HTML
    document.py       what an explanation is made of
    formula.py        formulas as data
    error_bounds.py   numbers with error bounds, which say how many digits are right
    explore.py        the page with sliders

Each file imports only from files below it in this list. explore.py stands apart: it calls `sg.explain`.
"""

from softgrad.explanation.document import Compared, Document, Part, Step, Table, Wrong
from softgrad.explanation.explain import Explanation, explain

__all__ = ["Compared", "Document", "Explanation", "Part", "Step", "Table", "Wrong", "explain"]
