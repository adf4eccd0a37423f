"""The short way (kernels/short_calls.hpp): what takes it, what does not, and that both ways give the same bits."""

import inspect
import itertools
import subprocess
import sys

import ml_dtypes
import numpy as np
import pytest

import softgrad as sg
from softgrad import _kernels
from softgrad.losses import _short
from softgrad.losses._short import shortly, shortly_with_grad

RNG = np.random.default_rng(0)
Z = RNG.standard_normal((6, 5, 4)).astype(np.float32)
Y = RNG.integers(0, 4, (6, 5))
SHORT = {
    "softmax": _kernels.short_softmax,
    "log_softmax": _kernels.short_log_softmax,
    "logsumexp": _kernels.short_logsumexp,
    "softmax_vjp": _kernels.short_softmax_vjp,
    "softmax_jvp": _kernels.short_softmax_vjp,
    "log_softmax_vjp": _kernels.short_log_softmax_vjp,
    "log_softmax_jvp": _kernels.short_log_softmax_jvp,
    "logsumexp_vjp": _kernels.short_logsumexp_vjp,
}
WITHOUT_OUT = ["logsumexp", "logsumexp_vjp"]
FLOATS = [np.float16, ml_dtypes.bfloat16, np.float32, np.float64]
LOSSES = ["cross_entropy", "focal_loss", "kl_divergence", "squared_error"]


def arrays_of(name, dtype, axis):
    z = Z.astype(dtype)
    if name in ("softmax", "log_softmax", "logsumexp"):
        return (z,)
    if name == "logsumexp_vjp":
        return z, RNG.standard_normal(np.delete(z.shape, axis)).astype(dtype)
    first = sg.log_softmax(z, axis=axis) if name.startswith("log_softmax") else sg.softmax(z, axis=axis)
    return first, RNG.standard_normal(z.shape).astype(dtype)


def same(a, b):
    return type(a) is type(b) and a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


@pytest.mark.parametrize("name", SHORT)
def test_both_ways_give_the_same_bits(name):
    for dtype, axis, order in itertools.product(FLOATS, (-1, 0, 1), "CF"):
        options = {"axis": axis, "temperature": 2}
        arrays = [np.asarray(array, order=order) for array in arrays_of(name, dtype, axis)]
        short = SHORT[name](tuple(arrays), options)
        long = getattr(sg, name)(*map(strided, arrays), **options)
        if name == "logsumexp_vjp" and (axis != -1 or order == "F" or arrays[0].itemsize == 2):
            assert short is None
            continue
        assert same(short, long)
        assert short.flags.f_contiguous == (order == "F")
        if name not in WITHOUT_OUT:
            out = arrays[0].copy(order)
            assert SHORT[name]((out, *arrays[1:]), {**options, "out": out}) is out  # in place
            assert same(out, long)


@pytest.mark.parametrize("name", SHORT)
def test_the_public_functions_take_the_short_way(name):
    closure = inspect.getclosurevars(getattr(sg, name)).nonlocals
    assert closure["shortly"] is SHORT[name]
    for shape in ((9,), (1, 10), (64, 10), (16, 1000)):
        z = RNG.standard_normal(shape).astype(np.float32)
        g = z if name not in WITHOUT_OUT else np.array(z[..., 0])
        first = sg.log_softmax(z) if name.startswith("log_softmax") else sg.softmax(z)
        arguments = (z if name.startswith("logsumexp") else first, g)[: 1 + ("_" in name.replace("log_softmax", ""))]
        assert same(SHORT[name](arguments, {}), getattr(sg, name)(*map(strided, arguments)))


def strided(array):
    """The same numbers, with gaps between them: no case for the short way."""
    gaps = np.zeros((*array.shape, 2), array.dtype)
    gaps[..., 0] = array
    return gaps[..., 0] if array.ndim else array


class Subclass(np.ndarray):
    pass


def read_only(array):
    array.flags.writeable = False
    return array


