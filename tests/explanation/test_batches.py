"""The rows of a batch, their mean and the layer below, in both layouts, agree with mpmath in all digits shown."""

import itertools
import re
from functools import cache

import numpy as np
import pytest

import softgrad as sg
from cases import DERIVED
from explanation.cases import BATCHES
from explanation.exact import assert_shown_right, exact_batch, wrong_layer
from explanation.test_digits import check_row
from explanation.walk import numbers, sides, step, steps
from softgrad.explanation.render.formula_text import as_text
from softgrad.explanation.steps import layer
from softgrad.nn import Dense

ALL = list(itertools.product(BATCHES, DERIVED, ["rows", "columns"]))
MEAN, LAYER, REST = "The mean over", "The layer below", "Loss and gradient of each"


@cache  # computing with 320 digits is slow
class Shown:
    """The explanation of a case, and the exact values that it should show."""

    def __init__(self, case, loss, layout):
        logits, target = map(np.asarray, BATCHES[case])
        self.columns = layout == "columns"
        given = [a.T if self.columns and a.ndim == 2 else a for a in (logits, target)]
        self.explanation = sg.explain(*given, loss=loss, layout=layout)
        self.tables = {table.title.split()[0]: table for table in step(self.explanation, LAYER).tables}
        self.tables |= {"dz": step(self.explanation, MEAN).tables[0]}
        m, K = logits.shape
        x, W = self.example("x", (m, 2)), self.example("W", (2, K))
        self.exact = exact_batch(logits, target, loss, x, W)
        self.layout, self.shape = layout, (m, K)

    def example(self, name, shape):
        """The integers of x or W in the layout "rows"; rows and classes that are not shown follow the same pattern."""
        table = self.tables[name]
        found = np.array([[number.value for number in line[1:]] for line in table.rows])
        found = found.T if self.columns else found
        if found.shape == shape:
            return found
        m, K = shape
        complete = (
            np.arange(m * 2).reshape(m, 2) % 3 + 1 if name == "x" else (np.arange(2 * K).reshape(2, K) * 3 + 1) % 5 - 2
        )
        indices = self.indices(table)
        assert np.array_equal(found, complete[np.ix_(*(indices[::-1] if self.columns else indices))])
        return complete

    def indices(self, table):
        """The indices of the rows and of the columns that a table shows."""
        across = [int(cell) for cell in table.head[1:] if isinstance(cell, str)] or [0]
        return [int(line[0]) for line in table.rows], across


@pytest.mark.parametrize(("case", "loss", "layout"), ALL)
def test_every_array_is_right(case, loss, layout):
    shown = Shown(case, loss, layout)
    for name in ("dz", "dW", "db", "dx"):
        table, exact = shown.tables[name], shown.exact.array(name, layout)
        assert table.title == f"{name} of shape {exact.shape}"
        rows, columns = shown.indices(table)
        exact = exact.reshape(len(exact), -1)
        for line, a in zip(table.rows, rows, strict=True):
            for number, b in zip(line[1:], columns, strict=True):
                assert_shown_right(number, exact[a, b], f"{name}[{a}, {b}]")
    assert np.shape(shown.explanation.grad) == (shown.shape if layout == "rows" else shown.shape[::-1])


