"""Derives a softmax loss and its gradient, step by step, on the reader's own numbers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from numbers import Integral

import numpy as np
import numpy.typing as npt

from softgrad._arrays import Array
from softgrad._calls import explained
from softgrad.errors import OptionError
from softgrad.explanation.arguments import Layout, Problem, read, read_mine
from softgrad.explanation.document import Answer, Document, Part, Step
from softgrad.explanation.formula import without_repeats
from softgrad.explanation.mine import judge
from softgrad.explanation.render.html import as_html_fragment, as_html_page
from softgrad.explanation.render.latex import as_latex_document
from softgrad.explanation.render.markdown import as_markdown
from softgrad.explanation.render.text import WIDTH, as_plain_text
from softgrad.explanation.steps.answer import answer_of
from softgrad.explanation.steps.backward import backward_steps
from softgrad.explanation.steps.batch import Batch, batch_of, mean_step, remaining_rows, with_readers
from softgrad.explanation.steps.forward import forward_steps
from softgrad.explanation.steps.layer import layer_step
from softgrad.explanation.steps.row_values import RowValues
from softgrad.formulas.losses import LOSSES

MOST_SHOWN = 50  # rows and classes: the Jacobian of 50 classes is a page, and takes seconds


@dataclass(frozen=True, repr=False)
class Explanation(Document):
    """A derivation, and the loss and gradient that it derives. `print` shows it as text, a notebook as HTML."""

    loss: float  # the mean over the rows
    grad: Array  # of that mean with respect to the logits, in their shape

    def to_text(self, *, width: int = WIDTH) -> str:
        """The text that print shows, with prose wrapped to `width` columns."""
        return as_plain_text(self, width)

    def to_markdown(self) -> str:
        """Markdown for GitHub and MkDocs, with formulas between $ signs and pipe tables."""
        return as_markdown(self)

    def to_latex(self) -> str:
        """A complete LaTeX document."""
        return as_latex_document(self)

    def to_html(self) -> str:
        """A page in one file, light or dark like the reader's system: MathML, no scripts, nothing to download."""
        return as_html_page(self)

    def __str__(self) -> str:
        return self.to_text()

    def __repr__(self) -> str:
        return f"<Explanation {self.title}>"

    def _repr_html_(self) -> str:
        return as_html_fragment(self)


@explained
def explain(
    logits: npt.ArrayLike,  # (K,), (m, K) or (K, m)
    target: npt.ArrayLike,  # class indices, or probabilities in the shape of logits
    *,
    loss: str = "cross_entropy",
    layout: Layout = "rows",
    temperature: float = 1.0,
    label_smoothing: float = 0.0,
    weight: npt.ArrayLike | None = None,  # (K,)
    mine: npt.ArrayLike | None = None,  # in the shape of logits
    rows: int = 2,
    classes: int = 8,
) -> Explanation:
    """Derives the gradient of a softmax loss on your numbers, step by step.

    The loss and the gradient come first. Each step then shows a formula, the same formula with your numbers, and the
    reason for it. Common mistakes are shown with the value that they give and the right value. Every gradient is
    compared with central differences.

    Args:
        logits: a vector (K,), or a batch in the given layout; finite. Probabilities below 1e-130 are shown as 0.
        target: for each row a class index, or a distribution over the classes.
        loss: "cross_entropy", "squared_error" or "kl_divergence", averaged over the rows.
        layout: the layout of a batch and of the linear layer below it: "rows" (m, K) or "columns" (K, m).
        temperature: the logits are divided by it.
        label_smoothing: the fraction of the target that is spread over all classes, from 0 to 1.
        weight: one weight per class, of at least 0; with the meaning that it has in `softgrad.cross_entropy`.
        mine: a gradient that you computed with respect to the logits. The explanation says whether it is right, or
            which known mistakes give its numbers. Numbers with fewer than seven decimals count as rounded.
        rows: how many rows of a batch are shown in full, at most 50; the others are shown in a table.
        classes: how many classes are shown, at most 50: those with the largest probability or target.

    Returns:
        The explanation: print it, or call `to_text()`, `to_markdown()`, `to_latex()` or `to_html()`. `loss` and `grad`
        are its results, and `mine` is the verdict on your gradient: `ok`, `verdict`, `reasons` and `mistakes`. Every
        digit shown is correct.

    Raises:
        ShapeError: logits are neither a vector nor a matrix, or target, weight or mine does not fit them.
        LabelError: a class outside 0..K-1.
        DtypeError: entries are not numbers.
        OptionError: an unknown loss or layout; a logit that is not finite; a target that is not a distribution; a
            temperature, label_smoothing or weight out of range; rows or classes below 1, or above 50 where the
            logits have as many.

    Example:
        >>> e = sg.explain([2.0, 1.0, 0.1], 0)
        >>> [step.title for step in e.parts[0].steps][:3]
        ['Shift by the maximum', 'Exponentials', 'Probabilities']
        >>> e.grad.round(3)
        array([-0.341,  0.242,  0.099])
        >>> sg.explain([2.0, 1.0, 0.1], 0, mine=[0.341, -0.242, -0.099]).mine.verdict
        'Your gradient is wrong: the sign is wrong'
    """
    for name, value in (("rows", rows), ("classes", classes)):
        if not isinstance(value, Integral) or value < 1:
            raise OptionError(f"explain: {name} is {value!r}, wanted an integer of at least 1")
    problem = read(logits, target, loss, layout, temperature, label_smoothing, weight)
    readers = None if mine is None else read_mine(mine, logits)
    for name, value, there in (("rows", rows, problem.rows), ("classes", classes, problem.classes)):
        if min(value, there) > MOST_SHOWN:
            raise OptionError(
                f"explain: {name} is {value:,} of {there:,}, wanted at most {MOST_SHOWN} to be shown in full; the "
                "others are in the sums"
            )
    row_values = tuple(RowValues(problem, r, classes) for r in range(problem.rows))
    batch = batch_of(problem, row_values, classes)
    verdict = None if readers is None else judge(problem, _as_given(problem, batch.grad.value), readers)
    if readers is not None and verdict is not None and not verdict.ok and np.isfinite(readers).all():
        batch = with_readers(batch, readers)
    return Explanation(
        f"Softmax and its gradient, step by step: {LOSSES[loss].title}",
        _intro(problem),
        tuple(_parts(batch, rows)),
        float(batch.loss.value),
        _as_given(problem, batch.grad.value),
        answer=_tidy_answer(answer_of(batch, rows)),
        mine=verdict,
    )


