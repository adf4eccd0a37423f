"""An object with a forward and a backward pass, read as two functions: a layer, or a network of layers.

    functions.py    the two functions
    look.py         what is found out about the object before
    sources.py      where the gradient of each input and parameter is found
    order.py        which returned gradient of one shape is whose
    conventions.py  the names of the places where classes keep gradients
    runs.py         one forward and one backward pass, and what they changed
    objective.py    the loss of a network, where forward returns its output
    methods.py      which methods these are, and what backward is called with
    slots.py        where an object keeps its numbers

In: an object, and the inputs of its forward pass. Out: functions and inputs for a check, and facts for its report.
"""
