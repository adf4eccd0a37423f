"""Columns into the matrix x: numbers standardised, texts one-hot; and every cell that is refused."""

import json
import re

import numpy as np
import pytest

from softgrad import DataError
from softgrad.data import Encoding, NumberColumn, TextColumn

MIXED = "size,colour,weight\n1,red,-2\n2,blue,0.5\n4,red,1e1\n100,green,7\n"
ROWS = np.arange(3)  # to train on; the fourth is not


def fit(table, content, rows=ROWS, names=None):
    t = table(content)
    return t, Encoding.fit(t, names or t.columns, rows)


def test_numbers_are_standardised_by_the_training_rows(table):
    t, encoding = fit(table, MIXED)
    size = np.array([1, 2, 4, 100])
    x = encoding.transform(t)
    mean, deviation = 7 / 3, np.sqrt(14 / 9)
    assert encoding.columns[0].name == "size"
    np.testing.assert_allclose(encoding.columns[0][1:], [mean, deviation], rtol=1e-15)
    np.testing.assert_allclose(x[:, 0], (size - mean) / deviation, rtol=1e-15)
    assert x.dtype == np.float64


def test_texts_become_a_column_for_each_category(table):
    t, encoding = fit(table, MIXED)
    assert encoding.columns[1] == TextColumn("colour", ("blue", "green", "red"))
    assert encoding.transform(t)[:, 1:4].tolist() == [[0, 0, 1], [1, 0, 0], [0, 0, 1], [0, 1, 0]]
    assert encoding.transform(t).shape == (4, 5)


def test_only_the_named_columns_in_their_order(table):
    _, encoding = fit(table, MIXED, names=["weight", "size"])
    assert [column.name for column in encoding.columns] == ["weight", "size"]


def test_columns_are_found_by_name(table):
    t, encoding = fit(table, MIXED)
    x = encoding.transform(t)
    shuffled = table("extra,weight,colour,size\nx,-2,red,1\n,0.5,blue,2\n,1e1,red,4\ny,7,green,100\n")
    np.testing.assert_array_equal(encoding.transform(shuffled), x)


def test_json_gives_the_same_encoding_back(table):
    t, encoding = fit(table, MIXED)
    again = Encoding.from_json(json.loads(json.dumps(encoding.to_json())))
    assert again == encoding
    np.testing.assert_array_equal(again.transform(t), encoding.transform(t))


COLUMNS = {  # name: (cells, whether they are numbers)
    "integers": ("1 2 3", True),
    "fractions and signs": ("+1.5 -2 .5", True),
    "powers": ("1e3 -2E-3 0", True),
    "words": ("a b c", False),
    "words and one number": ("a b 3", False),
    "dates": ("2020-01-01 2020-01-02 2020-01-03", False),
    "decimal commas": ('"1,5" "2,5" "3,5"', False),
    "numbers with units": ("1cm 2cm 3cm", False),
}


@pytest.mark.parametrize("case", COLUMNS)
def test_kinds(case, table):
    cells, numbers = COLUMNS[case]
    _, encoding = fit(table, "a\n" + "\n".join(cells.split()))
    assert isinstance(encoding.columns[0], NumberColumn if numbers else TextColumn)


# 0.7328860768587152 summed 5,000 times is rounded: its deviation from the mean is not quite 0.
CONSTANT = {"few": ("3", 3), "many": ("0.7328860768587152", 118_339), "huge": ("1e300", 3), "tiny": ("1e-320", 3)}


@pytest.mark.parametrize("case", CONSTANT)
def test_a_constant_column_is_0_and_says_little_elsewhere(case, table):
    cell, rows = CONSTANT[case]
    t, encoding = fit(table, "a\n" + f"{cell}\n" * rows, np.arange(rows))
    assert encoding.columns == (NumberColumn("a", float(cell), 1.0),)
    assert not encoding.transform(t).any()


SPREADS = {"large": [1e300, -1e300, 3e300], "small": [1e-300, 2e-300, 4e-300], "far": [1e15, 1e15 + 1, 1e15 + 2]}


@pytest.mark.parametrize("case", SPREADS)
def test_any_spread_is_standardised(case, table):
    t, encoding = fit(table, "a\n" + "\n".join(map(repr, SPREADS[case])))
    x = encoding.transform(t)
    assert abs(x.mean()) < 1e-15
    assert abs(x.std() - 1) < 1e-15


REFUSED = {  # name: (the file, message)
    "NaN": ("a,b\n1,x\nNaN,y\n3,z\n", "line 3: column 'a' is 'NaN', wanted a number, as in the column's other cells"),
    "infinity": ("a,b\n1,x\n2,y\n-inf,z\n", "line 4: column 'a' is '-inf', wanted a number"),
    "too large": ("a,b\n1,x\n1e999,y\n2,z\n", "line 3: column 'a' is '1e999', wanted a number"),
    "no number": ("a,b\n1,x\n?,y\n3,z\n", "line 3: column 'a' is '?', wanted a number"),
    "empty number": ("a,b\n1,x\n\n,y\n3,z\n", "line 4: column 'a' is '', wanted a number"),
    "empty text": ("a,b\n1,x\n2,\n3,z\n", "line 3: column 'b' is '', wanted a value; fill it in or remove the row"),
    "text NaN": ("a,b\n1,x\n2,nan\n3,z\n", "line 3: column 'b' is 'nan', wanted a value"),
    "commas alone": ("a,b\n1,x\n,\n3,z\n", "line 3: column 'a' is '', wanted a number"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refuses(case, table):
    content, message = REFUSED[case]
    with pytest.raises(DataError, match=rf"table\.csv, {re.escape(message)}"):
        fit(table, content)


LATER = {  # name: (a table that comes later, message)
    "new category": ("size,colour,weight\n1,pink,1\n", "line 2: column 'colour' is 'pink', which was not there in tra"),
    "column missing": (
        "size,color,weight\n1,red,1\n",
        "has no column 'colour'; wanted one of 'size', 'color'",
    ),
    "column near": ("Size,colour,weight\n1,red,1\n", "; did you mean 'Size'?"),
    "text for a number": (
        "size,colour,weight\n1,red,1\nbig,red,1\n",
        "line 3: column 'size' is 'big', wanted a num",
    ),
    "empty": ("size,colour,weight\n1,red,\n", "line 2: column 'weight' is '', wanted a number"),
    "far off": ("size,colour,weight\n1e300,red,1\n", "line 2: column 'size' is 1e+300, too far to compute with from"),
    "at the end": ("size,colour,weight\n-1.7e308,red,1\n", "column 'size' is -1.7e+308, too far to compute with from"),
}


@pytest.mark.parametrize("case", LATER)
def test_a_later_table_must_fit(case, table):
    _, encoding = fit(table, MIXED)
    content, message = LATER[case]
    later = table(content)
    with pytest.raises(DataError, match=re.escape(message)):
        encoding.transform(later)


def test_long_lists_are_cut(table):
    _, encoding = fit(table, "a\n" + "\n".join(f"c{i:02}" for i in range(20)))
    later = table("a\nc99\n")
    with pytest.raises(DataError, match=r"wanted one of 'c00', .*, 'c07' and 12 more$"):
        encoding.transform(later)
