"""Parquet files in blocks: the same columns, classes and rows as a table that is read at once, whatever the blocks."""

from datetime import datetime, timedelta

import numpy as np
import pytest

from conftest import load
from softgrad import DataError
from softgrad.data import CategoryColumn, DateColumn, Encoding, LeftOut, NumberColumn, read_classes, read_table, streams
from softgrad.data.streams import Stream, StreamedTable, draw_sets, read_parts

N = 400


@pytest.fixture(scope="module")
def pl():
    return load("polars")


@pytest.fixture
def parquet(pl, tmp_path):
    """A function that writes columns to a Parquet file of small row groups, and gives its path."""

    def write(columns):
        path = tmp_path / "table.parquet"
        pl.DataFrame(columns).write_parquet(path, row_group_size=64)
        return str(path)

    return write


def columns():
    rng = np.random.default_rng(0)
    times = [datetime(2020, 1, 1) + timedelta(minutes=int(i)) for i in rng.integers(0, 1e6, N)]
    numbers = [None if i % 7 == 0 else float(v) for i, v in enumerate(rng.normal(1e6, 3, N))]
    texts = [None if i % 11 == 0 else str(v) for i, v in enumerate(rng.choice(["a", "b", "c"], N))]
    return {
        "numbers": numbers,
        "integers": rng.integers(0, 9, N),
        "texts": ["rare"] * 3 + texts[3:],
        "times": times,
        "percentages": [f"{i}%" for i in rng.integers(0, 99, N)],
        "days": [f"{i % 28 + 1}.12.2023" for i in range(N)],
        "rows": np.arange(1, N + 1),
        "user_id": rng.permutation(9 * N)[:N],
        "constant": np.ones(N),
        "nothing": [None] * N,
        "own": [f"C{i}" for i in range(N)],
        "class": [["no", "yes"][v] for v in rng.integers(0, 2, N)],
    }


def close(column, wanted):
    """Whether two columns are the same, up to the rounding of means and deviations."""
    names = [name for name in wanted._fields if name not in ("mean", "scale", "means", "scales")]
    same = type(column) is type(wanted) and all(getattr(column, name) == getattr(wanted, name) for name in names)
    numbers = [name for name in wanted._fields if name not in names]
    return same and all(np.allclose(getattr(column, n), getattr(wanted, n), rtol=1e-13, atol=0) for n in numbers)


