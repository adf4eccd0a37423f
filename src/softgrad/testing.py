"""A gradient's check as an assertion, for test suites.

    def test_softmax_backward():
        sg.testing.assert_vjp(softmax, softmax_backward, np.random.default_rng(0).normal(size=(4, 3)))

A test that fails shows the report: the worst entry, what was done wrong, and the line as it should be.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from softgrad import check

if TYPE_CHECKING:
    from softgrad.check.report.report import Report


def assert_vjp(forward: Callable[..., Any], vjp: Callable[..., Any], *inputs: Any, **options: Any) -> Report:
    """Asserts that `vjp` is the backward pass of `forward`.

    Args:
        forward: forward(*inputs) -> output.
        vjp: vjp(*inputs, output, grad_output) -> the gradient of each input.
        inputs: arrays to check at.
        options: those of check_vjp.

    Returns:
        The report, for what else a test asks of it.

    Raises:
        AssertionError: with the report as its text, where the gradient is wrong or cannot be checked.

    Example:
        >>> def softmax(z):
        ...     e = np.exp(z - z.max(axis=-1, keepdims=True))
        ...     return e / e.sum(axis=-1, keepdims=True)
        >>> def softmax_backward(z, p, dp):
        ...     return p * (dp - (p * dp).sum(axis=-1, keepdims=True))
        >>> sg.testing.assert_vjp(softmax, softmax_backward, np.array([[2.0, 1.0, 0.1]])).ok
        True
    """
    __tracebackhide__ = True  # pytest then points at the test's own line
    return _assert_right(check.check_vjp(forward, vjp, *inputs, **options))


def assert_grad(loss: Callable[..., Any], grad: Callable[..., Any], *inputs: Any, **options: Any) -> Report:
    """Asserts that `grad` is the gradient of `loss`.

    Args:
        loss: loss(*inputs) -> a number.
        grad: grad(*inputs) -> the gradient of the first input, or of those that the option `wrt` names.
        inputs: arrays to check at.
        options: those of check_grad, `wrt` among them.

    Returns:
        The report, for what else a test asks of it.

    Raises:
        AssertionError: with the report as its text, where the gradient is wrong or cannot be checked.

    Example:
        >>> sg.testing.assert_grad(lambda w: (w**2).sum(), lambda w: 2 * w, np.array([1.0, -3.0])).ok
        True
    """
    __tracebackhide__ = True
    return _assert_right(check.check_grad(loss, grad, *inputs, **options))


def _assert_right(report: Report) -> Report:
    __tracebackhide__ = True
    if report.ok is not True:
        raise AssertionError(report.text())
    return report
