"""The short way (softgrad/_short.py): what takes it, what does not, and that both ways give the same bits."""

import numpy as np
import pytest

import softgrad as sg
from softgrad import _kernels
from softgrad._short import shortly
from softgrad.losses import _short
from softgrad.losses._short import ShortLoss
from softgrad.losses.cross_entropy import LOSS

RNG = np.random.default_rng(0)
Z = RNG.standard_normal((6, 5, 4)).astype(np.float32)
Y = RNG.integers(0, 4, (6, 5))
KERNELS = {
    "softmax": _kernels.short_softmax,
    "log_softmax": _kernels.short_log_softmax,
    "softmax_vjp": _kernels.short_softmax_vjp,
    "log_softmax_vjp": _kernels.short_log_softmax_vjp,
    "log_softmax_jvp": _kernels.short_log_softmax_jvp,
}
LOSSES = ["cross_entropy", "focal_loss", "kl_divergence", "squared_error"]


def arrays_of(name, dtype, axis):
    z = Z.astype(dtype)
    if name in ("softmax", "log_softmax"):
        return (z,)
    first = sg.softmax(z, axis=axis) if name == "softmax_vjp" else sg.log_softmax(z, axis=axis)
    return first, RNG.standard_normal(z.shape).astype(dtype)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("axis", [-1, 0, 1])
@pytest.mark.parametrize("name", KERNELS)
def test_both_ways_give_the_same_bits(name, axis, dtype):
    arrays = arrays_of(name, dtype, axis)
    short = shortly(KERNELS[name], axis, 2.0, None, *arrays)
    long = getattr(sg, name)(*map(strided, arrays), axis=axis, temperature=2.0)
    assert short.dtype == long.dtype and short.tobytes() == np.ascontiguousarray(long).tobytes()
    out = arrays[0].copy()
    first, *others = arrays
    assert shortly(KERNELS[name], axis, 2.0, out, out, *others) is out  # in place
    assert out.tobytes() == short.tobytes(), first


def strided(array):
    """The same numbers, with gaps between them: no case for the short way."""
    gaps = np.zeros((*array.shape, 2), array.dtype)
    gaps[..., 0] = array
    return gaps[..., 0]


class Subclass(np.ndarray):
    pass


def read_only(array):
    array.flags.writeable = False
    return array


