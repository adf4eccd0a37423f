"""Rows without a class are left out, and counted; all else is as in a table that never had them."""

import numpy as np
import pytest

from conftest import load
from softgrad import DataError
from softgrad.data import Encoding, LeftOut, Table, read_table, streams
from softgrad.data.columns import text_column
from softgrad.data.streams import Stream, StreamedTable, draw_sets
from softgrad.data.unlabelled import Unlabelled

CELLS = {  # name: (the cells of the class, the rows that stay, the note)
    "empty": (["a", "", "b"], [0, 2], "1 of 3; 'kind' is empty in 1"),
    "spelt": (["NA", "a", "nan", "NaN", "NULL", "?", "b"], [1, 6], "5 of 7; 'kind' is 'NA' in 1, 'nan' in 1, 'NaN' in"),
    "classes by such names": (["none", "-", ".", "None"], [0, 1, 2, 3], None),
    "numbers": ([1.0, np.nan, 2.0], [0, 2], "1 of 3; 'kind' is empty in 1"),
    "integers": ([1, 0], [0, 1], None),
}


def table(columns):
    arrays = {name: np.array(cells) for name, cells in columns.items()}
    return Table("a.npz", arrays, np.arange(2, 2 + len(arrays["kind"])), None)


@pytest.mark.parametrize("case", CELLS)
def test_rows_without_a_class_are_left_out_and_counted(case):
    cells, stay, note = CELLS[case]
    unlabelled, whole = Unlabelled("kind"), table({"kind": cells, "row": np.arange(len(cells))})
    left = unlabelled.leave_out(whole)
    assert left.columns["row"].tolist() == stay
    assert left.where(1) == whole.where(stay[1])
    assert len(text_column(left, "kind")) == len(stay)
    notes = unlabelled.notes("a.npz")
    assert notes == () if note is None else notes[0].startswith(f"rows without a class, which are left out: {note}")


def test_no_class_at_all_is_an_error():
    unlabelled = Unlabelled("kind")
    for _ in range(2):
        unlabelled.leave_out(table({"kind": ["", "NA"]}))
    with pytest.raises(DataError, match=r"later\.csv: column 'kind' holds no class in any of its 4 rows, wanted rows"):
        unlabelled.notes("later.csv")


N = 200


@pytest.fixture
def path(tmp_path):
    """The path of a Parquet file in which every third row has no class."""
    rng = np.random.default_rng(0)
    columns = {
        "a": rng.normal(size=N),
        "index": np.arange(1, N + 1),
        "text index": [str(i) for i in range(N)],
        "class": [None if i % 3 == 0 else "xy"[i % 2] for i in range(N)],
    }
    load("polars").DataFrame(columns).write_parquet(tmp_path / "table.parquet")
    return str(tmp_path / "table.parquet")


def test_row_numbers_with_gaps_are_left_out(path):
    left = Unlabelled("class").leave_out(read_table(path))
    columns = Encoding.fit(left, ["a", "index", "text index"], np.arange(50)).columns
    assert [type(column) for column in columns[1:]] == [LeftOut, LeftOut]


def test_blocks_give_the_rows_of_the_table(path, monkeypatch):
    monkeypatch.setattr(streams, "BLOCK_ROWS", 1)  # so that blocks have no row
    streamed = StreamedTable.fit(Stream(path), "class", seed=3)
    left, sets = Unlabelled("class").leave_out(read_table(path)), draw_sets(0, N, seed=3)
    sets = sets[left.lines - 1]
    wanted = Encoding.fit(left, ["a", "index", "text index"], np.flatnonzero(sets == 0))
    assert [type(column) for column in streamed.encoding.columns] == [type(column) for column in wanted.columns]
    assert streamed.counts.sum(axis=1).tolist() == np.bincount(sets).tolist()
    assert streamed.notes == ("rows without a class, which are left out: 67 of 200; 'class' is empty in 67",)
    for which in range(3):
        x = np.concatenate([x for x, _ in streamed.blocks(which)])
        np.testing.assert_allclose(x, wanted.transform(left)[sets == which], rtol=1e-6)
    assert sum(len(labels) for _, labels in streamed.batches(0, 16)) == (sets == 0).sum()
    assert set(streamed.sample(N)[0].columns["class"]) == {"x", "y"}
