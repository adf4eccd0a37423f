"""The loss of a network with options, sample weights and dropout: the values of the judge, and gradients that pass."""

import numpy as np
import pytest

from judge.batch import rows as judged_rows
from nn.networks import D, K, N, batch
from softgrad import DataError, OptionError, ShapeError, nn
from softgrad.check import compare_gradients
from tolerance import assert_within

CLASS_WEIGHT = [0.5, 2.0, 1.25]
S = np.array([1.0, 0.0, 2.5, 0.25, 1.0, 3.0, 0.5])

OPTIONS = {  # name: (loss, options)
    "none": ("cross_entropy", {}),
    "class weights": ("cross_entropy", {"weight": CLASS_WEIGHT}),
    "label smoothing": ("cross_entropy", {"label_smoothing": 0.2}),
    "both": ("cross_entropy", {"weight": CLASS_WEIGHT, "label_smoothing": 0.2}),
    "z-loss": ("cross_entropy", {"z_loss": 0.1}),
    "softcap and temperature": ("squared_error", {"softcap": 2.0, "temperature": 0.5}),
    "gamma": ("focal_loss", {"gamma": 1.5, "weight": CLASS_WEIGHT}),
    "kl": ("kl_divergence", {"label_smoothing": 0.1}),
}
every_case = pytest.mark.parametrize("case", OPTIONS)
every_target = pytest.mark.parametrize("target", ["class indices", "probabilities"])
weighted = pytest.mark.parametrize("weighted", [False, True], ids=["mean", "sample weights"])


def make(case, dtype=np.float64):
    loss, options = OPTIONS[case]
    network = nn.Network([nn.Dense(4), nn.Tanh(), nn.Dense(K)], loss=loss, dtype=dtype, **options)
    network.initialize(D, seed=0)
    for parameter in network.parameters.values():
        parameter += 0.2
    return network


def judged(case, network, x, t, s):
    """The weighted mean of the judge's losses of the rows."""
    loss, options = OPTIONS[case]
    options = {name: np.asarray(value) if name == "weight" else value for name, value in options.items()}
    each = judged_rows(loss, network.logits(x), t, **options).loss.value
    counts = np.ones(N) if s is None else s
    if t.ndim == 1 and "weight" in options:
        return (s_or_one(s) * each).sum() / (counts * options["weight"][t]).sum()
    return (s_or_one(s) * each).sum() / counts.sum()


def s_or_one(s):
    return np.ones(N) if s is None else s


@every_case
@every_target
@weighted
def test_the_loss_is_the_weighted_mean_of_the_judge(case, target, weighted):
    network, (x, t) = make(case), batch(target)
    s = S if weighted else None
    wanted = judged(case, network, x, t, s)
    assert_within(32, network.loss(x, t, sample_weight=s), wanted)
    assert_within(32, network.loss_with_grads(x, t, sample_weight=s).loss, wanted)


@every_case
@every_target
@weighted
def test_the_gradient_passes_the_check(case, target, weighted):
    network, (x, t) = make(case), batch(target)
    s = S if weighted else None
    grads = network.loss_with_grads(x, t, sample_weight=s).grads
    worst = compare_gradients(lambda: float(network.loss(x, t, sample_weight=s)), network.parameters, grads)
    assert worst.error < 1e-6, worst


@pytest.mark.parametrize("slip", ["without the weights", "divided by the rows", "of another row"])
def test_a_planted_slip_in_the_sample_weights_is_caught(slip, monkeypatch):
    network, (x, t) = make("class weights"), batch()
    wrong = {"without the weights": np.ones(N), "divided by the rows": S * S.sum() / N, "of another row": np.roll(S, 1)}
    right = network.objective.loss_with_grad
    grads = {}

    def slipped(logits, target, s, out=None):
        loss, grad = right(logits, target, s, out)
        return loss, grad * (wrong[slip] / np.where(s > 0, s, 1))[:, None]

    monkeypatch.setattr(network.objective, "loss_with_grad", slipped)
    grads = network.loss_with_grads(x, t, sample_weight=S).grads
    worst = compare_gradients(lambda: float(network.loss(x, t, sample_weight=S)), network.parameters, grads)
    assert worst.error > 1e-3


def test_integer_sample_weights_repeat_rows():
    network, (x, t) = make("both"), batch()
    s = np.array([1, 0, 2, 3, 1, 1, 2])
    repeated = np.repeat(np.arange(N), s)
    one, other = network.loss_with_grads(x, t, sample_weight=s), network.loss_with_grads(x[repeated], t[repeated])
    assert_within(16, one.loss, other.loss)
    for name, grad in one.grads.items():
        assert_within(64, grad, other.grads[name], np.full_like(grad, np.abs(grad).max()))


def test_ignored_rows_count_neither_with_sample_weights_nor_without():
    network, (x, t) = make("class weights"), batch()
    ignoring = nn.Network(network.layers, dtype=np.float64, weight=CLASS_WEIGHT, ignore_index=-100)
    ignoring.in_features = D
    marked, kept = t.copy(), np.arange(N) != 3
    marked[3] = -100
    for s in (None, S):
        of_kept = None if s is None else s[kept]
        wanted = network.loss_with_grads(x[kept], t[kept], sample_weight=of_kept)
        got = ignoring.loss_with_grads(x, marked, sample_weight=s)
        assert_within(16, got.loss, wanted.loss)
        for name, grad in wanted.grads.items():
            assert_within(64, got.grads[name], grad, np.full_like(grad, np.abs(grad).max()))


