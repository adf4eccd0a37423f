"""`softgrad train --stream`: as accurate as without, in blocks of any size; and predictions in blocks."""

import json

import numpy as np
import pytest

from cli.training.stopped_runs import at_step, interrupt
from conftest import load
from softgrad.cli import problem
from softgrad.data import streams

N = 4000
FAST = ("--target", "class", "--hidden", 8, "--epochs", 2, "--no-check")
TRAIN = (*FAST, "--epochs", 15)


@pytest.fixture
def table(tmp_path, monkeypatch):
    """The path of a Parquet file, in blocks of 100 rows, whose rows are in the order of their classes."""
    pl = load("polars")
    monkeypatch.setattr(streams, "BLOCK_ROWS", 100)
    rng = np.random.default_rng(0)
    labels = np.sort(rng.choice(3, N, p=[0.2, 0.3, 0.5]))
    frame = pl.DataFrame(
        {
            "a": rng.normal(size=N) + 1.6 * (labels == 1),
            "b": [None if v < -2 else v for v in rng.normal(size=N)],
            "c": [["red", "blue", "green"][k] if rng.random() < 0.6 else "grey" for k in labels],
            "class": [["x", "y", "z"][k] for k in labels],
        }
    )
    frame.write_parquet(tmp_path / "table.parquet", row_group_size=512)
    return tmp_path / "table.parquet"


def metrics(run):
    return json.loads((run / "metrics.json").read_text())


OPTIONS = {  # name: the options of the training
    "plain": (),
    "balanced": ("--class-weight", "balanced"),
    "calibrated": ("--calibrate", "--split", "50,25,25"),
}


@pytest.mark.parametrize(
    "case", ["plain", *(pytest.param(case, marks=pytest.mark.thorough) for case in OPTIONS if case != "plain")]
)
def test_a_stream_reaches_what_a_table_in_memory_does(case, softgrad, table, tmp_path):
    of_run, of_all_rows = {}, {}
    for name, stream in (("memory", ()), ("stream", ("--stream",))):
        run = softgrad("train", table, *TRAIN, *OPTIONS[case], *stream, "--out", name)
        assert (run.code, run.err) == (0, "")
        of_run[name] = metrics(tmp_path / name)
        of_all_rows[name] = json.loads(softgrad("evaluate", name, table, "--json").out)
    memory, stream = of_run["memory"], of_run["stream"]
    assert memory.keys() == stream.keys()
    assert (memory["stream"], stream["stream"], stream["stratify"]) == (False, True, False)
    assert sum(stream[f"{name}_rows"] for name in ("train", "validation", "test")) == N
    for name in ("accuracy", "balanced_accuracy"):
        assert of_all_rows["stream"][name] > of_all_rows["memory"][name] - 0.01
    assert stream["test_accuracy"] > stream["baseline"]["accuracy"] + 0.1


def test_the_measured_accuracies_are_those_of_the_predictions(softgrad, table, tmp_path):
    pl = load("polars")
    run = softgrad("train", table, *FAST, "--stream", "--out", "run")
    assert f"{table}: 4,000 rows of 7 features in 3 classes" in run.out
    assert "missing cells: 'b' in" in run.out
    predictions = softgrad("predict", "run", table).out.split()[1:]
    right = np.array(predictions) == pl.read_parquet(table)["class"].to_numpy()
    sets = streams.draw_sets(0, N, seed=0)
    for i, name in enumerate(("train", "validation", "test")):
        assert metrics(tmp_path / "run")[f"{name}_rows"] == (sets == i).sum()
        assert metrics(tmp_path / "run")[f"{name}_accuracy"] == pytest.approx(right[sets == i].mean())