@pytest.mark.parametrize("rows", [7, 64, 1000])
def test_blocks_give_the_columns_and_the_rows_of_the_table(rows, parquet, monkeypatch):
    monkeypatch.setattr(streams, "BLOCK_ROWS", rows)
    path = parquet(columns() | {"amount": ["unknown" if i % 9 == 0 else str(i % 50) for i in range(N)]})
    stream = Stream(path)
    streamed = StreamedTable.fit(stream, "class", missing=["unknown"], seed=3)
    table, sets = read_table(path), draw_sets(0, N, seed=3)
    labels, classes = read_classes(table, "class")
    features = [name for name in table.columns if name != "class"]
    encoding = Encoding.fit(table, features, np.flatnonzero(sets == 0), missing=["unknown"])
    kinds = (NumberColumn, NumberColumn, CategoryColumn, DateColumn, NumberColumn, DateColumn)
    kinds += (*[LeftOut] * 5, NumberColumn)
    assert tuple(map(type, encoding.columns)) == kinds
    for column, wanted in zip(streamed.encoding.columns, encoding.columns, strict=True):
        assert close(column, wanted), (column, wanted)
    assert streamed.classes == classes
    assert streamed.missing == encoding.missing(table)
    np.testing.assert_array_equal(streamed.counts, [np.bincount(labels[sets == i]) for i in range(3)])
    for which in range(3):
        x, indices = (np.concatenate(parts) for parts in zip(*streamed.blocks(which), strict=True))
        np.testing.assert_array_equal(indices, labels[sets == which])
        np.testing.assert_allclose(x, encoding.transform(table)[sets == which], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("rows", [37, 1000])
def test_an_epoch_has_each_training_row_once_in_an_order_of_its_own(rows, parquet, monkeypatch):
    monkeypatch.setattr(streams, "BLOCK_ROWS", rows)
    streamed = StreamedTable.fit(Stream(parquet(columns())), "class", seed=3)
    training, *_ = streamed.counts.sum(axis=1)
    epochs = [list(streamed.batches(epoch, 16)) for epoch in (0, 0, 1)]
    for batches in epochs:
        assert [len(labels) for _, labels in batches[:-1]] == [16] * (training // 16)
        assert sum(len(labels) for _, labels in batches) == training
    first, same, other = (np.concatenate([x for x, _ in batches]) for batches in epochs)
    np.testing.assert_array_equal(first, same)
    assert not np.array_equal(first, other)
    in_order = np.concatenate([x for x, _ in streamed.blocks(0)])
    for epoch in (first, other):
        assert sorted(map(tuple, epoch)) == sorted(map(tuple, in_order))
        assert not np.array_equal(epoch, in_order)


def test_the_set_of_a_row_depends_on_its_number_and_the_seed_alone():
    whole = draw_sets(0, 100_000, seed=5)
    for first in (0, 1, 2, 3, 4, 99, 31_337):
        np.testing.assert_array_equal(draw_sets(first, 100, seed=5), whole[first : first + 100])
    np.testing.assert_allclose(np.bincount(whole) / len(whole), [0.6, 0.2, 0.2], atol=0.005)
    assert not np.array_equal(whole, draw_sets(0, 100_000, seed=6))
    parts = np.bincount(draw_sets(0, 100_000, seed=5, fractions=(0.9, 0.02, 0.08))) / 100_000
    np.testing.assert_allclose(parts, [0.9, 0.02, 0.08], atol=0.005)


def test_a_text_with_too_many_different_cells_is_left_out(parquet, monkeypatch):
    monkeypatch.setattr(streams, "MOST_TEXTS", 50)
    path = parquet({"a": [f"{i % 60}" for i in range(N)], "b": np.arange(N) % 7, "class": ["x", "y"] * (N // 2)})
    column = StreamedTable.fit(Stream(path), "class", seed=0).encoding.columns[0]
    assert column == LeftOut("a", "an identifier or free text: more than 50 different texts")
    with pytest.raises(DataError, match=r"column 'a' has more than 50 different texts, wanted fewer in a table that"):
        StreamedTable.fit(Stream(path), "class", kinds={"a": "number"}, seed=0)
    with pytest.raises(DataError, match=r"column 'a' has more than 50 classes, such as '0', '1', '10'; choose another"):
        StreamedTable.fit(Stream(path), "a", seed=0)


ERRORS = {  # name: (the change of the columns, options, message)
    "no class": ({"class": [None] * N}, {}, r"column 'class' holds no class in any of its 400 rows, wanted rows with"),
    "one class": ({"class": ["x"] * N}, {}, r"column 'class' is 'x' in all 400 rows, wanted at least 2 classes"),
    "rare class": ({"class": ["x"] * 398 + ["y"] * 2}, {}, r"class 'y' has 2 rows, wanted at least 3"),
    "infinity": ({"a": [1.0] * 399 + [np.inf]}, {}, r"row 400: column 'a' is inf, wanted a number"),
    "no number": (
        {"a": ["1"] * 200 + ["2"] * 199 + ["many"]},
        {},
        r"row 400: column 'a' is 'many', wanted a number, since this is a column of numbers",
    ),
    "nothing left": ({"a": ["x"] * N}, {}, r"no column is left to learn from: 'a' \(always 'x'\)"),
}


@pytest.mark.parametrize("case", ERRORS)
def test_errors_are_those_of_a_table_that_is_read_at_once(case, parquet, monkeypatch):
    change, options, message = ERRORS[case]
    monkeypatch.setattr(streams, "BLOCK_ROWS", 100)
    path = parquet({"a": np.arange(N) % 9, "class": ["x", "y"] * (N // 2), **change})
    with pytest.raises(DataError, match=rf"table\.parquet(, |: ){message}"):
        StreamedTable.fit(Stream(path), "class", seed=0, **options)


def test_other_files_are_refused(pl, tmp_path, parquet):
    with pytest.raises(DataError, match=r"nowhere\.parquet is not a Parquet file, wanted the path of one, which can"):
        Stream("nowhere.parquet")
    (tmp_path / "table.csv").write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match=r"table\.csv is not a Parquet file"):
        Stream(str(tmp_path / "table.csv"))
    (tmp_path / "cut.parquet").write_bytes((tmp_path / parquet({"a": [1]})).read_bytes()[:-9])
    with pytest.raises(DataError, match=r"cut\.parquet is a damaged Parquet file"):
        Stream(str(tmp_path / "cut.parquet"))
    with pytest.raises(DataError, match=r"table\.parquet has 1 columns but no rows"):
        Stream(parquet({"a": []}))


def test_a_sample_has_rows_of_every_set_with_their_numbers(parquet, monkeypatch):
    monkeypatch.setattr(streams, "BLOCK_ROWS", 10)
    path = parquet(columns())
    table, sets = StreamedTable.fit(Stream(path), "class", seed=3).sample(40)
    assert 0 < min(np.bincount(sets)) <= max(np.bincount(sets)) <= 40
    np.testing.assert_array_equal(sets, draw_sets(0, N, seed=3)[table.lines - 1])
    np.testing.assert_array_equal(table.columns["rows"], table.lines)


def test_parts_of_a_table_are_the_table(parquet, monkeypatch, tmp_path):
    monkeypatch.setattr(streams, "BLOCK_ROWS", 100)
    rows, parts = read_parts(parquet({"a": np.arange(N), "b": np.arange(N) % 5}))
    assert rows == N
    assert [part.columns["a"].tolist() for part in parts] == [list(range(i, i + 100)) for i in range(0, N, 100)]
    (tmp_path / "table.csv").write_text("a,b\n1,2\n3,4\n")
    for source, wanted in (("iris", 150), (str(tmp_path / "table.csv"), 2)):
        rows, (table,) = read_parts(source)
        assert rows == wanted == len(table.lines)
