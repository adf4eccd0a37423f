"""`softgrad predict`: one line of CSV per row, for any order of the columns."""

import csv
import io

import numpy as np
import pytest

from cli.tables import mixed_rows, write_csv
from softgrad import nn
from softgrad.data import Encoding, read_table


def cells(text):
    """The column names and the rows of CSV text."""
    header, *rows = csv.reader(io.StringIO(text))
    return header, rows


def wanted_probabilities(model, path):
    network, facts = nn.load(model / "model.safetensors")
    return network.predict_proba(Encoding.from_json(facts["encoding"]).transform(read_table(str(path))))


def test_predicts_one_class_per_row(softgrad, trained, mixed):
    code, out, err = softgrad("predict", trained, mixed)
    assert (code, err) == (0, "")
    header, rows = cells(out)
    assert header == ["prediction"]
    assert rows == [[row["kind"]] for row in mixed_rows()]
    assert out.startswith('prediction\n"yes, it is"\nno\n')


def test_probabilities_are_written_with_all_their_digits(softgrad, trained, mixed):
    header, rows = cells(softgrad("predict", trained, mixed, "--proba").out)
    assert header == ["prediction", "probability no", "probability yes, it is"]
    probs = np.array([row[1:] for row in rows], dtype=np.float64)
    assert [row[0] for row in rows] == [["no", "yes, it is"][best] for best in probs.argmax(axis=1)]
    assert np.abs(probs.sum(axis=1) - 1).max() < 4 * np.finfo(np.float32).eps
    np.testing.assert_array_equal(probs.astype(np.float32), wanted_probabilities(trained, mixed))


def test_probabilities_are_written_without_exponents(softgrad, trained, tmp_path):
    wide = {"width": "400", "height": "0", "colour": "green"}  # its probabilities are near 0 and 1
    _, rows = cells(softgrad("predict", trained, write_csv(tmp_path / "wide.csv", [wide]), "--proba").out)
    assert all(set(cell) <= set("0123456789.") for cell in rows[0][1:])


TABLES = {  # name: the change of each row
    "without the class": lambda row: {name: row[name] for name in ("width", "height", "colour")},
    "other order": lambda row: {name: row[name] for name in ("colour", "width", "height")},
    "more columns": lambda row: {"note": "x, y", **row, "empty": "", "number": "1e999"},
}


@pytest.mark.parametrize("case", TABLES)
def test_columns_are_matched_by_name(case, softgrad, trained, mixed, tmp_path):
    path = write_csv(tmp_path / "later.csv", map(TABLES[case], mixed_rows()))
    assert softgrad("predict", trained, path, "--proba").out == softgrad("predict", trained, mixed, "--proba").out


def test_predicts_a_single_row(softgrad, trained, tmp_path):
    path = write_csv(tmp_path / "one.csv", [next(mixed_rows())])
    assert softgrad("predict", trained, path).out == 'prediction\n"yes, it is"\n'


@pytest.mark.parametrize("options", [(), ("--proba",)])
def test_the_model_may_be_given_as_a_folder_or_as_a_file(options, softgrad, trained, mixed):
    by_folder = softgrad("predict", trained, mixed, *options)
    assert softgrad("predict", trained / "model.safetensors", mixed, *options) == by_folder


def test_out_writes_the_same_to_a_file(softgrad, trained, mixed, tmp_path):
    printed = softgrad("predict", trained, mixed, "--proba").out
    (tmp_path / "new").mkdir()
    assert softgrad("predict", trained, mixed, "--proba", "--out", "new/predictions.csv") == (0, "", "")
    assert (tmp_path / "new" / "predictions.csv").read_bytes() == printed.encode()
    assert list((tmp_path / "new").iterdir()) == [tmp_path / "new" / "predictions.csv"]


@pytest.mark.parametrize("name", ["digits", "iris", "wine", "breast-cancer"])
def test_predicts_a_bundled_set(name, softgrad):
    assert softgrad("train", name, "--hidden", 0, "--epochs", 1, "--out", "run").code == 0
    header, rows = cells(softgrad("predict", "run", name, "--proba").out)
    table = read_table(name)
    classes = sorted(set(table.columns["target"].tolist()))
    assert header == ["prediction", *(f"probability {name}" for name in classes)]
    assert len(rows) == len(table.lines)
    assert {row[0] for row in rows} <= set(classes)


def test_predictions_can_be_read_as_a_table(softgrad, trained, mixed, tmp_path):
    softgrad("predict", trained, mixed, "--proba", "--out", "predictions.csv")
    table = read_table(str(tmp_path / "predictions.csv"))
    assert list(table.columns) == ["prediction", "probability no", "probability yes, it is"]
    assert len(table.lines) == 60


@pytest.mark.parametrize("input_file", ["data", "model"])
def test_never_overwrites_its_inputs(input_file, softgrad, trained, mixed):
    path = mixed if input_file == "data" else trained / "model.safetensors"
    before = path.read_bytes()
    code, out, err = softgrad("predict", trained, mixed, "--out", path)
    assert (code, out) == (2, "")
    assert err == f"softgrad: predict: --out is {path}, which is also an input; choose another --out\n"
    assert path.read_bytes() == before
