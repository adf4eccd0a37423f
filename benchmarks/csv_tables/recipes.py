"""What a user of pandas and scikit-learn writes for each table: reading it, and the pipeline of a classifier.

Each function of `READERS` makes columns of numbers and of categories of a file, with or without the class. `effort`
counts the arguments of `read_csv` and the lines in this file.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

Reader: TypeAlias = Callable[[Path], pd.DataFrame]


def wine(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, sep=";", decimal=",", encoding="utf-8-sig", na_values="?")


def breast_cancer(path: Path) -> pd.DataFrame:
    x = pd.read_csv(path, index_col=0, thousands=",", na_values="?")
    x["smoothness"] = x["smoothness"].str.rstrip("%").astype(float)
    return x.drop(columns=["patient", "site"])


def digits(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, sep="\t")


def customers(path: Path) -> pd.DataFrame:
    dates = {"seit": "%d.%m.%Y", "zuletzt": "%Y-%m-%d %H:%M"}
    x = pd.read_csv(path, sep=";", encoding="latin-1", parse_dates=list(dates), date_format=dates)
    x["Gebühr"] = x["Gebühr"].str.replace("[$,]", "", regex=True).astype(float)
    x["genutzt"] = x["genutzt"].str.rstrip("%").astype(float)
    for name in dates:
        x[f"{name} in days"] = (x[name] - pd.Timestamp("2019-01-01")).dt.days
    return x.drop(columns=["Kunde", "Notiz", *dates])


def wide(path: Path) -> pd.DataFrame:
    return pd.read_csv(path)


def long(path: Path) -> pd.DataFrame:
    x = pd.read_csv(path, index_col="row", thousands=",", parse_dates=["time"])
    x["hour"], x["weekday"], x["month"] = x["time"].dt.hour, x["time"].dt.dayofweek, x["time"].dt.month
    return x.drop(columns="time")


READERS: dict[str, Reader] = {
    "wine": wine,
    "breast-cancer": breast_cancer,
    "digits": digits,
    "customers": customers,
    "wide": wide,
    "long": long,
}


def pipeline(x: pd.DataFrame, classifier: Any) -> Pipeline:
    numbers = make_pipeline(SimpleImputer(add_indicator=True), StandardScaler())
    categories = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    numeric = x.select_dtypes("number").columns
    columns = [("numbers", numbers, numeric), ("categories", categories, x.columns.difference(numeric))]
    return make_pipeline(ColumnTransformer(columns), classifier)


def effort(name: str) -> tuple[int, int]:
    """The number of arguments of `read_csv` beside the path, and of lines of code, for the table of this name."""
    reader = ast.parse(textwrap.dedent(inspect.getsource(READERS[name])))
    calls = [node for node in ast.walk(reader) if isinstance(node, ast.Call)]
    (read,) = (call for call in calls if isinstance(call.func, ast.Attribute) and call.func.attr == "read_csv")
    sources = [inspect.getsource(function) for function in (READERS[name], pipeline)]
    return len(read.keywords), sum(len(source.strip().splitlines()) - 1 for source in sources)
