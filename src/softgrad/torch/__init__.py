"""The functions of softgrad on tensors of torch, differentiable in every way that torch knows.

    import softgrad.torch as st

    loss = st.cross_entropy(logits, target)          loss.backward(), torch.func.grad, hessian, torch.compile, ...
    criterion = st.CrossEntropyLoss()                in place of torch.nn.CrossEntropyLoss()
    print(st.check(MyFunction, x, weight))           is the backward pass of a torch.autograd.Function right?

The names and the options are those of the functions on arrays. Tensors on the CPU go to the C++ kernels without a copy
(`cpu.py`); everything else is computed by the same closed forms in torch operations (`forms/`). `implementations.py` is
the table that decides. `checking/` is the gradient checker.
"""

import typing as _typing

from softgrad import _options
from softgrad._extras import needs

with needs("softgrad.torch", "torch", extra="torch"):
    import torch as _torch  # noqa: F401  # fails here, with the line that installs it

from softgrad.torch.linear import *
from softgrad.torch.linear_token_log_probs import *
from softgrad.torch.losses import *
from softgrad.torch.modules import *
from softgrad.torch.softmax import *
from softgrad.torch.token_log_probs import *

if _typing.TYPE_CHECKING:
    from softgrad.torch.checking.api import check as check
else:

    def __getattr__(name: str) -> object:
        if name != "check":
            guess = _options.guess_of_name(name, __all__)
            raise AttributeError(f"module 'softgrad.torch' has no attribute {name!r}{guess}")
        from softgrad.torch.checking.api import check  # the checker is imported when it is first used

        return check


__all__ = [
    "CrossEntropyLoss",
    "LinearCrossEntropyLoss",
    "TokenLogProbs",
    "check",
    "cross_entropy",
    "focal_loss",
    "kl_divergence",
    "linear_cross_entropy",
    "linear_token_log_probs",
    "log_softmax",
    "logsumexp",
    "softmax",
    "squared_error",
    "token_log_probs",
]


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
