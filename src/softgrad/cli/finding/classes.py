"""Gradients in the classes of a file: layers with forward and backward, networks with loss and gradient.

An object of each class is needed: one that the file made, or one made here with arguments that are found by trying.
"""

from __future__ import annotations

import copy
import inspect
import io
import itertools
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import redirect_stdout
from typing import Any

import numpy as np

from softgrad.check.layer.functions import LayerFunctions
from softgrad.check.layer.runs import OUTPUT_NAMES
from softgrad.cli.finding.fit import MOST_NAMES, AnyFit, Fit, best_first, by_name, refined, wanted
from softgrad.cli.finding.found import Found
from softgrad.cli.finding.known import Known, Missing, OfTheCode
from softgrad.cli.finding.names import is_derivative, is_loss, is_other, named_alike, pairings, words
from softgrad.cli.finding.objects import WithContext, outputs, stacked_outputs, with_loss_behind
from softgrad.cli.finding.options import other_value
from softgrad.cli.finding.roles import LENGTH_OF, NUMBERS, SIZES, Value, is_target, targets_of, values_for
from softgrad.cli.finding.search import pair
from softgrad.cli.finding.trial import Failed, Trial, is_numeric
from softgrad.cli.finding.written_widths import written_widths
from softgrad.errors import SoftgradError

FORWARDS = ("forward", "forward_pass", "forward_propagation", "feedforward", "feed_forward", "fprop", "__call__")
LOSSES = ("loss", "cost", "compute_loss", "compute_cost", "cost_function", "objective")
BACKWARDS = ("backward", "backward_pass", "backprop", "backpropagate", "back_propagation", "bprop")
MOST_OBJECTS = 40  # of a class that are tried
MOST_TRAINED = 60  # calls of fit(X, y)
INTEGERS = (Value("length", "D"), Value("length", "C"))  # for parameters of the constructor with other names
CONTEXTS = ("ctx", "context")
OF_FILE = "the object of the file"
MOST_FITS = 12  # inputs of an object that are tried


def search_classes(
    classes: Mapping[str, type], values: Sequence[Any], known: Known
) -> tuple[list[list[Found]], list[Missing]]:
    """Every layer and every network among the classes; and what cannot be checked.

    Args:
        classes: of the file, by name.
        values: what else the file holds, among which may be objects of these classes.
        known: what is known of the inputs.
    """
    gradients: list[list[Found]] = []
    missing: list[Missing] = []
    for name, kind in classes.items():
        methods = _methods(kind)
        if issubclass(kind, BaseException):
            continue
        if any(base.__module__.partition(".")[0] == "torch" for base in kind.__mro__[1:]):
            if "backward" in vars(kind):  # a module is differentiated by torch
                of_torch = "it is a class of torch; check it in Python, with softgrad.torch.check"
                missing.append(Missing(name, OfTheCode(of_torch)))
            continue
        if methods is None:
            gradients += _of_methods(name, kind, [one for one in values if type(one) is kind][:1], ("", ""), known)
            continue
        if any(kind in other.__mro__[1:] for other in classes.values()) and not _runs_by_itself(kind, methods[0]):
            continue  # the base of others
        made = [one for one in values if type(one) is kind]
        found, why = _of_class(name, kind, made[:1], methods, known)
        if found is not None:
            gradients.append([found])
        elif why is not None:
            missing.append(Missing(name, why))
        gradients += _of_methods(name, kind, made[:1], methods, known)
    return gradients, missing


def _of_methods(
    name: str, kind: type, made: Sequence[Any], used: tuple[str, str | bool], known: Known
) -> Iterator[list[Found]]:
    """Pairs of other methods, such as sigmoid and sigmoid_derivative."""
    methods = [one for one, value in inspect.getmembers(kind, callable) if not one.startswith("_") and one not in used]
    pairs = [one for one in pairings(methods) if one.partners and named_alike(one)]
    if not pairs:
        return
    for one in made or [one for _, one in itertools.islice(_objects(name, kind, known), 1)]:
        for found in pairs:
            partner = found.partners[0]
            ways, _ = pair(
                f"{name}.{partner}", getattr(one, partner), found.derivative, getattr(one, found.derivative), known
            )
            if ways:
                yield ways


