"""The tables: three from scikit-learn and three made up, with the dirt of files that people have. The seed is fixed.

A table is a list of rows of text, as they stand in the file; `write` says how the file is written. The classes of the
tables that are made up follow from some of their columns and from chance, so that no model is always right.
"""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.questions.base import Array

SEED = 20260


class Made(NamedTuple):
    """A table, as text, and how its file is written."""

    name: str
    dirt: str  # what is wrong with the file, in a few words
    target: str
    header: list[str]
    rows: list[list[str]]
    splits: int  # over how many it is measured
    separator: str = ","
    encoding: str = "utf-8"
    line_end: str = "\n"
    compressed: bool = False
    later: dict[str, str] | None = None  # the category that some of the later rows have in a column

    @property
    def labels(self) -> list[str]:
        """The class of each row, as text."""
        column = self.header.index(self.target)
        return [row[column] for row in self.rows]

    def write(self, folder: Path) -> Path:
        """Writes the file of all rows."""
        return self._write(folder / f"{self.name}.csv", self.header, self.rows)

    def write_later(self, folder: Path, rows: Sequence[int]) -> Path:
        """Writes a file of some rows, without the class; every tenth has a category that is new."""
        target = self.header.index(self.target)
        later = [list(self.rows[row]) for row in rows]
        for name, new in (self.later or {}).items():
            for row in later[::10]:
                row[self.header.index(name)] = new
        return self._write(
            folder / f"{self.name}-later.csv",
            [name for i, name in enumerate(self.header) if i != target],
            [[cell for i, cell in enumerate(row) if i != target] for row in later],
        )

    def _write(self, path: Path, header: list[str], rows: list[list[str]]) -> Path:
        text = io.StringIO(newline="")
        csv.writer(text, delimiter=self.separator, lineterminator=self.line_end).writerows([header, *rows])
        data = text.getvalue().encode(self.encoding)
        if not self.compressed:
            path.write_bytes(data)
            return path
        path = path.with_name(f"{path.name}.gz")
        path.write_bytes(gzip.compress(data, mtime=0))
        return path


def wine() -> Made:
    """178 wines, as a German spreadsheet exports them."""
    from sklearn.datasets import load_wine

    bunch, rng = load_wine(), np.random.default_rng(SEED)
    names = ["Alkohol (%)", "Äpfelsäure", *map(str, bunch.feature_names[2:])]
    rows = [
        [str(k + 1), *(_holes([f"{value:.2f}".replace(".", ",") for value in row], ["?", ""], 0.03, rng))]
        for row, k in zip(bunch.data, bunch.target, strict=True)
    ]
    return Made(
        "wine",
        "semicolons, decimal commas, a byte order mark, CRLF, the class first and as an integer, missing cells as `?`",
        "Rebsorte",
        ["Rebsorte", *names],
        _shuffled(rows, rng),
        splits=5,
        separator=";",
        encoding="utf-8-sig",
        line_end="\r\n",
    )


def breast_cancer() -> Made:
    """569 patients, with the index that pandas writes, and two columns of the same name."""
    from sklearn.datasets import load_breast_cancer

    bunch, rng = load_breast_cancer(), np.random.default_rng(SEED)
    names = [str(name).removeprefix("mean ") for name in bunch.feature_names]
    names = ["radius" if name == "worst radius" else name for name in names]
    rows = []
    for row, k in zip(bunch.data, bunch.target, strict=True):
        cells = [f"{value:,.1f}" if "area" in name else f"{value:.5g}" for name, value in zip(names, row, strict=True)]
        cells[names.index("smoothness")] = f"{100 * row[4]:.2f}%"
        cells = _holes(cells, ["", "NA", "?", "nan", "null"], 0.05, rng)
        rows.append([f"P-{rng.integers(10**8):08d}", "clinic 4", *cells, str(bunch.target_names[k])])
    rows = [[str(i), *row] for i, row in enumerate(_shuffled(rows, rng))]
    return Made(
        "breast-cancer",
        "the index of pandas, an identifier, a constant column, numbers as `1,234.5` and `9.87%`, missing cells spelt "
        "in five ways, two columns of the same name",
        "diagnosis",
        ["", "patient", "site", *names, "diagnosis"],
        rows,
        splits=5,
    )


def digits() -> Made:
    """1,797 digits, compressed."""
    from sklearn.datasets import load_digits

    bunch, rng = load_digits(), np.random.default_rng(SEED)
    rows = [
        [*_holes([f"{value:g}" for value in row], [""], 0.02, rng), str(k)]
        for row, k in zip(bunch.data, bunch.target, strict=True)
    ]
    return Made(
        "digits",
        "tabs, gzip, integers as classes, empty cells, columns of zeros",
        "digit",
        [*map(str, bunch.feature_names), "digit"],
        rows,
        splits=3,
        separator="\t",
        compressed=True,
    )


CITIES = ["Zürich", "Genève", "Basel", "Bern", "Lausanne", "Winterthur", "Luzern", "St. Gallen", "Lugano", "Köniz"]


