"""Reading CSV files: the variants of the format that are accepted, and the files that are rejected."""

import csv
import gzip
import io
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from softgrad import DataError
from softgrad.data import read_classes, read_table

VARIANTS = {  # name: the file; each holds the same two rows
    "plain": "a,b\n1,x\n2,y z\n",
    "no newline at the end": "a,b\n1,x\n2,y z",
    "CRLF": "a,b\r\n1,x\r\n2,y z\r\n",
    "CR": "a,b\r1,x\r2,y z\r",
    "byte order mark": "\ufeffa,b\n1,x\n2,y z\n",
    "byte order mark before a quote": '\ufeff"a",b\n1,x\n2,y z\n',
    "quoted": '"a","b"\n"1","x"\n"2","y z"\n',
    "blank lines": "\na,b\n\n1,x\n   \n\n2,y z\n\n\n",
    "spaces after commas": "a, b\n1, x\n2, y z\n",
    "spaces after commas before quotes": 'a, "b"\n1, "x"\n2, "y z"\n',
    "spaces and tabs around cells": " a ,\tb \n 1 ,\tx\t\n 2 , y z \n",
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_variants_of_the_format_are_read_alike(variant, table):
    columns = {name: column.tolist() for name, column in table(VARIANTS[variant]).columns.items()}
    assert columns == {"a": ["1", "2"], "b": ["x", "y z"]}


SEPARATED = {  # name: (the file, its columns)
    "semicolons": ("a;b\n1;x\n2;y z\n", {"a": ["1", "2"], "b": ["x", "y z"]}),
    "semicolons and decimal commas": ("a;b\n1,5;x\n2,5;y\n", {"a": ["1,5", "2,5"], "b": ["x", "y"]}),
    "semicolons in quotes": ('a;b\n"1;5";x\n2;y\n', {"a": ["1;5", "2"], "b": ["x", "y"]}),
    "tabs": ("a\tb\n1\tx\n2\ty z\n", {"a": ["1", "2"], "b": ["x", "y z"]}),
    "tabs and an empty cell": ("a\tb\n\tx\n2\t\n", {"a": ["", "2"], "b": ["x", ""]}),
    "vertical bars": ("a|b\n1,5|x\n2|y z\n", {"a": ["1,5", "2"], "b": ["x", "y z"]}),
    "a comma in a name": ("a, cm;b\n1;x\n2;y\n", {"a, cm": ["1", "2"], "b": ["x", "y"]}),
    "a semicolon in a name": ("a; cm,b\n1,x\n2,y\n", {"a; cm": ["1", "2"], "b": ["x", "y"]}),
    "commas and semicolons": ("a,b;c\n1,x;z\n", {"a": ["1"], "b;c": ["x;z"]}),
    "one column": ("a\n1;5\n", {"a": ["1;5"]}),
}


@pytest.mark.parametrize("case", SEPARATED)
def test_the_separator_is_found_out(case, table):
    content, wanted = SEPARATED[case]
    assert {name: column.tolist() for name, column in table(content).columns.items()} == wanted


@pytest.mark.parametrize("compressed", [False, True])
def test_tables_come_from_files_and_standard_input_compressed_or_not(compressed, table, monkeypatch):
    content = b"a,b\n1,x\n2,y\n"
    data = gzip.compress(content) if compressed else content
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
    for read in (table(data), read_table("-")):
        assert {name: column.tolist() for name, column in read.columns.items()} == {"a": ["1", "2"], "b": ["x", "y"]}
    assert read.where(0) == "standard input, line 2"


CELLS = {  # name: (the cell in the file, the cell in the table)
    "comma": ('"x, y"', "x, y"),
    "quotes": ('"say ""so"""', 'say "so"'),
    "line end": ('"two\nlines"', "two\nlines"),
    "not ASCII": ("größe 数 🙂", "größe 数 🙂"),
    "quote inside the text": ('5" disk', '5" disk'),
    "apostrophe": ("it's", "it's"),
    "semicolon": ("1;2", "1;2"),
    "long": ("x" * 100_000, "x" * 100_000),
}


@pytest.mark.parametrize("case", CELLS)
def test_cells_keep_their_text(case, table):
    cell, wanted = CELLS[case]
    assert table(f"a,b\n1,{cell}\n").columns["b"].tolist() == [wanted]


def test_column_names_may_hold_any_characters(table):
    assert list(table('"width, cm",größe,[b],"a ""b"""\n1,2,3,4\n').columns) == ["width, cm", "größe", "[b]", 'a "b"']


HEADERS = {  # name: (the first line, the names of the columns, what is said)
    "twice": (
        "a,b, a ,a",
        ["a", "b", "a (2)", "a (3)"],
        "column 3 of the file is another 'a', so it is called 'a (2)'",
    ),
    "the number is taken": (
        "a (2),a,a",
        ["a (2)", "a", "a (3)"],
        "column 3 of the file is another 'a', so it is called",
    ),
    "the number comes later": ("a,a,a (2)", ["a", "a (3)", "a (2)"], "column 2 of the file is another 'a'"),
    "row numbers of pandas": (
        ",a,b",
        ["unnamed", "a", "b"],
        "column 1 of the file has no name, so it is called 'unnamed'",
    ),
    "comma at the end": ("a,b,", ["a", "b", "unnamed"], "column 3 of the file has no name"),
    "two without a name": ("a,,", ["a", "unnamed", "unnamed (2)"], "column 2 of the file has no name"),
    "the name is taken": (",unnamed", ["unnamed (2)", "unnamed"], "column 1 of the file has no name"),
}


@pytest.mark.parametrize("case", HEADERS)
def test_columns_without_a_name_of_their_own_get_one(case, table):
    header, names, said = HEADERS[case]
    read = table(f"{header}\n" + ",".join(map(str, range(len(names)))) + "\n")
    assert {name: column.tolist() for name, column in read.columns.items()} == {
        name: [str(i)] for i, name in enumerate(names)
    }
    assert read.notes[0].startswith(said)


ENCODINGS = {"latin-1": "Windows-1252", "cp1252": "Windows-1252", "utf-16": "UTF-16", "utf-8": "UTF-8"}


@pytest.mark.parametrize("codec", ENCODINGS)
@pytest.mark.parametrize("compressed", [False, True])
def test_the_encoding_is_found_out(codec, compressed, table):
    data = "größe,b\n1,grün\n".encode(codec)
    read = table(gzip.compress(data) if compressed else data)
    assert {name: column.tolist() for name, column in read.columns.items()} == {"größe": ["1"], "b": ["grün"]}
    said = [f"the file is not UTF-8 text, so it is read as {ENCODINGS[codec]}"]
    assert read.notes == tuple(said if codec != "utf-8" else [])


def test_each_row_has_its_line_number(table):
    t = table('\n\na,b\n1,2\n\n3,"x\ny"\n5,6\n')
    assert t.lines.tolist() == [4, 7, 8]  # a row of two lines has the number of its last line
    assert t.where(0).endswith("table.csv, line 4")


def test_a_csv_file_defines_no_target(table):
    assert table("a,target\n1,2\n").target is None


INVALID_FILES = {  # name: (the file, message)
    "empty": ("", "is empty; wanted column names in the first line"),
    "blank": ("\n \n\n", "is empty"),
    "byte order mark alone": ("\ufeff", "is empty"),
    "header only": ("a,b\n", "has column names but no rows; wanted one row per line below them"),
    "row too short": ("a,b\n1,2\n\n3\n", "line 4 has 1 cell, but the first line names 2 columns"),
    "row too long": ("a,b\n1,2,3\n", "line 2 has 3 cells, but the first line names 2 columns; wanted one cell per"),
    "unquoted comma": ("a,b\n1,x, y\n", "line 2 has 3 cells, .* with quotes around cells that contain commas"),
    "binary": (bytes(range(256)), "is not text: byte 0 is 0; give the path of a CSV file"),
    "neither encoding": (b"a,b\n1,\x81\n", "is not text in UTF-8 or Windows-1252; save the file as CSV in UTF-8"),
    "half of UTF-16": ("a,b\n1,2\n".encode("utf-16")[:-1], "is not text in UTF-16"),
    "quote not closed": ('a,b\n1,"x\n2,y\n', "line 3: unexpected end of data; wanted CSV"),
    "text after a quote": ('a,b\n1,"x"y\n', "line 2: .* wanted CSV, with quotes around cells that contain commas"),
    "cell too long": ("a,b\n1," + "x" * 200_000 + "\n", "line 2: field larger than field limit"),
    "unquoted semicolon": ("a;b\n1;x; y\n", "line 2 has 3 cells, .* with quotes around cells that contain semicolons"),
    "damaged gzip": (gzip.compress(b"a,b\n1,2\n")[:-9], "is a damaged gzip file: .*; compress it again"),
    "gzip of a binary file": (gzip.compress(b"a,b\n1,\0\n"), "is not text: byte 6 is 0"),
}


@pytest.mark.parametrize("case", INVALID_FILES)
def test_an_invalid_file_is_rejected_in_one_sentence(case, table):
    content, message = INVALID_FILES[case]
    with pytest.raises(DataError, match=rf"table\.csv.*{message}") as raised:
        table(content)
    assert "\n" not in str(raised.value)


def test_a_folder_is_rejected(tmp_path):
    with pytest.raises(DataError, match=f"{tmp_path} cannot be read: Is a directory; give the path of a CSV file"):
        read_table(str(tmp_path))


def test_a_file_name_that_is_too_long_is_rejected():
    with pytest.raises(DataError, match="cannot be read: File name too long"):
        read_table("x" * 1000)


# NumPy drops NUL characters at the end of a string. Cells are stripped, so that " x" is read as "x".
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8).map(str.strip)