def _runs_by_itself(kind: type, forward: str) -> bool:
    """Whether the forward pass of a class takes inputs, and is not only there to be replaced."""
    return bool([one for one in wanted(getattr(kind, forward)) or () if one != "self"])


def _methods(kind: type) -> tuple[str, str | bool] | None:
    """The method of the forward pass, and that of the backward pass; True if the loss may return its gradients."""
    has = [name for name, one in inspect.getmembers(kind) if callable(one) and (name == "__call__" or name[:2] != "__")]
    derivatives = [name for name in has if is_derivative(name, has)]
    passes = [name for name in derivatives if {"backward", "back"} & set(words(name)) or name in BACKWARDS]
    gradients = [name for name in derivatives if {"gradient", "gradients", "grad", "grads"} & set(words(name))]
    forward = next((name for name in has if name.strip("_") in FORWARDS or name == "__call__"), None)
    loss = next((name for name in has if name.strip("_") in LOSSES), None) or next(
        (name for name in has if is_loss(name) and not is_other(name) and name not in derivatives), None
    )
    if forward is not None and passes:
        whole = (
            loss if loss is not None and _takes_target(kind, passes[0]) and not _takes_target(kind, forward) else None
        )
        return whole or forward, passes[0]
    if loss is not None and (gradients or passes):
        return loss, (gradients or passes)[0]
    return (loss, True) if loss is not None else None


def _takes_target(kind: type, method: str) -> bool:
    return bool(targets_of(wanted(getattr(kind, method)) or ()))


def _of_class(
    name: str, kind: type, made: Sequence[Any], methods: tuple[str, str | bool], known: Known
) -> tuple[Found | None, str | None]:
    """A layer to check; or why there is none, and None for a class that computes nothing itself."""
    forward, backward = methods
    names = [one for one in wanted(getattr(kind, forward)) or () if one != "self"]
    behind = _behind(kind, names, methods)
    if behind is not None:
        names = behind[1]
    if not names:
        return None, None if backward is True else f"{name}.{forward} takes no inputs by position"
    if backward is not True:
        targets = targets_of(wanted(getattr(kind, str(backward))) or ())
        if targets and not any(map(is_target, names)) and not _has_loss(kind):
            way = f"add one, such as loss(self, {names[0]}, {targets[0]})"
            return None, f"{backward} takes the target {targets[0]}, and no method returns the loss; {way}"
    error = f"no arguments were found for {name}{_signature(kind)}; make one object in the file, such as a global"
    objects: Iterator[tuple[str, Any]] = itertools.chain(((OF_FILE, one) for one in made), _objects(name, kind, known))
    if names[0] in CONTEXTS:
        names, objects = names[1:], iter([(name, WithContext(kind, *methods))])
    of_file = ""  # why the object of the file cannot be checked
    for said, one in objects:
        if behind is not None:
            one = with_loss_behind(one, behind[0], forward, names)
        _train(one, forward, names, known)
        if any(isinstance(value, list | tuple) and not value for value in getattr(one, "__dict__", {}).values()):
            error = of_file or f"{name} has an empty list; make an object with layers in the file"
            continue
        method = _with_output(one, forward)
        trial = Trial((getattr(one, forward),))
        misfit: Found | None = None  # a gradient has another shape than what it is for: other inputs may fit
        error = f"no inputs were found for {name}.{forward}({', '.join(names)})"
        held = dict(getattr(one, "__dict__", {}))
        fits = known.fits(method, names, trial, weighted=_holds_arrays(one), held=held)
        for fit, result in itertools.islice(fits, MOST_FITS):
            if backward is True and not _is_loss_and_gradient(result):
                return None, None
            fit = refined(method, fit, trial)
            count = outputs(result, getattr(one, str(backward), None))
            whole = stacked_outputs(one, methods, count) if count > 1 else one
            refused, all_fit = _tried(whole, methods, fit)
            if refused is None and all_fit:
                return _found(name, said, whole, methods, fit), None
            column = _with_column(fit)
            if column is not None and _tried(whole, methods, column) == (None, True):
                return _found(name, said, whole, methods, refined(method, column, trial)), None
            if refused is None:
                misfit = misfit or _found(name, said, whole, methods, fit)
            else:
                trial.errors.append((-1, refused))
        if misfit is not None:
            return misfit, None
        if trial.deepest_error.startswith("NotImplementedError"):
            return None, None  # the base of other classes
        refusals = Counter(text for depth, text in trial.errors if depth < 0).most_common(1)
        error += f": {refusals[0][0] if refusals else trial.deepest_error}"
        of_file = of_file or (error if said == OF_FILE else "")
    error = of_file or error
    return None, error if backward is not True else None


