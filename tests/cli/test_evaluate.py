"""`softgrad evaluate`: the results of `softgrad train` on any table that has the class, for people and as JSON."""

import csv
import json

import numpy as np
import pytest

from cli.tables import mixed_rows, write_csv
from softgrad import nn
from softgrad.cli import model

judge = pytest.importorskip("sklearn.metrics")


@pytest.fixture
def measured(softgrad, trained):
    """A function that evaluates the trained model on a table, and gives the results."""

    def run(data, *options):
        result = softgrad("evaluate", trained, data, "--json", *options)
        assert (result.code, result.err) == (0, "")
        return json.loads(result.out)

    return run


def test_the_results_of_the_test_rows_are_those_of_the_training(softgrad, trained, measured, mixed, tmp_path):
    from softgrad.data import read_classes, read_table, split

    metrics = json.loads((trained / "metrics.json").read_text())
    table = read_table(str(mixed))
    rows = split(table, *read_classes(table, "kind"), seed=0)
    of_the_table = list(mixed_rows())
    got = measured(write_csv(tmp_path / "test.csv", (of_the_table[i] for i in rows.test)))
    for key in ("rows", "accuracy", "balanced_accuracy", "log_loss", "auc", "calibration_error"):
        assert got[key] == pytest.approx(metrics[f"test_{key}"], rel=1e-5), key
    assert [got["classes"], got["confusion"]] == [metrics["test_classes"], metrics["test_confusion"]]
    assert got["baseline"] == metrics["baseline"]
    assert (got["target"], got["dataset"]) == ("kind", str(tmp_path / "test.csv"))


def test_the_results_are_those_of_scikit_learn_on_the_predictions(softgrad, trained, measured, mixed):
    got = measured(mixed)
    _, *lines = csv.reader(softgrad("predict", trained, mixed, "--proba").out.splitlines())
    truth = [row["kind"] for row in mixed_rows()]
    probs = np.array([line[1:] for line in lines], np.float64)
    assert got["accuracy"] == judge.accuracy_score(truth, [line[0] for line in lines])
    assert got["log_loss"] == pytest.approx(judge.log_loss(truth, probs / probs.sum(1, keepdims=True)), rel=1e-5)
    assert got["confusion"] == judge.confusion_matrix(truth, [line[0] for line in lines]).tolist()
    assert [each["rows"] for each in got["classes"]] == [40, 20]


def test_the_tables_show_what_the_json_has(softgrad, trained, measured, mixed):
    run = softgrad("evaluate", trained, mixed)
    assert (run.code, run.err) == (0, "")
    got = measured(mixed)
    assert run.out.startswith(f"{mixed}: 60 rows, whose class is in column 'kind'\n")
    for value in (got["accuracy"], got["log_loss"], got["calibration_error"], got["baseline"]["log_loss"]):
        assert f"{value:.4f}" in run.out
    assert "│ always 'no' " in run.out


def test_the_target_may_have_another_name(measured, mixed, tmp_path):
    rows = ({**{name: row[name] for name in row if name != "kind"}, "truth": row["kind"]} for row in mixed_rows())
    renamed = measured(write_csv(tmp_path / "renamed.csv", rows), "--target", "truth")
    assert renamed["target"] == "truth"
    assert renamed["accuracy"] == measured(mixed)["accuracy"]


def test_a_table_may_lack_classes(measured, tmp_path):
    got = measured(write_csv(tmp_path / "no.csv", (row for row in mixed_rows() if row["kind"] == "no")))
    assert [each["rows"] for each in got["classes"]] == [40, 0]
    assert got["auc"] is None
    assert got["accuracy"] == got["balanced_accuracy"] == 1


def test_numbers_are_the_same_class_however_they_are_written(softgrad, tmp_path):
    rows = [{"a": str(i % 2 + i / 100), "kind": str(i % 2)} for i in range(40)]
    softgrad("train", write_csv(tmp_path / "a.csv", rows), "--target", "kind", "--no-check", "--out", "run")
    later = write_csv(tmp_path / "b.csv", ({**row, "kind": f"{row['kind']}.0"} for row in rows))
    wanted, got = (json.loads(softgrad("evaluate", "run", name, "--json").out) for name in ("a.csv", later))
    assert got["confusion"] == wanted["confusion"]


def changed(name, value):
    return lambda row: {**row, name: value}


