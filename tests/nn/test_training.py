"""The training loop: which rows each batch holds, when training stops, and which parameters are kept."""

import numpy as np
import pytest

from cases import LOSSES
from softgrad import nn
from softgrad.nn.workspace import Workspace

N, K = 10, 2


def problem(rows=N):
    """Two classes that the sign of the first column separates. The second column holds the row index, divided by N."""
    rng = np.random.default_rng(0)
    target = np.arange(rows) % K
    x = np.column_stack([(2 * target - 1) * rng.uniform(1, 2, rows), np.arange(rows) / rows])
    x.setflags(write=False)
    target.setflags(write=False)
    return x, target


def make(dtype=np.float64, loss="cross_entropy"):
    return nn.Network([nn.Dense(6), nn.Tanh(), nn.Dense(K)], loss=loss, dtype=dtype).initialize(2, seed=0)


def on_each_batch(monkeypatch, look):
    """Calls look(x, target) with every batch of a training, before its step."""
    original = Workspace.loss_with_grads

    def spy(self, x, target, *others):
        look(x, target)
        return original(self, x, target, *others)

    monkeypatch.setattr(Workspace, "loss_with_grads", spy)


def batches_seen(monkeypatch):
    """A list to which training appends the row indices of every batch."""
    seen = []
    on_each_batch(monkeypatch, lambda x, _: seen.append([round(value * N) for value in x[:, 1].tolist()]))
    return seen


@pytest.mark.parametrize(("size", "sizes"), [(4, [4, 4, 2]), (5, [5, 5]), (1, [1] * N), (N, [N]), (99, [N])])
def test_each_epoch_uses_every_row_once_in_a_new_order(size, sizes, monkeypatch):
    network, (x, target) = make(), problem()
    seen = batches_seen(monkeypatch)
    nn.train(network, x, target, batch_size=size, epochs=3, seed=0)
    assert [len(batch) for batch in seen] == 3 * sizes
    orders = np.reshape([row for batch in seen for row in batch], (3, N)).tolist()
    assert [sorted(order) for order in orders] == 3 * [list(range(N))]
    assert len({tuple(order) for order in [list(range(N)), *orders]}) == 4


def test_rows_and_targets_stay_together(monkeypatch):
    network, (x, target) = make(), problem()
    seen = []

    def look(x, target):
        seen.append(len(x))
        assert ((x[:, 0] > 0) == target).all()

    on_each_batch(monkeypatch, look)
    nn.train(network, x, target, batch_size=3, validation_split=0.3, epochs=2, seed=0)
    assert seen == 2 * [3, 3, 1]


def test_no_batch_holds_a_row_of_the_validation_split(monkeypatch):
    network, (x, target) = make(), problem()
    seen = batches_seen(monkeypatch)
    history = nn.train(network, x, target, validation_split=0.3, batch_size=4, epochs=5, seed=0)
    trained = [frozenset(row for batch in seen[2 * i : 2 * i + 2] for row in batch) for i in range(5)]
    assert len(trained[0]) == 7
    assert len(set(trained)) == 1
    held_out = sorted(set(range(N)) - trained[0])
    assert min(epoch.validation_loss for epoch in history) == network.loss(x[held_out], target[held_out])


def test_epochs_are_numbered_reported_and_returned():
    network, (x, target), reported = make(), problem(), []
    history = nn.train(network, x, target, epochs=3, on_epoch=reported.append, seed=0)
    assert reported == history
    assert [epoch.number for epoch in history] == [1, 2, 3]
    assert [epoch.validation_loss for epoch in history] == [None] * 3


def test_the_loss_of_an_epoch_is_the_mean_over_its_rows(monkeypatch):
    """The steps are too short to change the loss. The batches have 4, 4 and 2 rows, and count accordingly."""
    network, (x, target) = make(), problem()
    before = network.loss(x, target)
    (epoch,) = nn.train(network, x, target, optimizer=nn.SGD(1e-300), batch_size=4, epochs=1, seed=0)
    assert abs(epoch.loss - before) < 1e-14


@pytest.mark.parametrize("patience", [1, 3])
def test_training_stops_early_and_restores_the_best_parameters(patience):
    """The validation target gives each row 80 % for its class: its loss falls until the network predicts that much."""
    network, (x, target) = make(), problem()
    soft_target = 0.2 + 0.6 * np.eye(K)[target]
    history = nn.train(
        network,
        x,
        target,
        optimizer=nn.SGD(0.1),
        validation=(x, soft_target),
        patience=patience,
        epochs=500,
        seed=0,
    )
    losses = [epoch.validation_loss for epoch in history]
    best = int(np.argmin(losses))
    assert best > 0
    assert len(losses) == best + 1 + patience < 500
    assert network.loss(x, soft_target) == losses[best]


def test_without_a_validation_set_all_epochs_run_and_the_last_parameters_are_kept():
    network, (x, target), losses = make(), problem(), []
    nn.train(
        network,
        x,
        target,
        epochs=30,
        patience=1,
        on_epoch=lambda _: losses.append(float(network.loss(x, target))),
        seed=0,
    )
    assert len(losses) == 30
    assert network.loss(x, target) == losses[-1]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_same_seed_gives_the_same_bits(dtype):
    x, target = problem()
    networks = [make(dtype) for _ in range(3)]
    for network, seed in zip(networks, (1, 1, 2), strict=True):
        nn.train(network, x, target, epochs=5, batch_size=4, validation_split=0.2, seed=seed)
    first, same, other = (b"".join(p.tobytes() for p in network.parameters.values()) for network in networks)
    assert first == same
    assert first != other


OPTIMIZERS = {"adam": lambda: nn.Adam(0.05), "sgd": lambda: nn.SGD(0.1), "the default": lambda: None}


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_separable_classes_are_learned(optimizer, loss, dtype):
    network, (x, target) = make(dtype, loss), problem()
    history = nn.train(network, x, target, optimizer=OPTIMIZERS[optimizer](), batch_size=5, epochs=200, seed=0)
    assert (network.predict(x) == target).all()
    assert history[-1].loss < history[0].loss / 3
    assert {value.dtype for value in network.parameters.values()} == {np.dtype(dtype)}


@pytest.mark.parametrize("loss", [loss for loss in LOSSES if loss != "focal_loss"])  # which is not least at p = t
def test_probabilities_are_learned(loss):
    """The rows are the unit vectors, so a single Dense layer can fit any distribution of each row."""
    x, target = np.eye(3), np.array([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.3, 0.3, 0.4]])
    network = nn.Network([nn.Dense(3)], loss=loss, dtype=np.float64).initialize(3, seed=0)
    nn.train(network, x, target, optimizer=nn.SGD(0.5), epochs=1000, seed=0)
    np.testing.assert_allclose(network.predict_proba(x), target, rtol=1e-3)
