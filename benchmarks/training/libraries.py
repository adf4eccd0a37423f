"""One run of each library on a task: the seconds of the training alone, and what the network has learned."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from benchmarks.questions.base import Array
from benchmarks.training.tasks import ADAM, LBFGS, LEARNING_RATE, Data, Task

CLASSES = 10
L2 = 1.0  # alpha of ours, and 1 / C of LogisticRegression


class Outcome(NamedTuple):
    """What one run gives."""

    seconds: float
    accuracy: float | None = None  # on the test rows
    loss: float | None = None  # that L-BFGS minimises, at the end


Run = Callable[[Task, Data], Outcome]


def softgrad(task: Task, data: Data) -> Outcome:
    """softgrad.nn.train."""
    from softgrad import nn

    layers = [layer for units in task.hidden for layer in (nn.Dense(units), nn.ReLU())]
    network = nn.Network([*layers, nn.Dense(CLASSES)]).initialize(data.x.shape[1], seed=0)
    started = time.perf_counter()
    nn.train(
        network,
        data.x,
        data.labels,
        optimizer=nn.Adam(LEARNING_RATE),
        batch_size=task.batch_size,
        epochs=task.epochs,
        seed=0,
    )
    return Outcome(time.perf_counter() - started, float((network.predict(data.x_test) == data.test_labels).mean()))


def mlp_classifier(task: Task, data: Data) -> Outcome:
    """sklearn.neural_network.MLPClassifier, which runs all epochs."""
    import warnings

    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier

    warnings.simplefilter("ignore", ConvergenceWarning)
    classifier = MLPClassifier(
        task.hidden,
        batch_size=task.batch_size,
        max_iter=task.epochs,
        learning_rate_init=LEARNING_RATE,
        alpha=0.0,
        n_iter_no_change=task.epochs + 1,
        random_state=0,
    )
    started = time.perf_counter()
    classifier.fit(data.x, data.labels)
    return Outcome(time.perf_counter() - started, float(classifier.score(data.x_test, data.test_labels)))


def torch(task: Task, data: Data) -> Outcome:
    """The usual loop of torch in eager mode."""
    import torch

    torch.manual_seed(0)
    x, labels = torch.from_numpy(data.x), torch.from_numpy(data.labels)
    widths, layers = (data.x.shape[1], *task.hidden), []
    for inputs, outputs in itertools.pairwise(widths):
        layers += [torch.nn.Linear(inputs, outputs), torch.nn.ReLU()]
    model = torch.nn.Sequential(*layers, torch.nn.Linear(widths[-1], CLASSES))
    started = time.perf_counter()
    optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE)
    for _ in range(task.epochs):
        order = torch.randperm(len(x))
        for start in range(0, len(x), task.batch_size):
            rows = order[start : start + task.batch_size]
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(model(x[rows]), labels[rows]).backward()
            optimizer.step()
    seconds = time.perf_counter() - started
    with torch.no_grad():
        predicted = model(torch.from_numpy(data.x_test)).argmax(1).numpy()
    return Outcome(seconds, float((predicted == data.test_labels).mean()))


def products(task: Task, data: Data) -> Outcome:
    """Only the matrix products of the steps, written to existing arrays."""
    widths, n = (data.x.shape[1], *task.hidden, CLASSES), task.batch_size
    rng = np.random.default_rng(0)
    weights = [rng.normal(0, 0.01, shape).astype(np.float32) for shape in itertools.pairwise(widths)]
    outputs = [rng.normal(0, 1, (n, width)).astype(np.float32) for width in widths]
    grads, weight_grads = [y.copy() for y in outputs], [w.copy() for w in weights]
    steps = task.epochs * -(-len(data.x) // n)
    started = time.perf_counter()
    for _ in range(steps):
        for i, weight in enumerate(weights):
            np.matmul(outputs[i], weight, out=outputs[i + 1])
        for i in reversed(range(len(weights))):
            np.matmul(outputs[i].T, grads[i + 1], out=weight_grads[i])
            if i:
                np.matmul(grads[i + 1], weights[i].T, out=grads[i])
    return Outcome(time.perf_counter() - started)


def softmax_classifier(task: Task, data: Data) -> Outcome:
    """softgrad.SoftmaxClassifier without hidden layers, with L-BFGS."""
    from softgrad import SoftmaxClassifier

    classifier = SoftmaxClassifier(task.hidden, solver="lbfgs", alpha=L2, max_iter=task.epochs, random_state=0)
    return _regression(classifier, lambda: classifier.coefs_[0], data)


def logistic_regression(task: Task, data: Data) -> Outcome:
    """sklearn.linear_model.LogisticRegression with L-BFGS."""
    from sklearn.linear_model import LogisticRegression

    classifier = LogisticRegression(C=1 / L2, max_iter=task.epochs)
    return _regression(classifier, lambda: classifier.coef_, data)


def _regression(classifier: Any, weights: Callable[[], Array], data: Data) -> Outcome:
    import warnings

    from sklearn.exceptions import ConvergenceWarning

    warnings.simplefilter("ignore", ConvergenceWarning)
    started = time.perf_counter()
    classifier.fit(data.x, data.labels)
    seconds = time.perf_counter() - started
    penalty = L2 / (2 * len(data.x)) * float(np.square(weights(), dtype=np.float64).sum())
    of_labels = classifier.predict_log_proba(data.x)[np.arange(len(data.x)), data.labels]
    loss = penalty - float(of_labels.mean(dtype=np.float64))
    return Outcome(seconds, float(classifier.score(data.x_test, data.test_labels)), loss)


SOFTGRAD, PRODUCTS = "softgrad", "products alone"
Libraries = dict[str, tuple[Run, str]]  # name: the run, and the package that it needs
LIBRARIES: dict[str, Libraries] = {  # by optimizer
    ADAM: {
        SOFTGRAD: (softgrad, "softgrad"),
        "MLPClassifier": (mlp_classifier, "sklearn"),
        "torch": (torch, "torch"),
        PRODUCTS: (products, "numpy"),
    },
    LBFGS: {
        SOFTGRAD: (softmax_classifier, "sklearn"),
        "LogisticRegression": (logistic_regression, "sklearn"),
    },
}
