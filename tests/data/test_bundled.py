"""The sets that come with softgrad, by name."""

import numpy as np
import pytest

from softgrad import DataError
from softgrad.data import Encoding, read_classes, read_table, split

SETS = {  # name: (rows, columns beside the target, classes)
    "digits": (1797, 64, tuple("0123456789")),
    "iris": (150, 4, ("setosa", "versicolor", "virginica")),
    "wine": (178, 13, ("class_0", "class_1", "class_2")),
    "breast-cancer": (569, 30, ("benign", "malignant")),
}

every_set = pytest.mark.parametrize("name", SETS)


@every_set
def test_is_read_whole(name):
    rows, columns, classes = SETS[name]
    table = read_table(name)
    numbers, names = read_classes(table, table.target)
    assert len(table.columns) == columns + 1
    assert {len(column) for column in table.columns.values()} == {len(table.lines), rows}
    assert names == classes
    assert np.bincount(numbers).min() > 0


@every_set
def test_holds_what_scikit_learn_holds(name):
    from sklearn import datasets

    bunch = getattr(datasets, f"load_{name.replace('-', '_')}")()
    table = read_table(name)
    numbers, names = read_classes(table, table.target)
    features = [column for column in table.columns if column != table.target]
    assert features == list(bunch.feature_names)
    np.testing.assert_array_equal(np.column_stack([table.columns[column] for column in features]), bunch.data)
    assert [names[number] for number in numbers] == bunch.target_names[bunch.target].astype(str).tolist()


@every_set
def test_is_split_and_encoded(name):
    table = read_table(name)
    numbers, names = read_classes(table, table.target)
    rows = split(table, numbers, names, seed=0)
    features = [column for column in table.columns if column != table.target]
    x = Encoding.fit(table, features, rows.train).transform(table)
    assert x.shape == (len(numbers), len(features))
    varied = [np.ptp(table.columns[column][rows.train]) > 0 for column in features]
    assert np.abs(x[rows.train].mean(axis=0)).max() < 1e-12
    np.testing.assert_allclose(x[rows.train].std(axis=0), varied, rtol=1e-12)


NEAR = {"iriss": "iris", "digit": "digits", "breast_cancer": "breast-cancer", "Wine": "wine"}


@pytest.mark.parametrize("name", NEAR)
def test_a_name_slightly_off_is_recognised(name):
    with pytest.raises(DataError, match=f"'{name}' is neither a file nor one of .*; did you mean {NEAR[name]}\\?"):
        read_table(name)


def test_another_name_is_not_guessed_at():
    with pytest.raises(DataError, match=r"'table\.csv' is neither a file nor one of .*, breast-cancer$"):
        read_table("table.csv")
