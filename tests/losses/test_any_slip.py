"""The random batches catch every slip that is planted in a right loss."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import softgrad as sg
from cases import LOSSES
from drawn import stable
from losses.any_batch import batches, check
from losses.slips import NO_SLIP_IN, SLIPS, with_slip
from planted import assert_caught

PLANTED = [(loss, slip) for loss in LOSSES for slip in SLIPS if slip not in NO_SLIP_IN[loss]]


@pytest.mark.parametrize(("loss", "slip"), PLANTED)
def test_a_planted_slip_is_caught(loss, slip):
    function = with_slip(SLIPS[slip], getattr(sg, f"{loss}_with_grad"))
    assert_caught(lambda batch: check(batch, function), batches(loss))


@settings(stable, max_examples=50)
@given(batch=st.sampled_from([*LOSSES]).flatmap(batches))
def test_nothing_is_caught_where_nothing_is_planted(batch):
    check(batch, with_slip(lambda call: call.right, getattr(sg, f"{batch.loss}_with_grad")))
