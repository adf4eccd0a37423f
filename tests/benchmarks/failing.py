"""Providers that fail at different moments. Their processes import them by name."""

import os

from benchmarks.providers import Provider
from benchmarks.providers.numpy_by_hand import NumPyByHand


class FailsAtImport(Provider):
    def __init__(self, name, dtype):
        raise ImportError("libmissing.so: cannot open shared object file\nand more")


class FailsAtTheThirdCall(NumPyByHand):
    def cross_entropy(self, logits, target):
        call, count = super().cross_entropy(logits, target), iter(range(2))

        def failing():
            if next(count, None) is None:
                raise RuntimeError("out of luck")
            return call()

        return failing


class EndsItsProcess(NumPyByHand):
    def cross_entropy(self, logits, target):
        return lambda: os._exit(1)
