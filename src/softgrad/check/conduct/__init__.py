"""What the user's functions do beside computing: their types, their state, what they overwrite.

    preconditions.py     whether there is anything to check at the inputs given
    precision.py         whether forward computes in float64, float32 or float16
    repeatability.py     whether two calls agree, and whether backward overwrites its arguments
    types_and_shapes.py  types, shapes and non-finite numbers of the gradients
    linearity.py         whether the gradient is linear in the upstream gradient

In: the user's functions at the inputs given. Out: findings, and what later steps need to know of the functions.
"""
