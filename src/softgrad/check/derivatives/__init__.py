"""Numerical derivatives with error estimates, and gradients judged by them.

    numerical.py       the derivative of a function along a direction, with an estimate of its error
    directional.py     one derivative of a gradient held against the numerical one
    verdict.py         where a derivative is right
    gradient.py        a whole gradient: every entry, or random projections where the entries are many
    gradient_judge.py  the gradients of the user's functions at a sample
    scaling.py         f and the gradient times a power of 2, so that nothing overflows
    plateaus.py        outputs that are constant near x and change further away
    network.py         compare_gradients: every entry of every parameter of a network
    step_curve.py      the error against the step size, for a plot
    pictured.py        what the page of a report draws of one gradient

In: a function, a point, a gradient. Out: whether the gradient is right, the largest error, and where it is.
"""