WRONG = {  # name: (the change of each row, options, the message)
    "no target": (
        lambda row: {name: row[name] for name in ("width", "height", "colour")},
        (),
        "softgrad: evaluate: later.csv has no column 'kind', which held the class in training; its columns are "
        "'width', 'height', 'colour'; name the one that holds the class with --target, or use softgrad predict\n",
    ),
    "another target": (
        lambda row: row,
        ("--target", "kin"),
        "softgrad: later.csv has no column 'kin'; its columns are 'width', 'height', 'colour', 'kind'; did you mean "
        "'kind'?\n",
    ),
    "an unknown class": (
        changed("kind", "maybe"),
        (),
        "softgrad: later.csv, line 2: column 'kind' is 'maybe', wanted one of the classes 'no', 'yes, it is'; correct "
        "the cell or remove the row\n",
    ),
    "all classes are missing": (
        changed("kind", ""),
        (),
        "softgrad: later.csv: column 'kind' holds no class in any of its 60 rows, wanted rows with a class; name "
        "another column with --target, or fill it in\n",
    ),
    "a column is missing": (
        lambda row: {name: row[name] for name in ("width", "colour", "kind")},
        (),
        "softgrad: later.csv has no column 'height'; its columns are 'width', 'colour', 'kind'\n",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_does_not_fit_is_told_in_one_sentence(case, softgrad, trained, tmp_path):
    change, options, message = WRONG[case]
    write_csv(tmp_path / "later.csv", map(change, mixed_rows()))
    run = softgrad("evaluate", trained, "later.csv", *options)
    assert (run.code, run.out, run.err) == (2, "", message)


def test_a_model_that_does_not_know_its_training_says_so(softgrad, trained, mixed, tmp_path):
    network, facts = nn.load(trained / "model.safetensors")
    nn.save(network, tmp_path / "bare.safetensors", facts={**facts, "metrics": {"target": "kind"}})
    run = softgrad("evaluate", "bare.safetensors", mixed)
    assert (run.code, run.err.count("\n")) == (2, 1)
    assert "bare.safetensors does not hold the sizes of the classes in training: " in run.err
    nn.save(network, tmp_path / "bare.safetensors", facts={**facts, "metrics": {}})
    run = softgrad("evaluate", "bare.safetensors", mixed)
    assert "does not say which column holds the class; name it with --target" in run.err


def test_new_categories_are_told(softgrad, trained, tmp_path):
    write_csv(tmp_path / "later.csv", map(changed("colour", "pink"), mixed_rows()))
    run = softgrad("evaluate", trained, "later.csv", "--json")
    assert run.code == 0
    assert "'colour': 60 cells of categories that the training rows do not have" in run.err


def test_blocks_of_rows_give_the_same(softgrad, trained, measured, mixed, monkeypatch):
    whole, lines = measured(mixed), softgrad("predict", trained, mixed, "--proba").out
    monkeypatch.setattr(model, "BLOCK", 7)
    in_blocks = measured(mixed)
    assert in_blocks["confusion"] == whole["confusion"]
    assert in_blocks["log_loss"] == pytest.approx(whole["log_loss"], rel=1e-6)
    blocks = softgrad("predict", trained, mixed, "--proba").out
    assert len(blocks.splitlines()) == 61
    got, wanted = ([line.split(",")[-1] for line in text.splitlines()[1:]] for text in (blocks, lines))
    np.testing.assert_allclose(np.array(got, float), np.array(wanted, float), rtol=1e-5)


def test_predict_writes_no_line_before_the_last_row_is_read(softgrad, trained, monkeypatch, tmp_path):
    monkeypatch.setattr(model, "BLOCK", 7)
    rows = [*mixed_rows(), {**next(mixed_rows()), "width": "wide"}]
    write_csv(tmp_path / "later.csv", rows)
    for options in ((), ("--out", "new.csv")):
        run = softgrad("predict", trained, "later.csv", *options)
        assert (run.code, run.out) == (2, "")
        assert "later.csv, line 62: column 'width' is 'wide', wanted a number" in run.err
    assert not (tmp_path / "new.csv").exists()


def test_predictions_larger_than_memory_is_given_are_the_same(softgrad, trained, mixed, monkeypatch, tmp_path):
    wanted = softgrad("predict", trained, mixed, "--proba").out
    monkeypatch.setattr("softgrad.cli.predict.IN_MEMORY", 100)
    assert softgrad("predict", trained, mixed, "--proba").out == wanted
    softgrad("predict", trained, mixed, "--proba", "--out", "new.csv")
    assert (tmp_path / "new.csv").read_text() == wanted
