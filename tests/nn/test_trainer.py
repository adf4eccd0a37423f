"""A trainer: a training that was stopped anywhere goes on to the same bits; schedules, stopping, and the L2 term."""

import errno
import json
import math
import os

import numpy as np
import pytest

from cost import cost, epoch_in_numpy
from nn.networks import D, K, batch
from softgrad import ModelError, OptionError, TrainingError, WriteError, nn
from softgrad.nn import checkpoint, sealed
from tolerance import assert_within

N = 23


def problem(rows=N, dtype=np.float64):
    rng = np.random.default_rng(0)
    target = rng.integers(0, K, rows)
    return (rng.normal(0, 1, (rows, D)) + np.eye(K, D)[target]).astype(dtype), target


def network(dtype=np.float32, **options):
    layers = [nn.Dense(6), nn.ReLU(), nn.Dropout(0.3), nn.Dense(4), nn.Tanh(), nn.Dense(K)]
    return nn.Network(layers, dtype=dtype, **options).initialize(D, seed=0)


def accuracy(network, x, target):
    return float((network.predict(x) == target).mean())


SETTINGS = {  # name: the arguments of the trainer, made anew for every trainer
    "adam": dict,
    "adamw": lambda: {"optimizer": nn.Adam(0.01, weight_decay=0.1)},
    "sgd": lambda: {"optimizer": nn.SGD(0.05)},
    "nesterov": lambda: {"optimizer": nn.SGD(0.05, nesterov=True), "alpha": 0.1},
    "cosine": lambda: {"schedule": "cosine"},
    "plateau": lambda: {"schedule": nn.Plateau(patience=1), "optimizer": nn.SGD(0.5)},
    "early stopping": lambda: {"validation": problem(9), "patience": 2, "optimizer": nn.SGD(0.5)},
    "score": lambda: {"validation": problem(9), "patience": 4, "score": accuracy, "optimizer": nn.SGD(0.5)},
    "sample weights": lambda: {"sample_weight": np.arange(N) % 4},
    "in order": lambda: {"shuffle": False},
    "another generator": lambda: {"seed": np.random.Generator(np.random.MT19937(3))},
}
every_setting = pytest.mark.parametrize("setting", SETTINGS)


def trainer(setting="adam", dtype=np.float32, **options):
    arguments = {"epochs": 6, "batch_size": 5, "seed": 1, **SETTINGS[setting](), **options}
    return nn.Trainer(network(dtype), *problem(), **arguments)


def bits(trainer):
    return b"".join(value.tobytes() for value in trainer.network.parameters.values())


def through_json(state):
    return {"arrays": state["arrays"], "facts": json.loads(json.dumps(state["facts"], allow_nan=False))}


@every_setting
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_training_stopped_after_any_epoch_goes_on_to_the_same_bits(setting, dtype):
    whole, states = trainer(setting, dtype), []
    whole.run(on_epoch=lambda _: states.append(whole.state()))
    assert states
    for saved in states:
        seed = np.random.Generator(np.random.MT19937(4)) if setting == "another generator" else 2
        resumed = trainer(setting, dtype, seed=seed)  # another one: the state holds the generator
        resumed.restore(through_json(saved))
        resumed.run()
        assert bits(resumed) == bits(whole)
        assert resumed.history == whole.history
        assert resumed.steps == whole.steps


@every_setting
def test_a_training_stopped_after_any_step_goes_on_to_the_same_bits(setting):
    whole, states = trainer(setting, epochs=2), []
    whole.run(on_step=lambda: states.append(whole.state()))
    assert len(states) == 2 * 4  # after each of the five steps of an epoch but the last
    for saved in states:
        resumed = trainer(setting, epochs=2)
        resumed.restore(through_json(saved))
        resumed.run()
        assert bits(resumed) == bits(whole)
        assert resumed.history == whole.history


def test_a_restored_trainer_leaves_the_state_and_the_first_trainer_as_they_were():
    first, second = trainer(), trainer()
    first.run_epoch()
    saved, before = first.state(), bits(first)
    kept = {name: array.copy() for name, array in saved["arrays"].items()}
    second.restore(saved)
    second.run()
    assert bits(first) == before
    for name, array in saved["arrays"].items():
        np.testing.assert_array_equal(array, kept[name])


