"""Random batches and options of a loss, drawn by hypothesis, and checks of its results."""

from typing import NamedTuple

import numpy as np
from hypothesis import strategies as st

import judge
from calls import in_both_widths, output_choices
from cases import LOSSES, taken
from drawn import COMPUTED_IN, FLOATING, NAN_ROWS, ROWS, Drawn, cast, layouts, logits, of_subnormal_terms
from softgrad.formulas.losses import LOSSES as TABLE
from tolerance import assert_within

OF_CLASSES = ["int64", "uint8", "int8", ">i4", "uint64", "bool"]
OF_PROBABILITIES = [*FLOATING, "int8"]


class Batch(NamedTuple):
    loss: str
    z: Drawn
    target: np.ndarray
    options: dict  # of the loss of a row
    reduced: dict  # reduction, denominator, if_all_ignored
    out: str | None

    @property
    def rows_of_target(self):
        """(N) or (N, K), as the loss reads it."""
        if self.target.ndim < self.z.array.ndim:
            return self.target.reshape(-1).astype("int64")
        return self.z.as_rows(self.target.astype(self.z.wide.dtype))

    @property
    def question(self):
        """The arguments of the judge: loss, logits, target and options."""
        return self.loss, self.z.rows, self.rows_of_target, self.options

    @property
    def hard(self):
        """Whether the gradient is that of a class index, in which nothing cancels."""
        return self.target.ndim < self.z.array.ndim and not (
            self.options["label_smoothing"] or self.options.get("z_loss")
        )


@st.composite
def targets(draw, z, ignore_index):
    """Class indices, some of them `ignore_index`. If that is None, also probabilities, a quarter of which are 0."""
    rng, rows, layout = z.rng, z.rows, draw(layouts("target"))
    N, K = rows.shape
    kind = draw(st.sampled_from(["classes", "probabilities", "sum of 1.7", "negative"])) if ignore_index is None else ""
    if kind in ("", "classes"):
        right = rng.random(N) < draw(st.sampled_from([0.5, 1.0, 0.0]))
        y = np.where(right, rows.argmax(axis=1), rng.integers(0, K, N))
        if ignore_index is not None:
            y = np.where(rng.random(N) < draw(st.sampled_from([0.3, 1.0])), ignore_index, y)
        able = [dtype for dtype in OF_CLASSES if (y.astype(dtype) == y).all()]
        return z._replace(layout=layout).laid_out(y.astype(draw(st.sampled_from(able))).reshape(z.outer_shape))
    t = np.maximum(rng.random((N, K)) - 0.25, 0) * (np.isfinite(rows) | draw(st.sampled_from([False, True])))
    t[np.arange(N), rng.integers(0, K, N)] += 0.1
    t = t / t.sum(axis=1, keepdims=True) * {"sum of 1.7": 1.7}.get(kind, 1)
    if kind == "negative":
        t = np.where(rng.random((N, K)) < 0.3, -t, t)
    keeps_rows = layout != "stride 0" or z.axis % z.array.ndim > 0  # which repeats the first entry along the first axis
    dtype = draw(st.sampled_from(OF_PROBABILITIES if keeps_rows else FLOATING))
    if np.dtype(dtype).kind == "i":  # integers must be one-hot
        t = 1.0 * (np.arange(K) == t.argmax(axis=1)[:, None])
    return z._replace(layout=layout).laid_out(cast(z.from_rows(t), dtype))


OPTIONS = {  # name: (the value without an effect, the values to draw from)
    "ignore_index": (None, [-100, "the last class", 7]),
    "label_smoothing": (0.0, [0.1, 1.0, 1e-3]),
    "z_loss": (0.0, [1e-4, 0.02]),
    "softcap": (None, [5.0, 30.0]),
    "temperature": (1.0, [0.3, 2.5, 40.0]),
    "weight": (None, ["drawn"]),
}
REDUCED = [
    {"reduction": "mean", "if_all_ignored": "zero"},
    {"reduction": "none"},
    {"reduction": "mean", "if_all_ignored": "nan"},
    {"reduction": "none"},
    {"reduction": "sum"},
    {"denominator": 0.3},
    {"reduction": "mean"},
    {"denominator": 7.0},
]


def options_of(loss):
    """The options that a loss takes, with the values to draw from."""
    own = TABLE[loss].parameter
    return taken(loss, OPTIONS) | ({own.name: (own.default, [0.0, 0.5, 1.0, 5.0, 20.0])} if own else {})


