"""How dates and times of day are read, and what is none."""

import json

import numpy as np
import pytest

from data.fitted import fit
from softgrad import DataError
from softgrad.data import CategoryColumn, Encoding

DATES = {  # the format: cells of 31 January 2020, a Friday, 4 July 2021, a Sunday, and 13 December 2021, a Monday
    "year-month-day": ["2020-01-31", "2021-07-04 00:00", "2021-12-13T00:00:00Z"],
    "day-month-year": ["31-01-2020", "4-7-2021", "13-12-2021 00:00"],
    "year/month/day": ["2020/01/31", "2021/07/04", "2021/12/13 00:00"],
    "day.month.year": ["31.01.2020", "4.7.2021", "13.12.2021 00:00:00+02"],
    "month/day/year": ["01/31/2020", "7/4/2021", "12/13/2021"],
    "day/month/year": ["31/01/2020", "4/7/2021", "13/12/2021"],
}


@pytest.mark.parametrize("name", DATES)
def test_dates_become_year_month_day_of_the_week_and_days(name, table):
    t, encoding = fit(table, "a\n" + "\n".join(DATES[name]))
    (column,) = encoding.columns
    assert (column.format, column.since, column.missing) == (name, "2020-01-31", False)
    parts = encoding.transform(t) * column.scales + column.means
    np.testing.assert_allclose(parts, [[2020, 1, 4, 0], [2021, 7, 6, 520], [2021, 12, 0, 682]], rtol=1e-12, atol=1e-12)
    assert np.abs(encoding.transform(t).mean(axis=0)).max() < 1e-12


def test_times_are_parts_of_days(table):
    t, encoding = fit(table, "a\n2020-01-31 06:00+01:00\n2020-02-01 12:00:36.0-0530\n")
    days = encoding.transform(t)[:, 3] * encoding.columns[0].scales[3] + encoding.columns[0].means[3]
    np.testing.assert_allclose(days, [0.25, 1.5 + 36 / 86400])
    assert Encoding.from_json(json.loads(json.dumps(encoding.to_json()))) == encoding
    assert encoding.width == 5
    time = encoding.transform(t)[:, 4] * encoding.columns[0].scales[4] + encoding.columns[0].means[4]
    np.testing.assert_allclose(time, [0.25, 0.5 + 36 / 86400])


@pytest.mark.parametrize("later", ["2020-01-31 18:00", "NA"])
def test_the_time_of_day_counts_if_the_training_rows_differ_in_it(later, table):
    """Times of day between which a class differs are not seen in the days since a date, which grow for years."""
    t, encoding = fit(table, f"a\n2020-01-31 06:00\n2021-03-01 06:00\n{later}\n", rows=[0, 1])
    assert encoding.width == encoding.transform(t).shape[1] == 4


def test_a_missing_date_is_0_with_an_indicator(table):
    t, encoding = fit(table, "a\n2020-01-31\n?\n2021-07-04\n")
    assert encoding.transform(t)[1].tolist() == [0, 0, 0, 0, 1]
    assert encoding.columns[0].missing


def test_a_later_cell_that_is_no_date_is_rejected(table):
    _, encoding = fit(table, "a\n31.01.2020\n04.07.2021\n")
    with pytest.raises(DataError, match=r"line 3: column 'a' is '31\.02\.2021', wanted a date as day.month.year; corr"):
        encoding.transform(table("a\n31.01.2020\n31.02.2021\n"))


NO_DATES = [
    "2020-13-01",
    "2020-01-31Z",
    "2020-01-31+01:00",
    "2020-01-31 12:00+1",
    "1.2.3",
    "2020-01-31 25:00",
    "2020-1",
    "yesterday",
    "٢٠٢٠-01-31",
]


@pytest.mark.parametrize("cell", NO_DATES)
def test_text_beside_dates_is_no_date(cell, table):
    _, encoding = fit(table, f"a\n2020-01-31\n{cell}\n2020-01-31\n")
    assert isinstance(encoding.columns[0], CategoryColumn)
