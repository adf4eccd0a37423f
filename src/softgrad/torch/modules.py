"""CrossEntropyLoss and LinearCrossEntropyLoss, as modules of torch."""

from __future__ import annotations

import warnings
from typing import Any, ClassVar

import torch
from torch import Tensor

from softgrad._calls import explained
from softgrad.losses._batch import IfAllIgnored, Reduction
from softgrad.torch.linear import MAX_MEMORY, linear_cross_entropy
from softgrad.torch.loss import call
from softgrad.torch.options import Options

__all__ = ["CrossEntropyLoss", "LinearCrossEntropyLoss"]


class _Loss(torch.nn.Module):
    """What both losses hold: the arguments of torch.nn.CrossEntropyLoss, and ours."""

    weight: Tensor | None
    z_loss: float
    softcap: float | None
    temperature: float
    denominator: float | None
    if_all_ignored: IfAllIgnored

    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: bool | None = None,
        ignore_index: int = -100,
        reduce: bool | None = None,
        reduction: Reduction = "mean",
        label_smoothing: float = 0.0,
        **own: Any,
    ) -> None:
        super().__init__()
        self.register_buffer("weight", weight)
        if size_average is not None or reduce is not None:
            warnings.warn("size_average and reduce are deprecated; give reduction instead", stacklevel=3)
            sums = size_average is False
            reduction = "none" if reduce is False else "sum" if sums else "mean"
        self.ignore_index = ignore_index
        self.reduction = reduction
        self.label_smoothing = label_smoothing
        for name, value in own.items():  # attributes, like those of torch: an assignment changes the next call
            setattr(self, name, value)

    def ignored(self, *, is_probs: bool) -> int | None:
        """The class index of rows to leave out. As in torch, one of 0 or more is an error with probabilities."""
        return None if is_probs and self.ignore_index < 0 else self.ignore_index

    def options(self, *, is_probs: bool) -> dict[str, Any]:
        """The options of a call."""
        return {
            "weight": self.weight,
            "ignore_index": self.ignored(is_probs=is_probs),
            "reduction": self.reduction,
            "label_smoothing": self.label_smoothing,
            **{name: getattr(self, name) for name in self.defaults},
        }

    def extra_repr(self) -> str:
        """The options that differ from the defaults of torch."""
        shown = {
            "ignore_index": (self.ignore_index, -100),
            "reduction": (self.reduction, "mean"),
            "label_smoothing": (self.label_smoothing, 0.0),
            **{name: (getattr(self, name), default) for name, default in self.defaults.items()},
        }
        return ", ".join(f"{name}={value!r}" for name, (value, default) in shown.items() if value != default)

    defaults: ClassVar[dict[str, Any]] = {}


