"""Where classes keep the gradient of a parameter, by the names of the two places.

    W           dW, W_grad, grad_W, ...     beside it
    params[k]   grads[k]                    in a dict or a list of the same keys; also grads["dW"] for params["W"]
    W           grads["W"], grads["dW"]     in a dict
    params["W"] dW                          beside the dict
    W.data      W.grad                      in an object of its own

Names are read by user/gradient_names.py.
"""

from __future__ import annotations

from softgrad.check.layer.slots import Path, name_of, shown
from softgrad.check.user.gradient_names import is_container, rank

PARAMETERS = ("params", "parameters", "param", "weights", "variables", "theta", "p", "w", "state")
VALUES = ("data", "value", "val", "values", "array", "w", "weight", "weights", "tensor", "param", "x")
GRADIENTS = ("grad", "gradient", "g", "d", "dvalue", "derivative", "grads", "delta")


def fits(parameter: Path, gradient: Path) -> int | None:
    """How well one place fits as that of the gradient of another: 0 is best, None is not at all."""
    same = 0
    while same < min(len(parameter), len(gradient)) and parameter[same] == gradient[same]:
        same += 1
    own, other = parameter[same:], gradient[same:]
    if not own or not other:
        return None
    names, others = [_plain(step) for step in own], [_plain(step) for step in other]
    if len(own) == len(other) == 1:
        if names[0] in VALUES and others[0] in GRADIENTS and same:
            return 0
        return rank(others[0], names[0])
    if len(own) == len(other) == 2 and _is_for(others[0], names[0]):
        return 0 if names[1] == others[1] else rank(others[1], names[1])
    if len(own) == len(other) > 2 and _is_for(others[0], names[0]) and names[1:] == others[1:]:
        return 0
    is_entry = len(own) == len(other) == 2 and own[1][0] == other[1][0] == "["
    if is_entry and own[1] == other[1] and isinstance(own[1][1], str):
        return 3  # two dicts with the same keys, whatever they are called
    if len(own) == 1 and len(other) == 2 and is_container(others[0]):
        return 0 if names[0] == others[1] else rank(others[1], names[0])
    if len(own) == 2 and len(other) == 1 and names[0] in PARAMETERS:
        return rank(others[0], names[1])
    return None


def called(path: Path) -> str:
    """The name of a parameter in a report: W for _W, params["W"] and W.data."""
    if len(path) > 1 and _plain(path[-1]) in VALUES[:5]:
        path = path[:-1]
    kept: list[tuple[str, object]] = []
    for i, (kind, key) in enumerate(path):
        following = path[i + 1] if i + 1 < len(path) else None
        in_the_way = kind == "." and _plain((kind, key)) in PARAMETERS[:3]
        if in_the_way and following is not None and isinstance(following[1], str):
            continue
        # What stands in a dict of parameters is called by its key.
        is_key = kind == "[" and isinstance(key, str)
        kept.append((".", name_of(key).lstrip("_") or key) if kind == "." else (".", key) if is_key else (kind, key))
    return shown(tuple(kept))


def _is_for(container: object, of: object) -> bool:
    """Whether a dict or list holds the gradients of what another one holds."""
    return isinstance(container, str) and (is_container(container) or rank(container, of) is not None)


def _plain(step: tuple[str, object]) -> object:
    kind, key = step
    return name_of(key).strip("_") if kind == "." and isinstance(key, str) else key
