"""Each operator of the table gives torch's result and torch's derivatives; a slip in a row is caught."""

import numpy as np
import pytest

from conftest import load

load("torch")

from softgrad.check.trace.array import plain  # noqa: E402
from softgrad.torch.checking.aten import TABLE  # noqa: E402
from softgrad.torch.checking.aten_products import COMPOSITES  # noqa: E402
from tensors.checking.operator_cases import CASES, FLAT, LINEAR, ROUNDED, words  # noqa: E402
from tensors.checking.tracing import graph_of, torchs  # noqa: E402


def judged(name):
    """Whether the graph of a case is torch's function, with torch's gradients."""
    function, *arrays = CASES[name]
    output, upstream, grads = torchs(function, *arrays, is_linear=name in LINEAR)
    graph = graph_of(function, *arrays, requires_grad=name not in LINEAR)
    if graph.untraced or not np.allclose(graph.output.value, output, rtol=1e-12, atol=0, equal_nan=True):
        return False
    if name not in FLAT and not graph.output.active:
        return False
    got = graph.gradients(upstream)
    within = ROUNDED.get(name, 1e-11)
    return all(np.abs(got[(i,)] - g).max() <= within * np.abs(g).max() for i, g in enumerate(grads))


OTHER_NAMES = {  # rows of another operator under a further name
    "_index_put_impl": "index_put",
    "_unsafe_index": "index",
    "_unsafe_index_put": "index_put",
}


@pytest.mark.parametrize("name", CASES)
def test_agrees_with_torch(name):
    assert judged(name)


def test_every_row_has_a_case():
    missing = (TABLE.keys() | COMPOSITES.keys()) - {name.split(" ")[0] for name in CASES} - OTHER_NAMES.keys()
    assert sorted(missing) == []
    assert all(TABLE[name] is TABLE[other] or name == "_unsafe_index" for name, other in OTHER_NAMES.items())


SLIPS = {
    "sign": lambda result: -result,
    "turned round": lambda result: np.flip(result),
    "one entry": lambda result: result + 1e-6 * (np.arange(np.size(result)).reshape(np.shape(result)) == 0),
}
CONSTANTS = set(
    words(  # of a wrong one, torch's own result is taken, and nothing is lost
        "eq ne lt le gt ge logical_and logical_or logical_xor logical_not bitwise_and bitwise_or bitwise_xor "
        "bitwise_not isnan isinf isfinite signbit fill zero"
    )
)


@pytest.mark.parametrize("name", sorted(((TABLE.keys() | COMPOSITES.keys()) & CASES.keys()) - CONSTANTS))
def test_a_slip_in_a_row_is_caught(name):
    table = COMPOSITES if name in COMPOSITES else TABLE
    row = table[name]
    for slip, change in SLIPS.items():
        changed = []

        def other(*args, change=change, changed=changed, **options):
            found = row(*args, **options)
            first = found[0] if isinstance(found, tuple) else found
            wrong = change(first)
            changed.append(not np.array_equal(plain(first), plain(wrong)))
            return (wrong, *found[1:]) if isinstance(found, tuple) else wrong

        with pytest.MonkeyPatch.context() as patch:
            patch.setitem(table, name, other)
            passes = judged(name)
        assert changed, "no operator of this case has the row"
        assert passes != any(changed), slip
