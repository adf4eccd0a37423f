"""Which columns matter: how much worse the test rows are predicted when the cells of one column are shuffled.

A column of the table may be several columns of x, such as one per category. They are shuffled together, and so are the
pixels of a small square where an image has too many to shuffle each.

Source: Breiman, Random Forests (2001), section 10.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from softgrad._arrays import Array
from softgrad.data import Encoding
from softgrad.losses import cross_entropy
from softgrad.nn import Network
from softgrad.nn.threads import one_blas_thread

REPEATS = 5
MOST_COLUMNS = 200  # of more, those with the largest weights are shuffled; of more pixels, squares
MOST_ROWS, FEWEST_ROWS = 1000, 100
MOST_CELLS = 200_000  # rows times columns of x in one prediction


class Importance(NamedTuple):
    """How much worse the predictions are without what one column says, or one square of pixels."""

    name: str
    place: int  # in the order of the table, or in the grid of squares
    log_loss: float  # the mean increase over the repeats
    log_loss_std: float
    accuracy: float  # the mean decrease


class Importances(NamedTuple):
    """Of the columns that were shuffled, the most important one first."""

    columns: tuple[Importance, ...]
    of_columns: int  # the number of columns that the model uses
    rows: int  # the number of test rows that were used
    grid: tuple[int, int] | None  # of an image: the number of squares down and across


def importances(
    network: Network,
    encoding: Encoding,
    x: Array,  # (N, D), the test rows
    labels: Array,  # (N)
    *,
    temperature: float = 1.0,
    image: tuple[int, ...] | None = None,
    seed: int,
) -> Importances:
    """The importance of each column, by scikit-learn's permutation_importance, on a sample of the rows.

    Args:
        network: the trained network.
        encoding: says which columns of x a column of the table has become.
        x: the test rows.
        labels: their class indices.
        temperature: the number by which the logits are divided.
        image: the height and the width, if the columns are the pixels of an image.
        seed: of the sample and of the shuffling.
    """
    from sklearn.inspection import permutation_importance

    rng = np.random.default_rng(seed)
    rows = min(len(x), MOST_ROWS, max(FEWEST_ROWS, MOST_CELLS // x.shape[1]))
    chosen = np.sort(rng.choice(len(x), rows, replace=False))
    x, labels = x[chosen], labels[chosen]
    side = _side(image)
    groups = _columns(encoding) if image is None else _squares(encoding, image, side)
    grid = None if image is None else (-(-image[0] // side), -(-image[1] // side))
    of_columns = sum(column.width > 0 for column in encoding.columns)
    names = _heaviest(network, groups)
    place_of = {name: place for place, name in enumerate(groups)}

    def score(_: Any, index: Array, target: Array) -> dict[str, float]:
        shuffled = x.copy()
        for name, source in zip(names, index.T, strict=True):
            if (source != own).any():
                shuffled[:, groups[name]] = x[source][:, groups[name]]
        logits = network.logits(shuffled)
        right = float((logits.argmax(axis=1) == target).mean())
        return {"log_loss": -float(cross_entropy(logits, target, temperature=temperature)), "accuracy": right}

    own = np.arange(rows)
    index = np.tile(own[:, None], (1, len(names)))  # what is shuffled: for each column, the rows of its cells
    with one_blas_thread():  # the products are small: more threads wait for each other
        found = permutation_importance(_Fitted(), index, labels, scoring=score, n_repeats=REPEATS, random_state=seed)
    measured = (
        found["log_loss"].importances_mean,
        found["log_loss"].importances_std,
        found["accuracy"].importances_mean,
    )
    columns = [
        Importance(name, place_of[name], *(float(each) for each in numbers))
        for name, *numbers in zip(names, *measured, strict=True)
    ]
    columns.sort(key=lambda column: -column.log_loss)
    return Importances(tuple(columns), of_columns, rows, grid)


class _Fitted:
    """An estimator in name only: the score does not use it."""

    def fit(self) -> None:
        raise NotImplementedError


def _columns(encoding: Encoding) -> dict[str, Array]:
    """The columns of x that each column of the table has become."""
    ends = np.cumsum([column.width for column in encoding.columns]).tolist()
    return {
        column.name: np.arange(end - column.width, end)
        for column, end in zip(encoding.columns, ends, strict=True)
        if column.width
    }


def _side(image: tuple[int, ...] | None) -> int:
    """The number of pixels along a square: the smallest with which there are few enough squares."""
    side = 1
    while image is not None and -(-image[0] // side) * -(-image[1] // side) > MOST_COLUMNS:
        side += 1
    return side


def _squares(encoding: Encoding, image: tuple[int, ...], side: int) -> dict[str, Array]:
    """The columns of x that belong to each square of pixels; those of pixels that are left out are in none."""
    of_pixel = _columns(encoding)
    squares: dict[str, list[Array]] = {}
    for i, column in enumerate(encoding.columns):
        row, across = i // image[1] // side * side, i % image[1] // side * side
        name = column.name if side == 1 else f"{side} by {side} pixels from row {row}, column {across}"
        squares.setdefault(name, []).append(of_pixel.get(column.name, np.arange(0)))
    return {name: np.concatenate(columns) for name, columns in squares.items()}


def _heaviest(network: Network, groups: dict[str, Array]) -> list[str]:
    """The columns to shuffle, in the order of the table: all, or those with the largest weights in the first layer."""
    if len(groups) <= MOST_COLUMNS:
        return list(groups)
    weight = network.parameters["layers.0.weight"]
    norms = {name: float(np.linalg.norm(weight[columns])) for name, columns in groups.items()}
    kept = set(sorted(groups, key=lambda name: -norms[name])[:MOST_COLUMNS])
    return [name for name in groups if name in kept]
