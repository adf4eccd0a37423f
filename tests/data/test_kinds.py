"""How columns are read: missing cells, formats of numbers, identifiers, constants, and categories seen later."""

import json

import numpy as np
import pytest

from data.fitted import fit
from softgrad import DataError
from softgrad.data import CategoryColumn, DateColumn, Encoding, LeftOut, NumberColumn, Table
from softgrad.data.kinds import describe
from softgrad.data.moments import NumberMoments

SPELLINGS = ["", "NA", "n/a", "#N/A", "NaN", "null", "?", "None", "<NA>", "-", "--", ".", "n.a.", "#NA", "-nan"]


@pytest.mark.parametrize("missing", SPELLINGS)
def test_missing_cells_are_the_mean_with_an_indicator(missing, table):
    from sklearn.impute import SimpleImputer

    t, encoding = fit(table, f"a,b\n1,x\n{missing},y\n3,{missing}\n8,x\n")
    assert encoding.columns == (
        NumberColumn("a", 4.0, pytest.approx(np.std([1, 3, 8])), "1.5", True),
        CategoryColumn("b", ("x", "y"), True, (), (2 / 3, 1 / 3)),
    )
    x = encoding.transform(t)
    imputed = SimpleImputer(add_indicator=True).fit_transform([[1], [np.nan], [3], [8]])
    np.testing.assert_allclose(x[:, 0] * encoding.columns[0].scale + 4, imputed[:, 0])
    np.testing.assert_array_equal(x[:, 1], imputed[:, 1])
    assert x[:, 2:].tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 0, 0]]
    assert encoding.width == x.shape[1] == 5
    assert encoding.missing(t) == {"a": 1, "b": 1}
    assert encoding.notes(t) == []


def test_texts_can_stand_for_a_missing_number(table):
    content = "a,b,c\n1,x,2020-01-31\nUnknown,unknown,2021-07-04\n3,x,2020-01-31\n-999,unknown,2021-07-04\n"
    t, encoding = fit(table, content, missing=["unknown", "-999"])
    assert encoding.columns[0] == NumberColumn("a", 2.0, 1.0, "1.5", True, None, ("unknown", "-999"))
    assert encoding.columns[1].categories == ("unknown", "x")  # a category is as good as any other
    assert encoding.transform(t)[:, :2].tolist() == [[-1, 0], [0, 1], [1, 0], [0, 1]]
    assert encoding.missing(t) == {"a": 2}
    later = table("a,b,c\nUNKNOWN,x,2020-01-31\n")
    again = Encoding.from_json(json.loads(json.dumps(encoding.to_json())))
    assert again == encoding
    assert again.transform(later)[:, :2].tolist() == [[0, 1]]
    with pytest.raises(DataError, match=r"'a' is 'Unknown', wanted a number.* or the text as missing \(--missing\)"):
        fit(table, content)


def test_a_column_of_texts_that_stand_for_missing_numbers_alone_is_one_of_categories(table):
    _, encoding = fit(table, "a\nunknown\nNA\nunknown\n", missing=["unknown"])
    assert isinstance(encoding.columns[0], CategoryColumn)


FAR_AWAY = {  # name: (the numbers, whether they get a logarithmic scale)
    "amounts": ([2.0**i for i in range(200)], True),
    "one typing error": ([*range(1, 200), 1e9], True),
    "zeros and amounts": ([0.0] * 150 + [10.0**i for i in range(50)], True),
    "losses and gains": ([(-1) ** i * 1.5**i for i in range(200)], True),
    "near the limits of float64": ([1e-300, 1.7e308, -1.7e308] + [1.0] * 300, True),
    "even": (list(range(200)), False),
    "one of 300 is 1": ([0.0] * 299 + [1.0], False),
    "few counts": ([0.0] * 300 + [1.0, 9.0, 16.0], False),
    "constant but for missing cells": ([3.0] * 200, False),
}


