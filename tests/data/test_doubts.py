"""What makes results too good: columns that tell the class, and rows in two sets."""

import numpy as np
import pytest

from cli.tables import write_csv
from softgrad.data import Encoding, Split, read_classes, read_table
from softgrad.data.doubts import doubts, repeated_rows, telling_columns

CLASS = np.random.default_rng(0).integers(0, 3, 120)
NAMES = ("k0", "k1", "k2")
DAY = np.arange(120) % 28 + 1
CELLS = {  # name: (whether it tells the class, its cell for a class k in row i)
    "a name of the class": (True, lambda k, i: ("red", "green", "blue")[k]),
    "several categories per class": (True, lambda k, i: f"{k}{'abc'[i % 3]}"),
    "a missing category": (True, lambda k, i: ("red", "", "blue")[k]),
    "a category of two classes": (False, lambda k, i: ("red", "red", "blue")[k]),
    "all right but one": (False, lambda k, i: ("red", "green", "blue")[(k + (i == 119)) % 3]),
    "numbers in stretches": (True, lambda k, i: f"{10 * k + i / 120}"),
    "numbers, one missing class": (True, lambda k, i: ("1.5", "", f"{2 + i / 120}")[k]),
    "numbers in stretches but one": (False, lambda k, i: f"{10 * ((k + (i == 119)) % 3) + i / 120}"),
    "equal numbers of two classes": (False, lambda k, i: ("1", "1", "2")[k]),
    "dates": (True, lambda k, i: f"{2000 + k}-01-{DAY[i]:02d}"),
    "dates of one class alone": (False, lambda k, i: f"2000-01-{DAY[i]:02d}" if k == 1 else ""),
    "numbers": (False, lambda k, i: f"{(i * 7919) % 120 / 10}"),
}


def read(tmp_path, classes, **columns):
    rows = [
        {"class": f"k{k}", "other": f"{(i * 31) % 17}.5", **{name: cell(k, i) for name, cell in columns.items()}}
        for i, k in enumerate(classes)
    ]
    table = read_table(str(write_csv(tmp_path / "table.csv", rows)))
    labels, _ = read_classes(table, "class")
    names = [name for name in table.columns if name != "class"]
    encoding = Encoding.fit(table, names, np.arange(0, len(classes), 2))
    return encoding.transform(table), labels, encoding


@pytest.mark.parametrize("case", CELLS)
def test_a_column_that_tells_the_class_is_named(case, tmp_path):
    tells, cell = CELLS[case]
    found = telling_columns(*read(tmp_path, CLASS, x=cell))
    assert found == (["x"] if tells else [])


def test_a_column_that_tells_two_classes_by_its_missing_cells_is_named(tmp_path):
    found = telling_columns(*read(tmp_path, np.minimum(CLASS, 1), x=lambda k, i: f"2000-01-{DAY[i]:02d}" if k else ""))
    assert found == ["x"]


@pytest.mark.parametrize(("rows", "named"), [(8, False), (40, True)])
def test_what_few_rows_may_have_by_chance_is_not_named(rows, named, tmp_path):
    found = telling_columns(*read(tmp_path, np.arange(rows) // 2 % 2, x=lambda k, i: f"{k + i / 100}"))
    assert (found == ["x"]) == named


def test_many_rows_are_not_judged_by_the_first(tmp_path):
    classes = np.arange(1100) // 2 % 2
    x, labels, encoding = read(tmp_path, classes, x=lambda k, i: "ab"[k], y=lambda k, i: "ab"[k ^ (i == 1099)])
    assert telling_columns(x, labels, encoding) == ["x"]


def test_test_rows_that_are_copies_of_training_rows_are_counted(tmp_path):
    _, _, encoding = read(tmp_path, CLASS, x=CELLS["numbers"][1])  # two columns of numbers
    x = np.array([[1.0, 0.0], [2.0, 1.0], [1.0, -0.0], [1.0, 0.0], [2.0, 1.0], [3.0, 1.0], [1.0, 0.0]])
    labels = np.array([0, 1, 0, 1, 1, 1, 0])
    x, labels = np.concatenate([x, np.arange(400).reshape(-1, 2)]), np.concatenate([labels, np.arange(200) % 2])
    rows = Split(np.concatenate([[0, 1], np.arange(7, 207)]), np.array([6]), np.array([2, 3, 4, 5]))
    assert repeated_rows(x, labels, encoding, rows) == 2  # 2 and 4; row 3 is of another class


def a_copy_of_each(table):
    return np.concatenate([table, table])


RNG = np.random.default_rng(3)
TABLE = RNG.normal(size=(595, 2))
TABLES = {  # name: (cells, whether its copies are named)
    "few values": (RNG.integers(0, 3, (600, 2)), False),
    "few values and a copy of each row": (a_copy_of_each(RNG.integers(0, 5, (300, 6))), True),
    "many values": (RNG.normal(size=(600, 2)), False),
    "many values and a copy of each row": (a_copy_of_each(RNG.normal(size=(300, 2))), True),
    "many values and five copies": (np.concatenate([TABLE[:594], TABLE[:5], TABLE[594:]]), False),
    "one column of decimals": (RNG.normal(size=(600, 1)).round(2), False),
}


@pytest.mark.parametrize("case", TABLES)
def test_copies_that_are_few_or_there_by_chance_are_not_named(case, tmp_path):
    cells, named = TABLES[case]
    table = read_table(str(write_csv(tmp_path / "table.csv", [dict(enumerate(map(str, row))) for row in cells])))
    encoding = Encoding.fit(table, table.columns, np.arange(600), kinds=dict.fromkeys(table.columns, "number"))
    rows = Split(np.arange(360), np.arange(360, 480), np.arange(480, 600))
    assert bool(repeated_rows(encoding.transform(table), np.arange(600) % 3 // 2, encoding, rows)) == named


def test_what_is_said(tmp_path):
    x, labels, encoding = read(tmp_path, CLASS, x=CELLS["dates"][1])
    half = np.arange(60)
    copies = Split(half, half[:0], half)
    one, more = doubts(x, labels, encoding, copies, NAMES)
    assert one == (
        "column 'x' alone tells the class of every row; leave it out with --drop if it is known only after the class"
    )
    assert more == (
        "60 of the 60 test rows are the same as a training row, more than by chance; if the table has copies of rows, "
        "remove them, since the results are then better than for new rows"
    )
    x, labels, encoding = read(tmp_path, CLASS, x=CELLS["dates"][1], y=CELLS["a name of the class"][1])
    assert doubts(x, labels, encoding, copies, NAMES)[0].startswith(
        "each of the columns 'x', 'y' alone tells the class of"
    )
    rare = doubts(
        *read(tmp_path, [*CLASS, 3], x=lambda k, i: str(i % 9)), Split(half, half[:0], half + 60), [*NAMES, "k3"]
    )
    assert rare == [
        "all rows of 'k3' are training rows, since there are fewer than 3 of each, so the results say nothing of them; "
        "add rows, or merge rare classes"
    ]
    amounts = [f"{k / 2}" for k in range(11)]
    none = read(tmp_path, CLASS, x=CELLS["numbers"][1])
    assert doubts(*none, Split(half, half[:0], half + 60), amounts) == [
        "the target has 11 different numbers with decimals, such as '0.0': each is a class of its own, and their order "
        "is not used; if they are amounts, put them into ranges"
    ]
    assert doubts(*none, Split(half, half[:0], half + 60), amounts[:10]) == []
    assert doubts(*none, Split(half, half[:0], half + 60), [str(k) for k in range(30)]) == []
    assert doubts(*none, Split(half, half[:0], half + 60), NAMES) == []
