"""Files of arrays: inputs or images, and classes."""

import io

import numpy as np
import pytest

from softgrad import DataError
from softgrad.data import Encoding, read_classes, read_table


@pytest.fixture
def arrays(tmp_path):
    """A function that writes arrays to an .npz file, and reads it."""

    def read(options=None, **given):
        np.savez_compressed(tmp_path / "table.npz", **given)
        return read_table(str(tmp_path / "table.npz"), **(options or {}))

    return read


X = np.array([[1.0, 2.0], [3.0, np.nan], [5.0, 7.0]], dtype=np.float32)


def test_inputs_are_columns_and_y_is_the_target(arrays):
    table = arrays(x=X, y=np.array([7, 8, 7]))
    assert (list(table.columns), table.target, table.image) == (["x0", "x1", "y"], "y", None)
    np.testing.assert_array_equal(table.columns["x1"], X[:, 1])
    assert table.columns["x1"].dtype == np.float64
    assert read_classes(table, "y")[1] == ("7", "8")
    encoding = Encoding.fit(table, ["x0", "x1"], np.arange(3))
    assert encoding.missing(table) == {"x1": 1}
    assert table.where(2).endswith("table.npz, row 3")


def test_images_are_columns_under_the_names_of_pixels():
    digits = read_table("digits")
    assert digits.image == (8, 8)
    images = np.column_stack([digits.columns[name] for name in digits.columns if name != "target"]).reshape(-1, 8, 8)
    assert images.shape[1:] == digits.image


def test_a_model_of_digits_fits_an_array_of_their_images(arrays):
    digits = read_table("digits")
    features = [name for name in digits.columns if name != "target"]
    x = np.column_stack([digits.columns[name] for name in features])
    table = arrays(x=x.reshape(-1, 8, 8).astype(np.uint8), y=digits.columns["target"])
    assert (table.image, [*features, "y"]) == ((8, 8), list(table.columns))
    encoding = Encoding.fit(digits, features, np.arange(100))
    np.testing.assert_array_equal(encoding.transform(table), encoding.transform(digits))
    assert Encoding.fit(table, features, np.arange(100)).columns == encoding.columns  # constant pixels are inputs, too


def test_arrays_are_chosen_by_name(arrays):
    given = {"train": X, "test": X[:2], "labels": np.array(["a", "b", "a"])}
    table = arrays({"array": "train", "target": "labels"}, **given)
    assert (list(table.columns), table.target, table.others) == (["x0", "x1", "labels"], "labels", ("test",))
    table = arrays({"array": "test"}, **given)
    assert (len(table.lines), table.target, table.others) == (2, None, ("train", "labels"))


CLASSES = {  # name: (the array, its classes)
    "booleans": (np.array([True, False, True]), ("false", "true")),
    "bytes": (np.array(["ä", "b", "b"]).astype("U").view("U1"), ("b", "ä")),
    "encoded": (np.char.encode(["ä", "b", "b"], "utf-8"), ("b", "ä")),
    "floats": (np.array([1.0, 2.5, 1.0]), ("1", "2.5")),
}


@pytest.mark.parametrize("case", CLASSES)
def test_classes_of_any_dtype(case, arrays):
    y, names = CLASSES[case]
    assert read_classes(arrays(x=X, y=y), "y")[1] == names


INVALID = {  # name: (options, arrays, message)
    "no x": ({}, {"X": X}, r"has no array 'x'; its arrays are 'X'; name another with --array; did you mean 'X'\?$"),
    "no such target": ({"target": "z"}, {"x": X, "y": X}, "has no array 'z'; its arrays are 'x', 'y'; name another w"),
    "one dimension": ({}, {"x": X[0]}, r"x\.shape is \(2,\) and its dtype float32, wanted numbers of shape \(N, D\)"),
    "texts": ({}, {"x": X.astype(str)}, r"x\.shape is \(3, 2\) and its dtype <U32, wanted numbers"),
    "no rows": ({}, {"x": X[:0]}, r"x\.shape is \(0, 2\)"),
    "one-hot": ({"target": "y"}, {"x": X, "y": X}, r"y\.shape is \(3, 2\) and its dtype float32, wanted shape \(3,\)"),
    "fewer classes": (
        {"target": "y"},
        {"x": X, "y": X[:2, 0]},
        r"y\.shape is \(2,\) and its dtype float32, wanted shape \(3,\)",
    ),
    "objects": ({}, {"x": X.astype(object)}, r"is not an \.npz file, or damaged: Object arrays cannot be loaded when"),
}


@pytest.mark.parametrize("case", INVALID)
def test_arrays_that_do_not_fit_are_refused(case, arrays):
    options, given, message = INVALID[case]
    with pytest.raises(DataError, match=rf"table\.npz:? {message}"):
        arrays(options, **given)


def test_a_damaged_file_and_a_single_array_are_refused(tmp_path):
    content = io.BytesIO()
    np.savez(content, x=X)
    path = tmp_path / "table.npz"
    for data in (content.getvalue()[:-30], content.getvalue()[:100]):
        path.write_bytes(data)
        with pytest.raises(DataError, match=r"table\.npz is not an \.npz file, or damaged: .*; write it again"):
            read_table(str(path))
    np.save(tmp_path / "table.npy", X)
    with pytest.raises(DataError, match=r"table\.npy holds one array; wanted an \.npz file, which numpy\.savez\(FILE"):
        read_table(str(tmp_path / "table.npy"))
    path.write_bytes(b"x,y\n1,2\n")
    with pytest.raises(DataError, match=r"table\.npz is not an \.npz file: it starts with b'x,y\\n'"):
        read_table(str(path))


def test_an_array_of_a_file_that_has_none_is_refused(tmp_path):
    (tmp_path / "table.csv").write_text("a,kind\n1,x\n")
    with pytest.raises(DataError, match=r"table\.csv is not an \.npz file, so it has no array 'z'; leave out --array"):
        read_table(str(tmp_path / "table.csv"), array="z")
    with pytest.raises(DataError, match=r"iris is not an \.npz file, so it has no array 'x'"):
        read_table("iris", array="x")


FOREIGN = {  # name: (content, what it is)
    "t.xlsx": (b"PK\x03\x04 and so on", "an Excel file"),
    "t.json": (b'[{"a": 1, "kind": "x"}]', "a JSON file"),
    "t.jsonl": (b'{"a": 1, "kind": "x"}\n{"a": 2, "kind": "y"}\n', "a JSON file"),
    "t.pkl.gz": (b"\x80\x05\0\0", "a pickle"),
    "t.h5": (b"\x89HDF\r\n\0", "an HDF5 file"),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_other_formats_are_named(name, tmp_path):
    content, what = FOREIGN[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=rf"{name} is {what}, wanted CSV, Parquet or \.npz; save the table as CSV$"):
        read_table(str(tmp_path / name))


def test_a_csv_file_of_another_name_is_read(tmp_path):
    (tmp_path / "export.xls").write_text("a\tkind\n1\tx\n")
    assert list(read_table(str(tmp_path / "export.xls")).columns) == ["a", "kind"]
