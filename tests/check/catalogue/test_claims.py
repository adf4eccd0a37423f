"""What an entry says is true of every wrong line that it is given to: measured on numbers.

Each claim is a predicate on a right line, a wrong one and the quantities that both use. It is tried on every line of
the catalogue and on every edit of a right line that the entry names.
"""

import ast
import re
from typing import NamedTuple

import numpy as np
import pytest

from check.right_lines import LAYOUTS, layouts_of, quantities, right_lines
from softgrad.check.catalogue import ENTRIES, WRONG_LINES
from softgrad.check.catalogue.activations import ELU, LEAKY, RELU, SIGMOID, TANH
from softgrad.check.catalogue.log_softmax import LOG_SOFTMAX
from softgrad.check.catalogue.other_losses import BINARY, BINARY_AT_PROBABILITIES, REVERSED, REVERSED_BINARY, SQUARED
from softgrad.check.catalogue.softmax import SOFTMAX
from softgrad.check.diagnose.naming import names_of_edit
from softgrad.formulas.edits import edits
from softgrad.formulas.language import IMPOSSIBLE, run, split

UPSTREAM = ("dp", "da", "dy", "g", "dz")


class Line(NamedTuple):
    right: str
    wrong: str  # a whole line
    names: tuple[str, ...]  # the entries that it is given
    program: str = ""  # the lines of the function


def listed():
    for one in WRONG_LINES:
        target = split(one.right)[0]
        names = (one.name,) if one.second is None else (one.name, one.second)
        yield Line(one.right, f"{target} = {one.wrong}", names)


PROGRAMS = ("", "dz = dz / m", "dz = dz / n", "dz = dz / sum_w", "dz = dz / (m * K)")


def edited():
    swapped = ("p", "z", "dp", "da", "a", "t", "logp")
    for right in right_lines():
        used = {node.id for node in ast.walk(ast.parse(right)) if isinstance(node, ast.Name)}
        alike = tuple((name, tuple(q for q in swapped if q != name)) for name in sorted(used & set(swapped)))
        for edit in edits(right, alike):
            for program in PROGRAMS if edit.kind == "times" else ("",):
                names = names_of_edit(edit, right, program)
                if names:
                    yield Line(right, edit.line, names, program)


LINES = (*dict.fromkeys((*listed(), *edited())),)


def values_of(line, names):
    return run((line,), dict(names))[split(line)[0]]


def with_other(names, quantity):
    """The quantities with other numbers for one of them."""
    return {
        **names,
        quantity: np.asarray(names[quantity])
        * np.linspace(-2, 3, np.size(names[quantity])).reshape(np.shape(names[quantity])),
    }


def same(one, other):
    return np.shape(one) == np.shape(other) and np.allclose(one, other, rtol=1e-9, atol=1e-12, equal_nan=True)


def upstream_of(line):
    """The gradient that arrives at the line."""
    return next(
        (name for name in UPSTREAM if re.search(rf"\b{name}\b", line.partition(" = ")[2].replace("rows(g)", "g"))), None
    )


def is_times(factor):
    return lambda line, names: same(
        values_of(line.wrong, names), eval(factor, {}, dict(names)) * values_of(line.right, names)
    )


def depends_on_upstream(line, names):
    got = values_of(line.wrong, names)
    upstream = "g" if re.search(r"\bg\b", line.right) else upstream_of(line.right)
    return not same(got, values_of(line.wrong, with_other(names, upstream)))


def is_zero(line, names):
    return not np.abs(values_of(line.wrong, names)).max() > 1e-12


def is_transposed(line, names):
    got, wanted = values_of(line.wrong, names), values_of(line.right, names)
    return got.shape == wanted.T.shape and same(got, wanted.T)


def zero_where_the_target_is(line, names):
    target = "q" if re.search(r"\bq\b", line.right) else "t"
    marked = np.array(names[target])
    marked[..., 0] = 0
    got = values_of(line.wrong, {**names, target: marked})
    return not np.abs(got[..., 0]).max() > 1e-12


def no_target(line, names):
    def depends(one):
        return any(not same(values_of(one, names), values_of(one, with_other(names, target))) for target in ("t", "q"))

    return depends(line.right) and not depends(line.wrong)


def is_diagonal(line, names):
    """Entry i of the gradient depends on entry i of the upstream alone."""
    upstream = upstream_of(line.wrong)
    other = np.array(names[upstream], dtype=float)
    other[..., 0] += 1.0
    moved = values_of(line.wrong, {**names, upstream: other}) - values_of(line.wrong, names)
    return bool(np.abs(moved[..., 1:]).max(initial=0.0) < 1e-12 and np.abs(moved[..., 0]).max() > 1e-12)


def has_opposite_sign(line, names):
    return is_times("-1.0")(line, names)


