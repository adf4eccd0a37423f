"""The user's functions run on arrays that remember what was done to them: a graph of operations and its gradient.

    graph.py         Graph, and a change of its backward pass: start here
    run.py           trace_forward, trace_backward
    node.py          Node and Site: what an operation computed, and where it stands
    operations.py    what flows back through an operation
    linear_algebra.py  the same for inverses, determinants, eigenvalues
    elementwise.py   the derivatives of operations that work entry by entry
    contractions.py  products of matrices, as einsum
    array.py         the arrays
    ufuncs.py, methods.py, functions.py    what NumPy does with them; the tables of functions are in moving.py,
                     products.py and defined.py
    replacements.py  what is replaced while a function is traced: makers.py of NumPy, of_math.py, of_scipy.py
    held.py          arrays and names that the user's objects and modules hold
    buffers.py       memory: which entry was computed by which node
    session.py       the recording; sites.py: the running line

To add an operation, add its derivative to the table in elementwise.py or operations.py; for a function that moves
entries, a word in moving.py. The tests ask for a case of it, and plant slips in the derivative.
"""

from softgrad.check.trace.graph import Change, Graph, Node, Site
from softgrad.check.trace.run import BackwardTrace, trace_backward, trace_forward

__all__ = ["BackwardTrace", "Change", "Graph", "Node", "Site", "trace_backward", "trace_forward"]
