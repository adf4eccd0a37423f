"""A table with every kind of dirt, from `softgrad train` to `softgrad predict`, without a change to the file."""

import csv
import gzip
import io
import json
import sys

import numpy as np
import pytest

from cli.tables import dirty_table

TRAIN = ("--target", "churn", "--hidden", 8, "--no-check", "--out", "run")


@pytest.fixture
def dirty(tmp_path):
    path = tmp_path / "dirty.csv"
    path.write_text(dirty_table())
    return path


def test_the_output_says_how_each_column_is_read(softgrad, dirty, tmp_path):
    run = softgrad("train", dirty, *TRAIN)
    assert (run.code, run.err) == (0, "")
    assert run.out.splitlines()[:8] == [
        f"{dirty}: 400 rows of 11 features in 2 classes (240 train, 80 validation, 80 test)",
        "numbers: 'age'",
        "numbers that are written like 1.234,5, for 1234.5: 'amount'",
        "dates, as day.month.year: 'opened'",
        "categories: 'colour' (2)",
        "left out: 'id' (an identifier or free text: 400 different values in 400 rows), 'note' (an identifier or free "
        "text: 400 different values in 400 rows), 'source' (always 'web')",
        "missing cells: 'colour' in 139 rows, 'age' in 34 rows, 'opened' in 16 rows",
        "classes: 'no', 'yes'",
    ]
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert metrics["warning"] is None
    assert metrics["test_balanced_accuracy"] > peer_balanced_accuracy(dirty) - 0.05


def peer_balanced_accuracy(path):
    """That of a scikit-learn pipeline on the same rows, with the columns read as it is told."""
    from sklearn.compose import make_column_transformer
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import balanced_accuracy_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    from softgrad.data import read_classes, read_table, split

    table = read_table(str(path))
    labels, classes = read_classes(table, "churn")
    rows = split(table, labels, classes, seed=0)
    amount = [float(cell.replace(".", "").replace(",", ".")) for cell in table.columns["amount"].tolist()]
    year = [float(cell[-4:]) if cell != "NA" else np.nan for cell in table.columns["opened"].tolist()]
    age = [float(cell) if cell != "?" else np.nan for cell in table.columns["age"].tolist()]
    colour = table.columns["colour"].tolist()
    x = np.array([list(each) for each in zip(amount, year, age, colour, strict=True)], dtype=object)
    numbers = make_pipeline(SimpleImputer(add_indicator=True), StandardScaler())
    columns = make_column_transformer((numbers, [0, 1, 2]), (OneHotEncoder(), [3]))
    model = make_pipeline(columns, LogisticRegression()).fit(x[rows.train], labels[rows.train])
    return balanced_accuracy_score(labels[rows.test], model.predict(x[rows.test]))


def test_predict_reads_later_tables_alike_and_says_what_is_new(softgrad, dirty):
    softgrad("train", dirty, *TRAIN)
    assert softgrad("predict", "run", dirty).err == ""
    later = dirty.with_name("later.csv")
    later.write_text('amount,opened,age,colour\n12,02.03.2019,33,pink\n"4.000,5",02.03.2023,,red\n,NA,?,teal\n')
    code, out, err = softgrad("predict", "run", later)
    assert code == 0
    assert out.splitlines()[:3] == ["prediction", "no", "yes"]
    assert err == (
        "softgrad: column 'colour': 2 cells of categories that the training rows do not have, read as the average of "
        "those they have: 'pink', 'teal'\n"
        "softgrad: column 'amount': 1 missing cell, although the training rows have none\n"
    )


def test_texts_that_stand_for_a_missing_number_are_named_once(softgrad, dirty):
    dirty.write_text(dirty.read_text().replace(";?;", ";unknown;", 3).replace(";?;", ";n.v.;"))
    error = softgrad("train", dirty, *TRAIN).err
    assert "column 'age' is 'unknown', wanted a number" in error
    run = softgrad("train", dirty, *TRAIN, "--missing", "unknown, n.v.", "--epochs", 1)
    assert (run.code, run.err) == (0, "")
    assert "missing cells: 'colour' in 139 rows, 'age' in 34 rows, 'opened' in 16 rows" in run.out
    assert softgrad("predict", "run", dirty).err == ""