@st.composite
def batches(draw, loss, rows=ROWS, nan_rows=NAN_ROWS, dtypes=COMPUTED_IN):
    known = options_of(loss)
    given = draw(st.permutations([*known]))[: draw(st.sampled_from([0, 1, 2, 3, 6]))]
    options = {name: draw(st.sampled_from(values)) if name in given else no for name, (no, values) in known.items()}
    z = draw(logits(rows, nan_rows, dtypes))
    K = z.array.shape[z.axis]
    if options["ignore_index"] == "the last class":
        options["ignore_index"] = K - 1
    if options["weight"] == "drawn":
        options["weight"] = z.rng.choice([0.5, 0.0, 1.0, 3.0, 0.1], K)
    target = draw(targets(z, options["ignore_index"])).array
    if target.shape == z.array.shape and (target < 0).any():
        options["label_smoothing"] = 0.0  # with smoothing, t would cancel
    return Batch(loss, z, target, options, draw(st.sampled_from(REDUCED)), draw(output_choices(z)))


def ulps_of_grad(batch):
    """The bound of the gradient's error in ulps, as the docstrings state it."""
    return LOSSES[batch.loss].grad_ulps[not batch.hard]


def exact_rows(batch):
    loss, logits, target, options = batch.question
    with np.errstate(invalid="ignore", over="ignore"):
        return judge.rows(loss, logits, target, **options)


def reduced(batch, exact):
    """The exact loss and gradient for the batch's reduction, from those of the rows.

    The size is at least the rounding error of a subnormal p, times the factor by which p is then multiplied.
    """
    reduction = batch.reduced.get("reduction", "mean")
    divisor = judge.wide(batch.reduced.get("denominator", exact.count) if reduction == "mean" else 1)
    scale = 1 / divisor if divisor else 0
    least = of_subnormal_terms(batch.z) * np.maximum(exact.factor, 1) / min(batch.options["temperature"], 1)
    grad = exact.grad * scale
    grad = grad._replace(size=np.maximum(grad.size, least * max(scale, 1)))
    loss = exact.loss._replace(size=np.maximum(exact.loss.size, least[:, 0]))
    if reduction != "none" and divisor == 0:
        nothing = np.nan if batch.reduced.get("if_all_ignored") == "nan" else 0.0
        return judge.LossAndGrad(judge.Judged(nothing, nothing), grad)
    with np.errstate(invalid="ignore"):  # two rows may sum to inf - inf
        return judge.LossAndGrad(loss if reduction == "none" else loss.sum() * scale, grad)


def check(batch, function):
    """Checks the result of `loss_with_grad` or `loss_with_stats` for a batch."""
    z, exact = batch.z, exact_rows(batch)
    loss, grad = reduced(batch, exact)
    got = in_both_widths(function, [z, batch.target], batch.out, axis=z.axis, **batch.options, **batch.reduced)
    assert_within(4, got.loss.reshape(np.shape(loss.value)), *loss)
    assert_within(ulps_of_grad(batch), z.as_rows(got.grad), *grad)
    if batch.hard and batch.loss != "squared_error" and batch.options["softcap"] is None:
        sums = judge.wide(z.as_rows(got.grad)).sum(axis=1).astype(z.wide.dtype)
        assert_within(4, sums, 0 * grad.value.sum(axis=1), grad.size.sum(axis=1))
    if hasattr(got, "stats"):
        check_statistics(got.stats, batch, exact)


def check_statistics(stats, batch, exact):
    z, finite = batch.z, np.isfinite(batch.z.rows.max(axis=1))
    loss, lse, entropy, correct = (array.reshape(-1) for array in stats)
    assert_within(4, loss, *reduced(batch._replace(reduced={"reduction": "none"}), exact).loss)
    assert_within(4, lse[finite], *(part[finite] for part in exact.logsumexp))
    size = np.maximum(exact.entropy, of_subnormal_terms(z) * -np.log(np.finfo(z.wide.dtype).smallest_subnormal))
    assert_within(16, entropy[finite], exact.entropy[finite], size[finite])
    np.testing.assert_array_equal(correct[finite], exact.correct[finite])


def check_hvp(batch, v, function):
    """Checks the Hessian times v. It is computed in float64, where each sum adds K terms in sequence, and rounded."""
    z, (loss, logits, target, options) = batch.z, batch.question
    exact = judge.hessian_times(loss, logits, target, z.as_rows(v.array.astype(logits.dtype)), **options)
    exact = reduced(batch, exact_rows(batch)._replace(grad=exact)).grad
    got = in_both_widths(function, [z, batch.target, v.array], None, axis=z.axis, **batch.options, **batch.reduced)
    ulps = 16 + logits.shape[1] if logits.dtype == "float64" else 1
    assert_within(ulps, z.as_rows(got), *exact)
