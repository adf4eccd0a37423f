"""What stands behind the logits: an activation, or a loss with its options. Each head is a few lines there and back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from softgrad.check.mistakes import layers, losses, softmax
from softgrad.check.mistakes.lines import Array

TEMPERATURES = (2.0, 0.5, 3.0, 4.0, 5.0, 1.5, 10.0, 0.1)
EPSILONS = tuple(10.0**-n for n in (2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 1))

BINARY = "-sum_k(t * log(a) + (1 - t) * log(1 - a))"

Bases = tuple[str | None, ...]  # of the logarithm; None for the natural one


class Head(NamedTuple):
    """Lines from the logits z to the output, and from the gradient that arrives there back to dz."""

    title: str
    forward: tuple[str, ...]
    output: str
    backward: tuple[str, ...]
    upstream: str
    constants: Mapping[str, Any] = {}
    roles: Mapping[str, int] = {}
    at: str = "z"  # what the input is called: z, or p where it holds probabilities


def activations(z: Array, y: Array, temperatures: tuple[float, ...]) -> Iterator[Head]:
    """Functions of z alone whose output has its shape."""
    yield Head("softmax", ("p = softmax(z)",), "p", (softmax.SOFTMAX,), "dp")
    yield Head("log-softmax", ("logp = log_softmax(z)", "p = exp(logp)"), "logp", (softmax.LOG_SOFTMAX,), "dp")
    for t in temperatures:
        over = f"temperature {t:g}"
        yield Head(f"softmax at {over}", ("p = softmax(z / T)",), "p", (softmax.SOFTMAX, "dz = dz / T"), "dp", {"T": t})
        yield Head(
            f"log-softmax at {over}",
            ("logp = log_softmax(z / T)", "p = exp(logp)"),
            "logp",
            (softmax.LOG_SOFTMAX, "dz = dz / T"),
            "dp",
            {"T": t},
        )
    yield Head("sigmoid", ("a = sigmoid(z)",), "a", (layers.SIGMOID,), "da")
    yield Head("tanh", ("a = tanh(z)",), "a", (layers.TANH,), "da")
    yield Head("ReLU", ("a = relu(z)",), "a", (layers.RELU,), "da")
    slope = _slope(z, y)
    if slope is not None:
        leaky = ("a = where(z > 0, z, slope * z)",)
        yield Head(f"leaky ReLU of slope {slope:g}", leaky, "a", (layers.LEAKY,), "da", {"slope": slope})
    yield Head("softplus", ("a = softplus(z)",), "a", ("dz = da * sigmoid(z)",), "da")
    yield Head("exp", ("a = exp(z)",), "a", ("dz = da * a",), "da")


def _slope(z: Array, y: Array) -> float | None:
    """The slope of a leaky ReLU, read off its output."""
    if z.shape != y.shape or not (z < 0).any():
        return None
    with np.errstate(all="ignore"):
        slopes = (y / z)[z < 0]
    return float(slopes[0]) if np.ptp(slopes) <= 1e-9 * abs(slopes[0]) and slopes[0] > 0 else None


def inferred_temperature(z: Array, y: Array, axis: int) -> tuple[float, ...]:
    """The temperature of a softmax or a log-softmax, read off its output."""
    if z.shape != y.shape or not z.size:
        return ()
    z, y = np.moveaxis(z, axis, -1).reshape(-1, z.shape[axis]), np.moveaxis(y, axis, -1).reshape(-1, z.shape[axis])
    row, found = np.ptp(z, axis=-1).argmax(), []
    with np.errstate(all="ignore"):
        for logs in (np.log(y[row]), y[row]):
            best = float(np.ptp(z[row]) / np.ptp(logs)) if np.ptp(logs) else 0.0
            if np.isfinite(best) and best > 0 and abs(best - 1) > 1e-6:
                found.append(float(f"{best:.10g}"))
    return tuple(found)


class Target(NamedTuple):
    """How the target of a loss is given: a line that makes t, and whether its rows sum to 1."""

    line: str | None
    roles: Mapping[str, int]
    sums_to_1: bool
    constants: Mapping[str, Any] = {}


class Options(NamedTuple):
    """What the user's arrays and words say of a loss; each a line or a number, or None."""

    weight: int | None = None  # the array of class weights
    weight_values: Any = None
    sample_weight: int | None = None
    mask: int | None = None
    ignore: float | None = None
    smoothing: float | None = None
    temperatures: tuple[float, ...] = ()
    smoothing_tried: tuple[float, ...] = ()
    integer_target: bool = False
    epsilons: tuple[float, ...] = ()