def test_predictions_and_notes_do_not_depend_on_the_blocks(softgrad, table, tmp_path, monkeypatch):
    pl = load("polars")
    softgrad("train", table, *FAST, "--out", "run")
    pink = pl.when(pl.int_range(N) % 9 == 0).then(pl.lit("pink")).otherwise(pl.col("c"))
    later = pl.read_parquet(table).with_columns(c=pink)
    later.write_parquet(tmp_path / "later.parquet")
    runs = []
    for rows in (99, 999, N):
        monkeypatch.setattr(streams, "BLOCK_ROWS", rows)
        runs.append(
            (softgrad("predict", "run", "later.parquet"), softgrad("evaluate", "run", "later.parquet", "--json"))
        )
    assert runs[0] == runs[1] == runs[2]
    predicted, evaluated = runs[0]
    assert len(predicted.out.split()) == N + 1
    assert predicted.err == evaluated.err
    assert "column 'c': 445 cells of categories that the training rows do not have, read as" in predicted.err


def test_the_same_seed_gives_the_same_model(softgrad, table, tmp_path):
    models = []
    for name, seed in (("first", 1), ("second", 1), ("other", 2)):
        assert softgrad("train", table, *FAST, "--stream", "--seed", seed, "--out", name).code == 0
        models.append((tmp_path / name / "model.safetensors").read_bytes())
    assert models[0] == models[1] != models[2]


def test_a_stopped_run_goes_on_to_the_same_bits_if_the_table_is_the_same(softgrad, table, tmp_path, monkeypatch):
    pl = load("polars")
    assert softgrad("train", table, *FAST, "--stream", "--out", "whole").code == 0
    with monkeypatch.context() as patch:
        at_step(patch, 100, interrupt)  # in the second epoch
        assert softgrad("train", table, *FAST, "--stream", "--out", "run").code == 130
    frame, a_training_row = pl.read_parquet(table), np.flatnonzero(streams.draw_sets(0, N, seed=0) == 0)[-1]
    changed = pl.when(pl.int_range(N) == a_training_row).then(pl.col("a") + 1e-3).otherwise(pl.col("a"))
    frame.with_columns(a=changed).write_parquet(table, row_group_size=512)
    assert "has changed since" in softgrad("train", "--resume", "run").err
    frame.write_parquet(table, row_group_size=512)
    assert softgrad("train", "--resume", "run").code == 0
    models = [(tmp_path / name / "model.safetensors").read_bytes() for name in ("whole", "run")]
    assert models[0] == models[1]


MESSAGES = {  # name: (arguments, message)
    "CSV": (
        ("table.csv", "--target", "a"),
        "table.csv is not a Parquet file, wanted the path of one, which can",
    ),
    "standard input": (("-", "--target", "a"), "- is not a Parquet file, wanted the path of one"),
    "bundled": (("iris",), "iris is not a Parquet file"),
    "no target": (("table.parquet",), "train: --target is missing; name the column of table.parquet that holds the cl"),
    "misspelt target": (("table.parquet", "--target", "taget"), "table.parquet has no column 'taget'; its columns are"),
    "folds": (("table.parquet", "--cross-validate", 3), "train: --cross-validate needs the table in memory; leave out"),
    "misspelt column": (("table.parquet", "--target", "class", "--drop", "aa"), "table.parquet has no column 'aa'"),
}


@pytest.mark.parametrize("case", MESSAGES)
def test_what_cannot_be_read_in_blocks_is_one_message(case, softgrad, table, tmp_path):
    arguments, message = MESSAGES[case]
    (tmp_path / "table.csv").write_text("a,b\n1,2\n")
    code, out, err = softgrad("train", *arguments, "--stream")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert message in err


def test_the_report_of_a_stream_is_of_a_sample_of_its_rows(softgrad, table, tmp_path, monkeypatch):
    load("jinja2")
    monkeypatch.setattr(problem, "ROWS_SAMPLED", 50)
    assert softgrad("train", table, *FAST, "--report", "--stream", "--out", "run").code == 0
    report = (tmp_path / "run" / "report.md").read_text()
    details = json.loads((tmp_path / "run" / "details.json").read_text())["details"]
    assert 0 < details["rows"] < 60 < metrics(tmp_path / "run")["test_rows"]
    assert details["importance"]["rows"] == details["rows"]
    assert report.count(f"a sample of {details['rows']} test rows") == 3
    before = report
    (tmp_path / "run" / "details.json").unlink()
    assert softgrad("report", "run").code == 0
    report = (tmp_path / "run" / "report.md").read_text()
    assert "the table was read in blocks, and the run kept nothing of it" in report
    assert report != before
