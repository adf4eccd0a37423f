"""The table of torch's operators: each does with traced arrays what torch does with tensors.

A row is a function of arrays and numbers under the name of the operator, without its overload. Its parameters have the
names that torch gives them, since torch may pass them by name. An operator that writes into its first argument, such as
`add_`, has the row of the one that does not. An operator that makes a view needs no row.

To add an operator, add a row. The tests ask for a case of it, and compare its result and its derivatives with torch's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from softgrad.torch.checking import aten_layers, aten_moving, aten_pointwise, aten_products, aten_reductions

Row = Callable[..., Any]

TABLE: dict[str, Row] = {
    **aten_pointwise.TABLE,
    **aten_reductions.TABLE,
    **aten_products.TABLE,
    **aten_moving.TABLE,
    **aten_layers.TABLE,
}
WITH_RESULT = (
    aten_reductions.WITH_RESULT | aten_moving.WITH_RESULT | aten_layers.WITH_RESULT
)  # these are given torch's results before all else
EITHER_WAY = (TABLE["add"], TABLE["mul"])  # of two operands, in any order
OVERWRITING = frozenset(("copy_", "fill_", "zero_"))  # what was there before does not matter
MAKERS = frozenset(  # new tensors of constants, in the shape of another
    ("zeros_like", "ones_like", "full_like", "empty_like", "rand_like", "randn_like", "new_zeros", "new_ones",
     "new_full", "new_empty", "new_empty_strided", "bernoulli")
)  # fmt: skip
IGNORED = frozenset(("device", "layout", "pin_memory", "memory_format", "non_blocking", "implicit"))
SAME = frozenset(("detach", "alias", "lift_fresh", "lift"))  # the same tensor as another object
KINDS = {  # of views; the others are slices
    **dict.fromkeys(("t", "transpose", "permute", "numpy_T", "mT", "movedim"), "transpose"),
    **dict.fromkeys(("view", "_unsafe_view", "reshape", "_reshape_alias", "unsqueeze", "squeeze"), "reshape"),
}