@pytest.mark.parametrize(("case", "loss", "layout"), ALL)
def test_the_numbers_in_formulas_are_right(case, loss, layout):
    shown = Shown(case, loss, layout)
    mean, layer = step(shown.explanation, MEAN), step(shown.explanation, LAYER)
    assert_shown_right(numbers(mean.numbers[0])[-1], shown.exact.L, "L")
    for number, row in zip(numbers(mean.numbers[0])[:-1], shown.exact.rows, strict=False):
        assert_shown_right(number, row.L, "loss of a row")
    left, _ = sides(mean.numbers[1])
    i = int(re.search(r"\d+(?=]?$)", left)[0])
    *of_rows, of_mean = numbers(mean.numbers[1])
    assert len(of_rows) == (shown.shape[0] > 1)  # of one row, the mean is the row itself
    for of_one_row in of_rows:
        assert_shown_right(of_one_row, shown.exact.rows[0].dz[i], left)
    assert_shown_right(of_mean, shown.exact.arrays["dz"][0, i], left)
    exact = shown.exact.arrays
    of_w, of_b, of_x = layer.numbers
    assert [sides(line)[0] for line in layer.numbers] == [
        "∂L/∂" + (f"W[{i}, 0]" if layout == "columns" else f"W[0, {i}]"),
        f"∂L/∂b_{i}",
        "∂L/∂x[0, 0]",
    ]
    *terms, last = numbers(of_w)
    assert_shown_right(last, exact["dW"][0, i], "dW")
    for r, (x, dz) in enumerate(zip(terms[::2], terms[1::2], strict=True)):
        assert_shown_right(x, exact["x"][r, 0], "x")
        assert_shown_right(dz, exact["dz"][r, i], "dz")
    *terms, last = numbers(of_b)
    assert_shown_right(last, exact["db"][i], "db")
    for r, dz in enumerate(terms):
        assert_shown_right(dz, exact["dz"][r, i], "dz")
    *terms, last = numbers(of_x)
    assert_shown_right(last, exact["dx"][0, 0], "dx")
    classes = shown.indices(shown.tables["dz"])[layout == "rows"]
    for j, dz, w in zip(classes, terms[::2], terms[1::2], strict=False):
        assert_shown_right(dz, exact["dz"][0, j], "dz")
        assert_shown_right(w, exact["W"][0, j], "W")


@pytest.mark.parametrize(("case", "loss", "layout"), ALL)
def test_every_gradient_is_compared_with_central_differences(case, loss, layout):
    explanation = Shown(case, loss, layout).explanation
    compared = {title: step(explanation, title).compared for title in (MEAN, LAYER)}
    assert [as_text(one.what) for one in compared[MEAN]] == ["∂L/∂z, row 0,"]
    assert [as_text(one.what) for one in compared[LAYER]] == ["∂L/∂W", "∂L/∂b", "∂L/∂x"]
    assert max(one.largest.value for ones in compared.values() for one in ones) < 1e-9


@pytest.mark.parametrize("name", ["dW", "db", "dx"])
def test_central_differences_reveal_a_wrong_layer(name, monkeypatch):
    right = layer.Layer.run
    wrong = {"right": 1.0, "wrong": 1.01}
    for kind, factor in wrong.items():

        def run(self, line, factor=factor):
            known = right(self, line)
            return known._replace(value=known.value * factor) if line.startswith(name) else known

        monkeypatch.setattr(layer.Layer, "run", run)
        explanation = sg.explain(*BATCHES["rows"])
        apart = [one.largest.value for one in step(explanation, LAYER).compared]
        assert [value > 1e-4 for value in apart] == [kind == "wrong" and name == of for of in ("dW", "db", "dx")]


@pytest.mark.parametrize(("case", "loss", "layout"), ALL)
def test_the_wrong_values_come_from_the_wrong_formulas(case, loss, layout):
    shown = Shown(case, loss, layout)
    seen = []
    for title in (MEAN, LAYER):
        for wrong in step(shown.explanation, title).wrong:
            target = "row" if title == MEAN else wrong.line[:2]
            values = np.asarray(wrong_layer(shown.exact, wrong.name, target), object)
            if layout == "columns" and values.ndim == 2:
                values = values.T
            entries = (
                [values.flat[i] for i in shown.indices(shown.tables["dz"])[layout == "rows"]]
                if title == MEAN
                else values.flat
            )
            for number, value in zip(numbers(wrong.gives), entries, strict=False):
                assert_shown_right(number, value, wrong.name)
            seen.append(wrong.name)
    assert "bias-summed-to-scalar" in seen or shown.shape[1] == 1
    assert ("mean-missing" in seen) == (shown.shape[0] > 1)
    assert ("weight-not-transposed" in seen) == (case == "as many features as classes")


