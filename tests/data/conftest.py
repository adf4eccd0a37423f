import pytest

from softgrad.data import read_table


@pytest.fixture
def table(tmp_path):
    """A function that reads a table from the content of a CSV file, given as a string or as bytes."""

    def read(content):
        path = tmp_path / "table.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_table(str(path))

    return read
