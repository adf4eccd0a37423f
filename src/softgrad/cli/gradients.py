"""Which gradients of a file the command checks: those that the options name, or all that are found."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from softgrad.cli.finding.classes import search_classes
from softgrad.cli.finding.found import Found
from softgrad.cli.finding.known import Given, Known, Missing, OfTheCode
from softgrad.cli.finding.loss_and_gradient import both
from softgrad.cli.finding.made_parameters import made_parameters
from softgrad.cli.finding.search import ALONE, of_name, pair, search
from softgrad.cli.finding.trial import Failed, Trial
from softgrad.cli.finding.values_in_file import values_in
from softgrad.cli.inputs import Asked, Maker, drawn, logits_shapes, returned_by
from softgrad.cli.signatures import check_takes, check_takes_vjp, parameters, takes
from softgrad.cli.user_file import UserFile
from softgrad.errors import OptionError

PAIRS = (("forward", "vjp"), ("loss", "grad"))  # options, and the functions that are looked for without them


class Request(NamedTuple):
    """What the options say."""

    names: Mapping[str, str | None]  # the option, "forward", "vjp", "loss" or "grad", to the name of a function
    inputs: Asked
    wrt: int | tuple[int, ...] | None
    seed: int


class Gradients(NamedTuple):
    """The gradients to check, each in the ways in which it may be meant; and what is left out, and why."""

    ways: list[list[Found]]
    missing: list[Missing]


def gradients_in(code: UserFile, request: Request) -> Gradients:
    """The gradients of a file.

    Raises:
        OptionError: there are none, or the options do not fit them.
    """
    draw = _given_inputs(code, request.inputs)
    names = _named_pair(code, request, inputs_given=draw is not None)
    values, lengths = values_in(vars(code.module))
    functions = {name: code.function(name, "--forward") for name in code.functions()}
    known = Known(request.inputs, draw, values, lengths, made_parameters(functions, lengths), request.wrt)
    classes = {name: getattr(code.module, name) for name in code.classes()}
    alone = _named_alone(code, request.names)
    if alone is not None:
        functions = {} if alone in classes else of_name(alone, functions)
        classes = {alone: classes[alone]} if alone in classes else {}
    elif names is not None:
        return Gradients([_of_pair(code, names, known, request.seed)], [])
    ways, missing = search(functions, known)
    of_classes, not_checked = search_classes(classes, list(vars(code.module).values()), known)
    ways, missing = ways + of_classes, missing + not_checked
    if alone in functions and not ways:
        found, why = both(alone, functions[alone], known)
        missing += [Missing(alone, why)] if why else []
        ways = [found] if found else []
    if not ways:
        raise _nothing_found(code, request.names, missing, inputs_given=draw is not None)
    order = list(vars(code.module))
    return Gradients(sorted(ways, key=lambda found: _place_in(order, found[0].title)), missing)


def _place_in(order: Sequence[str], title: str) -> int:
    """Where the functions of a title, or the class of its methods, stand in the file: where the last of them does."""
    names = [part.partition(".")[0] for part in title.split(" and ")]
    return max((order.index(name) for name in names if name in order), default=len(order))


def _given_inputs(code: UserFile, inputs: Asked) -> Given | None:
    """Draws the inputs that the options or the file give, for a function and the names of its parameters."""
    if inputs.shapes:
        return lambda function, names: _drawn(inputs, function, names)
    if "inputs" not in code:
        return None
    if inputs.target is not None:
        raise OptionError(
            "check: --target is an option of --shape; where the file defines inputs(rng), that returns the target"
        )
    returned = returned_by(code.function("inputs", "--shape"))
    return lambda function, names: returned


def _drawn(inputs: Asked, function: Callable[..., Any], names: Sequence[str]) -> Maker:
    """The inputs of --shape; the target is for the first logits with which the function runs."""
    usual = drawn(inputs, names)
    if inputs.target is None or len(inputs.shapes) < 2:
        return usual
    trial = Trial((function,))
    for shape in logits_shapes(inputs):
        draw = drawn(inputs, names, shape)
        try:
            trial.call(function, draw(np.random.default_rng(0)))
        except Failed:
            continue
        return draw
    return usual


def _named_pair(code: UserFile, request: Request, *, inputs_given: bool) -> dict[str, str] | None:
    """The functions that the options name, or, if the inputs are given, those with the usual names.

    None for all that the file has.
    """
    asked = [pair for pair in PAIRS if any(request.names[option] for option in pair)]
    if not asked and inputs_given:
        asked = [pair for pair in PAIRS if all(option in code for option in pair)]
    if len(asked) > 1:
        raise OptionError("check: two pairs of functions; give --forward and --vjp, or --loss and --grad")
    return {option: request.names[option] or option for option in asked[0]} if asked else None


def _named_alone(code: UserFile, given: Mapping[str, str | None]) -> str | None:
    """The function or class that --forward or --loss names alone, if its partner is to be found by the name."""
    named = [(option, name) for option, name in given.items() if name]
    if len(named) != 1 or named[0][0] not in ("forward", "loss"):
        return None
    option, name = named[0]
    if dict(PAIRS)[option] in code:
        return None
    if name not in code.classes():
        code.function(name, f"--{option}")
    return name


def _of_pair(code: UserFile, names: Mapping[str, str], known: Known, seed: int) -> list[Found]:
    """The gradient of two functions: called as the checker calls them if they take that, otherwise as they can be."""
    function, derivative = (code.function(name, f"--{option}") for option, name in names.items())
    takes_upstream = "vjp" in names
    if takes_upstream and known.wrt is not None:
        raise OptionError("check: --wrt is an option of --loss and --grad; a vjp returns the gradients for all inputs")
    first, second = names.values()
    title = f"{first} and {second}"
    if known.draw is None:
        ways, why = pair(first, function, second, derivative, known)
        if isinstance(why, OfTheCode):
            raise OptionError(f"check: {code.path}: {why}")
        if not ways:
            raise OptionError(
                f"check: {why}; give --shape once for each input, such as --shape 4x3, or define inputs(rng) in "
                f"{code.path}, which returns a tuple of them"
            )
        return ways
    draw = known.draw(function, parameters(function))
    inputs = draw(np.random.default_rng(seed))
    check_takes(first, function, inputs)
    if not takes_upstream:
        check_takes(second, derivative, inputs)
        ways, _ = pair(first, function, second, derivative, known) if known.wrt is None else ([], "")
        several = [way for way in ways if way.fits and isinstance(way.wrt, tuple) and len(way.wrt) > 1]
        if several:
            return several
    elif not takes(derivative, len(inputs) + 2):
        ways, _ = pair(first, function, second, derivative, known)
        if any(way.fits for way in ways):
            return ways
        _check_runs(first, function, inputs)
        check_takes_vjp(second, derivative, function, inputs)
    return [Found(title, takes_upstream, function, derivative, draw, wrt=known.wrt)]


def _check_runs(name: str, function: Callable[..., Any], inputs: Sequence[Any]) -> None:
    """Raises OptionError if a forward pass raises at the inputs that are given."""
    try:
        Trial((function,)).call(function, inputs)
    except Failed as error:
        shapes = ", ".join("x".join(map(str, np.shape(one))) or "one number" for one in inputs)
        raise OptionError(f"check: {name} raised {error} with inputs of shape {shapes}; give other shapes") from error


def _nothing_found(
    code: UserFile, given: Mapping[str, str | None], missing: Sequence[Missing], *, inputs_given: bool
) -> OptionError:
    """Says what the file has, and what to do."""
    if not code.functions() and not code.classes():
        return OptionError(f"check: {code.path} {'is empty' if code.is_empty else 'has no functions'}")
    for names in PAIRS:
        absent = [name for name in names if name not in code]
        if len(absent) == 1 and (not missing or missing[0].name in names):
            return OptionError(
                f"check: {code.path} has no function {absent[0]!r}; {code.guess(absent[0])}{code.describe()}; "
                f"choose one with --{absent[0]}"
            )
    if missing:
        name, why = missing[0]
        if isinstance(why, OfTheCode):
            return OptionError(f"check: {code.path}: {name} cannot be checked: {why}")
        way = "give --shape once for each input, such as --shape 4x3, or define inputs(rng), which returns them all"
        if inputs_given:
            way = "give other inputs"
        if why == ALONE:
            way = f"name both, as --forward NAME --vjp {name} or --loss NAME --grad {name}"
        return OptionError(f"check: {code.path}: {name} cannot be checked: {why}; {way}")
    return OptionError(
        f"check: {code.path} has neither forward and vjp nor loss and grad; {code.guess(*given)}{code.describe()}; "
        "name two, as --forward NAME --vjp NAME or --loss NAME --grad NAME"
    )
