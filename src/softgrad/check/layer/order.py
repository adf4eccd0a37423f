"""Which of several returned gradients of one shape belongs to which array: that for which a difference agrees.

A backward pass may return (dW, dx) where others return (dx, dW). The shapes do not tell them apart where x has as many
rows as W, and a right gradient read as that of another array would be called wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import permutations
from typing import Any

import numpy as np

from softgrad.check.layer.sources import Source, Target

STEP = 1e-5
WITHIN = 1e-4
MOST = 5  # arrays of one shape

Slope = Callable[[Target, Any], float | None]  # the derivative along a direction


def reordered(
    read: Mapping[Target, Source],
    gradients: Mapping[Source, Any],
    shapes: Mapping[Target, tuple[int, ...]],
    slope: Slope,
) -> tuple[dict[Target, Source], bool]:
    """The gradients as they were read, or in another order, if they agree with differences in that order alone.

    Also whether all those that may be confused agree in the end.

    Args:
        read: where the gradient of each array was read from what backward returned.
        gradients: what stands there.
        shapes: of all arrays that these may be the gradients of.
        slope: the derivative at an array along a direction.
    """
    found, is_settled = dict(read), True
    for shape in dict.fromkeys(shapes[target] for target in read):
        alike = [target for target, one in shapes.items() if one == shape]
        sources = [source for target, source in read.items() if shapes[target] == shape]
        if not 1 < len(alike) <= MOST or any(np.shape(gradients[one]) != shape for one in sources):
            is_settled = is_settled and len(alike) <= MOST
            continue
        directions = {target: np.cos(1.0 + 2.0 * np.arange(int(np.prod(shape)))).reshape(shape) for target in alike}
        slopes = {target: slope(target, directions[target]) for target in alike}

        def agree(source: Source, target: Target, slopes: Any = slopes, directions: Any = directions) -> bool:
            wanted = slopes[target]
            if wanted is None:
                return False
            terms = np.asarray(gradients[source]) * directions[target]
            return bool(abs(float(terms.sum()) - wanted) <= WITHIN * float(np.abs(terms).sum()) + 1e-12)

        own = [target for target in read if shapes[target] == shape]
        if all(agree(found[target], target) for target in own):
            continue
        fits = [
            order
            for order in permutations(alike, len(sources))
            if all(agree(source, target) for source, target in zip(sources, order, strict=True))
        ]
        is_settled = is_settled and len(fits) == 1
        if len(fits) == 1:
            for target in own:
                del found[target]
            found |= dict(zip(fits[0], sources, strict=True))
    return found, is_settled
