"""`softgrad train --calibrate`: the temperature, what it changes, and what it leaves alone."""

import csv
import json

import numpy as np
import pytest

from cli.tables import unbalanced_rows, write_csv
from softgrad import nn
from softgrad.data import Encoding, read_classes, read_table, split
from softgrad.estimator import calibration

judge = pytest.importorskip("sklearn.metrics")


@pytest.fixture
def runs(softgrad, tmp_path):
    """The metrics and the output of two runs that differ in --calibrate alone; each has its folder."""
    write_csv(tmp_path / "table.csv", unbalanced_rows())
    found = {}
    for name, option in (("plain", "--no-calibrate"), ("calibrated", "--calibrate")):
        options = ("--target", "answer", "--loss", "focal", "--hidden", 4, "--epochs", 20, "--no-check", option)
        run = softgrad("train", "table.csv", *options, "--out", name)
        assert (run.code, run.err) == (0, "")
        found[name] = json.loads((tmp_path / name / "metrics.json").read_text()), run.out
    return found


def test_probabilities_fit_better_and_predictions_are_the_same(runs, softgrad):
    (plain, _), (calibrated, out) = runs["plain"], runs["calibrated"]
    assert (plain["temperature"], plain["uncalibrated"], plain["calibrate"]) == (1.0, None, False)
    assert calibrated["temperature"] < 0.7
    assert calibrated["calibrate"] is True
    for name in ("validation", "test"):
        for key in ("accuracy", "balanced_accuracy", "log_loss", "auc", "calibration_error"):
            assert calibrated["uncalibrated"][f"{name}_{key}"] == plain[f"{name}_{key}"]
        assert calibrated[f"{name}_accuracy"] == plain[f"{name}_accuracy"]
        assert calibrated[f"{name}_log_loss"] < plain[f"{name}_log_loss"] - 0.03
        assert calibrated[f"{name}_calibration_error"] < plain[f"{name}_calibration_error"] - 0.05
    assert calibrated["test_loss"] == plain["test_loss"]  # the training loss is one of the logits as they are
    assert f"│ uncalibrated │  300 │   {plain['test_accuracy']:.4f} " in out
    assert f"temperature {calibrated['temperature']:.4g}, by which the logits are divided, fitted to the 300 " in out
    assert "uncalibrated" not in runs["plain"][1]


def test_predict_evaluate_and_info_use_the_temperature(runs, softgrad, tmp_path):
    metrics = runs["calibrated"][0]
    table = read_table("table.csv")
    labels, classes = read_classes(table, "answer")
    rows = split(table, labels, classes, seed=0)
    _, *lines = csv.reader(softgrad("predict", "calibrated", "table.csv", "--proba").out.splitlines())
    probs = np.array([line[1:] for line in lines], np.float64)
    probs /= probs.sum(axis=1, keepdims=True)
    assert judge.log_loss(labels[rows.test], probs[rows.test]) == pytest.approx(metrics["test_log_loss"], rel=1e-5)
    write_csv(tmp_path / "test.csv", (row for i, row in enumerate(unbalanced_rows()) if i in set(rows.test.tolist())))
    evaluated = json.loads(softgrad("evaluate", "calibrated", "test.csv", "--json").out)
    for key in ("log_loss", "calibration_error", "auc"):
        assert evaluated[key] == pytest.approx(metrics[f"test_{key}"], rel=1e-5)
    assert json.loads(softgrad("info", "calibrated", "--json").out)["temperature"] == metrics["temperature"]
    assert "│ uncalibrated" in softgrad("info", "calibrated").out


def test_the_temperature_has_the_lowest_loss_of_smoothed_labels_on_the_validation_rows(runs, softgrad, tmp_path):
    network, facts = nn.load(tmp_path / "calibrated" / "model.safetensors")
    assert facts["temperature"] == runs["calibrated"][0]["temperature"]
    table = read_table("table.csv")
    labels, classes = read_classes(table, "answer")
    rows = split(table, labels, classes, seed=0).validation
    z = network.logits(Encoding.from_json(facts["encoding"]).transform(table)[rows]).astype(np.float64)

    def loss(temperature):
        probs = np.exp(z / temperature) / np.exp(z / temperature).sum(axis=1, keepdims=True)
        right, wrong = (probs[range(len(rows)), index] for index in (labels[rows], 1 - labels[rows]))
        return -np.mean(np.log(right) + (np.log(wrong) - np.log(right)) / (len(rows) + 2))

    best = facts["temperature"]
    assert loss(best) < min(loss(best * 1.01), loss(best / 1.01))


def test_rows_that_are_all_right_do_not_make_the_model_certain():
    logits, target = np.eye(3)[[0, 1, 2] * 10] * 4.0, np.array([0, 1, 2] * 10)
    assert calibration.temperature(logits, target, None) < 0.02
    smoothed = calibration.temperature(logits, target, None, smoothed=True)
    probs = np.exp(4 / smoothed) / (np.exp(4 / smoothed) + 2)
    assert probs == pytest.approx(31 / 32, abs=1e-6)
