"""What `softgrad train` says of a model: its metrics, those without a model, and the warning where it is no better."""

import json
import re
import shutil

import numpy as np
import pytest

from cli.tables import unbalanced_rows, write_csv
from softgrad import nn
from softgrad.cli import results
from softgrad.data import Encoding, read_classes, read_table, split

judge = pytest.importorskip("sklearn.metrics")


@pytest.fixture
def unbalanced(tmp_path):
    return write_csv(tmp_path / "unbalanced.csv", unbalanced_rows())


@pytest.fixture
def train(softgrad, tmp_path):
    """A function that trains on a table; it gives the output and the metrics."""

    def run(data, *options):
        shutil.rmtree(tmp_path / "run", ignore_errors=True)
        result = softgrad("train", data, "--no-check", "--out", "run", *options)
        assert (result.code, result.err) == (0, "")
        return result.out, json.loads((tmp_path / "run" / "metrics.json").read_text())

    return run


def predictions(folder, data, target, **options):
    """The class indices, the probabilities and the split of a run."""
    network, facts = nn.load(folder / "model.safetensors")
    table = read_table(str(data))
    labels, classes = read_classes(table, target)
    x = Encoding.from_json(facts["encoding"]).transform(table)
    probs = network.predict_proba(x).astype(np.float64)
    return labels, probs / probs.sum(axis=1, keepdims=True), split(table, labels, classes, seed=0, **options)


TASKS = {"two classes": (None, "answer"), "three classes": ("iris", "target")}


@pytest.mark.parametrize("loss", ["cross-entropy", "focal"])
@pytest.mark.parametrize("task", TASKS)
def test_the_metrics_are_those_of_scikit_learn(task, loss, train, unbalanced, tmp_path):
    data, target = TASKS[task]
    data = data or unbalanced
    options = () if task == "three classes" else ("--target", target, "--class-weight", "balanced")
    _, metrics = train(data, "--epochs", 5, "--loss", loss, *options)
    labels, probs, rows = predictions(tmp_path / "run", data, target)
    for name in ("train", "validation", "test"):
        t, p = labels[getattr(rows, name)], probs[getattr(rows, name)]
        score = p[:, 1] if p.shape[1] == 2 else p
        wanted = {
            "accuracy": judge.accuracy_score(t, p.argmax(axis=1)),
            "balanced_accuracy": judge.balanced_accuracy_score(t, p.argmax(axis=1)),
            "log_loss": judge.log_loss(t, p),
            "auc": judge.roc_auc_score(t, score, multi_class="ovr"),
        }
        for key, value in wanted.items():
            assert metrics[f"{name}_{key}"] == pytest.approx(value, rel=1e-6), key
    t, p = labels[rows.test], probs[rows.test].argmax(axis=1)
    precision, recall, _, support = judge.precision_recall_fscore_support(t, p, zero_division=np.nan)
    shown = metrics["test_classes"]
    assert [each["rows"] for each in shown] == support.tolist()
    np.testing.assert_allclose(np.array([each["precision"] for each in shown], float), precision)
    np.testing.assert_allclose([each["recall"] for each in shown], recall)
    assert metrics["test_confusion"] == judge.confusion_matrix(t, p).tolist()


def test_the_baseline_is_that_of_scikit_learn(train, unbalanced, tmp_path):
    from sklearn.dummy import DummyClassifier

    _, metrics = train(unbalanced, "--target", "answer", "--epochs", 1, "--no-stratify")
    labels, probs, rows = predictions(tmp_path / "run", unbalanced, "answer", stratify=False)
    dummy = DummyClassifier(strategy="prior").fit(probs[rows.train], labels[rows.train])
    answers, t = dummy.predict(probs[rows.test]), labels[rows.test]
    assert metrics["baseline"] == {
        "class": "no",
        "accuracy": judge.accuracy_score(t, answers),
        "balanced_accuracy": judge.balanced_accuracy_score(t, answers),
        "log_loss": pytest.approx(judge.log_loss(t, dummy.predict_proba(probs[rows.test]))),
    }


def test_a_model_that_answers_one_class_is_called_that_and_class_weights_mend_it(train, unbalanced):
    out, metrics = train(unbalanced, "--target", "answer")
    assert metrics["test_accuracy"] == metrics["baseline"]["accuracy"] == 0.86
    assert metrics["test_classes"][1] == {"class": "yes", "rows": 42, "precision": None, "recall": 0}
    assert metrics["test_confusion"] == [[258, 0], [42, 0]]
    assert metrics["warning"] == (
        "on the test rows the model is no better than always answering 'no': its accuracy is 0.8600, and 0.8600 is "
        "reached without a model, and it never predicts 'yes'; try --class-weight balanced"
    )
    assert f"\nwarning: {metrics['warning']}\n" in out
    assert "│ always 'no' " in out

    out, metrics = train(unbalanced, "--target", "answer", "--class-weight", "balanced")
    assert metrics["test_balanced_accuracy"] > 0.6
    assert metrics["test_classes"][1]["recall"] > 0.5
    assert metrics["warning"] is None
    assert "warning" not in out


