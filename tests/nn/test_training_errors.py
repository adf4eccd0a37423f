"""Invalid arguments of training. Each raises an error of one sentence that names the place."""

import numpy as np
import pytest

from softgrad import DataError, DtypeError, LabelError, OptionError, ShapeError, TrainingError, nn

X = np.linspace(-1, 1, 12).reshape(6, 2)
TARGET = np.array([0, 1, 2, 0, 1, 2])


def with_entry(array, index, value):
    changed = array.copy()
    changed[index] = value
    return changed


INVALID_ARGUMENTS = {  # name: (arguments that replace x and target or are added to them, error, message)
    "no epochs": ({"epochs": 0}, OptionError, "train: epochs is 0, wanted at least 1"),
    "batch size 0": ({"batch_size": 0}, OptionError, "train: batch_size is 0, wanted at least 1"),
    "patience 0": ({"patience": 0}, OptionError, "train: patience is 0, wanted at least 1"),
    "split below 0": ({"validation_split": -0.1}, OptionError, "train: validation_split is -0.1, wanted at least 0"),
    "split of all rows": (
        {"validation_split": 1.0},
        OptionError,
        "train: validation_split is 1.0, wanted at least 0 and less",
    ),
    "split of less than one row": ({"validation_split": 0.1}, ShapeError, "train: there are 0 rows to validate on"),
    "NaN": ({"x": with_entry(X, (3, 1), np.nan)}, DataError, r"train: x\[3, 1\] is nan, wanted a finite number"),
    "infinity": ({"x": with_entry(X, (5, 0), -np.inf)}, DataError, r"train: x\[5, 0\] is -inf, wanted a finite number"),
    "NaN for validation": ({"validation": (with_entry(X, (2, 0), np.nan), TARGET)}, DataError, r"x\[2, 0\] is nan"),
    "lengths": ({"target": TARGET[:4]}, ShapeError, "train: x has 6 rows, but target has 4; wanted one target per row"),
    "lengths for validation": ({"validation": (X, TARGET[:4])}, ShapeError, "train: x has 6 rows, but target has 4"),
    "no rows": ({"x": X[:0], "target": TARGET[:0]}, ShapeError, "train: there are 0 rows to train on"),
    "no rows for validation": (
        {"validation": (X[:0], TARGET[:0])},
        ShapeError,
        "train: there are 0 rows to validate on",
    ),
    "one-dimensional x": ({"x": X[:, 0]}, ShapeError, r"x.shape is \(6,\) and .* wanted \(N, 2\) for x"),
    "x too wide": ({"x": np.ones((6, 3))}, ShapeError, r"x.shape is \(6, 3\) and .* wanted \(N, 2\) for x"),
    "ragged x": ({"x": [[1.0], [1.0, 2.0]]}, ShapeError, "train: x is ragged: its rows differ in length"),
    "strings": ({"x": X.astype(str)}, DtypeError, "train: x.dtype is <U32, wanted floating numbers"),
    "unknown class": ({"target": with_entry(TARGET, 4, 3)}, LabelError, r"train: target\[4\] is 3, but .* 3 classes"),
    "unknown class for validation": ({"validation": (X, TARGET - 1)}, LabelError, r"train: target\[0\] is -1"),
    "classes as floats": ({"target": TARGET + 0.5}, DtypeError, "train: target.dtype is float64 .* wanted integers"),
    "probabilities too wide": ({"target": np.ones((6, 4))}, ShapeError, r"train: target.shape is \(6, 4\)"),
}


@pytest.mark.parametrize("case", INVALID_ARGUMENTS)
def test_invalid_arguments_raise_and_leave_the_network_unchanged(case):
    arguments, error, message = INVALID_ARGUMENTS[case]
    network = nn.Network([nn.Dense(3)]).initialize(2, seed=0)
    before = {name: value.copy() for name, value in network.parameters.items()}
    with pytest.raises(error, match=message) as raised:
        nn.train(network, **{"x": X, "target": TARGET, "seed": 0, **arguments})
    assert "\n" not in str(raised.value)
    for name, value in network.parameters.items():
        np.testing.assert_array_equal(value, before[name])


def test_a_network_without_parameters_raises():
    with pytest.raises(OptionError, match=r"call initialize\(in_features\) first"):
        nn.train(nn.Network([nn.Dense(3)]), X, TARGET)


@pytest.mark.parametrize("batch_size", [2, 6])
@pytest.mark.parametrize("validation_split", [0.0, 0.5])
def test_diverged_training_raises(batch_size, validation_split):
    """With one batch per epoch the loss before the first step is finite; the validation loss or epoch 2 shows it."""
    network = nn.Network([nn.Dense(4), nn.ReLU(), nn.Dense(3)]).initialize(2, seed=0)
    message = (
        r"train: the (validation )?loss is (nan|inf) (in step \d, epoch \d|after epoch \d), wanted a finite number; "
        r"(layers.\d.weight holds a NaN|the first output that is not finite is that of layers.2, Dense\(3\)).*; "
        "the training has diverged, use a lower learning rate; the network has the parameters from before the training"
    )
    before = {name: value.copy() for name, value in network.parameters.items()}
    with pytest.raises(TrainingError, match=message):
        nn.train(
            network,
            X,
            TARGET,
            optimizer=nn.SGD(1e30),
            batch_size=batch_size,
            validation_split=validation_split,
            epochs=20,
            seed=0,
        )
    for name, value in network.parameters.items():
        np.testing.assert_array_equal(value, before[name])


def test_diverged_training_keeps_the_parameters_of_the_last_good_epoch():
    """The learning rate is too large in the third epoch, after whose first step the loss is not finite."""
    network = nn.Network([nn.Dense(4), nn.ReLU(), nn.Dense(3)]).initialize(2, seed=0)
    after = []

    def on_epoch(epoch):
        after.append({name: value.copy() for name, value in network.parameters.items()})
        optimizer.learning_rate = 1e30 if epoch.number == 2 else 0.1

    optimizer = nn.SGD(0.1)
    with pytest.raises(TrainingError, match="the network has the parameters after epoch 2"):
        nn.train(network, X, TARGET, optimizer=optimizer, batch_size=2, epochs=9, seed=0, on_epoch=on_epoch)
    assert len(after) == 2
    for name, value in network.parameters.items():
        np.testing.assert_array_equal(value, after[-1][name])
