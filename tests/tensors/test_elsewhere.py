"""Other devices, tensors without numbers, wrong arguments, and a Python without torch."""

import re
import subprocess
import sys

import numpy as np
import pytest

import softgrad as sg
from conftest import load

torch = load("torch")

import softgrad.torch as st  # noqa: E402
from softgrad.torch import implementations  # noqa: E402

CLASSES, NINES = torch.tensor([1, 0]), torch.tensor([9, 9])
MASK = torch.tensor([True, False, True])
LAYER, T = torch.nn.Linear(3, 4), torch.nn.Parameter(torch.tensor(2.0))
ALL_IGNORED = {"ignore_index": 9, "if_all_ignored": "raise"}
CALLS = {
    "softmax": lambda z, t: st.softmax(z),
    "log_softmax": lambda z, t: st.log_softmax(z, axis=0),
    "logsumexp": lambda z, t: st.logsumexp(z),
    "cross_entropy": lambda z, t: st.cross_entropy(z, t, ignore_index=-100, label_smoothing=0.1),
    "focal_loss": lambda z, t: st.focal_loss(z, t, reduction="none"),
    "kl_divergence": lambda z, t: st.kl_divergence(z, t),
    "squared_error": lambda z, t: st.squared_error(z, t),
    "token_log_probs": lambda z, t: torch.stack(st.token_log_probs(z, t, temperature=0.5, ignore_index=0)),
    "linear_token_log_probs": lambda z, t: torch.stack(
        st.linear_token_log_probs(z, torch.eye(5, 3, dtype=z.dtype, device=z.device), t, ignore_index=0)
    ),
    "linear_cross_entropy": lambda z, t: st.linear_cross_entropy(
        z, torch.zeros(5, 3, dtype=z.dtype, device=z.device), t
    ),
}


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("call", CALLS)
def test_meta_and_fake_tensors(call, dtype):
    from torch._subclasses.fake_tensor import FakeTensorMode

    real = CALLS[call](torch.randn(2, 3).to(dtype), CLASSES)
    meta = torch.empty(2, 3, dtype=dtype, device="meta", requires_grad=True)
    result = CALLS[call](meta, CLASSES.to("meta"))
    assert (result.shape, result.dtype) == (real.shape, real.dtype)
    result.sum().backward()
    assert meta.grad.shape == (2, 3)
    with FakeTensorMode() as mode:
        fake = CALLS[call](mode.from_tensor(torch.randn(2, 3).to(dtype)), mode.from_tensor(CLASSES))
    assert (fake.shape, fake.dtype) == (real.shape, real.dtype)


@pytest.mark.parametrize("call", CALLS)
def test_without_kernels_the_closed_forms_compute(call, monkeypatch):
    """What a device does that has no row in the table."""
    z = (torch.randn(2, 3, dtype=torch.float64) * 4).requires_grad_()
    results = []
    for table in (implementations.IMPLEMENTATIONS, {}):
        monkeypatch.setattr(implementations, "IMPLEMENTATIONS", table)
        value = CALLS[call](z, CLASSES)
        results.append((value.detach(), torch.autograd.grad(value, z, torch.ones_like(value))[0]))
    torch.testing.assert_close(results[1], results[0], rtol=1e-13, atol=1e-16)


def test_a_device_gets_kernels_by_one_row(monkeypatch):
    class Kernels:
        DTYPES = frozenset({torch.float32})

        @staticmethod
        def softmax(logits, axis, temperature, where):
            return "from the table"

    monkeypatch.setitem(implementations.IMPLEMENTATIONS, "meta", Kernels)
    assert st.softmax(torch.empty(2, 3, device="meta")) == "from the table"