def cross_entropies(target: Target, options: Options, *, scalar: bool, bases: Bases = (None,)) -> Iterator[Head]:
    """The cross-entropy of softmax(z), with every option that may be in it."""
    makes_t = (target.line,) if target.line else ()
    for t in (1.0, *options.temperatures):
        over = "z" if t == 1.0 else "z / T"
        for eps in (None, *options.smoothing_tried):
            q = "t" if eps is None else "q"
            smooth = () if eps is None else ("q = (1 - eps) * t + eps / K",)
            for weights, weight_lines, divisors, extra, weight_roles in _weightings(options):
                factor = "".join(f"{name} * " for name in weights)
                rows = f"r = -sum_k({factor}{q} * logp)" if weights[:1] != ("w_k",) else f"r = -sum_k(w_k * {q} * logp)"
                lines = (f"p = softmax({over})", f"logp = log_softmax({over})", *makes_t, *smooth, *weight_lines, rows)
                fused = losses.FUSED if q == "t" else losses.SMOOTHED
                if not target.sums_to_1:
                    fused = f"dz = p * sum_k({q}) - {q}"
                back = [fused, *(f"dz = {name} * dz" for name in weights), *(("dz = dz / T",) if t != 1.0 else ())]
                constants = {
                    **target.constants,
                    **extra,
                    **({"T": t} if t != 1.0 else {}),
                    **({"eps": eps} if eps else {}),
                }
                title = (
                    "cross-entropy of softmax"
                    + (f", smoothing {eps:g}" if eps else "")
                    + (f", temperature {t:g}" if t != 1.0 else "")
                )
                yield from _reduced(
                    title,
                    lines,
                    back,
                    divisors,
                    constants,
                    {**target.roles, **weight_roles},
                    scalar=scalar,
                    bases=bases,
                )


def _weightings(
    options: Options,
) -> Iterator[tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...], dict[str, Any], dict[str, int]]]:
    """Factors of each row, the lines that make them, and the numbers that a mean may be divided by."""
    ignoring = options.ignore is not None and options.integer_target
    valid = (f"v = rows(1.0 * (y != {options.ignore:g}))",) if ignoring else ()
    v = ("v",) if ignoring else ()
    count = ("n = sum_all(v)",) if ignoring else ()
    if options.mask is not None:
        yield ("mask",), ("mask = rows(1.0 * mask_)", "n = sum_all(mask)"), ("n", "m"), {}, {"mask_": options.mask}
    if options.weight is not None or options.weight_values is not None:
        roles = {"w": options.weight} if options.weight is not None else {}
        extra = {} if options.weight is not None else {"w": np.asarray(options.weight_values, dtype=float)}
        pick = "c = pick(w, y)" if options.integer_target else "c = sum_k(classes(w) * t)"
        yield (
            (*v, "c"),
            (*valid, *count, pick, f"sum_w = sum_all({'v * ' if v else ''}c)"),
            ("sum_w", "n" if v else "m"),
            extra,
            roles,
        )
    if options.sample_weight is not None:
        lines = ("s = rows(s_)", "sum_w = sum_all(s)")
        yield (*v, "s"), (*valid, *count, *lines), ("m", "sum_w"), {}, {"s_": options.sample_weight}
    if ignoring:
        yield v, (*valid, *count), ("n", "m"), {}, {}
    else:
        yield (), (), ("m",), {}, {}


def _reduced(
    title: str,
    lines: tuple[str, ...],
    back: list[str],
    divisors: tuple[str, ...],
    constants: dict[str, Any],
    roles: dict[str, int],
    *,
    scalar: bool,
    bases: Bases = (None,),
) -> Iterator[Head]:
    """The rows' losses as they are, their mean by each divisor, and their sum; in bits and in tens too."""
    if not scalar:
        yield Head(
            f"{title}, a loss for each row",
            (*lines, "loss = per_row(r)"),
            "loss",
            (*back, "dz = rows(g) * dz"),
            "g",
            constants,
            roles,
        )
        return
    for divisor in (*divisors, None, "m * K" if "m" in divisors else None):
        for base in bases:
            by = [f"({divisor})" if divisor == "m * K" else divisor] if divisor else []
            by += [f"log({base})"] if base else []
            loss = "loss = sum_all(r)" + "".join(f" / {one}" for one in by)
            whole = "mean" if divisor in ("m", "n", "sum_w") else "sum" if divisor is None else "mean over all entries"
            name = f"{whole} {title}" + (f", logarithm to base {base}" if base else "")
            yield Head(
                name,
                (*lines, loss),
                "loss",
                (*back, *(f"dz = dz / {one}" for one in by), "dz = g * dz"),
                "g",
                constants,
                roles,
            )


