"""The short way to a loss: the bits of the long way, its messages, and the calls that it leaves to it."""

import itertools
import subprocess
import sys

import pytest

import softgrad as sg
from cases import LOSSES
from conftest import load

torch = load("torch")

import softgrad.torch as st  # noqa: E402
from softgrad.torch import cpu_shortcut  # noqa: E402
from tensors.odd_tensors import Subclass, left_by_torch_func  # noqa: E402

SHAPES = {  # name: (shape of the logits, class axis)
    "rows": ((6, 5), -1),
    "one row": ((5,), 0),
    "sequences": ((2, 7, 5), 2),
    "classes first": ((5, 6), 0),
    "images": ((2, 5, 3, 4), 1),
    "one class": ((4, 1), 1),
}
DTYPES = (torch.float32, torch.float64, torch.bfloat16, torch.float16)
OPTIONS = {
    "defaults": {},
    "sum": {"reduction": "sum"},
    "denominator": {"denominator": 7.0},
    "smoothing": {"label_smoothing": 0.1},
    "temperature and softcap": {"temperature": 0.5, "softcap": 2.0},
    "ignored": {"ignore_index": -100},
    "ignored, sum": {"ignore_index": -1, "reduction": "sum"},
    "ignored, denominator": {"ignore_index": -1, "denominator": 3.0},
}


@pytest.fixture(autouse=True)
def nothing_known():
    cpu_shortcut.KNOWN.clear()


@pytest.fixture
def taken(monkeypatch):
    """Whether each call took the short way."""
    calls, run = [], cpu_shortcut.run

    def watched(*args, **options):
        found = run(*args, **options)
        calls.append(found is not None)
        return found

    monkeypatch.setattr(cpu_shortcut, "run", watched)
    return calls


def loss_and_grad(name, z, target, **options):
    z = z.detach().requires_grad_()
    loss = getattr(st, name)(z, target, **options)
    return loss, *torch.autograd.grad(loss, z, torch.tensor(1.5, dtype=loss.dtype))