@given(st.integers(2, 4).flatmap(lambda width: st.lists(st.tuples(*[TEXTS] * width), min_size=2, max_size=6)))
@settings(derandomize=True, deadline=None, max_examples=150)
def test_files_that_the_csv_module_writes_are_read(tmp_path_factory, rows):
    header = [f"column {i}" for i in range(len(rows[0]))]
    text = io.StringIO()
    csv.writer(text).writerows([header, *rows])
    path = tmp_path_factory.getbasetemp() / "round trip.csv"
    path.write_bytes(text.getvalue().encode())
    columns = read_table(str(path)).columns
    assert list(columns) == header
    assert list(zip(*[column.tolist() for column in columns.values()], strict=True)) == rows


TITLES = {  # name: (the lines above the rows, the line of the names of the columns)
    "one cell": ("Customers\na;b;c\n", 2),
    "cells that are empty": ("Customers;;\r\n;;\r\na;b;c\r\n", 3),
    "in quotes, with commas": ('"Ours, of 2024"\n\n"a";"b";"c"\n', 3),
    "several lines": ("Customers\nas of 2024-01-31\na;b;c\n", 3),
}


@pytest.mark.parametrize("case", TITLES)
def test_a_title_above_the_names_of_the_columns_is_left_out(case, table):
    above, line = TITLES[case]
    read = table(f"{above}1,5;x;y\n2;x;\n")
    assert {name: column.tolist() for name, column in read.columns.items()} == {
        "a": ["1,5", "2"],
        "b": ["x", "x"],
        "c": ["y", ""],
    }
    assert list(read.lines) == [line + 1, line + 2]
    assert read.notes == (f"line {line} names the columns; what stands above them is left out",)


