"""The other checkers are asked rightly: a right gradient passes, a wrong one does not, what they say is understood."""

import pytest

from check.corpus import CASES
from check.corpus.peers import ask

BY_NAME = {case.name: case for case in CASES}
PASSED = ["softmax in one line", "softmax layer", "losses of rows", "two layers", "sample by sample", "logarithm of 0"]
CAUGHT = {  # name: who says why
    "diagonal only of rows": (),
    "sign and mean": (),
    "weights stepped too early": (),
    "odd constant": (),
    "gradient of one row": ("torch.autograd.gradcheck", "scipy.optimize.check_grad"),
}


@pytest.fixture(params=["torch.autograd.gradcheck", "scipy.optimize.check_grad"])
def checker(request):
    if request.param.startswith("torch"):
        request.getfixturevalue("torch")
    return request.param


@pytest.mark.parametrize("name", PASSED)
def test_passes(checker, name):
    assert not ask(checker, BY_NAME[name]).detected


@pytest.mark.parametrize("name", CAUGHT)
def test_catches(checker, name):
    answer = ask(checker, BY_NAME[name])
    assert answer.detected
    assert answer.names(BY_NAME[name]) == (checker in CAUGHT[name])


def test_one_call_tells_nothing_of_state():
    case = BY_NAME["layer that accumulates"]
    assert not ask("scipy.optimize.check_grad", case).detected


def test_a_second_call_does(torch):
    case = BY_NAME["layer that accumulates"]
    assert ask("torch.autograd.gradcheck", case).names(case)