@pytest.mark.parametrize("route", ["kernels", "closed forms"])
@pytest.mark.parametrize(
    ("error", "message", "call"),
    [
        (sg.DtypeError, "logits is a ndarray, wanted a tensor", lambda z: st.cross_entropy(np.zeros((2, 3)), CLASSES)),
        (sg.DtypeError, "logits is sparse, wanted a dense tensor", lambda z: st.softmax(z.to_sparse())),
        (sg.DtypeError, "target is a list, wanted a tensor", lambda z: st.cross_entropy(z, [0, 1])),
        (sg.DtypeError, "target is sparse, wanted a dense tensor", lambda z: st.cross_entropy(z, z.to_sparse())),
        (sg.DtypeError, "target.dtype is .*float32.*, as target.long", lambda z: st.cross_entropy(z, torch.zeros(2))),
        (sg.ShapeError, r"target.shape is \(3,\)", lambda z: st.cross_entropy(z, torch.tensor([0, 1, 2]))),
        (sg.ShapeError, r"\(3,\) fits .* on axis 0", lambda z: st.cross_entropy(z, torch.tensor([0, 1, 1]))),
        (sg.LabelError, r"target\[1\] is 3, but logits have 3", lambda z: st.cross_entropy(z, torch.tensor([0, 3]))),
        (sg.LabelError, r"target\[0\] is -1", lambda z: st.cross_entropy(z, torch.tensor([-1, 1]))),
        (sg.LabelError, "where leaves out", lambda z: st.cross_entropy(z, CLASSES, where=MASK)),
        (sg.LabelError, "all 2 rows are ignored", lambda z: st.cross_entropy(z, NINES, **ALL_IGNORED)),
        (sg.ShapeError, "weight.shape is", lambda z: st.cross_entropy(z, CLASSES, weight=torch.ones(2))),
        (sg.DtypeError, "where.dtype is", lambda z: st.softmax(z, where=torch.ones(3))),
        (sg.ShapeError, "where.shape is", lambda z: st.softmax(z, where=torch.ones(2, dtype=torch.bool))),
        (sg.AxisError, "axis is 2", lambda z: st.softmax(z, axis=2)),
        (sg.AxisError, "axis is 2", lambda z: st.cross_entropy(z, CLASSES, axis=2)),
        (sg.OptionError, "temperature is 0", lambda z: st.softmax(z, temperature=0)),
        (sg.OptionError, "label_smoothing is 2", lambda z: st.cross_entropy(z, CLASSES, label_smoothing=2)),
        (sg.OptionError, "reduction is 'avg'", lambda z: st.cross_entropy(z, CLASSES, reduction="avg")),
        (sg.OptionError, "ignore_index is 1", lambda z: st.cross_entropy(z, torch.softmax(z, 1), ignore_index=1)),
        (sg.ShapeError, r"tokens.shape is \(3,\)", lambda z: st.token_log_probs(z, torch.tensor([0, 1, 2]))),
        (sg.DtypeError, "tokens is a list", lambda z: st.token_log_probs(z, [0, 1])),
        (sg.DtypeError, "tokens.dtype is .*float32", lambda z: st.token_log_probs(z, torch.zeros(2))),
        (sg.LabelError, r"tokens\[1\] is 3, but logits have 3", lambda z: st.token_log_probs(z, torch.tensor([0, 3]))),
        (sg.OptionError, "ignore_index is 1.5", lambda z: st.token_log_probs(z, CLASSES, ignore_index=1.5)),
        (sg.AxisError, "axis is 2", lambda z: st.token_log_probs(z, CLASSES, axis=2)),
        (
            sg.ShapeError,
            r"linear_token_log_probs: hidden.shape is \(2, 3\), but weight.shape is \(3, 5\).*so give weight.T",
            lambda z: st.linear_token_log_probs(z, torch.zeros(3, 5), CLASSES),
        ),
        (
            sg.LabelError,
            r"linear_token_log_probs: tokens\[1\] is 3, but logits have 3",
            lambda z: st.linear_token_log_probs(z, torch.zeros(3, 3), torch.tensor([0, 3])),
        ),
        (
            sg.DtypeError,
            r"linear_token_log_probs: tokens.dtype is torch.float32.*convert it first, as tokens.long\(\)",
            lambda z: st.linear_token_log_probs(z, torch.zeros(3, 3), torch.zeros(2)),
        ),
        (
            sg.ShapeError,
            r"linear_token_log_probs: bias.shape is \(1,\)",
            lambda z: st.linear_token_log_probs(z, torch.zeros(3, 3), CLASSES, torch.zeros(1)),
        ),
        (
            sg.OptionError,
            "linear_token_log_probs: max_memory is 'all'",
            lambda z: st.linear_token_log_probs(z, torch.zeros(3, 3), CLASSES, max_memory="all"),
        ),
        (TypeError, "unexpected option 'dim'; here it is axis", lambda z: st.softmax(z, dim=1)),
        (sg.DtypeError, "w is a Linear.*; give its weight", lambda z: st.linear_cross_entropy(z, LAYER, CLASSES)),
        (sg.OptionError, "temperature is differentiated", lambda z: st.softmax(z, temperature=T)),
        (sg.OptionError, "temperature is differentiated", lambda z: st.cross_entropy(z, CLASSES, temperature=T)),
        (sg.OptionError, "denominator is differentiated", lambda z: st.cross_entropy(z, CLASSES, denominator=T)),
        (sg.ShapeError, "w.shape is", lambda z: st.linear_cross_entropy(z, torch.zeros(5, 2), CLASSES)),
    ],
)  # fmt: skip
def test_messages(error, message, call, route, monkeypatch):
    if route == "closed forms":
        monkeypatch.setattr(implementations, "IMPLEMENTATIONS", {})
    with pytest.raises(error, match=message):
        call(torch.randn(2, 3))


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
def test_a_nested_tensor_is_an_error():
    with pytest.raises(sg.DtypeError, match="logits is nested, wanted a dense tensor"):
        st.softmax(torch.nested.nested_tensor([torch.zeros(2), torch.zeros(3)]))


