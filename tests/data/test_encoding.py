"""Encoding columns as the matrix x: numbers are standardised, text is one-hot encoded, invalid cells are rejected."""

import json
import re

import numpy as np
import pytest

from softgrad import DataError
from softgrad.data import CategoryColumn, Encoding, NumberColumn

MIXED = "size,colour,weight\n1,red,-2\n2,blue,0.5\n4,red,1e1\n100,green,7\n"
ROWS = np.arange(3)  # the training rows; the fourth row is not one of them


def fit(table, content, rows=ROWS, names=None):
    t = table(content)
    return t, Encoding.fit(t, names or t.columns, rows)


def test_numbers_are_standardised_with_the_training_rows(table):
    t, encoding = fit(table, MIXED)
    size = np.array([1, 2, 4, 100])
    x = encoding.transform(t)
    mean, deviation = 7 / 3, np.sqrt(14 / 9)
    assert encoding.columns[0].name == "size"
    np.testing.assert_allclose(encoding.columns[0][1:3], [mean, deviation], rtol=1e-15)
    np.testing.assert_allclose(x[:, 0], (size - mean) / deviation, rtol=1e-15)
    assert x.dtype == np.float64


def test_text_becomes_one_column_per_category(table):
    t, encoding = fit(table, MIXED)
    assert encoding.columns[1] == CategoryColumn("colour", ("blue", "red"), shares=(1 / 3, 2 / 3))
    assert encoding.transform(t)[:, 1:3].tolist() == [
        [0, 1],
        [1, 0],
        [0, 1],
        [1 / 3, 2 / 3],
    ]  # green is in no training row
    assert encoding.transform(t).shape == (4, 4)


def test_only_the_named_columns_are_encoded_in_the_given_order(table):
    _, encoding = fit(table, MIXED, names=["weight", "size"])
    assert [column.name for column in encoding.columns] == ["weight", "size"]


def test_columns_are_found_by_name(table):
    t, encoding = fit(table, MIXED)
    x = encoding.transform(t)
    shuffled = table("extra,weight,colour,size\nx,-2,red,1\n,0.5,blue,2\n,1e1,red,4\ny,7,green,100\n")
    np.testing.assert_array_equal(encoding.transform(shuffled), x)


def test_json_preserves_the_encoding(table):
    t, encoding = fit(table, MIXED)
    loaded = Encoding.from_json(json.loads(json.dumps(encoding.to_json())))
    assert loaded == encoding
    np.testing.assert_array_equal(loaded.transform(t), encoding.transform(t))


COLUMNS = {  # name: (cells, whether this is a number column)
    "integers": ("1 2 3", True),
    "fractions and signs": ("+1.5 -2 .5", True),
    "exponents": ("1e3 -2E-3 0", True),
    "words": ("a b a", False),
    "words and one number": ("a b 3", False),
    "decimal commas": ('"1,5" "2,5" "3,5"', True),
    "thousands": ('"1,500" 2 "3,500,000.5"', True),
    "numbers with units": ("1cm 2cm 3cm", False),
    "digits with gaps": ("1_000 2_000 3_000", False),
    "Arabic-Indic digits": ("\u0661 \u0662 \u0663", False),
    "full-width digits": ("\uff11 \uff12 \uff13", False),
    "hexadecimal": ("0x1 0x2 0x3", False),
    "infinities": ("inf -inf Infinity", False),
    "points alone": (". .. ...", False),
    "fractions without a digit on one side": ("1. .5 2.", True),
    "zeros in front": ("007 010 001", False),
}


@pytest.mark.parametrize("case", COLUMNS)
def test_number_and_text_columns_are_told_apart(case, table):
    cells, numbers = COLUMNS[case]
    _, encoding = fit(table, "a\n" + "\n".join(cells.split()))
    assert isinstance(encoding.columns[0], NumberColumn if numbers else CategoryColumn)


CONSTANT_COLUMNS = {  # name: (cell, number of rows)
    "few rows": ("3", 3),
    "many rows": ("0.7328860768587152", 118_339),  # the mean is rounded, so the standard deviation is not exactly 0
    "large number": ("1e300", 3),
    "small number": ("1e-320", 3),
}


