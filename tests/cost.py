"""How much some work costs, as a multiple of other work that is done by turns with it.

A limit in seconds holds on one machine. A ratio of processor times also holds on a slower one, and while other
processes run: they change both times in the same way.
"""

import resource
import time

import numpy as np


def processor_seconds():
    """The processor time of this process, and of the processes that it started and waited for."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def cost(work, unit, turns=3, units=10):
    """How many calls of `unit` take as long as one of `work`. The least times count: a first call may import."""
    seconds = {work: [], unit: []}
    for _ in range(turns):
        for call in [work, *[unit] * units]:
            before = processor_seconds()
            call()
            seconds[call].append(processor_seconds() - before)
    return min(seconds[work]) / min(seconds[unit])


def epoch_in_numpy():
    """An epoch of the network that `softgrad train` trains on digits: the same passes and steps of Adam, in NumPy."""
    rng = np.random.default_rng(0)
    x, labels = rng.random((1_077, 64), dtype=np.float32), rng.integers(10, size=1_077)
    parameters = [np.float32(rng.normal(0, 0.1, shape)) for shape in ((64, 128), (128,), (128, 10), (10,))]
    means, squares = ([np.zeros_like(parameter) for parameter in parameters] for _ in range(2))
    for start in range(0, len(x), 32):
        batch, y = x[start : start + 32], labels[start : start + 32]
        w1, b1, w2, b2 = parameters
        hidden = np.maximum(batch @ w1 + b1, 0)
        logits = hidden @ w2 + b2
        exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
        of_logits = exponentials / exponentials.sum(axis=1, keepdims=True)
        of_logits[np.arange(len(y)), y] -= 1
        of_logits /= len(y)
        of_hidden = of_logits @ w2.T * (hidden > 0)
        gradients = batch.T @ of_hidden, of_hidden.sum(axis=0), hidden.T @ of_logits, of_logits.sum(axis=0)
        for parameter, gradient, mean, square in zip(parameters, gradients, means, squares, strict=True):
            mean += 0.1 * (gradient - mean)
            square += 0.001 * (gradient**2 - square)
            parameter -= 0.001 * mean / (np.sqrt(square) + 1e-8)
