"""Random generators that the user's functions hold are found, and put back before every call."""

import functools
import random

import numpy as np
import pytest

import softgrad as sg
from check.corpus.common import relu
from softgrad.check.user.randomness import GENERATORS, Randomness, reachable

Z = np.random.default_rng(0).normal(size=(4, 3))
GLOBAL = np.random.default_rng(1)


class Layer:
    shared = np.random.default_rng(2)

    def __init__(self, rng):
        self.rng = rng

    def forward(self, x):
        return x * (self.rng.random(x.shape) < 0.5)


class Deeper:
    def __init__(self, layer):
        self.layer = layer

    def forward(self, x):
        return self.layer.forward(x)


def in_closure(rng):
    return lambda x: x * (rng.random(x.shape) < 0.5)


def in_default(rng):
    def forward(x, rng=rng):
        return x * (rng.random(x.shape) < 0.5)

    return forward


def of_global(rng):
    def forward(x):
        return x * (GLOBAL.random(x.shape) < 0.5)

    return forward


def generators_in(function):
    return reachable(function, GENERATORS)


PLACES = {  # where a generator is: makes a function that holds it
    "closure": in_closure,
    "default": in_default,
    "object": lambda rng: Layer(rng).forward,
    "object in an object": lambda rng: Deeper(Layer(rng)).forward,
    "partial": lambda rng: functools.partial(in_default(rng)),
}
KINDS = {
    "Generator": lambda: np.random.default_rng(5),
    "RandomState": lambda: np.random.RandomState(5),
    "random.Random": lambda: random.Random(5),
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_generator_is_found(place, kind):
    rng = KINDS[kind]()
    assert any(one is rng for one in generators_in(PLACES[place](rng)))


def test_those_of_a_module_and_of_a_class():
    assert any(one is GLOBAL for one in generators_in(of_global(None)))
    assert any(one is Layer.shared for one in generators_in(Layer(None).forward))


class Called(Layer):
    def __call__(self, x):
        return x * (GLOBAL.random(x.shape) < 0.5)


def test_those_of_a_call_and_of_a_comprehension():
    assert any(one is GLOBAL for one in generators_in(Called(None)))
    assert any(one is GLOBAL for one in generators_in(lambda x: sum(GLOBAL.random() for _ in x)))


def test_what_is_met_far_off_first_is_searched_from_nearby_too():
    """Which way comes first depends on the order of a set."""
    rng = np.random.default_rng(0)
    near = Deeper(rng)
    far = [near]
    for ways in ((far, near), (near, far)):
        assert generators_in(lambda x, ways=ways: x) == generators_in(lambda x, rng=rng: x) == [rng]


def test_a_set_holds_generators_and_no_arrays():
    """Generators are reset in any order; arrays are told apart by theirs."""
    rngs = {np.random.default_rng(seed) for seed in range(4)}
    layers = {Deeper(np.ones(3)), Deeper(np.zeros(3))}
    assert set(generators_in(lambda x: (x, rngs))) == rngs
    assert reachable(lambda x: (x, layers), (np.ndarray,), sets=False) == []


def test_nothing_is_found_where_there_is_none():
    assert generators_in(relu) == []
    assert generators_in(np.exp) == []
    assert generators_in(Deeper(Layer(None)).forward) == [Layer.shared]


def test_a_circle_of_objects_ends():
    layer = Layer(np.random.default_rng(0))
    layer.own = layer
    assert layer.rng in generators_in(layer.forward)


def test_arrays_are_found_in_the_same_places():
    """The data of a loss that is a function of its parameters only."""
    x = np.ones(3)
    assert reachable(lambda w: w @ x, (np.ndarray,)) == [x]
    assert reachable(functools.partial(np.dot, x), (np.ndarray,)) == [x]


@pytest.mark.parametrize("kind", KINDS)
def test_every_call_meets_the_same_state(kind):
    rng = KINDS[kind]()
    randomness = Randomness([in_closure(rng)], [])
    drawn = []
    for _ in range(3):
        with randomness.rewound():
            drawn.append(rng.random())
        rng.random()
    assert len(set(drawn)) == 1
    assert drawn[0] == KINDS[kind]().random()


def test_a_generator_that_is_named_is_put_back_too():
    rng = np.random.default_rng(5)
    randomness = Randomness([], [rng])
    with randomness.rewound():
        first = rng.random()
    with randomness.rewound():
        assert rng.random() == first


def test_the_global_generators_are_left_alone_unless_seeded():
    np.random.seed(3)  # noqa: NPY002
    randomness = Randomness([], [])
    with randomness.rewound():
        first = np.random.random()  # noqa: NPY002
    with randomness.rewound():
        assert np.random.random() != first  # noqa: NPY002


def test_seeded_the_global_generators_are_put_back_afterwards():
    np.random.seed(3)  # noqa: NPY002
    random.seed(3)
    randomness = Randomness([], [])
    randomness.seeded = True
    wanted = np.random.RandomState(3).random(), random.Random(3).random()
    inside = []
    for _ in range(2):
        with randomness.rewound():
            inside.append((np.random.random(), random.random()))  # noqa: NPY002
    assert inside[0] == inside[1] != wanted
    assert (np.random.random(), random.random()) == wanted  # noqa: NPY002


# ---- in a check ----


def dropout(rng, right=True):
    """A layer that draws its mask in the forward pass and keeps it for the backward pass."""
    kept = {}

    def forward(x):
        kept["mask"] = rng.random(x.shape) < 0.8
        return x * kept["mask"] / 0.8

    def vjp(x, y, g):
        return g * kept["mask"] / (0.8 if right else 1.0)

    return forward, vjp


@pytest.mark.parametrize("right", [True, False])
def test_dropout_with_a_generator_is_checked(right):
    report = sg.check_vjp(*dropout(np.random.default_rng(0), right), Z)
    assert report.ok is right
    assert any("reset before each call" in fact for fact in report.facts)


@pytest.mark.parametrize("right", [True, False])
def test_dropout_with_the_global_generator_is_checked(right):
    def forward(x):
        kept["mask"] = np.random.random(x.shape) < 0.8  # noqa: NPY002
        return x * kept["mask"] / 0.8

    kept = {}
    report = sg.check_vjp(forward, lambda x, y, g: g * kept["mask"] / (0.8 if right else 1), Z)
    assert report.ok is right
    assert any("global seed was set before each call" in fact for fact in report.facts)


def test_dropout_with_a_generator_that_nobody_reaches_is_not_checked():
    def forward(x):
        return x * (np.random.default_rng().random(x.shape) < 0.8)

    report = sg.check_vjp(forward, lambda x, y, g: g, np.ones((40, 3)))  # two masks of 12 entries could be equal
    assert report.ok is None
    assert "not repeatable" in report.facts[0]
    assert "Make the generator once" in report.facts[0]


def test_the_users_generator_is_not_used_up():
    """The check draws from its own."""
    np.random.seed(3)  # noqa: NPY002
    sg.check_vjp(relu, lambda x, y, g: g * (x > 0), Z)
    assert np.random.random() == np.random.RandomState(3).random()  # noqa: NPY002


def test_the_same_seed_gives_the_same_report():
    def report(seed):
        return sg.check_vjp(relu, lambda x, y, g: 2 * g * (x > 0), Z, seed=seed).to_dict()

    assert report(1) == report(1)
    assert report(1) != report(2)