@pytest.mark.parametrize("case", CONSTANT_COLUMNS)
def test_a_constant_column_becomes_0_with_scale_1(case, table):
    cell, rows = CONSTANT_COLUMNS[case]
    _, encoding = fit(table, "a\n" + f"{cell}\n" * rows + "0\n", np.arange(rows))  # constant in the training rows
    assert encoding.columns == (NumberColumn("a", float(cell), 1.0),)
    assert not encoding.transform(table("a\n" + f"{cell}\n" * rows)).any()


SPREADS = {"large": [1e300, -1e300, 3e300], "small": [1e-300, 2e-300, 4e-300], "offset": [1e15, 1e15 + 1, 1e15 + 2]}


@pytest.mark.parametrize("case", SPREADS)
def test_columns_of_any_spread_are_standardised(case, table):
    t, encoding = fit(table, "a\n" + "\n".join(map(repr, SPREADS[case])))
    x = encoding.transform(t)
    assert abs(x.mean()) < 1e-15
    assert abs(x.std() - 1) < 1e-15


INVALID_CELLS = {  # name: (the file, message)
    "word": (
        "a,b\n1,x\nmany,y\n3,z\n",
        "line 3: column 'a' is 'many', wanted a number, since this is a column of numbers; correct the cell, rem",
    ),
    "infinity": ("a,b\n1,x\n2,y\n-inf,z\n", "line 4: column 'a' is '-inf', wanted a number"),
    "too large": ("a,b\n1,x\n1e999,y\n2,z\n", "line 3: column 'a' is '1e999', wanted a number"),
    "two question marks": ("a,b\n1,x\n??,y\n3,z\n", "line 3: column 'a' is '??', wanted a number"),
    "thousands in wrong places": (
        'a,b\n"1,000",x\n"10,00",y\n"3,000.5",z\n',
        "line 3: column 'a' is '10,00', wanted a number like 1,234.5, since this is a column of numbers",
    ),
    "digits with a gap": ("a,b\n1,x\n1_000,y\n3,z\n", "line 3: column 'a' is '1_000', wanted a number"),
    "full-width digit": ("a,b\n1,x\n\uff11,y\n3,z\n", "line 3: column 'a' is '\uff11', wanted a number"),
    "hexadecimal": ("a,b\n1,x\n0x1,y\n3,z\n", "line 3: column 'a' is '0x1', wanted a number"),
}


@pytest.mark.parametrize("case", INVALID_CELLS)
def test_fit_rejects_an_invalid_cell(case, table):
    content, message = INVALID_CELLS[case]
    with pytest.raises(DataError, match=rf"table\.csv, {re.escape(message)}"):
        fit(table, content)


INVALID_LATER = {  # name: (a table to transform, message)
    "missing column": (
        "size,color,weight\n1,red,1\n",
        "has no column 'colour'; its columns are 'size', 'color'",
    ),
    "misspelt column": ("Size,colour,weight\n1,red,1\n", "; did you mean 'Size'?"),
    "text in a number column": (
        "size,colour,weight\n1,red,1\nbig,red,1\n",
        "line 3: column 'size' is 'big', wanted a num",
    ),
    "far from the mean": (
        "size,colour,weight\n1e300,red,1\n",
        "line 2: column 'size' is 1e+300, too far from the mean 2.33333 of the training rows, whose standard deviation",
    ),
    "near the limit of float64": (
        "size,colour,weight\n-1.7e308,red,1\n",
        "column 'size' is -1.7e+308, too far from the mean",
    ),
}


@pytest.mark.parametrize("case", INVALID_LATER)
def test_transform_rejects_a_table_that_does_not_fit(case, table):
    _, encoding = fit(table, MIXED)
    content, message = INVALID_LATER[case]
    later = table(content)
    with pytest.raises(DataError, match=re.escape(message)):
        encoding.transform(later)


