"""Operators that work entry by entry, and what their derivatives are made of."""

from __future__ import annotations

import math
from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np

from softgrad.check.trace.array import plain

ROOT_TWO_OVER_PI = math.sqrt(2 / math.pi)
CUBIC = 0.044715  # of GELU by tanh


def _special(name: str) -> Any:
    """A function of scipy.special, which is imported only where it is needed."""
    return getattr(import_module("scipy.special"), name)


def _of_special(name: str) -> Callable[..., Any]:
    return lambda *operands: _special(name)(*operands)


def _times(alpha: Any, x: Any) -> Any:
    return x if isinstance(alpha, int | float) and alpha == 1 else x * alpha


def _div(self: Any, other: Any, rounding_mode: str | None = None) -> Any:
    if rounding_mode is None:
        return np.divide(self, other)
    return np.floor_divide(self, other) if rounding_mode == "floor" else np.trunc(np.divide(self, other))


def _clamp(self: Any, min: Any = None, max: Any = None) -> Any:
    if min is not None and max is not None:
        return np.clip(self, min, max)
    return np.maximum(self, min) if max is None else np.minimum(self, max)


def _lerp(self: Any, end: Any, weight: Any) -> Any:
    return self + weight * (end - self)


def _sigmoid(x: Any) -> Any:
    return _special("expit")(x)


def _soft_maximum(x: Any, threshold: Any) -> Any:
    """log(1 + exp(x)), as one operation where no entry is above the threshold."""
    is_above = x > threshold
    return np.where(is_above, x, np.logaddexp(x, 0.0)) if np.any(plain(is_above)) else np.logaddexp(x, 0.0)


def _softplus(self: Any, beta: Any = 1, threshold: Any = 20) -> Any:
    if beta == 1:
        return _soft_maximum(self, threshold)
    scaled = self * beta
    return np.where(scaled > threshold, self, np.logaddexp(scaled, 0.0) / beta)


def _softplus_backward(grad_output: Any, self: Any, beta: Any, threshold: Any) -> Any:
    return np.where(self * beta > threshold, grad_output, grad_output * _sigmoid(_times(beta, self)))


def _leaky_relu(self: Any, negative_slope: Any = 0.01) -> Any:
    return np.where(self > 0, self, self * negative_slope)


def _leaky_relu_backward(grad_output: Any, self: Any, negative_slope: Any, self_is_result: bool) -> Any:
    return np.where(self > 0, grad_output, grad_output * negative_slope)


def _elu(self: Any, alpha: Any = 1, scale: Any = 1, input_scale: Any = 1) -> Any:
    low = _times(alpha, np.expm1(_times(input_scale, np.minimum(self, 0.0))))
    return _times(scale, np.where(self > 0, self, low))


def _elu_backward(
    grad_output: Any, alpha: Any, scale: Any, input_scale: Any, is_result: bool, self_or_result: Any
) -> Any:
    if is_result:
        slope = _times(input_scale, self_or_result + alpha * scale)
    else:
        slope = np.exp(_times(input_scale, self_or_result)) * (alpha * scale * input_scale)
    return np.where(self_or_result > 0, _times(scale, grad_output), grad_output * slope)


def _gelu(self: Any, approximate: str = "none") -> Any:
    if approximate == "none":
        return self * _special("ndtr")(self)
    return 0.5 * self * (1 + np.tanh(ROOT_TWO_OVER_PI * (self + CUBIC * self**3)))


def _gelu_backward(grad_output: Any, self: Any, approximate: str = "none") -> Any:
    if approximate == "none":
        density = np.exp(-0.5 * self * self) / math.sqrt(2 * math.pi)
        return grad_output * (_special("ndtr")(self) + self * density)
    t = np.tanh(ROOT_TWO_OVER_PI * (self + CUBIC * self**3))
    inner = ROOT_TWO_OVER_PI * (1 + 3 * CUBIC * self**2)
    return grad_output * (0.5 * (1 + t) + 0.5 * self * (1 - t * t) * inner)


def _silu(self: Any) -> Any:
    return self * _sigmoid(self)