@pytest.mark.parametrize("transform", ["grad", "jvp", "vmap", "forward mode"])
@pytest.mark.parametrize("function", ["softmax", "cross_entropy", "linear_cross_entropy"])
def test_an_option_that_torch_transforms_is_an_error(function, transform):
    """Read as a number, it would be a constant, whose derivative is 0."""
    z, one = torch.randn(2, 3), torch.tensor(1.0)
    call = {
        "softmax": lambda T: st.softmax(z, temperature=T).sum(),
        "cross_entropy": lambda T: st.cross_entropy(z, CLASSES, temperature=T),
        "linear_cross_entropy": lambda T: st.linear_cross_entropy(z, z, CLASSES, temperature=T),
    }[function]
    with pytest.raises(sg.OptionError, match="temperature is differentiated or mapped"):
        if transform == "jvp":
            torch.func.jvp(call, (one,), (one,))
        elif transform == "forward mode":
            with torch.autograd.forward_ad.dual_level():
                call(torch.autograd.forward_ad.make_dual(one, one))
        else:
            getattr(torch.func, transform)(call)(one if transform == "grad" else one.expand(2))


def test_an_option_may_be_a_tensor_where_nothing_is_differentiated():
    z = torch.randn(2, 3)
    with torch.no_grad():
        assert torch.equal(st.softmax(z, temperature=T), st.softmax(z, temperature=2.0))


@pytest.mark.parametrize("kind", [torch.tensor, np.array])
def test_an_option_that_changes_in_place_is_read_again(kind):
    z, temperature = torch.randn(2, 3), kind(2.0)
    for _ in range(2):
        assert st.cross_entropy(z, CLASSES, temperature=temperature) == st.cross_entropy(z, CLASSES, temperature=2.0)
    temperature[...] = 0.5
    assert st.cross_entropy(z, CLASSES, temperature=temperature) == st.cross_entropy(z, CLASSES, temperature=0.5)


