"""The bundled data sets, which are read by name."""

import numpy as np
import pytest

from softgrad import DataError
from softgrad.data import Encoding, read_classes, read_table, split

SETS = {  # name: (rows, columns without the target, classes)
    "digits": (1797, 64, tuple("0123456789")),
    "iris": (150, 4, ("setosa", "versicolor", "virginica")),
    "wine": (178, 13, ("class_0", "class_1", "class_2")),
    "breast-cancer": (569, 30, ("benign", "malignant")),
}

every_set = pytest.mark.parametrize("name", SETS)


@every_set
def test_all_rows_columns_and_classes_are_read(name):
    rows, columns, classes = SETS[name]
    table = read_table(name)
    indices, names = read_classes(table, table.target)
    assert len(table.columns) == columns + 1
    assert {len(column) for column in table.columns.values()} == {len(table.lines), rows}
    assert names == classes
    assert np.bincount(indices).min() > 0


@every_set
def test_equals_the_data_of_scikit_learn(name):
    from sklearn import datasets

    bunch = getattr(datasets, f"load_{name.replace('-', '_')}")()
    table = read_table(name)
    indices, names = read_classes(table, table.target)
    features = [column for column in table.columns if column != table.target]
    assert features == list(bunch.feature_names)
    np.testing.assert_array_equal(np.column_stack([table.columns[column] for column in features]), bunch.data)
    assert [names[index] for index in indices] == bunch.target_names[bunch.target].astype(str).tolist()


@every_set
def test_can_be_split_and_encoded(name):
    table = read_table(name)
    indices, names = read_classes(table, table.target)
    rows = split(table, indices, names, seed=0)
    features = [column for column in table.columns if column != table.target]
    x = Encoding.fit(table, features, rows.train).transform(table)
    assert x.shape == (len(indices), len(features))
    deviations = [float(np.ptp(table.columns[column][rows.train]) > 0) for column in features]  # 0 of constant columns
    assert np.abs(x[rows.train].mean(axis=0)).max() < 1e-12
    np.testing.assert_allclose(x[rows.train].std(axis=0), deviations, rtol=1e-12)


MISSPELT = {"iriss": "iris", "digit": "digits", "breast_cancer": "breast-cancer", "Wine": "wine"}


@pytest.mark.parametrize("name", MISSPELT)
def test_the_error_for_a_misspelt_name_suggests_the_right_one(name):
    with pytest.raises(DataError, match=f"'{name}' is neither a file nor one of .*; did you mean {MISSPELT[name]}\\?"):
        read_table(name)


def test_the_error_for_any_other_name_suggests_nothing():
    with pytest.raises(DataError, match=r"'table\.csv' is neither a file nor one of .*, breast-cancer$"):
        read_table("table.csv")