UNALIGNED = np.frombuffer(b"\0" + Z.tobytes(), np.uint8)[1:].view(np.float32).reshape(Z.shape)
REFUSED = {  # (axis, temperature, out, x)
    "a list": (-1, 1.0, None, Z.tolist()),
    "a subclass": (-1, 1.0, None, Z.view(Subclass)),
    "Fortran order": (-1, 1.0, None, np.asfortranarray(Z)),
    "the other byte order": (-1, 1.0, None, Z.astype(Z.dtype.newbyteorder())),
    "integers": (-1, 1.0, None, Y),
    "complex numbers": (-1, 1.0, None, Z.astype(np.complex64)),
    "no address for float32": (-1, 1.0, None, UNALIGNED),
    "no entries": (-1, 1.0, None, Z[:0]),
    "no classes": (-1, 1.0, None, np.zeros((3, 0), np.float32)),
    "no axes": (-1, 1.0, None, np.float32(1.0) + np.zeros((), np.float32)),
    "an axis too far": (3, 1.0, None, Z),
    "a negative axis too far": (-4, 1.0, None, Z),
    "a huge axis": (2**70, 1.0, None, Z),
    "all axes": (None, 1.0, None, Z),
    "two axes": ((0, 1), 1.0, None, Z),
    "True as an axis": (True, 1.0, None, Z),
    "an integer of NumPy": (np.int64(1), 1.0, None, Z),
    "an integer as temperature": (-1, 1, None, Z),
    "no temperature": (-1, 0.0, None, Z),
    "a temperature that is NaN": (-1, float("nan"), None, Z),
    "a result elsewhere that is too short": (-1, 1.0, np.empty((6, 5, 3), np.float32), Z),
    "a result of another dtype": (-1, 1.0, np.empty(Z.shape, np.float64), Z),
    "a result that is read-only": (-1, 1.0, read_only(np.empty_like(Z)), Z),
    "a result in Fortran order": (-1, 1.0, np.empty_like(np.asfortranarray(Z)), Z),
    "a result that is a list": (-1, 1.0, Z.tolist(), Z),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not_fit_goes_the_long_way(case):
    axis, temperature, out, x = REFUSED[case]
    before = None if out is None else np.array(out).tobytes()
    assert shortly(_kernels.short_softmax, axis, temperature, out, x) is None
    assert before is None or np.array(out).tobytes() == before


def test_a_result_that_overlaps_the_logits_goes_the_long_way():
    memory = Z.reshape(-1).copy()
    x, out = memory[:-4].reshape(-1, 4), memory[4:].reshape(-1, 4)
    wanted = sg.softmax(x.copy())
    assert shortly(_kernels.short_softmax, -1, 1.0, out, x) is None
    assert sg.softmax(x, out=out) is out and out.tobytes() == wanted.tobytes()


def test_logits_for_probabilities_go_the_long_way_which_refuses_them():
    assert shortly(_kernels.short_softmax_vjp, -1, 1.0, None, Z, Z) is None
    with pytest.raises(sg.errors.DataError):
        sg.softmax_vjp(Z, Z)


@pytest.mark.parametrize("options", [{}, {"axis": 1}, {"reduction": "sum"}, {"ignore_index": -7, "temperature": 2.0}])
@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_takes_the_short_way_from_the_second_call_on(name, options, monkeypatch):
    function = getattr(sg, f"{name}_with_grad")
    y = RNG.integers(0, 4, (6, 4)) if options.get("axis") == 1 else Y.copy()
    y[0, 0] = options.get("ignore_index", y[0, 0])
    first = function(strided(Z), y, **options)
    taken, kernel = [], _kernels.short_loss

    def watched(*args):
        taken.append(kernel(*args))
        return taken[-1]

    monkeypatch.setattr(_kernels, "short_loss", watched)
    second = function(Z, y, **options)
    assert taken == [second.loss]
    assert type(first.loss) is type(second.loss) and first.loss == second.loss
    assert np.ascontiguousarray(first.grad).tobytes() == second.grad.tobytes()


def test_options_that_were_read_hide_no_error():
    sg.cross_entropy_with_grad(Z[0], Y[0])
    with pytest.raises(sg.errors.LabelError):
        sg.cross_entropy_with_grad(Z[0], Y[0] + 4)
    with pytest.raises(sg.errors.ShapeError):
        sg.cross_entropy_with_grad(Z[0], Y[0, :3])
    sg.cross_entropy_with_grad(Z[0], Y[0] % 4, axis=1)
    with pytest.raises(sg.errors.AxisError):
        sg.cross_entropy_with_grad(Z[0], Y[0], axis=True)
    with pytest.raises(sg.errors.ShapeError):
        sg.cross_entropy_with_grad(Z[0], Y[0], out=np.empty((5, 3), np.float32))


def test_what_a_short_loss_leaves_to_the_long_way():
    short, options = ShortLoss("cross_entropy"), {"weight": np.ones(4)}
    assert short(Z[0], Y[0], None, options) is None  # arrays have no hash
    assert short(Z[0], Y[0], None, {"axis": 1}) is None  # not read yet
    result = sg.cross_entropy_with_grad(Z[0], np.full(5, -7), ignore_index=-7)
    assert sg.cross_entropy_with_grad(Z[0], np.full(5, -7), ignore_index=-7).loss == result.loss == 0
    memory = np.zeros(16, np.int64)
    grad = memory.view(np.float32)[:20].reshape(5, 4)  # the classes lie where the gradient is to be written
    assert sg.cross_entropy_with_grad(Z[0], memory[:5], out=grad).loss == sg.cross_entropy(Z[0], np.zeros(5, int))


class Changing:
    """A number that can change, as that in a tensor can; its hash is that of the object."""

    def __init__(self, value):
        self.value = value

    def __float__(self):
        return self.value


@pytest.mark.parametrize("kind", [Changing, np.array])
@pytest.mark.parametrize("name", LOSSES)
def test_an_option_that_can_change_is_read_at_each_call(name, kind):
    function, temperature = getattr(sg, f"{name}_with_grad"), kind(1.0)
    losses = [function(Z, Y, temperature=temperature).loss for _ in range(2)]
    if kind is Changing:
        temperature.value = 3.0
    else:
        temperature[...] = 3.0
    losses.append(function(Z, Y, temperature=temperature).loss)
    assert losses == [function(Z, Y, temperature=T).loss for T in (1.0, 1.0, 3.0)]


@pytest.mark.parametrize("ignore_index", [-(2**63), -(2**63) - 1, -(10**400), 2**63])
def test_an_index_to_ignore_may_have_any_size(ignore_index):
    losses = [sg.cross_entropy_with_grad(Z, Y, ignore_index=ignore_index).loss for _ in range(2)]
    assert losses == [sg.cross_entropy(Z, Y)] * 2


def test_the_last_options_are_known_however_many_there_were(monkeypatch):
    monkeypatch.setattr(_short, "MANY", 4)
    short = ShortLoss("cross_entropy")
    for temperature in np.linspace(1.0, 2.0, 11).tolist():
        options = {"temperature": temperature}
        short.remember(options, LOSS.read("cross_entropy", Z, Y, options))
        assert short(Z, Y, None, options) is not None
        assert len(short._known) <= 4
