"""The losses on random arrays, targets and options, drawn by hypothesis."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import softgrad as sg
from cases import LOSSES, taken
from drawn import SIXTEENTHS, stable, vectors
from losses.any_batch import batches, check, check_hvp, exact_rows, reduced, ulps_of_grad
from tolerance import assert_within

losses = pytest.mark.parametrize("loss", LOSSES)


@losses
@settings(stable, max_examples=150)
@given(data=st.data())
def test_loss_and_gradient(loss, data):
    check(data.draw(batches(loss)), getattr(sg, f"{loss}_with_grad"))


@losses
@settings(stable, max_examples=50)
@given(data=st.data())
def test_products_with_the_gradient_and_the_hessian(loss, data):
    batch = data.draw(batches(loss, nan_rows={}))
    assume(np.isfinite(batch.z.rows.max(axis=1)).all())  # a row of -inf has no derivatives
    v = data.draw(vectors(batch.z))
    check_hvp(batch, v, getattr(sg, f"{loss}_hvp"))
    z, exact, along = batch.z, exact_rows(batch), batch.z.as_rows(v.array.astype(batch.z.wide.dtype))
    options = {"axis": z.axis, **batch.options, **batch.reduced}
    value, judged = getattr(sg, loss)(z.array, batch.target, **options), reduced(batch, exact).loss
    assert_within(4, value.reshape(np.shape(judged.value)), *judged)
    judged = reduced(batch, exact._replace(loss=(exact.grad * along).sum())).loss
    got = getattr(sg, f"{loss}_jvp")(z.array, batch.target, v.array, **options)
    assert_within(ulps_of_grad(batch) + 1, got.reshape(np.shape(judged.value)), *judged)


@losses
@settings(stable, max_examples=50)
@given(data=st.data())
def test_classes_in_another_order_have_their_gradients_in_that_order(loss, data):
    batch = data.draw(batches(loss).filter(lambda batch: batch.options["ignore_index"] in (None, -100)))
    z, grad = batch.z, reduced(batch._replace(reduced={"reduction": "none"}), exact_rows(batch)).grad
    order = z.rng.permutation(z.array.shape[z.axis])
    options = batch.options | {"weight": None if batch.options["weight"] is None else batch.options["weight"][order]}
    if batch.target.ndim == z.array.ndim:
        target = batch.target.take(order, z.axis)
    else:
        ignored = batch.target == options["ignore_index"]
        target = np.where(ignored, -100, np.argsort(order)[np.where(ignored, 0, batch.target).astype(int)])
    ordered = z.laid_out(z.wide.take(order, z.axis)).array
    got = getattr(sg, f"{loss}_with_grad")(ordered, target, axis=z.axis, **options, reduction="none").grad
    assert_within(ulps_of_grad(batch), z.as_rows(got), grad.value[:, order], grad.size[:, order])


@losses
@settings(stable, max_examples=50)
@given(data=st.data(), shift=st.sampled_from([1024.0, -1024.0]))
def test_a_common_shift_of_the_logits_changes_nothing(loss, data, shift):
    batch = data.draw(batches(loss, SIXTEENTHS, {}, ["float32", "float64"]))
    batch = batch._replace(options=batch.options | taken(loss, {"softcap": None, "z_loss": 0.0}))
    z, exact = batch.z, reduced(batch, exact_rows(batch))
    shifted = z.laid_out(z.array + z.array.dtype.type(shift)).array
    options = batch.options | {"axis": z.axis, **batch.reduced}
    value, grad = getattr(sg, f"{loss}_with_grad")(shifted, batch.target, **options)
    assert_within(4, value.reshape(np.shape(exact.loss.value)), *exact.loss)
    assert_within(ulps_of_grad(batch), z.as_rows(grad), *exact.grad)
