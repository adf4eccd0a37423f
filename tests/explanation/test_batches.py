"""The rows of a batch, their mean and the layer below, in both layouts, to the digits that are shown."""

import itertools
import re

import numpy as np
import pytest

import softgrad as sg
from explanation.cases import BATCHES, LOSSES
from explanation.exact import assert_shown_right, exact_batch, wrong_layer
from explanation.test_digits import check_row
from explanation.walk import numbers, sides, step, steps
from softgrad.nn import Dense

ALL = list(itertools.product(BATCHES, LOSSES, ["rows", "columns"]))
MEAN, LAYER, REST = "The mean over", "The layer below", "Loss and gradient of each"


class Shown:
    """A batch of a case explained, and what it should be."""

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
        """The whole numbers of x or W, in rows; rows and classes that are not shown repeat as the first ones do."""
        table = self.tables[name]
        found = np.array([[number.value for number in line[1:]] for line in table.rows])
        found = found.T if self.columns else found
        if found.shape == shape:
            return found
        m, K = shape
        whole = (
            np.arange(m * 2).reshape(m, 2) % 3 + 1 if name == "x" else (np.arange(2 * K).reshape(2, K) * 3 + 1) % 5 - 2
        )
        places = self.places(table)
        assert np.array_equal(found, whole[np.ix_(*(places[::-1] if self.columns else places))])
        return whole

    def places(self, table):
        """The rows and columns of the array that its table shows."""
        across = [int(cell) for cell in table.head[1:] if isinstance(cell, str)] or [0]
        return [int(line[0]) for line in table.rows], across


@pytest.mark.parametrize(("case", "loss", "layout"), ALL)
def test_every_array_is_right(case, loss, layout):
    shown = Shown(case, loss, layout)
    for name in ("dz", "dW", "db", "dx"):
        table, exact = shown.tables[name], shown.exact.array(name, layout)
        assert table.title == f"{name} {exact.shape}"
        rows, columns = shown.places(table)
        exact = exact.reshape(len(exact), -1)
        for line, a in zip(table.rows, rows, strict=True):
            for number, b in zip(line[1:], columns, strict=True):
                assert_shown_right(number, exact[a, b], f"{name}[{a}, {b}]")
    assert np.shape(shown.explanation.grad) == (shown.shape if layout == "rows" else shown.shape[::-1])


@pytest.mark.parametrize(("case", "loss", "layout"), ALL)
def test_the_numbers_put_in_are_right(case, loss, layout):
    shown = Shown(case, loss, layout)
    mean, layer = step(shown.explanation, MEAN), step(shown.explanation, LAYER)
    assert_shown_right(numbers(mean.numbers[0])[-1], shown.exact.L, "L")
    for number, row in zip(numbers(mean.numbers[0])[:-1], shown.exact.rows, strict=False):
        assert_shown_right(number, row.L, "loss of a row")
    left, _ = sides(mean.numbers[1])
    i = int(re.search(r"\d+(?=]?$)", left)[0])
    of_one_row, of_mean = numbers(mean.numbers[1])
    assert_shown_right(of_one_row, shown.exact.rows[0].dz[i], left)
    assert_shown_right(of_mean, shown.exact.arrays["dz"][0, i], left)
    left, _ = sides(layer.numbers[0])
    assert left == "∂L/∂" + (f"W[{i}, 0]" if layout == "columns" else f"W[0, {i}]")
    *terms, last = numbers(layer.numbers[0])
    assert_shown_right(last, shown.exact.arrays["dW"][0, i], left)
    for r, (x, dz) in enumerate(zip(terms[::2], terms[1::2], strict=True)):
        assert_shown_right(x, shown.exact.arrays["x"][r, 0], "x")
        assert_shown_right(dz, shown.exact.arrays["dz"][r, i], "dz")


@pytest.mark.parametrize(("case", "loss", "layout"), ALL)
def test_the_wrong_values_are_those_of_the_wrong_formulas(case, loss, layout):
    shown = Shown(case, loss, layout)
    seen = []
    for title in (MEAN, LAYER):
        for wrong in step(shown.explanation, title).wrong:
            target = "row" if title == MEAN else wrong.line[:2]
            values = np.asarray(wrong_layer(shown.exact, wrong.name, target), object)
            if layout == "columns" and values.ndim == 2:
                values = values.T
            entries = (
                [values.flat[i] for i in shown.places(shown.tables["dz"])[layout == "rows"]]
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
def test_rows_are_shown_in_full_and_then_as_a_table(case):
    shown = Shown(case, "cross_entropy", "rows")
    explanation, m = shown.explanation, shown.shape[0]
    titles = [part.title for part in explanation.parts]
    assert titles == [
        *(["One row"] if m == 1 else ["Row 0", "Row 1"]),
        *(["The other rows"] if m > 2 else []),
        "The batch",
        "One layer down",
    ]
    check_row(explanation, shown.exact.rows[0])
    if m > 2:
        table = step(explanation, REST).tables[0]
        assert [int(line[0]) for line in table.rows] == list(range(2, min(m, 22)))
        for line in table.rows:
            row = shown.exact.rows[int(line[0])]
            assert_shown_right(line[2], row.L, "L")
            for number, i in zip(line[3:], shown.places(shown.tables["dz"])[1], strict=True):
                assert_shown_right(number, row.dz[i], "dz")


def test_the_second_row_has_its_own_numbers():
    logits, target = BATCHES["rows"]
    explanation = sg.explain(logits, target)
    for r in (0, 1):
        alone = sg.explain(logits[r], target[r]).parts[0].steps
        assert [step.numbers for step in explanation.parts[r].steps] == [step.numbers for step in alone]


def test_the_layer_is_the_one_that_networks_have():
    shown = Shown("rows", "cross_entropy", "rows")
    layer = Dense(4)
    x, W, dz = (np.array(shown.exact.arrays[name], float) for name in ("x", "W", "dz"))
    layer.parameters = {"weight": W, "bias": np.zeros(4)}
    grads = {"dx": layer.input_grad(x, x, dz), **layer.parameter_grads(x, dz)}
    for name, key in (("dW", "weight"), ("db", "bias"), ("dx", "dx")):
        np.testing.assert_allclose(np.array(shown.exact.arrays[name], float), grads[key], rtol=1e-12)


def test_shapes_are_those_of_the_arrays():
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


def test_a_large_batch_counts_what_it_leaves_out():
    rng = np.random.default_rng(0)
    text = str(sg.explain(rng.normal(size=(1000, 300)), rng.integers(0, 300, 1000)))
    assert "978 more rows, 292 more classes" in text
    assert "980 more rows, 292 more classes" in text
    assert "… 292 more)" in text
    assert "292 of 300 classes are left out" in text
    assert len(text) < 120_000
    assert len(steps(sg.explain(rng.normal(size=(1000, 300)), rng.integers(0, 300, 1000), rows=1))) < 20