@pytest.mark.parametrize("case", FAR_AWAY)
def test_columns_with_numbers_far_from_the_others_get_a_logarithmic_scale(case, table):
    values, wanted = FAR_AWAY[case]
    t, encoding = fit(table, "a\n" + "\n".join(map(repr, values)) + "\nNA\n")
    (column,) = encoding.columns
    assert (column.unit is not None) == wanted
    assert Encoding.from_json(json.loads(json.dumps(encoding.to_json()))) == encoding
    x = encoding.transform(t)[:-1, 0]
    order = np.argsort(values)
    assert (np.diff(x[order]) >= 0).all()
    if wanted:
        sizes = np.abs(np.array(values)[np.array(values) != 0])
        assert column.unit == pytest.approx(np.exp(np.log(sizes).mean()))
        far = np.sign(values) * np.log1p(np.abs(np.longdouble(values)) / np.longdouble(column.unit))
        np.testing.assert_allclose(x, (far - far.mean()) / far.std(), rtol=1e-9, atol=1e-9)
        assert encoding.describe()[1].startswith("on a logarithmic scale, since some are more than 10 standard dev")


def test_numbers_are_read_alike_from_text_and_as_numbers():
    values = np.exp(np.random.default_rng(0).normal(0, 2, 1000)).round(2)
    rows = np.arange(0, 1000, 2)
    columns = []
    for stored in (values, values.astype(str)):
        t = Table("a", {"a": stored}, np.arange(1000), None)
        columns.append(Encoding.fit(t, ["a"], rows).columns[0])
    assert columns[0].unit is not None
    np.testing.assert_allclose(*([each.mean, each.scale, each.unit] for each in columns), rtol=1e-12)


def test_the_unit_is_that_of_the_first_part_of_a_table():
    values = np.exp(np.random.default_rng(0).normal(0, 2, 1000))
    whole, parts = NumberMoments(), NumberMoments()
    whole.add(values)
    parts.add(values[:0])
    parts.add(values[:500])
    unit = parts.unit
    parts.add(values[500:])
    assert parts.unit == unit != whole.unit
    mean, scale, unit = parts.on_a_scale()
    scaled = np.log1p(values / unit)
    assert (mean, scale) == pytest.approx((scaled.mean(), scaled.std()))


def test_cells_that_are_missing_only_later_are_the_mean_and_counted(table):
    _, encoding = fit(table, "a,b\n1,x\n2,y\n3,x\n")
    later = table("a,b\n?,x\n2,NA\n,y\n")
    assert encoding.transform(later).tolist() == [[0, 1, 0], [0, 2 / 3, 1 / 3], [0, 0, 1]]
    assert encoding.notes(later) == [
        "column 'a': 2 missing cells, although the training rows have none",
        "column 'b': 1 missing cell, although the training rows have none",
    ]


def test_missing_cells_do_not_make_numbers_text(table):
    _, encoding = fit(table, "a\n?\n?\n?\n1\n2\n")
    assert encoding.columns == (NumberColumn("a", 1.5, 0.5, "1.5", True),)


def test_a_column_that_is_missing_in_all_training_rows_is_0(table):
    t, encoding = fit(table, "a,b,c\n,,\n,,\n1,x,2020-01-05\n2,y,2020-01-06\n", rows=[0, 1], kinds={"b": "category"})
    assert encoding.transform(t)[:2].tolist() == [[0, 1, 1, 0, 0, 0, 0, 1]] * 2
    assert np.isfinite(encoding.transform(t)).all()