class CrossEntropyLoss(_Loss):
    """`cross_entropy` as a module, in place of torch.nn.CrossEntropyLoss.

    The arguments of torch come first, in its order and with its meaning. The classes are on axis 1, or on axis 0 of
    logits (K,). A mean over ignored rows alone is NaN, as in torch, unless `if_all_ignored` says otherwise. For 16-bit
    logits the loss is float32.

    Args:
        weight: one number per class.
        size_average: deprecated, as in torch.
        ignore_index: the class index of rows to leave out; with probabilities, one of 0 or more is an error.
        reduce: deprecated, as in torch.
        reduction: "mean", "sum" or "none".
        label_smoothing: as `softgrad.cross_entropy`.
        z_loss: as `softgrad.cross_entropy`.
        softcap: as `softgrad.cross_entropy`.
        temperature: as `softgrad.cross_entropy`.
        denominator: as `softgrad.cross_entropy`.
        if_all_ignored: as `softgrad.cross_entropy`; here "nan" unless it is given.

    Example:
        >>> criterion = st.CrossEntropyLoss()
        >>> criterion(torch.zeros(4, 2), torch.tensor([0, 1, 0, -100]))
        tensor(0.6931)
    """

    defaults: ClassVar[dict[str, Any]] = {
        "z_loss": 0.0,
        "softcap": None,
        "temperature": 1.0,
        "denominator": None,
        "if_all_ignored": "nan",
    }

    @explained
    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: bool | None = None,
        ignore_index: int = -100,
        reduce: bool | None = None,
        reduction: Reduction = "mean",
        label_smoothing: float = 0.0,
        *,
        z_loss: float = 0.0,
        softcap: float | None = None,
        temperature: float = 1.0,
        denominator: float | None = None,
        if_all_ignored: IfAllIgnored = "nan",
    ) -> None:
        super().__init__(
            weight,
            size_average,
            ignore_index,
            reduce,
            reduction,
            label_smoothing,
            z_loss=z_loss,
            softcap=softcap,
            temperature=temperature,
            denominator=denominator,
            if_all_ignored=if_all_ignored,
        )

    def forward(self, input: Tensor, target: Tensor, *, where: Tensor | None = None) -> Tensor:
        """The loss of logits (K,), (N, K) or (N, K, ...); `where` as in `softgrad.cross_entropy`."""
        axes = getattr(input, "ndim", 2)  # `call` refuses what is no tensor
        options = Options(
            "cross_entropy",
            0 if axes == 1 else 1,
            self.ignored(is_probs=getattr(target, "ndim", 1) == axes),
            self.label_smoothing,
            self.z_loss,
            self.softcap,
            self.temperature,
            self.reduction,
            self.denominator,
            self.if_all_ignored,
        )
        try:
            weight = self._buffers["weight"]  # self.weight takes as long as the rest of this method
        except KeyError:  # a parameter was assigned in its place
            weight = self.weight
        return call(options, input, target, where, weight)


class LinearCrossEntropyLoss(_Loss):
    """`linear_cross_entropy` as a module, with the arguments of torch.nn.CrossEntropyLoss.

    They come first, in the order and with the meaning of torch. The weights of the layer are given in the call, so that
    they can be those of a layer or of an embedding.

    Args:
        weight: one number per class.
        size_average: deprecated, as in torch.
        ignore_index: the class index of rows to leave out; with probabilities, one of 0 or more is an error.
        reduce: deprecated, as in torch.
        reduction: "mean", "sum" or "none".
        label_smoothing: as `softgrad.cross_entropy`.
        z_loss: as `softgrad.cross_entropy`.
        softcap: as `softgrad.cross_entropy`.
        temperature: as `softgrad.cross_entropy`.
        denominator: as `softgrad.cross_entropy`.
        if_all_ignored: as `softgrad.cross_entropy`; here "nan" unless it is given.
        max_memory: as `linear_cross_entropy`.

    Example:
        >>> criterion = st.LinearCrossEntropyLoss()
        >>> criterion(torch.zeros(4, 3), torch.zeros(2, 3), torch.tensor([0, 1, 0, -100]))
        tensor(0.6931)
    """

    defaults: ClassVar[dict[str, Any]] = {**CrossEntropyLoss.defaults, "max_memory": MAX_MEMORY}

    @explained
    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: bool | None = None,
        ignore_index: int = -100,
        reduce: bool | None = None,
        reduction: Reduction = "mean",
        label_smoothing: float = 0.0,
        *,
        z_loss: float = 0.0,
        softcap: float | None = None,
        temperature: float = 1.0,
        denominator: float | None = None,
        if_all_ignored: IfAllIgnored = "nan",
        max_memory: int = MAX_MEMORY,
    ) -> None:
        super().__init__(
            weight,
            size_average,
            ignore_index,
            reduce,
            reduction,
            label_smoothing,
            z_loss=z_loss,
            softcap=softcap,
            temperature=temperature,
            denominator=denominator,
            if_all_ignored=if_all_ignored,
            max_memory=max_memory,
        )

    def forward(self, x: Tensor, w: Tensor, target: Tensor, bias: Tensor | None = None) -> Tensor:
        """The loss of the logits x @ w.T + bias, for x (..., D), w (V, D) and bias (V,)."""
        is_probs = getattr(target, "ndim", 1) == getattr(x, "ndim", 2)  # of what is no tensor, the function says so
        return linear_cross_entropy(x, w, target, bias, **self.options(is_probs=is_probs))