UNALIGNED = np.frombuffer(b"\0" + Z.tobytes(), np.uint8)[1:].view(np.float32).reshape(Z.shape)
REFUSED = {  # (x, options)
    "a list": (Z.tolist(), {}),
    "a subclass": (Z.view(Subclass), {}),
    "gaps between entries": (Z[:, ::2], {}),
    "the other byte order": (Z.astype(Z.dtype.newbyteorder()), {}),
    "integers": (Y, {}),
    "integers of 32 bits": (Y.astype(np.int32), {}),
    "complex numbers": (Z.astype(np.complex64), {}),
    "no address for float32": (UNALIGNED, {}),
    "no entries": (Z[:0], {}),
    "no classes": (np.zeros((3, 0), np.float32), {}),
    "no axes": (np.zeros((), np.float32), {}),
    "a mask": (Z, {"where": np.ones(Z.shape, bool)}),
    "an axis too far": (Z, {"axis": 3}),
    "a negative axis too far": (Z, {"axis": -4}),
    "a huge axis": (Z, {"axis": 2**70}),
    "all axes": (Z, {"axis": None}),
    "two axes": (Z, {"axis": (0, 1)}),
    "True as an axis": (Z, {"axis": True}),
    "an integer of NumPy": (Z, {"axis": np.int64(1)}),
    "True as temperature": (Z, {"temperature": True}),
    "a huge temperature": (Z, {"temperature": 10**400}),
    "no temperature": (Z, {"temperature": 0.0}),
    "a temperature that is NaN": (Z, {"temperature": float("nan")}),
    "an unknown option": (Z, {"temprature": 1.0}),
    "an option of another function": (Z, {"keepdims": False}),
    "a result that is too short": (Z, {"out": np.empty((6, 5, 3), np.float32)}),
    "a result of another dtype": (Z, {"out": np.empty(Z.shape, np.float64)}),
    "a result that is read-only": (Z, {"out": read_only(np.empty_like(Z))}),
    "a result in Fortran order": (Z, {"out": np.empty_like(np.asfortranarray(Z))}),
    "a result that is a list": (Z, {"out": Z.tolist()}),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not_fit_goes_the_long_way(case):
    x, options = REFUSED[case]
    before = np.array(options.get("out")).tobytes()
    assert _kernels.short_softmax((x,), options) is None
    assert np.array(options.get("out")).tobytes() == before


@pytest.mark.parametrize("name", SHORT)
def test_other_numbers_of_arguments_go_the_long_way(name):
    for count in {0, 1, 2, 3} - {1 + name.endswith(("_vjp", "_jvp"))}:
        assert SHORT[name]((Z,) * count, {}) is None


def test_logsumexp_with_class_axes_kept_or_a_result_goes_the_long_way():
    assert _kernels.short_logsumexp((Z,), {"keepdims": True}) is None
    assert _kernels.short_logsumexp((Z,), {"out": np.empty((6, 5), np.float32)}) is None
    assert _kernels.short_logsumexp((Z,), {"keepdims": False, "out": None}) is not None


def test_a_result_that_overlaps_the_logits_goes_the_long_way():
    memory = Z.reshape(-1).copy()
    x, out = memory[:-4].reshape(-1, 4), memory[4:].reshape(-1, 4)
    wanted = sg.softmax(x.copy())
    assert _kernels.short_softmax((x,), {"out": out}) is None
    assert sg.softmax(x, out=out) is out and out.tobytes() == wanted.tobytes()


def test_logits_for_probabilities_go_the_long_way_which_refuses_them():
    assert _kernels.short_softmax_vjp((Z, Z), {}) is None
    with pytest.raises(sg.errors.DataError):
        sg.softmax_vjp(Z, Z)


@pytest.mark.parametrize("option", ["temprature", "keepdims"])
def test_an_unknown_option_is_still_explained(option):
    with pytest.raises(TypeError, match=f"softmax: unexpected option '{option}'"):
        sg.softmax(Z, **{option: False})


@pytest.mark.parametrize("options", [{}, {"axis": 1}, {"reduction": "sum"}, {"ignore_index": -7, "temperature": 2.0}])
@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_takes_the_short_way(name, options):
    y = RNG.integers(0, 4, (6, 4)) if options.get("axis") == 1 else Y.copy()
    y[0, 0] = options.get("ignore_index", y[0, 0])
    for dtype in FLOATS:
        z, out = Z.astype(dtype), np.empty(Z.shape, dtype)
        long = getattr(sg, f"{name}_with_grad")(strided(z), y, **options)
        assert same(long.loss, shortly(name)((z, y), options))
        for short in (
            shortly_with_grad(name)((z, y), options),
            shortly_with_grad(name)((z, y.astype(np.int32)), options),
            shortly_with_grad(name)((z, y), {**options, "out": out}),
        ):
            assert type(short) is sg.LossAndGrad
            assert same(short.loss, long.loss) and same(short.grad, long.grad)
        assert short.grad is out


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


LEFT = {  # (logits, target, options)
    "class weights": (Z[0], Y[0], {"weight": np.ones(4)}),
    "no reduction": (Z[0], Y[0], {"reduction": "none"}),
    "an unknown option": (Z[0], Y[0], {"reducton": "sum"}),
    "a wrong option": (Z[0], Y[0], {"label_smoothing": 2.0}),
    "an axis of NumPy": (Z[0], Y[0], {"axis": np.int64(1)}),
    "a class is ignored": (Z[0], Y[0], {"ignore_index": 1}),
    "all rows are ignored": (Z[0], np.full(5, -7), {"ignore_index": -7}),
    "a class outside": (Z[0], Y[0] + 4, {}),
    "True for every class": (Z[0], Y[0], {"where": True}),
    "False for every class": (Z[0], Y[0], {"where": False}),
    "probabilities": (Z[0], np.full((5, 4), 0.25, np.float32), {}),
    "classes of 8 bits": (Z[0], Y[0].astype(np.int8), {}),
    "classes with gaps": (Z[0], strided(Y[0]), {}),
    "too few classes": (Z[0], Y[0, :3], {}),
    "Fortran order, whose losses are added in that of C": (np.asfortranarray(Z[0]), Y[0], {}),
    "a result that is too short": (Z[0], Y[0], {"out": np.empty((5, 3), np.float32)}),
}


@pytest.mark.parametrize("case", LEFT)
def test_what_a_short_loss_leaves_to_the_long_way(case):
    *arrays, options = LEFT[case]
    assert shortly_with_grad("cross_entropy")(tuple(arrays), options) is None
    assert "out" in options or shortly("cross_entropy")(tuple(arrays), options) is None


def test_a_gradient_over_the_classes_goes_the_long_way():
    memory = np.zeros(16, np.int64)
    grad = memory.view(np.float32)[:20].reshape(5, 4)
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


def test_no_class_of_any_row_takes_part():
    for _ in range(2):
        loss, grad = sg.cross_entropy_with_grad(Z, Y, where=False)
        assert loss == sg.cross_entropy(Z, Y, where=False) == 0 and not grad.any()


class WithoutHash(type):
    __hash__ = None


class Unhashable(Changing, metaclass=WithoutHash):
    """A number whose type cannot be looked up in a set; NumPy from 2.5 on does not make an array of it."""

    ndim = 0


def test_an_option_of_a_type_without_a_hash_goes_the_long_way():
    assert shortly("cross_entropy")((Z, Y), {"temperature": Unhashable(2.0)}) is None
    assert sg.cross_entropy(Z, Y, temperature=Unhashable(2.0)) == sg.cross_entropy(Z, Y, temperature=2.0)


@pytest.mark.parametrize("error", [KeyboardInterrupt, OverflowError])
def test_only_errors_are_left_to_the_long_way(error, monkeypatch):
    def read_batch(*arguments, **options):
        raise error

    monkeypatch.setattr(_short, "read_batch", read_batch)
    short = shortly("cross_entropy")
    if error is OverflowError:
        assert short((Z, Y), {}) is None
    else:
        with pytest.raises(KeyboardInterrupt):
            short((Z, Y), {})


WITHOUT_MEMORY = """
import resource
import numpy as np
import softgrad as sg
sg.set_num_threads(1)
z, y = np.zeros((1 << 23, 2), np.float32), np.zeros(1 << 23, np.int64)
y32, out, columns = y.astype(np.int32), np.empty_like(z), np.zeros((2, 1 << 18, 3), np.float32)
calls = [
    lambda: sg.cross_entropy(z, y), lambda: sg.cross_entropy(z, y32),
    lambda: sg.cross_entropy_with_grad(z, y, out=out), lambda: sg.softmax(columns, axis=1, out=columns),
]
pages = int(open("/proc/self/statm").read().split()[0])
resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + (1 << 20),) * 2)
for call in calls:
    try:
        call()
    except MemoryError:
        print("caught")
"""


def test_too_little_memory_is_an_error_of_python():
    process = subprocess.run([sys.executable, "-c", WITHOUT_MEMORY], capture_output=True, text=True)
    assert (process.returncode, process.stderr, process.stdout.split()) == (0, "", ["caught"] * 4)


@pytest.mark.parametrize("ignore_index", [-(2**63), -(2**63) - 1, -(10**400), 2**63])
def test_an_index_to_ignore_may_have_any_size(ignore_index):
    losses = [sg.cross_entropy_with_grad(Z, Y, ignore_index=ignore_index).loss for _ in range(2)]
    assert losses == [sg.cross_entropy(Z, Y)] * 2


def test_some_options_are_known_and_a_call_with_others_is_right(monkeypatch):
    monkeypatch.setattr(_short, "MANY", 4)
    short = shortly("cross_entropy")
    results = [short((Z, Y), {"temperature": T}) for T in np.linspace(1.0, 2.0, 6).tolist() * 2]
    assert [result is not None for result in results] == [True, True, True, True, False, False] * 2
    assert results[:4] == results[6:10]


def test_options_of_other_types_are_told_apart():
    short = shortly("cross_entropy")
    assert short((Z, Y), {"temperature": 1.0}) == short((Z, Y), {"temperature": 1})
    assert short((Z, Y), {"temperature": True}) is None
    assert short((Z, Y), {"label_smoothing": 0.0, "axis": -1}) == short((Z, Y), {})