def _silu_backward(grad_output: Any, self: Any) -> Any:
    s = _sigmoid(self)
    return grad_output * (s * (1 + self * (1 - s)))


def _mish(self: Any) -> Any:
    return self * np.tanh(np.logaddexp(self, 0.0))


def _mish_backward(grad_output: Any, self: Any) -> Any:
    t = np.tanh(np.logaddexp(self, 0.0))
    return grad_output * (t + self * (1 - t * t) * _sigmoid(self))


def _hardtanh_backward(grad_output: Any, self: Any, min_val: Any, max_val: Any) -> Any:
    return np.where((self > min_val) & (self < max_val), grad_output, 0.0)


def _hardsigmoid(self: Any) -> Any:
    return np.clip(self + 3.0, 0.0, 6.0) / 6.0


def _hardswish(self: Any) -> Any:
    return self * np.clip(self + 3.0, 0.0, 6.0) / 6.0


def _log_sigmoid(self: Any) -> Any:
    return _special("log_expit")(self), None


def _log_sigmoid_backward(grad_output: Any, self: Any, buffer: Any) -> Any:
    return grad_output * _sigmoid(-self)


def _threshold(self: Any, threshold: Any, value: Any) -> Any:
    return np.where(self > threshold, self, value)


def _threshold_backward(grad_output: Any, self: Any, threshold: Any) -> Any:
    return np.where(self > threshold, grad_output, 0.0)


def _logit(self: Any, eps: Any = None) -> Any:
    x = self if eps is None else np.clip(self, eps, 1 - eps)
    return np.log(x / (1 - x))


def _nan_to_num(self: Any, nan: Any = None, posinf: Any = None, neginf: Any = None) -> Any:
    largest = float(np.finfo(np.float64).max)
    high, low = largest if posinf is None else posinf, -largest if neginf is None else neginf
    found = np.where(np.isnan(self), 0.0 if nan is None else nan, self)
    return np.where(found == np.inf, high, np.where(found == -np.inf, low, found))


def _to_copy(self: Any, dtype: Any = None) -> Any:
    return self.copy() if dtype is None else self.astype(dtype)


def _power(self: Any, exponent: Any) -> Any:
    return self**exponent


def _mse_loss(self: Any, target: Any, reduction: int = 1) -> Any:
    return reduced((self - target) ** 2, reduction)


def _smooth_l1(self: Any, target: Any, reduction: int = 1, beta: Any = 1.0) -> Any:
    size = np.abs(self - target)
    return reduced(np.where(size < beta, 0.5 * size**2 / beta, size - 0.5 * beta) if beta else size, reduction)


def _huber_loss(self: Any, target: Any, reduction: int = 1, delta: Any = 1.0) -> Any:
    size = np.abs(self - target)
    return reduced(np.where(size <= delta, 0.5 * size**2, delta * (size - 0.5 * delta)), reduction)


def _binary_cross_entropy(self: Any, target: Any, weight: Any = None, reduction: int = 1) -> Any:
    terms = -(target * np.maximum(np.log(self), -100.0) + (1 - target) * np.maximum(np.log1p(-self), -100.0))
    return reduced(terms if weight is None else terms * weight, reduction)


def _binary_cross_entropy_with_logits(
    self: Any, target: Any, weight: Any = None, pos_weight: Any = None, reduction: int = 1
) -> Any:
    log_p = _special("log_expit")(self)
    if pos_weight is None:
        terms = (1 - target) * self - log_p
    else:
        terms = (1 - target) * self - (1 + (pos_weight - 1) * target) * log_p
    return reduced(terms if weight is None else terms * weight, reduction)


def reduced(terms: Any, reduction: int) -> Any:
    """Terms of a loss as they are (0), their mean (1) or their sum (2)."""
    return terms if reduction == 0 else terms.mean() if reduction == 1 else terms.sum()


