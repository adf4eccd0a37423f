"""The user's functions run on arrays that remember what was done to them: a graph of operations and its gradient.

graph.py         Graph, and a change of its backward pass: start here
run.py           trace_forward, trace_backward
node.py          Node and Site: what an operation computed, and where it stands
operations.py    what flows back through an operation
elementwise.py   the derivatives of operations that work entry by entry
contractions.py  products of matrices, as einsum
array.py         the arrays; ufuncs.py, methods.py, functions.py: NumPy's operations on them
makers.py        np.zeros and its like, replaced while a function is traced
buffers.py       memory: which entry was computed by which node
session.py       the recording; sites.py: the running line
"""

from softgrad.check.trace.graph import Change, Graph, Node, Site
from softgrad.check.trace.run import BackwardTrace, trace_backward, trace_forward

__all__ = ["BackwardTrace", "Change", "Graph", "Node", "Site", "trace_backward", "trace_forward"]
