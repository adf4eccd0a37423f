"""Which columns matter: against a plain computation, and for columns whose importance is known."""

import numpy as np
import pytest

from softgrad import nn
from softgrad.data import CategoryColumn, Encoding, LeftOut, NumberColumn
from softgrad.report import importance
from softgrad.report.importance import importances

ENCODING = Encoding(
    (
        NumberColumn("used", 0.0, 1.0),
        LeftOut("left out", "as asked for"),
        CategoryColumn("colour", ("red", "green", "blue")),
        NumberColumn("without weight", 0.0, 1.0),
    )
)


def problem(N=60):
    """A network of one layer, and rows. The classes depend on the number and on the colour, of which x has one each."""
    rng = np.random.default_rng(0)
    colour = rng.integers(0, 3, N)
    x = np.column_stack([rng.standard_normal(N), np.eye(3)[colour], rng.standard_normal(N)])
    network = nn.Network([nn.Dense(2)]).initialize(5, seed=0)
    network.parameters["layers.0.weight"][:] = [[2, -2], [1, -1], [-1, 1], [0, 0], [0, 0]]
    return network, x, network.predict(x)


def plain_loss(network, x, labels):
    z = network.logits(x).astype(np.float64)
    return float(np.mean(np.log(np.exp(z).sum(axis=1)) - z[np.arange(len(z)), labels]))


def test_the_importance_of_a_column_is_that_of_a_plain_computation():
    """The columns of x that a category has become are shuffled together."""
    network, x, labels = problem()
    found = {each.name: each for each in importances(network, ENCODING, x, labels, seed=3).columns}
    seed = np.random.RandomState(3).randint(np.iinfo(np.int32).max + 1)  # scikit-learn draws one for all columns
    for name, columns in {"used": [0], "colour": [1, 2, 3]}.items():
        increases = list(plain_increases(network, x, labels, columns, seed))
        np.testing.assert_allclose(found[name].log_loss, np.mean(increases), rtol=1e-5)
        np.testing.assert_allclose(found[name].log_loss_std, np.std(increases), rtol=1e-4)


def plain_increases(network, x, labels, columns, seed):
    """The increase of the loss in each repeat of scikit-learn, which shuffles again what it has shuffled."""
    before = plain_loss(network, x, labels)
    rng, order, rows = np.random.RandomState(seed), np.arange(len(x)), np.arange(len(x))
    for _ in range(importance.REPEATS):
        rng.shuffle(order)
        rows = rows[order]
        shuffled = x.copy()
        shuffled[:, columns] = x[np.ix_(rows, columns)]
        yield plain_loss(network, shuffled, labels) - before


def test_a_column_without_weight_has_no_importance():
    network, x, labels = problem()
    found = importances(network, ENCODING, x, labels, seed=0)
    assert [each.name for each in found.columns] == ["used", "colour", "without weight"]
    assert found.columns[2][2:] == (0, 0, 0)
    assert [each.place for each in found.columns] == [0, 1, 2]
    assert (found.of_columns, found.rows) == (3, 60)


def test_of_many_columns_those_with_the_largest_weights_are_shuffled(monkeypatch):
    monkeypatch.setattr(importance, "MOST_COLUMNS", 2)
    network, x, labels = problem()
    found = importances(network, ENCODING, x, labels, seed=0)
    assert {each.name for each in found.columns} == {"used", "colour"}
    assert found.of_columns == 3


@pytest.mark.parametrize(("cells", "rows"), [(5 * 150, 150), (5, 100)])
def test_of_many_rows_a_sample_is_used(cells, rows, monkeypatch):
    monkeypatch.setattr(importance, "MOST_CELLS", cells)
    network, x, labels = problem(300)
    calls, logits = [], network.logits
    monkeypatch.setattr(network, "logits", lambda x: calls.append(len(x)) or logits(x))
    found = importances(network, ENCODING, x, labels, seed=0)
    assert found.rows == rows
    assert calls == [rows] * (1 + 3 * importance.REPEATS)


def test_of_many_pixels_squares_are_shuffled(monkeypatch):
    """An image of 3 by 5 pixels in squares of 2 by 2; one pixel is left out."""
    monkeypatch.setattr(importance, "MOST_COLUMNS", 6)
    columns = [NumberColumn(f"pixel {i}", 0.0, 1.0) for i in range(15)]
    columns[7] = LeftOut("pixel 7", "as asked for")
    rng = np.random.default_rng(0)
    x = rng.standard_normal((50, 14))
    network = nn.Network([nn.Dense(2)]).initialize(14, seed=0)
    weight = network.parameters["layers.0.weight"]
    weight[:] = 0
    weight[[3, 7]] = [[2, -2], [1, -1]]  # pixels 3 and 8, in rows 0 and 1 of column 3
    found = importances(network, Encoding(tuple(columns)), x, network.predict(x), image=(3, 5), seed=0)
    assert found.grid == (2, 3)
    assert [each.name for each in found.columns][:1] == ["2 by 2 pixels from row 0, column 2"]
    assert sorted(each.place for each in found.columns) == list(range(6))
    assert found.columns[0].place == 1
    assert found.columns[0].log_loss > 0.1
    assert all(each.log_loss == 0 for each in found.columns[1:])
    assert found.of_columns == 14


def test_the_seed_determines_the_importance():
    network, x, labels = problem()
    first, same, other = (importances(network, ENCODING, x, labels, seed=seed) for seed in (0, 0, 1))
    assert first == same != other
