"""Parquet files: each type of column, and the same arrays as from a CSV file of the same table."""

import gzip
import io
import json
import sys
from datetime import date, datetime, timedelta

import numpy as np
import pytest

from conftest import load
from softgrad import DataError
from softgrad.data import CategoryColumn, Encoding, read_classes, read_table

N = 200


@pytest.fixture(scope="module")
def pl():
    return load("polars")


@pytest.fixture
def parquet(pl, tmp_path):
    """A function that writes columns to a Parquet file, and reads it."""

    def read(columns):
        path = tmp_path / "table.parquet"
        pl.DataFrame(columns).write_parquet(path)
        return read_table(str(path))

    return read


def columns(pl):
    """A column of every type that is read, with missing cells in some."""
    rng = np.random.default_rng(0)
    start, row = datetime(2020, 1, 1), pl.int_range(N)
    times = [start + timedelta(seconds=int(s), microseconds=250_000) for s in rng.integers(0, 9e7, N)]
    frame = pl.DataFrame(
        {
            "integers": rng.integers(0, 50, N),
            "floats": rng.normal(size=N).round(3),
            "texts": rng.choice(["a", "b", "c d"], N),
            "booleans": rng.random(N) < 0.5,
            "dates": [date(2020, 1, 1) + timedelta(days=int(i)) for i in rng.integers(0, 900, N)],
            "times": pl.Series(times).dt.replace_time_zone("Asia/Tokyo"),
            "rows": np.arange(N),
            "customer id": rng.permutation(10 * N)[:N],
            "constant": np.full(N, 7),
            "constant date": [date(2020, 1, 1)] * N,
            "nothing": pl.Series([None] * N),
            "no floats": pl.Series([None] * N, dtype=pl.Float64),
            "own texts": [f"C{i}" for i in range(N)],
            "category": pl.Series(rng.choice(["x", "y"], N), dtype=pl.Categorical),
            "decimals": pl.Series([f"{v:.2f}" for v in rng.normal(size=N)]).cast(pl.Decimal(10, 2)),
            "percentages": [f"{i}%" for i in rng.integers(0, 100, N)],
            "class": rng.integers(0, 2, N),
        }
    )
    missing = {"integers": 7, "texts": 13, "booleans": 11, "dates": 17}
    return frame.with_columns(
        pl.when(row % every == 0).then(None).otherwise(pl.col(name)).alias(name) for name, every in missing.items()
    )


def test_a_table_gives_the_same_arrays_as_csv_and_as_parquet(pl, tmp_path):
    frame = columns(pl)
    frame.with_columns(pl.col("times").dt.replace_time_zone(None)).write_csv(tmp_path / "table.csv")
    frame.write_parquet(tmp_path / "table.parquet")
    results = []
    for ending in ("csv", "parquet"):
        table = read_table(str(tmp_path / f"table.{ending}"))
        features = [name for name in table.columns if name != "class"]
        encoding = Encoding.fit(table, features, np.arange(0, N, 2))
        labels, classes = read_classes(table, "class")
        results.append((encoding.transform(table), labels, classes, encoding.describe(), encoding.missing(table)))
    for of_csv, of_parquet in zip(*results, strict=True):
        np.testing.assert_array_equal(of_csv, of_parquet)
    lines = results[1][3]
    assert lines[0] == "numbers: 'integers', 'floats', 'decimals'"
    assert lines[2] == "dates, as year-month-day: 'dates', 'times'"
    assert lines[3] == "categories: 'texts' (3), 'booleans' (2), 'category' (2)"
    assert "'rows' (an identifier" in lines[4]
    assert "'customer id' (an identifier" in lines[4]
    assert "'constant' (always '7'), 'constant date' (always '2020-01-01'), 'nothing' (all cells" in lines[4]


WAYS = ("path", "gzip", "standard input", "another name")


