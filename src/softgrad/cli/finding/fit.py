"""The search of arguments with which a function can be called: by names first, then by trying."""

from __future__ import annotations

import heapq
import inspect
import itertools
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from softgrad.check.user.arguments import is_real
from softgrad.cli.finding.layouts import Preferred, entries_for, layouts
from softgrad.cli.finding.roles import (
    ALWAYS,
    FLAT_NAMES,
    NUMBERS,
    RATINGS,
    Lengths,
    Value,
    is_target,
    is_weight,
    values_for,
)
from softgrad.cli.finding.trial import Failed, Trial, is_numeric
from softgrad.cli.inputs import Maker

PER_LAYOUT = 150  # combinations of values that are tried for one layout
EXACTLY, FEW = 12, 3  # combinations with just the values of the layout, and values of each other argument
MOST_NAMES = 16  # of arguments, whose values are searched for
LONGEST_FLAT = 80  # of a vector with all parameters
LOGARITHMS = re.compile(r"\blog\d*\(|\.log\d*\(|entropy|nll|\bbce|\bkl_")
NOISY = re.compile(r"log_?var|log_?std|log_?sigma")
HINGES = re.compile(r"hinge|svm|perceptron")
DICT_NAMES = ("params", "parameters", "weights", "model", "p", "theta", "w", "net", "param")


class Fit(NamedTuple):
    """Arguments with which a function runs."""

    values: Mapping[str, Value]  # by the name of the argument, in their order
    lengths: Lengths

    def draw(self, rng: np.random.Generator) -> tuple[Any, ...]:
        """Other arguments of the same kinds."""
        return tuple(value.draw(rng, self.lengths) for value in self.values.values())

    @property
    def names(self) -> list[str]:
        """Of the arguments."""
        return list(self.values)

    @property
    def real(self) -> list[int]:
        """The numbers of the arguments that can have a gradient."""
        return [i for i, value in enumerate(self.values.values()) if value.is_real]

    @property
    def redrawn(self) -> bool:
        """Whether other draws have other numbers: those of the file stay."""
        return not any(
            value.kind == "constant" and isinstance(value.constant, np.ndarray) for value in self.values.values()
        )

    @property
    def described(self) -> str:
        """In words."""
        return ", ".join(value.described(name, self.lengths) for name, value in self.values.items())


class GivenFit(NamedTuple):
    """Arguments that the options or the file give."""

    names: Sequence[str]
    draw: Maker
    real: Sequence[int]
    described: str = ""
    redrawn: bool = True


AnyFit = Fit | GivenFit


def given_fits(
    function: Callable[..., Any], names: Sequence[str], trial: Trial, maker: Maker
) -> Iterator[tuple[GivenFit, Any]]:
    """The arguments that are given, if the function takes them."""
    values = maker(np.random.default_rng(0))
    if len(values) == len(names):
        real = [i for i, value in enumerate(values) if _has_gradient(names[i], value)]
        fit = GivenFit(names, maker, real)
        result = _result(function, fit, trial)
        if result is not None:
            yield fit, result


def _has_gradient(name: str, value: Any) -> bool:
    """Whether an input may have a gradient: arrays and single numbers, such as a bias, but no targets and options."""
    if is_target(name) or (_is_float(value) and name.lower().strip("_") in NUMBERS):
        return False
    return _is_float(value) or is_real(value)


def _is_float(value: Any) -> bool:
    """Whether a value is a single floating number."""
    return isinstance(value, float | np.floating)


def flattened(fit: Fit, function: Callable[..., Any]) -> Iterator[Fit]:
    """The fit with an array of several axes drawn as a vector, where the function brings its inputs into shape."""
    if "reshape" not in names_used(function):
        return
    for name, value in fit.values.items():
        if value.kind == "real" and len(value.axes) > 1:
            size = math.prod(value.shape(fit.lengths))
            yield Fit({**fit.values, name: Value("real", "T")}, {**fit.lengths, "T": size})


