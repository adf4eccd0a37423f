"""The options of a loss as one value, and the checks before the closed forms; NumPy's are before the kernels."""

from __future__ import annotations

from typing import NamedTuple, get_args

import numpy.typing as npt
import torch
from torch import Tensor

from softgrad._misread import other_axis
from softgrad._options import class_index, not_negative, scale, unit_interval
from softgrad.errors import AxisError, DtypeError, LabelError, OptionError, ShapeError
from softgrad.losses._batch import IfAllIgnored, Reduction
from softgrad.losses._options import RowOptions

CHOICES = {"reduction": get_args(Reduction), "if_all_ignored": get_args(IfAllIgnored)}


class Options(NamedTuple):
    """The options that are not tensors, as `softgrad.cross_entropy` describes them."""

    name: str  # of the loss
    axis: int
    ignore_index: int | None
    label_smoothing: float
    z_loss: float
    softcap: float | None
    temperature: float
    reduction: str
    denominator: float | None
    if_all_ignored: str
    parameter: float = 0.0  # gamma of the focal loss

    def of_rows(self, weight: npt.ArrayLike | None) -> RowOptions:
        """The options as functions of arrays take them, with the weights of the classes."""
        return RowOptions(
            weight=weight,
            ignore_index=self.ignore_index,
            label_smoothing=self.label_smoothing,
            z_loss=self.z_loss,
            softcap=self.softcap,
            temperature=self.temperature,
            reduction=self.reduction,  # type: ignore[typeddict-item]
            denominator=self.denominator,
            if_all_ignored=self.if_all_ignored,  # type: ignore[typeddict-item]
        )


def checked(
    options: Options, logits: Tensor, target: Tensor, where: Tensor | None, weight: Tensor | None
) -> tuple[Options, Tensor]:
    """The options with their numbers read and the axis counted from 0, and the target; errors as those of NumPy."""
    f = options.name
    axis = class_axis(f, logits, options.axis)
    for name, choices in CHOICES.items():
        value = getattr(options, name)
        if value not in choices:
            raise OptionError(f"{f}: {name} is {value!r}, wanted one of {', '.join(map(repr, choices))}")
    if options.denominator is not None and options.reduction != "mean":
        raise OptionError(
            f"{f}: denominator is {options.denominator}, but reduction is {options.reduction!r}; wanted 'mean'"
        )
    index = class_index(f, "ignore_index", options.ignore_index)
    check_target(f, logits, target, axis, index)
    K = logits.shape[axis]
    if weight is not None and weight.shape != (K,):
        raise ShapeError(f"{f}: weight.shape is {tuple(weight.shape)}, wanted ({K},), one number per class")
    if where is not None:
        check_mask(f, where, logits)
    return options._replace(
        axis=axis,
        label_smoothing=unit_interval(f, "label_smoothing", options.label_smoothing),
        z_loss=not_negative(f, "z_loss", options.z_loss),
        softcap=None if options.softcap is None else scale(f, "softcap", options.softcap),
        temperature=scale(f, "temperature", options.temperature),
        denominator=None if options.denominator is None else scale(f, "denominator", options.denominator),
        parameter=not_negative(f, "gamma", options.parameter),
    ), target


def check_target(function: str, logits: Tensor, target: Tensor, axis: int, ignore_index: int | None) -> None:
    """The shape and the dtype of a target; its values where they can be read."""
    if target.shape == logits.shape:
        if ignore_index is not None:
            raise OptionError(
                f"{function}: ignore_index is {ignore_index}, but target holds probabilities; wanted class indices, "
                "or rows of zeros for the rows to ignore"
            )
        return
    shape = (*logits.shape[:axis], *logits.shape[axis + 1 :])
    if target.shape != shape:
        raise ShapeError(
            f"{function}: target.shape is {tuple(target.shape)}, but logits.shape is {tuple(logits.shape)} with the "
            f"classes on axis {axis}; wanted {tuple(shape)} for class indices or {tuple(logits.shape)} for "
            "probabilities" + other_axis(tuple(target.shape), tuple(logits.shape))
        )


