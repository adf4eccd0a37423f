"""Mistakes that show in how a backward pass behaves, whatever its formula."""

from __future__ import annotations

from softgrad.check.catalogue.entry import Entry

ENTRIES = (
    Entry(
        "input-overwritten",
        "The backward pass overwrites its input",
        "An array that was passed in has changed: every later use of it, the weight update included, sees other "
        "numbers. Work on a copy, or write `x = x * 2` for `x *= 2`.",
    ),
    Entry(
        "grad-output-overwritten",
        "The backward pass overwrites the upstream gradient",
        "The array that was passed in has changed. It may be needed by another branch of the graph. Work on a copy of "
        "it, as in `dx = dout.copy()`.",
    ),
    Entry(
        "output-overwritten",
        "The backward pass overwrites the output of the forward pass",
        "The array that was passed in has changed. It may be needed by another layer. Work on a copy of it.",
    ),
    Entry(
        "accumulated-gradient",
        "A second call gives another gradient",
        "The backward pass keeps state from one call to the next: gradients are added to those of the last call, or a "
        "value is cached and changed. Start each call from zeros.",
    ),
    Entry(
        "not-repeatable-gradient",
        "No two calls give the same gradient",
        "The backward pass draws random numbers of its own, or keeps something from one call to the next. Keep what "
        "the forward pass drew, such as a dropout mask, and use it again; start everything else from the same state "
        "in each call.",
    ),
    Entry(
        "wrong-shape",
        "The gradient has the wrong shape",
        "The gradient of a scalar with respect to an array has the shape of that array: one number for each entry.",
    ),
    Entry(
        "transposed",
        "The gradient is transposed",
        "The numbers are right but stand at [j, i] instead of [i, j].",
    ),
    Entry(
        "number-ignored",
        "A number that the forward pass takes is not used in the backward pass",
        "The gradient returned belongs to another value of this number, which the backward pass takes for granted. "
        "Keep the value that the forward pass was given, and use it.",
    ),
    Entry(
        "not-finite",
        "The gradient is not finite",
        "There is NaN or infinity where the function has a finite derivative. Usual causes are exp of a large number,"
        " 0/0, and 0 * inf. Subtract the maximum before exp, and divide by nothing that can be 0.",
    ),
    Entry(
        "float32-result",
        "The gradient is computed in a shorter type than the function",
        "float64 went in and the forward pass returns float64, but the gradient comes back with fewer digits.",
    ),
    Entry(
        "integer-truncation",
        "The gradient is cut to integers",
        "With an integer array as the input, `np.zeros_like(x)` makes an integer array, and what is stored in it "
        "loses its fraction. Pass `dtype=float`.",
    ),
    Entry(
        "upstream-not-linear",
        "The gradient is not linear in the upstream gradient",
        "A backward pass is linear in the upstream gradient: twice the upstream gradient gives twice the gradient.",
    ),
    Entry(
        "zero-gradient",
        "The gradient is 0 everywhere",
        "Whatever the input, the result is 0. Usual causes are an integer division such as 1 // m, an array that is "
        "never filled, and a sum that is always 0.",
    ),
    Entry(
        "gradients-exchanged",
        "Two gradients are exchanged",
        "Each of the two is right, but they are returned in the wrong order.",
    ),
    Entry(
        "update-sign",
        "The updated parameter is returned, and the update goes uphill",
        "What is returned is W plus a rate times dW. A descent step is W minus a rate times dW, and a gradient "
        "function returns dW alone.",
    ),
    Entry(
        "parameter-for-gradient",
        "The updated parameter is returned, not its gradient",
        "What is returned is W minus a rate times dW: the step was already taken. Return dW.",
    ),
    Entry(
        "clipping-one-sided",
        "The gradient passes where the forward pass lets nothing through",
        "np.clip, a maximum and a ReLU stop some entries: a change of these changes nothing, and their gradient is 0."
        " The backward pass has to stop the same entries.",
    ),
)
