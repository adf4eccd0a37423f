"""Tables in Parquet files and arrays in .npz files, from `softgrad train` to `softgrad predict`."""

import numpy as np
import pytest

from cli.tables import mixed_rows
from conftest import load

FAST = ("--hidden", 0, "--epochs", 2, "--no-check")


@pytest.fixture
def arrays(tmp_path):
    """A file with 60 images of 3 x 4 pixels and their classes, and more images."""
    rng = np.random.default_rng(0)
    y = np.arange(60) % 3
    x = rng.random((60, 3, 4)) + y[:, None, None]
    path = tmp_path / "images.npz"
    np.savez(path, x=x, y=y, later=x[:5], labels=np.array(["a", "b", "c"])[y])
    return path


def test_a_parquet_file_gives_the_same_run_as_csv(softgrad, mixed, tmp_path):
    pl = load("polars")
    frame = pl.DataFrame(list(mixed_rows())).cast({"width": pl.Float64, "height": pl.Int64})
    frame.write_parquet(tmp_path / "mixed.parquet")
    predictions = []
    for table in (mixed, tmp_path / "mixed.parquet"):
        run = softgrad("train", table, "--target", "kind", *FAST, "--out", f"from-{table.suffix[1:]}")
        assert (run.code, run.err) == (0, "")
        assert "numbers: 'width', 'height'" in run.out
        predictions += [softgrad("predict", f"from-{table.suffix[1:]}", each, "--proba") for each in (mixed, table)]
    assert len(set(predictions)) == 1
    assert predictions[0].code == 0


def test_arrays_are_trained_on_and_predicted(softgrad, arrays):
    run = softgrad("train", arrays, *FAST, "--out", "run")
    assert (run.code, run.err) == (0, "")
    assert run.out.startswith(f"{arrays}: 60 rows of 12 features in 3 classes")
    everything = softgrad("predict", "run", arrays).out.splitlines()
    assert softgrad("predict", "run", arrays, "--array", "later").out.splitlines() == everything[:6]
    assert softgrad("evaluate", "run", arrays).code == 0
    assert softgrad("evaluate", "run", arrays, "--array", "later").err.startswith("softgrad: ")


def test_arrays_are_chosen_by_options(softgrad, arrays):
    run = softgrad("train", arrays, *FAST, "--target", "labels", "--out", "run")
    assert run.code == 0
    assert set(softgrad("predict", "run", arrays).out.split()) <= {"prediction", "a", "b", "c"}


MESSAGES = {  # name: (options, message)
    "no such array": (("--array", "z"), "images.npz has no array 'z'; its arrays are 'x', 'y', 'later', 'labels'; "),
    "other rows": (
        ("--array", "later", "--target", "y"),
        "npz: y.shape is (60,) and its dtype int64, wanted shape (5,)",
    ),
}


@pytest.mark.parametrize("case", MESSAGES)
def test_arrays_that_do_not_fit_are_one_message(case, softgrad, arrays):
    options, message = MESSAGES[case]
    code, out, err = softgrad("train", arrays, *options)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert message in err


def test_a_missing_target_names_the_arrays(softgrad, tmp_path):
    np.savez(tmp_path / "table.npz", x=np.eye(3), labels=np.arange(3))
    assert softgrad("train", "table.npz").err == (
        "softgrad: train: --target is missing; name the array of table.npz that holds the class: 'labels'\n"
    )
