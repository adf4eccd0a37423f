"""The metrics of rows that come in blocks are those of all rows at once."""

import numpy as np
import pytest

from softgrad.cli import results
from softgrad.cli.tally import Tally

CASES = {  # name: (rows, classes, spread of the logits)
    "two classes": (1000, 2, 2.0),
    "many rows": (8000, 5, 1.0),
    "confident": (3000, 3, 12.0),
    "saturated": (500, 3, 400.0),
    "classes that do not occur": (40, 60, 1.0),
}


def area(logits, labels):
    """The mean area under the ROC curves of the log-odds."""
    from sklearn.metrics import roc_auc_score

    areas = []
    for k in np.unique(labels):
        others = np.delete(logits, k, axis=1)
        top = others.max(axis=1)
        odds = logits[:, k] - top - np.log(np.exp(others - top[:, None]).sum(axis=1))
        areas.append(roc_auc_score(labels == k, odds))
    return np.mean(areas)


@pytest.mark.parametrize("temperature", [1.0, 1.7])
@pytest.mark.parametrize("case", CASES)
def test_sums_give_the_metrics_of_all_rows(case, temperature):
    N, K, spread = CASES[case]
    rng = np.random.default_rng(0)
    labels = rng.integers(0, K, N)
    logits = (spread * rng.normal(size=(N, K)) + 2 * spread * np.eye(K)[labels]).astype(np.float32)
    sizes = [{"class": f"c{k}", "rows": k + 1} for k in range(K)]
    tally = Tally(K, temperature)
    for start in range(0, N, 333):
        tally.add(logits[start : start + 333], labels[start : start + 333])
    wanted, metrics = results.measure_rows(logits.astype(np.float64), labels, temperature), tally.metrics()
    assert tally.rows == N
    auc, wanted_auc = metrics.pop("auc"), wanted.pop("auc")
    assert auc == pytest.approx(area(logits.astype(np.longdouble) / temperature, labels), abs=5e-5)
    if case != "saturated":  # where probabilities are rounded to 1
        assert auc == pytest.approx(wanted_auc, abs=5e-5)
    assert metrics == pytest.approx(wanted, rel=1e-6)
    of_classes, confusion = results.measure_classes(logits, labels, [each["class"] for each in sizes])
    assert tally.classes([each["class"] for each in sizes]) == (of_classes, confusion)
    baseline, wanted = tally.baseline(sizes), results.measure_baseline(labels, sizes)
    assert baseline.pop("class") == wanted.pop("class")
    assert baseline == pytest.approx(wanted, rel=1e-12)


def test_measures_that_do_not_exist_are_none():
    tally = Tally(3)
    tally.add(np.array([[2.0, 1, 0], [0, 1, 0]]), np.array([0, 0]))
    assert tally.metrics()["auc"] is None
    of_classes, _ = tally.classes("abc")
    assert [each["precision"] for each in of_classes] == [1.0, 0.0, None]
    assert [each["recall"] for each in of_classes] == [0.5, None, None]
    many = Tally(101)  # too many for areas
    many.add(np.eye(101), np.arange(101))
    assert (many.metrics()["accuracy"], many.metrics()["auc"]) == (1.0, None)
