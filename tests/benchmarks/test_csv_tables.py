"""The benchmark of dirty tables: the files are dirty, all read the same rows, and the page shows the results."""

import numpy as np
import pytest

from conftest import load

pd = load("pandas")
from benchmarks.csv_tables import measure, page, recipes  # noqa: E402
from benchmarks.csv_tables.made import TABLES  # noqa: E402

from benchmarks import csv_tables, tables  # noqa: E402
from softgrad.data import read_classes, read_table  # noqa: E402

SMALL = ("wine", "breast-cancer", "digits", "customers")


@pytest.mark.parametrize("name", SMALL)
def test_both_read_the_same_rows_and_classes(name, tmp_path):
    table = TABLES[name]()
    path = table.write(tmp_path)
    read = read_table(str(path))
    labels, classes = read_classes(read, table.target)
    x = recipes.READERS[name](path)
    wanted = x.pop(table.target).astype(str).tolist()
    assert [classes[label] for label in labels] == wanted == table.labels
    assert x.select_dtypes("number").shape[1] >= 4
    later = recipes.READERS[name](table.write_later(tmp_path, range(0, len(wanted), 9)))
    assert later.columns.tolist() == x.columns.tolist()
    assert (later.dtypes == x.dtypes).all()


def test_the_same_table_is_made_again(tmp_path):
    first, second = (TABLES["customers"]().write(tmp_path).read_bytes() for _ in range(2))
    assert first == second
    assert "Zürich".encode("latin-1") in first
    assert TABLES["customers"]().labels.count("yes") == 700


def test_the_effort_is_counted():
    assert recipes.effort("wine") == (
        4,
        6,
    )  # sep, decimal, encoding, na_values; one line to read, five for the pipeline
    assert recipes.effort("wide") == (0, 6)


def test_the_measures_of_right_and_of_constant_answers():
    truth = np.array([0, 1, 1, 2])
    assert measure.measures(truth, np.eye(3)[truth]) == dict(zip(measure.MEASURES, (1, 1, 0, 1), strict=True)) | {
        "log loss": pytest.approx(0, abs=1e-12)
    }
    constant = measure.measures(truth, np.tile([0.25, 0.5, 0.25], (4, 1)))
    assert [constant[name] for name in measure.MEASURES] == pytest.approx([0.5, 1 / 3, 1.5 * np.log(2), 0.5])


@pytest.mark.thorough
def test_a_table_is_measured_with_every_library(monkeypatch, tmp_path):
    monkeypatch.setattr(measure, "CLASSIFIERS", {"LogisticRegression": measure.CLASSIFIERS["LogisticRegression"]})
    result = measure.measure(TABLES["wine"](), tmp_path, quick=True, report=print)
    assert list(result.figures) == [measure.SOFTGRAD, "LogisticRegression", measure.BASELINE]
    for name in (measure.SOFTGRAD, "LogisticRegression"):
        assert result.figures[name]["accuracy"][0] > 0.9
        assert result.figures[name]["seconds"][0] > 0
    assert result.save(tmp_path).name == "tables-wine.json"
    assert list(measure.load_all(tmp_path)) == ["wine"]


def test_the_page_shows_the_saved_results():
    results, text = measure.load_all(), page.PAGE.read_text()
    assert tuple(results) == csv_tables.NAMES
    for table in (page.files(results, markdown=True), page.figures(results, markdown=True)):
        assert tables.text(table) in text


def test_a_page_without_a_place_for_a_table_is_an_error(tmp_path):
    path = tmp_path / "page.md"
    path.write_text("# Nothing\n")
    with pytest.raises(ValueError, match="wanted one place for the table 'Files', found 0"):
        page.write(measure.load_all(), path)
