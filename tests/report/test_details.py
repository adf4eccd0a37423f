"""The details of a report: how the cells of a table are shown."""

import numpy as np
import pytest

from softgrad.report import details

CELLS = {  # name: (a cell, how it is shown)
    "a long integer": (np.int64(1234567), "1234567"),
    "a number": (1234.56789, "1234.57"),
    "a missing number": (np.nan, ""),
    "a date": (np.datetime64("1921-05-13", "us"), "1921-05-13"),
    "a time": (np.datetime64("2020-01-13T12:26:27", "us"), "2020-01-13 12:26:27"),
    "a missing date": (np.datetime64("NaT", "us"), ""),
    "a text": ("12T.000000", "12T.000000"),
}


@pytest.mark.parametrize("case", CELLS)
def test_a_cell_is_shown_as_it_would_be_written(case):
    cell, wanted = CELLS[case]
    assert details._cell(np.array([cell]), 0) == wanted
