"""Computes an operation again, at other operands."""

from __future__ import annotations

from typing import Any

import numpy as np

from softgrad.check.mutate.candidate import Misfit
from softgrad.check.trace.contractions import contract
from softgrad.check.trace.elementwise import FLAT, PARTIALS
from softgrad.check.trace.node import Node
from softgrad.formulas.numbers import Array

_REDUCTIONS = {"sum": np.sum, "mean": np.mean, "max": np.max, "min": np.min, "prod": np.prod}


def evaluated(node: Node, operands: list[Array]) -> Array:
    """The value of a node at other operands.

    Raises:
        Misfit: the operation cannot be computed again.
    """
    op, static = node.op, node.static
    with np.errstate(all="ignore"):
        try:
            if op in PARTIALS or op in FLAT:
                return np.asarray(_function(op)(*operands), dtype=float)
            if op in _REDUCTIONS:
                reduce: Any = _REDUCTIONS[op]
                return np.asarray(reduce(operands[0], axis=static["axis"], keepdims=static["keepdims"]))
            if op in ("var", "std"):
                of: Any = np.var if op == "var" else np.std
                return np.asarray(
                    of(operands[0], axis=static["axis"], ddof=static["ddof"], keepdims=static["keepdims"])
                )
            if op == "einsum":
                return contract(static["subscripts"], *operands)
            if op == "gather":
                return np.asarray(operands[0].ravel()[static["index"]])
            if op == "where":
                return np.where(static["condition"], *operands)
            if op == "cast":
                return operands[0]
        except (ValueError, TypeError, AttributeError, IndexError):
            raise Misfit from None
    raise Misfit


def _function(op: str) -> Any:
    if hasattr(np, op):
        return getattr(np, op)
    from scipy import special

    return getattr(special, op)