NUMBERS = {  # name: (cells, separator, format, numbers)
    "thousands": (["1,234", "12", "1,234,567.5"], ",", "1,234.5", [1234, 12, 1234567.5]),
    "thousands alone, among commas": (["1,234", "5,678"], ",", "1,234.5", [1234, 5678]),
    "the same among semicolons": (["1,234", "5,678"], ";", "1.234,5", [1.234, 5.678]),
    "thousands twice among semicolons": (["1,234,567", "2,000,000"], ";", "1,234.5", [1234567, 2000000]),
    "decimal commas": (["1,5", "-2,25", "3"], ",", "1.234,5", [1.5, -2.25, 3]),
    "decimal commas and thousands": (["1.234,5", "2.000", "0,5"], ";", "1.234,5", [1234.5, 2000, 0.5]),
    "plain": (["1.5", "1e3", "-.5"], ";", "1.5", [1.5, 1000, -0.5]),
    "plain with three decimals": (["1.234", "5.678"], ";", "1.5", [1.234, 5.678]),
    "percentages": (["12%", "-3.5 %", "+100%"], ",", "1.5%", [12, -3.5, 100]),
    "percentages with decimal commas": (["12,5%", "3 %"], ";", "1.234,5%", [12.5, 3]),
    "dollars": (["$5", "$1.5", "-$3", "$-4", "+$2"], ",", "$1.5", [5, 1.5, -3, -4, 2]),
    "dollars and thousands": (["$1,234.50", "$5"], ",", "$1,234.5", [1234.5, 5]),
    "euros before and after": (["€ 3", "3,50 €", "-1.000,25€"], ",", "€1.234,5", [3, 3.5, -1000.25]),
    "pounds": (["£5", "7£"], ",", "£1.5", [5, 7]),
}


@pytest.mark.parametrize("case", NUMBERS)
def test_text_that_looks_like_numbers_is_read_as_numbers(case, table):
    cells, separator, number_format, wanted = NUMBERS[case]
    content = f"a{separator}b\n" + "".join(f'"{cell}"{separator}{"xy"[i % 2]}\n' for i, cell in enumerate(cells))
    t, encoding = fit(table, content)
    column = encoding.columns[0]
    assert column.format == number_format
    np.testing.assert_allclose(encoding.transform(t)[:, 0] * column.scale + column.mean, wanted, rtol=1e-12)


NO_UNITS = ["5", "€5", "$$5", "$5$", "5%", "$", "$ -", "--$5", "-$-5", "$five", "5 dollars", "1.5k$"]


@pytest.mark.parametrize("cell", NO_UNITS)
def test_a_cell_with_another_unit_or_none_is_no_number(cell, table):
    with pytest.raises(DataError, match=r"line 4: column 'a' is .*, wanted a number like \$1.5, since"):
        fit(table, f"a\n$5\n$6\n{cell}\n")
    with pytest.raises(DataError, match=r"line 3: column 'a' is '%5', wanted a number like 1\.5%, since"):
        fit(table, "a\n5%\n%5\n")


LEFT_OUT = {  # name: (the name of the column, the cells of 60 rows, the reason; None if it is used)
    "constant number": ("a", ["3"] * 60, "always '3'"),
    "constant text": ("a", ["web"] * 60, "always 'web'"),
    "constant or missing": ("a", ["web", ""] * 30, None),
    "empty": ("a", ["", "NA"] * 30, "all cells are missing"),
    "text of its own": (
        "a",
        [f"C{i}" for i in range(60)],
        "an identifier or free text: 60 different values in 60 rows",
    ),
    "50 texts": ("a", [f"C{i % 50}" for i in range(60)], None),
    "row numbers": ("a", [str(i + 1) for i in range(60)], "an identifier: an integer of its own for each row"),
    "row numbers from 0": ("a", [str(i) for i in range(60)], "an identifier: an integer of its own for each row"),
    "integers in a row from another number": ("year", [str(1960 + i) for i in range(60)], None),
    "integers in another order": ("a", [str(59 - i) for i in range(60)], None),
    "integers with a gap": ("a", [str(i * 3) for i in range(60)], None),
    "integers with a gap that are called id": ("customer_id", [str(i * 3) for i in range(60)], "an identifier: an int"),
    "fractions": ("id", [f"{i}.5" for i in range(60)], None),
    "row numbers with one twice": ("id", [str(max(i, 1)) for i in range(60)], None),
}


