"""`softgrad train --cross-validate`: the folds, their results, and that nothing of a test row is known in training."""

import json

import numpy as np
import pytest

from cli.tables import dirty_table, unbalanced_rows, write_csv
from softgrad import nn
from softgrad.cli import results
from softgrad.cli.problem import read_problem
from softgrad.cli.training.config import RunConfig
from softgrad.cli.training.folds import cross_validate
from softgrad.data import Encoding

pytest.importorskip("sklearn")
QUICK = {"hidden": "4", "epochs": 3}


@pytest.fixture
def seen(monkeypatch):
    """What each training gets: x, the labels and the validation set."""
    found, start = [], nn.Trainer.__init__

    def spy(self, network, x, target, **options):
        found.append((x, target, *options["validation"][:2]))
        start(self, network, x, target, **options)

    monkeypatch.setattr(nn.Trainer, "__init__", spy)
    return found


def run(**options):
    config = RunConfig(**QUICK | options)
    problem = read_problem(config)
    return problem, cross_validate(config, problem, options["cross_validate"])


def test_the_command_shows_and_stores_the_results(softgrad, tmp_path):
    options = ("--hidden", 4, "--epochs", 20, "--no-check", "--no-report", "--seed", 3)
    folds = softgrad("train", "iris", *options, "--cross-validate", 4, "--out", "a")
    assert (folds.code, folds.err) == (0, "")
    metrics, again, without = {}, {}, {}
    softgrad("train", "iris", *options, "--cross-validate", 4, "--out", "b")
    softgrad("train", "iris", *options, "--out", "c")
    metrics, again, without = (json.loads((tmp_path / name / "metrics.json").read_text()) for name in "abc")
    found = metrics["cross_validation"]
    assert found == again["cross_validation"]
    assert without["cross_validation"] is None
    assert metrics["test_loss"] == without["test_loss"]  # the model itself is as without folds
    assert sum(fold["rows"] for fold in found["each"]) == 150
    for key in results.COLUMNS:
        values = [fold[key] for fold in found["each"]]
        assert found["mean"][key] == pytest.approx(sum(values) / 4)
        assert found["deviation"][key] == pytest.approx(np.std(values, ddof=1))
        assert f"{found['mean'][key]:.4f}" in folds.out
        assert f"{found['deviation'][key]:.4f}" in folds.out
    assert "cross-validation: the test rows of 4 folds" in folds.out
    assert found["baseline"]["accuracy"] == pytest.approx(1 / 3, abs=0.03)
    assert all(fold["epochs"] <= 20 for fold in found["each"])


def test_each_row_is_tested_once_by_a_network_that_has_not_seen_it(seen):
    problem, _ = run(data="wine", cross_validate=3)
    assert len(seen) == 3
    for x, labels, held_out, others in seen:
        assert len(x) + len(held_out) == pytest.approx(178 * 2 / 3, abs=1)
        assert len(held_out) == pytest.approx(len(x) / 3, abs=2)
        for part in (labels, others):  # every class has the part that it has in the table
            np.testing.assert_allclose(np.bincount(part) / len(part), np.bincount(problem.labels) / 178, atol=0.02)


def assert_no_leak(seen):
    """Training rows have the mean 0 and the deviation 1 only if nothing else was standardised with them."""
    for x, *_ in seen:
        np.testing.assert_allclose(x.mean(axis=0), 0, atol=1e-9)
        np.testing.assert_allclose(x.std(axis=0), 1, atol=1e-9)


def test_the_preprocessing_knows_the_training_rows_of_its_fold_alone(seen):
    run(data="wine", cross_validate=3)
    assert_no_leak(seen)


def test_a_planted_leak_is_caught(seen, monkeypatch):
    fit = Encoding.fit.__func__
    everything = np.arange(178)
    monkeypatch.setattr(
        Encoding, "fit", classmethod(lambda cls, t, names, rows, **o: fit(cls, t, names, everything, **o))
    )
    run(data="wine", cross_validate=3)
    with pytest.raises(AssertionError):
        assert_no_leak(seen)


def test_what_a_category_tells_of_test_rows_is_not_known(tmp_path, monkeypatch):
    """A category is in two rows: a fold that knew those of its test rows would have more of them."""
    monkeypatch.chdir(tmp_path)
    rows = [{"a": str(i % 7), "name": f"n{i // 2}", "kind": "xy"[i % 2]} for i in range(60)]
    write_csv(tmp_path / "a.csv", rows)
    found, fit = [], Encoding.fit.__func__

    def spy(cls, table, names, rows, **options):
        encoding = fit(cls, table, names, rows, **options)
        found.append((set(encoding.columns[1].categories + encoding.columns[1].rare), set(table.columns["name"][rows])))
        return encoding

    monkeypatch.setattr(Encoding, "fit", classmethod(spy))
    run(data="a.csv", target="kind", categories=["name"], cross_validate=3)
    assert len(found) == 4
    assert all(known == in_training for known, in_training in found)


def test_every_option_counts_in_the_folds(seen, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_csv(tmp_path / "a.csv", unbalanced_rows())
    options = {"data": "a.csv", "target": "answer", "loss": "focal", "epochs": 10}
    _, plain = run(**options, cross_validate=2)
    _, calibrated = run(**options, cross_validate=2, calibrate=True)
    assert calibrated["mean"]["accuracy"] == plain["mean"]["accuracy"]
    assert calibrated["mean"]["log_loss"] < plain["mean"]["log_loss"] - 0.03
    assert calibrated["mean"]["calibration_error"] < plain["mean"]["calibration_error"]


def test_dirty_tables_have_folds_too(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dirty.csv").write_text(dirty_table())
    _, found = run(data="dirty.csv", target="churn", drop=["age"], epochs=20, cross_validate=2)
    assert found["mean"]["accuracy"] > found["baseline"]["accuracy"]
    assert found["baseline"]["class"] == "no"


FEW = {  # name: (the classes of the rows, folds, message)
    "a rare class": ("aaaaaaaaaaaabbb", 2, "class 'b' has 3 rows, wanted at least 4 for --cross-validate 2; use fewer"),
    "more folds than rows of a class": ("a" * 9 + "b" * 6, 7, "class 'b' has 6 rows, wanted at least 7"),
    "many classes": ("abcdefgh" * 4, 2, "the 16 rows beside a fold are too few for training and validation rows of 8"),
}


@pytest.mark.parametrize("case", FEW)
def test_too_few_rows_are_told_in_one_sentence(case, softgrad, tmp_path):
    classes, folds, message = FEW[case]
    write_csv(tmp_path / "a.csv", ({"x": str(i), "y": str(i % 5), "kind": kind} for i, kind in enumerate(classes)))
    options = ("--target", "kind", "--split", "60,20,20" if case != "many classes" else "40,30,30")
    done = softgrad("train", "a.csv", *options, "--cross-validate", folds, "--no-check", "--out", "new")
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert f"a.csv: {message}" in done.err
    assert not (tmp_path / "new").exists()


def test_a_fold_that_diverges_is_named(softgrad, tmp_path):
    run = softgrad("train", "iris", "--cross-validate", 3, "--learning-rate", 1e30, "--no-check", "--out", "new")
    assert run.code == 2
    assert run.err.startswith("softgrad: train: fold 1 of 3: the loss is nan in step ")
    assert run.err.endswith("use a lower --learning-rate; nothing was written\n")
    assert list(tmp_path.iterdir()) == []
