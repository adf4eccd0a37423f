"""softgrad with NumPy and SciPy alone: everything but the command, the data sets and saved models works.

A program for a Python that has nothing else installed; test_dependencies.py runs it where the rest is hidden.
"""

import contextlib
import io
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

import numpy as np

import softgrad as sg

OTHERS = [
    "jax",
    "marimo",
    "matplotlib",
    "ml_dtypes",
    "polars",
    "pytest",
    "rich",
    "safetensors",
    "sklearn",
    "torch",
    "typer",
]
Z = np.array([[2.0, 1.0, 0.1], [0.0, 3.0, 1.0]])
CSV = "width,kind\n" + "".join(f"{n / 2},{'ab'[n % 2]}\n" for n in range(20))


def softmax(z):
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def right(z, p, dp):
    return p * (dp - (p * dp).sum(axis=-1, keepdims=True))


def wrong(z, p, dp):
    return p * (1 - p) * dp


class Terminal(io.StringIO):
    def isatty(self):
        return True


def functions():
    np.testing.assert_allclose(sg.softmax(Z), softmax(Z))
    loss, grad = sg.cross_entropy_with_grad(Z, [0, 1])
    assert loss > 0
    assert grad.shape == Z.shape
    x, w = Z, np.eye(5, 3)
    loss, (dx, dw, _) = sg.linear_cross_entropy_with_grad(x, w, [0, 4])
    assert (dx.shape, dw.shape) == (x.shape, w.shape)


def checker():
    report = sg.check_vjp(softmax, wrong, Z)
    assert report.mistake.name == "diagonal-only"
    assert "Only the diagonal" in report._repr_html_()
    with contextlib.redirect_stdout(Terminal()) as terminal:
        print(report)
    printed = terminal.getvalue()
    assert "Only the diagonal" in printed
    assert "\x1b" not in printed
    assert message(report.plot) == needs("Report.plot", "matplotlib", extra="plot")
    sg.testing.assert_vjp(softmax, right, Z)


def explanation():
    e = sg.explain(Z, [0, 1])
    for text in (str(e), e.to_markdown(), e.to_latex(), e.to_html()):
        assert "0.659001" in text


def networks():
    net = sg.nn.Network([sg.nn.Dense(4), sg.nn.ReLU(), sg.nn.Dense(3)]).initialize(3, seed=0)
    assert len(sg.nn.train(net, Z, np.array([0, 1]), epochs=2, seed=0)) == 2
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.safetensors"
        assert message(lambda: sg.nn.save(net, path)) == needs("save", "safetensors")
        assert message(lambda: sg.nn.load(path)) == needs("load", "safetensors")


def data():
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.csv"
        path.write_text(CSV)
        table = sg.data.read_table(str(path))
        np.savez(Path(folder) / "table.npz", x=Z, y=np.array([0, 1]))
        assert sg.data.read_table(f"{folder}/table.npz").target == "y"
        path.write_bytes(b"PAR1")
        parquet = needs("read_table", "polars", extra="parquet")
        assert message(lambda: sg.data.read_table(str(path))) == parquet
    target, classes = sg.data.read_classes(table, "kind")
    assert classes == ("a", "b")
    assert sg.data.Encoding.fit(table, ["width"], np.arange(20)).transform(table).shape == (20, 1)
    assert message(lambda: sg.data.split(table, target, classes, seed=0)) == needs("split", "scikit-learn")
    assert message(lambda: sg.data.read_table("iris")) == needs("read_table", "scikit-learn")


def classifier():
    assert message(lambda: sg.SoftmaxClassifier) == needs("SoftmaxClassifier", "scikit-learn")


def command():
    from softgrad.cli import main

    with contextlib.redirect_stderr(io.StringIO()) as said:
        try:
            main()
        except SystemExit as stop:
            assert stop.code == 2
    packages = "rich, safetensors, scikit-learn, threadpoolctl, tomlkit, typer"
    assert said.getvalue() == f"softgrad: the command needs {packages}; python -m pip install 'softgrad[cli]'\n"


def needs(function, package, extra="cli"):
    return f"{function}: {package} is not installed; python -m pip install 'softgrad[{extra}]'"


def message(call):
    try:
        call()
    except ImportError as error:
        return str(error)
    return None


if __name__ == "__main__":
    assert [name for name in OTHERS if find_spec(name) is not None] == []
    for part in (functions, checker, explanation, networks, data, classifier, command):
        part()
        print(part.__name__)
    sys.exit()
