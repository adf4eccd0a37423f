"""Values that a right backward pass may well compute on the way: products of known arrays, powers, partial sums.

They are not proved to be right, but a mistake is looked for elsewhere first.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np

from softgrad.check.locate.known import FEWEST_SCALED, KnownArrays, is_trivial, norm_of
from softgrad.formulas.numbers import Array

MOST_FACTORS = 60  # known arrays of one shape by which a value is multiplied and divided
MOST_SHARES = 6  # whose sums of two are known
MOST_ENTRIES = 300_000  # of all products with one value

DERIVED: tuple[Callable[[Array], Array], ...] = (
    lambda v: 1 / v,
    lambda v: v * v,
    lambda v: v**3,
    lambda v: 1 - v,
    lambda v: 1 + v,
    lambda v: 1 - v * v,
    lambda v: v * (1 - v),
    np.sqrt,
    lambda v: v**-0.5,
    lambda v: v**-1.5,
    lambda v: v**-2.0,
    lambda v: v**-3.0,
    np.exp,
    lambda v: np.exp(-v),
    np.tanh,
    np.log,
)


class PartlyKnown:
    """Recognises values that are right but for known factors."""

    def __init__(self, known: KnownArrays) -> None:
        self.known = known
        shaped: dict[tuple[int, ...], dict[float, Array]] = {}
        for one in known.all:
            if one.kind in ("value", "derivative"):
                shaped.setdefault(one.value.shape, {})[round(norm_of(one.value), 10)] = one.value
        self._factors = {shape: np.array(list(found.values())[:MOST_FACTORS]) for shape, found in shaped.items()}
        self._norms: dict[int, Array] = {}
        self._note_derived()

    def _note_derived(self) -> None:
        norms: dict[int, list[float]] = {}

        def note(value: Array) -> None:
            if not is_trivial(value):
                norms.setdefault(value.size, []).append(norm_of(value))

        with np.errstate(all="ignore"):
            for rows in self._factors.values():
                for value, derive in itertools.product(rows, DERIVED):
                    note(derive(value))
        shares: dict[object, list[Array]] = {}
        for one in self.known.all:
            if one.kind == "share":
                shares.setdefault(one.of, []).append(one.value)
        for found in shares.values():
            if 2 < len(found) <= MOST_SHARES:
                for a, b in itertools.combinations(found, 2):
                    note(a + b)
        self._norms = {size: np.array(found) for size, found in norms.items()}

    def holds(self, value: Array) -> bool:
        """Whether a value is a gradient but for factors that are known arrays, or made of one known array."""
        if is_trivial(value):
            return False
        norm = norm_of(value)
        if (np.abs(self._norms.get(value.size, np.zeros(0)) - norm) <= 1e-9 * norm).any():
            return True
        if self.known.scaled(value) is not None or self.known.match(-value) is not None:
            return True
        with np.errstate(all="ignore"):
            of_rows = self._factors.get(value.shape[:-1]) if value.ndim > 1 else None  # as weights of the rows are
            factors = [*self._factors.values(), *([] if of_rows is None else [of_rows[..., np.newaxis]])]
            return any(self._is_product(value, one) for one in factors)

    def _is_product(self, value: Array, factors: Array) -> bool:
        shape = factors.shape[1:]
        if len(shape) > value.ndim or any(
            n not in (m, 1) for n, m in zip(shape[::-1], value.shape[::-1], strict=False)
        ):
            return False
        if value.size >= FEWEST_SCALED:
            factors = np.concatenate([factors, factors * factors])
        if len(factors) * max(value.size, factors[0].size) > MOST_ENTRIES:
            return False
        factors = factors.reshape(len(factors), *(1,) * (value.ndim - len(shape)), *shape)
        return any(self._has_known(product) for product in (value * factors, value / factors))

    def _has_known(self, products: Array) -> bool:
        flat = products.reshape(len(products), -1)
        norms = np.sqrt((flat * flat).sum(axis=1))
        if flat.shape[1] < FEWEST_SCALED:
            return any(
                self.known.has_norm(flat.shape[1], norm) and self.known.match(one) is not None
                for one, norm in zip(products, norms.tolist(), strict=True)
                if np.isfinite(norm)
            )
        profiles = ((flat / norms[:, None]) ** 4).sum(axis=1)
        return any(
            self.known.scaled(one, profile) is not None
            for one, profile in zip(products, profiles.tolist(), strict=True)
            if np.isfinite(profile)
        )
