"""`softgrad train`: its accuracy, its files and its output, for every bundled set and every option."""

import json

import numpy as np
import pytest

from cases import TABLE
from cli.tables import mixed_rows, write_csv
from cli.training.runs import wine
from cost import cost, epoch_in_numpy
from softgrad import _kernels, nn
from softgrad.data import Encoding

QUICK = ("--hidden", 8, "--epochs", 3)


def read_run(folder):
    """The metrics, the network and the facts of a run. Asserts that its folder holds no other files."""
    assert sorted(path.name for path in folder.iterdir()) == ["config.toml", "metrics.json", "model.safetensors"]
    network, facts = nn.load(folder / "model.safetensors")
    return json.loads((folder / "metrics.json").read_text()), network, facts


def test_the_defaults_learn_digits(softgrad, tmp_path):
    import sklearn.datasets  # noqa: F401, so that its import is not counted

    runs = []
    epochs = cost(lambda: runs.append(softgrad("train")), epoch_in_numpy, turns=1)
    ((code, out, err),) = runs
    assert (code, err) == (0, "")
    assert epochs < 1_200, "twice what is measured for the check of 9,610 entries, and for 102 epochs"
    metrics, network, _ = read_run(tmp_path / "softgrad-runs" / "digits")
    assert metrics["seconds"] > 0
    assert metrics["dataset"] == "digits"
    assert metrics["test_accuracy"] >= 0.96
    assert 0 < metrics["test_loss"] < 0.3
    assert 0 < metrics["gradient_error"] < 1e-6
    assert 10 < metrics["epochs"] < 200
    assert metrics["seed"] == 0
    assert repr(network) == "Network([Dense(128), ReLU(), Dense(10)], loss='cross_entropy', dtype=float32)"
    assert "digits: 1,797 rows of 64 features in 10 classes (1,077 train, 360 validation, 360 test)" in out
    assert "gradient check: 9,610 parameters, largest relative error" in out
    assert f"{metrics['test_accuracy']:.4f}" in out


@pytest.mark.parametrize("name", ["digits", "iris", "wine", "breast-cancer"])
def test_every_bundled_set_is_learned(name, softgrad, tmp_path):
    assert softgrad("train", name, "--hidden", 8, "--epochs", 40, "--learning-rate", 0.01, "--out", "run").code == 0
    metrics, _, _ = read_run(tmp_path / "run")
    assert metrics["test_accuracy"] > 0.85
    assert metrics["gradient_error"] < 1e-6
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run"]


def test_a_file_with_numbers_and_text_is_learned(softgrad, mixed, tmp_path):
    run = softgrad("train", mixed, "--target", "kind", "--hidden", 8, "--learning-rate", 0.03)
    assert (run.code, run.err) == (0, "")
    metrics, network, facts = read_run(tmp_path / "softgrad-runs" / "mixed")
    assert metrics["dataset"] == str(mixed)
    assert metrics["test_accuracy"] == 1
    assert facts["classes"] == ["no", "yes, it is"]
    assert [column["name"] for column in facts["encoding"]] == ["width", "height", "colour"]
    assert network.in_features == 2 + 3
    assert f"{mixed}: 60 rows of 5 features in 2 classes (36 train, 12 validation, 12 test)" in run.out


def test_training_gets_no_row_of_the_test_set(softgrad, monkeypatch):
    given, trainer = [], nn.Trainer

    def spy(network, x, target, **options):
        given.extend([x, target, *options["validation"]])
        return trainer(network, x, target, **options)

    monkeypatch.setattr(nn, "Trainer", spy)
    softgrad("train", "wine", "--seed", 5, *QUICK)
    x, labels, rows, _ = wine(seed=5)
    wanted = [x[rows.train], labels[rows.train], x[rows.validation], labels[rows.validation]]
    for given_array, wanted_array in zip(given, wanted, strict=True):
        np.testing.assert_array_equal(given_array, wanted_array)


