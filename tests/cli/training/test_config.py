"""A run from a TOML file: config.toml repeats a run, the command line wins over a file, and a wrong file is refused."""

import json
import re
import tomllib

import pytest

from cli.tables import dirty_table

QUICK = ("--hidden", 4, "--epochs", 3, "--no-check")


def weights(folder):
    return (folder / "model.safetensors").read_bytes()


RUNS = {  # name: arguments
    "defaults": ("iris", "--epochs", 2),
    "numbers": ("iris", *QUICK, "--learning-rate", "1e-2", "--weight-decay", 0.1, "--dropout", 0.25, "--seed", 7),
    "words": ("wine", *QUICK, "--optimizer", "sgd", "--schedule", "cosine", "--loss", "focal", "--activation", "tanh"),
    "no hidden layer": ("wine", "--hidden", 0, "--epochs", 3, "--no-stratify", "--split", "50,25,25"),
    "columns": (
        "dirty.csv", "--target", "churn", *QUICK, "--drop", "colour, note", "--drop", "source", "--categories", "age",
        "--class-weight", "balanced",
    ),
    "a name that is not UTF-8": ("\udcff\"\n.csv", "--target", "churn", *QUICK),
}  # fmt: skip


@pytest.mark.parametrize("case", RUNS)
def test_config_toml_repeats_the_run(case, softgrad, tmp_path):
    for name in ("dirty.csv", '\udcff"\n.csv'):
        (tmp_path / name).write_text(dirty_table())
    assert softgrad("train", *RUNS[case], "--out", "first").code == 0
    run = softgrad("train", "--config", "first/config.toml", "--out", "second")
    assert (run.code, run.err) == (0, "")
    assert weights(tmp_path / "first") == weights(tmp_path / "second")
    assert (tmp_path / "first" / "config.toml").read_bytes() == (tmp_path / "second" / "config.toml").read_bytes()


def test_the_command_line_wins_over_the_file(softgrad, tmp_path):
    (tmp_path / "run.toml").write_text(
        'data = "wine"\nhidden = [5, 4]\nlearning-rate = 0.1\nstratify = false\nepochs = 9\ncheck = false\n'
    )
    arguments = ("iris", "--epochs", 3, "--stratify", "--out", "run")
    assert softgrad("train", "--config", "run.toml", *arguments).code == 0
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    names = ("dataset", "hidden", "learning_rate", "stratify", "epochs", "gradient_error")
    assert [metrics[name] for name in names] == ["iris", [5, 4], 0.1, True, 3, None]
    config = tomllib.loads((tmp_path / "run" / "config.toml").read_text())
    assert [config[name] for name in ("data", "hidden", "epochs", "stratify")] == ["iris", "5,4", 3, True]


def test_a_file_may_give_one_column_or_several(softgrad, tmp_path):
    for name, columns in (("one", '"sepal width (cm)"'), ("list", '["sepal width (cm)", "petal width (cm)"]')):
        (tmp_path / f"{name}.toml").write_text(f'data = "iris"\ndrop = {columns}\nepochs = 1\ncheck = false\n')
        run = softgrad("train", "--config", f"{name}.toml")
        assert f"150 rows of {3 if name == 'one' else 2} features" in run.out


FILES = {  # name: (the file, message)
    "near name": ("epoch = 3", "train: run.toml has an option 'epoch', which does not exist; did you mean epochs[?]"),
    "other name": ("[model]\nx = 1", "train: run.toml has an option 'model', .*; softgrad train --help .*"),
    "not of the result": ('out = "a"', "train: run.toml has an option 'out', which does not exist; .*"),
    "word for a number": ('epochs = "many"', "train: run.toml: epochs is 'many', wanted .*"),
    "bool for a number": ("epochs = true", "train: run.toml: epochs is True, wanted .*"),
    "unknown word": ('activation = "gelu"', "train: run.toml: activation is 'gelu', wanted one of relu, .*"),
    "out of range": ("dropout = 1.0", "train: --dropout is 1.0, wanted at least 0 and less than 1"),
    "not TOML": ("a b", "train: run.toml is not TOML: .* line 1.*; wanted lines such as target = \"species\""),
    "deep": ("epochs = " + "[" * 10**5, "train: run.toml is not TOML: .*"),
    "missing": (None, "train: run.toml cannot be read: No such file or directory; give a TOML file as --config"),
}  # fmt: skip


@pytest.mark.parametrize("case", FILES)
def test_a_wrong_file_is_refused(case, softgrad, tmp_path):
    text, message = FILES[case]
    if text is not None:
        (tmp_path / "run.toml").write_text(text)
    run = softgrad("train", "iris", "--config", "run.toml")
    assert (run.code, run.out) == (2, "")
    assert re.fullmatch(f"softgrad: {message}\n", run.err), run.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run.toml"][: text is not None]
