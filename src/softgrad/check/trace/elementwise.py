"""The derivatives of operations that work entry by entry: one row for each, with a derivative for each operand.

A derivative is a function of the result y and the operands. To add an operation, add a row under the name of its ufunc;
the tests find it there and compare it with numerical derivatives.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np

from softgrad.formulas.numbers import Array

Partial = Callable[..., Any]  # (y, *operands) -> dy / d(operand), in a shape that broadcasts to y


def _above(a: Any, b: Any) -> Any:
    """1 where a > b, 0 where a < b, and half where they are equal."""
    return np.where(a > b, 1.0, np.where(a == b, 0.5, 0.0))


def share_of(a: Any, y: Any) -> Any:
    """exp(a - y), the share of one term in a sum of exponentials; 0 where the term is 0."""
    return np.where(a == -np.inf, 0.0, np.exp(a - y))


def _power_base(y: Any, x: Any, n: Any) -> Any:
    return np.where(n == 0, 0.0, n * np.power(x, np.where(n == 0, 1.0, n - 1.0)))


def _special(name: str) -> Any:
    """A function of scipy.special, which is imported only where a derivative needs it."""
    return getattr(import_module("scipy.special"), name)


SPREAD = math.sqrt(2 * math.pi)
TWO_OVER_ROOT_PI = 2 / math.sqrt(math.pi)

PARTIALS: dict[str, tuple[Partial, ...]] = {
    "add": (lambda y, a, b: 1.0, lambda y, a, b: 1.0),
    "subtract": (lambda y, a, b: 1.0, lambda y, a, b: -1.0),
    "multiply": (lambda y, a, b: b, lambda y, a, b: a),
    "divide": (lambda y, a, b: 1 / b, lambda y, a, b: -y / b),
    "power": (_power_base, lambda y, x, n: np.where(x > 0, y * np.log(np.where(x > 0, x, 1.0)), 0.0)),
    "float_power": (_power_base, lambda y, x, n: np.where(x > 0, y * np.log(np.where(x > 0, x, 1.0)), 0.0)),
    "remainder": (lambda y, a, b: 1.0, lambda y, a, b: -np.floor(a / b)),
    "fmod": (lambda y, a, b: 1.0, lambda y, a, b: -np.trunc(a / b)),
    "maximum": (lambda y, a, b: _above(a, b), lambda y, a, b: _above(b, a)),
    "minimum": (lambda y, a, b: _above(b, a), lambda y, a, b: _above(a, b)),
    "fmax": (lambda y, a, b: _above(a, b), lambda y, a, b: _above(b, a)),
    "fmin": (lambda y, a, b: _above(b, a), lambda y, a, b: _above(a, b)),
    "clip": (
        lambda y, x, low, high: _above(x, low) * _above(high, x),
        lambda y, x, low, high: _above(low, x),
        lambda y, x, low, high: _above(x, high),
    ),
    "hypot": (lambda y, a, b: a / y, lambda y, a, b: b / y),
    "arctan2": (lambda y, a, b: b / (a * a + b * b), lambda y, a, b: -a / (a * a + b * b)),
    "logaddexp": (lambda y, a, b: share_of(a, y), lambda y, a, b: share_of(b, y)),
    "logaddexp2": (lambda y, a, b: np.exp2(a - y), lambda y, a, b: np.exp2(b - y)),
    "copysign": (lambda y, a, b: np.sign(a) * np.sign(y), lambda y, a, b: 0.0),
    "positive": (lambda y, x: 1.0,),
    "conjugate": (lambda y, x: 1.0,),
    "negative": (lambda y, x: -1.0,),
    "absolute": (lambda y, x: np.sign(x),),
    "fabs": (lambda y, x: np.sign(x),),
    "square": (lambda y, x: 2 * x,),
    "sqrt": (lambda y, x: 0.5 / y,),
    "cbrt": (lambda y, x: 1 / (3 * y * y),),
    "reciprocal": (lambda y, x: -y * y,),
    "exp": (lambda y, x: y,),
    "exp2": (lambda y, x: y * math.log(2),),
    "exp10": (lambda y, x: y * math.log(10),),
    "expm1": (lambda y, x: y + 1,),
    "log": (lambda y, x: 1 / x,),
    "log2": (lambda y, x: 1 / (x * math.log(2)),),
    "log10": (lambda y, x: 1 / (x * math.log(10)),),
    "log1p": (lambda y, x: 1 / (1 + x),),
    "sin": (lambda y, x: np.cos(x),),
    "cos": (lambda y, x: -np.sin(x),),
    "tan": (lambda y, x: 1 + y * y,),
    "arcsin": (lambda y, x: 1 / np.sqrt(1 - x * x),),
    "arccos": (lambda y, x: -1 / np.sqrt(1 - x * x),),
    "arctan": (lambda y, x: 1 / (1 + x * x),),
    "sinh": (lambda y, x: np.cosh(x),),
    "cosh": (lambda y, x: np.sinh(x),),
    "tanh": (lambda y, x: 1 - y * y,),
    "arcsinh": (lambda y, x: 1 / np.sqrt(x * x + 1),),
    "arccosh": (lambda y, x: 1 / np.sqrt(x * x - 1),),
    "arctanh": (lambda y, x: 1 / (1 - x * x),),
    "deg2rad": (lambda y, x: math.pi / 180,),
    "radians": (lambda y, x: math.pi / 180,),
    "rad2deg": (lambda y, x: 180 / math.pi,),
    "degrees": (lambda y, x: 180 / math.pi,),
    # of scipy.special
    "expit": (lambda y, x: y * (1 - y),),
    "logit": (lambda y, x: 1 / (x * (1 - x)),),
    "log_expit": (lambda y, x: -np.expm1(y),),
    "erf": (lambda y, x: TWO_OVER_ROOT_PI * np.exp(-x * x),),
    "erfc": (lambda y, x: -TWO_OVER_ROOT_PI * np.exp(-x * x),),
    "erfinv": (lambda y, x: np.exp(y * y) / TWO_OVER_ROOT_PI,),
    "ndtr": (lambda y, x: np.exp(-x * x / 2) / SPREAD,),
    "log_ndtr": (lambda y, x: np.exp(-x * x / 2 - y) / SPREAD,),
    "ndtri": (lambda y, x: SPREAD * np.exp(y * y / 2),),
    "erfcx": (lambda y, x: 2 * x * y - TWO_OVER_ROOT_PI,),
    "cosm1": (lambda y, x: -np.sin(x),),
    "gamma": (lambda y, x: y * _special("psi")(x),),
    "i0": (lambda y, x: _special("i1")(x),),
    "i0e": (lambda y, x: _special("i1e")(x) - np.sign(x) * y,),
    "i1": (lambda y, x: _special("i0")(x) - y / x,),
    "j0": (lambda y, x: -_special("j1")(x),),
    "expi": (lambda y, x: np.exp(x) / x,),
    "exp1": (lambda y, x: -np.exp(-x) / x,),
    "spence": (lambda y, x: np.log(x) / (1 - x),),
    "beta": (
        lambda y, a, b: y * (_special("psi")(a) - _special("psi")(a + b)),
        lambda y, a, b: y * (_special("psi")(b) - _special("psi")(a + b)),
    ),
    "betaln": (
        lambda y, a, b: _special("psi")(a) - _special("psi")(a + b),
        lambda y, a, b: _special("psi")(b) - _special("psi")(a + b),
    ),
    "huber": (
        lambda y, d, r: np.where(np.abs(r) > d, np.abs(r) - d, 0.0),
        lambda y, d, r: np.clip(r, -d, d),
    ),
    "pseudo_huber": (
        lambda y, d, r: 2 * y / d - (r * r / d) / np.sqrt(1 + (r / d) ** 2),
        lambda y, d, r: r / np.sqrt(1 + (r / d) ** 2),
    ),
    "gammaln": (lambda y, x: _special("psi")(x),),
    "psi": (lambda y, x: _special("polygamma")(1, x),),
    "entr": (lambda y, x: -np.log(x) - 1,),
    "xlogy": (lambda y, x, z: np.log(z), lambda y, x, z: x / z),
    "xlog1py": (lambda y, x, z: np.log1p(z), lambda y, x, z: x / (1 + z)),
    "rel_entr": (lambda y, x, z: np.log(x / z) + 1, lambda y, x, z: -x / z),
    "kl_div": (lambda y, x, z: np.log(x / z), lambda y, x, z: 1 - x / z),
}

FLAT = frozenset(  # their derivative is 0: nothing is lost where they are
    (
        "sign", "floor", "ceil", "rint", "trunc", "heaviside", "floor_divide", "equal", "not_equal", "less",
        "less_equal", "greater", "greater_equal", "logical_and", "logical_or", "logical_xor", "logical_not",
        "isnan", "isfinite", "isinf", "signbit", "invert", "bitwise_and", "bitwise_or", "bitwise_xor",
        "left_shift", "right_shift", "spacing", "nextafter",
    )
)  # fmt: skip


def partial(op: str, k: int, y: Array, operands: list[Array]) -> Array:
    """The derivative of the result with respect to operand k, in the shape of the result."""
    with np.errstate(all="ignore"):
        return np.broadcast_to(np.asarray(PARTIALS[op][k](y, *operands), dtype=float), y.shape)
