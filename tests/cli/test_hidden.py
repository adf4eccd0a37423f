"""Mistakes that defaults, single numbers and empty containers hide: `softgrad check` looks elsewhere too."""

import pytest

SOFTMAX_T = """
def softmax_t(x, T=1.0):
    e = np.exp((x - x.max(1, keepdims=True)) / T)
    return e / e.sum(1, keepdims=True)
def softmax_t_backward(dout, p, T=1.0):
    return p * (dout - (p * dout).sum(1, keepdims=True)){factor}
"""
WEIGHTED = """
def mse(pred, target, weight=None):
    return np.mean((1.0 if weight is None else weight) * (pred - target) ** 2)
def mse_grad(pred, target, weight=None):
    return 2 * {weight}(pred - target) / pred.size
"""
ELU = """
def elu(z, a=1.0):
    return np.where(z > 0, z, a * (np.exp(z) - 1))
def elu_prime(z, *, a=1.0):
    return np.where(z > 0, 1, {a}np.exp(z))
"""
DROPOUT = """
class Dropout:
    def __init__(self, p=0.5):
        self.p = p
    def forward(self, x):
        self.mask = np.random.rand(*x.shape) < self.p
        return x * self.mask / self.p
    def backward(self, dout):
        return dout * self.mask / {p}
"""
HUBER = """
def huber(r):
    return np.where(np.abs(r) <= 1, 0.5 * r ** 2, np.abs(r) - 0.5).sum()
def huber_grad(r):
    return np.where(np.abs(r) <= 1, r, {sign})
"""
QUAD = """
def quad(x, A, b):
    return 0.5 * x @ A @ x - b @ x
def quad_grad(x, A, b):
    return {A} @ x - b
"""
ONE_NUMBER = """
def f(x):
    return float(x) ** 2 if x > 0 else 0.0
def df(x):
    return 2.0 * x{where}
"""
CASES = {  # name: (the file, the exit code, what is said)
    "T is forgotten": (SOFTMAX_T.format(factor=""), 1, "T = 0.7"),
    "T": (SOFTMAX_T.format(factor=" / T"), 0, "called as softmax_t_backward(upstream gradient, output, T)"),
    "weights are forgotten": (WEIGHTED.format(weight=""), 1, "weight drawn as 5x3, positive"),
    "weights": (WEIGHTED.format(weight="(1.0 if weight is None else weight) * "), 0, "weight drawn as"),
    "weights that None alone may be": (
        WEIGHTED.format(weight="").replace("(1.0 if weight is None else weight)", "{None: 1.0}[weight]"),
        0, "checked with weight = None only"),
    "alpha is forgotten": (ELU.format(a=""), 1, "a = 0.7"),
    "alpha": (ELU.format(a="a * "), 0, "a = 0.7"),
    "1 - p for p": (DROPOUT.format(p="(1 - self.p)"), 1, "Dropout(p=0.3)"),
    "p": (DROPOUT.format(p="self.p"), 0, "Dropout(p=0.3)"),
    "an array has both signs": (HUBER.format(sign="1"), 1, "r drawn as 5x3"),
    "the sign": (HUBER.format(sign="np.sign(r)"), 0, "r drawn as 5x3"),
    "several numbers have both signs": (ONE_NUMBER.format(where=""), 1, "x drawn as one number"),
    "numbers": (ONE_NUMBER.format(where=" * (x > 0)"), 0, "x drawn as one number"),
    "a loss that returns its gradient": (
        "def loss(x, y, alpha=1.0):\n    return alpha * np.sum((x - y) ** 2), 2 * (x - y)", 1, "alpha = 0.7"),
    "wrong with the default alone": (SOFTMAX_T.format(factor=" / (T if T < 1 else 2)"), 1, "x drawn as 5x3\n"),
    "a margin that is reached": (
        "def loss(a, b, margin=1.0):\n"
        "    return np.mean(np.maximum(0, margin - np.sqrt(((a - b) ** 2).sum(axis=1))) ** 2)\n"
        "def loss_grad(a, b, margin=1.0):\n"
        "    d = np.sqrt(((a - b) ** 2).sum(axis=1))\n"
        "    c = -2 * np.maximum(0, margin - d)\n"
        "    return c[:, None] * (a - b) / len(a), -c[:, None] * (a - b) / len(a)",
        1, "margin = 3.0"),
    "a matrix that is not symmetric": (QUAD.format(A="A"), 1, "x drawn as 7, A drawn as 7x7, b drawn as 7"),
    "its symmetric part": (QUAD.format(A="(A + A.T) / 2"), 0, "x drawn as 7, A drawn as 7x7, b drawn as 7"),
    "vectors in which fewer gradients are wrong": (
        "def nll(mu, log_sigma, y):\n"
        "    return np.mean(log_sigma + 0.5 * (y - mu) ** 2 * np.exp(-2 * log_sigma))\n"
        "def nll_grad(mu, log_sigma, y):\n"
        "    dmu = (mu - y) * np.exp(-2 * log_sigma) / len(y)\n"
        "    dls = (1 + (y - mu) ** 2 * np.exp(-2 * log_sigma)) / len(y)\n"
        "    return dmu, dls",
        1, "mu drawn as 3, log_sigma drawn as 3"),
}  # fmt: skip


@pytest.fixture
def check(softgrad, tmp_path):
    def run(source):
        (tmp_path / "mine.py").write_text(f"import numpy as np\n{source}")
        return softgrad("check", "mine.py")

    return run


@pytest.mark.parametrize("case", CASES)
def test_a_mistake_shows_where_nothing_hides_it(case, check):
    source, code, said = CASES[case]
    result = check(source)
    assert (result.code, result.err) == (code, "")
    assert said in result.out


def test_a_container_is_checked_as_the_file_makes_it(check):
    source = """
class Sequential:
    def __init__(self, *layers):
        self.layers = layers
    def forward(self, x):
        for one in self.layers:
            x = one.forward(x)
        return x
    def backward(self, g):
        for one in self.layers:
            g = one.backward(g)
        return g
class Add:
    def forward(self, x):
        return x + 1
    def backward(self, g):
        return g
class Wide:
    def forward(self, x):
        self.x = x
        return np.hstack([x, x ** 2])
    def backward(self, g):
        n = self.x.shape[1]
        return g[:, :n] + 2 * self.x * g[:, n:]
"""
    empty = check(source)
    assert empty.code == 2
    assert "Sequential has an empty list" in empty.err
    assert empty.err.endswith("softgrad: not checked: 1 of 3 gradients\n")
    filled = check(source + "model = Sequential(Add(), Add())\n")
    assert (filled.code, filled.err) == (0, "")
    assert "Sequential is the object of the file" in filled.out
    failing = check(
        source.replace("return g\nclass Add", "return g @ 0\nclass Add") + "model = Sequential(Add(), Wide())\n"
    )
    assert failing.code == 2
    assert "backward raised ValueError" in failing.err