FORGOTTEN = {  # name: what a state forgets; the setting in which that must show
    "the generator": ("adam", lambda s, fresh: s["facts"].update(generator=fresh["facts"]["generator"])),
    "the steps of adam": ("adam", lambda s, _: s["facts"]["optimizer"].update(steps=0)),
    "the squares of adam": ("adam", lambda s, _: s["arrays"]["optimizer.square/weight"].fill(0)),
    "the velocity": ("sgd", lambda s, _: s["arrays"]["optimizer.velocity/bias"].fill(0)),
    "the history": ("cosine", lambda s, _: s["facts"].update(history=[])),
    "the factor of the schedule": ("plateau", lambda s, _: s["facts"]["schedule"].update(factor=1.0)),
    "the epochs since the best": ("early stopping", lambda s, _: s["facts"]["stopping"].update(stale=-9)),
    "the best parameters": ("early stopping", lambda s, _: s["arrays"]["best/weight"].fill(0)),
    "the place in the epoch": ("in order", lambda s, _: s["facts"].update(batch=0)),
}


@pytest.mark.parametrize("name", FORGOTTEN)
def test_a_state_that_forgets_something_gives_other_bits(name):
    setting, forget = FORGOTTEN[name]
    whole, states = trainer(setting, epochs=12), []
    whole.run(on_epoch=lambda _: states.append(whole.state()), on_step=lambda: states.append(whole.state()))
    saved, resumed = states[-3], trainer(setting, epochs=12)
    forget(saved, resumed.state())
    resumed.restore(saved)
    resumed.run()
    assert (bits(resumed), resumed.history) != (bits(whole), whole.history)


@every_setting
def test_a_state_comes_back_from_a_file_as_it_was(setting, tmp_path):
    first, second = trainer(setting), trainer(setting)
    states = []
    first.run_epoch(on_step=lambda: states.append(first.state()))
    path = tmp_path / "folder" / "state.safetensors"
    nn.save_state(states[2], path, facts={"data": "table.csv"})
    saved, facts = nn.load_state(path)
    assert facts == {"data": "table.csv"}
    second.restore(saved)
    second.run()
    first.run()
    assert bits(second) == bits(first)
    assert second.history == first.history
    assert list(path.parent.iterdir()) == [path]


def test_a_damaged_file_and_a_model_are_no_states(tmp_path):
    path = tmp_path / "state.safetensors"
    nn.save_state(trainer().state(), path)
    data = bytearray(path.read_bytes())
    data[-3] ^= 1
    path.write_bytes(data)
    with pytest.raises(
        ModelError, match=r"load_state: .* is damaged or not a state of a training: its content does not"
    ):
        nn.load_state(path)
    nn.save(network(), path)
    with pytest.raises(ModelError, match=r"load_state: .* is not a softgrad state of a training; wanted a file that"):
        nn.load_state(path)
    nn.save_state(trainer().state(), path)
    with pytest.raises(ModelError, match=r"load: .* is not a softgrad model; wanted a model.safetensors"):
        nn.load(path)
    with pytest.raises(ModelError, match="save_state: facts cannot be written as JSON"):
        nn.save_state(trainer().state(), path, facts={"x": {1}})


def test_a_file_without_a_state_is_refused(tmp_path):
    path = tmp_path / "state.safetensors"
    path.write_bytes(sealed.to_bytes(checkpoint.TRAINING, {"facts": {}}, {"x": np.zeros(3)}))
    with pytest.raises(
        ModelError, match=r"load_state: .* does not describe a training: the description has no 'state'"
    ):
        nn.load_state(path)