@pytest.mark.parametrize("way", WAYS)
def test_a_file_is_recognised_by_its_content(way, pl, tmp_path, monkeypatch):
    buffer = io.BytesIO()
    pl.DataFrame({"a": [1, 2]}).write_parquet(buffer)
    data = gzip.compress(buffer.getvalue()) if way == "gzip" else buffer.getvalue()
    path = tmp_path / ("table.bin" if way == "another name" else "table.parquet")
    path.write_bytes(data)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
    table = read_table("-" if way == "standard input" else str(path))
    assert table.columns["a"].tolist() == [1, 2]
    assert table.where(1).endswith("row 2")


def test_numbers_that_are_read_as_categories_are_written_as_short_as_possible(parquet):
    table = parquet({"code": [1, 2, None, 2], "part": [0.5, 2.0, 1e20, -0.0], "day": [date(2020, 1, 31)] * 4})
    kinds = {"code": "category", "part": "category", "day": "category"}
    code, part, day = Encoding.fit(table, table.columns, np.arange(4), kinds=kinds).columns
    assert code == CategoryColumn("code", ("1", "2"), True, shares=(1 / 3, 2 / 3))
    assert part.categories == ("0", "0.5", "1e+20", "2")
    assert day.categories == ("2020-01-31",)


def test_a_column_of_another_type_is_refused_unless_it_is_left_out(parquet):
    table = parquet({"a": [1.5, 2.5], "b": [[1], [2]]})
    with pytest.raises(DataError, match=r"column 'b' holds List\(Int64\), wanted numbers, texts, dates or booleans; l"):
        Encoding.fit(table, table.columns, np.arange(2))
    encoding = Encoding.fit(table, table.columns, np.arange(2), kinds={"b": "left out"})
    assert encoding.transform(table).tolist() == [[-1], [1]]


def test_an_infinite_number_is_refused(parquet):
    table = parquet({"a": [1.5, float("inf"), 2.5]})
    with pytest.raises(DataError, match=r"table\.parquet, row 2: column 'a' is inf, wanted a number"):
        Encoding.fit(table, table.columns, np.arange(3))


def test_a_missing_class_is_refused(parquet):
    table = parquet({"a": [1.5, 2.5], "class": ["x", None]})
    with pytest.raises(DataError, match=r"table\.parquet, row 2: column 'class' is '', wanted a value"):
        read_classes(table, "class")


INVALID = {  # name: (the change of the content, message)
    "cut off": (lambda data: data[:-10], "is a damaged Parquet file: .*; write it again"),
    "zeros": (lambda data: data[:20] + bytes(len(data) - 28) + data[-8:], "is a damaged Parquet file: .*; write it"),
    "text": (lambda data: b"a,b\n", r"is not a \.parquet file: it starts with b'a,b\\n'; write it again"),
}


@pytest.mark.parametrize("case", INVALID)
def test_an_invalid_file_is_refused_in_one_sentence(case, pl, tmp_path):
    change, message = INVALID[case]
    path = tmp_path / "table.parquet"
    pl.DataFrame({"a": [1, 2], "b": ["x", "y"]}).write_parquet(path)
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(DataError, match=rf"table\.parquet {message}") as raised:
        read_table(str(path))
    assert "\n" not in str(raised.value)


def test_a_file_without_rows_is_refused(parquet):
    with pytest.raises(DataError, match=r"table\.parquet has 1 columns but no rows; wanted at least one row"):
        parquet({"a": []})


@pytest.mark.parametrize("days", [4_000_000, -1_000_000])
def test_dates_outside_the_years_1_to_9999_can_be_kept_in_a_model(days, pl, parquet):
    table = parquet({"day": pl.Series(range(days, days + 40)).cast(pl.Int32).cast(pl.Date), "y": ["a", "b"] * 20})
    encoding = Encoding.fit(table, ["day"], np.arange(40))
    assert Encoding.from_json(json.loads(json.dumps(encoding.to_json()))) == encoding
    assert abs(encoding.transform(table)[:, 3].mean()) < 1e-6
