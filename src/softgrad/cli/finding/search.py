"""The search of a file for gradients to check: which functions belong together, how they are called, and with what."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from softgrad._messages import counted
from softgrad.cli.finding import found
from softgrad.cli.finding.conventions import Call, Returned, calls, is_upstream, readings
from softgrad.cli.finding.fit import AnyFit, Fit, GivenFit, by_name, flattened, leading, names_used, refined, wanted
from softgrad.cli.finding.found import Found, composed, from_outputs, stacked
from softgrad.cli.finding.globals_as_inputs import global_parameters, global_values, with_globals
from softgrad.cli.finding.known import Known, Missing, OfTheCode
from softgrad.cli.finding.loss_and_gradient import at_defaults, both, limited, listed, real_inputs
from softgrad.cli.finding.names import Pairing, is_loss, is_other, pairings
from softgrad.cli.finding.options import shared_options, with_options
from softgrad.cli.finding.returned_names import returned_names, returns_several
from softgrad.cli.finding.roles import PROBABILITY_NAMES, is_target, targets_of
from softgrad.cli.finding.trial import Failed, Trial, copied, is_number
from softgrad.cli.finding.written_widths import has_samples_written, written_widths
from softgrad.errors import OptionError

ALONE = "there is no function that it is the gradient of"
MOST_OTHERS = 20  # of them, once there is one for which backward returns gradients
MOST_WAYS = 4  # of one gradient


def search(functions: Mapping[str, Callable[..., Any]], known: Known) -> tuple[list[list[Found]], list[Missing]]:
    """Every gradient among the functions, each in the ways in which it may be meant; and what cannot be checked."""
    gradients: list[list[Found]] = []
    missing: list[Missing] = []
    used: set[str] = set()
    for pairing in pairings(list(functions)):
        ways, partners, why = _of_derivative(pairing, functions, known)
        if ways:
            gradients.append(ways)
        else:
            missing.append(Missing(pairing.derivative, why))
        used |= {pairing.derivative, *partners}
    for name, function in functions.items():
        if name not in used and (is_loss(name) or name == "propagate") and not is_other(name):
            ways, why = both(name, function, known)
            if ways:
                gradients.append(ways)
            elif why and returns_several(function):
                missing.append(Missing(name, why))
    return gradients, missing


def of_name(name: str, functions: Mapping[str, Callable[..., Any]]) -> dict[str, Callable[..., Any]]:
    """The function of this name and those that may be its derivative."""
    wanted_too = {one.derivative for one in pairings(list(functions)) if name in one.partners}
    return {other: function for other, function in functions.items() if other == name or other in wanted_too}


def _of_derivative(
    pairing: Pairing, functions: Mapping[str, Callable[..., Any]], known: Known
) -> tuple[list[Found], Sequence[str], str]:
    """The ways in which a derivative may be meant, the functions that it is the derivative of, and why if none is."""
    name, whys = pairing.derivative, []
    backward = functions[name]
    for partner in pairing.partners:
        for others, forward, back in _forwards(partner, backward, functions):
            ways, why = pair(" and ".join(others), forward, name, back, known)
            ways = [*_behind_predictions(partner, name, functions, known), *ways] if len(others) == 1 else ways
            if ways:
                return ways, others, ""
            whys.append(why)
    for partner in pairing.partners:
        for others, forward, back in _forwards(partner, backward, functions):
            ways = _of_global_parameters(" and ".join(others), forward, name, back, known)
            if ways:
                return ways, others, ""
    of_the_code = [why for why in whys if isinstance(why, OfTheCode)]
    if of_the_code and of_the_code[0].startswith(name):  # it was called, and is no loss that returns its gradient
        return [], (), of_the_code[0]
    ways, _ = both(name, backward, known)
    no_loss = [] if ways or not whys else _without_a_loss(pairing, functions)
    return ways, (), (of_the_code or no_loss or whys or [ALONE])[0]


def _without_a_loss(pairing: Pairing, functions: Mapping[str, Callable[..., Any]]) -> list[str]:
    """Why a derivative that takes a target cannot be checked: no loss in the file takes one."""
    targets = targets_of(wanted(functions[pairing.derivative]) or ())
    taken = [wanted(one) or () for name, one in functions.items() if name != pairing.derivative]
    if not targets or any(len(names) > 1 and any(map(is_target, names)) for names in taken):  # not one_hot(y)
        return []
    given = ", ".join([*(wanted(functions[pairing.partners[0]]) or ()), targets[0]])
    why = f"{pairing.derivative} takes the target {targets[0]}, and no function returns the loss"
    return [OfTheCode(f"{why}; add one, such as loss({given})")]


def _of_global_parameters(
    name: str, forward: Callable[..., Any], other: str, backward: Callable[..., Any], known: Known
) -> list[Found]:
    """The ways in which a derivative may be meant that is for global arrays of the file."""
    arrays = global_parameters(forward, backward)
    if not arrays or known.draw is not None:
        return []
    more = known._replace(values={**known.values, **global_values(forward, arrays)})
    ways, _ = pair(name, with_globals(forward, arrays), other, with_globals(backward, arrays), more)
    return ways


def _forwards(
    partner: str, backward: Callable[..., Any], functions: Mapping[str, Callable[..., Any]]
) -> Iterator[tuple[tuple[str, ...], Callable[..., Any], Callable[..., Any]]]:
    """What a derivative may be the derivative of: its partner, or a loss of it if only backward takes a target.

    Each with the names of the functions, the forward pass and the backward pass.
    """
    forward = functions[partner]
    if inspect.isfunction(backward):
        upstreams = [name for name in inspect.signature(backward).parameters if is_upstream(name)]
        if len(upstreams) > 1:
            yield (partner,), *stacked(forward, backward, upstreams)
    if targets_of(wanted(backward) or ()) and not any(map(is_target, wanted(forward) or ())):
        outputs = returned_names(forward) if returns_several(forward) else []
        back = from_outputs(backward, outputs)
        for name, loss in functions.items():
            whole = composed(forward, loss, outputs if back else ()) if is_loss(name) and not is_other(name) else None
            if whole is not None:
                yield (partner, name), whole, back or backward
    yield (partner,), forward, backward


def _behind_predictions(
    loss: str, derivative: str, functions: Mapping[str, Callable[..., Any]], known: Known
) -> list[Found]:
    """A derivative for logits of a loss of probabilities, where it calls softmax itself, as the loss does not."""
    measure, backward = functions[loss], functions[derivative]
    predictions = [name for name in wanted(measure) or () if name.lower() in PROBABILITY_NAMES]
    if not is_loss(loss) or not predictions or set(predictions) & set(wanted(backward) or ()):
        return []
    for name, activation in functions.items():
        if name not in names_used(backward) or name in names_used(measure) or len(wanted(activation) or ()) != 1:
            continue
        whole = composed(activation, measure)
        ways = pair(f"{name} and {loss}", whole, derivative, backward, known)[0] if whole is not None else []
        if ways:
            return ways[:1]
    return []


def pair(
    name: str, forward: Callable[..., Any], other: str, backward: Callable[..., Any], known: Known
) -> tuple[list[Found], str]:
    """A forward pass and its derivative, in the ways in which they may be called; if there is none, why not.

    Options that both have are given other values than their defaults, where these hide mistakes.
    """
    names = wanted(forward)
    if names is None or not names:
        return [], f"{name} takes no arguments by position"
    options = shared_options(forward, backward, names)
    for shared in (options, {name: values for name, values in options.items() if values[0].kind == "constant"}):
        both_with = [with_options(one, list(shared)) for one in (forward, backward)] if shared else [None, None]
        if known.draw is None and both_with[0] is not None and both_with[1] is not None:
            ways, _ = _pair(name, both_with[0], other, both_with[1], known._replace(options=shared))
            if any(way.fits for way in ways):
                as_it_is, _ = _pair(name, forward, other, backward, known)
                return [way._replace(beside=tuple(as_it_is)) for way in ways], ""
    ways, why = _pair(name, forward, other, backward, known)
    return at_defaults(ways, forward), why


def _pair(
    name: str, forward: Callable[..., Any], other: str, backward: Callable[..., Any], known: Known
) -> tuple[list[Found], str]:
    """The same, with the arguments that both need."""
    names = wanted(forward) or []
    trial = Trial((forward, backward))
    called = by_name(forward, names)
    whole: list[Found] = []  # each gradient has the shape of its input
    partly: list[Found] = []
    kinds: list[Any] = []  # of inputs with which the functions run
    first: AnyFit | None = None  # with which backward runs
    runs = 0
    for fit, _ in limited(known.fits(called, names, trial)):
        runs += 1
        fit = refined(called, fit, trial)
        if _kinds(fit) in kinds:
            continue
        ways = list(_ways(name, called, other, backward, fit, trial, known.wrt))
        first = first or (fit if ways else None)
        fitting = [way for way in ways if way.fits]
        if fitting:
            kinds.append(_kinds(fit))
        if fitting or partly:
            whole += fitting
        else:
            partly = ways
        if ways and not whole and all(name in known.values for name in names):
            break  # with the arrays of the file, a gradient has another shape than its input
        layer = bool(ways) and ways[0].takes_upstream
        # A layer has the shapes of the first layout, though one of its gradients may not. A loss may have others.
        if (
            trial.left <= 0
            or sum(not way.takes_numbers for way in whole) >= MOST_WAYS
            or (whole and runs > MOST_OTHERS)
            or (layer and (whole or any(way.some_fit for way in ways)))
        ):
            break
    if partly and not whole and isinstance(first, Fit):
        for fit in flattened(first, called):
            ways = list(_ways(name, called, other, backward, fit, trial, known.wrt))
            whole += [way for way in ways if way.fits]
    if whole or partly:
        ways, others = whole or partly, written_widths(first, backward) if isinstance(first, Fit) else ()
        at_widths = (_ways(name, called, other, backward, fit, trial, known.wrt) for fit in others)
        return [
            ways[0]._replace(at_widths=tuple(way for found in at_widths for way in found if way.fits)),
            *ways[1:],
        ], ""
    fault = trial.fault_of(backward if runs else called)
    if fault:
        return [], OfTheCode(f"{other if runs else name} {fault}")
    error = f": {trial.deepest_error}" if trial.deepest_error else ""
    if runs:
        return [], f"{other} could not be called with what {name} takes and returns{error}"
    if known.draw is not None:
        given = len(known.draw(called, names)(np.random.default_rng(0)))
        if given != len(names):
            takes = f"{name} takes {', '.join(names)}"
            return [], OfTheCode(
                f"{takes}, and {counted(given, 'input')} {'is' if given == 1 else 'are'} given; give one for each"
            )
        target = next((one for one in names if is_target(one)), None)
        drawn = known.inputs.shapes and target
        way = f"give --target classes in place of the shape of {target}" if drawn else "give other ones"
        return [], OfTheCode(f"{name} cannot be called with the inputs that are given{error}; {way}")
    return [], f"no inputs were found for {name}({', '.join(names)}){error}"


def _kinds(fit: AnyFit) -> Any:
    """What the inputs are: probabilities are real numbers too, and show less of a function that takes any."""
    if isinstance(fit, GivenFit):
        return None
    return tuple(("real" if v.is_real and v.axes else v.kind, v.axes, repr(v.constant)) for v in fit.values.values())


def _ways(
    name: str,
    forward: Callable[..., Any],
    other: str,
    backward: Callable[..., Any],
    fit: AnyFit,
    trial: Trial,
    wrt: int | tuple[int, ...] | None,
) -> Iterator[Found]:
    """The ways to call backward that return gradients."""
    names = list(fit.names)
    inputs = fit.draw(np.random.default_rng(0))
    try:
        result = trial.call(forward, inputs)
    except Failed:
        return
    output = leading(result)
    handed = trial.call(lambda *given: found.predicted(forward, given, output), inputs)
    has_cache = isinstance(result, tuple) and len(result) > 1
    cache = found.cache_of(result) if has_cache else None
    scalar = np.size(output) == 1 and np.ndim(output) == 0
    upstream = 1.0 if scalar else np.random.default_rng(1).standard_normal(np.shape(output))
    real = real_inputs(fit)
    seen = set()
    for call in calls(backward, names, has_cache=has_cache, scalar=scalar):
        try:
            arguments = call.arguments(inputs, handed, upstream, cache)
            value = trial.call(backward, arguments, before=lambda: forward(*map(copied, inputs)))
        except Failed:
            continue
        trial.notice_result(backward, value if value is None else 0)
        two = scalar and isinstance(value, tuple) and len(value) == 2 and is_number(value[0])
        if two and (np.ndim(value[1]) or np.isclose(value[0], output)):
            continue  # a loss and its gradient: `both` takes it
        read = readings(value, inputs, names, real, output, upstream="upstream" in call.sources)
        if scalar and wrt is not None:
            read = [_asked_for(wrt, value, inputs, names, other)]
        if isinstance(value, tuple) and len(value) > len(names) and not read:
            trial.notice(backward, f"returns {len(value)} values, wanted one gradient for each input of {name}")
        for returned in read:
            key = (call.sources, returned.form, returned.entries[0][0])
            if key not in seen:
                seen.add(key)
                yield _found(name, forward, other, backward, fit, call, returned, scalar, has_cache)


def _asked_for(
    wrt: int | tuple[int, ...], value: Any, inputs: Sequence[Any], names: Sequence[str], other: str
) -> Returned:
    """The gradients as --wrt reads them."""
    entries = ((wrt, None),) if isinstance(wrt, int) else tuple((i, k) for k, i in enumerate(wrt))
    if not all(0 <= i < len(inputs) for i, _ in entries):
        raise OptionError(f"check: --wrt is beyond the inputs, which are {len(inputs)}")
    one_array = isinstance(value, np.ndarray) and isinstance(wrt, tuple)
    if one_array and [np.shape(inputs[i]) for i, _ in entries] != [np.shape(row) for row in value]:
        wanted_for = " and ".join(names[i] for i, _ in entries)
        raise OptionError(f"check: {other} returns one array, wanted {len(entries)} gradients, for {wanted_for}")
    return Returned(entries, "gradient", True, True)


def _found(
    name: str,
    forward: Callable[..., Any],
    other: str,
    backward: Callable[..., Any],
    fit: AnyFit,
    call: Call,
    returned: Returned,
    scalar: bool,
    has_cache: bool,
) -> Found:
    names, count = tuple(fit.names), len(fit.names)
    takes_upstream = not scalar
    said = [f"inputs: {fit.described}"] if fit.described else []
    direct = not has_cache and returned.form == "gradient" and all(place is None for _, place in returned.entries)
    if scalar:
        wrt = tuple(i for i, _ in returned.entries)
        if direct and call.sources == tuple(range(count)) and wanted(backward) == list(names):
            function, derivative = forward, by_name(backward, names)
        else:
            function, derivative = found.as_grad(forward, backward, call, returned)
        said.append(f"{_called(backward, call, other, names)} {found.READ} {listed(names, wrt)}")
    else:
        wrt = None
        if direct and call.sources == (*range(count), "output", "upstream") and returned.entries[0][0] == 0:
            function, derivative = forward, backward
        else:
            function, derivative = found.as_vjp(forward, backward, call, returned, count)
        form = "" if returned.form == "gradient" else f", which returns the {returned.form}"
        said.append(f"called as {_called(backward, call, other, names)}{form}")
    return Found(
        f"{name} and {other}",
        takes_upstream,
        function,
        derivative,
        fit.draw,
        names,
        wrt,
        tuple(said),
        fits=returned.fits,
        some_fit=returned.some_fit,
        redrawn=fit.redrawn and not has_samples_written(fit, backward),
    )


def _called(backward: Callable[..., Any], call: Call, other: str, names: Sequence[str]) -> str:
    """How backward is called, in words: by its own arguments, where these stand for a cache or for global arrays."""
    if not hasattr(backward, "parts") or hasattr(backward, "same_arguments"):
        return call.described(other, names)
    return f"{other}({', '.join(inspect.signature(backward.parts[0]).parameters)})"
