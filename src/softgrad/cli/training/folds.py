"""Cross-validation: the options of a run, tried on K parts of the table in turn.

The rows are drawn into K folds, in which every class has the same part. Each fold is the test set once. Of the other
rows, some are the validation set, as in the run itself, and a new network is trained on the rest. The preprocessing
is fitted to that rest alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from softgrad import nn
from softgrad._arrays import Array
from softgrad._messages import counted, quoted
from softgrad.cli import results
from softgrad.cli.console import progress
from softgrad.cli.problem import Problem
from softgrad.cli.training.config import RunConfig
from softgrad.cli.training.fitting import build, build_trainer, fit_temperature
from softgrad.data import Split
from softgrad.errors import DataError
from softgrad.nn.threads import blas_threads
from softgrad.nn.words import Words

FEWEST_ROWS = 4  # of a class: so that one is left for training, one for validation and one for the test of each fold


def cross_validate(config: RunConfig, problem: Problem, folds: int) -> dict[str, Any]:
    """The metrics of the test rows of each fold, and their means and standard deviations.

    Raises:
        DataError: a class has too few rows for so many folds.
        TrainingError: a training has diverged.
    """
    each = []
    with progress("cross-validation", folds * config.epochs) as bar:
        for number, rows in enumerate(_splits(config, problem, folds), start=1):
            part = problem.with_split(rows)
            network = build(config, part)

            def after_epoch(epoch: nn.Epoch, number: int = number) -> None:
                bar.advance(f"fold {number} of {folds}, epoch {epoch.number}")

            trainer = build_trainer(network, config, part)
            trainer.words = Words(
                f"train: fold {number} of {folds}", "--learning-rate", lambda _: "nothing was written"
            )
            with blas_threads(network, config.batch_size):
                history = trainer.run(on_epoch=after_epoch)
            bar.advance(steps=config.epochs - len(history))
            each.append({"epochs": len(history), **_measure(config, part, network)})
    baselines = [fold.pop("baseline") for fold in each]
    return {
        "folds": folds,
        "mean": _over(np.mean, each),
        "deviation": _over(lambda values: np.std(values, ddof=1), each),
        "baseline": {"class": baselines[0]["class"], **_over(np.mean, baselines)},
        "each": each,
    }


def show(found: Mapping[str, Any]) -> None:
    """Prints the means and the deviations."""
    sets = [(name, {"rows": None, **found[name]}) for name in ("mean", "deviation")]
    results.show_sets(sets, found["baseline"], caption=f"cross-validation: the test rows of {found['folds']} folds")


def _splits(config: RunConfig, problem: Problem, folds: int) -> Iterator[Split]:
    from sklearn.model_selection import StratifiedKFold, train_test_split

    labels, source = problem.labels, problem.table.source
    counts = np.bincount(labels, minlength=len(problem.classes))
    rarest, wanted = int(counts.argmin()), max(folds, FEWEST_ROWS)
    if counts[rarest] < wanted:
        raise DataError(
            f"{source}: class {quoted(problem.classes[rarest])} has {counted(counts[rarest], 'row')}, wanted at least "
            f"{wanted} for --cross-validate {folds}; use fewer folds, merge rare classes or remove their rows"
        )
    train, validation, _ = config.fractions
    drawn = StratifiedKFold(folds, shuffle=True, random_state=config.seed).split(labels, labels)
    for others, test in drawn:
        try:
            kept, held_out = train_test_split(
                others,
                test_size=validation / (train + validation),
                stratify=labels[others],
                random_state=config.seed,
            )
        except ValueError as error:  # fewer rows than classes
            raise DataError(
                f"{source}: the {len(others):,} rows beside a fold are too few for training and validation rows of "
                f"{len(problem.classes):,} classes; add rows, use more folds, or leave out --cross-validate"
            ) from error
        yield Split(kept, held_out, test)


def _measure(config: RunConfig, part: Problem, network: nn.Network) -> dict[str, Any]:
    temperature = fit_temperature(network, part) if config.calibrate else 1.0
    x, labels = part.subset(part.rows.test)
    sizes = results.class_sizes(part.labels[part.rows.train], part.classes)
    return {
        "rows": len(labels),
        **results.measure_rows(network.logits(x), labels, temperature),
        "baseline": results.measure_baseline(labels, sizes),
    }


def _over(summary: Callable[[Array], Any], each: Sequence[Mapping[str, Any]]) -> dict[str, float | None]:
    """A summary of each metric over the folds; None where a fold does not have it."""
    found: dict[str, float | None] = {}
    for key in [key for key in results.COLUMNS if key in each[0]]:
        values = [fold[key] for fold in each]
        found[key] = None if None in values else float(summary(np.array(values)))
    return found