CLAIMS = {  # name of an entry: what must be true of each line that it alone is given to
    "sign": has_opposite_sign,
    "factor-2": is_times("2.0"),
    "factor-half": is_times("0.5"),
    "mean-missing": is_times("m"),
    "counted-mean-missing": is_times("n"),
    "weighted-mean-missing": is_times("sum_w"),
    "entries-mean-missing": is_times("m * K"),
    "mean-extra": is_times("1 / m"),
    "mean-inverted": is_times("m * m"),
    "classes-missing": is_times("K"),
    "multiplied-by-classes": is_times("K"),
    "multiplied-by-samples": is_times("m"),
    "temperature-missing": is_times("T"),
    "temperature-inverted": is_times("T * T"),
    "temperature-twice": is_times("1 / T"),
    "dropout-scale-missing": is_times("keep"),
    "dropout-scale-twice": is_times("1 / keep"),
    "dropout-scale-inverted": is_times("keep * keep"),
    "upstream-ignored": lambda line, names: not depends_on_upstream(line, names),
    "upstream-used-in-part": depends_on_upstream,
    "jacobian-summed": is_zero,
    "weight-gradient-transposed": is_transposed,
    "true-class-only": zero_where_the_target_is,
    "one-hot-not-subtracted": no_target,
    "one-subtracted-everywhere": no_target,
    "loss-derivative-missing": no_target,
    "activation-derivative-missing": lambda line, names: same(values_of(line.wrong, names), names["da"]),
    "relu-derivative-one": lambda line, names: same(values_of(line.wrong, names), names["da"]),
    "identity-jacobian": lambda line, names: same(values_of(line.wrong, names), names["dp"]),
    "softmax-jacobian-missing": lambda line, names: same(values_of(line.wrong, names), names["dp"]),
    "probabilities-gradient-at-logits": lambda line, names: any(
        same(values_of(line.wrong, names), -names[target] / names["p"]) for target in ("t", "q")
    ),
    "softmax-formula": lambda line, names: same(values_of(line.wrong, names), values_of(SOFTMAX, names)),
    "log-softmax-formula": lambda line, names: same(values_of(line.wrong, names), values_of(LOG_SOFTMAX, names)),
    "squared-error-gradient": lambda line, names: any(
        same(values_of(line.wrong, names), 2 * (names["p"] - names[target])) for target in ("t", "q")
    ),
    "diagonal-only": is_diagonal,
}  # fmt: skip
CLAIMED = [(line, name) for line in LINES for name in line.names if name in CLAIMS and len(line.names) == 1]
VECTOR = "vector"


def can_tell(line, name):
    """Whether the quantities of right_lines.py have what the claim is about."""
    return not (name == "diagonal-only" and upstream_of(line.wrong) not in ("dp",))


@pytest.mark.parametrize("name", CLAIMS)
def test_what_an_entry_says_is_true_of_its_lines(name):
    lines = [line for line, own in CLAIMED if own == name and can_tell(line, name)]
    untrue, tried = [], 0
    for line in lines:
        for layout in layouts_of(line.right):
            if layout not in ("rows", VECTOR) or (layout == VECTOR and "rows" in layouts_of(line.right)):
                continue
            names = quantities(line.right, LAYOUTS[layout], square="W" in line.right.partition("= ")[2])
            if "p" in names:
                names["p"] = names["p"] / names["p"].sum(axis=-1, keepdims=True)
            try:
                values_of(line.wrong, names)
            except IMPOSSIBLE:
                continue
            tried += 1
            if not CLAIMS[name](line, names):
                untrue.append((line.right, line.wrong, line.program))
    assert tried, "no line is given this name alone"
    assert untrue == []


@pytest.mark.parametrize("slip", ["sign", "upstream-ignored", "true-class-only", "mean-missing", "jacobian-summed"])
def test_an_untrue_claim_is_noticed(slip):
    """Planted: each of these names on a line of another kind."""
    line = Line(SOFTMAX, "dz = p * (dp - 2 * sum_k(p * dp))", (slip,))
    names = quantities(SOFTMAX, LAYOUTS["rows"])
    assert not CLAIMS[slip](line, names)


# ---- names of functions ----

FUNCTIONS = r"log-softmax|softmax|sigmoid|tanh|leaky ReLU|ReLU|ELU|logsumexp|cross-entropy|dropout|squared error"
FAMILIES = {  # a pattern of right lines: the functions that a text on them may name
    "|".join(map(re.escape, (RELU,))): {"ReLU"},
    re.escape(LEAKY): {"leaky ReLU"},
    re.escape(ELU): {"ELU"},
    re.escape(TANH): {"tanh"},
    re.escape(SIGMOID): {"sigmoid"},
    re.escape(BINARY): {"sigmoid"},
    re.escape(REVERSED_BINARY): {"sigmoid"},
    re.escape(BINARY_AT_PROBABILITIES): set(),
    re.escape(LOG_SOFTMAX): {"log-softmax", "softmax", "logsumexp"},
    "|".join(map(re.escape, (*SQUARED, REVERSED))): {"softmax", "squared error"},
    r"dx = dy \* mask.*": {"dropout"},
    r"d[Wxb] = .*": set(),
    r"dp = .*": set(),
    r".*\bp\b.*|.*sum_k.*": {"softmax", "cross-entropy"},
}
ANOTHER = {  # an entry that names another function: what the gradient is taken for
    "squared-error-gradient": {"squared error"},
    "cross-entropy-gradient": {"cross-entropy"},
    "focal-factor-missing": {"cross-entropy"},
    "log-softmax-formula": {"log-softmax"},
    "softmax-twice": {"softmax"},
    "sigmoid-for-softmax": {"sigmoid"},
    "softmax-for-sigmoid": {"softmax"},
    "binary-cross-entropy-reversed": {"cross-entropy"},
    **{name: {"softmax"} for name in ENTRIES if name.startswith("temperature")},  # a T occurs in softmax(z / T) alone
}


def functions_in(name):
    entry = ENTRIES[name]
    return set(re.findall(FUNCTIONS, f"{entry.title} {entry.explanation}"))


@pytest.mark.parametrize("right", sorted({line.right for line in LINES}))
def test_a_text_names_no_other_function_than_that_of_the_line(right):
    own = next((names for pattern, names in FAMILIES.items() if re.fullmatch(pattern, right)), set())
    given = {name for line in LINES if line.right == right for name in line.names}
    foreign = {name: functions_in(name) - own - ANOTHER.get(name, set()) for name in given}
    assert {name: found for name, found in foreign.items() if found} == {}
