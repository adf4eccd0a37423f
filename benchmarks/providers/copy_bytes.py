"""A plain copy of as many bytes as an operation must move: the ground that none of them can go below."""

from __future__ import annotations

import os
import timeit
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from benchmarks.providers.base import Call, Provider
from benchmarks.questions.base import Array, Operation, Truth


class Copy(Provider):
    """np.copyto by as many threads as there are processors, or by one where that is faster."""

    def calls(self, operation: Operation, inputs: tuple[Array, ...]) -> dict[str, Call]:
        """Half of the bytes are read, half are written."""
        entries = inputs[0].size * operation.arrays_moved // 2
        source = np.resize(inputs[0].reshape(-1), entries) if entries != inputs[0].size else inputs[0].reshape(-1)
        out = np.empty_like(source)
        threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        pool = ThreadPoolExecutor(threads)
        parts = list(zip(np.array_split(out, threads), np.array_split(source, threads), strict=True))

        def whole() -> tuple[Array, ...]:
            np.copyto(out, source)
            return source, out

        def split() -> tuple[Array, ...]:
            for done in [pool.submit(np.copyto, *part) for part in parts]:
                done.result()
            return source, out

        return {self.name: min(whole, split, key=lambda call: min(timeit.repeat(call, number=1, repeat=5)))}

    def fault(self, truths: tuple[Truth, ...], results: tuple[Any, ...], dtype: str) -> str | None:
        """The copy has to equal its source."""
        source, out = results
        return None if np.array_equal(source.view(np.uint8), out.view(np.uint8)) else "the copy differs"