@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning", "ignore:.torch.jit.trace:DeprecationWarning")
@pytest.mark.parametrize("function", ["softmax", "logsumexp", "cross_entropy", "linear_cross_entropy"])
def test_jit_trace_records_the_operations(function):
    """And not the numbers that they gave, nor how many rows there were."""
    w = torch.randn(4, 3)
    call = {
        "softmax": lambda z, y: st.softmax(z),
        "logsumexp": lambda z, y: st.logsumexp(z),
        "cross_entropy": st.cross_entropy,
        "linear_cross_entropy": lambda z, y: st.linear_cross_entropy(z, w, y),
    }[function]
    traced = torch.jit.trace(call, (torch.randn(2, 3), CLASSES), check_trace=False)
    z, y = torch.randn(5, 3), torch.tensor([0, 1, 2, 1, 0])
    torch.testing.assert_close(traced(z, y), call(z, y))


def test_an_axis_that_another_shape_has_is_checked_again():
    st.cross_entropy(torch.zeros(2, 3, 4), torch.zeros(2, 3, dtype=torch.long), axis=2)
    with pytest.raises(sg.AxisError):
        st.cross_entropy(torch.zeros(5, 4), torch.zeros(4, dtype=torch.long), axis=2)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_a_view_that_stands_for_its_negative(dtype):
    z = torch.randn(2, 3).to(dtype)
    assert torch.equal(st.softmax(torch._neg_view(z)), st.softmax(-z))
    assert torch.equal(st.cross_entropy(torch._neg_view(z), CLASSES), st.cross_entropy(-z, CLASSES))


def test_no_rows():
    x, w = torch.zeros(0, 3, requires_grad=True), torch.ones(4, 3, requires_grad=True)
    nothing = torch.zeros(0, dtype=torch.long)
    loss = st.linear_cross_entropy(x, w, nothing)
    loss.backward()
    assert loss == st.cross_entropy(torch.zeros(0, 4), nothing) == 0
    assert not w.grad.any()
    assert [part.shape for part in st.token_log_probs(x, nothing)] == [(0,), (0,)]
    assert [part.shape for part in st.linear_token_log_probs(x, w, nothing)] == [(0,), (0,)]
    assert st.CrossEntropyLoss()(torch.zeros(0, 4), nothing).isnan()


def test_integers_are_read_as_float64():
    assert st.softmax(torch.tensor([0, 0])).tolist() == [0.5, 0.5]
    assert st.cross_entropy(torch.tensor([[0, 0]]), torch.tensor([0])).dtype == torch.float64


def test_softgrad_does_not_import_torch():
    code = "import sys, softgrad; assert 'torch' not in sys.modules; softgrad.torch; assert 'torch' in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_without_torch_one_sentence_says_what_to_install():
    code = "import sys; sys.modules['torch'] = None; import softgrad.torch"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode
    last = result.stderr.splitlines()[-1]
    assert re.search(r"torch is not installed; python -m pip install 'softgrad\[torch\]'$", last)


@pytest.mark.parametrize("options", [{}, {"ignore_index": 1}, {"max_memory": 24}], ids=["all", "ignored", "some"])
@pytest.mark.parametrize("function", ["linear_cross_entropy", "linear_token_log_probs"])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
def test_a_default_device_does_not_move_the_buffers(dtype, function, options):
    given = [torch.randn(shape).to(dtype).requires_grad_() for shape in ((8, 4), (3, 4), (3,))]
    y = torch.arange(8) % 3

    def gradients():
        got = getattr(st, function)(*given[:2], y, given[2], **options)
        return torch.autograd.grad(got if function == "linear_cross_entropy" else sum(got).sum(), given)

    want = gradients()
    with torch.device("meta"):
        got = gradients()
    assert all(map(torch.equal, got, want))
