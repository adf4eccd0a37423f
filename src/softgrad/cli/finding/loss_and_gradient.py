"""A function that returns a loss and its gradient, as softmax_loss(x, y) returns loss, dx."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from softgrad.cli.finding import found
from softgrad.cli.finding.conventions import Returned, readings
from softgrad.cli.finding.fit import DICT_NAMES, AnyFit, by_name, refined, wanted
from softgrad.cli.finding.found import Found, loss_first
from softgrad.cli.finding.globals_as_inputs import by_names, global_parameters, global_values, with_globals
from softgrad.cli.finding.known import Known, OfTheCode
from softgrad.cli.finding.options import hiding, only, shared_options, with_options
from softgrad.cli.finding.returned_names import returns_several
from softgrad.cli.finding.roles import is_weight
from softgrad.cli.finding.trial import Failed, Trial
from softgrad.cli.finding.written_widths import has_samples_written

MOST_FITS = 120  # of a function, that are tried


def both(name: str, function: Callable[..., Any], known: Known) -> tuple[list[Found], str]:
    """A function that returns the loss and its gradient, if it is one; otherwise why it could not be called."""
    arrays = global_parameters(function, function) if returns_several(function) and known.draw is None else []
    if arrays:
        more = known._replace(values={**known.values, **global_values(function, arrays)})
        ways, why = _both(name, with_globals(by_names(function), arrays), more)
        if ways:
            return ways, why
    options = shared_options(function, function, wanted(function) or []) if known.draw is None else {}
    more_needed = with_options(function, list(options)) if options else None
    as_it_is, why = _both(name, function, known)
    if more_needed is not None and as_it_is:
        ways, _ = _both(name, more_needed, known._replace(options=options))
        if any(way.fits for way in ways):
            return [way._replace(beside=tuple(as_it_is)) for way in ways], ""
    return at_defaults(as_it_is, function), why


def at_defaults(ways: list[Found], function: Callable[..., Any]) -> list[Found]:
    """The ways, told that options which hide mistakes stay at their defaults."""
    names = wanted(function) or []
    left = {name: value for name, value in hiding(function).items() if name not in names}
    return [way._replace(said=(*way.said, only(left))) for way in ways] if left else ways


def _both(name: str, function: Callable[..., Any], known: Known) -> tuple[list[Found], str]:
    names = wanted(function)
    if not names:
        return [], ""
    trial = Trial((function,))
    called = by_name(function, names)
    ordered = loss_first(called)
    second: list[Found] = []
    runs = 0
    for fit, result in limited(known.fits(ordered, names, trial)):
        runs += 1
        if not isinstance(result, tuple):
            return second, ""
        if np.ndim(result[0]):
            continue
        fit = refined(called, fit, trial)
        inputs = fit.draw(np.random.default_rng(0))
        try:
            result = trial.call(ordered, inputs)
        except Failed:
            continue
        read = readings(found.cache_of(result), inputs, names, real_inputs(fit), result[0], upstream=True)
        ways = [_with_gradient(name, called, fit, names, returned) for returned in read]
        if any(one.fits for one in ways):
            return ways, ""
        second = second or ways
    fault = trial.fault_of(ordered)
    if fault and not runs:
        return second, OfTheCode(f"{name} {fault}")
    error = f": {trial.deepest_error}" if trial.deepest_error else ""
    return second, "" if runs else f"no inputs were found for {name}({', '.join(names)}){error}"


def _with_gradient(
    name: str, called: Callable[..., Any], fit: AnyFit, names: Sequence[str], returned: Returned
) -> Found:
    wrt = tuple(i for i, _ in returned.entries)
    drawn = [f"inputs: {fit.described}"] if fit.described else []
    both_of = loss_first(called)
    return Found(
        name,
        False,
        found.output_only(both_of),
        found.gradient_beside(both_of, returned, found.cache_of),
        fit.draw,
        tuple(names),
        wrt,
        (*drawn, f"it returns the loss and the gradient for {listed(names, wrt)}"),
        fits=returned.fits,
        some_fit=returned.some_fit,
        redrawn=fit.redrawn and not has_samples_written(fit, called),
    )


def real_inputs(fit: AnyFit) -> list[int]:
    """The numbers of the inputs that can have a gradient, the learned ones first."""
    return sorted(fit.real, key=lambda i: not is_weight(fit.names[i]) and fit.names[i] not in DICT_NAMES)


def listed(names: Sequence[str], numbers: Sequence[int]) -> str:
    """The names of inputs, by their numbers."""
    return ", ".join(names[i] for i in numbers)


def limited(found_fits: Iterator[tuple[AnyFit, Any]]) -> Iterator[tuple[AnyFit, Any]]:
    """The first of the arguments with which a function runs."""
    for _, one in zip(range(MOST_FITS), found_fits, strict=False):
        yield one
