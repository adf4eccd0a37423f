"""A trainer whose rows and validation set come in batches: the training is that with arrays, and is resumed alike."""

import numpy as np
import pytest

from nn.networks import D, K
from softgrad import OptionError, TrainingError, nn

N, SIZE = 23, 5
RNG = np.random.default_rng(0)
X, TARGET, WEIGHT = RNG.normal(size=(N, D)), RNG.integers(0, K, N), RNG.integers(0, 4, N)
VALIDATION = RNG.normal(size=(7, D)), RNG.integers(0, K, 7), RNG.integers(1, 4, 7)


def batches_of(rows, size, order=None):
    """The rows in batches, as tuples."""
    order = np.arange(len(rows[0])) if order is None else order
    return [tuple(array[order[i : i + size]] for array in rows) for i in range(0, len(order), size)]


def trainer(activation=nn.Tanh, **options):
    network = nn.Network([nn.Dense(4), activation(), nn.Dense(K)], dtype=np.float64).initialize(D, seed=0)
    return nn.Trainer(network, **{"batch_size": SIZE, "epochs": 6, "seed": 1, **options})


@pytest.mark.parametrize("weighted", [False, True])
def test_batches_make_the_same_training_as_arrays(weighted):
    rows, validation = ((X, TARGET, WEIGHT), VALIDATION) if weighted else ((X, TARGET), VALIDATION[:2])
    weight = {"sample_weight": WEIGHT} if weighted else {}
    arrays = trainer(x=X, target=TARGET, **weight, shuffle=False, validation=validation, patience=2)
    batches = {
        "batches": lambda epoch: iter(batches_of(rows, SIZE)),
        "validation": lambda: iter(batches_of(validation, 3)),
    }
    streamed = trainer(**batches, patience=2)
    for wanted, epoch in zip(arrays.run(), streamed.run(), strict=True):
        np.testing.assert_allclose(epoch[1:3], wanted[1:3], rtol=1e-12)
    for name, parameter in arrays.network.parameters.items():
        np.testing.assert_array_equal(streamed.network.parameters[name], parameter)


def test_each_epoch_has_batches_of_its_own_and_is_resumed_in_the_middle():
    def batches(epoch):
        asked.append(epoch)
        return batches_of((X, TARGET), SIZE, np.random.default_rng(epoch).permutation(N))

    asked, states = [], []
    whole = trainer(batches=batches)
    whole.run(on_step=lambda: states.append(whole.state()))
    assert asked == list(range(6))
    resumed = trainer(batches=batches)
    resumed.restore(states[7])  # in the second epoch
    resumed.run()
    assert asked[6:] == [1, 2, 3, 4, 5]
    for name, parameter in whole.network.parameters.items():
        np.testing.assert_array_equal(resumed.network.parameters[name], parameter)


def test_a_validation_loss_that_is_not_finite_ends_the_training():
    large = trainer(nn.ReLU, x=X, target=TARGET, validation=lambda: [(np.full((2, D), 1e308), TARGET[:2])])
    with pytest.raises(TrainingError, match=r"the validation loss is (inf|nan) after epoch 1, wanted a finite number"):
        large.run()


INVALID = {  # name: (options, message)
    "rows twice": ({"x": X, "target": TARGET, "batches": list}, "x and batches are both given; leave one of them out"),
    "score": (
        {"x": X, "target": TARGET, "validation": list, "score": max},
        r"score is given without a validation set; give validation=\(x, target\) too",
    ),
}


@pytest.mark.parametrize("case", INVALID)
def test_arguments_that_exclude_each_other_are_an_error(case):
    options, message = INVALID[case]
    with pytest.raises(OptionError, match=message):
        trainer(**options)
