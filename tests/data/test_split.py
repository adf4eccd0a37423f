"""The names and the order of classes, and the split of the rows into training, validation and test set."""

import numpy as np
import pytest

from softgrad import DataError, OptionError
from softgrad.data import read_classes, split


def column(cells):
    return "\n".join(["value,kind", *(f"0,{cell}" for cell in cells)])


ORDERS = {  # name: (cells, class names in order)
    "words": ("no yes no maybe", ("maybe", "no", "yes")),
    "numbers": ("10 9 1 10", ("1", "9", "10")),
    "fractions": ("0.5 -1 2 0.25", ("-1", "0.25", "0.5", "2")),
    "numbers before words": ("b 2 a 10", ("2", "10", "a", "b")),
    "numbers as text": ("1_0 9 1_1", ("9", "1_0", "1_1")),
    "1 and 1.0 beside a word": ("1 1.0 b", ("1", "1.0", "b")),
    "not ASCII": ("größe 数 größe a", ("a", "größe", "数")),
    "true and false": ("True False True False", ("False", "True")),
}


@pytest.mark.parametrize("case", ORDERS)
def test_classes_keep_their_names_in_sorted_order(case, table):
    cells, wanted = ORDERS[case]
    indices, names = read_classes(table(column(cells.split())), "kind")
    assert names == wanted
    assert [names[index] for index in indices] == cells.split()


SPELLINGS = {  # name: (cells that are numbers throughout, class names, class indices)
    "integers and fractions": ("1.0 1 2 1 2.0", ("1", "2"), [0, 0, 1, 0, 1]),
    "zeros in front": ("01 1 2 002", ("1", "2"), [0, 0, 1, 1]),
    "exponents": ("1e1 10 5", ("5", "10"), [1, 1, 0]),
    "signs": ("+1 -0 0 1", ("0", "1"), [1, 0, 0, 1]),
    "integers that float64 cannot tell apart": (
        "9007199254740993 9007199254740992",
        ("9007199254740992", "9007199254740993"),
        [1, 0],
    ),
}


@pytest.mark.parametrize("case", SPELLINGS)
def test_numbers_are_one_class_however_they_are_written(case, table):
    cells, wanted, wanted_indices = SPELLINGS[case]
    indices, names = read_classes(table(column(cells.split())), "kind")
    assert names == wanted
    assert indices.tolist() == wanted_indices


INVALID_CLASSES = {  # name: (cells, target, message)
    "one class": ("a a a", "kind", r"column 'kind' is 'a' in all 3 rows, wanted at least 2 classes; choose another"),
    "misspelt column": ("a b", "knid", r"has no column 'knid'; its columns are 'value', 'kind'; did you mean 'kind'\?"),
    "unknown column": ("a b", "target", r"has no column 'target'; its columns are 'value', 'kind'$"),
    "empty cell": ("a  b", "kind", r"line 3: column 'kind' is '', wanted a value; fill the cell in or remove the row"),
    "NaN": ("a b NaN", "kind", r"line 4: column 'kind' is 'NaN', wanted a value"),
}


@pytest.mark.parametrize("case", INVALID_CLASSES)
def test_invalid_classes_are_rejected(case, table):
    cells, target, message = INVALID_CLASSES[case]
    with pytest.raises(DataError, match=rf"table\.csv.*{message}"):
        read_classes(table(column(cells.split(" "))), target)


SIZES = {  # name: the number of rows of each class
    "balanced": (50, 50),
    "unbalanced": (100, 20, 5),
    "minimum": (5, 5, 5),
    "a class of three rows": (3, 12),
    "one row above the minimum": (6, 5, 5),
    "many classes": (7,) * 20,
}


def example(table, counts):
    t = table(column([f"class {i}" for i, count in enumerate(counts) for _ in range(count)]))
    return t, *read_classes(t, "kind")


