"""The user's functions, called on copies of the inputs, with the random state reset before each call.

    options.py             the options of a check, and their ranges
    both.py                a function that returns the loss and its gradient, as two functions
    other_calls.py         backward passes that take other arguments, such as relu_backward(dA, Z)
    signatures.py          what such arguments are, and what to write where it cannot be told
    argument_names.py      what an argument is, by its name
    cached.py              functions that hand a cache from the forward to the backward pass
    arguments.py           finds the arrays in the inputs, and puts other arrays in their places
    functions.py           calls forward and backward
    unpacking.py           a flat vector, told by the names that the function unpacks it into
    returned_gradients.py  which returned gradient belongs to which array
    gradient_names.py      which name means the gradient of which
    calls.py               counts the calls, and ends the check when there were too many
    progress.py            a line on the terminal while a check takes long
    randomness.py          the random generators that the functions hold
    state.py               puts everything else that they hold back as it was
    interrupts.py          steps that Ctrl-C must not leave half done
    descriptions.py        values and exceptions in one line, for messages
    raised.py              an exception of the user's function, with its place
    context.py             what the user says of the functions

In: the functions, the inputs, the context. Out: outputs and gradients as NumPy arrays, or a CheckError that says what
is wrong with the call.
"""