NUMBER = {"kind": "number", "name": "a", "mean": 0.5, "scale": 2, "format": "1.5", "missing": False}
TEXT = {"kind": "category", "name": "b", "categories": ["x", "y"], "missing": True}
DATE = {
    "kind": "date",
    "name": "c",
    "format": "day.month.year",
    "since": "2020-01-31",
    "means": [2020, 6, 3, 100],
    "scales": [1, 2, 3, 4],
    "missing": False,
}


def test_json_of_models_without_rare_categories_and_shares_is_read():
    assert not {"rare", "shares"} & set(TEXT)
    assert Encoding.from_json([TEXT]).columns == (CategoryColumn("b", ("x", "y"), True),)


INVALID_JSON = {  # name: (the encoding, message)
    "missing": (None, "encoding is None, wanted a list"),
    "object": ({}, "encoding is {}, wanted a list"),
    "list of numbers": ([1], r"encoding\[0\] is 1, wanted an object"),
    "missing scale": ([{"kind": "number", "name": "a", "mean": 0}], r"encoding\[0\] has no 'scale'"),
    "no kind": ([{"name": "a"}], r"encoding\[0\].kind is None, wanted one of 'number', 'category', 'date', 'left out'"),
    "unknown kind": ([{**NUMBER, "kind": "text"}], "kind is 'text', wanted one of"),
    "kind is a list": ([{**NUMBER, "kind": []}], r"kind is \[\], wanted one of"),
    "unknown format": ([{**NUMBER, "format": "1'000"}], "format is \"1'000\", wanted one of '1.5'"),
    "missing is a number": ([{**TEXT, "missing": 1}], "missing is 1, wanted true or false"),
    "date of another format": ([{**DATE, "since": "31.01.2020"}], "since is '31.01.2020', wanted a date as year-mon"),
    "date that is none": ([{**DATE, "since": "2020-02-31"}], "since is '2020-02-31', wanted a date"),
    "one share": ([{**TEXT, "shares": [1]}], "has 1 shares, wanted 2"),
    "three means": ([{**DATE, "means": [1, 2, 3]}], "has 3 means and 4 scales, wanted 4 or 5 of each"),
    "scale of a date 0": ([{**DATE, "scales": [1, 2, 0, 4]}], "scales is 0.0, wanted a positive number"),
    "unknown format of dates": ([{**DATE, "format": "stardate"}], "format is 'stardate', wanted one of"),
    "reason is a list": ([{"kind": "left out", "name": "d", "reason": []}], r"reason is \[\], wanted a string"),
    "unknown key": ([{**NUMBER, "size": "m"}], "has the unknown key 'size'"),
    "unit 0": ([{**NUMBER, "unit": 0}], "unit is 0.0, wanted a positive number"),
    "name is a number": ([NUMBER, {**TEXT, "name": 3}], r"encoding\[1\].name is 3, wanted a string"),
    "scale 0": ([{**NUMBER, "scale": 0}], "scale is 0.0, wanted a positive number"),
    "scale is text": ([{**NUMBER, "scale": "1"}], "scale is '1', wanted a finite number"),
    "mean is true": ([{**NUMBER, "mean": True}], "mean is True, wanted a finite number"),
    "mean of 5,000 digits": ([{**NUMBER, "mean": 10**5000}], "mean is <int>, wanted a finite number"),
    "mean is infinite": ([{**NUMBER, "mean": float("inf")}], "mean is inf, wanted a finite number"),
    "categories are text": ([{**TEXT, "categories": "xy"}], "categories is 'xy', wanted a list"),
    "category is null": ([{**TEXT, "categories": ["x", None]}], r"categories\[1\] is None, wanted a string"),
    "rare category is null": ([{**TEXT, "rare": [None]}], r"rare\[0\] is None, wanted a string"),
    "category twice": ([{**TEXT, "categories": ["x", "x"]}], "categories has the same string twice"),
    "column twice": ([NUMBER, NUMBER], "the names of the columns has the same string twice"),
}


@pytest.mark.parametrize("case", INVALID_JSON)
def test_json_that_is_no_encoding_is_rejected(case):
    value, message = INVALID_JSON[case]
    with pytest.raises(DataError, match=f"^Encoding: .*{message}.*; wanted what to_json gives$"):
        Encoding.from_json(value)
