"""The options of a training run: each reaches the training, and the help lists them in groups."""

import json
import subprocess

import numpy as np
import pytest

from cli.training.runs import SOFTGRAD, wine
from softgrad import nn

OPTIONS = {  # name: (options, the same for nn)
    "weight decay": (("--weight-decay", 0.1), {"optimizer": lambda: nn.Adam(weight_decay=0.1)}),
    "weight decay of sgd": (
        ("--optimizer", "sgd", "--learning-rate", 0.02, "--weight-decay", 0.1),
        {"optimizer": lambda: nn.SGD(0.02, weight_decay=0.1)},
    ),
    "dropout": (("--dropout", 0.3), {"dropout": 0.3}),
    "smoothing": (("--smoothing", 0.2), {"smoothing": {"label_smoothing": 0.2}}),
    "cosine": (("--schedule", "cosine"), {"schedule": nn.Cosine}),
    "plateau": (
        ("--schedule", "plateau", "--patience", 4, "--learning-rate", 0.5),
        {"schedule": lambda: nn.Plateau(patience=2), "optimizer": lambda: nn.Adam(0.5), "patience": 4},
    ),
    "plateau of patience 1": (
        ("--schedule", "plateau", "--patience", 1),
        {"schedule": lambda: nn.Plateau(patience=1), "patience": 1},
    ),
}


def trained(*, dropout=None, smoothing=None, schedule=nn.Constant, optimizer=nn.Adam, patience=10):
    """The parameters of a network that is trained on the wine table without the command."""
    x, labels, rows, _ = wine(seed=0)
    layers = [nn.Dense(8), nn.ReLU(), *([nn.Dropout(dropout)] if dropout else []), nn.Dense(3)]
    network = nn.Network(layers, **(smoothing or {})).initialize(x.shape[1], seed=0)
    nn.train(
        network,
        x[rows.train],
        labels[rows.train],
        validation=(x[rows.validation], labels[rows.validation]),
        optimizer=optimizer(),
        schedule=schedule(),
        patience=patience,
        epochs=12,
        seed=0,
    )
    return network.parameters


@pytest.mark.parametrize("case", OPTIONS)
def test_an_option_of_the_command_is_that_of_nn(case, softgrad, tmp_path):
    options, wanted = OPTIONS[case]
    run = softgrad("train", "wine", "--hidden", 8, "--epochs", 12, "--no-check", "--out", "run", *options)
    assert (run.code, run.err) == (0, "")
    network, facts = nn.load(tmp_path / "run" / "model.safetensors")
    for name, value in trained(**wanted).items():
        np.testing.assert_array_equal(network.parameters[name], value)
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    for option, value in zip(options[::2], options[1::2], strict=True):
        name = option.removeprefix("--").replace("-", "_")
        assert metrics[name] == facts["metrics"][name] == value


def test_the_gradient_of_a_network_with_dropout_and_smoothing_is_checked(softgrad):
    run = softgrad("train", "iris", "--dropout", 0.5, "--smoothing", 0.1, "--hidden", "8,8", "--epochs", 1)
    assert (run.code, run.err) == (0, "")
    assert "gradient check: 139 parameters, largest relative error" in run.out


def test_the_help_lists_every_option_in_a_group():
    text = subprocess.run([SOFTGRAD, "train", "--help"], capture_output=True, text=True, check=True).stdout
    groups = [line for line in text.splitlines() if line.endswith(":") and not line.startswith(" ")]
    assert groups == ["Arguments:", "Table:", "Network:", "Training:", "Run:", "Other:"]
    network = text.split("\nNetwork:\n")[1].split("\n\n")[0]
    assert [line.split()[0] for line in network.splitlines() if line.startswith("  --")] == [
        "--hidden",
        "--activation",
        "--dropout",
    ]
    assert text.split("\nOther:\n")[1].startswith("  -h, --help")
