"""Losses as output functions: of logits, with all combinations of their options, and of probabilities."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from softgrad.check.catalogue.activations import SIGMOID
from softgrad.check.catalogue.cross_entropy import (
    ANY_SUM,
    FUSED_AWAY_FROM_0,
    NEXT_STEP,
    REVERSED_CROSS_ENTROPY,
    SMOOTHED,
    SMOOTHED_TO_ANY_SUM,
    SMOOTHINGS,
)
from softgrad.check.catalogue.other_losses import (
    AWAY_FROM_0,
    BINARY,
    BINARY_AT_PROBABILITIES,
    REVERSED,
    REVERSED_AT_PROBABILITIES,
    REVERSED_BINARY,
    SMOOTHED_AT_PROBABILITIES,
    SQUARED,
)
from softgrad.check.recognise.interpretation import LossOptions, Target
from softgrad.check.recognise.output_function import OutputFunction
from softgrad.formulas.losses import AT_PROBABILITIES, FUSED, LOSSES, SOFTMAX_IN_LOSS, LossRow

EPSILONS = tuple(10.0**-n for n in (2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 1))
BASES = ("2", "10")  # of the logarithm, other than e
SMOOTHING, *OTHER_SMOOTHINGS = SMOOTHINGS
SHIFTED_LABELS = (  # (the line of the target, what the title says of it)
    ("t = one_hot(y - 1)", "labels from 1"),
    ("t = shift_back(one_hot(y))", "labels less 1"),
    ("t = shift(one_hot(y))", "labels plus 1"),
)
REVERSED_ROW = "sum_k(p * (logp - log(t)))"
BINARY_ROW = "-sum_k(t * log(a) + (1 - t) * log(1 - a))"

WHOLE = {  # what a loss divides the sum over the rows by, in words
    "": "sum over the samples",
    "m": "mean over the samples",
    "n": "mean over the samples that count",
    "sum_w": "weighted mean over the samples",
    "(m * K)": "mean over all entries",
    "m_0": "sum over the samples, divided by the length of the first batch axis,",
}
FACTORS = {"mask": "masked rows", "v": "ignored rows", "c": "class weights", "s": "sample weights"}


class RowLoss(NamedTuple):
    """The loss r of one row: the lines that compute it, and the lines back from it."""

    title: str
    forward: tuple[str, ...]
    backward: tuple[str, ...]
    divisors: tuple[str, ...] = ("m",)  # what a mean over the rows may divide by
    constants: Mapping[str, Any] = {}
    roles: Mapping[str, int] = {}
    input: str = "z"  # the name of the input: p for probabilities

    def output_functions(
        self, *, scalar: bool, stacked: bool = True, bases: Sequence[str | None] = (None,)
    ) -> Iterator[OutputFunction]:
        """The losses of all rows, or their means and their sum; for each base of the logarithm.

        `stacked` where several axes count rows: a mean may divide by the length of the first.
        """
        grad = f"d{self.input}"
        if not scalar:
            lines, back = (*self.forward, "loss = per_row(r)"), (*self.backward, f"{grad} = rows(g) * {grad}")
            title = f"the {self.title}, for each row"
            yield OutputFunction(title, lines, "loss", back, "g", self.constants, self.roles, self.input)
            return
        wider = ("(m * K)", *(("m_0",) if stacked else ())) if "m" in self.divisors else ()  # m_0: sequences, images
        for divisor in (*self.divisors, "", *wider):
            for base in bases:
                by = [*([divisor] if divisor else []), *([f"log({base})"] if base else [])]
                title = f"the {WHOLE[divisor]} of the {self.title}" + (f" to base {base}" if base else "")
                lines = (*self.forward, "loss = sum_all(r)" + "".join(f" / {one}" for one in by))
                back = (*self.backward, *(f"{grad} = {grad} / {one}" for one in by), f"{grad} = g * {grad}")
                yield OutputFunction(title, lines, "loss", back, "g", self.constants, self.roles, self.input)


class RowFactor(NamedTuple):
    """What multiplies the loss of each row, such as a class weight or a mask."""

    names: tuple[str, ...]
    lines: tuple[str, ...]  # compute them, and what a mean divides by
    divisors: tuple[str, ...]
    constants: Mapping[str, Any] = {}
    roles: Mapping[str, int] = {}


def cross_entropies(target: Target, options: LossOptions) -> Iterator[RowLoss]:
    """The cross-entropy of softmax(z), with all combinations of the options."""
    for temperature in (None, *options.temperatures):
        for eps in (None, *options.smoothings):
            for factor in _row_factors(options):
                yield _cross_entropy(target, temperature, eps, factor)
                if options.z_loss is not None:
                    yield _cross_entropy(target, temperature, eps, factor, options.z_loss)


def smoothed_otherwise(target: Target, options: LossOptions) -> Iterator[RowLoss]:
    """The cross-entropy of softmax(z), with the target smoothed in other ways than the usual one."""
    for eps in options.smoothings:
        for smoothing in OTHER_SMOOTHINGS:
            for factor in _row_factors(options):
                yield _cross_entropy(target, None, eps, factor, smoothing=smoothing)


def of_shifted_labels(target: Target, options: LossOptions) -> Iterator[RowLoss]:
    """The cross-entropy of softmax(z) where forward takes another label than that of the row."""
    if not options.integer_target or target.line is None:
        return
    for line, said in SHIFTED_LABELS:
        for row in cross_entropies(target._replace(line=line), options):
            yield row._replace(title=f"{row.title}, {said}")
    label = target.line.removeprefix("t = ")
    forward = ("p = softmax(z)", "logp = log_softmax(z)", f"t = next_m({label})", "n = sum_all(t)")
    title = "cross-entropy of softmax, each row with the label of the next"
    lines = (*forward, "r = -sum_k(t * logp)")
    yield RowLoss(title, lines, (NEXT_STEP,), ("n", "m"), target.constants, target.roles)


def _cross_entropy(
    target: Target,
    temperature: float | None,
    eps: float | None,
    factor: RowFactor,
    z_loss: float | None = None,
    smoothing: str = SMOOTHING,
) -> RowLoss:
    z, q = "z" if temperature is None else "z / T", "t" if eps is None else "q"
    forward = [f"p = softmax({z})", f"logp = log_softmax({z})", *_target_lines(target)]
    if eps is not None:
        forward.append(f"q = {smoothing}")
    row = f"-sum_k({q} * logp)"
    if z_loss is not None:
        forward.append(f"lse = max_k({z}) + log(sum_k(exp({z} - max_k({z}))))")
        row = f"({row} + z_loss * lse ** 2)"
    way, sums_to_1 = SMOOTHINGS[smoothing]
    fused = (FUSED, ANY_SUM) if eps is None else (SMOOTHED, SMOOTHED_TO_ANY_SUM)
    back = [fused[0 if target.sums_to_1 and sums_to_1 else 1], *(f"dz = {f} * dz" for f in factor.names)]
    if z_loss is not None:
        back.insert(1, "dz = dz + 2 * z_loss * lse * p")
    if temperature is not None:
        back.append("dz = dz / T")
    said = ("" if eps is None else f", smoothing {eps:g}{way}") + (
        "" if temperature is None else f", temperature {temperature:g}"
    )
    given = {name: value for name, value in (("T", temperature), ("eps", eps), ("z_loss", z_loss)) if value is not None}
    said += "".join(f", {FACTORS[name]}" for name in factor.names)
    return RowLoss(
        f"cross-entropy of softmax{said}",
        (*forward, *factor.lines, f"r = {' * '.join((*factor.names, row))}"),
        tuple(back),
        factor.divisors,
        {**target.constants, **factor.constants, **given},
        {**target.roles, **factor.roles},
    )


def _row_factors(options: LossOptions) -> Iterator[RowFactor]:
    """A mask of rows, class weights, sample weights, ignored rows, or nothing."""
    v: tuple[str, ...] = ()
    count: tuple[str, ...] = ()
    if options.ignore is not None and options.integer_target:
        v, count = ("v",), (f"v = rows(1.0 * (y != {options.ignore}))", "n = sum_all(v)")
    if options.mask is not None:
        yield RowFactor(
            ("mask",), ("mask = rows(1.0 * mask_)", "n = sum_all(mask)"), ("n", "m"), {}, {"mask_": options.mask}
        )
    if options.weight is not None or options.weight_values is not None:
        roles = {} if options.weight is None else {"w": options.weight}
        values = {} if roles else {"w": np.asarray(options.weight_values, dtype=float)}
        own = "c = pick(w, y)" if options.integer_target else "c = sum_k(classes(w) * t)"
        total = "sum_w = sum_all(v * c)" if v else "sum_w = sum_all(c)"
        yield RowFactor((*v, "c"), (*count, own, total), ("sum_w", "n" if v else "m"), values, roles)
    if options.sample_weight is not None:
        lines = (*count, "s = rows(s_)", "sum_w = sum_all(s)")
        yield RowFactor((*v, "s"), lines, ("m", "sum_w"), {}, {"s_": options.sample_weight})
    yield RowFactor(v, count, ("n", "m") if v else ("m",))


def other_losses(target: Target) -> Iterator[RowLoss]:
    """The squared error of softmax and of z itself, the Kullback-Leibler divergence, and losses of sigmoid."""
    p = ("p = softmax(z)", "logp = log_softmax(z)", *_target_lines(target))
    a = ("a = sigmoid(z)", *_target_lines(target))
    for title, lines, row, back in (
        ("squared error of softmax", p, "sum_k((p - t) ** 2)", (SQUARED[1], SOFTMAX_IN_LOSS)),
        *(
            (row.of_softmax, p, row.row_loss, row.backward)
            for row in LOSSES.values()
            if row.name != "cross_entropy" and not row.parameter
        ),
        ("divergence of softmax from the target", p, REVERSED_ROW, (REVERSED,)),
        ("cross-entropy of the target under softmax", p, "-sum_k(p * log(t))", (REVERSED_CROSS_ENTROPY,)),
        (
            "binary cross-entropy of the target under sigmoid",
            a,
            "-sum_k(a * log(t) + (1 - a) * log(1 - t))",
            (REVERSED_BINARY,),
        ),
        ("binary cross-entropy of sigmoid", a, "sum_k(softplus(z) - t * z)", (BINARY,)),
        ("squared error of sigmoid", a, "sum_k((a - t) ** 2)", ("da = 2 * (a - t)", SIGMOID)),
        ("half squared error of sigmoid", a, "sum_k((a - t) ** 2) / 2", ("da = a - t", SIGMOID)),
        ("squared error", _target_lines(target), "sum_k((z - t) ** 2)", ("dz = 2 * (z - t)",)),
        ("half squared error", _target_lines(target), "sum_k((z - t) ** 2) / 2", ("dz = z - t",)),
    ):
        yield RowLoss(title, (*lines, f"r = {row}"), back, constants=target.constants, roles=target.roles)


def with_parameter(target: Target, options: LossOptions) -> Iterator[RowLoss]:
    """The losses that take a number of their own, with all values to try and everything that may multiply a row."""
    for row in LOSSES.values():
        for value in options.parameters[row.parameter.name] if row.parameter else ():
            for factor in _row_factors(options):
                yield _with_parameter(row, value, target, factor)


def _with_parameter(row: LossRow, value: float, target: Target, factor: RowFactor) -> RowLoss:
    name = row.parameter.name if row.parameter else ""
    forward = ("p = softmax(z)", "logp = log_softmax(z)", *_target_lines(target), *factor.lines)
    return RowLoss(
        f"{row.of_softmax}, {name} {value:g}" + "".join(f", {FACTORS[one]}" for one in factor.names),
        (*forward, f"r = {' * '.join((*factor.names, f'({row.row_loss})'))}"),
        (*row.backward, *(f"dz = {one} * dz" for one in factor.names)),
        factor.divisors,
        {**target.constants, **factor.constants, name: value},
        {**target.roles, **factor.roles},
    )


def away_from_0(target: Target, epsilons: tuple[float, ...]) -> Iterator[RowLoss]:
    """The cross-entropy with a small number added to the probabilities inside the logarithm."""
    lines = ("p = softmax(z)", *_target_lines(target), "r = -sum_k(t * log(p + eps))")
    for eps in epsilons:
        title = f"cross-entropy of softmax with {eps:g} added"
        constants = {**target.constants, "eps": eps}
        yield RowLoss(title, lines, (FUSED_AWAY_FROM_0,), constants=constants, roles=target.roles)


def of_probabilities(target: Target, epsilons: tuple[float, ...] = ()) -> Iterator[RowLoss]:
    """Losses whose input is probabilities, or their logarithms."""
    for title, row, back in (
        ("cross-entropy of probabilities", "-sum_k(where(t == 0, 0, t * log(p)))", AT_PROBABILITIES),
        ("Kullback-Leibler divergence of probabilities", "sum_k(t * (log(t) - log(p)))", AT_PROBABILITIES),
        ("divergence of probabilities from the target", "sum_k(p * (log(p) - log(t)))", REVERSED_AT_PROBABILITIES),
        ("squared error of probabilities", "sum_k((p - t) ** 2)", SQUARED[1]),
        ("half squared error of probabilities", "sum_k((p - t) ** 2) / 2", SQUARED[0]),
        ("binary cross-entropy of probabilities", BINARY_ROW, BINARY_AT_PROBABILITIES),
        # Against real numbers, this is any inner product.
        ("Kullback-Leibler divergence of log-probabilities", "sum_k(t * (log(t) - z))", "dz = -t"),
        *((("negative log-likelihood of log-probabilities", "-sum_k(t * z)", "dz = -t"),) if target.sums_to_1 else ()),
    ):
        lines = (*_target_lines(target), *(("a = p",) if row == BINARY_ROW else ()), f"r = {row}")
        yield RowLoss(title, lines, (back,), constants=target.constants, roles=target.roles, input=back[1])
    lines = (*_target_lines(target), "r = -sum_k(t * log(p + eps))")
    for eps in epsilons:
        title = f"cross-entropy of probabilities with {eps:g} added"
        constants = {**target.constants, "eps": eps}
        yield RowLoss(title, lines, (AWAY_FROM_0,), constants=constants, roles=target.roles, input="p")


def of_probabilities_otherwise(target: Target, options: LossOptions) -> Iterator[RowLoss]:
    """The cross-entropy of probabilities, against a target that is smoothed, or that forward shifts."""
    for eps, (smoothing, (way, _)) in itertools.product(options.smoothings, SMOOTHINGS.items()):
        lines = (*_target_lines(target), f"q = {smoothing}", "r = -sum_k(q * log(p))")
        title = f"cross-entropy of probabilities, smoothing {eps:g}{way}"
        constants = {**target.constants, "eps": eps}
        yield RowLoss(title, lines, (SMOOTHED_AT_PROBABILITIES,), constants=constants, roles=target.roles, input="p")
    if options.integer_target and target.line is not None:
        for line, said in SHIFTED_LABELS:
            for row in of_probabilities(target._replace(line=line)):
                yield row._replace(title=f"{row.title}, {said}")


def _target_lines(target: Target) -> tuple[str, ...]:
    return () if target.line is None else (target.line,)