def test_the_metrics_agree_with_the_saved_model(softgrad, tmp_path):
    softgrad("train", "wine", "--seed", 5, "--out", "run", *QUICK)
    metrics, network, facts = read_run(tmp_path / "run")
    x, labels, split_rows, encoding = wine(seed=5)
    assert Encoding.from_json(facts["encoding"]) == encoding
    for name in ("train", "validation", "test"):
        rows = getattr(split_rows, name)
        assert metrics[f"{name}_rows"] == len(rows)
        assert metrics[f"{name}_accuracy"] == (network.predict(x[rows]) == labels[rows]).mean()
        assert metrics[f"{name}_loss"] == float(network.loss(x[rows], labels[rows]))


def test_the_seed_determines_the_model_and_the_metrics(softgrad, tmp_path):
    models, metrics = [], []
    for folder, seed in (("first", 7), ("same", 7), ("other", 8)):
        softgrad("train", "iris", "--seed", seed, "--out", folder, *QUICK)
        metrics.append(read_run(tmp_path / folder)[0])
        for each in (metrics[-1], *metrics[-1]["history"]):
            for key in [key for key in each if key.endswith("seconds")]:
                del each[key]
        models.append((tmp_path / folder / "model.safetensors").read_bytes())
    assert models[0] == models[1] != models[2]
    assert metrics[0] == metrics[1]
    assert {**metrics[2], "seed": 7} != metrics[0]


@pytest.mark.parametrize("seed", [0, 3])
def test_the_seed_determines_the_initial_weights(seed, softgrad, tmp_path):
    """The steps are too short to change the weights in float32."""
    softgrad("train", "iris", "--seed", seed, "--learning-rate", 1e-30, "--out", "run", *QUICK)
    network = read_run(tmp_path / "run")[1]
    initial = nn.Network([nn.Dense(8), nn.ReLU(), nn.Dense(3)]).initialize(4, seed=seed)
    for name, value in initial.parameters.items():
        np.testing.assert_allclose(network.parameters[name], value, atol=1e-27)


ACTIVATIONS = {"relu": nn.ReLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid, "softmax": nn.Softmax}
LOSSES = {row.command_name: name for name, row in TABLE.items()}


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_every_activation_loss_and_optimizer_works(activation, loss, optimizer, softgrad, tmp_path):
    options = ("--activation", activation, "--loss", loss, "--optimizer", optimizer, "--batch-size", 7)
    run = softgrad("train", "iris", "--out", "run", *options, *QUICK)
    assert (run.code, run.err) == (0, "")
    metrics, network, _ = read_run(tmp_path / "run")
    assert metrics["gradient_error"] < 1e-6
    assert [metrics[key] for key in ("activation", "loss", "optimizer")] == [activation, loss, optimizer]
    assert [metrics[key] for key in ("epochs", "batch_size", "hidden")] == [3, 7, [8]]
    assert [type(layer) for layer in network.layers] == [nn.Dense, ACTIVATIONS[activation], nn.Dense]
    assert network.loss_name == LOSSES[loss]


HIDDEN = {"0": [], "5": [5], "64,32": [64, 32], " 4, 3 ,2": [4, 3, 2]}


@pytest.mark.parametrize("hidden", HIDDEN)
def test_hidden_sets_the_units_of_the_hidden_layers(hidden, softgrad, tmp_path):
    assert softgrad("train", "iris", "--hidden", hidden, "--epochs", 1, "--out", "run").code == 0
    metrics, network, _ = read_run(tmp_path / "run")
    assert metrics["hidden"] == HIDDEN[hidden]
    assert [layer.units for layer in network.layers if isinstance(layer, nn.Dense)] == [*HIDDEN[hidden], 3]


