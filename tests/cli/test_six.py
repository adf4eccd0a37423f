"""Six files in six styles, each with a mistake, each checked with one command and without editing."""

import json
import shutil
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent / "six"
FILES = {  # file: (the gradients that are found, which of them is wrong, the array whose gradient is wrong)
    "functions.py": (["loss and loss_gradient"], 0, "b"),
    "layer.py": (["LayerNorm.forward and LayerNorm.backward"], 0, "x"),
    "two_layer_net.py": (["TwoLayerNet.loss"], 0, "W1"),
    "flat_theta.py": (["nnCostFunction"], 0, "Theta1"),
    "recurrent.ipynb": (["rnn_forward and rnn_backward"], 0, "Whh"),
    "helpers.py": (
        ["sigmoid and sigmoid_prime", "tanh and tanh_prime", "relu and relu_backward",
         "affine_forward and affine_backward", "batchnorm_forward and batchnorm_backward",
         "softmax and softmax_backward", "mse and mse_grad", "cross_entropy and cross_entropy_grad"],
        4, "x"),
}  # fmt: skip


@pytest.fixture
def check(softgrad, tmp_path):
    """A function that checks one of the files."""

    def run(name, *arguments):
        shutil.copy(FOLDER / name, tmp_path / name)
        return softgrad("check", name, *arguments)

    return run


@pytest.mark.parametrize("name", FILES)
def test_the_wrong_gradient_is_found_without_editing_the_file(name, check):
    titles, wrong, array = FILES[name]
    result = check(name, "--json")
    assert result.code == 1
    reports = json.loads(result.out)
    if len(titles) == 1:
        reports = [reports]
    else:
        assert [report["functions"] for report in reports] == titles
    assert [report["ok"] for report in reports] == [n != wrong for n in range(len(titles))]
    assert reports[wrong]["where"]["name"].startswith(array)


@pytest.mark.parametrize("name", FILES)
def test_the_text_says_what_was_taken_for_what(name, check):
    titles, *_ = FILES[name]
    lines = check(name).out.splitlines()
    for title in titles:
        said = lines[lines.index(f"{title}:") + 1]
        assert said.startswith(("  inputs: ", f"  {title.split('.')[0]} is "))