NUMPYS = {  # operators that NumPy has under this name
    **{name: name for name in (
        "exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sqrt", "reciprocal", "sin", "cos", "tan",
        "sinh", "cosh", "tanh", "floor", "ceil", "trunc", "sign", "maximum", "minimum", "fmax", "fmin", "hypot",
        "fmod", "remainder", "heaviside", "copysign", "logaddexp", "logaddexp2", "logical_and", "logical_or",
        "logical_xor", "logical_not", "isnan", "isinf", "isfinite", "signbit", "floor_divide", "bitwise_and",
        "bitwise_or", "bitwise_xor", "bitwise_not", "deg2rad", "rad2deg",
    )},
    "abs": "absolute", "neg": "negative", "sgn": "sign", "mul": "multiply", "asin": "arcsin",
    "acos": "arccos", "atan": "arctan", "asinh": "arcsinh",
    "acosh": "arccosh", "atanh": "arctanh", "atan2": "arctan2", "eq": "equal", "ne": "not_equal", "lt": "less",
    "le": "less_equal", "gt": "greater", "ge": "greater_equal", "round": "rint",
}  # fmt: skip
SPECIALS = {  # operators that scipy.special has under this name
    "sigmoid": "expit", "erf": "erf", "erfc": "erfc", "erfinv": "erfinv",
    "special_log_ndtr": "log_ndtr", "special_ndtri": "ndtri", "special_erfcx": "erfcx", "lgamma": "gammaln",
    "digamma": "psi", "xlogy": "xlogy", "special_xlog1py": "xlog1py", "special_entr": "entr",
    "special_i0e": "i0e", "i0": "i0", "special_i1": "i1",
}  # fmt: skip

TABLE: dict[str, Callable[..., Any]] = {
    **{name: getattr(np, numpys) for name, numpys in NUMPYS.items() if hasattr(np, numpys)},
    **{name: _of_special(scipys) for name, scipys in SPECIALS.items()},
    "add": lambda self, other, alpha=1: np.add(self, _times(alpha, other)),
    "sub": lambda self, other, alpha=1: np.subtract(self, _times(alpha, other)),
    "rsub": lambda self, other, alpha=1: np.subtract(other, _times(alpha, self)),
    "div": _div,
    "pow": _power,
    "rsqrt": lambda self: 1 / np.sqrt(self),
    "frac": lambda self: self - np.trunc(self),
    "clamp": _clamp,
    "clamp_min": np.maximum,
    "clamp_max": np.minimum,
    "where": np.where,
    "relu": lambda self: np.maximum(self, 0.0),
    "threshold": _threshold,
    "leaky_relu": _leaky_relu,
    "elu": _elu,
    "gelu": _gelu,
    "silu": _silu,
    "mish": _mish,
    "softplus": _softplus,
    "hardtanh": lambda self, min_val=-1, max_val=1: np.clip(self, min_val, max_val),
    "hardsigmoid": _hardsigmoid,
    "hardswish": _hardswish,
    "log_sigmoid_forward": _log_sigmoid,
    "logit": _logit,
    "lerp": _lerp,
    "addcmul": lambda self, tensor1, tensor2, value=1: self + _times(value, tensor1 * tensor2),
    "addcdiv": lambda self, tensor1, tensor2, value=1: self + _times(value, tensor1 / tensor2),
    "nan_to_num": _nan_to_num,
    "_to_copy": _to_copy,
    "mse_loss": _mse_loss,
    "smooth_l1_loss": _smooth_l1,
    "huber_loss": _huber_loss,
    "binary_cross_entropy": _binary_cross_entropy,
    "binary_cross_entropy_with_logits": _binary_cross_entropy_with_logits,
    "tanh_backward": lambda grad_output, output: grad_output * (1 - output**2),
    "sigmoid_backward": lambda grad_output, output: grad_output * (output * (1 - output)),
    "threshold_backward": _threshold_backward,
    "leaky_relu_backward": _leaky_relu_backward,
    "elu_backward": _elu_backward,
    "gelu_backward": _gelu_backward,
    "silu_backward": _silu_backward,
    "mish_backward": _mish_backward,
    "softplus_backward": _softplus_backward,
    "hardtanh_backward": _hardtanh_backward,
    "log_sigmoid_backward": _log_sigmoid_backward,
}
