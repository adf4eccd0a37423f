"""Classes: their names and order. Rows: which of them train, validate and test."""

import numpy as np
import pytest

from softgrad import DataError
from softgrad.data import read_classes, split


def column(cells):
    return "\n".join(["value,kind", *(f"0,{cell}" for cell in cells)])


ORDERS = {  # name: (cells, class names in order)
    "words": ("no yes no maybe", ("maybe", "no", "yes")),
    "numbers": ("10 9 1 10", ("1", "9", "10")),
    "fractions": ("0.5 -1 2 0.25", ("-1", "0.25", "0.5", "2")),
    "numbers before words": ("b 2 a 10", ("2", "10", "a", "b")),
    "kept as they stand": ("01 1 1.0 2", ("01", "1", "1.0", "2")),
    "not ASCII": ("größe 数 größe a", ("a", "größe", "数")),
    "true and false": ("True False True False", ("False", "True")),
}


@pytest.mark.parametrize("case", ORDERS)
def test_classes_keep_their_names(case, table):
    cells, wanted = ORDERS[case]
    numbers, names = read_classes(table(column(cells.split())), "kind")
    assert names == wanted
    assert [names[number] for number in numbers] == cells.split()


REFUSED = {  # name: (cells, target, message)
    "one class": ("a a a", "kind", r"column 'kind' is 'a' in all 3 rows; wanted at least 2 classes to tell apart"),
    "no such column": ("a b", "knid", r"has no column 'knid'; wanted one of 'value', 'kind'; did you mean 'kind'\?"),
    "nothing near": ("a b", "target", r"has no column 'target'; wanted one of 'value', 'kind'$"),
    "no class": ("a  b", "kind", r"line 3: column 'kind' is '', wanted a value; fill it in or remove the row"),
    "NaN": ("a b NaN", "kind", r"line 4: column 'kind' is 'NaN', wanted a value"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refuses_classes(case, table):
    cells, target, message = REFUSED[case]
    with pytest.raises(DataError, match=rf"table\.csv.*{message}"):
        read_classes(table(column(cells.split(" "))), target)


SIZES = {  # name: rows of each class
    "even": (50, 50),
    "uneven": (100, 20, 5),
    "the least": (5, 5, 5),
    "a class of three": (3, 12),
    "one row more": (6, 5, 5),
    "many classes": (7,) * 20,
}


def example(table, counts):
    t = table(column([f"class {i}" for i, count in enumerate(counts) for _ in range(count)]))
    return t, *read_classes(t, "kind")


@pytest.mark.parametrize("case", SIZES)
@pytest.mark.parametrize("seed", range(5))
def test_every_row_in_one_part_and_every_class_in_proportion(case, seed, table):
    counts = SIZES[case]
    t, numbers, names = example(table, counts)
    train, validation, test = parts = split(t, numbers, names, seed=seed)
    assert sorted(np.concatenate(parts)) == list(range(sum(counts)))
    assert abs(len(test) - sum(counts) / 5) < 1
    assert abs(len(validation) - sum(counts) / 5) < 1
    for part, share in ((train, 0.6), (validation, 0.2), (test, 0.2)):
        drawn = np.bincount(numbers[part], minlength=len(counts))
        assert (np.abs(drawn - share * np.array(counts)) < 2).all()
    assert np.bincount(numbers[train], minlength=len(counts)).min() > 0


def test_the_seed_decides(table):
    t, numbers, names = example(table, (30, 30))
    first, same, other = (split(t, numbers, names, seed=seed) for seed in (3, 3, 4))
    assert all(np.array_equal(a, b) for a, b in zip(first, same, strict=True))
    assert not any(np.array_equal(a, b) for a, b in zip(first, other, strict=True))


TOO_FEW = {  # name: (rows of each class, message)
    "a class of two": ((20, 2), r"class 'class 1' has 2 rows, wanted at least 3, .*; merge rare classes or drop their"),
    "a class of one": ((1, 20), r"class 'class 0' has 1 rows, wanted at least 3"),
    "few rows": ((4, 5), r"9 rows for 2 classes, wanted at least 10; give more rows, or fewer classes"),
}


@pytest.mark.parametrize("case", TOO_FEW)
def test_refuses_too_few_rows(case, table):
    counts, message = TOO_FEW[case]
    t, numbers, names = example(table, counts)
    with pytest.raises(DataError, match=rf"table\.csv: {message}"):
        split(t, numbers, names, seed=0)
