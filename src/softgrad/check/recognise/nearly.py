"""Forward passes that are nearly known: softmax without keepdims, a sum without its axis, p[:, y] in a loss.

Searched only where the function is unknown, in the same way: behind dense layers or none, on several draws. Each is
a known function with two kinds of backward lines: those that are right for the function that was probably meant.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from softgrad.check.catalogue.forward_passes import (
    ALONG_ROWS,
    NEAR_BINARY,
    NEAR_LOG_SOFTMAX,
    NEAR_LOGSUMEXP,
    NEAR_SOFTMAX,
    NEAR_SQUARED,
    NEAR_SUMS,
    NearLine,
)
from softgrad.check.catalogue.log_softmax import LOG_SOFTMAX
from softgrad.check.catalogue.other_losses import BINARY
from softgrad.check.catalogue.softmax import SOFTMAX
from softgrad.check.recognise.assemble import EvaluatedLayers
from softgrad.check.recognise.evidence import is_shown
from softgrad.check.recognise.interpretation import Target, UserArray, interpretations
from softgrad.check.recognise.known_function import KnownFunction
from softgrad.check.recognise.layer_search import dense_layers
from softgrad.check.recognise.output_function import OutputFunction
from softgrad.check.recognise.tries import Tries
from softgrad.formulas.language import IMPOSSIBLE
from softgrad.formulas.losses import FUSED
from softgrad.formulas.numbers import Array

MOST_TRIES = 1_000
DIVISORS = ("m", "", "(m * K)")
PAIRS = ("(m * m)", "m", "")  # what a loss over all pairs may be divided by


class NearForward(NamedTuple):
    """A forward pass that is nearly a known one."""

    line: NearLine
    functions: tuple[KnownFunction, ...]  # this forward pass, with backward lines that are right for the known one

    @property
    def remark(self) -> str:
        """What is true of it."""
        return f"forward is nearly {self.functions[0].title}: {self._said(self.line.remark)}"

    @property
    def fix(self) -> str:
        """The usual line."""
        return self._said(self.line.fix)

    def _said(self, text: str) -> str:
        layout = self.functions[0].layout
        columns = layout.class_axis % layout.ndim != layout.ndim - 1
        return text.format(axis=layout.class_axis, row="column" if columns else "row")


Lines = tuple[str, ...]


class _Variant(NamedTuple):
    """One way to write an output function nearly right, and the backward lines of the right one."""

    line: NearLine
    title: str
    forward: Lines
    output: str
    backwards: tuple[tuple[Lines, Lines], ...]  # forward lines that they need, and backward lines
    upstream: str
    target: Target | None = None


def nearly_known(
    samples: Sequence[tuple[Sequence[UserArray], Array]], context: Mapping[str, Any], *, rtol: float
) -> Iterator[NearForward]:
    """The forward passes of the catalogue that give the user's outputs; several, if the layout does not show.

    Args:
        samples: several times, the user's arrays and the output at them; of an unknown function.
        context: what the user says.
        rtol: the relative error allowed in the outputs.
    """
    arrays, output = samples[0]
    plain = [one.array for one in arrays]
    drawn = [([one.array for one in more], value) for more, value in samples]
    tries = Tries(MOST_TRIES, plain)
    for meaning in interpretations(arrays, context):
        if (meaning.target is None) is (output.ndim == 0):
            continue  # a loss has a target, and an array has none
        for layers in dense_layers(arrays, meaning.used, context, (-1, 0)):
            if tries.is_spent():
                return
            try:
                evaluated = EvaluatedLayers(layers, plain, rtol)
            except IMPOSSIBLE:
                continue
            for variant in _variants(evaluated.logits, output, meaning.target):
                if tries.is_spent():
                    return
                function, *others = _functions(variant)
                found = evaluated.with_output(function, output)
                if (
                    found is not None
                    and all(found.matches(more, value, rtol=rtol) for more, value in drawn[1:])
                    and is_shown(found, drawn, tries=MOST_TRIES, rtol=rtol)
                ):
                    more_found = (evaluated.with_output(one, output) for one in others)
                    yield NearForward(variant.line, (found, *filter(None, more_found)))


def _functions(variant: _Variant) -> Iterator[OutputFunction]:
    """The output function, once for each way to write the backward pass of the known one."""
    target = variant.target
    roles, constants = ({}, {}) if target is None else (target.roles, target.constants)
    before = () if target is None or target.line is None else (target.line,)
    for more, backward in variant.backwards:
        forward = (*before, *variant.forward, *more)
        yield OutputFunction(variant.title, forward, variant.output, backward, variant.upstream, constants, roles)


def _variants(z: Array, output: Array, target: Target | None) -> Iterator[_Variant]:
    if target is not None:
        yield from _losses(z, target)
    elif output.shape == z.shape:
        for line in NEAR_SOFTMAX:
            backwards = tuple(((f"p = {p}",), (SOFTMAX,)) for p in ("y_", "softmax(z)"))
            yield _Variant(line, "softmax", (f"y_ = {line.expression}",), "y_", backwards, "dp")
        for line in (*NEAR_LOG_SOFTMAX, *(one._replace(expression=f"log({one.expression})") for one in NEAR_SOFTMAX)):
            backwards = tuple(((f"p = {p}",), (LOG_SOFTMAX,)) for p in ("exp(y_)", "softmax(z)"))
            yield _Variant(line, "log-softmax", (f"y_ = {line.expression}",), "y_", backwards, "dp")
    elif output.ndim == z.ndim - 1:
        for line in NEAR_LOGSUMEXP:
            backwards = ((("p = softmax(z)",), ("dz = rows(g) * p",)),)
            yield _Variant(line, "logsumexp", (f"y_ = per_row({line.expression})",), "y_", backwards, "g")


def _losses(z: Array, target: Target) -> Iterator[_Variant]:
    right = ("p = softmax(z)", "logp = log_softmax(z)")
    if target.sums_to_1 and z.ndim and z.shape[-1] > 1:
        title = "the cross-entropy of softmax"
        for line in (*NEAR_SOFTMAX, ALONG_ROWS):
            lines = (f"y_ = {line.expression}", "logp = log(y_)")
            yield from _divided(line, title, lines, "sum_all(t * logp)", ("y_", "softmax(z)"), FUSED, target)
        for line in NEAR_LOG_SOFTMAX:
            yield from _divided(
                line,
                title,
                (f"logp = {line.expression}",),
                "sum_all(t * logp)",
                ("softmax(z)", "exp(logp)"),
                FUSED,
                target,
            )
        for line in NEAR_SUMS:
            divisors = PAIRS if line.name == "forward-every-label" else ("m", "")
            yield from _divided(line, title, right, line.expression, ("softmax(z)",), FUSED, target, divisors)
    elif not target.sums_to_1:
        for line in NEAR_BINARY:
            title = "the binary cross-entropy of sigmoid"
            yield from _divided(line, title, ("a = sigmoid(z)",), line.expression, (), BINARY, target)
        if z.ndim == 2 and z.shape[-1] == 1 and target.roles:
            for line in NEAR_SQUARED:
                yield from _pairs(line, target)


def _pairs(line: NearLine, target: Target) -> Iterator[_Variant]:
    """Squared errors of a column of predictions against a vector of targets."""
    back = "dz = 2 * (z - rows(t))"
    for divisor in (*PAIRS, "(2 * m)"):
        by = f" / {divisor}" if divisor else ""
        backwards = tuple(((), (back, *after)) for after in _after(("m", "", "(2 * m)")))
        yield _Variant(line, "the squared error", (f"loss = {line.expression}{by}",), "loss", backwards, "g", target)


def _divided(
    line: NearLine,
    title: str,
    lines: Lines,
    total: str,
    probabilities: Sequence[str],
    back: str,
    target: Target,
    divisors: Sequence[str] = DIVISORS,
) -> Iterator[_Variant]:
    """A loss, divided by each of the divisors, with the usual backward lines."""
    before: list[Lines] = [(f"p = {p}",) for p in probabilities] or [()]
    for divisor in divisors:
        by = f" / {divisor}" if divisor else ""
        own = ("m", *((divisor,) if divisor != "m" else ()))
        backwards = tuple((more, (back, *after)) for more in before for after in _after(own))
        yield _Variant(line, title, (*lines, f"loss = -{total}{by}"), "loss", backwards, "g", target)


def _after(divisors: Sequence[str]) -> list[Lines]:
    """The lines that follow the gradient of one row."""
    return [(*([f"dz = dz / {divisor}"] if divisor else []), "dz = g * dz") for divisor in divisors]


def remark_on(function: KnownFunction) -> str | None:
    """What is unusual about a known function, if something is."""
    if function.layout.ndim > 1 and function.title.startswith("the mean over all entries of the cross-entropy of"):
        return (
            "the loss is divided by m * K, the number of entries, since its mean runs over the classes too; the mean "
            "over the samples divides by m"
        )
    return None