def test_the_columns_with_the_most_missing_cells_are_listed(softgrad, tmp_path):
    names = [f"c{i}" for i in range(200)]
    rows = [[("" if (i + j) % 40 < 2 + (j == 9) else f"{i * j % 7}") for j in range(200)] for i in range(40)]
    path = tmp_path / "wide.csv"
    lines = [",".join([*names, "kind"]), *(",".join([*row, "ab"[i % 2]]) for i, row in enumerate(rows))]
    path.write_text("\n".join(lines) + "\n")
    run = softgrad("train", path, "--target", "kind", "--hidden", 0, "--no-check", "--epochs", 1)
    (line,) = [line for line in run.out.splitlines() if line.startswith("missing cells: ")]
    assert line.startswith("missing cells: 'c9' in 3 rows, 'c0' in 2 rows, 'c1' in 2 rows, ")
    assert line.endswith("'c6' in 2 rows and 192 more")


def test_both_commands_say_what_is_not_read_as_it_stands_in_the_file(softgrad, dirty):
    header, _, rows = dirty.read_text().partition("\n")
    rows = rows.replace("\n", ";grün;\n")
    dirty.write_bytes(f"{header};colour;\n{rows}".encode("latin-1"))
    notes = [
        "the file is not UTF-8 text, so it is read as Windows-1252",
        "column 9 of the file is another 'colour', so it is called 'colour (2)'",
        "column 10 of the file has no name, so it is called 'unnamed'",
    ]
    run = softgrad("train", dirty, *TRAIN, "--epochs", 1)
    assert (run.code, run.out.splitlines()[1:4]) == (0, notes)
    assert softgrad("predict", "run", dirty).err.splitlines() == [f"softgrad: {note}" for note in notes]


def test_tables_from_standard_input_and_gzip_give_the_same(softgrad, dirty, monkeypatch, tmp_path):
    probabilities = []
    for way in ("file", "gzip", "standard input"):
        path = dirty
        if way == "gzip":
            path = tmp_path / "dirty.csv.gz"
            path.write_bytes(gzip.compress(dirty.read_bytes()))
        if way == "standard input":
            path = "-"
        train = ("train", path, *TRAIN[:-2], "--epochs", 3, "--out", f"run of {way}")
        for command in (train, ("predict", f"run of {way}", path, "--proba")):
            monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(dirty.read_bytes())))
            run = softgrad(*command)
            assert (run.code, run.err) == (0, "")
        probabilities.append(run.out)
    assert len(set(probabilities)) == 1
    assert len(list(csv.reader(io.StringIO(probabilities[0])))) == 401


RUNS = {"folder/table.csv": "table", "table.csv.gz": "table", "table.gz": "table", "-": "standard-input"}


@pytest.mark.parametrize("data", RUNS)
def test_the_folder_of_a_run_has_the_name_of_the_table(data, softgrad, monkeypatch, tmp_path):
    content = dirty_table().encode()
    if data == "-":
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    else:
        path = tmp_path / data
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(gzip.compress(content) if data.endswith("gz") else content)
    assert softgrad("train", data, *TRAIN[:-2], "--epochs", 1).code == 0
    assert [path.name for path in (tmp_path / "softgrad-runs").iterdir()] == [RUNS[data]]


OVERRIDES = {  # name: (options, lines of the output)
    "drop two": (("--drop", "age,colour"), ["left out: 'id' (an identifier", "'age' (as asked for)"]),
    "drop one after the other": (("--drop", "age", "--drop", "colour"), ["'colour' (as asked for)"]),
    "categories": (("--categories", "opened, source"), ["categories: 'opened' (", "'source' (1)"]),
    "dates": (("--dates", "opened"), ["dates, as day.month.year: 'opened'"]),
    "numbers": (("--numbers", "amount"), ["numbers that are written like 1.234,5, for 1234.5: 'amount'"]),
}


@pytest.mark.parametrize("case", OVERRIDES)
def test_options_overrule_how_a_column_is_read(case, softgrad, dirty):
    options, wanted = OVERRIDES[case]
    run = softgrad("train", dirty, *TRAIN, *options, "--epochs", 1)
    assert run.code == 0
    for text in wanted:
        assert text in run.out
