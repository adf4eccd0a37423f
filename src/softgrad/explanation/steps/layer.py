"""The step of the linear layer below the logits, in both layouts.

    rows      z (m, K) = x W + b,    dW = x^T dz,    db = sum of dz over the rows,       dx = dz W^T
    columns   z (K, m) = W x + b,    dW = dz x^T,    db = sum of dz over the columns,    dx = W^T dz

The right and the wrong lines come from the checker's catalogue.

Source: Goodfellow et al., Deep Learning (2016), 6.5.6; Stanford CS231n, Backpropagation for a Linear Layer.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from softgrad._arrays import Array
from softgrad.check.catalogue.dense import BIAS, INPUT, WEIGHT
from softgrad.explanation.document import Compared, Step, Table, Wrong
from softgrad.explanation.error_bounds import Bounded, computed, exactly
from softgrad.explanation.formula import Math, Num, Sub, Sum, Transposed, Vec, Words, factor, loss_by, row, total
from softgrad.explanation.steps.batch import ROWS_IN_TABLE, Batch, array_table
from softgrad.explanation.steps.shared import WRITTEN_OUT, differ, largest, num, wrong_of
from softgrad.explanation.steps.wrong_lines import wrong_line
from softgrad.formulas.language import Layout, Names, functions, run, split
from softgrad.formulas.notation import as_numpy

FEATURES = 2  # of the example
ENTRIES = 6  # how many entries of a wrong array are shown
LAYOUTS = {"rows": Layout(-1, 2), "columns": Layout(0, 2)}
LINES = {"rows": (WEIGHT[0], BIAS, INPUT[0]), "columns": (WEIGHT[2], BIAS, INPUT[2])}
MISTAKES = (
    ("weight-gradient-averaged", "last-sample-only", "weight-gradient-transposed"),
    ("bias-averaged", "bias-summed-to-scalar"),
    ("weight-not-transposed",),
)  # fmt: skip
SHAPES = {  # name: the axes of the array in rows, and in columns
    "x": ("mD", "Dm"), "W": ("DK", "KD"), "b": ("K", "K1"), "z": ("mK", "Km"),
    "dz": ("mK", "Km"), "dW": ("DK", "KD"), "db": ("K", "K1"), "dx": ("mD", "Dm"),
}  # fmt: skip


class Layer(NamedTuple):
    """The example layer: its arrays and gradients, in the layout of the batch."""

    fixed: Names  # every name that the lines use, except dz
    dz: Bounded
    grads: dict[str, Bounded]

    def run(self, line: str) -> Bounded:
        """The array that a line computes."""
        target = split(line)[0]

        def formula(dz: Any) -> Any:
            return run([line], {**self.fixed, "dz": dz})[target]

        return computed(formula, self.dz)


def layer_step(batch: Batch) -> Step:
    """dW, db and dx, with the shapes of all arrays."""
    layer = _layer(batch)
    layout = batch.problem.layout
    arrays = {"x": exactly(layer.fixed["x"]), "W": exactly(layer.fixed["W"]), **layer.grads}
    sum_over_rows = Sum("r", loss_by(Sub("z", "r")))
    by_z, and_then = loss_by("z"), Words(",   ")
    return Step(
        "The layer below: dW, db, dx",
        "A gradient has the shape of its array, and only one order of the factors gives that shape. In this example, "
        f"D is {FEATURES}, x and W hold made-up integers, and dz is the gradient of the batch above.",
        (
            row(Words("rows:   "), "z", "=", "x", "W", "+", "b"),
            row(loss_by("W"), "=", Transposed("x"), by_z, and_then, loss_by("b"), "=", sum_over_rows, and_then,
                loss_by("x"), "=", by_z, Transposed("W")),
            row(Words("columns:   "), "z", "=", "W", "x", "+", "b"),
            row(loss_by("W"), "=", by_z, Transposed("x"), and_then, loss_by("b"), "=", sum_over_rows, and_then,
                loss_by("x"), "=", Transposed("W"), by_z),
        ),
        _one_entry_of_each(batch, layer),
        (
            _shapes(batch.problem.rows, batch.problem.classes),
            *(array_table(batch, name, values) for name, values in arrays.items()),
        ),
        _compared(batch, layer) if all(at.is_comparable for at in batch.row_values) else (),
        wrong=tuple(
            found
            for line, names in zip(LINES[layout], MISTAKES, strict=True)
            for name in names
            for found in _wrong(layer, LAYOUTS[layout], line, name)
        ),
    )  # fmt: skip


def _layer(batch: Batch) -> Layer:
    """An example with small integers in x and W, and the gradients that the right lines give."""
    m, K, layout = batch.problem.rows, batch.problem.classes, batch.problem.layout
    x = np.arange(m * FEATURES).reshape(m, FEATURES) % 3 + 1.0
    W = (np.arange(FEATURES * K).reshape(FEATURES, K) * 3 + 1) % 5 - 2.0
    b = np.zeros(K)
    if layout == "columns":
        x, W, b = x.T, W.T, b[:, None]
    fixed: Names = {**functions(LAYOUTS[layout]), "x": x, "W": W, "b": b, "m": m, "K": K}
    layer = Layer(fixed, batch.grad, {})
    for line in LINES[layout]:
        name = split(line)[0]
        values = layer.run(line)
        shape = fixed[name[1:]].shape  # db is summed with its axis kept
        layer.grads[name] = Bounded(values.value.reshape(shape), values.error.reshape(shape))
    return layer


def _one_entry_of_each(batch: Batch, layer: Layer) -> tuple[Math, ...]:
    """One entry each of dW, db and dx, with its numbers."""
    columns = batch.problem.layout == "columns"
    m, K, j = batch.problem.rows, batch.problem.classes, batch.shown[0]
    rows, classes = range(m)[:WRITTEN_OUT], batch.shown[:WRITTEN_OUT]

    def at(values: Bounded, *index: int) -> Num:
        return num(values, *(index[::-1] if columns else index))

    x, W, dz = exactly(layer.fixed["x"]), exactly(layer.fixed["W"]), batch.grad
    by_w = (row(factor(at(x, r, 0)), "·", factor(at(dz, r, j))) for r in rows)
    by_b = (factor(at(dz, r, j)) if r else at(dz, r, j) for r in rows)
    by_x = (row(factor(at(dz, 0, k)), "·", factor(at(W, 0, k))) for k in classes)
    index_in_w = f"{j},0" if columns else f"0,{j}"
    db = Bounded(*(np.ravel(part) for part in layer.grads["db"]))
    return (
        row(loss_by(Sub("W", index_in_w)), "=", total(by_w, m - len(rows)), "=", at(layer.grads["dW"], 0, j)),
        row(loss_by(Sub("b", str(j))), "=", total(by_b, m - len(rows)), "=", num(db, j)),
        row(loss_by(Sub("x", "0,0")), "=", total(by_x, K - len(classes)), "=", at(layer.grads["dx"], 0, 0)),
    )


def _compared(batch: Batch, layer: Layer) -> tuple[Compared, ...]:
    """The entries shown, compared with central differences: a change of W, b or x moves the logits along a line."""
    m, K = batch.problem.rows, batch.problem.classes
    x, W, dW, db, dx = (
        array.T if batch.problem.layout == "columns" else array
        for array in (layer.fixed["x"], layer.fixed["W"], *(layer.grads[name].value for name in ("dW", "db", "dx")))
    )
    of_class = {j: np.eye(1, K, j) for j in batch.shown}
    of_row = {r: np.eye(1, m, r) for r in range(min(m, ROWS_IN_TABLE))}
    directions: dict[str, list[tuple[float, Array, Array]]] = {  # an entry, and the two factors of its direction
        "W": [(dW[d, j], x[:, d], one) for d in range(FEATURES) for j, one in of_class.items()],
        "b": [(np.ravel(db)[j], np.ones(m), one) for j, one in of_class.items()],
        "x": [(dx[r, d], one, W[d]) for d in range(FEATURES) for r, one in of_row.items()],
    }
    return tuple(
        Compared(
            loss_by(name),
            None,
            largest(
                np.array([entry for entry, _, _ in of_name]),
                batch.by_differences(np.outer(rows, classes) for _, rows, classes in of_name).value,
            ),
        )
        for name, of_name in directions.items()
    )


def _shapes(m: int, K: int) -> Table:
    """Each array with its shape in both layouts, and the line of NumPy that computes it."""
    sizes = {"m": m, "D": FEATURES, "K": K, "1": 1}
    made = {
        layout: {split(line)[0]: as_numpy(line, LAYOUTS[layout], keepdims=layout == "columns") for line in lines}
        for layout, lines in LINES.items()
    }

    def shape(letters: str) -> Words:
        comma = "," if len(letters) == 1 else ""
        numbers = ", ".join(str(sizes[letter]) for letter in letters)
        return Words(f"({', '.join(letters)}{comma}) = ({numbers}{comma})")

    rows = tuple(
        (
            Words(name),
            shape(in_rows), Words(made["rows"].get(name, "")),
            shape(in_columns), Words(made["columns"].get(name, "")),
        )
        for name, (in_rows, in_columns) in SHAPES.items()
    )  # fmt: skip
    head = ("array", "rows", "in NumPy", "columns", "in NumPy")
    return Table("Shapes in both layouts", tuple(map(Words, head)), rows)


def _wrong(layer: Layer, layout: Layout, line: str, name: str) -> list[Wrong]:
    """A wrong line, if it runs and gives different numbers; if its shapes do not fit, NumPy raises ValueError."""
    text = wrong_line(line, name)
    right = layer.grads[split(line)[0]]
    try:
        gives = layer.run(text)
    except ValueError:
        return []
    gives = _as_summed(gives, layout, line)
    if not differ(gives.value, right.value):
        return []
    return [wrong_of(name, text, layout, _first_entries(gives), _first_entries(right))]


def _as_summed(gives: Bounded, layout: Layout, line: str) -> Bounded:
    """The result without the summed axis: NumPy drops it, the language of the lines keeps it."""
    keeps = line != BIAS or layout.class_axis == 0 or gives.value.ndim < layout.ndim
    return gives if keeps else Bounded(*(np.squeeze(part, axis=layout.batch_axes) for part in gives))


def _first_entries(values: Bounded) -> Math:
    """The first entries of an array, with its shape."""
    value, error = np.ravel(values.value), np.ravel(values.error)
    entries = tuple(Num(float(value[n]), float(error[n])) for n in range(min(value.size, ENTRIES)))
    shown = Vec(entries, value.size - len(entries)) if values.value.ndim else entries[0]
    return row(shown, Words(f"   shape {values.value.shape}"))
