"""The operators of torch, and what records them: torch.compile, torch.export, make_fx."""

import io

import pytest

from conftest import load
from sampled import sampled

torch = load("torch")

import softgrad.torch as st  # noqa: E402
from softgrad.torch.options import Options  # noqa: E402

OPTIONS = Options("cross_entropy", -1, None, 0.1, 0.0, None, 1.0, "mean", None, "zero")
CLASSES = torch.tensor([1, 0, 2])
pytestmark = pytest.mark.filterwarnings("ignore")  # of torch's own compiler


def operator_calls():
    z, x, w, b = torch.randn(3, 4), torch.randn(3, 5), torch.randn(4, 5), torch.randn(4)
    rows = OPTIONS._replace(reduction="none")
    needs = [True, True, True]
    return {
        "loss": (z, CLASSES, None, None, *OPTIONS),
        "loss, of columns": (torch.randn(4, 3).T, CLASSES, None, torch.rand(4), *rows),
        "loss_with_grad": (z, CLASSES, None, None, *OPTIONS),
        "loss_with_grad, bfloat16": (z.bfloat16(), torch.softmax(z, 1), z > -1, None, *rows),
        "loss_vjp": (z.half(), CLASSES, None, None, torch.tensor(2.0), *OPTIONS),
        "token_log_probs": (z, CLASSES, 1, 0.5, None),
        "token_log_probs, of columns": (torch.randn(4, 3).bfloat16().T, CLASSES.int(), 1, 1.0, 2),
        "token_log_probs_vjp": (z, CLASSES, torch.rand(3, 4).double(), torch.randn(3), torch.randn(3), 1, 0.5, None),
        "token_log_probs_vjp, of one": (z.half(), CLASSES, torch.zeros(3, 4).double(), None, torch.randn(3), 1, 1.0, 1),
        "linear_token_log_probs": (x, w, b, CLASSES, 0.5, None, 2**20),
        "linear_token_log_probs, bfloat16": (x.bfloat16(), w.bfloat16(), None, CLASSES.int(), 1.0, 2, 8),
        "linear_token_log_probs_vjp": (
            *(x, w, b, CLASSES, torch.rand(3, 4).double(), torch.randn(3), torch.randn(3), 0.5, None, 2**20, needs),
        ),
        "linear_token_log_probs_vjp, of one": (
            *(x.half(), w.half(), None, CLASSES, torch.zeros(3, 4).double(), None, torch.randn(3), 1.0, 1, 8),
            [True, True, False],
        ),
        "linear_loss": (x, w, b, CLASSES, None, 2**20, needs, *OPTIONS),
        "linear_loss, of x": (x, w, None, CLASSES, None, 2**20, [True, False, False], *rows),
        "linear_vjp": (x, w, b, CLASSES, None, torch.randn(3), 2**20, needs, *rows),
    }


@pytest.mark.parametrize("case", operator_calls())
def test_opcheck(case):
    arguments = operator_calls()[case]
    operator = getattr(torch.ops.softgrad, case.split(",")[0])
    if "where" in case or "bfloat16" in case:
        arguments = (*arguments[:2], None, *arguments[3:])
    torch.library.opcheck(operator, arguments)


