"""Other inputs like those given, and the user's functions at them.

    redraw.py    another array of the same kind: labels, a mask, probabilities, positive numbers, any numbers
    sampler.py   a Sample is the functions at one set of inputs; the Sampler makes more of them

In: the user's functions and the inputs given. Out: samples (inputs, output, upstream gradient, gradients).
"""