def draw(shape, axis, dtype, ignored=None):
    z = (3 * torch.randn(shape)).to(dtype)
    target = torch.randint(shape[axis], shape[:axis] + shape[axis:][1:])
    if ignored is not None:
        target.view(-1)[::3] = ignored
    return z, target


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("shape", SHAPES)
def test_both_ways_give_the_same_bits(shape, options, taken, monkeypatch):
    shape, axis = SHAPES[shape]
    options = {"axis": axis, **OPTIONS[options]}
    if len(shape) == 1 and "ignore_index" in options:
        del options["ignore_index"]  # of its only row
    for name, dtype, huge in itertools.product(LOSSES, DTYPES, (1, 2**20)):
        for way, function in zip(("_short", "_short_vjp"), cpu_shortcut.short_ways(huge), strict=True):
            monkeypatch.setattr(cpu_shortcut, way, function)
        cpu_shortcut.KNOWN.clear()
        z, target = draw(shape, axis, dtype, options.get("ignore_index"))
        long, short = (loss_and_grad(name, z, target, **options) for _ in range(2))
        for a, b in zip(long, short, strict=True):
            assert a.dtype == b.dtype
            assert torch.equal(a, b)
        with torch.no_grad():
            assert torch.equal(getattr(st, name)(z, target, **options), long[0])
    assert taken == [False, True, True] * (len(taken) // 3)


def test_the_module_takes_the_short_way(taken):
    criterion = st.CrossEntropyLoss()
    z, target = draw((6, 5), 1, torch.float32, -100)
    for _ in range(3):
        criterion(z, target)
    assert taken == [False, True, True]
    criterion.reduction = "sum"
    assert criterion(z, target) > 2 * st.CrossEntropyLoss()(z, target)


def test_a_loss_of_a_compiled_graph_takes_the_short_way(taken):
    from softgrad.torch import operators
    from softgrad.torch.options import Options

    z, target = draw((6, 5), 1, torch.float32)
    options = Options("cross_entropy", 1, None, 0.0, 0.0, None, 1.0, "mean", None, "zero")
    first, second = (operators.loss_with_grad(options, z, target, None, None) for _ in range(2))
    assert all(map(torch.equal, first, second))
    assert operators.loss(options, z, target, None, None) == first[0]
    assert taken == [False, True, True]


def test_logits_may_stand_anywhere_in_memory(taken):
    st.cross_entropy(Z, Y)
    for offset, dtype in itertools.product((1, 3), DTYPES):
        z, y = torch.randn(12 + offset).to(dtype)[offset:].view(4, 3), torch.cat([Y, Y])[4:]
        gaps = torch.stack([z, z], -1)[..., 0]
        assert all(map(torch.equal, loss_and_grad("cross_entropy", z, y), loss_and_grad("cross_entropy", gaps, y)))
        for outside in (-1, 3, 2**62):
            with pytest.raises(sg.LabelError):
                st.cross_entropy(z, y.index_fill(0, torch.tensor([2]), outside))
            assert not taken[-1]
    assert taken[1:3] == [True, False]


def test_backward_passes_through_a_kept_graph_do_not_share_the_gradient(taken):
    z, target = draw((6, 5), 1, torch.float32)
    for _ in range(2):
        at = z.clone().requires_grad_()
        loss = st.cross_entropy(at, target)
    assert taken[-1]
    first = torch.autograd.grad(loss, at, retain_graph=True)[0]
    wanted = first.clone()
    first.zero_()
    for g in (1.0, -0.5, 3.0):
        (grad,) = torch.autograd.grad(loss, at, torch.tensor(g), retain_graph=True)
        assert torch.equal(grad, g * wanted)
        grad.zero_()
    several = torch.tensor([1.0, 2.0])
    (rows,) = torch.autograd.grad(loss, at, several, is_grads_batched=True, retain_graph=True)
    assert torch.equal(rows, several.view(2, 1, 1) * wanted)
    (grad,) = torch.autograd.grad(loss, at, create_graph=True)
    assert grad.requires_grad and torch.allclose(grad, wanted)
    (grad,) = torch.autograd.grad(loss, at, torch.tensor(-0.5))
    assert torch.equal(grad, -0.5 * wanted)
    (grad,) = torch.autograd.grad(st.cross_entropy(at, target), at, create_graph=True, retain_graph=False)
    assert grad.requires_grad  # it is recorded, though its graph is not kept


@pytest.fixture
def gradients(monkeypatch):
    """Whether each backward pass in float16 took its short way."""
    calls, run = [], cpu_shortcut.run_vjp

    def watched(*args):
        found = run(*args)
        calls.append(found is not None)
        return found

    monkeypatch.setattr(cpu_shortcut, "run_vjp", watched)
    return calls


@pytest.mark.parametrize("scale", [2.0**16, -3.0, 1e-3, 0.0, float("inf"), float("nan")])
def test_the_gradient_of_float16_waits_for_the_scale_of_the_loss_on_both_ways(scale, gradients):
    z, target = draw((6, 5), 1, torch.float16)
    for options in ({}, {"reduction": "sum"}, {"denominator": 1e5}, {"denominator": 1e-30}, {"ignore_index": -1}):
        g = torch.tensor(scale)
        at = z.clone().requires_grad_()
        long, short = (torch.autograd.grad(st.cross_entropy(at, target, **options), at, g)[0] for _ in range(2))
        assert torch.equal(long.nan_to_num(), short.nan_to_num()) and torch.equal(long.isnan(), short.isnan())
        assert gradients[-1] == (scale != 0 and abs(scale) < float("inf"))
    wide = z.double().requires_grad_()
    (wanted,) = torch.autograd.grad(torch.nn.functional.cross_entropy(wide, target, reduction="sum"), wide)
    if gradients[-1]:
        at = z.clone().requires_grad_()
        (grad,) = torch.autograd.grad(st.cross_entropy(at, target, denominator=1e5), at, g)
        assert torch.allclose(grad.double(), wanted * scale / 1e5, rtol=1e-3, atol=2.0**-24)


def test_backward_passes_of_float16_that_are_recorded_or_batched_go_the_long_way(gradients):
    z, target = draw((6, 5), 1, torch.float16)
    at = z.requires_grad_()
    st.cross_entropy(at, target)
    loss = st.cross_entropy(at, target)
    (wanted,) = torch.autograd.grad(loss, at, retain_graph=True)
    assert gradients == [True]
    several = torch.tensor([1.0, 2.0])
    (rows,) = torch.autograd.grad(loss, at, several, is_grads_batched=True, retain_graph=True)
    assert torch.allclose(rows, several.half().view(2, 1, 1) * wanted, rtol=1e-2, atol=1e-3)
    (grad,) = torch.autograd.grad(loss, at, create_graph=True)
    assert grad.requires_grad and torch.allclose(grad, wanted, rtol=1e-2, atol=1e-3)
    assert gradients == [True, False, False]
    with torch.no_grad():
        assert not st.cross_entropy(at, target).requires_grad


Z, Y = torch.randn(4, 3), torch.tensor([0, 2, 1, 1])


LONG = {  # name: (logits, target, options)
    "strided logits": (torch.randn(3, 4).T, Y, {}),
    "strided target": (Z, torch.stack([Y, Y], 1)[:, 0], {}),
    "a negative view": (torch._neg_view(Z), Y, {}),
    "int32": (Z, Y.int(), {}),
    "probabilities": (Z, torch.softmax(torch.randn(4, 3), 1), {}),
    "rows": (Z, Y, {"reduction": "none"}),
    "a class is ignored": (Z, Y, {"ignore_index": 1}),
    "all rows are ignored": (Z, torch.full((4,), -1), {"ignore_index": -1}),
    "mask": (Z, Y, {"where": torch.ones(4, 3, dtype=torch.bool)}),
    "class weights": (Z, Y, {"weight": torch.ones(3)}),
    "integers": (torch.randint(9, (4, 3)), Y, {}),
    "no rows": (torch.zeros(0, 3), torch.zeros(0, dtype=torch.long), {}),
    "a subclass": (Z.as_subclass(Subclass), Y, {}),
    "zeros without memory": (torch._efficientzerotensor((4, 3)), Y, {}),
    "left by torch.func": (left_by_torch_func(Z), Y, {}),
    "meta": (torch.empty(4, 3, device="meta"), torch.empty(4, dtype=torch.long, device="meta"), {}),
}


@pytest.mark.parametrize("case", LONG)
def test_the_other_calls_go_the_long_way(case, taken):
    z, target, options = LONG[case]
    before = st.cross_entropy(z, target, **options)
    for known in (torch.tensor([0, 2, 1, -1]), -1), (Y, None):
        for _ in range(2):
            st.cross_entropy(Z, known[0], ignore_index=known[1])
        assert taken[-1]
    after = st.cross_entropy(z, target, **options)
    assert not taken[-1]
    if before.device.type == "cpu":
        assert torch.equal(after, before)


@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning", "ignore:.torch.jit.trace:DeprecationWarning")
@pytest.mark.parametrize("transform", ["grad", "forward mode", "jit.trace", "dispatch mode"])
def test_transforms_and_modes_go_the_long_way(transform, taken):
    st.cross_entropy(Z, Y), taken.clear()
    if transform == "grad":
        torch.func.grad(lambda z: st.cross_entropy(Z, Y) + z.sum())(Z)
    elif transform == "forward mode":
        with torch.autograd.forward_ad.dual_level():
            st.cross_entropy(Z, Y)
    elif transform == "jit.trace":
        torch.jit.trace(lambda z: st.cross_entropy(z, Y), Z, check_trace=False)
    else:
        from torch.utils.flop_counter import FlopCounterMode

        with FlopCounterMode(display=False):
            st.cross_entropy(Z, Y)
    assert not taken[0]


def test_errors_are_those_of_the_long_way():
    messages = []
    for _ in range(2):
        with pytest.raises(sg.LabelError, match=r"target\[1\] is 3, but logits have 3 classes") as error:
            st.cross_entropy(Z, torch.tensor([0, 3, 1, 1]))
        messages.append(str(error.value))
        st.cross_entropy(Z, Y)
        st.cross_entropy(Z, Y, axis=1, ignore_index=-1)
    assert messages[0] == messages[1]
    for wrong, error in [
        ({"temperature": [1.0]}, sg.OptionError),
        ({"axis": 2}, sg.AxisError),
        ({"axis": (1,)}, sg.AxisError),
        ({"axis": True, "ignore_index": -1}, sg.AxisError),
        ({"axis": 1.0, "ignore_index": -1}, sg.AxisError),
        ({"axis": 1, "ignore_index": -1.0}, sg.OptionError),
        ({"reduction": "average"}, sg.OptionError),
        ({"temperature": True}, sg.OptionError),
        ({"z_loss": False}, sg.OptionError),
    ]:
        with pytest.raises(error):
            st.cross_entropy(Z, Y, **wrong)
    losses = [st.cross_entropy(Z, Y, ignore_index=ignore_index) for ignore_index in (None, -(2**70), -(2**70))]
    assert losses[0] == losses[1] == losses[2]
    with pytest.raises(sg.ShapeError):
        st.cross_entropy(Z, Y[:3])
    with pytest.raises(sg.DtypeError):
        st.cross_entropy(Z.tolist(), Y)
    with pytest.raises(sg.DtypeError):
        st.cross_entropy(Z.to_sparse(), Y)


def test_a_default_device_does_not_move_the_loss():
    for _ in range(2):
        with torch.device("meta"):
            assert st.cross_entropy(Z, Y).device.type == "cpu"


def test_the_dictionary_of_options_is_bounded_and_holds_the_last_ones(monkeypatch, taken):
    monkeypatch.setattr(cpu_shortcut, "MANY", 4)
    for temperature in itertools.islice(itertools.count(1.0, 0.5), 8):
        st.cross_entropy(Z, Y, temperature=temperature)
        assert len(cpu_shortcut.KNOWN) <= 4
        st.cross_entropy(Z, Y, temperature=temperature)
        assert taken[-1]


def test_nothing_is_said_at_the_end_of_a_program():
    program = (
        "import torch, softgrad.torch as st; z = torch.zeros(2, 3, requires_grad=True)\n"
        "for _ in range(3): st.CrossEntropyLoss()(z, torch.tensor([0, 1])).backward()"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")


@pytest.mark.parametrize(
    "extra", [{"where": torch.ones(4, 3, dtype=torch.bool)}, {"weight": torch.full((3,), 2.0**80)}]
)
def test_options_that_came_with_a_mask_or_weights_are_read_again_without_them(extra):
    z, y = torch.randn(4, 3), torch.tensor([0, 1, 2, 0])
    options = {"label_smoothing": 0.1, "z_loss": 0.1}
    st.cross_entropy(z, y, **options, **extra)
    assert [st.cross_entropy(z, y, **options).item() for _ in range(2)] == [
        sg.cross_entropy(z.numpy(), y.numpy(), **options)
    ] * 2


class Watched(torch.overrides.TorchFunctionMode):
    """A mode may return another tensor than it is asked for."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        return function(*args, **(kwargs or {}))


def test_a_call_inside_a_mode_of_functions_goes_the_long_way(taken):
    losses = [st.cross_entropy(Z, Y) for _ in range(2)]
    with Watched():
        assert st.cross_entropy(Z, Y) == losses[0]
    assert taken[-2:] == [True, False]
