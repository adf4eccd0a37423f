"""How the gradient of a softmax loss comes about, step by step, on the reader's own numbers.

explain.py: the function and what it returns. step.py: what an explanation is made of. forward_steps.py,
backward_steps.py, batch_steps.py, layer_step.py: the steps. point.py: everything computed at one row. known.py: how
many digits are right. formula.py: formulas as data. text.py, markdown.py, latex.py, html.py: one form each, with a
formula_ file for the mathematics in it.
"""

from softgrad.explanation.explain import Explanation, explain
from softgrad.explanation.step import Compared, Part, Step, Table, Wrong

__all__ = ["Compared", "Explanation", "Part", "Step", "Table", "Wrong", "explain"]