def check_tokens(
    function: str, logits: Tensor, tokens: Tensor, axis: int, ignore_index: int | None, *, values: bool
) -> None:
    """The shape of tokens, and with `values` their entries; and the type of ignore_index."""
    class_index(function, "ignore_index", ignore_index)
    shape = (*logits.shape[:axis], *logits.shape[axis + 1 :])
    if tokens.shape != shape:
        raise ShapeError(
            f"{function}: tokens.shape is {tuple(tokens.shape)}, but logits.shape is {tuple(logits.shape)} with the "
            f"classes on axis {axis}; wanted one class index per row, {tuple(shape)}"
        )
    if values:
        _check_classes(function, "tokens", tokens.long(), logits.shape[axis], axis, ignore_index)


def check_mask(function: str, where: Tensor, logits: Tensor) -> None:
    """A mask is bool and broadcasts to the logits."""
    if where.dtype != torch.bool:
        raise DtypeError(f"{function}: where.dtype is {where.dtype}, wanted bool; compare first, as where > 0")
    try:
        where.expand(logits.shape)
    except RuntimeError as error:
        raise ShapeError(
            f"{function}: where.shape is {tuple(where.shape)}, wanted a shape that broadcasts to "
            f"{tuple(logits.shape)}, that of logits"
        ) from error


def check_values(options: Options, logits: Tensor, target: Tensor, where: Tensor | None, weight: Tensor | None) -> None:
    """Checks the entries of a target: a class outside 0..K-1, or one that `where` leaves out, or no row that counts.

    It reads the entries, so it is not called for tensors without them, as in torch.func.vmap.
    """
    rows = target.numel()
    if target.shape != logits.shape:
        y, K = target.long(), logits.shape[options.axis]
        counts = _check_classes(options.name, "target", y, K, options.axis, options.ignore_index)
        if where is not None:
            mask = where.expand(logits.shape).movedim(options.axis, -1)
            counts = counts & mask.any(dim=-1)
            _refuse(
                options.name,
                "target",
                y,
                counts & ~mask.gather(-1, torch.where(counts, y, 0).unsqueeze(-1)).squeeze(-1),
                "{} is class {}, which where leaves out; wanted a target among the classes that take part, or "
                "ignore_index to leave the row out",
            )
        if weight is not None:
            counts = counts & (weight[torch.where(counts, y, 0)] != 0)
        rows = int(counts.sum())
    elif where is not None:
        left_out = (target != 0) & ~where
        if bool(left_out.any()):
            at = tuple(left_out.nonzero()[0].tolist())
            raise LabelError(
                f"{options.name}: target[{', '.join(map(str, at))}] is {float(target[at])} for a class which where "
                "leaves out; wanted a target among the classes that take part"
            )
    if options.if_all_ignored == "raise" and options.reduction == "mean" and not rows:
        raise LabelError(
            f"{options.name}: all {target.numel()} rows are ignored or have zero weight; give a row that counts, or "
            "if_all_ignored='zero'"
        )


def _check_classes(function: str, name: str, y: Tensor, K: int, axis: int, ignore_index: int | None) -> Tensor:
    """The rows that are not ignored; an error about a class outside 0..K-1."""
    counts = torch.ones_like(y, dtype=torch.bool) if ignore_index is None else y != ignore_index
    outside = counts & ((y < 0) | (y >= K))
    have = f"logits have {K} class{'es' * (K != 1)} on axis {axis}"
    _refuse(function, name, y, outside, f"{{}} is {{}}, but {have}; wanted 0..{K - 1}")
    return counts


def _refuse(function: str, name: str, classes: Tensor, bad: Tensor, message: str) -> None:
    """Raises an error with this message about the first bad entry of class indices."""
    if bool(bad.any()):
        at = tuple(bad.nonzero()[0].tolist())
        entry = f"{name}[{', '.join(map(str, at))}]" if at else name
        raise LabelError(f"{function}: {message.format(entry, int(classes[at]))}")


def class_axis(function: str, logits: Tensor, axis: int) -> int:
    """`axis` counted from 0."""
    if isinstance(axis, bool) or not isinstance(axis, int):
        raise AxisError(f"{function}: axis is {axis!r}, wanted one integer")
    if not -logits.ndim <= axis < logits.ndim:
        raise AxisError(
            f"{function}: axis is {axis}, but logits.shape is {tuple(logits.shape)}; "
            + (f"wanted an axis in -{logits.ndim}..{logits.ndim - 1}" if logits.ndim else "wanted at least (K,)")
        )
    return axis % logits.ndim