@pytest.mark.parametrize("case", SIZES)
@pytest.mark.parametrize("seed", range(5))
def test_each_row_is_in_one_set_and_each_class_in_proportion(case, seed, table):
    counts = SIZES[case]
    t, indices, names = example(table, counts)
    train, validation, test = sets = split(t, indices, names, seed=seed)
    assert sorted(np.concatenate(sets)) == list(range(sum(counts)))
    assert abs(len(test) - sum(counts) / 5) < 1
    assert abs(len(validation) - sum(counts) / 5) < 1
    for rows, fraction in ((train, 0.6), (validation, 0.2), (test, 0.2)):
        drawn = np.bincount(indices[rows], minlength=len(counts))
        assert (np.abs(drawn - fraction * np.array(counts)) < 2).all()
    assert np.bincount(indices[train], minlength=len(counts)).min() > 0


def test_the_seed_determines_the_split(table):
    t, indices, names = example(table, (30, 30))
    first, same, other = (split(t, indices, names, seed=seed) for seed in (3, 3, 4))
    assert all(np.array_equal(a, b) for a, b in zip(first, same, strict=True))
    assert not any(np.array_equal(a, b) for a, b in zip(first, other, strict=True))


def test_the_fractions_are_those_asked_for(table):
    t, indices, names = example(table, (60, 40))
    sets = split(t, indices, names, seed=0, fractions=(0.5, 0.2, 0.3))
    assert [len(rows) for rows in sets] == [50, 20, 30]
    assert [np.bincount(indices[rows]).tolist() for rows in sets] == [[30, 20], [12, 8], [18, 12]]


@pytest.mark.parametrize("fractions", [(0.5, 0.2, 0.2), (0.8, 0.2, 0.0), (1.2, -0.4, 0.2), (float("nan"), 0.2, 0.2)])
def test_fractions_that_are_none_are_rejected(fractions, table):
    t, indices, names = example(table, (60, 40))
    with pytest.raises(OptionError, match="wanted three positive numbers whose sum is 1"):
        split(t, indices, names, seed=0, fractions=fractions)


def test_without_stratifying_a_class_may_be_missing_from_the_training_rows(table):
    t, indices, names = example(table, (200, 3))
    drawn = set()
    for seed in range(60):
        try:
            sets = split(t, indices, names, seed=seed, stratify=False)
        except DataError as error:
            assert "no row of class 'class 1' was drawn for training, wanted at least 1; stratify" in str(error)
        else:
            drawn.add(int((indices[sets.test] == 1).sum()))
    assert {0, 1} < drawn


@pytest.mark.parametrize("stratify", [True, False])
def test_all_rows_of_a_rare_class_are_training_rows(stratify, table):
    counts = (40, 1, 20, 2)
    t, indices, names = example(table, counts)
    sets = split(t, indices, names, seed=0, stratify=stratify)
    assert sorted(np.concatenate(sets)) == list(range(63))
    drawn = [np.bincount(indices[rows], minlength=4).tolist() for rows in sets]
    assert [of[1::2] for of in drawn] == [[1, 2], [0, 0], [0, 0]]
    assert [sum(of) for of in drawn] == [39, 12, 12]
    if stratify:
        assert drawn == [[24, 1, 12, 2], [8, 0, 4, 0], [8, 0, 4, 0]]


TOO_FEW = {  # name: (the number of rows of each class, message)
    "a class of two rows": (
        (20, 2),
        r"class 'class 1' has 2 rows, wanted at least 3: .*; merge rare classes or remove their rows",
    ),
    "a class of one row": ((1, 20), r"class 'class 0' has 1 row, wanted at least 3"),
    "many rows of rare classes": ((20, 20, 2, 2, 1), r"class 'class 4' has 1 row, wanted at least 3"),
    "few rows": ((4, 5), r"there are 9 rows for 2 classes, wanted at least 10 rows; add rows, merge classes, or give"),
}


@pytest.mark.parametrize("case", TOO_FEW)
def test_too_few_rows_are_rejected(case, table):
    counts, message = TOO_FEW[case]
    t, indices, names = example(table, counts)
    with pytest.raises(DataError, match=rf"table\.csv: {message}"):
        split(t, indices, names, seed=0)


def test_a_target_of_numbers_that_are_no_classes_is_rejected(table):
    t = table("size,price\n" + "".join(f"{i % 7},{100 + i}.5\n" for i in range(40)))
    labels, classes = read_classes(t, "price")
    with pytest.raises(
        DataError, match=r"the target has 40 different numbers in 40 rows, wanted classes of at least 3 r"
    ):
        split(t, labels, classes, seed=0)
