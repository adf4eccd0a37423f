"""One table and one split: `softgrad train` and `softgrad predict` as commands, and the pipelines of scikit-learn.

`softgrad train` gets the file, the name of the target and a seed, which gives its split into training, validation and
test rows. The pipelines learn from the training and the validation rows; softgrad needs the latter to decide when to
stop. All are measured on the test rows, which come from a second file.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.csv_tables import NAMES, PREFIX
from benchmarks.csv_tables.made import Made
from benchmarks.questions.base import Array
from benchmarks.record import FOLDER, machine, now, write_json

SOFTGRAD, BASELINE = "softgrad", "the commonest class"
COMMAND = [sys.executable, "-c", "from softgrad_command import main; main()"]
MEASURES = ("accuracy", "balanced accuracy", "log loss", "AUC")


@dataclass
class Result:
    """The figures of one table."""

    name: str
    dirt: str
    rows: int
    columns: int  # without the class
    arguments: int  # of read_csv, beside the path
    lines: int  # of Python, to read the table and to build a pipeline
    date: str
    machine: dict[str, str | int]
    versions: dict[str, str]
    figures: dict[str, dict[str, list[float]]]  # of each library, one number per split

    def save(self, folder: Path = FOLDER) -> Path:
        """Writes tables-NAME.json, with numbers of four digits, and returns its path."""
        data = asdict(self)
        for values in data["figures"].values():
            for name, numbers in values.items():
                values[name] = [float(f"{number:.4g}") for number in numbers]
        return write_json(folder / f"{PREFIX}{self.name}.json", data)


def load_all(folder: Path = FOLDER) -> dict[str, Result]:
    """All saved results, in the order of the names."""
    paths = {name: folder / f"{PREFIX}{name}.json" for name in NAMES}
    return {name: Result(**json.loads(path.read_text())) for name, path in paths.items() if path.exists()}


def measure(table: Made, folder: Path, *, quick: bool, report: Callable[[str], None]) -> Result:
    """The result of a table, over its splits; over one if `quick`."""
    from benchmarks.csv_tables.recipes import effort

    splits = 1 if quick else table.splits
    runs = []
    for seed in range(splits):
        report(f"{table.name}: split {seed + 1} of {splits}")
        runs.append(run(table, seed, folder))
    figures = {name: {key: [each[name][key] for each in runs] for key in runs[0][name]} for name in runs[0]}
    versions = {package: version(package) for package in ("pandas", "scikit-learn", "softgrad")}
    size = len(table.rows), len(table.header) - 1
    return Result(table.name, table.dirt, *size, *effort(table.name), now(), machine(), versions, figures)


def run(table: Made, seed: int, folder: Path) -> dict[str, dict[str, float]]:
    """The measures and the seconds of every library."""
    from softgrad.data import read_classes, read_table, split

    path = table.write(folder)
    read = read_table(str(path))
    labels, classes = read_classes(read, table.target)
    rows = split(read, labels, classes, seed=seed)
    later, truth = table.write_later(folder, rows.test), labels[rows.test]
    results = {}
    for name, predict in {SOFTGRAD: softgrad, **{name: _pipeline(name) for name in CLASSIFIERS}}.items():
        started = time.perf_counter()
        probs = predict(table, path, later, np.concatenate([rows.train, rows.validation]), classes, seed, folder)
        results[name] = {**measures(truth, probs), "seconds": time.perf_counter() - started}
    frequencies = np.bincount(labels[rows.train]) / len(rows.train)
    results[BASELINE] = measures(truth, np.tile(frequencies, (len(truth), 1)))
    return results


def softgrad(
    table: Made, path: Path, later: Path, rows: Array, classes: Sequence[str], seed: int, folder: Path
) -> Array:
    """The probabilities that the two commands give; they need no more than the file and the name of the target."""
    out, predictions = folder / f"run-{table.name}-{seed}", folder / "predictions.csv"
    for arguments in (
        ["train", path, "--target", table.target, "--seed", seed, "--out", out],
        ["predict", out, later, "--proba", "--out", predictions],
    ):
        ended = subprocess.run([*COMMAND, *map(str, arguments)], capture_output=True, text=True, check=False)
        if ended.returncode:
            raise RuntimeError(f"softgrad {arguments[0]}, {table.name}: {ended.stderr}")
    import pandas as pd

    return pd.read_csv(predictions)[[f"probability {name}" for name in classes]].to_numpy()


def _gradient_boosting(seed: int, rows: int) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(random_state=seed)


def _logistic_regression(seed: int, rows: int) -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(max_iter=300)


def _mlp(seed: int, rows: int) -> Any:
    """As gradient boosting, it stops early where there are more than 10,000 rows. With few rows that makes it worse."""
    from sklearn.neural_network import MLPClassifier

    return MLPClassifier((128,), early_stopping=rows > 10_000, random_state=seed)


CLASSIFIERS: dict[str, Callable[[int, int], Any]] = {
    "MLPClassifier": _mlp,
    "LogisticRegression": _logistic_regression,
    "HistGradientBoosting": _gradient_boosting,
}


def _pipeline(name: str) -> Callable[..., Array]:
    def predict(
        table: Made, path: Path, later: Path, rows: Array, classes: Sequence[str], seed: int, folder: Path
    ) -> Array:
        from threadpoolctl import threadpool_limits

        from benchmarks.csv_tables import recipes

        x = recipes.READERS[table.name](path)
        target = x.pop(table.target).astype(str)
        with threadpool_limits(1), warnings.catch_warnings():  # threads that spin take minutes on a busy machine
            warnings.simplefilter("ignore")  # a category that is new, and training that ends with its largest number
            model = recipes.pipeline(x, CLASSIFIERS[name](seed, len(rows))).fit(x.iloc[rows], target.iloc[rows])
            probs = model.predict_proba(recipes.READERS[table.name](later))
        order = model.classes_.tolist()
        return probs[:, [order.index(each) for each in classes]]

    return predict


def measures(truth: Array, probs: Array) -> dict[str, float]:
    """Accuracy, balanced accuracy, log loss, and the area under the ROC curve, the mean over the classes."""
    from sklearn.metrics import accuracy_score, balanced_accuracy_score, log_loss, roc_auc_score

    best, every = probs.argmax(1), np.arange(probs.shape[1])
    areas = [roc_auc_score(truth == k, probs[:, k]) for k in every]
    values = (
        accuracy_score(truth, best),
        balanced_accuracy_score(truth, best),
        log_loss(truth, probs / probs.sum(1, keepdims=True), labels=every),
        float(np.mean(areas)),
    )
    return dict(zip(MEASURES, map(float, values), strict=True))