Z, MODULE = torch.randn(3, 4), st.CrossEntropyLoss()
COMPILED = {  # name: (function, tensors to differentiate at)
    "mean": (lambda z: st.cross_entropy(z * 2, CLASSES), (Z,)),
    "rows": (lambda z: st.focal_loss(z, CLASSES, reduction="none", label_smoothing=0.1), (Z,)),
    "module": (lambda z: MODULE(z, CLASSES), (Z,)),
    "probabilities": (lambda z, t: st.kl_divergence(z, torch.softmax(t, 1)), (Z, Z * 2)),
    "columns": (lambda z: st.squared_error(z.T, CLASSES[[0, 1, 2, 0]] % 3), (Z,)),
    "bfloat16": (lambda z: st.cross_entropy(z, CLASSES), (Z.bfloat16(),)),
    "float16": (lambda z: st.cross_entropy(z, CLASSES), (Z.half(),)),
    "softmax": (lambda z: st.softmax(z, axis=None), (Z,)),
    "logsumexp": (lambda z: st.logsumexp(z, keepdims=True), (Z,)),
    "tokens": (lambda z: sum(st.token_log_probs(z * 2, CLASSES, temperature=0.5)), (Z,)),
    "entropy of columns": (lambda z: st.token_log_probs(z, CLASSES[[0, 1, 2, 0]] % 3, axis=0).entropy, (Z.bfloat16(),)),
    "linear tokens": (
        lambda x, w, b: sum(st.linear_token_log_probs(x * 2, w, CLASSES, b, temperature=0.5)),
        (Z, torch.randn(5, 4), torch.randn(5)),
    ),
    "linear": (lambda x, w, b: st.linear_cross_entropy(x, w, CLASSES, b), (Z, torch.randn(5, 4), torch.randn(5))),
    "linear, rows": (lambda x, w: st.linear_cross_entropy(x, w, CLASSES, reduction="none"), (Z, torch.randn(5, 4))),
    "grad inside": (lambda z: torch.func.grad(lambda z: st.cross_entropy(z, CLASSES))(z), (Z,)),
}


def compare(case, backend):
    f, given = COMPILED[case]
    torch.compiler.reset()
    results = []
    for function in (f, torch.compile(f, fullgraph=True, backend=backend)):
        leaves = [x.detach().clone().requires_grad_(case != "grad inside") for x in given]
        value = function(*leaves)
        grads = torch.autograd.grad(value, leaves, torch.ones_like(value)) if value.requires_grad else []
        results.append([value.detach(), *grads])
    torch.testing.assert_close(results[1], results[0], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "case", sampled(COMPILED, {"rows", "bfloat16", "linear", "tokens", "linear tokens"}.__contains__)
)
def test_compiled_equals_eager(case):
    compare(case, "aot_eager")


@pytest.mark.thorough
@pytest.mark.parametrize("case", COMPILED)
def test_inductor_equals_eager(case):
    compare(case, "inductor")


@pytest.mark.parametrize("strict", [False, True])
def test_export_holds_operations_of_torch_alone(strict):
    """So that the program runs where softgrad is not installed."""

    class Model(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layer, self.criterion = torch.nn.Linear(4, 5), st.CrossEntropyLoss(label_smoothing=0.1)

        def forward(self, x, t):
            z = self.layer(x)
            of_layer = st.linear_token_log_probs(x, self.layer.weight, t, self.layer.bias)
            return self.criterion(z, t), st.softmax(z), *st.token_log_probs(z, t), *of_layer

    model = Model()
    program = torch.export.export(model, (Z, CLASSES), strict=strict)
    assert not any("softgrad" in str(node.target) for node in program.graph.nodes)
    torch.testing.assert_close(program.module()(Z, CLASSES), model(Z, CLASSES))


def test_the_structure_of_log_probs_can_be_written():
    """Without it torch.export.save refuses a program that returns them."""
    from torch.utils import _pytree

    _, structure = _pytree.tree_flatten(st.token_log_probs(Z, CLASSES))
    assert _pytree.treespec_loads(_pytree.treespec_dumps(structure)) == structure


@pytest.mark.thorough
def test_an_exported_program_that_returns_log_probs_can_be_saved():
    class Model(torch.nn.Module):
        def forward(self, z, tokens):
            return st.token_log_probs(z, tokens)

    rows = torch.export.Dim("rows")
    program = torch.export.export(Model(), (Z, CLASSES), dynamic_shapes=({0: rows}, {0: rows}))
    file = io.BytesIO()
    torch.export.save(program, file)
    loaded = torch.export.load(io.BytesIO(file.getvalue())).module()
    z, tokens = Z.repeat(2, 1), CLASSES.repeat(2)
    got = loaded(z, tokens)
    assert isinstance(got, st.TokenLogProbs)
    torch.testing.assert_close(got, st.token_log_probs(z, tokens))


def test_make_fx_sees_the_operators():
    from torch.fx.experimental.proxy_tensor import make_fx

    graph = make_fx(lambda z: st.cross_entropy(z, CLASSES))(Z)
    assert any("softgrad.loss" in str(node.target) for node in graph.graph.nodes)
    assert graph(Z) == st.cross_entropy(Z, CLASSES)