def _as_given(problem: Problem, grad: Array) -> Array:
    """The gradient in the shape of the logits."""
    return np.ravel(grad) if problem.is_vector else grad


def _tidy_answer(answer: Answer) -> Answer:
    return replace(answer, lines=tuple(map(without_repeats, answer.lines)))


def _intro(problem: Problem) -> tuple[str, ...]:
    m, K = problem.rows, problem.classes
    classes = "1 logit" if K == 1 else f"{K:,} logits"
    given = (
        f"There are {m:,} rows of {classes}; the target of each"
        if m > 1
        else f"There is one row of {classes}; its target"
    )
    target = "a distribution" if problem.labels is None else "a class index"
    options = {
        "temperature": None if problem.temperature == 1 else f"{problem.temperature:g}",
        "label smoothing": f"{problem.label_smoothing:g}" if problem.label_smoothing else None,
        "class weights": None
        if problem.weight is None
        else f"({', '.join(f'{w:g}' for w in problem.weight[:8])}" + (", …)" if K > 8 else ")"),
    }
    said = ", ".join(f"{name} {value}" for name, value in options.items() if value is not None)
    return (
        f"{given} is {target}. The loss is the {LOSSES[problem.loss].title}" + (f", with {said}." if said else "."),
        "z denotes the logits, p the probabilities, t the target and L the loss. Rows and classes count from 0. In "
        "code, dp is ∂L/∂p and dz is ∂L/∂z.",
        "Numbers have at most six digits, and every digit shown is correct.",
    )


def _tidy(step: Step) -> Step:
    """The step without equations that say a number twice."""
    return replace(step, numbers=tuple(map(without_repeats, step.numbers)))


def _parts(batch: Batch, rows: int) -> list[Part]:
    """The steps, in the order of the derivation."""
    return [replace(part, steps=tuple(map(_tidy, part.steps))) for part in _all_parts(batch, rows)]


def _all_parts(batch: Batch, rows: int) -> list[Part]:
    m = batch.problem.rows
    first, *further = batch.row_values[:rows]
    parts = [Part("One row" if m == 1 else "Row 0", (*forward_steps(first), *backward_steps(first)))]
    for r, at in enumerate(further, start=1):
        steps = (*forward_steps(at), *backward_steps(at))
        parts.append(Part(f"Row {r}", tuple(step.in_short() for step in steps)))
    if m > rows:
        parts.append(Part("The remaining rows", (remaining_rows(batch, rows),)))
    return [*parts, Part("The batch", (mean_step(batch),)), Part("The layer below", (layer_step(batch),))]
