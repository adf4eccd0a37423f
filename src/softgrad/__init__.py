"""Softmax and its gradients: exact, fast, checked and explained.

    import softgrad as sg

    p = sg.softmax(logits)                                       the function
    dz = sg.softmax_vjp(p, dp)                                   its backward pass
    loss, grad = sg.cross_entropy_with_grad(logits, target)      a loss and its gradient, from one pass
    print(sg.explain(logits, target))                            how that gradient comes about, on these numbers

Letters are the same everywhere: z logits, p probabilities, t target, g upstream gradient, N rows, K classes.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from softgrad import check, data, nn
from softgrad._threads import get_num_threads, set_num_threads
from softgrad.errors import (
    AxisError,
    CheckError,
    DataError,
    DtypeError,
    LabelError,
    MissingPackageError,
    ModelError,
    OptionError,
    ShapeError,
    SoftgradError,
    TrainingError,
    WriteError,
)
from softgrad.jacobian import SoftmaxJacobian
from softgrad.losses import (
    LossAndGrad,
    LossGradStats,
    RowStats,
    cross_entropy,
    cross_entropy_hvp,
    cross_entropy_jvp,
    cross_entropy_with_grad,
    cross_entropy_with_stats,
    kl_divergence,
    kl_divergence_hvp,
    kl_divergence_jvp,
    kl_divergence_with_grad,
    squared_error,
    squared_error_hvp,
    squared_error_jvp,
    squared_error_with_grad,
)
from softgrad.softmax import (
    log_softmax,
    log_softmax_jvp,
    log_softmax_vjp,
    logsumexp,
    logsumexp_jvp,
    logsumexp_vjp,
    softmax,
    softmax_jvp,
    softmax_vjp,
)

if TYPE_CHECKING:
    from softgrad import explanation, testing
    from softgrad.check.api import check_grad, check_vjp
    from softgrad.explanation.explain import explain
    from softgrad.losses import (
        LinearGrad,
        LinearLossAndGrad,
        LinearLossGradStats,
        linear_cross_entropy,
        linear_cross_entropy_hvp,
        linear_cross_entropy_with_grad,
        linear_cross_entropy_with_stats,
    )

__version__ = "0.1.0"

__all__ = [
    "AxisError",
    "CheckError",
    "DataError",
    "DtypeError",
    "LabelError",
    "LinearGrad",
    "LinearLossAndGrad",
    "LinearLossGradStats",
    "LossAndGrad",
    "LossGradStats",
    "MissingPackageError",
    "ModelError",
    "OptionError",
    "RowStats",
    "ShapeError",
    "SoftgradError",
    "SoftmaxJacobian",
    "TrainingError",
    "WriteError",
    "check",
    "check_grad",
    "check_vjp",
    "cross_entropy",
    "cross_entropy_hvp",
    "cross_entropy_jvp",
    "cross_entropy_with_grad",
    "cross_entropy_with_stats",
    "data",
    "explain",
    "explanation",
    "get_num_threads",
    "kl_divergence",
    "kl_divergence_hvp",
    "kl_divergence_jvp",
    "kl_divergence_with_grad",
    "linear_cross_entropy",
    "linear_cross_entropy_hvp",
    "linear_cross_entropy_with_grad",
    "linear_cross_entropy_with_stats",
    "log_softmax",
    "log_softmax_jvp",
    "log_softmax_vjp",
    "logsumexp",
    "logsumexp_jvp",
    "logsumexp_vjp",
    "nn",
    "set_num_threads",
    "softmax",
    "softmax_jvp",
    "softmax_vjp",
    "squared_error",
    "squared_error_hvp",
    "squared_error_jvp",
    "squared_error_with_grad",
    "testing",
]

# What most programs never ask for is imported when it is first asked for.
_LATER = {
    "LinearGrad": "softgrad.losses.linear",
    "LinearLossAndGrad": "softgrad.losses.linear",
    "LinearLossGradStats": "softgrad.losses.linear",
    "check_grad": "softgrad.check.api",
    "check_vjp": "softgrad.check.api",
    "explain": "softgrad.explanation",
    "explanation": "softgrad.explanation",
    "linear_cross_entropy": "softgrad.losses.linear",
    "linear_cross_entropy_hvp": "softgrad.losses.linear",
    "linear_cross_entropy_with_grad": "softgrad.losses.linear",
    "linear_cross_entropy_with_stats": "softgrad.losses.linear",
    "testing": "softgrad.testing",
}


def __getattr__(name: str) -> object:
    if name not in _LATER:
        raise AttributeError(f"module 'softgrad' has no attribute {name!r}")
    module = import_module(_LATER[name])
    return getattr(module, name, module)


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATER})