def customers() -> Made:
    """5,000 customers, of whom 14 % left: dates, prices, rare categories and a text of several lines."""
    rng, N = np.random.default_rng(SEED), 5000
    since = rng.integers(0, 2500, N)
    fee = np.exp(rng.normal(3.6, 0.6, N))
    used = rng.beta(2, 3, N)
    calls = rng.poisson(1.2, N)
    city = np.minimum(rng.geometric(0.35, N) - 1, len(CITIES) - 1)
    plan = rng.choice(3, N, p=[0.6, 0.3, 0.1])
    score = 1.1 * calls + 2.5 * (0.4 - used) * (plan != 2) + 0.9 * (fee > 45) - 0.0009 * since + 0.7 * (city == 2)
    left = score + rng.logistic(0, 1.0, N)
    left = left > np.quantile(left, 0.86)
    rows = []
    for i in range(N):
        started = date(2019, 1, 15) + timedelta(days=int(2500 - since[i]))
        seen = datetime(2026, 1, 1) + timedelta(minutes=int(rng.integers(500_000)))
        cells = [
            started.strftime("%d.%m.%Y"),
            seen.strftime("%Y-%m-%d %H:%M"),
            f"${fee[i]:,.2f}",
            f"{100 * used[i]:.0f}%",
            str(calls[i]),
            CITIES[city[i]],
            ["basic", "plus", "premium"][plan[i]],
        ]
        cells = _holes(cells, ["", "NA"], 0.06, rng)
        note = f'called on day {rng.integers(10**6)},\nsaid "{["yes", "maybe", "no"][rng.integers(3)]}"'
        rows.append([f"K{100_000 + i}", *cells, note, "yes" if left[i] else "no"])
    return Made(
        "customers",
        "14 % of `yes`, semicolons, Latin-1, dates in two forms, `$1,234.50` and `31%`, identifiers, texts of two "
        "lines, rare categories, and a city that the later rows alone have",
        "gekündigt",
        ["Kunde", "seit", "zuletzt", "Gebühr", "genutzt", "Anrufe", "Stadt", "Tarif", "Notiz", "gekündigt"],
        rows,
        splits=5,
        separator=";",
        encoding="latin-1",
        later={"Stadt": "Chur"},
    )


def wide() -> Made:
    """600 rows of 2,000 columns, of which 40 say something, many are the same everywhere and many are nearly empty."""
    rng, N, D, informative = np.random.default_rng(SEED), 600, 2000, 40
    x = rng.normal(0, 1, (N, D))
    labels = (x[:, :informative] @ rng.normal(0, 1, (informative, 3)) + rng.gumbel(0, 1, (N, 3))).argmax(1)
    cells = np.char.mod("%.4g", x * np.exp(rng.normal(0, 3, D)) + rng.normal(0, 5, D))
    cells[:, 500:700] = "0"
    cells[rng.random((N, D)) < 0.02] = ""
    empty = np.zeros(D, bool)
    empty[700:900] = True
    cells[(rng.random((N, D)) < 0.9) & empty] = ""
    order = rng.permutation(D)
    names = [f"gene {i}" for i in order]
    return Made(
        "wide",
        "2,000 columns and 600 rows; 200 columns are constant, 200 are nine tenths empty, and 40 say something",
        "type",
        [*names, "type"],
        [[*row, "ABC"[k]] for row, k in zip(cells[:, order].tolist(), labels, strict=True)],
        splits=3,
    )


def long() -> Made:
    """200,000 payments: heavy-tailed amounts, times, a category of many values, and three classes, one of 3 %."""
    rng, N = np.random.default_rng(SEED), 200_000
    amount = np.exp(rng.normal(4, 2.0, N))
    balance = amount * np.exp(rng.normal(1, 1.5, N))
    age = rng.gamma(3, 12, N)
    minute = rng.integers(0, 525_600, N)
    hour = minute // 60 % 24
    shop = np.minimum(rng.zipf(1.4, N) - 1, 199)
    risk = rng.normal(0, 1, 200)[shop]
    night = (hour < 6) | (hour > 21)
    logits = np.stack(
        [
            np.full(N, 2.6),
            0.9 * risk + 1.2 * (amount / balance > 0.8) + 0.8 * night,
            -2.0 + 0.6 * np.log(amount) * night - 0.02 * age + 0.8 * risk,
        ],
        axis=1,
    )
    labels = (logits + rng.gumbel(0, 1, logits.shape)).argmax(1)
    start = datetime(2025, 1, 1)
    times = [(start + timedelta(minutes=int(each))).strftime("%Y-%m-%dT%H:%M:%S") for each in minute]
    absent = rng.random(N) < 0.1
    rows = [
        [
            *(str(i), times[i], f"{amount[i]:,.2f}", f"{balance[i]:,.2f}", "" if absent[i] else f"{age[i]:.1f}"),
            *(f"shop {shop[i]}", ("fine", "late", "fraud")[labels[i]]),
        ]
        for i in range(N)
    ]
    return Made(
        "long",
        "200,000 rows, gzip, a row number, times of day, amounts from 0.01 to 1,000,000 with commas, 200 shops, and "
        "three classes, of which the smallest has 3 % of the rows",
        "status",
        ["row", "time", "amount", "balance", "age", "shop", "status"],
        rows,
        splits=1,
        compressed=True,
        later={"shop": "shop 999"},
    )


TABLES: dict[str, Callable[[], Made]] = {
    "wine": wine,
    "breast-cancer": breast_cancer,
    "digits": digits,
    "customers": customers,
    "wide": wide,
    "long": long,
}


def _holes(cells: list[str], spellings: list[str], fraction: float, rng: np.random.Generator) -> list[str]:
    """The cells, of which a fraction is missing."""
    missing, spelling = rng.random(len(cells)) < fraction, rng.integers(len(spellings), size=len(cells))
    return [spellings[s] if no else cell for cell, no, s in zip(cells, missing, spelling, strict=True)]


def _shuffled(rows: list[list[str]], rng: np.random.Generator) -> list[list[str]]:
    order: Array = rng.permutation(len(rows))
    return [rows[i] for i in order]
