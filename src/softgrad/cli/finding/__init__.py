"""The gradients of a file: which functions and classes belong together, how they are called, and with what inputs.

    search.py             functions: pairs of them, and losses that return their gradient
    classes.py            layers and networks
    globals_as_inputs.py  functions whose parameters are global arrays
    made_parameters.py    parameters as a function of the file makes them
    objects.py            objects as the checker reads them
    names.py              which names belong together
    returned_names.py     what a function returns is called
    conventions.py        how a backward pass is called, and what it returns
    fit.py                the search of inputs with which a function runs
    options.py            options with a default that hides mistakes
    layouts.py            inputs that fit each other: weights, biases, data, targets
    roles.py              what an argument may be, by its name
    known.py              what the options and the file say of the inputs
    values_in_file.py     the arrays of the file
    written_widths.py     inputs of the widths that a backward pass has written out
    trial.py              quiet calls within a limit
    found.py              the result: two functions as the checker calls them, and what they were taken for

Nothing here decides whether a gradient is right. It only finds what to check; what was assumed is said in the report.
"""
