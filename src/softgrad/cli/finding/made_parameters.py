"""Parameters as the file makes them: what a function such as initialize_parameters(n_x, n_h, n_y) returns."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from softgrad.cli.finding.fit import MOST_NAMES, best_first, by_name, wanted
from softgrad.cli.finding.names import words
from softgrad.cli.finding.roles import LENGTH_OF, SIZES, Lengths, Value, values_for
from softgrad.cli.finding.trial import Failed, Trial
from softgrad.cli.finding.values_in_file import holds_arrays

MAKERS = {"init", "initialize", "initialise", "initializer", "create", "make", "build"}
CONFIGURATIONS = ("cfg", "config", "configuration", "conf", "hparams")
MOST_TRIES = 20


def made_parameters(functions: Mapping[str, Callable[..., Any]], lengths: Lengths) -> list[Value]:
    """The dicts and lists of arrays that functions of these names return, for small layers."""
    found = []
    for name, function in functions.items():
        names = wanted(function) if MAKERS & set(words(name)) else None
        if names is None or len(names) > MOST_NAMES:
            continue
        trial, called = Trial((function,)), by_name(function, names)
        candidates = [_configuration(function, one) or _values(one, lengths) for one in names]
        for values in itertools.islice(best_first(candidates), MOST_TRIES):
            rng = np.random.default_rng(0)
            try:
                made = trial.call(called, [value.draw(rng, lengths) for value in values])
            except Failed:
                continue
            if isinstance(made, dict | list) and holds_arrays(made):
                found.append(Value("like", constant=made))
                break
    return found


def _values(parameter: str, lengths: Lengths) -> Sequence[Value]:
    low = parameter.lower().strip("_")
    if low in SIZES:
        return [Value("constant", constant=[lengths["D"], lengths["H"], lengths["C"]])]
    if low in LENGTH_OF:
        return [Value("length", LENGTH_OF[low])]
    return values_for(parameter, weighted=True, logs=False)[:4]


def _configuration(function: Callable[..., Any], parameter: str) -> list[Value]:
    """An object of the class that the file annotates a parameter with, or calls a configuration, if it has defaults."""
    space = getattr(function, "__globals__", {})
    annotation = getattr(function, "__annotations__", {}).get(parameter)
    kind = space.get(annotation) if isinstance(annotation, str) else annotation
    if kind is None and parameter.lower().strip("_") in CONFIGURATIONS:
        kinds = [one for name, one in space.items() if inspect.isclass(one) and name.endswith("Config")]
        kind = kinds[0] if len(kinds) == 1 else None
    if not inspect.isclass(kind) or kind.__module__ != function.__module__:
        return []
    try:
        return [Value("constant", constant=Trial(()).call(kind, []))]
    except Failed:
        return []
