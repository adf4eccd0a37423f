"""Six files in six styles, each with a mistake, each checked with one command and without editing."""

import json
import shutil
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent / "six"
HELPERS = [
    *("sigmoid and sigmoid_prime", "tanh and tanh_prime", "relu and relu_backward"),
    *("affine_forward and affine_backward", "batchnorm_forward and batchnorm_backward"),
    *("softmax and softmax_backward", "mse and mse_grad", "cross_entropy and cross_entropy_grad"),
]
FILES = {  # file: (the gradients that are found, which is wrong, in which array, the mistake, its line)
    "functions.py": (["loss and loss_gradient"], 0, "b", "bias-averaged", "db = dscores.mean"),
    "layer.py": (["LayerNorm.forward and LayerNorm.backward"], 0, "x", "norm-variance-term-missing", "return (dnormed"),
    "two_layer_net.py": (["TwoLayerNet.loss"], 0, "W1", "relu-derivative-one", "dhidden = dscores.dot(W2.T)"),
    "flat_theta.py": (["nnCostFunction"], 0, "Theta1", "parameter-added", "Theta1_grad += "),
    "recurrent.ipynb": (["rnn_forward and rnn_backward"], 0, "Whh", "transposed-product", "dh_next = da @ Whh"),
    "helpers.py": (HELPERS, 4, "x", "norm-sums-for-means", "dx = (dxhat - "),
}


@pytest.fixture
def check(softgrad, tmp_path):
    """A function that checks one of the files."""

    def run(name, *arguments):
        shutil.copy(FOLDER / name, tmp_path / name)
        return softgrad("check", name, *arguments)

    return run


@pytest.mark.parametrize("name", FILES)
def test_the_mistake_is_named_and_its_line_found_without_editing_the_file(name, check):
    titles, wrong, array, mistake, planted = FILES[name]
    result = check(name, "--json")
    assert result.code == 1
    reports = json.loads(result.out)
    if len(titles) == 1:
        reports = [reports]
    else:
        assert [report["functions"] for report in reports] == titles
    assert [report["ok"] for report in reports] == [n != wrong for n in range(len(titles))]
    report = reports[wrong]
    assert report["where"]["name"].startswith(array)
    assert report["mistakes"][0]["name"] == mistake
    line = report["backward_line"]
    assert abs(line["number"] - line_of(name, planted)) <= 1, line
    assert line["file"] == (name if name.endswith(".py") else f"{name}, code cell 4")


def line_of(name, planted):
    """The number of the line that starts so; in a notebook, within its cell."""
    text = (FOLDER / name).read_text()
    sources = [text]
    if name.endswith(".ipynb"):
        sources = ["".join(cell["source"]) for cell in json.loads(text)["cells"]]
    return next(
        number
        for source in sources
        for number, line in enumerate(source.splitlines(), start=1)
        if line.strip().startswith(planted)
    )


@pytest.mark.parametrize("name", ["layer.py", "helpers.py"])
def test_the_text_says_what_was_taken_for_what(name, check):
    titles, *_ = FILES[name]
    lines = check(name).out.splitlines()
    for title in titles:
        said = lines[lines.index(f"{title}:") + 1]
        assert said.startswith(("  inputs: ", f"  {title.split('.')[0]} is "))
