"""Softmax and its gradients: exact, fast, checked and explained.

    import softgrad as sg

    p = sg.softmax(logits)                                       the function
    dz = sg.softmax_vjp(p, dp)                                   its backward pass
    loss, grad = sg.cross_entropy_with_grad(logits, target)      a loss and its gradient, from one pass
    print(sg.explain(logits, target))                            how that gradient is derived, with these numbers

Letters have the same meaning everywhere: z logits, p probabilities, t target, g upstream gradient, N rows, K classes.
"""

import typing as _typing
from importlib import import_module as _import_module

from softgrad import _options
from softgrad import check as check
from softgrad._threads import *
from softgrad.errors import *
from softgrad.jacobian import *
from softgrad.logsumexp import *
from softgrad.losses import *
from softgrad.softmax import *
from softgrad.token_log_probs import *

__version__ = "0.1.0"

# What most programs never use is imported when it is first used.
_LATER = {
    "SoftmaxClassifier": "softgrad.estimator",
    "check_grad": "softgrad.check.api",
    "check_layer": "softgrad.check.api",
    "check_vjp": "softgrad.check.api",
    "data": "softgrad.data",
    "explain": "softgrad.explanation",
    "explanation": "softgrad.explanation",
    "nn": "softgrad.nn",
    "testing": "softgrad.testing",
    "torch": "softgrad.torch",
}

if _typing.TYPE_CHECKING:
    from softgrad import data as data
    from softgrad import explanation as explanation
    from softgrad import nn as nn
    from softgrad import testing as testing
    from softgrad import torch as torch
    from softgrad.check.api import check_grad as check_grad
    from softgrad.check.api import check_layer as check_layer
    from softgrad.check.api import check_vjp as check_vjp
    from softgrad.estimator import SoftmaxClassifier as SoftmaxClassifier
    from softgrad.explanation.explain import explain as explain
else:  # each module lists its own public names; here they are collected. To a type checker other names are errors
    _NOT_LISTED = {"errors", "formulas", "jacobian", "losses"}
    _NOT_LISTED |= {"SoftmaxClassifier", "torch"}  # `import *` would import scikit-learn and torch
    __all__ = sorted(n for n in {*globals(), *_LATER} if not n.startswith("_") and n not in _NOT_LISTED)

    def __getattr__(name: str) -> object:
        if name not in _LATER:
            raise AttributeError(f"module 'softgrad' has no attribute {name!r}{_options.guess_of_name(name, __all__)}")
        module = _import_module(_LATER[name])
        return getattr(module, name, module)


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATER})