def other_losses(target: Target, *, scalar: bool) -> Iterator[Head]:
    """Squared error of softmax and of z itself, the Kullback-Leibler divergence, and losses of sigmoid."""
    makes_t = (target.line,) if target.line else ()
    p = ("p = softmax(z)", "logp = log_softmax(z)", *makes_t)
    a = ("a = sigmoid(z)", *makes_t)
    for title, lines, row, back in (
        ("squared error of softmax", p, "sum_k((p - t) ** 2)", ["dp = 2 * (p - t)", softmax.SOFTMAX_IN_LOSS]),
        ("half squared error of softmax", p, "sum_k((p - t) ** 2) / 2", ["dp = p - t", softmax.SOFTMAX_IN_LOSS]),
        ("Kullback-Leibler divergence", p, "sum_k(where(t > 0, t * (log(t) - logp), 0))", [losses.FUSED]),
        ("binary cross-entropy of sigmoid", a, "sum_k(softplus(z) - t * z)", [losses.BINARY]),
        ("squared error of sigmoid", a, "sum_k((a - t) ** 2)", ["da = 2 * (a - t)", layers.SIGMOID]),
        ("half squared error of sigmoid", a, "sum_k((a - t) ** 2) / 2", ["da = a - t", layers.SIGMOID]),
        ("squared error", makes_t, "sum_k((z - t) ** 2)", ["dz = 2 * (z - t)"]),
        ("half squared error", makes_t, "sum_k((z - t) ** 2) / 2", ["dz = z - t"]),
    ):
        yield from _reduced(
            title, (*lines, f"r = {row}"), back, ("m",), dict(target.constants), dict(target.roles), scalar=scalar
        )


def away_from_0(target: Target, *, scalar: bool, epsilons: tuple[float, ...]) -> Iterator[Head]:
    """The cross-entropy with a small number added to the probabilities before their logarithm."""
    makes_t = (target.line,) if target.line else ()
    for eps in epsilons:
        lines = ("p = softmax(z)", *makes_t, "r = -sum_k(t * log(p + eps))")
        title = f"cross-entropy of softmax, with {eps:g} added to the probabilities"
        constants = {**target.constants, "eps": eps}
        yield from _reduced(
            title, lines, [losses.FUSED_AWAY_FROM_0], ("m",), constants, dict(target.roles), scalar=scalar
        )


def losses_of_probabilities(
    target: Target, *, scalar: bool, epsilons: tuple[float, ...] = (), bases: Bases = (None,)
) -> Iterator[Head]:
    """Losses of probabilities that are given as such, or as logarithms; the input is called p, its gradient dp."""
    makes_t = (target.line,) if target.line else ()
    for title, row, back, extra in (
        ("cross-entropy of probabilities", "-sum_k(where(t == 0, 0, t * log(p)))", losses.AT_PROBABILITIES, {}),
        ("squared error of probabilities", "sum_k((p - t) ** 2)", losses.SQUARED[1], {}),
        ("half squared error of probabilities", "sum_k((p - t) ** 2) / 2", losses.SQUARED[0], {}),
        ("binary cross-entropy of probabilities", BINARY, losses.BINARY_AT_PROBABILITIES, {}),
        ("negative log-likelihood of log-probabilities", "-sum_k(t * z)", "dz = -t", {}),
        *(
            (
                "cross-entropy of probabilities, a small number added",
                "-sum_k(t * log(p + eps))",
                losses.AWAY_FROM_0,
                {"eps": eps},
            )
            for eps in epsilons
        ),
    ):
        grad = back.partition(" = ")[0]
        lines = (*makes_t, *(("a = p",) if row == BINARY else ()), f"r = {row}")
        constants = {**target.constants, **extra}
        for head in _reduced(title, lines, [back], ("m",), constants, dict(target.roles), scalar=scalar, bases=bases):
            yield head._replace(backward=tuple(line.replace("dz", grad) for line in head.backward), at=grad[1:])
