"""Where the gradient of each input and parameter of an object is found after its backward pass."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from softgrad.check.layer.conventions import called, fits
from softgrad.check.layer.methods import RATES
from softgrad.check.layer.runs import Run
from softgrad.check.layer.slots import Path, read, shown
from softgrad.check.user.arguments import Key
from softgrad.check.user.descriptions import shown as shown_value
from softgrad.check.user.gradient_names import rank
from softgrad.check.user.state import MISSING
from softgrad.errors import CheckError, OptionError

INPUT_GRADIENTS = (
    *("dinputs", "dinput", "dx", "grad_input", "grad_inputs", "input_grad", "input_gradient", "gradient", "grad"),
    *("da_prev", "delta", "dprev", "grad_x", "d_input", "d_inputs", "grads", "upstream"),
)
SHOWN = 6


class Parameter(NamedTuple):
    """Numbers of an object that its output may depend on."""

    name: str
    paths: tuple[Path, ...]  # every place that holds these numbers
    value: Any


class Source(NamedTuple):
    """Where a gradient is found: at a place, in what backward returned, or in how it changed the parameter."""

    kind: str  # "place", "returned" or "update"
    path: Path

    def __str__(self) -> str:
        if self.kind == "update":
            return "the change"
        if self.kind == "place":
            return shown(self.path)
        return f"returned{''.join(f'[{key!r}]' for _, key in self.path)}" if self.path else "what backward returns"


Shape = tuple[int, ...]
Target = Key | str  # the key of an array among the inputs, or the name of a parameter


def parameters_of(run: Run) -> tuple[list[Parameter], list[Parameter]]:
    """What an object held before the run, as numbers that forward left as they were.

    The second list has what may be a parameter: integers, and arrays that forward put others like them in the place of.
    """
    groups: dict[int, list[Path]] = {}
    for path, slot in run.before.slots.items():
        if path in run.between.slots and np.size(slot.value) and run.before.equal(path, run.between):
            same = id(slot.value) if isinstance(slot.value, np.ndarray) else hash(path)
            groups.setdefault(same, []).append(path)
    found: dict[str, Parameter] = {}
    maybe: list[Parameter] = []
    for paths in groups.values():
        best = min(paths, key=lambda path: (not isinstance(path[-1][1], str), len(path)))
        name = called(best) if called(best) not in found else shown(best)
        value = run.before.slots[best].value
        if np.asarray(value).dtype.kind == "f" and not any(run.before.changed(path, run.between) for path in paths):
            found[name] = Parameter(name, tuple(paths), value)
        elif isinstance(value, np.ndarray) and value.dtype.kind in "fiu":
            maybe.append(Parameter(name, tuple(paths), value.astype(np.float64)))
    return list(found.values()), [one for one in maybe if one.name not in found]


def written_by_backward(run: Run) -> dict[Path, Any]:
    """The places whose numbers the backward pass wrote."""
    return {
        path: slot.value
        for path, slot in run.after.slots.items()
        if np.asarray(slot.value).dtype.kind == "f" and run.between.changed(path, run.after)
    }


def in_the_object(parameters: Sequence[Parameter], written: Mapping[Path, Any]) -> dict[Target, Source]:
    """The gradients of parameters that the object keeps.

    Raises:
        CheckError: two places fit equally well, and hold other numbers.
    """
    places = written
    ranked: list[tuple[int, str, Path]] = []
    for one in parameters:
        hows = {place: [how for path in one.paths if (how := fits(path, place)) is not None] for place in places}
        fit = {place: min(how) for place, how in hows.items() if how}
        least = min(fit.values(), default=0)
        ranked += [(least, one.name, place) for place, how in fit.items() if how == least]
    found: dict[Target, Source] = {}
    taken: dict[Path, str] = {}
    for _, name, place in sorted(ranked, key=lambda one: one[0]):
        if taken.get(place, name) != name:
            continue
        if name in found:
            first = found[name].path
            if not np.array_equal(places[first], places[place], equal_nan=True):
                raise CheckError(
                    f"check_layer: both {shown(first)} and {shown(place)} may be the gradient of {name}; say which, as "
                    f"in gradients={{{name!r}: {shown(first)!r}}}"
                )
            continue
        found[name] = Source("place", place)
        taken[place] = name
    return found


def rates_in(run: Run) -> set[float]:
    """The learning rates that an object holds, or that an optimizer in it holds."""
    slots = run.before.slots.items()
    return {float(one.value) for path, one in slots if np.ndim(one.value) == 0 and _word(path).lower() in RATES} - {0.0}


def of_inputs_in_the_object(
    inputs: Mapping[Key, Any], names: Mapping[Key, str], written: Mapping[Path, Any], taken: Sequence[Path]
) -> dict[Target, Source]:
    """The gradients of inputs that the object keeps, such as dinputs, where backward returns nothing."""
    places = [path for path in written if len(path) == 1 and path not in taken]
    found: dict[Target, Source] = {}
    for key, array in inputs.items():
        fit = [(how, path) for path in places if (how := rank(_word(path), names[key])) is not None]
        if not fit and key == next(iter(inputs)):
            fit = [
                (INPUT_GRADIENTS.index(word), path)
                for path in places
                if (word := _word(path).lower()) in INPUT_GRADIENTS and np.shape(written[path]) == array.shape
            ]
        if fit:
            found[key] = Source("place", min(fit)[1])
    return found


def in_what_was_returned(
    returned: Any,
    inputs: Mapping[Key, Any],
    names: Mapping[Key, str],
    parameters: Sequence[Parameter],
    count: int,
    again: Sequence[Any],
    known: Sequence[Path],
) -> tuple[dict[Target, Source], str | None]:
    """The gradients that backward returned, of inputs and of parameters that have none in the object.

    Also a question to the user, if by the shapes it may be another order.

    Args:
        returned: what backward returned.
        inputs: the arrays of real numbers among the inputs.
        names: what each is called.
        parameters: those without a gradient in the object.
        count: the number of inputs.
        again: the gradients found in the object; what was returned may hold them too.
        known: the places in what was returned that the user has named.

    Raises:
        CheckError: it cannot be told which gradient is whose.
    """
    leaves = {
        path: value
        for path, value in _leaves(returned)
        if path not in known and not any(np.array_equal(np.asarray(value), np.asarray(one)) for one in again)
    }
    found: dict[Target, Source] = {}
    for path in [path for path in leaves if path and isinstance(path[-1][1], str)]:
        word = path[-1][1]
        named: list[tuple[int, Target]] = [
            (how, one.name) for one in parameters if (how := _fit(word, one.name)) is not None
        ]
        named += [(how, key) for key in inputs if (how := _fit(word, names[key])) is not None]
        if named and (target := min(named, key=lambda one: one[0])[1]) not in found:
            found[target] = Source("returned", path)
        del leaves[path]
    if not leaves:
        return found, None
    if isinstance(returned, tuple | list) and len(returned) == count and len(leaves) < count:
        # One for each input, None for those that have none.
        keys = [(path, (path[0][1], *(key for _, key in path[1:]))) for path in leaves]
        return found | {key: Source("returned", path) for path, key in keys if key in inputs}, None
    targets: list[tuple[Target, tuple[int, ...]]] = [(key, array.shape) for key, array in inputs.items()]
    targets += [(one.name, np.shape(one.value)) for one in parameters]
    targets = [one for one in targets if one[0] not in found]
    paths, shapes = list(leaves), [np.shape(value) for value in leaves.values()]
    orders = list(_in_order(shapes, [shape for _, shape in targets]))
    first = list(range(len(paths)))
    begin = len(targets) - len(parameters)
    own = [shape for _, shape in targets[begin:]]
    if not orders and own and shapes[: len(own)] == own:
        orders = [[begin + j for j in range(len(own))]]  # what follows is no gradient, such as the last state
    if not orders and len(paths) <= len(targets):
        orders = _by_shape(shapes, [shape for _, shape in targets])
    if not orders and len(paths) in (len(inputs), len(targets)) and len(targets) >= len(paths):
        # Some have the wrong shape.
        right = sum(one == shape for one, (_, shape) in zip(shapes, targets, strict=False))
        orders = [first] if 2 * right >= len(paths) or len(paths) == len(inputs) == 1 else []
    if first in orders and (len(paths) <= len(inputs) or len(paths) == len(targets)):
        orders = [first]
    told = ", ".join(map(str, shapes[:SHOWN]))
    question = (
        f"check_layer: backward returned arrays of shapes {told}, and it cannot be told whose gradients they are; "
        f"say it, as in gradients={{{_quoted(targets[0][0], names) if targets else repr('x')}: 0}} for the first"
    )
    if not orders:
        raise CheckError(question)
    read = {targets[j][0]: Source("returned", path) for path, j in zip(paths, orders[0], strict=False)}
    return found | read, question if len(orders) > 1 else None


def told_by_the_user(
    gradients: Mapping[str, Any],
    inputs: Mapping[Key, Any],
    names: Mapping[Key, str],
    parameters: Sequence[Parameter],
    run: Run,
    layer: Any,
) -> dict[Target, Source | None]:
    """The option `gradients`: where the user says that gradients are. None: it has none.

    Raises:
        OptionError: there is no such parameter or no such place.
    """
    known: dict[str, Target] = {one.name: one.name for one in parameters} | {names[key]: key for key in inputs}
    known |= {shown(path): one.name for one in parameters for path in one.paths if shown(path) not in known}
    found: dict[Target, Source | None] = {}
    for name, place in gradients.items():
        if name not in known:
            there = ", ".join(list(known)[:SHOWN]) or "none"
            raise OptionError(f"check_layer: gradients has {name!r}, wanted an input or a parameter: {there}")
        if place is None:
            found[known[name]] = None
        elif isinstance(place, int) and not isinstance(place, bool):
            found[known[name]] = Source("returned", (("[", place),))
        else:
            path = _path(place) if isinstance(place, str) else None
            if path is None or read(layer, path) is MISSING:
                there = ", ".join(shown(one) for one in list(written_by_backward(run))[:SHOWN]) or "nothing"
                raise OptionError(
                    f"check_layer: gradients[{name!r}] is {shown_value(place)}, wanted what backward writes ({there}), "
                    "the position in what it returns, or None"
                )
            found[known[name]] = Source("place", path)
    return found


def _path(text: str) -> Path | None:
    """The place that a text names: dW, grads['W1'], layers[0].dW."""
    steps: list[tuple[str, Any]] = []
    pattern = re.compile(r"\.?(\w+)|\[(?:'([^']*)'|\"([^\"]*)\"|(\d+))\]")
    at = 0
    text = text.removeprefix("self.")
    while at < len(text):
        match = pattern.match(text, at)
        if match is None:
            return None
        attribute, single, double, index = match.groups()
        key = int(index) if index else double if single is None else single
        steps.append((".", attribute) if attribute else ("[", key))
        at = match.end()
    return tuple(steps) or None


def _leaves(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """The arrays in what backward returned, with the way to each."""
    if isinstance(value, Mapping):
        for key, entry in value.items():
            yield from _leaves(entry, (*path, ("[", key)))
    elif isinstance(value, tuple | list):
        for i, entry in enumerate(value):
            yield from _leaves(entry, (*path, ("[", i)))
    elif value is not None:
        yield path, value


def _in_order(shapes: Sequence[Shape], wanted: Sequence[Shape], start: int = 0) -> Iterator[list[int]]:
    """The ways to find the shapes, in their order, among those wanted; at most a few."""
    if not shapes:
        yield []
        return
    for j in range(start, len(wanted)):
        if wanted[j] == shapes[0]:
            for count, rest in enumerate(_in_order(shapes[1:], wanted, j + 1)):
                yield [j, *rest]
                if count > SHOWN:
                    return


def _by_shape(shapes: Sequence[Shape], wanted: Sequence[Shape]) -> list[list[int]]:
    """The one way to find the shapes in any order, if there is only one."""
    found = [[j for j, shape in enumerate(wanted) if shape == one] for one in shapes]
    alone = all(len(one) == 1 for one in found) and len({one[0] for one in found}) == len(found)
    return [[one[0] for one in found]] if alone else []


def _fit(word: str, name: str) -> int | None:
    """How well the key of a returned gradient fits the name of an input or a parameter."""
    last = name.rsplit(".", 1)[-1]
    if word in (name, last):
        return 0
    return rank(word, last)


def _word(path: Path) -> str:
    key = path[-1][1]
    return key.strip("_") if isinstance(key, str) else str(key)


def _quoted(target: Target, names: Mapping[Key, str]) -> str:
    return repr(target if isinstance(target, str) else names[target])
