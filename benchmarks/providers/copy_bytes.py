"""A copy of as many bytes as an operation must move, as a reference for the shortest possible time."""

from __future__ import annotations

import os
import timeit
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from benchmarks.providers.base import Call, Provider
from benchmarks.questions.base import Array, Operation, Truth


class Copy(Provider):
    """np.copyto in one thread, or in as many threads as there are processors if that is faster."""

    def calls(self, operation: Operation, inputs: tuple[Array, ...]) -> dict[str, Call]:
        """The faster of the two calls. Half of the bytes are read, and half are written."""
        entries = inputs[0].size * operation.arrays_moved // 2
        source = np.resize(inputs[0].reshape(-1), entries) if entries != inputs[0].size else inputs[0].reshape(-1)
        out = np.empty_like(source)
        threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        pool = ThreadPoolExecutor(threads)
        chunks = list(zip(np.array_split(out, threads), np.array_split(source, threads), strict=True))

        def in_one_thread() -> tuple[Array, ...]:
            np.copyto(out, source)
            return source, out

        def in_all_threads() -> tuple[Array, ...]:
            for future in [pool.submit(np.copyto, *chunk) for chunk in chunks]:
                future.result()
            return source, out

        calls = (in_one_thread, in_all_threads)
        return {self.name: min(calls, key=lambda call: min(timeit.repeat(call, number=1, repeat=5)))}

    def fault(self, truths: tuple[Truth, ...], results: tuple[Any, ...], dtype: str) -> str | None:
        """A description of a copy that differs from its source."""
        source, out = results
        return None if np.array_equal(source.view(np.uint8), out.view(np.uint8)) else "the copy differs"
