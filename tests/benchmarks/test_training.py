"""The benchmark of training: every library learns, each runs in a process of its own, and the verdicts follow."""

import pytest
from benchmarks.training import LIBRARIES, Result, in_new_process, measures, times, verdicts
from benchmarks.training.libraries import PRODUCTS, SOFTGRAD
from benchmarks.training.tasks import ADAM, LBFGS, TASKS

from sampled import sampled

DIGITS = TASKS["digits"]._replace(epochs=10)


@pytest.mark.parametrize("library", sampled(LIBRARIES[ADAM], lambda library: library.startswith("softgrad")))
def test_every_library_learns_the_digits(library, monkeypatch):
    pytest.importorskip(LIBRARIES[ADAM][library][1])
    for setting in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):  # threads that spin take minutes on a busy machine
        monkeypatch.setenv(setting, "1")
    seconds, accuracy, loss = in_new_process(DIGITS, library)
    assert seconds > 0
    assert loss is None
    assert accuracy is None if library == PRODUCTS else accuracy > 0.85


def test_a_run_in_a_new_process_gives_the_same_accuracy():
    run, _ = LIBRARIES[ADAM][SOFTGRAD]
    assert in_new_process(DIGITS, SOFTGRAD).accuracy == run(DIGITS, DIGITS.load()).accuracy


def test_softmax_regressions_reach_the_same_loss():
    task = TASKS["fashion-mnist-lbfgs"]._replace(name="digits", epochs=20)
    ours, theirs = (run(task, task.load()) for run, _ in LIBRARIES[LBFGS].values())
    assert ours.loss == pytest.approx(theirs.loss, rel=1e-4)
    assert ours.accuracy == pytest.approx(theirs.accuracy, abs=0.01)
    assert task.size == "L-BFGS, 20 iterations"


def result(seconds, accuracy, loss=(), task="fashion-mnist"):
    return Result(task, "Fashion-MNIST", "", {}, seconds, accuracy, dict(loss))


def test_the_verdicts_compare_medians_and_accuracies():
    found = result(
        {SOFTGRAD: [1.0, 6.0, 1.2], "MLPClassifier": [2.0, 2.0, 9.0], "torch": [1.9, 1.8, 0.1]},
        {SOFTGRAD: 0.870, "MLPClassifier": 0.868, "torch": 0.878},
    )
    named = {verdict.name: (round(verdict.found, 3), str(verdict)) for verdict in verdicts(found)}
    assert named == {
        "time / time of MLPClassifier": (0.6, "reached"),
        "time / time of torch": (0.667, "FALLS SHORT"),
        "accuracy below the best library": (0.008, "FALLS SHORT"),
    }


def test_the_verdicts_of_a_softmax_regression_compare_losses():
    peer = "LogisticRegression"
    found = result(
        {SOFTGRAD: [1.0], peer: [2.0]},
        {SOFTGRAD: 0.8, peer: 0.8},
        {SOFTGRAD: 0.435, peer: 0.432},
        "fashion-mnist-lbfgs",
    )
    named = {verdict.name: (round(verdict.found, 3), str(verdict)) for verdict in verdicts(found)}
    assert named == {
        "time / time of LogisticRegression": (0.5, "reached"),
        "accuracy below the best library": (0.0, "reached"),
        "loss above the best library": (0.003, "FALLS SHORT"),
    }


def test_a_library_that_is_not_installed_is_left_out():
    found = result({SOFTGRAD: [1.0], "MLPClassifier": [2.0]}, {SOFTGRAD: 0.9, "MLPClassifier": 0.9})
    assert [verdict.name for verdict in verdicts(found)] == [
        "time / time of MLPClassifier",
        "accuracy below the best library",
    ]
    assert times([found]).row_count == measures([found]).row_count == 2