def test_a_full_disk_leaves_the_last_state(tmp_path, monkeypatch):
    path, run = tmp_path / "state.safetensors", trainer()
    nn.save_state(run.state(), path)
    before = path.read_bytes()
    run.run_epoch()

    def raise_disk_full(*arguments):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("os.fsync", raise_disk_full)
    with pytest.raises(WriteError, match="cannot be written: No space left on device"):
        nn.save_state(run.state(), path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_score_that_is_not_finite_ends_the_training():
    with pytest.raises(TrainingError, match="train: the score is nan after epoch 1, wanted a finite number"):
        trainer(validation=problem(9), score=lambda *_: math.nan).run()


OTHER_SETTINGS = {  # name: (arguments of the trainer that restores, what the message names)
    "batch size": ({"batch_size": 4}, "batch_size is 4 here, but 5 where"),
    "alpha": ({"alpha": 0.5}, "alpha is 0.5 here, but 0.0 where"),
    "optimizer": ({"optimizer": nn.SGD()}, "optimizer is SGD here, but Adam where"),
    "schedule": ({"schedule": "cosine"}, "schedule is Cosine here, but Constant where"),
    "order": ({"shuffle": False}, "shuffle is False here, but True where"),
    "generator": ({"seed": np.random.Generator(np.random.MT19937(3))}, "generator is MT19937 here, but PCG64 where"),
}


@pytest.mark.parametrize("name", OTHER_SETTINGS)
def test_a_state_of_other_arguments_is_refused(name):
    options, message = OTHER_SETTINGS[name]
    saved, other = trainer().state(), trainer(**options)
    before = bits(other)
    with pytest.raises(ModelError, match=f"restore: {message} the state was saved; make the Trainer with the same"):
        other.restore(saved)
    assert bits(other) == before


def test_a_state_of_another_network_or_other_rows_is_refused():
    saved = trainer().state()
    wider = nn.Trainer(nn.Network([nn.Dense(9), nn.Dense(K)]).initialize(D, seed=0), *problem(), batch_size=5)
    with pytest.raises(ModelError, match="restore: network is Network"):
        wider.restore(saved)
    with pytest.raises(ModelError, match="restore: rows is 20 here, but 23"):
        nn.Trainer(network(), *problem(20), batch_size=5).restore(saved)


def test_batches_from_outside_make_the_same_steps_as_rows():
    x, target = problem()
    whole, fed = trainer("in order"), nn.Trainer(network(), epochs=6, seed=1)
    parts = [(x[i : i + 5], target[i : i + 5]) for i in range(0, N, 5)]
    for _ in range(2):
        whole.run_epoch()
        fed.run_epoch(parts)
    assert bits(fed) == bits(whole)
    assert fed.history == whole.history
    stopped = nn.Trainer(network(), epochs=6, seed=1)
    saved = []
    stopped.run_epoch(parts, on_step=lambda: saved.append(stopped.state()))
    stopped.run_epoch(parts)
    resumed = nn.Trainer(network(), epochs=6, seed=1)
    resumed.restore(saved[1])
    resumed.run_epoch(parts)
    resumed.run_epoch(parts)
    assert bits(resumed) == bits(stopped) == bits(whole)


def test_a_trainer_without_rows_wants_batches():
    with pytest.raises(OptionError, match="train: there are no rows; give the Trainer x and target, or give run_epoch"):
        nn.Trainer(network()).run_epoch()


@pytest.mark.parametrize("weighted", [False, True])
def test_the_step_with_alpha_follows_the_gradient_of_the_loss_with_its_l2_term(weighted):
    """One step of plain SGD moves by the gradient, which central differences of the documented loss give."""
    x, target = batch()
    s = np.arange(1.0, 8.0) if weighted else None
    alpha, n = 3.0, 7 if s is None else s.sum()
    net = nn.Network([nn.Dense(4), nn.Tanh(), nn.Dense(K)], dtype=np.float64).initialize(D, seed=0)
    for parameter in net.parameters.values():
        parameter += 0.1

    def loss():
        squares = sum((value**2).sum() for name, value in net.parameters.items() if name.endswith("weight"))
        return float(net.loss(x, target, sample_weight=s)) + alpha / (2 * n) * squares

    wanted, h = {}, 1e-5
    for name, parameter in net.parameters.items():
        slopes = np.empty_like(parameter)
        for index in np.ndindex(parameter.shape):
            value = parameter[index]
            parameter[index] = value + h
            above = loss()
            parameter[index] = value - h
            slopes[index] = (above - loss()) / (2 * h)
            parameter[index] = value
        wanted[name] = slopes
    before, total = {name: value.copy() for name, value in net.parameters.items()}, loss()
    sgd = nn.SGD(1.0, momentum=0)
    (epoch,) = nn.train(net, x, target, sample_weight=s, optimizer=sgd, alpha=alpha, batch_size=7, epochs=1, seed=0)
    assert_within(16, epoch.loss, total)
    for name, value in net.parameters.items():
        np.testing.assert_allclose(before[name] - value, wanted[name], rtol=1e-6, atol=1e-8)
        assert np.abs(wanted[name]).max() > 1e-3


def test_the_cosine_falls_from_the_learning_rate_to_its_floor():
    run = trainer(optimizer=nn.SGD(0.1), schedule=nn.Cosine(floor=0.2), epochs=4, batch_size=N)
    rates = [epoch.learning_rate for epoch in run.run()]
    assert_within(4, rates, [0.1 * (0.2 + 0.8 * (1 + math.cos(math.pi * t / 4)) / 2) for t in range(4)])
    steps = trainer(optimizer=nn.SGD(0.1), schedule="cosine", epochs=2, batch_size=12)
    assert_within(
        4, [e.learning_rate for e in steps.run()], [0.1 * (1 + math.cos(math.pi * t / 4)) / 2 for t in (1, 3)]
    )


def test_the_plateau_lowers_the_learning_rate_when_the_value_stops_falling():
    schedule = nn.Plateau(factor=0.5, patience=2, floor=0.2)
    factors = []
    for value in (3.0, 2.0, 2.0, 2.5, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0):
        schedule.end_epoch(value)
        factors.append(schedule.factor(0.5))
    assert factors == [1, 1, 1, 0.5, 0.5, 0.5, 0.25, 0.25, 0.2, 0.2]


def test_early_stopping_by_a_score_keeps_the_parameters_of_the_best_score():
    scores = iter([0.1, 0.5, 0.4, 0.3, 0.9])
    kept = []
    run = trainer(validation=problem(9), score=lambda *_: next(scores), patience=2, epochs=9)
    history = run.run(on_epoch=lambda _: kept.append(bits(run)))
    assert [epoch.score for epoch in history] == [0.1, 0.5, 0.4, 0.3]
    assert bits(run) == kept[1] != kept[-1]
    assert run.finished


def test_monitoring_the_loss_stops_without_a_validation_set():
    run = trainer(monitor="loss", patience=2, tol=1e9, epochs=9)  # no epoch is better by so much but the first
    assert len(run.run()) == 3


def test_the_number_of_steps_and_the_finish_are_known():
    run = trainer(epochs=2)
    assert not run.finished
    run.run_epoch()
    assert (run.steps, run.finished) == (5, False)
    run.run_epoch()
    assert (run.steps, run.finished) == (10, True)
    assert run.run() == run.history


INVALID = {  # name: (arguments, message)
    "alpha": ({"alpha": -1}, "train: alpha is -1, wanted 0 or a positive number"),
    "tol": ({"tol": -0.5}, "train: tol is -0.5, wanted 0 or a positive number"),
    "schedule": ({"schedule": "linear"}, "train: schedule is 'linear', wanted one of 'constant', 'cosine', 'plateau'"),
    "monitor": (
        {"monitor": "accuracy"},
        "train: monitor is 'accuracy', wanted one of 'loss', 'validation_loss', 'score'",
    ),
    "no score": (
        {"monitor": "score", "validation": problem(9)},
        "train: monitor is 'score', but score is not given; give score too",
    ),
    "no validation": (
        {"monitor": "validation_loss"},
        "train: monitor is 'validation_loss', but validation is not given; give validation too",
    ),
    "score without validation": (
        {"score": accuracy},
        r"train: score is given without a validation set; give validation=\(x, target\) too",
    ),
    "plateau factor": (lambda: nn.Plateau(factor=1.5), "Plateau: factor is 1.5, wanted at least 0 and less than 1"),
    "plateau patience": (lambda: nn.Plateau(patience=0), "Plateau: patience is 0, wanted at least 1"),
    "cosine floor": (lambda: nn.Cosine(floor=1), "Cosine: floor is 1, wanted at least 0 and less than 1"),
    "weight decay": (lambda: nn.Adam(weight_decay=-1), "Adam: weight_decay is -1, wanted 0 or a positive number"),
    "dropout": (lambda: nn.Dropout(1.0), "Dropout: rate is 1.0, wanted at least 0 and less than 1"),
}


@pytest.mark.parametrize("case", INVALID)
def test_an_invalid_option_raises(case):
    arguments, message = INVALID[case]
    with pytest.raises(OptionError, match=message):
        trainer(**arguments) if isinstance(arguments, dict) else arguments()


def test_an_epoch_costs_less_than_in_numpy():
    rng = np.random.default_rng(0)
    layers = [nn.Dense(128), nn.ReLU(), nn.Dense(10)]
    x, target = rng.random((1_077, 64)), rng.integers(10, size=1_077)
    trainer = nn.Trainer(nn.Network(layers, dtype=np.float32).initialize(64, seed=0), x, target, epochs=10, seed=0)
    assert cost(trainer.run_epoch, epoch_in_numpy, turns=10, units=1) < 1, "about half is measured"
