"""The memory of a training in blocks does not grow with the table; that of a training at once does."""

import pytest

from benchmarks import stream
from conftest import load


@pytest.fixture(autouse=True)
def polars():
    load("polars")


@pytest.mark.thorough
def test_memory_does_not_grow_with_the_rows(tmp_path):
    small, large = (stream.measure(tmp_path, rows) for rows in (300_000, 1_200_000))
    grown = {name: large.memory[name] - small.memory[name] for name in small.memory}
    assert grown["--stream"] < 60  # MiB, of 900,000 rows that have 170 bytes each
    assert grown["at once"] > 300
    assert abs(large.accuracy["--stream"] - large.accuracy["at once"]) < 0.01


def test_the_page_has_the_table_of_the_results(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(f"before\n\n{stream.START}\n\nold\n{stream.END}\n\nafter\n")
    result = stream.Result(1000, 2.5, {"--stream": 100.4, "at once": 200}, {}, {"--stream": 0.9, "at once": 0.91})
    stream.write([result], page)
    text = page.read_text()
    assert "old" not in text
    assert text.startswith("before\n\n<!-- Memory -->\n\n| rows")
    assert text.endswith("<!-- end -->\n\nafter\n")
    assert "100 MiB" in text
