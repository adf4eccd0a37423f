"""Which known function the user's forward computes: softmax, an activation, a loss, dense layers in front of them.

    recogniser.py       the door: finds the function, and trusts it only where the numerical derivatives agree
    function_search.py  tries all functions below, the usual ones first
    evidence.py         whether the numbers show that it is the function that fits
    interpretation.py   which of the user's arrays is the target, and which are weights, a mask, a temperature
    layer_search.py     which of them are the weights and biases of dense layers
    dense_layers.py     the lines of dense layers, forwards and back
    activations.py      the lines of output functions without a target
    losses.py           the lines of losses
    whole_functions.py  functions that are no chain of layers, by family:
    normalisation.py    batch, layer and RMS norm, division by a length
    attention.py        scaled dot-product attention, rows of a table
    penalties.py        penalties that stand alone
    assemble.py         puts layers and an output function together, and a penalty on the weights
    nearly.py           forward passes that are nearly known, where the function is unknown
    known_function.py   the result: forward lines, and the right backward lines
    known_backward.py   runs the backward lines on the user's numbers

A new function is a row in activations.py or losses.py, its lines there and back, or a family in whole_functions.py.

In: samples of the user's functions. Out: the right backward pass on these samples, or None for an unknown function.
"""