def wanted(function: Callable[..., Any]) -> list[str] | None:
    """The parameters that get an argument: those without a default, targets, and penalties that default to 0."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return None
    names = []
    for one in parameters:
        if one.kind in (one.VAR_POSITIONAL, one.VAR_KEYWORD):
            continue
        needed = one.default is one.empty
        off = one.default is None or (not isinstance(one.default, str | np.ndarray) and one.default in (0, None))
        if needed or (off and (is_target(one.name) or one.name.lower().strip("_") in ALWAYS)):
            if one.kind is one.KEYWORD_ONLY:
                return None
            names.append(one.name)
    return names


def by_name(function: Callable[..., Any], names: Sequence[str]) -> Callable[..., Any]:
    """The function as one of these parameters by position, though parameters with defaults may stand between them."""
    try:
        own = list(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        return function
    if own[: len(names)] == list(names):
        return function

    def called(*values: Any) -> Any:
        return function(**dict(zip(names, values, strict=True)))

    called.parts = getattr(function, "parts", (function,))  # type: ignore[attr-defined]
    return called


def fits(
    function: Callable[..., Any],
    names: Sequence[str],
    trial: Trial,
    settled: Mapping[str, Sequence[Value]],
    lengths: Lengths,
    *,
    weighted: bool = False,
    quick: bool = False,
) -> Iterator[tuple[Fit, Any]]:
    """Arguments with which the function returns finite numbers, the likeliest first, each with what it returns.

    Args:
        function: the user's.
        names: of its arguments.
        trial: makes the calls.
        settled: the values to try, where they are known, by the name of the argument.
        lengths: of the axes.
        weighted: whether there are weights elsewhere, so that x holds features.
        quick: whether only the likeliest values are tried.
    """
    if len(names) > MOST_NAMES:
        return
    seen: set[str] = set()
    weighted = weighted or (
        len(names) > 1 and any(is_weight(name) or name in DICT_NAMES or name.lower() in FLAT_NAMES for name in names)
    )
    own = {name: values_for(name, weighted=weighted, logs=_takes_logs(function)) for name in names}
    for name, value in _of_its_source(names, _source(function)):
        own[name] = (value, *(one for one in own[name] if len(one.axes) > 1 and "1" not in one.axes))
    if "reshape" in names_used(function):
        yield from _flat_fits(function, names, trial, own, settled, lengths)
    for exactly, most in ((True, EXACTLY), (False, FEW if quick else PER_LAYOUT)):
        for preferred in layouts(names, weighted=weighted):
            if exactly and not preferred:
                continue
            candidates = [_candidates(name, own[name], preferred, settled, function) for name in names]
            if exactly:  # what a layout says, as it says it; later other values in the place of each
                pairs = zip(names, candidates, strict=True)
                candidates = [values[: 1 if name in preferred else FEW] for name, values in pairs]
            for values in itertools.islice(best_first(candidates), most if preferred else 4 * most):
                if repr(values) in seen:
                    continue
                seen.add(repr(values))
                fit = Fit(dict(zip(names, values, strict=True)), lengths)
                result = _result(function, fit, trial)
                if result is not None:
                    yield fit, result
                if trial.left <= 0:
                    return


def _of_its_source(names: Sequence[str], source: str) -> Iterator[tuple[str, Value]]:
    """The likeliest values of arguments whose names alone mislead: the noise of a VAE, a matrix of ratings."""
    if NOISY.search(source):
        yield from ((name, Value("real", "NC")) for name in names if name.lower() in ("eps", "epsilon", "noise"))
    if set(RATINGS) & set(names):
        yield from ((name, Value("real", "NH")) for name in names if name in ("Y", "ratings"))
        yield from ((name, Value("mask", "NH")) for name in names if name in ("R", "mask"))


def names_used(function: Any) -> set[str]:
    """The names that the code of a function looks up, and that of the functions that it calls by a global name."""
    return {name for one in _functions_used(getattr(function, "parts", (function,))) for name in one.__code__.co_names}


def _functions_used(functions: Sequence[Any]) -> list[Any]:
    """The functions, and those that they call by a global name."""
    waiting, found = list(functions), []
    while waiting:
        one = waiting.pop(0)
        if inspect.isfunction(one) and one not in found:
            found.append(one)
            called = (one.__globals__.get(name) for name in one.__code__.co_names)
            waiting += [other for other in called if inspect.isfunction(other) and other.__globals__ is one.__globals__]
    return found


def _result(function: Callable[..., Any], fit: AnyFit, trial: Trial) -> Any:
    """What the function returns; None where it fails, or where its result does not depend on its arguments."""
    rng = np.random.default_rng(0)
    try:
        first, second = (trial.call(function, fit.draw(rng)) for _ in range(2))
    except Failed:
        return None
    outputs = [leading(one) for one in (first, second)]
    trial.notice_result(function, outputs[0])
    if not all(map(is_numeric, outputs)) or np.shape(outputs[0]) != np.shape(outputs[1]):
        return None
    return None if np.array_equal(*outputs) else first


def leading(result: Any) -> Any:
    """The output among what a forward pass returns; the rest may be a cache."""
    return result[0] if isinstance(result, tuple) and result else result


def _candidates(
    name: str,
    own: Sequence[Value],
    preferred: Preferred,
    settled: Mapping[str, Sequence[Value]],
    function: Callable[..., Any],
) -> list[Value]:
    if name in settled:
        return list(settled[name])
    first = [_of_its_kind(preferred[name], own)] if name in preferred else []
    if name.lower().strip("_") in DICT_NAMES and name not in preferred:
        first = [*_dicts(function), *first]
    return list({repr(value): value for value in (*first, *own)}.values())


def _of_its_kind(value: Value, own: Sequence[Value]) -> Value:
    """A value of a layout, as an argument of its name is drawn: a prediction as probabilities."""
    alike = [one for one in own if one.axes == value.axes and one.is_real]
    return alike[0] if alike and value.kind == "real" else value


def _dicts(function: Callable[..., Any]) -> list[Value]:
    """Dicts of parameters with the keys that the function looks up, or those that it calls."""
    parts = [getattr(part, "__func__", part) for part in getattr(function, "parts", (function,))]
    used = [constant for one in _functions_used(parts) for constant in one.__code__.co_consts]
    texts = [one for constant in used if isinstance(constant, str | tuple) for one in _texts(constant)]
    keys = list(dict.fromkeys(one for one in texts if re.fullmatch(r"(W|b|w|theta|Theta)[a-z]{0,2}_?\d?", one)))
    found = []
    if keys:
        for layout, end in (("rows", "C"), ("columns", "C"), ("transposed", "C"), ("columns", "1"), ("rows", "1")):
            entries = entries_for(keys, layout, end)
            if entries:
                found.append(Value("dict", constant=entries))
    return found


def _texts(constant: str | tuple[Any, ...]) -> list[str]:
    return [constant] if isinstance(constant, str) else [one for one in constant if isinstance(one, str)]


def best_first(candidates: Sequence[Sequence[Value]]) -> Iterator[tuple[Value, ...]]:
    """All combinations, by the sum of the ranks of their values."""
    if not all(candidates):
        return

    def order(ranks: tuple[int, ...]) -> tuple[int, int, tuple[int, ...]]:
        """By the sum of the ranks; of equal ones the one with more axes, which shows more mistakes."""
        axes = sum(len(values[rank].axes) for values, rank in zip(candidates, ranks, strict=True))
        return sum(ranks), -axes, ranks

    start = (0,) * len(candidates)
    waiting, seen = [order(start)], {start}
    while waiting:
        *_, ranks = heapq.heappop(waiting)
        yield tuple(values[rank] for values, rank in zip(candidates, ranks, strict=True))
        for place in range(len(ranks)):
            following = (*ranks[:place], ranks[place] + 1, *ranks[place + 1 :])
            if following[place] < len(candidates[place]) and following not in seen:
                seen.add(following)
                heapq.heappush(waiting, order(following))


def _flat_fits(
    function: Callable[..., Any],
    names: Sequence[str],
    trial: Trial,
    own: Mapping[str, Sequence[Value]],
    settled: Mapping[str, Sequence[Value]],
    lengths: Lengths,
) -> Iterator[tuple[Fit, Any]]:
    """All parameters unrolled into one vector: its length is found by trying, the shortest first."""
    flat = next((name for name in names if name.lower() in FLAT_NAMES and name not in settled), None)
    if flat is None:
        return
    others = [list(settled[name]) if name in settled else list(own[name])[:4] for name in names if name != flat]
    for combination in itertools.islice(best_first(others), 24):
        for length in range(2, LONGEST_FLAT):
            values = dict(zip([name for name in names if name != flat], combination, strict=True))
            values[flat] = Value("real", "T")
            fit = Fit({name: values[name] for name in names}, {**lengths, "T": length})
            result = _result(function, fit, trial)
            if result is not None:
                yield fit, result
            if trial.left <= 0:
                return


def _takes_logs(function: Callable[..., Any]) -> bool:
    """Whether a function speaks of logarithms or entropy: its predictions are then probabilities."""
    return bool(LOGARITHMS.search(_source(function)))


def _source(function: Callable[..., Any]) -> str:
    """The source of a function, or its name alone."""
    text = ""
    for part in getattr(function, "parts", (function,)):
        try:
            text += inspect.getsource(part)
        except (OSError, TypeError):
            text += str(getattr(part, "__name__", ""))
    return text


def refined(function: Callable[..., Any], fit: AnyFit, trial: Trial) -> AnyFit:
    """The fit with a target of class indices turned into numbers, where the function uses it as a number.

    A loss that is linear in the target takes 0 and 1; any other takes real numbers.
    """
    if isinstance(fit, GivenFit):
        return fit
    labels = ("classes", "binary")
    name = next((name for name, value in fit.values.items() if value.kind in labels and value.axes), None)
    if name is None:
        return fit
    place = list(fit.values).index(name)
    arguments = list(fit.draw(np.random.default_rng(0)))
    step = np.random.default_rng(1).uniform(0.1, 0.9, np.shape(arguments[place]))
    outputs = []
    try:
        for times in range(3):
            moved = [*arguments[:place], arguments[place] + times * step, *arguments[place + 1 :]]
            outputs.append(np.asarray(leading(trial.call(function, moved)), dtype=float))
    except (Failed, TypeError, ValueError):
        return fit
    a, b, c = outputs
    if not (np.isfinite(b).all() and np.isfinite(c).all()) or np.array_equal(a, b):
        return fit  # the numbers are cut to integers: class indices after all
    if HINGES.search(_source(function)):
        kind = "signs"
    else:
        kind = "binary" if np.allclose(c - b, b - a, rtol=1e-9, atol=1e-12) else "real"
    other = Fit({**fit.values, name: Value(kind, fit.values[name].axes)}, fit.lengths)
    return other if _result(function, other, trial) is not None else fit