@pytest.mark.parametrize("case", LEFT_OUT)
def test_columns_that_say_nothing_are_left_out(case, table):
    name, cells, reason = LEFT_OUT[case]
    content = f"{name},size\n" + "".join(f"{cell},{i % 7}\n" for i, cell in enumerate(cells))
    t, encoding = fit(table, content)
    column = encoding.columns[0]
    assert isinstance(column, LeftOut) == (reason is not None)
    if reason is not None:
        assert column.reason.startswith(reason)
        assert encoding.transform(t).shape == (60, 1)
        np.testing.assert_array_equal(encoding.transform(table("size\n3\n")), encoding.transform(t)[3:4])


def test_row_numbers_are_kept_if_there_is_nothing_else(table):
    _, encoding = fit(table, "a,b\n" + "".join(f"{i},x\n" for i in range(60)))
    assert [type(column) for column in encoding.columns] == [NumberColumn, LeftOut]


def test_a_category_that_comes_later_is_the_average_and_counted(table):
    """Zeros would be unlike any row of the training: a network answers them by chance."""
    t, encoding = fit(table, "a,b\nx,1\ny,2\nx,4\ny,5\nx,2\n", rows=[0, 1, 2, 4])
    later = table("a,b\npink,1\nx,2\nteal,4\nNA,4\n")
    average = encoding.transform(t)[[0, 1, 2, 4], :2].mean(axis=0).tolist()
    assert average == [0.75, 0.25]
    assert encoding.transform(later)[:, :2].tolist() == [average, [1, 0], average, average]
    assert encoding.notes(later)[0] == (
        "column 'a': 2 cells of categories that the training rows do not have, read as the average of those they have: "
        "'pink', 'teal'"
    )
    assert Encoding.from_json(json.loads(json.dumps(encoding.to_json()))) == encoding


def shop(rows=1000):
    """Two colours of hundreds of rows, and three of 4 rows each."""
    rare = ["teal", "pink", "plum"]
    return "colour,size\n" + "".join(
        f"{rare[i % 3] if i < 12 else 'red' if i % 2 else 'blue'},{i}.5\n" for i in range(rows)
    )


def test_rare_categories_are_other_and_so_is_one_that_comes_later(table):
    from sklearn.preprocessing import OneHotEncoder

    t, encoding = fit(table, shop())
    assert encoding.columns[0] == CategoryColumn(
        "colour", ("blue", "red"), False, ("pink", "plum", "teal"), (0.494, 0.494, 0.012)
    )
    later = table("colour,size\nred,1\npink,1\nlime,1\n,1\nlime,1\n")
    assert encoding.transform(later)[:, :3].tolist() == [
        *([0, 1, 0], [0, 0, 1], [0, 0, 1]),
        [0.494, 0.494, 0.012],  # a missing cell, which the training rows do not have, is the average
        [0, 0, 1],
    ]
    assert encoding.notes(later)[0] == (
        "column 'colour': 2 cells of categories that the training rows do not have, read as other: 'lime'"
    )
    assert encoding.describe()[1] == "categories: 'colour' (2, and 3 rare as other)"
    assert Encoding.from_json(json.loads(json.dumps(encoding.to_json()))) == encoding
    peer = OneHotEncoder(min_frequency=5, handle_unknown="infrequent_if_exist", sparse_output=False)
    colours = [[colour] for colour in t.columns["colour"].tolist()]
    np.testing.assert_array_equal(encoding.transform(t)[:, :3], peer.fit_transform(colours))


RARE = {  # name: (number of rows, whether the colours of 4 rows are rare)
    "4 of 401 training rows are less than one in 100": (401, True),
    "4 of 400 are not": (400, False),
}