def _behind(kind: type, names: Sequence[str], methods: tuple[str, str | bool]) -> tuple[str, list[str]] | None:
    """The forward pass whose prediction a loss takes, and the names of all inputs; None if it takes the inputs."""
    loss, backward = methods
    predict = next((name for name in dir(kind) if name.strip("_") in FORWARDS), None)
    if backward is True or predict in (None, loss) or not is_loss(loss):
        return None
    given = [name for name in wanted(getattr(kind, str(predict))) or () if name != "self"]
    targets = [name for name in names if is_target(name)]
    if len(names) != 2 or len(targets) != 1 or not given or set(given) & set(names):
        return None
    target = [*targets_of(wanted(getattr(kind, str(backward))) or ()), *targets][0]
    return str(predict), [*given, target]


def _train(one: Any, forward: str, names: Sequence[str], known: Known) -> None:
    """Calls fit(X, y) once, if an object has no parameters before that."""
    train = getattr(one, "fit", None)
    if not callable(train) or None not in vars(one).values() or wanted(train) != list(names):
        return
    trial = Trial((train,), most=MOST_TRAINED)

    def trained(*inputs: Any) -> Any:
        other = copy.deepcopy(one)
        other.fit(*inputs)
        return getattr(other, forward)(*inputs)

    for fit, _ in itertools.islice(known.fits(trained, names, trial, weighted=True), 1):
        with redirect_stdout(io.StringIO()):
            train(*fit.draw(np.random.default_rng(0)))


def _tried(one: Any, methods: tuple[str, str | bool], fit: AnyFit) -> tuple[str | None, bool]:
    """Why an object cannot be checked with these inputs, None if it can; and whether its gradients have the shapes."""
    inputs, (forward, backward) = fit.draw(np.random.default_rng(0)), methods
    quiet = io.StringIO()
    try:
        with redirect_stdout(quiet), warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            functions = LayerFunctions(one, inputs, names=fit.names, gradients=None, forward=forward, backward=backward)
    except SoftgradError as error:
        return str(error).removeprefix("check_layer: "), False

    def gradients() -> Any:
        output = functions.forward(*functions.inputs)
        more = (output, np.ones_like(output)) if functions.takes_upstream else ()
        return functions.backward(*functions.inputs, *more)

    try:
        found = Trial((functions.holds,)).call(gradients, ())
    except Failed:
        return None, True  # the check will tell
    pairs = zip(found, functions.inputs, strict=False)
    arrays = ((one, given) for one, given in pairs if isinstance(given, np.ndarray) and one is not None)
    return None, all(np.shape(one) == given.shape for one, given in arrays)


def _with_column(fit: AnyFit) -> Fit | None:
    """The fit with the target as a column, as the output of a single unit is one; None where it is no vector."""
    name = next((name for name in fit.names if is_target(name)), "")
    if not isinstance(fit, Fit) or not name or fit.values[name].axes != "N":
        return None
    return fit._replace(values={**fit.values, name: Value("binary", "N1")})


def _has_loss(kind: type) -> bool:
    names = [name for name in dir(kind) if not name.startswith("_")]
    return any(is_loss(name) and not is_other(name) and not is_derivative(name, names) for name in names)


def _with_output(one: Any, forward: str) -> Callable[..., Any]:
    """The forward pass of an object, which may keep its output instead of returning it."""
    method = getattr(one, forward)

    def call(*inputs: Any) -> Any:
        result = method(*inputs)
        if result is None:
            return next((getattr(one, name) for name in OUTPUT_NAMES if hasattr(one, name)), None)
        return result

    call.parts = (method,)  # type: ignore[attr-defined]
    return call


