"""The line of the user's backward pass where it goes wrong.

The backward pass is traced beside the forward pass, whose right gradients are known. The first line whose inputs are
right, and whose result is not, is where it goes wrong.

    find.py         the door: the line that most draws point at, and what is known of it
    choose.py       chooses among the lines where a repair mends the gradients, and the first unknown value
    candidate.py    one such line, and what has to be believed for it
    repair.py       values that, replaced by a known array, mend the wrong gradients
    projections.py  what a change of one value does to the gradients that are returned
    suspects.py     which values are right, and which may be wrong
    known.py        the arrays that a right backward pass computes
    stretches.py    the derivatives of what works entry by entry
    partly.py       values that are right but for known factors
    lines.py        the line to which a value belongs
    returns.py      the lines that return gradients
    words.py        what is known of a line, in words; statements.py: what its statement assigns; factors.py: numbers
    mended.py       the user's own statement, mended; statement.py: its text; scope.py: its names

In: traces of the backward pass. Out: a line of the source. Nothing is decided by the text of the source.
"""