def test_options_change_the_trained_weights(softgrad, tmp_path):
    networks = []
    for options in ((), ("--optimizer", "sgd"), ("--learning-rate", 0.1), ("--batch-size", 8), ("--epochs", 2)):
        folder = f"run {len(networks)}"
        softgrad("train", "iris", "--out", folder, *QUICK, *options)
        networks.append(read_run(tmp_path / folder)[1].parameters["layers.0.weight"].tobytes())
    assert len(set(networks)) == 5


SLIPS = {  # name: (options, the layer, its wrong input_grad)
    "relu": ((), nn.ReLU, lambda self, x, y, g: g),
    "tanh": (("--activation", "tanh"), nn.Tanh, lambda self, x, y, g: g * (1 - x * x)),
    "sigmoid": (("--activation", "sigmoid"), nn.Sigmoid, lambda self, x, y, g: -g * y * (1 - y)),
    "softmax": (("--activation", "softmax"), nn.Softmax, lambda self, x, y, g: g * y * (1 - y)),
    "NaN": ((), nn.ReLU, lambda self, x, y, g: np.full_like(g, np.nan)),
}


@pytest.mark.parametrize("slip", SLIPS)
@pytest.mark.parametrize(
    "loss", [pytest.param(loss, marks=() if loss == "cross-entropy" else pytest.mark.thorough) for loss in LOSSES]
)
def test_a_wrong_derivative_stops_the_command_before_training(slip, loss, softgrad, tmp_path, monkeypatch):
    options, layer, wrong = SLIPS[slip]
    monkeypatch.setattr(layer, "input_grad", wrong)
    monkeypatch.setattr(nn.Trainer, "run_epoch", lambda *arguments, **options: pytest.fail("training began"))
    run = softgrad("train", "iris", "--loss", loss, *options)
    assert run.code == 1
    (line,) = run.err.splitlines()
    assert line.startswith("softgrad: the gradient of layers.0.")
    assert ": got " in line
    assert ", central difference " in line
    assert line.endswith("; nothing was trained")
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_kernel_of_the_training_pass_stops_the_command(softgrad, tmp_path, monkeypatch):
    def without_mask(y, g, bias_grad, activation):
        bias_grad[:] = g.sum(axis=0)

    monkeypatch.setattr(_kernels, "activation_and_bias_grad", without_mask)
    run = softgrad("train", "iris")
    assert run.code == 1
    assert "softgrad: the gradient of layers.0." in run.err
    assert list(tmp_path.iterdir()) == []


def test_rows_without_a_class_are_left_out(softgrad, mixed, tmp_path):
    rows = list(mixed_rows())
    more = [*rows[:10], {**rows[0], "kind": ""}, *rows[10:], {**rows[1], "width": "sum", "kind": ""}]
    write_csv(tmp_path / "more.csv", more)
    for path, out in ((mixed, "a"), ("more.csv", "b")):
        run = softgrad("train", path, "--target", "kind", *QUICK, "--out", out)
        assert (run.code, run.err) == (0, "")
    assert "rows without a class, which are left out: 2 of 62; 'kind' is empty in 2\n" in run.out
    x, y = (nn.load(tmp_path / out / "model.safetensors")[0].parameters for out in "ab")
    for name in x:
        np.testing.assert_array_equal(x[name], y[name])
    whole, part = (softgrad("evaluate", "b", path, "--json") for path in ("more.csv", mixed))
    results = [json.loads(run.out) for run in (whole, part)]
    assert results[0]["log_loss"] == results[1]["log_loss"]
    assert whole.err == "softgrad: rows without a class, which are left out: 2 of 62; 'kind' is empty in 2\n"


def test_classes_that_differ_in_capitals_alone_are_told(softgrad, tmp_path):
    rows = ({"a": str(i), "kind": ("no", "No", "yes")[i % 3]} for i in range(30))
    run = softgrad("train", write_csv(tmp_path / "a.csv", rows), "--target", "kind", "--numbers", "a", *QUICK)
    assert "classes that differ in capitals alone, and are not merged: 'No', 'no'\n" in run.out
