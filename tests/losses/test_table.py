"""The table of losses agrees with the kernels, with the functions and their signatures, and with the command line."""

import inspect
import typing

import numpy as np
import pytest

import softgrad as sg
from softgrad import _kernels
from softgrad.cli.explain import explain
from softgrad.cli.train import train
from softgrad.formulas.language import Layout, functions, run
from softgrad.formulas.losses import LOSSES
from tolerance import assert_within

rows = pytest.mark.parametrize("row", LOSSES.values(), ids=LOSSES)
MEMBERS = {"": set(), "_with_grad": {"out"}, "_with_stats": {"out"}, "_jvp": {"tangent"}, "_hvp": {"v"}}


def parameters(function):
    """The names of the parameters, those of the TypedDict of **options included, and the defaults that are stated."""
    names, defaults = set(), {}
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind is parameter.VAR_KEYWORD:
            (options,) = typing.get_args(typing.get_type_hints(function)[name])
            names |= options.__annotations__.keys()
        else:
            names.add(name)
            defaults[name] = parameter.default
    return names, defaults


def test_the_kernels_hold_the_losses_of_the_table():
    assert sorted(_kernels.losses()) == sorted(LOSSES)


def test_the_kernels_refuse_an_unknown_name():
    numbers = ["scale", "denominator", "label_smoothing", "z_loss", "softcap", "temperature", "parameter"]
    z, y = np.zeros((1, 2, 1)), np.zeros(1, np.int64)
    with pytest.raises(ValueError, match="no loss of this name"):
        _kernels.loss_of_classes(
            "softplus", z, y, None, _kernels.LossNumbers(**dict.fromkeys(numbers, 1.0)), None, None, None
        )


@rows
def test_the_lines_of_a_row_give_its_loss_and_its_gradient(row):
    rng = np.random.default_rng(4)
    z, t = rng.normal(size=(5, 4)), rng.dirichlet(np.ones(4), 5)
    own = {} if row.parameter is None else {row.parameter.name: row.parameter.default}
    names = {**functions(Layout()), "z": z, "t": t, **own}
    run(["p = softmax(z)", "logp = log_softmax(z)", f"r = {row.row_loss}", row.at_probabilities], names)
    through_p = names["p"] * (names["dp"] - (names["p"] * names["dp"]).sum(axis=1, keepdims=True))
    run(row.backward, names)
    value, grad = getattr(sg, f"{row.name}_with_grad")(z, t, reduction="none")
    size = names["p"] * (abs(names["dp"]) + (names["p"] * abs(names["dp"])).sum(axis=1, keepdims=True))
    assert_within(32, names["r"][:, 0], value)
    assert_within(32, names["dz"], grad, size)
    assert_within(32, through_p, grad, size)


@rows
@pytest.mark.parametrize("member", MEMBERS)
def test_every_member_of_the_family_takes_the_options_of_the_row(row, member):
    function = getattr(sg, row.name + member)
    assert function.__name__ == row.name + member
    names, defaults = parameters(function)
    assert names == {"logits", "target", *MEMBERS[member], *row.options}
    if member == "" and row.parameter:
        assert defaults[row.parameter.name] == row.parameter.default


@rows
@pytest.mark.parametrize("member", ["_with_grad", "_with_stats", "_jvp", "_hvp"])
def test_an_option_of_another_loss_is_unexpected(row, member):
    z = np.zeros((1, 2))
    vector = {"_jvp": {"tangent": z}, "_hvp": {"v": z}}.get(member, {})
    others = {name for other in LOSSES.values() for name in other.options} - set(row.options)
    for name in {*others, "buffers"}:
        with pytest.raises(TypeError, match=f"{row.name}{member}: unexpected option '{name}'"):
            getattr(sg, row.name + member)(z, [0], **vector, **{name: 1.0})


@rows
def test_a_network_trains_with_every_loss(row):
    x, y = np.eye(4), np.array([0, 1, 2, 1])
    network = sg.nn.Network([sg.nn.Dense(3)], loss=row.name, dtype="float64").initialize(4, seed=0)
    before = float(network.loss(x, y))
    sg.nn.train(network, x, y, epochs=30, seed=0)
    assert float(network.loss(x, y)) < 0.98 * before


@pytest.mark.parametrize("command", [train, explain], ids=["train", "explain"])
def test_a_command_offers_the_losses_of_the_table(command):
    offered = typing.get_type_hints(command, include_extras=True)["loss"].__metadata__[0].metavar
    wanted = [row.command_name for row in LOSSES.values() if command is train or row.is_derived]
    assert offered == f"[{'|'.join(wanted)}]"
