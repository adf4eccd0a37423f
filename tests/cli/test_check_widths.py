"""`softgrad check` of gradients that are written for a width of the layer: the inputs are drawn of that width."""

import pytest

NORM = """
import numpy as np

def layer_norm(x, gamma, beta):
    return gamma * (x - x.mean(axis=1, keepdims=True)) / np.sqrt(x.var(axis=1, keepdims=True) + 1e-5) + beta

def layer_norm_backward(x, gamma, beta, out, dout):
    D = 16
    std = np.sqrt(x.var(axis=1, keepdims=True) + 1e-5)
    xhat = (x - x.mean(axis=1, keepdims=True)) / std
    d = dout * gamma
    dx = (d - d.sum(1, keepdims=True) / D - xhat * (d * xhat).sum(1, keepdims=True) / D) / std
    return dx, (dout * xhat).sum(0), dout.sum(0)
"""
MEAN = """
import numpy as np

def mse(pred, target):
    return ((pred - target) ** 2).mean()

def mse_grad(pred, target):
    return 2 * (pred - target) / (len(pred) * 10)
"""
REPEATED = """
import numpy as np

def pool_forward(x):
    return x.mean(axis=1)

def pool_backward(dout, x):
    return np.repeat(dout[:, None], 12, axis=1) / 12
"""
IMAGE = """
import numpy as np

class GlobalPool:
    def forward(self, x):
        self.shape = x.shape
        return x.mean(axis=(2, 3))

    def backward(self, dout):
        return np.ones(self.shape) * dout[:, :, None, None] / 49
"""
CASES = {  # name: (the source, what the inputs are, what is said of other lengths)
    "features": (NORM, "x drawn as 5x16, gamma drawn as 16", "wrong with other inputs, x drawn as 5x7"),
    "outputs of a loss": (MEAN, "pred drawn as 5x10", "wrong with other inputs, pred drawn as 5x3"),
    "in the shape": (REPEATED, "x drawn as 5x12", "wrong with other inputs, x drawn as 5x3"),
    "pixels, in a class": (IMAGE, "x drawn as 2x2x7x7", "wrong with other inputs, x drawn as 2x2x4x4"),
}


@pytest.fixture
def check(softgrad, tmp_path):
    def run(source):
        (tmp_path / "mine.py").write_text(source)
        return softgrad("check", "mine.py")

    return run


THOROUGH = [pytest.param("features", marks=pytest.mark.thorough)]


@pytest.mark.parametrize("case", [*THOROUGH, "outputs of a loss", "in the shape", "pixels, in a class"])
def test_the_width_that_is_written_out_is_tried(case, check):
    source, drawn, other = CASES[case]
    result = check(source)
    assert result.code == 0, result.out
    assert drawn in result.out
    assert other in result.out


WRONG = {
    "samples": MEAN.replace("len(pred) * 10", "10 * pred.shape[1]"),
    "a width, and a mistake": MEAN.replace("2 * (pred", "3 * (pred"),
}


@pytest.mark.parametrize("case", ["samples", pytest.param("a width, and a mistake", marks=pytest.mark.thorough)])
def test_a_number_of_samples_or_a_mistake_stays_wrong(case, check):
    result = check(WRONG[case])
    assert result.code == 1
    assert "wrong, largest" in result.out
