"""The gradient checker as assertions, for test suites.

    def test_softmax_backward():
        sg.testing.assert_vjp(softmax, softmax_backward, np.random.default_rng(0).normal(size=(4, 3)))

A failing test shows the report: the worst entry, the mistake, and the corrected line.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from softgrad import check
from softgrad._calls import explained

if TYPE_CHECKING:
    from softgrad.check.report.report import Report


@explained
def assert_vjp(forward: Callable[..., Any], vjp: Callable[..., Any], *inputs: Any, **options: Any) -> Report:
    """Asserts that `vjp` is the backward pass of `forward`.

    Args:
        forward: forward(*inputs) -> output.
        vjp: vjp(*inputs, output, grad_output) -> the gradient with respect to each input.
        inputs: the arrays at which the gradient is checked.
        options: the options of check_vjp.

    Returns:
        The report, for further assertions.

    Raises:
        AssertionError: the gradient is wrong or cannot be checked. The message is the report.

    Example:
        >>> def softmax(z):
        ...     e = np.exp(z - z.max(axis=-1, keepdims=True))
        ...     return e / e.sum(axis=-1, keepdims=True)
        >>> def softmax_backward(z, p, dp):
        ...     return p * (dp - (p * dp).sum(axis=-1, keepdims=True))
        >>> sg.testing.assert_vjp(softmax, softmax_backward, np.array([[2.0, 1.0, 0.1]])).ok
        True
    """
    __tracebackhide__ = True  # so that pytest shows the line of the test
    return _assert_right(check.check_vjp(forward, vjp, *inputs, **options))


@explained
def assert_grad(loss: Callable[..., Any], grad: Callable[..., Any], *inputs: Any, **options: Any) -> Report:
    """Asserts that `grad` is the gradient of `loss`.

    Args:
        loss: loss(*inputs) -> a number.
        grad: grad(*inputs) -> the gradient with respect to the first input, or to the inputs that the option `wrt`
            names.
        inputs: the arrays at which the gradient is checked.
        options: the options of check_grad, such as `wrt`.

    Returns:
        The report, for further assertions.

    Raises:
        AssertionError: the gradient is wrong or cannot be checked. The message is the report.

    Example:
        >>> sg.testing.assert_grad(lambda w: (w**2).sum(), lambda w: 2 * w, np.array([1.0, -3.0])).ok
        True
    """
    __tracebackhide__ = True
    return _assert_right(check.check_grad(loss, grad, *inputs, **options))


@explained
def assert_layer(layer: Any, *inputs: Any, **options: Any) -> Report:
    """Asserts that the backward pass of a layer, or of a network, is right.

    Args:
        layer: an object with a forward and a backward pass.
        inputs: the inputs of its forward pass.
        options: the options of check_layer, such as `gradients`.

    Returns:
        The report, for further assertions.

    Raises:
        AssertionError: a gradient is wrong or cannot be checked. The message is the report.

    Example:
        >>> class Tanh:
        ...     def forward(self, x):
        ...         self.y = np.tanh(x)
        ...         return self.y
        ...     def backward(self, grad_output):
        ...         return grad_output * (1 - self.y**2)
        >>> sg.testing.assert_layer(Tanh(), np.array([[2.0, 1.0, 0.1]])).ok
        True
    """
    __tracebackhide__ = True
    return _assert_right(check.check_layer(layer, *inputs, **options))


def _assert_right(report: Report) -> Report:
    __tracebackhide__ = True
    if report.ok is not True:
        raise AssertionError(report.text())
    return report