@pytest.mark.parametrize("case", BATCHES)
def test_the_first_rows_are_shown_in_full_and_the_others_in_a_table(case):
    shown = Shown(case, "cross_entropy", "rows")
    explanation, m = shown.explanation, shown.shape[0]
    titles = [part.title for part in explanation.parts]
    assert titles == [
        *(["One row"] if m == 1 else ["Row 0", "Row 1"]),
        *(["The remaining rows"] if m > 2 else []),
        "The batch",
        "The layer below",
    ]
    check_row(explanation, shown.exact.rows[0])
    if m > 2:
        table = step(explanation, REST).tables[0]
        assert [int(line[0]) for line in table.rows] == list(range(2, min(m, 22)))
        for line in table.rows:
            row = shown.exact.rows[int(line[0])]
            assert_shown_right(line[2], row.L, "L")
            for number, i in zip(line[3:], shown.indices(shown.tables["dz"])[1], strict=True):
                assert_shown_right(number, row.dz[i], "dz")


def test_the_second_row_has_its_own_numbers():
    logits, target = BATCHES["rows"]
    explanation = sg.explain(logits, target)
    for r in (0, 1):
        alone = sg.explain(logits[r], target[r]).parts[0].steps
        assert [step.numbers for step in explanation.parts[r].steps] == [step.numbers for step in alone]


def test_the_layer_has_the_gradients_of_a_dense_layer():
    shown = Shown("rows", "cross_entropy", "rows")
    layer = Dense(4)
    x, W, dz = (np.array(shown.exact.arrays[name], float) for name in ("x", "W", "dz"))
    layer.parameters = {"weight": W, "bias": np.zeros(4)}
    grads = {"dx": layer.input_grad(x, x, dz), **layer.parameter_grads(x, dz)}
    for name, key in (("dW", "weight"), ("db", "bias"), ("dx", "dx")):
        np.testing.assert_allclose(np.array(shown.exact.arrays[name], float), grads[key], rtol=1e-12)


def test_the_shapes_in_the_table_fit_together():
    table = next(
        t for t in step(Shown("rows", "cross_entropy", "rows").explanation, LAYER).tables if "Shapes" in t.title
    )
    texts = {line[0].text: [cell.text for cell in line[1:]] for line in table.rows}
    sizes = {"m": 3, "D": 2, "K": 4}
    for side, layout in ((0, "rows"), (2, "columns")):
        arrays = {}
        rng = np.random.default_rng(0)
        for name, cells in texts.items():
            letters, found = cells[side].split(" = ")
            shape = tuple(int(n) for n in re.findall(r"\d+", found))
            assert tuple(sizes.get(letter) or int(letter) for letter in re.findall(r"[mDK1]", letters)) == shape
            arrays[name] = rng.normal(size=shape)
        z = arrays["x"] @ arrays["W"] if layout == "rows" else arrays["W"] @ arrays["x"]
        assert (z + arrays["b"]).shape == arrays["z"].shape
        for name, cells in texts.items():
            if cells[side + 1]:
                made = dict(arrays, np=np)
                exec(cells[side + 1], made)
                assert made[name].shape == arrays[name].shape == arrays[name[1:]].shape


def test_a_large_batch_says_how_much_is_left_out():
    rng = np.random.default_rng(0)
    logits, target = rng.normal(size=(200, 300)), rng.integers(0, 300, 200)
    text = str(sg.explain(logits, target))
    assert "178 more rows, 292 more classes" in text
    assert "180 more rows, 292 more classes" in text
    assert "… 292 more)" in text
    assert "292 of 300 classes are left out" in text
    assert len(text) < 120_000
    assert len(steps(sg.explain(logits, target, rows=1))) < 20
