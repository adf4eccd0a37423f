"""Codes that start with 0, and texts that look like numbers or dates: how they are read, and what is said of them."""

import numpy as np
import pytest

from softgrad.data import Encoding, LeftOut
from softgrad.data.kinds import CategoryColumn, NumberColumn
from softgrad.data.lookalikes import hint

CODES = ["01234", "98765", "00100", "31000"]
NUMBERS = {  # name: texts that are numbers, not codes
    "of different lengths": ["01", "123"],
    "without a zero in front": ["10", "20", "30"],
    "zero alone": ["0", "1", "2"],
    "fractions": ["0.5", "1.5"],
}


def fit(table, texts, repeated=10, **options):
    cells = list(texts) * repeated
    read = table("\n".join(["text,x", *(f'"{cell}",{i % 7}.5' for i, cell in enumerate(cells))]))
    return Encoding.fit(read, ["text", "x"], np.arange(len(cells)), **options)


def test_codes_that_start_with_0_are_categories(table):
    encoding = fit(table, CODES)
    assert encoding.columns[0].categories == tuple(sorted(CODES))
    said = "'text' holds codes such as '00100', some of which start with 0: --numbers reads them as numbers"
    assert said in encoding.describe()
    missing = fit(table, [*CODES, ""]).columns[0]
    assert (type(missing), missing.missing) == (CategoryColumn, True)
    numbers = fit(table, CODES, kinds={"text": "number"})
    assert isinstance(numbers.columns[0], NumberColumn)
    assert not any("codes" in line for line in numbers.describe())


def test_codes_of_their_own_in_most_rows_are_left_out(table):
    column = fit(table, [f"{i * 37:05d}" for i in range(100)], repeated=1).columns[0]
    assert column == LeftOut(
        "text",
        "an identifier or free text: 100 different values in 100 rows; codes such as '00000', some of which start with "
        "0: --numbers reads them as numbers",
    )


@pytest.mark.parametrize("case", NUMBERS)
def test_other_numbers_stay_numbers(case, table):
    assert isinstance(fit(table, NUMBERS[case]).columns[0], NumberColumn)


HINTS = {  # name: texts, the hint
    "a unit": (["12 km", "3.5 km", "", "1,200km"], "numbers with a unit such as '12 km': write them without 'km'"),
    "grouped by apostrophes": (["1'234", "2'000'000.5"], 'numbers such as "1\'234": write them like 1234'),
    "grouped by spaces": (["1 234", "-20 000"], "numbers such as '1 234': write them like 1234"),
    "names of months": (
        ["12 March 2024", "1 Apr 2024"],
        "dates or times such as '12 March 2024': write them like 2024-",
    ),
    "month first": (["March 12, 2024", "dec 1 2020"], "dates or times such as 'March 12, 2024': write them like 2024-"),
    "AM and PM": (["1:30 PM", "11:00 a.m."], "dates or times such as '1:30 PM': write them like 2024-01-31 16:30"),
    "different units": (["3 km", "4 m"], None),
    "names with a number": (["3A", "4B", "5C"], None),
    "months without a number": (["March", "May"], None),
    "words that begin like months": (["12 marbles", "3 decks"], None),
    "words": (["red", "blue"], None),
    "one text": (["12 km"], None),
    "hardly any": (["12 km", "3 km", "red", "blue"], None),
}


@pytest.mark.parametrize("case", HINTS)
def test_texts_that_look_like_something_else_are_named(case, table):
    texts, wanted = HINTS[case]
    found = hint(texts)
    assert found is None if wanted is None else found.startswith(wanted)
    said = [line for line in fit(table, texts).describe() if line.startswith("'text' holds ")]
    assert len(said) == (wanted is not None)