def test_weights_that_are_all_0_give_loss_and_gradient_0():
    network, (x, t) = make("class weights"), batch()
    loss, grads = network.loss_with_grads(x, t, sample_weight=np.zeros(N))
    assert loss == 0
    assert not any(grad.any() for grad in grads.values())


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_results_keep_the_dtype(dtype):
    network, (x, t) = make("both", dtype), batch()
    loss, grads = network.loss_with_grads(x, t, sample_weight=S)
    assert {a.dtype for a in (loss, network.loss(x, t, sample_weight=S), *grads.values())} == {np.dtype(dtype)}


def dropping(rate=0.5):
    layers = [nn.Dropout(rate), nn.Dense(6), nn.ReLU(), nn.Dropout(rate), nn.Dense(K)]
    return nn.Network(layers, dtype=np.float64).initialize(D, seed=0)


def test_the_gradient_with_dropout_passes_the_check():
    """The same masks are drawn for every call."""
    network, (x, t) = dropping(), batch()
    for parameter in network.parameters.values():
        parameter += 0.1
    network.layers[1].parameters["bias"] += 1

    def call():
        return network.loss_with_grads(x, t, rng=np.random.default_rng(5))

    worst = compare_gradients(lambda: float(call().loss), network.parameters, call().grads)
    assert worst.error < 1e-6, worst
    without = network.loss_with_grads(x, t).grads
    worst = compare_gradients(lambda: float(call().loss), network.parameters, without)
    assert worst.error > 1e-3


def test_dropout_does_nothing_where_a_network_is_used():
    network, (x, t) = dropping(), batch()
    plain = nn.Network([network.layers[1], nn.ReLU(), network.layers[4]], dtype=np.float64)
    plain.in_features = D
    np.testing.assert_array_equal(network.logits(x), plain.logits(x))
    assert network.loss(x, t) == plain.loss(x, t)


@pytest.mark.parametrize("rate", [0.0, 0.1, 0.5, 0.9])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_mask_has_the_rate_of_zeros_and_the_mean_1(rate, dtype):
    layer, size = nn.Dropout(rate), 200_000
    uniform, mask = np.empty(size, np.float32), np.empty(size, dtype)
    layer.draw_mask(np.random.default_rng(0), uniform, mask)
    assert set(np.unique(mask)) <= {0.0, dtype(1) * (1 / (1 - rate))}
    assert abs((mask == 0).mean() - rate) < 0.005
    assert abs(mask.mean() - 1) < 0.02


def test_options_are_shown_and_saved(tmp_path):
    network, (x, t) = make("both"), batch()
    assert "loss='cross_entropy', weight=[0.5, 2.0, 1.25], label_smoothing=0.2, dtype=float64" in repr(network)
    network.objective.options["weight"] = np.array(CLASS_WEIGHT)
    nn.save(network, tmp_path / "model.safetensors")
    loaded, _ = nn.load(tmp_path / "model.safetensors")
    assert loaded.loss_options == {"weight": CLASS_WEIGHT, "label_smoothing": 0.2}
    assert loaded.loss(x, t) == network.loss(x, t)


def test_dropout_is_saved(tmp_path):
    nn.save(dropping(0.25), tmp_path / "model.safetensors")
    assert repr(nn.load(tmp_path / "model.safetensors")[0].layers) == repr(dropping(0.25).layers)


x, t = batch()
INVALID = {  # name: (call, error, message)
    "smoothing": (lambda: nn.Network([nn.Dense(K)], label_smoothing=2), OptionError, "label_smoothing is 2, wanted a"),
    "gamma": (lambda: nn.Network([nn.Dense(K)], loss="focal_loss", gamma=-1), OptionError, "gamma is -1, wanted 0 or"),
    "gamma of another loss": (lambda: nn.Network([nn.Dense(K)], gamma=2), TypeError, "unexpected option 'gamma'"),
    "reduction": (lambda: nn.Network([nn.Dense(K)], reduction="sum"), TypeError, "unexpected option 'reduction'"),
    "misspelled": (
        lambda: nn.Network([nn.Dense(K)], label_smothing=0.1),
        TypeError,
        "Network: unexpected option 'label_smothing'; did you mean label_smoothing?",
    ),
    "weights of two classes": (
        lambda: nn.Network([nn.Dense(K)], weight=[1, 2]).initialize(D).loss(x, t),
        ShapeError,
        r"weight.shape is \(2,\), wanted \(3,\), one number per class",
    ),
    "too few sample weights": (
        lambda: make("none").loss(x, t, sample_weight=[1, 2]),
        ShapeError,
        r"Network: sample_weight.shape is \(2,\), wanted \(7,\), one weight per row",
    ),
    "negative sample weight": (
        lambda: make("none").loss_with_grads(x, t, sample_weight=-S),
        DataError,
        r"Network: sample_weight\[0\] is -1.0, wanted 0 or a positive number",
    ),
    "sample weight NaN in training": (
        lambda: nn.train(make("none"), x, t, sample_weight=np.where(S == 2.5, np.nan, S)),
        DataError,
        r"train: sample_weight\[2\] is nan, wanted 0 or a positive number",
    ),
}


@pytest.mark.parametrize("case", INVALID)
def test_an_invalid_call_raises(case):
    call, error, message = INVALID[case]
    with pytest.raises(error, match=message):
        call()
