"""The lines of the catalogue as lines of torch: they give the numbers of those of NumPy."""

import math
import re

import numpy as np
import pytest

from check.right_lines import LAYOUTS, layouts_of, quantities, right_lines
from conftest import load
from together import check_all

torch = load("torch")

from softgrad.check.catalogue import ENTRIES  # noqa: E402
from softgrad.check.report.findings import plain_mistake  # noqa: E402
from softgrad.check.report.report import Report  # noqa: E402
from softgrad.formulas.language import IMPOSSIBLE, functions, split  # noqa: E402
from softgrad.formulas.notation import as_numpy  # noqa: E402
from softgrad.torch.checking.spelling import as_torch, in_torch, of_tensors  # noqa: E402

LINES = {f"{line}, {layout}": (line, layout) for line in right_lines() for layout in layouts_of(line)}


def of_torch(name):
    """A function of the language of lines that is not written out, on tensors."""

    def call(*arrays):
        return torch.as_tensor(NAMED[name](*(one.numpy() if hasattr(one, "numpy") else one for one in arrays)))

    return call


NAMED = {name: f for name, f in functions(LAYOUTS["rows"]).items() if callable(f)}


def as_tensors(names):
    return {k: torch.as_tensor(v) if isinstance(v, np.ndarray) else v for k, v in names.items()}


def assert_gives_the_same(line, layout):
    numpys = as_numpy(line, LAYOUTS[layout])
    torchs = as_torch(numpys)
    assert not re.search(r"\bnp\.|axis=|keepdims=", torchs), torchs
    names, target = quantities(line, LAYOUTS[layout]), split(line)[0]
    plain = {k: v for k, v in names.items() if not callable(v)}
    try:
        wanted = run(numpys, {**names, "np": np})[target]
    except IMPOSSIBLE:
        return
    own = {k: of_torch(k) for k in NAMED}
    got = run(torchs, {**own, **as_tensors(plain), "torch": torch, "math": math})[target]
    np.testing.assert_allclose(np.asarray(got), wanted, rtol=1e-6, err_msg=torchs)


def run(text, names):
    exec(text, names)
    return names


def test_every_line_gives_the_same_numbers():
    check_all(assert_gives_the_same, LINES)


EXAMPLES = {
    "p * (dp - np.sum(p * dp, axis=-1, keepdims=True))": "p * (dp - (p * dp).sum(dim=-1, keepdim=True))",
    "e = np.exp(z - np.max(z, axis=1, keepdims=True))": "e = torch.exp(z - z.amax(dim=1, keepdim=True))",
    "dW = np.zeros_like(W); np.add.at(dW, ids, dy)": (
        "dW = torch.zeros_like(W); dW.index_put_((ids,), dy, accumulate=True)"
    ),
    "dz = dz / m  # m = z.size // z.shape[1]": "dz = dz / m  # m = z.numel() // z.shape[1]",
    "p = softmax(z, axis=-1)": "p = torch.softmax(z, dim=-1)",
    "dz = grad_output * (x.size(0))": "dz = grad_output * (x.size(0))",
    "dx = dout.copy()": "dx = dout.clone()",
    "y = np.frobnicate(x)": "y = np.frobnicate(x)",
}


@pytest.mark.parametrize("line", EXAMPLES)
def test_lines(line):
    assert as_torch(line) == EXAMPLES[line]


@pytest.mark.parametrize("name", ENTRIES)
def test_no_explanation_speaks_of_numpy(name):
    mistake = in_torch(Report("check", False, 1.0, mistakes=(plain_mistake(name, ""),))).mistake
    assert not re.search(r"NumPy|\bnp\.|keepdims|\barrays?\b", mistake.explanation), mistake.explanation
    assert not re.search(r"NumPy|\bnp\.|keepdims|\barrays?\b", mistake.title), mistake.title


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ("0, then np.add.at(d(weight), idx, flat)", "0, then d(weight).index_put_((idx,), flat, accumulate=True)"),
        ("d(y) = d(z) * np.cos(x)", "d(y) = d(z) * torch.cos(x)"),
        ("lacks the factor 1 / np.log(10)", "lacks the factor 1 / math.log(10)"),
        ("An array that is never filled, and arrays", "A tensor that is never filled, and tensors"),
    ],
)
def test_words(said, wanted):
    assert of_tensors(said) == wanted