def test_a_column_that_tells_the_class_is_said_and_kept(train, mixed):
    doubt = (
        "column 'colour' alone tells the class of every row; leave it out with --drop if it is known only after the "
        "class"
    )
    out, metrics = train(mixed, "--target", "kind", "--epochs", 1)
    assert f"\nwarning: {doubt}\n" in out
    assert metrics["doubts"] == [doubt]
    out, metrics = train(mixed, "--target", "kind", "--epochs", 1, "--drop", "colour")
    assert "--drop" not in out
    assert metrics["doubts"] == []


def facts(confusion, accuracy, balanced_accuracy):
    confusion = np.array(confusion)
    recall = confusion.diagonal() / confusion.sum(axis=1)
    return {
        "baseline": {"class": "a", "accuracy": accuracy, "balanced_accuracy": balanced_accuracy, "log_loss": 0.6},
        "test_accuracy": confusion.trace() / confusion.sum(),
        "test_balanced_accuracy": recall.mean(),
        "test_classes": [{"class": name, "rows": n} for name, n in zip("abc", confusion.sum(axis=1), strict=False)],
        "test_confusion": confusion.tolist(),
        "test_log_loss": 0.5,
        "uncalibrated": None,
    }


WARNINGS = {  # name: (confusion, baseline, options, the warning)
    "better": ([[8, 0], [1, 1]], (0.8, 0.5), {}, None),
    "as good": ([[7, 1], [1, 1]], (0.8, 0.5), {}, "no better than always .*0.8000 is reached without a model; try"),
    "worse": ([[6, 2], [2, 0]], (0.8, 0.5), {}, "its accuracy is 0.6000, and 0.8000 is .*try --class-weight balanced$"),
    "at the last epoch": ([[8, 0], [2, 0]], (0.8, 0.5), {"more_epochs": True}, "balanced or more --epochs$"),
    "a class that is never predicted": (
        [[5, 0, 0], [0, 3, 0], [1, 1, 0]],
        (0.5, 1 / 3),
        {},
        "^on the test rows the model never predicts 'c'; try --class-weight balanced$",
    ),
    "weighted, better in the balanced accuracy": ([[5, 3], [0, 2]], (0.8, 0.5), {"balanced": True}, None),
    "hardly better": (
        [[80, 3], [13, 4]],
        (0.83, 0.5),
        {},
        "^on the test rows the model is hardly better than always answering 'a': its accuracy is 0.8400, 0.8300 is "
        "reached without a model, and the standard error is 0.0367; try --class-weight balanced$",
    ),
    "better by more than the standard error": ([[80, 3], [9, 8]], (0.83, 0.5), {}, None),
    "weighted, hardly better": (
        [[50, 33], [8, 9]],
        (0.83, 0.5),
        {"balanced": True},
        "hardly better .* balanced accuracy is 0.5659, 0.5000 is .*, and the standard error is 0.0662; try other",
    ),
    "even classes": ([[6, 2], [4, 2]], (0.6, 0.5), {}, "without a model; try other columns"),
    "weighted, no better": ([[4, 4], [1, 1]], (0.8, 0.5), {"balanced": True}, "its balanced accuracy is 0.5000.*other"),
}


@pytest.mark.parametrize("case", WARNINGS)
def test_the_warning_says_what_is_wrong_and_what_to_try(case):
    confusion, baseline, options, wanted = WARNINGS[case]
    said = results.warning(facts(confusion, *baseline), **{"balanced": False, "more_epochs": False, **options})
    if wanted is None:
        assert said is None
    else:
        assert re.search(wanted, said), said


PROBABILITIES = {  # name: (options, facts, what to try)
    "not calibrated": ({}, {}, "try --calibrate"),
    "at the last epoch": ({"more_epochs": True}, {}, "try more --epochs or --calibrate"),
    "calibrated": ({}, {"uncalibrated": {"test_log_loss": 0.9}}, "try more --weight-decay or --dropout"),
}


@pytest.mark.parametrize("case", PROBABILITIES)
def test_the_warning_tells_of_probabilities_worse_than_the_frequencies(case):
    options, more, tries = PROBABILITIES[case]
    known = facts([[80, 3], [2, 15]], 0.83, 0.5) | {"test_log_loss": 0.61} | more
    assert results.warning(known, **{"balanced": False, "more_epochs": False, **options}) == (
        "on the test rows the probabilities are worse than the frequencies of the classes: their log loss is 0.6100, "
        f"and 0.6000 is reached without a model; {tries}"
    )
    assert results.warning(known, balanced=True, more_epochs=False) is None


