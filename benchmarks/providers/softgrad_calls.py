"""softgrad through its public functions: a plain call, and a call with out= if the function has this option."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

import softgrad as sg
from benchmarks.providers.base import Call, Provider
from benchmarks.questions.base import Array, Operation


def token_log_probs(logits: Array, tokens: Array, g: Array, h: Array, *, out: Array | None = None) -> tuple[Any, ...]:
    """Both outputs and the gradient."""
    log_probs, entropy = sg.token_log_probs(logits, tokens)
    return log_probs, entropy, sg.token_log_probs_vjp(logits, tokens, g, h, out=out)


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "cross_entropy": sg.cross_entropy_with_grad,
    "softmax": sg.softmax,
    "log_softmax": sg.log_softmax,
    "softmax_vjp": sg.softmax_vjp,
    "log_softmax_vjp": sg.log_softmax_vjp,
    "token_log_probs": token_log_probs,
    "softmax_columns": partial(sg.softmax, axis=0),
}


class Softgrad(Provider):
    """The public functions. The time includes the checks of the arguments."""

    def calls(self, operation: Operation, inputs: tuple[Array, ...]) -> dict[str, Call]:
        """A plain call, which allocates its result; one with out=, which does not; for columns, one of the rows."""
        function = FUNCTIONS[operation.name]
        calls: dict[str, Call] = {self.name: partial(_as_tuple, partial(function, *inputs))}
        if operation.name == "softmax_columns":
            rows = np.ascontiguousarray(inputs[0].T)
            calls[f"{self.name}, rows"] = lambda: (sg.softmax(rows).T,)
        if "out" in inspect.signature(function).parameters:
            calls[f"{self.name}, out="] = partial(_as_tuple, partial(function, *inputs, out=np.empty_like(inputs[0])))
        return calls


def _as_tuple(call: Callable[[], Any]) -> tuple[Any, ...]:
    result = call()
    return result if isinstance(result, tuple) else (result,)
