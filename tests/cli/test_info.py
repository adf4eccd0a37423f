"""`softgrad info`: what a model file holds, for people and as JSON."""

import json

import pytest

from cli.tables import dirty_table
from softgrad import __version__, nn

pytest.importorskip("sklearn")


def test_everything_is_in_the_json(softgrad, trained):
    run = softgrad("info", trained, "--json")
    assert (run.code, run.err) == (0, "")
    got = json.loads(run.out)
    network, facts = nn.load(trained / "model.safetensors")
    assert got["version"] == facts["version"] == __version__
    assert (got["inputs"], got["parameters"], got["dtype"], got["loss"]) == (5, 66, "float32", "cross_entropy")
    assert [(each["layer"], each["outputs"], each["parameters"]) for each in got["layers"]] == [
        ("Dense(8)", 8, 48), ("ReLU()", 8, 0), ("Dense(2)", 2, 18)
    ]  # fmt: skip
    assert sum(each["parameters"] for each in got["layers"]) == sum(p.size for p in network.parameters.values())
    for key, name in (("classes", "classes"), ("columns", "encoding"), ("metrics", "metrics")):
        assert got[key] == facts[name]
    assert softgrad("info", trained / "model.safetensors", "--json") == run


def test_the_text_says_how_each_column_is_read(softgrad, tmp_path):
    (tmp_path / "dirty.csv").write_text(dirty_table())
    assert softgrad("train", "dirty.csv", "--target", "churn", "--hidden", 4, "--epochs", 2, "--out", "run").code == 0
    run = softgrad("info", "run")
    assert (run.code, run.err) == (0, "")
    for text in (
        f"11 inputs, 2 classes, 58 parameters in float32, written by softgrad {__version__}",
        "│ Dense(4) │       4 │         48 │",
        "a date as day.month.year, from 2019-",
        "a number like 1.234,5, mean 1873, deviation 784.5 ",
        "a number, mean 47.26, deviation 17.73; or missing ",
        "a category: 'blue', 'red'; or missing",
        "left out: always 'web'",
        "classes: 'no', 'yes'",
        "│ test        │   80 │",
        "training on dirty.csv, 2 epochs",
        "options: target churn, split 60,20,20, stratify True, ",
        " hidden 4, activation relu, ",
    ):
        assert text in run.out
    assert "False" not in run.out  # what was not asked for


def test_long_lists_are_shortened(softgrad):
    softgrad("train", "digits", "--hidden", 0, "--epochs", 1, "--no-check", "--out", "run")
    run = softgrad("info", "run")
    assert "24 more are in --json" in run.out
    assert len(json.loads(softgrad("info", "run", "--json").out)["columns"]) == 64


@pytest.mark.parametrize("metrics", [{"dataset": "a", "epochs": 1}, {"baseline": 3}, {"dataset": []}])
def test_results_that_are_none_are_told_in_one_line(metrics, softgrad, trained, tmp_path):
    network, facts = nn.load(trained / "model.safetensors")
    nn.save(network, tmp_path / "odd.safetensors", facts={**facts, "metrics": metrics})
    run = softgrad("info", "odd.safetensors")
    assert (run.code, run.err.count("\n")) == (2, 1)
    assert "info: odd.safetensors does not hold the results of a training" in run.err


def test_a_model_without_results_is_shown_without_them(softgrad, trained, tmp_path):
    network, facts = nn.load(trained / "model.safetensors")
    bare = {name: facts[name] for name in ("classes", "encoding")}
    nn.save(network, tmp_path / "bare.safetensors", facts=bare)
    run = softgrad("info", "bare.safetensors")
    assert (run.code, run.err) == (0, "")
    assert "written by softgrad of an unknown version" in run.out
    assert "options" not in run.out
