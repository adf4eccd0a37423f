"""What a library can be asked. A method that a library does not define has no counterpart there."""

from __future__ import annotations

from typing import Any

from benchmarks.questions.base import Array


class Absent(Exception):
    """The library has no such function."""


class Library:
    """Takes and returns arrays of NumPy. The losses are the mean over the rows, unless an option says otherwise.

    The options have the names of softgrad. One that a library does not know is passed on, so that the library itself
    refuses it.

        loss_and_grad(z, target, dtype=, **options)  the loss and the gradient at the logits; with reduction "none" the
                                                     loss of each row, and the gradient of their sum
        grad_at_target(z, t)                         the gradient at the probabilities t
        grad_at_weights(z, y, weight)                the gradient at the class weights
        rows_vjp(z, y, g)                            the gradient of the sum of g_i loss_i
        hvp(z, y, v)                                 the Hessian times v
        third(z, y, v)                               the gradient of v^T H v
        jvp(z, y, v)                                 the derivative along v, in forward mode
        vmap_grad(z, y)                              the gradient of each row's own loss, by vmap
        vmap_hessian(z, y)                           the Hessian of each row's own loss, by vmap
        jacrev(z, y), jacfwd(z, y)                   the Jacobian of the losses of the rows
        hessian(z, y), jacfwd_twice(z, y)            the Hessian of the loss of one row
        own_function_jacfwd_twice(z, y)              the same, of a loss that the library does not differentiate itself
        compiled(z, y, dtype=)                       the loss of each row and the gradient of their sum, compiled
        compiled_hvp(z, y, v)                        the Hessian times v, compiled
        linear(x, w, y)                              the loss of the logits x w^T, dx and dw, from one function
        token_log_probs(z, y, dtype=, **options)     the log-probability of one class per row, and its entropy
        token_grad(z, y, g, h, dtype=)               the gradient of the sum of g_i log p_i + h_i entropy_i
        linear_token_grads(x, w, y, g, h)            the same at x and w, for the logits x w^T
        softmax_vjp(z, g), log_softmax_vjp(z, g)     the gradient at the logits for an upstream gradient g
        logsumexp_grad(z)                            the gradient of logsumexp
        masked_logsumexp_grad(z, where)              the same, with a mask
    """

    def __getattr__(self, name: str) -> Any:
        raise Absent(name)


def is_stride_0(array: Array) -> bool:
    """Whether the entries of an array are one number in memory."""
    return array.size > 1 and not any(array.strides)
