"""The folder of a run is new, whole, and holds the history of every epoch."""

import json
import os
from pathlib import Path

import pytest

from softgrad import nn
from softgrad.cli.training import folder

QUICK = ("--hidden", 4, "--epochs", 3, "--no-check")
FILES = ["config.toml", "metrics.json", "model.safetensors"]


def contents(path):
    return {each.relative_to(path): each.is_file() and each.read_bytes() for each in path.rglob("*")}


def seed_of(path):
    assert sorted(each.name for each in path.iterdir()) == FILES
    return json.loads((path / "metrics.json").read_text())["seed"]


def test_a_run_goes_beside_those_of_the_same_name(softgrad, tmp_path):
    runs = tmp_path / "softgrad-runs"
    names = ["iris", "iris-2", "iris-3"]
    for seed, name in enumerate(names):
        run = softgrad("train", "iris", "--seed", seed, *QUICK)
        assert run.out.endswith(f"model and metrics in softgrad-runs/{name}\n")
        assert sorted(each.name for each in runs.iterdir()) == names[: seed + 1]
    assert [seed_of(runs / name) for name in names] == [0, 1, 2]


def test_a_name_that_an_unfinished_run_has_is_left_to_it(softgrad, tmp_path):
    runs = tmp_path / "softgrad-runs"
    (runs / "iris.unfinished" / "folder").mkdir(parents=True)
    (runs / "iris-2").write_text("a file")
    softgrad("train", "iris", *QUICK)
    assert sorted(each.name for each in runs.iterdir()) == ["iris-2", "iris-3", "iris.unfinished"]
    assert seed_of(runs / "iris-3") == 0


@pytest.mark.parametrize("out", ["new", "a/b/new", "empty", "empty/", "a/../new", "link/new"])
def test_out_is_a_new_or_an_empty_folder(out, softgrad, tmp_path):
    for name in ("a", "empty", "folder"):
        (tmp_path / name).mkdir()
    (tmp_path / "link").symlink_to("folder")
    assert softgrad("train", "iris", "--seed", 5, "--out", out, *QUICK).code == 0
    assert seed_of(tmp_path / out) == 5
    assert not list(tmp_path.rglob("*.unfinished"))


def test_only_an_unfinished_run_has_the_name_of_one(softgrad, tmp_path):
    run = softgrad("train", "iris", "--out", "run.unfinished", *QUICK)
    assert (run.code, run.err) == (
        2,
        "softgrad: train: --out is run.unfinished, but only unfinished runs end in .unfinished; choose another name\n",
    )
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "table.unfinished.csv").write_text("a,y\n" + "".join(f"{i % 7},{i % 2}\n" for i in range(60)))
    softgrad("train", "table.unfinished.csv", "--target", "y", *QUICK)
    assert seed_of(tmp_path / "softgrad-runs" / "table") == 0


def test_out_is_not_the_current_folder(softgrad, tmp_path):
    run = softgrad("train", "iris", "--out", ".")
    assert (run.code, run.err) == (
        2,
        "softgrad: train: --out is ., which cannot be replaced; choose a new folder in it\n",
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["a run", "a file"])
def test_a_run_that_another_one_overtakes_goes_beside_it(kind, softgrad, tmp_path, monkeypatch):
    write = folder.contents

    def write_late(*arguments):
        if kind == "a run":
            (tmp_path / "run").mkdir()
            (tmp_path / "run" / "model.safetensors").write_text("of the other run")
        else:
            (tmp_path / "run").write_text("of the other program")
        return write(*arguments)

    monkeypatch.setattr("softgrad.cli.training.steps.contents", write_late)
    run = softgrad("train", "iris", "--out", "run", *QUICK)
    assert (run.code, run.err) == (0, "")
    assert run.out.endswith("model and metrics in run-2\n")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["run", "run-2"]
    assert seed_of(tmp_path / "run-2") == 0


def test_a_folder_that_cannot_be_renamed_is_reported(softgrad, tmp_path, monkeypatch):
    rename = Path.rename

    def fail(self, other):
        if other.name == "run":
            raise OSError(5, "Input/output error")
        return rename(self, other)

    monkeypatch.setattr(Path, "rename", fail)
    run = softgrad("train", "iris", "--out", "run", *QUICK)
    assert (run.code, run.err.count("\n")) == (2, 1)
    assert run.err.startswith("softgrad: run cannot be written: Input/output error; ")


def test_an_error_leaves_the_folder_that_was_empty(softgrad, tmp_path, monkeypatch):
    (tmp_path / "run").mkdir()
    before = contents(tmp_path)
    monkeypatch.setattr(os, "fsync", lambda descriptor: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    assert softgrad("train", "iris", "--out", "run", *QUICK).code == 2
    assert contents(tmp_path) == before


def test_the_metrics_have_the_history_of_every_epoch(softgrad, tmp_path, monkeypatch):
    records, end_epoch = [], nn.Trainer._end_epoch
    monkeypatch.setattr(nn.Trainer, "_end_epoch", lambda self: records.append(end_epoch(self)) or records[-1])
    softgrad("train", "iris", "--schedule", "cosine", "--out", "run", *QUICK)
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    wanted = [
        {
            "epoch": epoch.number,
            "loss": epoch.loss,
            "validation_loss": epoch.validation_loss,
            "learning_rate": epoch.learning_rate,
        }
        for epoch in records
    ]
    seconds = [epoch.pop("seconds") for epoch in metrics["history"]]
    assert metrics["history"] == wanted
    assert len(wanted) == metrics["epochs"] == 3
    assert all(each >= 0 for each in seconds)
    assert sum(seconds) == pytest.approx(metrics["training_seconds"], abs=0.002)
    assert wanted[0]["learning_rate"] > wanted[1]["learning_rate"] > wanted[2]["learning_rate"] > 0
