"""The user's functions, called on copies of the inputs, with the random state reset before each call.

    arguments.py           finds the arrays in the inputs, and puts other arrays in their places
    functions.py           calls forward and backward
    returned_gradients.py  which returned gradient belongs to which array
    randomness.py          the random generators that the functions hold
    context.py             what the user says of the functions

In: the functions, the inputs, the context. Out: outputs and gradients as NumPy arrays, or a CheckError that says what
is wrong with the call.
"""