def _holds_arrays(one: Any) -> bool:
    """Whether an object holds parameters, so that its input has features."""
    return (
        any(isinstance(value, np.ndarray | dict | list) for value in vars(one).values())
        if hasattr(one, "__dict__")
        else False
    )


def _found(name: str, said: str, one: Any, methods: tuple[str, str | bool], fit: AnyFit) -> Found:
    """An object with these inputs, and with others of widths that its backward pass has written out."""
    others = written_widths(fit, getattr(one, str(methods[1]), None)) if isinstance(fit, Fit) else ()
    usable = (width for width in others if _tried(one, methods, width) == (None, True))
    at_widths = tuple(_as_found(name, said, one, methods, width) for width in usable)
    return _as_found(name, said, one, methods, fit)._replace(at_widths=at_widths)


def _as_found(name: str, said: str, one: Any, methods: tuple[str, str | bool], fit: AnyFit) -> Found:
    forward, backward = methods
    lines = [f"{name} is {said}"] if said != name else []
    lines += [f"inputs: {fit.described}"] if fit.described else []
    return Found(
        f"{name}.{forward}" + (f" and {name}.{backward}" if backward is not True else ""),
        True,
        one,
        None,
        fit.draw,
        tuple(fit.names),
        said=tuple(lines),
        redrawn=fit.redrawn,
        methods={"forward": forward, "backward": backward},
    )


def _is_loss_and_gradient(result: Any) -> bool:
    return isinstance(result, tuple) and len(result) > 1 and np.ndim(result[0]) == 0 and is_numeric(result[0])


def _objects(name: str, kind: type, known: Known) -> Iterator[tuple[str, Any]]:
    """Objects of a class, made with arguments that its parameters are called by, each with how it was made."""
    parameters = _parameters(kind)
    if parameters is None or len(parameters) > MOST_NAMES:
        return
    made = by_name(kind, parameters)
    defaults = {one.name: one.default for one in inspect.signature(kind).parameters.values()} if parameters else {}
    others = {one: other_value(one, defaults[one]) for one in parameters}
    candidates = [
        [Value("constant", constant=value) for value in (others[one], defaults[one])]
        if others[one] is not None
        else _values(one, known)
        for one in parameters
    ]
    legacy = np.random.get_state()  # noqa: NPY002
    for values in itertools.islice(best_first(candidates), MOST_OBJECTS):
        rng = np.random.default_rng(0)
        arguments = [value.draw(rng, known.lengths) for value in values]
        try:
            np.random.seed(0)  # noqa: NPY002
            one = Trial(()).call(lambda *given: [made(*given)], arguments)[0]
        except Failed:
            continue
        finally:
            np.random.set_state(legacy)  # noqa: NPY002
        shown = ", ".join(
            f"{parameter}={_shown(argument)}" for parameter, argument in zip(parameters, arguments, strict=True)
        )
        yield f"{name}({shown})", one


def _shown(argument: Any) -> str:
    return "x".join(map(str, argument.shape)) if isinstance(argument, np.ndarray) else repr(argument)


def _values(parameter: str, known: Known) -> Sequence[Value]:
    low = parameter.lower().strip("_")
    if low in SIZES:
        lengths = known.lengths
        return [Value("constant", constant=[lengths["D"], lengths["H"], lengths["C"]])]
    if parameter in known.values:
        return [known.values[parameter]]
    if _is_length(parameter):
        return [Value("length", LENGTH_OF[low])]
    found = values_for(parameter, weighted=True, logs=False)
    return found if low in NUMBERS or found[0].kind != "real" else (*found[:4], *INTEGERS)


def _parameters(kind: type) -> list[str] | None:
    """The parameters of the constructor that get an argument.

    They are lengths, those without a default, and those with a default that hides mistakes.
    """
    if kind.__init__ is object.__init__:  # type: ignore[misc]
        return []
    needed = wanted(kind)
    if needed is None:
        return None
    return [
        one.name
        for one in inspect.signature(kind).parameters.values()
        if one.name in needed or _is_length(one.name) or other_value(one.name, one.default) is not None
    ]


def _is_length(name: str) -> bool:
    return len(name) > 1 and name.lower() in LENGTH_OF


def _signature(kind: Callable[..., Any]) -> str:
    try:
        return str(inspect.signature(kind))
    except (TypeError, ValueError):
        return "(...)"
