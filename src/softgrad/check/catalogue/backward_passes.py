"""Mistakes in the backward pass of any function: what can go wrong at one operation of the forward pass.

They are found by comparing with the right backward pass, changed in one place, and not by a list of wrong lines.
"""

from __future__ import annotations

from softgrad.check.catalogue.entry import Entry

ENTRIES = (
    Entry(
        "left-out",
        "A factor or a term of the gradient is left out",
        "Every operation on the way passes on what arrives, times its own derivative, and what arrives by several ways "
        "is added up.",
    ),
    Entry(
        "stopped",
        "A value that depends on the input is treated as a constant",
        "The value is computed from the inputs, so the gradient flows back through it as well.",
    ),
    Entry(
        "wrong-sign",
        "One term of the gradient has the wrong sign",
        "A difference passes on minus the gradient to what is subtracted, and a quotient to what it divides by.",
    ),
    Entry(
        "wrong-factor",
        "One term of the gradient has a wrong factor",
        "The factor of each term is the derivative of the operation: the 2 of a square, the 1/n of a mean, the "
        "constant of a product.",
    ),
    Entry(
        "transposed-product",
        "A matrix product is the wrong way round in the backward pass",
        "From y = A @ B follow dA = dy @ B.T and dB = A.T @ dy. With square matrices the shapes do not show a missing "
        "transpose.",
    ),
    Entry(
        "untransposed-matrix",
        "A matrix is not transposed in the backward pass",
        "From x = solve(A, b) follow db = solve(A.T, dx) and dA = -outer(db, x), from y = inv(A) follows "
        "dA = -y.T @ dy @ y.T. For symmetric matrices it makes no difference.",
    ),
    Entry(
        "wrong-indices",
        "The gradient is put at the wrong indices in the backward pass",
        "What is read at some indices gets its gradient at the same ones: that of A[i, j] belongs to the entry [i, j]. "
        "Where both axes have the same length, the shapes do not show an exchange.",
    ),
    Entry(
        "kernel-not-flipped",
        "The kernel of a convolution is not flipped in the backward pass",
        "The gradient of the input is a convolution of the upstream gradient with the kernel flipped along its spatial "
        "axes, as in np.flip(w, axis=(2, 3)).",
    ),
    Entry(
        "broadcast-sum",
        "A sum runs over the wrong axis or entries in the backward pass",
        "What was broadcast in the forward pass gets the sum over the axes along which it was, and over no others.",
    ),
    Entry(
        "wrong-operand",
        "Another array stands where an operand of the forward pass belongs",
        "The derivative of an operation is formed with the values that it had in the forward pass.",
    ),
    Entry(
        "wrong-part",
        "The gradient of one part is read where that of another part stands",
        "Each part of an array that was put together gets the gradient at its own place. Where a column of ones was "
        "put before the others, the others begin at column 1.",
    ),
    Entry(
        "wrong-iteration",
        "The value of another step of the loop is used in the backward pass",
        "Each step of the backward pass uses what the same step of the forward pass used.",
    ),
    Entry(
        "only-the-last",
        "Only one of several contributions to the gradient stays",
        "What is used several times gets the sum of what flows back from each use. In a loop that is `+=`, not `=`.",
    ),
    Entry(
        "repeated-indices",
        "An index that occurs several times gets only one of its gradients",
        "`d[index] += g` adds once for an index that is repeated. `np.add.at(d, index, g)` adds every time.",
    ),
    Entry(
        "truncated",
        "The gradient does not go back to earlier steps",
        "A state influences all later steps, so its gradient includes what comes back from them.",
    ),
    Entry(
        "skipped",
        "The derivative of an operation is skipped in the backward pass",
        "What arrives at the result of a function is multiplied by the derivative of the function before it goes on.",
    ),
    Entry(
        "applied-twice",
        "A derivative is applied twice in the backward pass",
        "The chain rule has the derivative of each operation once.",
    ),
    Entry(
        "derivative-at-output",
        "A derivative is taken at the output of its function, not at the input",
        "f'(x) is formed with the x that went into the function. Only where it is written in the result, as in "
        "1 - tanh(x) ** 2, is it formed with that.",
    ),
    Entry(
        "derivative-at-minus",
        "A derivative is taken at minus the input of its function",
        "f'(x) is formed with the x that went into the function. f'(-x) is the same only where f is even or odd.",
    ),
    Entry(
        "forward-value",
        "The value of a function stands where its derivative belongs",
        "The chain rule multiplies by f'(x), not by f(x).",
    ),
    Entry(
        "other-parameter",
        "The gradient is made of that of another array",
        "Each array has a gradient of its own, formed with what it was combined with in the forward pass.",
    ),
    Entry(
        "memory-order",
        "The entries of the gradient are in the wrong order",
        "The gradient of an array has its shape and its order. What the forward pass reshaped or transposed is undone "
        "in the opposite way, with the same order of memory.",
    ),
    Entry(
        "clipped",
        "The gradient is clipped where it should not be",
        "A clipped gradient is not the derivative of the function. Clip it in the step of the optimizer.",
    ),
    Entry(
        "parameter-added",
        "A term in the array itself is added to its gradient",
        "The gradient of a penalty belongs to the gradient only if the function has this penalty.",
    ),
    Entry(
        "closed-form",
        "The derivative of a function is written with a wrong formula",
        "A formula for the derivative has to agree with the function of the forward pass everywhere.",
    ),
)

# Names that softmax has too, in words for any function.
IN_GENERAL = (
    Entry(
        "derivative-at-upstream",
        "A derivative is taken at the gradient that arrives, not at the input",
        "f'(x) is formed with the x of the forward pass, and multiplied by the gradient that arrives.",
    ),
    Entry(
        "diagonal-only",
        "Only the diagonal of a Jacobian is used in the backward pass",
        "Each entry of the result depends on several entries of the input: what flows back is a product with the whole "
        "matrix.",
    ),
    Entry(
        "upstream-ignored",
        "The gradient that arrives is not used in the backward pass",
        "A backward pass multiplies the derivative of the function by grad_output, the gradient of the loss.",
    ),
)