def test_class_weights_also_count_in_the_validation_loss(softgrad, unbalanced, monkeypatch):
    given, trainer = {}, nn.Trainer

    def spy(network, x, target, **options):
        given.update(options, target=target)
        return trainer(network, x, target, **options)

    monkeypatch.setattr(nn, "Trainer", spy)
    options = ("--target", "answer", "--class-weight", "balanced", "--patience", 3, "--no-check", "--epochs", 1)
    softgrad("train", unbalanced, *options)
    assert given["patience"] == 3
    for target, weight in ((given["target"], given["sample_weight"]), given["validation"][1:]):
        np.testing.assert_allclose(np.bincount(target, weights=weight), len(target) / 2)


def test_the_split_is_the_one_asked_for(train, unbalanced, tmp_path):
    out, metrics = train(
        unbalanced, "--target", "answer", "--epochs", 1, "--split", "70, 10,20", "--no-stratify", "--hidden", 0
    )
    assert "(1,050 train, 150 validation, 300 test)" in out
    labels, _, rows = predictions(tmp_path / "run", unbalanced, "answer", fractions=(0.7, 0.1, 0.2), stratify=False)
    assert [each["rows"] for each in metrics["test_classes"]] == np.bincount(labels[rows.test]).tolist() != [258, 42]
    assert [metrics[key] for key in ("split", "stratify", "class_weight")] == ["70, 10,20", False, "none"]


def test_the_gradient_check_can_be_left_out(softgrad, monkeypatch, tmp_path):
    monkeypatch.setattr(nn.ReLU, "input_grad", lambda self, x, y, g: g)  # wrong: with the check nothing is trained
    run = softgrad("train", "iris", "--epochs", 1, "--no-check", "--out", "run")
    assert run.code == 0
    assert "gradient check" not in run.out
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert metrics["gradient_error"] is None
    assert metrics["check_seconds"] < 0.01 < metrics["seconds"]


@pytest.mark.parametrize("classes", [12, 13, 31])
def test_tables_of_many_classes_are_shortened(classes, train, tmp_path):
    rows = ({"a": str(i % classes), "b": f"{i}", "kind": f"kind {i % classes}"} for i in range(10 * classes))
    out, metrics = train(write_csv(tmp_path / "many.csv", rows), "--target", "kind", "--epochs", 2)
    assert len(metrics["test_confusion"]) == classes
    assert ("the confusion matrix of" in out) == (classes > 12)
    assert out.count("'kind ") >= min(classes, 30)
    assert ("with the lowest recall, of 31" in out) == (classes == 31)


def test_names_of_classes_are_no_markup(train, tmp_path):
    rows = ({"a": f"{i % 7}", "kind": ["[red]x[/red]", "y"][i % 2]} for i in range(40))
    out, _ = train(write_csv(tmp_path / "markup.csv", rows), "--target", "kind", "--epochs", 1)
    assert "'[red]x[/red]'" in out


@pytest.mark.parametrize("width", [30, 40, 60, 64, 80, 200])
def test_no_number_is_cut_in_a_narrow_terminal(width, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", str(width))
    numbers = {"accuracy": 0.1234, "balanced_accuracy": 0.2345, "log_loss": 3456.7891, "auc": 0.4567}
    sets = [("validation", {"rows": 12_345, **numbers, "calibration_error": 0.5678})]
    results.show_sets(sets, {"class": "versicolor", **numbers})
    results.show_classes([{"class": "a" * 30, "rows": 9, "precision": 0.6789, "recall": None}], [[7654321]])
    lines = capsys.readouterr().out.splitlines()
    assert max(len(line) for line in lines if " by class " not in line) <= width  # that is the title of a table
    for number in ("12,345", "0.1234", "0.2345", "3456.7891", "0.4567", "0.5678", "0.6789", "7654321"):
        assert any(number in line for line in lines)


def test_classes_whose_names_do_not_fit_are_numbered(monkeypatch, capsys):
    names = [f"a long name, the {k}th" for k in range(5)]
    classes = [{"class": name, "rows": 9, "precision": None, "recall": None} for name in names]
    monkeypatch.setenv("COLUMNS", "80")
    results.show_classes(classes, np.arange(25).reshape(5, 5).tolist())
    matrix = capsys.readouterr().out.partition("by class")[2].splitlines()
    assert re.split(r"\W+", matrix[2])[1:-1] == ["class", "1", "2", "3", "4", "5"]
    assert "3 'a long name, the 2th' │ 10 │ 11 │ 12 │ 13 │ 14 │" in matrix[6]
    monkeypatch.setenv("COLUMNS", "30")
    results.show_classes(classes, np.full((5, 5), 10**9).tolist())
    assert "'a long name, the 2th': 'a\n" in capsys.readouterr().out  # a line of text, with names


@pytest.mark.parametrize("more_epochs", [False, True])
def test_a_training_that_has_not_converged_is_advised_to_take_smaller_steps(more_epochs):
    known = facts([[80, 3], [2, 15]], 0.83, 0.5) | {"test_log_loss": 2e20}
    said = results.warning(known, balanced=False, more_epochs=more_epochs)
    assert said.endswith("log loss is 2.000e+20, and 0.6000 is reached without a model; try a smaller --learning-rate")
