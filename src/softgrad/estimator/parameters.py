"""What the parameters of SoftmaxClassifier may be. As scikit-learn wants it, they are checked by `fit`."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial
from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np

from softgrad._options import half_open_unit, not_negative, positive, shown, unit_interval
from softgrad.errors import OptionError
from softgrad.formulas.losses import LOSSES

if TYPE_CHECKING:
    from softgrad.estimator.classifier import SoftmaxClassifier

NAME = "SoftmaxClassifier"
NOT_IN_LOSS_OPTIONS = {  # option of the loss: what to use instead
    "axis": None,
    "reduction": None,
    "denominator": None,
    "if_all_ignored": None,
    "ignore_index": "sample_weight",
    "weight": "class_weight",
    "label_smoothing": "label_smoothing",
}


def check(classifier: SoftmaxClassifier) -> None:
    """Checks every parameter, and those that depend on each other.

    Raises:
        OptionError: a parameter has a value that it cannot have.
    """
    for name, check_value in CHECKS.items():
        check_value(name, getattr(classifier, name))
    hidden_sizes(classifier.hidden_layer_sizes)
    allowed = LOSSES[classifier.loss].options
    if classifier.label_smoothing and "label_smoothing" not in allowed:
        raise OptionError(f"{NAME}: label_smoothing is given, but the loss {classifier.loss!r} has no such option")
    for name in classifier.loss_options or {}:
        if name in NOT_IN_LOSS_OPTIONS:
            instead = NOT_IN_LOSS_OPTIONS[name]
            raise OptionError(
                f"{NAME}: loss_options has {name!r}, which a classifier sets itself"
                + (f"; use {instead} instead" if instead else "; leave it out")
            )
    if classifier.solver == "lbfgs":
        for name, instead in (("dropout", "solver='adam'"), ("weight_decay", "alpha")):
            if getattr(classifier, name):
                raise OptionError(
                    f"{NAME}: {name} is {getattr(classifier, name)}, wanted 0 with solver='lbfgs'; use {instead}"
                )


def hidden_sizes(value: Any) -> list[int]:
    """The number of units in each hidden layer, given as a sequence or as one number."""
    sizes = [value] if isinstance(value, Integral) else value
    try:
        listed = list(sizes)
    except TypeError:
        listed = [None]
    if not all(_is_integer(size) and size > 0 for size in listed):
        raise OptionError(
            f"{NAME}: hidden_layer_sizes is {shown(value)}, wanted positive integers such as (100,), or () for softmax "
            "regression"
        )
    return [int(size) for size in listed]


def _is_integer(value: object) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool | np.bool_)


def _one_of(*names: str) -> Callable[[str, Any], None]:
    def check_value(name: str, value: Any) -> None:
        if not isinstance(value, str) or value not in names:
            raise OptionError(f"{NAME}: {name} is {shown(value)}, wanted one of {', '.join(map(repr, names))}")

    return check_value


def _at_least_1(name: str, value: Any, *, or_else: tuple[Any, ...] = ()) -> None:
    if any(type(value) is type(other) and value == other for other in or_else):
        return
    if not _is_integer(value) or value < 1:
        others = "".join(f" or {other!r}" for other in or_else)
        raise OptionError(f"{NAME}: {name} is {shown(value)}, wanted an integer of at least 1{others}")


def _yes_or_no(name: str, value: Any) -> None:
    if not isinstance(value, bool | np.bool_):
        raise OptionError(f"{NAME}: {name} is {shown(value)}, wanted True or False")


def _verbose(name: str, value: Any) -> None:
    if not isinstance(value, bool | np.bool_) and not (_is_integer(value) and value >= 0):
        raise OptionError(f"{NAME}: {name} is {shown(value)}, wanted True, False or an integer of at least 0")


def _class_weight(name: str, value: Any) -> None:
    if value is None or (isinstance(value, str) and value == "balanced"):
        return
    if not isinstance(value, Mapping):
        raise OptionError(f"{NAME}: {name} is {shown(value)}, wanted None, 'balanced' or a dict of classes to weights")
    for label, weight in value.items():
        not_negative(NAME, f"{name}[{label!r}]", weight)


def _loss_options(name: str, value: Any) -> None:
    if value is not None and not isinstance(value, Mapping):
        raise OptionError(f"{NAME}: {name} is {shown(value)}, wanted None or a dict such as {{'gamma': 2.0}}")


CHECKS: dict[str, Callable[[str, Any], object]] = {
    "activation": _one_of("identity", "logistic", "tanh", "relu"),
    "solver": _one_of("adam", "sgd", "lbfgs"),
    "alpha": partial(not_negative, NAME),
    "batch_size": partial(_at_least_1, or_else=("auto",)),
    "learning_rate": _one_of("constant", "invscaling", "adaptive", "cosine", "plateau"),
    "learning_rate_init": partial(positive, NAME),
    "power_t": partial(not_negative, NAME),
    "max_iter": _at_least_1,
    "shuffle": _yes_or_no,
    "tol": partial(not_negative, NAME),
    "verbose": _verbose,
    "warm_start": _yes_or_no,
    "momentum": partial(half_open_unit, NAME),
    "nesterovs_momentum": _yes_or_no,
    "early_stopping": _yes_or_no,
    "validation_fraction": partial(unit_interval, NAME),
    "beta_1": partial(half_open_unit, NAME),
    "beta_2": partial(half_open_unit, NAME),
    "epsilon": partial(positive, NAME),
    "n_iter_no_change": partial(_at_least_1, or_else=(math.inf,)),
    "max_fun": _at_least_1,
    "class_weight": _class_weight,
    "loss": _one_of(*LOSSES),
    "loss_options": _loss_options,
    "label_smoothing": partial(unit_interval, NAME),
    "dropout": partial(half_open_unit, NAME),
    "weight_decay": partial(not_negative, NAME),
    "dtype": _one_of("auto", "float32", "float64"),
}
