"""Which change in one place of the right backward pass gives the user's gradients on every draw: its name and its line.

    explain.py          the door: draws in, mistakes and the line of the forward pass out
    draw.py             one draw: graph, right backward pass, the user's gradients
    tangents.py         what a change at one node does to the gradients, without a pass through the graph
    candidate.py        a change, as it applies to every draw
    stages.py           all changes that are tried, the likely ones first
    rules_edges.py      changes at one operation; rules_products.py, rules_memory.py: at products, at indices and shapes
    rules_linear_algebra.py  at inverses, systems of equations and decompositions
    rules_rows.py       at rows that are taken by a list of indices
    rules_constants.py  changes of constants, wherever they stand, and of a selection that is left out
    rules_applied.py    the forward pass applied to the gradient, in the place of its transpose
    rules_uses.py       changes of a derivative for one use of the result alone
    rules_nodes.py      changes of the gradient of one node; rules_whole.py: of a gradient as it is returned
    rules_stretches.py  changes of the derivative of a stretch of the graph; stretches.py finds these
    parts.py            known functions within the graph; rules_parts.py: the wrong lines of their backward passes
    pool.py             the arrays that a wrong line could have used
    forward.py          computes an operation again at other values
    search.py           tries changes on one draw, and computes those that fit exactly on all
    choice.py           which of the changes that fit is told
    factors.py          factors in the user's quantities
    formulas.py         what should flow back, as a formula; texts.py: what arrays are called
    words.py            the mistake in words; sentences.py: what was done, in one sentence

A verdict never depends on this, nor on a source text.
"""