NO_TITLES = {  # name: (the file, the names of its columns)
    "one column": ("a\nx\ny\n", ["a"]),
    "a name and an index": (",kind\nx,y\n", ["unnamed", "kind"]),
    "one name above numbers": (",,kind\n1,2,x\n", ["unnamed", "unnamed (2)", "kind"]),
    "a name of two lines": ('"a\n(x)",b,c,d\n1,2,3,4\n', ["a\n(x)", "b", "c", "d"]),
}


@pytest.mark.parametrize("case", NO_TITLES)
def test_names_of_columns_are_no_title(case, table):
    text, names = NO_TITLES[case]
    read = table(text)
    assert list(read.columns) == names
    assert not any("above" in note for note in read.notes)


def test_a_table_is_shown_in_one_line(tmp_path):
    (tmp_path / "t.csv").write_text("a,kind\n1,x\n2,y\n")
    assert repr(read_table(str(tmp_path / "t.csv"))) == f"<Table {tmp_path / 't.csv'}: 2 rows, columns 'a', 'kind'>"


def test_a_row_in_place_of_names_is_told(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("5.1,3.5,a\n4.9,3.0,b\n")
    table = read_table(str(path))
    assert table.notes == (
        "the first line is taken for names of columns, such as '5.1'; if it is a row, write names above it",
    )
    with pytest.raises(
        DataError, match=r"no column 'kind'.*; these look like a row, so write the names of the columns above it$"
    ):
        read_classes(table, "kind")
    path.write_text("0,1,2.0,kind\n1,2,3,x\n")  # pixels
    assert read_table(str(path)).notes == ()


def test_cells_between_spaces_are_told(tmp_path):
    (tmp_path / "t.csv").write_text("a b kind\n1 2 x\n")
    with pytest.raises(
        DataError, match=r"no column 'kind'; .*; wanted commas, semicolons, tabs or \| between the columns$"
    ):
        read_classes(read_table(str(tmp_path / "t.csv")), "kind")