@pytest.mark.parametrize("case", RARE)
def test_a_category_is_rare_by_its_part_of_the_training_rows(case, table):
    rows, rare = RARE[case]
    _, encoding = fit(table, shop(500), rows=range(rows))
    assert bool(encoding.columns[0].rare) == rare


def test_kinds_can_be_asked_for(table):
    content = "a,b,c,d\n1,2020-01-31,x,7\n2,2021-07-04,y,8\n1,2020-01-31,x,9\n"
    _, encoding = fit(table, content, kinds={"a": "category", "b": "category", "c": "left out", "d": "number"})
    assert encoding.columns[:3] == (
        CategoryColumn("a", ("1", "2"), shares=(2 / 3, 1 / 3)),
        CategoryColumn("b", ("2020-01-31", "2021-07-04"), shares=(2 / 3, 1 / 3)),
        LeftOut("c", "as asked for"),
    )
    rows = "".join(f"{i},{i % 5}\n" for i in range(60))
    assert isinstance(fit(table, "a,b\n" + rows)[1].columns[0], LeftOut)
    assert len(fit(table, "a,b\n" + rows, kinds={"a": "category"})[1].columns[0].categories) == 60
    texts = "".join(f"C{i},{i % 5}\n" for i in range(60))
    assert len(fit(table, "a,b\n" + texts, kinds={"a": "category"})[1].columns[0].categories) == 60
    assert isinstance(fit(table, "a,b\n" + rows, kinds={"a": "number"})[1].columns[0], NumberColumn)
    _, encoding = fit(table, "a\n31.01.2020\n04.07.2021\n", kinds={"a": "date"})
    assert isinstance(encoding.columns[0], DateColumn)


EVERYTHING = 'n,t,d,c,k,m\n1,"1,234",31.01.2020,x,3,?\n2,"5,678",04.07.2021,,3,1\n4,9,13.12.2021,y,3,2\n'


def test_each_kind_is_described(table):
    t, encoding = fit(table, EVERYTHING)
    assert encoding.describe() == [
        "numbers: 'n', 'm'",
        "numbers that are written like 1,234.5, for 1234.5: 't'",
        "dates, as day.month.year: 'd'",
        "categories: 'c' (2)",
        "left out: 'k' (always '3')",
    ]
    assert encoding.missing(t) == {"c": 1, "m": 1}


def test_json_preserves_each_kind(table):
    t, encoding = fit(table, EVERYTHING)
    loaded = Encoding.from_json(json.loads(json.dumps(encoding.to_json())))
    np.testing.assert_array_equal(loaded.transform(t), encoding.transform(t))
    assert loaded == encoding


def test_the_training_rows_alone_count(table):
    content = "a,b,c\n1,x,2020-01-01\n3,x,2020-01-03\n100,y,2019-01-01\n,x,\n"
    t, encoding = fit(table, content, rows=[0, 1])
    number, category, date = encoding.columns
    assert (number.mean, number.scale, number.missing) == (2, 1, False)
    assert category == CategoryColumn("b", ("x",), shares=(1.0,))
    assert (date.since, date.means[3], date.missing) == ("2020-01-01", 1, False)
    assert np.isfinite(encoding.transform(t)).all()


DESCRIBED = {  # how a column is read: the column
    "a number, mean 1.5, deviation 0.5": NumberColumn("a", 1.5, 0.5),
    "a number like 1.234,5, mean 0, deviation 1; or missing": NumberColumn("a", 0.0, 1.0, "1.234,5", True),
    "a number on a logarithmic scale, mean 0, deviation 1": NumberColumn("a", 0.0, 1.0, unit=2.0),
    "a category: 'x', 'y', or other": CategoryColumn("a", ("x", "y"), False, ("z",)),
    "a category: 'x'; or missing": CategoryColumn("a", ("x",), True),
    "left out: as asked for": LeftOut("a", "as asked for"),
}


@pytest.mark.parametrize("words", DESCRIBED)
def test_a_column_is_described(words):
    assert describe(DESCRIBED[words]) == words
