"""Many numbers at once are read as each one alone."""

import numpy as np
import pytest

from softgrad._numerals import to_number
from softgrad.data.written import plain_numbers

PLAIN = ["0", "12", "-0.5", "+.5", "1.", "007", "1e3", "2E-3", "1.5e+10", "1e-400", "1234567890123456789012", "0.1"]
OTHERS = [
    *["", " 1", "1 ", "1\n2", "\n", "1\r", "1_0", "0x1", "inf", "nan", "1e999", ".", "+", "1e", "--1", "1,5", "1.2.3"],
    *["\u0661", "\uff11"],  # digits of other scripts
]


def test_plain_numbers_are_those_of_each_cell():
    values = plain_numbers(PLAIN)
    np.testing.assert_array_equal(values, [to_number(cell) for cell in PLAIN])
    assert len(plain_numbers([])) == 0


@pytest.mark.parametrize("cell", OTHERS)
def test_another_cell_among_plain_numbers_is_found(cell):
    assert to_number(cell) is None
    for cells in ([cell], ["1", cell], [cell, "1"], ["1", cell, "2"]):
        assert plain_numbers(cells) is None


def test_a_column_of_many_rows_needs_no_more_than_a_pass():
    rng = np.random.default_rng(0)
    cells = [repr(v) for v in rng.normal(size=200_000).tolist()]
    np.testing.assert_array_equal(plain_numbers(cells), np.array(cells, dtype=float))
    assert plain_numbers([*cells, "1x"]) is None
