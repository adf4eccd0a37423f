"""What the libraries train: the data, the sizes of the network, and the measures that are wanted."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.questions.base import Array

FASHION_MNIST = Path("/usr/share/datasets/fashion-mnist")
ACCURACY, LOSS = "accuracy", "loss"
ADAM, LBFGS = "Adam", "L-BFGS"
LEARNING_RATE = 0.001  # of Adam, whose other options are the defaults that the libraries share


class Data(NamedTuple):
    """Training rows and test rows, in float32 and int64."""

    x: Array
    labels: Array
    x_test: Array
    test_labels: Array


class Task(NamedTuple):
    """One network on one data set. For L-BFGS, which takes all rows at once, `epochs` is the number of iterations.

    `wanted` holds the largest ratio of our time to that of each peer; under `ACCURACY` by how much our accuracy may
    fall short of the best peer's, and under `LOSS` by how much our loss may be above it. The digits have no such limit:
    two of their 360 test rows are more than that.
    """

    name: str
    title: str
    hidden: tuple[int, ...]
    batch_size: int
    epochs: int
    wanted: dict[str, float]
    optimizer: str = ADAM

    def load(self) -> Data:
        """The data."""
        return _fashion_mnist() if self.name.startswith("fashion-mnist") else _digits()

    def missing(self) -> str | None:
        """How to install the data; None if they are here."""
        if not self.name.startswith("fashion-mnist") or FASHION_MNIST.exists():
            return None
        return f"{FASHION_MNIST} does not exist; apt-get install dataset-fashion-mnist"

    @property
    def size(self) -> str:
        """The hidden units, the batch size and the epochs; of L-BFGS the iterations."""
        if self.optimizer == LBFGS:
            return f"L-BFGS, {self.epochs} iterations"
        return f"{'-'.join(map(str, self.hidden))}, batch {self.batch_size}, {self.epochs} epochs"


TASKS = {
    task.name: task
    for task in (
        Task(
            "fashion-mnist",
            "Fashion-MNIST",
            hidden=(256, 128),
            batch_size=200,
            epochs=3,
            wanted={"MLPClassifier": 0.70, "torch": 0.60, ACCURACY: 0.005},
        ),
        Task("digits", "digits", hidden=(64,), batch_size=32, epochs=50, wanted={"MLPClassifier": 0.35}),
        Task(
            "fashion-mnist-lbfgs",
            "Fashion-MNIST",
            hidden=(),
            batch_size=60_000,
            epochs=50,
            wanted={"LogisticRegression": 0.60, ACCURACY: 0.005, LOSS: 0.001},
            optimizer=LBFGS,
        ),
    )
}


def _fashion_mnist() -> Data:
    def read(name: str, offset: int) -> Array:
        with gzip.open(FASHION_MNIST / name) as file:
            return np.frombuffer(file.read(), np.uint8, offset=offset)

    parts = []
    for subset in ("train", "t10k"):
        images = read(f"{subset}-images-idx3-ubyte.gz", 16).reshape(-1, 28 * 28)
        parts += [images.astype(np.float32) / 255, read(f"{subset}-labels-idx1-ubyte.gz", 8).astype(np.int64)]
    return Data(*parts)


def _digits() -> Data:
    from sklearn.datasets import load_digits

    x, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(x))
    x, labels, train = (x[order] / 16).astype(np.float32), labels[order].astype(np.int64), len(x) * 4 // 5
    return Data(x[:train], labels[:train], x[train:], labels[train:])
