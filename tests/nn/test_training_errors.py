"""What training refuses, each in one sentence that says where."""

import numpy as np
import pytest

from softgrad import DataError, DtypeError, LabelError, OptionError, ShapeError, TrainingError, nn

X = np.linspace(-1, 1, 12).reshape(6, 2)
TARGET = np.array([0, 1, 2, 0, 1, 2])


def with_entry(array, index, value):
    changed = array.copy()
    changed[index] = value
    return changed


REFUSED = {  # name: (arguments beside or in place of x and target, error, message)
    "no epochs": ({"epochs": 0}, OptionError, "train: epochs is 0, wanted at least 1"),
    "empty batches": ({"batch_size": 0}, OptionError, "train: batch_size is 0, wanted at least 1"),
    "no patience": ({"patience": 0}, OptionError, "train: patience is 0, wanted at least 1"),
    "split below 0": ({"validation_split": -0.1}, OptionError, "train: validation_split is -0.1, wanted at least 0"),
    "split of all": (
        {"validation_split": 1.0},
        OptionError,
        "train: validation_split is 1.0, wanted at least 0 and less",
    ),
    "split of nothing": ({"validation_split": 0.1}, ShapeError, "train: there are 0 rows to validate on"),
    "NaN": ({"x": with_entry(X, (3, 1), np.nan)}, DataError, r"train: x\[3, 1\] is nan, wanted a finite number"),
    "infinity": ({"x": with_entry(X, (5, 0), -np.inf)}, DataError, r"train: x\[5, 0\] is -inf, wanted a finite number"),
    "NaN held out": ({"validation": (with_entry(X, (2, 0), np.nan), TARGET)}, DataError, r"x\[2, 0\] is nan"),
    "lengths": ({"target": TARGET[:4]}, ShapeError, "train: x has 6 rows, but target has 4; wanted one target a row"),
    "lengths held out": ({"validation": (X, TARGET[:4])}, ShapeError, "train: x has 6 rows, but target has 4"),
    "no rows": ({"x": X[:0], "target": TARGET[:0]}, ShapeError, "train: there are 0 rows to train on"),
    "no rows held out": ({"validation": (X[:0], TARGET[:0])}, ShapeError, "train: there are 0 rows to validate on"),
    "x of one dimension": ({"x": X[:, 0]}, ShapeError, r"x.shape is \(6,\) and .* wanted \(N, 2\)"),
    "x too wide": ({"x": np.ones((6, 3))}, ShapeError, r"x.shape is \(6, 3\) and .* wanted \(N, 2\)"),
    "ragged x": ({"x": [[1.0], [1.0, 2.0]]}, ShapeError, "train: x is no array, its rows differ in length"),
    "text": ({"x": X.astype(str)}, DtypeError, "train: x.dtype is <U32, wanted floating numbers"),
    "no such class": ({"target": with_entry(TARGET, 4, 3)}, LabelError, r"train: target\[4\] is 3, but .* 3 classes"),
    "no such class held out": ({"validation": (X, TARGET - 1)}, LabelError, r"train: target\[0\] is -1"),
    "classes as floats": ({"target": TARGET + 0.5}, DtypeError, "train: target.dtype is float64 .* wanted integers"),
    "probabilities too wide": ({"target": np.ones((6, 4))}, ShapeError, r"train: target.shape is \(6, 4\)"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refuses(case):
    arguments, error, message = REFUSED[case]
    network = nn.Network([nn.Dense(3)]).initialize(2, seed=0)
    before = {name: value.copy() for name, value in network.parameters.items()}
    with pytest.raises(error, match=message) as raised:
        nn.train(network, **{"x": X, "target": TARGET, "seed": 0, **arguments})
    assert "\n" not in str(raised.value)
    for name, value in network.parameters.items():
        np.testing.assert_array_equal(value, before[name])


def test_wants_parameters():
    with pytest.raises(OptionError, match=r"call initialize\(in_features\) first"):
        nn.train(nn.Network([nn.Dense(3)]), X, TARGET)


@pytest.mark.parametrize("batch_size", [2, 6])
@pytest.mark.parametrize("validation_split", [0.0, 0.5])
def test_says_that_it_diverged(batch_size, validation_split):
    """With one batch an epoch the loss before the step is still finite: the rows held out tell, or the next epoch."""
    network = nn.Network([nn.Dense(4), nn.ReLU(), nn.Dense(3)]).initialize(2, seed=0)
    message = r"train: the (validation )?loss is (nan|inf) after epoch \d+; training has diverged, use a lower learning"
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
