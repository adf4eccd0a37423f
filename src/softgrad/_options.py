"""Options: every check of their names, and of the range of numbers, with its message."""

from __future__ import annotations

import math
import sys
from collections.abc import Collection, Iterable
from typing import Any

import numpy as np

from softgrad.errors import OptionError

# Names in other libraries (torch, SciPy, JAX, Keras, scikit-learn, papers), and ours.
TRANSLATED = {
    "a": "logits",
    "alpha": "weight",
    "class_weight": "weight",
    "class_weights": "weight",
    "dim": "axis",
    "dims": "axis",
    "dp": "grad_output",
    "dy": "grad_output",
    "in_features": "units",
    "input": "logits",
    "keepdim": "keepdims",
    "keep_dims": "keepdims",
    "label": "target",
    "labels": "target",
    "learning_rate_init": "learning_rate",
    "logit_softcapping": "softcap",
    "lr": "learning_rate",
    "mask": "where",
    "max_iter": "epochs",
    "num_classes": "units",
    "out_features": "units",
    "output": "probs",
    "p": "probs",
    "pred": "logits",
    "random_state": "seed",
    "reduce": "reduction",
    "rng": "seed",
    "scores": "logits",
    "size_average": "reduction",
    "smoothing": "label_smoothing",
    "T": "temperature",
    "tau": "temperature",
    "v": "tangent",
    "x": "logits",
    "y": "target",
    "y_pred": "logits",
    "y_true": "target",
    "z": "logits",
}
TRANSLATED_NAMES = {  # of functions
    "brier_score": "squared_error",
    "gradcheck": "check_vjp",
    "kl_div": "kl_divergence",
    "mse_loss": "squared_error",
    "nll_loss": "cross_entropy",
    "softmax_cross_entropy_with_logits": "cross_entropy",
    "sparse_categorical_crossentropy": "cross_entropy",
}
ADVICE = {  # names without an equivalent here
    "b": "add np.log(b) to the logits;",
    "dtype": "convert the logits or the result with astype;",
    "from_logits": "every loss takes logits;",
    "pos_weight": "give weight=[1, pos_weight] with two logits per row;",
    "sample_weight": "multiply the losses of reduction='none' by it;",
}


def positive(function: str, name: str, value: float) -> float:
    """`value`, if it is a positive finite number."""
    wanted = "a positive number"
    number = _number(function, name, value, wanted)
    return number if 0 < number < math.inf else _refuse(function, name, value, wanted)


def not_negative(function: str, name: str, value: float) -> float:
    """`value`, if it is 0 or a positive finite number."""
    if type(value) is float and 0 <= value < math.inf:  # a shortcut for most calls
        return value
    wanted = "0 or a positive number"
    number = _number(function, name, value, wanted)
    return number if 0 <= number < math.inf else _refuse(function, name, value, wanted)


def half_open_unit(function: str, name: str, value: float) -> float:
    """`value`, if it is at least 0 and less than 1."""
    wanted = "at least 0 and less than 1"
    number = _number(function, name, value, wanted)
    return number if 0 <= number < 1 else _refuse(function, name, value, wanted)


def unit_interval(function: str, name: str, value: float) -> float:
    """`value`, if it is from 0 to 1."""
    if type(value) is float and 0 <= value <= 1:  # a shortcut for most calls
        return value
    wanted = "a number from 0 to 1"
    number = _number(function, name, value, wanted)
    return number if 0 <= number <= 1 else _refuse(function, name, value, wanted)


def scale(function: str, name: str, value: float) -> float:
    """`value`, if it and its inverse are far from overflow, in float32 too."""
    if type(value) is float and 1e-30 <= value <= 1e30:  # a shortcut for most calls
        return value
    wanted = "a positive number from 1e-30 to 1e30"
    number = _number(function, name, value, wanted)
    return number if 1e-30 <= number <= 1e30 else _refuse(function, name, value, wanted)


def class_index(function: str, name: str, value: object) -> int | None:
    """`value`, if it is None or one integer."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer | None):
        raise OptionError(f"{function}: {name} is {shown(value)}, wanted one class index")
    return value if value is None else int(value)


def known(function: str, given: Iterable[str], options: Collection[str]) -> None:
    """Checks the names of keyword arguments.

    Raises:
        TypeError: an unexpected name, as Python raises for a function's own parameters.
    """
    for name in given:
        if name not in options:
            raise TypeError(unexpected(function, name, options, options))


def unexpected(function: str, name: str, names: Collection[str], options: Collection[str]) -> str:
    """The message about a keyword argument that is not one of the function's names; options are those to show."""
    here = TRANSLATED.get(name)
    if here not in names:
        here = closest(name, names)
        guess = f"did you mean {here}?" if here else ADVICE.get(name, "")
    else:
        guess = f"here it is {here};"
    wanted = f"wanted one of {', '.join(options)}" if options else "wanted no option"
    return f"{function}: unexpected option {name!r}; {guess}{' ' * bool(guess)}{wanted}"


def guess_of_name(name: str, names: Collection[str]) -> str:
    """The end of a message about a name that the module does not have."""
    near = None if name.startswith("_") else TRANSLATED_NAMES.get(name) or closest(name, names)
    return f"; did you mean {near}?" if near else ""


def closest(name: str, names: Iterable[str]) -> str | None:
    """The name that was probably meant, first of all one that differs in capitals alone; None if none is like it."""
    import difflib  # costs 2 ms, and most programs never need it

    known = list(names)
    same = (each for each in known if each.casefold() == name.casefold())
    return next(same, None) or next(iter(difflib.get_close_matches(name, known, n=1)), None)


def shown(value: object) -> str:
    """A value in a message: its repr, shortened; Python refuses to print the digits of a very long integer."""
    try:
        text = repr(value)
    except ValueError:
        return f"an integer of {int.bit_length(value)} bits" if isinstance(value, int) else f"a {type(value).__name__}"
    return text if len(text) <= 80 else f"{text[:77]}..."


def _number(function: str, name: str, value: object, wanted: str) -> float:
    if _is_differentiated(value):
        raise OptionError(
            f"{function}: {name} is differentiated or mapped, which options are not; wanted a number"
            + ("; divide the logits by it" if name == "temperature" else "")
        )
    try:
        if not isinstance(value, str | bytes | bool | np.bool_) and np.ndim(value) == 0:  # type: ignore[arg-type]
            return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        pass
    return _refuse(function, name, shown(value), wanted)


def _is_differentiated(value: Any) -> bool:
    """Whether torch is to differentiate at a tensor, or maps over it. Read as a number, it would be a constant."""
    torch = sys.modules.get("torch")
    if torch is None or not isinstance(value, torch.Tensor):
        return False
    if torch._C._functorch.is_functorch_wrapped_tensor(value):
        return True
    is_dual = torch.autograd.forward_ad.unpack_dual(value).tangent is not None
    return is_dual or (value.requires_grad and torch.is_grad_enabled())


def _refuse(function: str, name: str, value: object, wanted: str) -> float:
    raise OptionError(f"{function}: {name} is {value}, wanted {wanted}")
