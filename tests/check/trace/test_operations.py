"""Every operation of the tables has a case, its derivative is the numerical one, and a slip in it is caught."""

import math

import numpy as np
import pytest

from check.trace.measured import functions_of, is_the_numerical_one
from softgrad.check.trace import trace_forward
from softgrad.check.trace.elementwise import PARTIALS
from softgrad.check.trace.operations import CONTRIBUTIONS

special, linalg = pytest.importorskip("scipy.special"), pytest.importorskip("scipy.linalg")
RNG = np.random.default_rng(11)
P, Q = RNG.uniform(0.2, 0.8, (3, 4)), RNG.uniform(0.2, 0.8, (3, 4))
A, B = RNG.normal(size=(3, 3)) + 3 * np.eye(3), RNG.normal(size=(3, 3))
INDEX = np.array([[2, 0, 2], [1, 1, 0]])

DOMAIN = {  # of operations that want other numbers than P and Q
    "arccosh": (P + 1,),
    "absolute": (P - 0.5,),
    "fabs": (P - 0.5,),
    "copysign": (P - 0.5, Q - 0.5),
    "clip": (P, 0.3 * Q + 0.2, 0.1 * Q + 0.5),
    "power": (P, 3 * Q),
    "i1": (5 * P,),
    "huber": (P, 2 * Q - 0.3),
    "pseudo_huber": (P, 2 * Q - 0.3),
    "remainder": (5 * P, Q),
    "fmod": (5 * P, Q),
}


def ufunc_of(name):
    found = getattr(np, name, None)
    return found if isinstance(found, np.ufunc) or name == "clip" else getattr(special, name)


CASES = {name: (ufunc_of(name), *DOMAIN.get(name, (P, Q)[: len(rows)])) for name, rows in PARTIALS.items()} | {
    "sum": (lambda x: np.sum(x, axis=0), P),
    "mean": (lambda x: np.mean(x, axis=0), P),
    "var": (lambda x: np.var(x, axis=1, ddof=1), P),
    "std": (lambda x: np.std(x, axis=1, keepdims=True), P),
    "max": (lambda x: x.max(axis=1), P),
    "min": (lambda x: np.min(x, axis=0), P),
    "norm": (lambda x: np.linalg.norm(x, axis=1), P),
    "prod": (lambda x: np.prod(x, axis=1), P * (P > 0.4)),
    "cumsum": (lambda x: np.cumsum(x, axis=1), P),
    "cumprod": (lambda x: np.cumprod(x, axis=0), P),
    "einsum": (lambda a, b: a @ b, A, B),
    "gather": (lambda x: x[INDEX], P),
    "assemble": (lambda x, y: np.concatenate([x, y[:, ::-1]], axis=1), P, Q),
    "where": (lambda x, y: np.where(A > 0.3, x, y), A, B),
    "scatter_add": (lambda x, y: scattered(x, y), P, Q[:2, :3]),
    "cast": (lambda x: np.array(x, dtype=np.longdouble), P),
    "inv": (np.linalg.inv, A),
    "solve": (np.linalg.solve, A, B),
    "det": (np.linalg.det, A),
    "eigenvalues": (lambda a: np.linalg.eigvalsh(a @ a.T), A),
    "eigenvectors": (lambda a: np.linalg.eigh(a @ a.T)[1], A),
    "singular values": (lambda a: np.linalg.svd(a, compute_uv=False), P),
    "left vectors": (lambda a: np.linalg.svd(a, full_matrices=False)[0], P),
    "right vectors": (lambda a: np.linalg.svd(a, full_matrices=False)[2], P),
    "expm": (lambda a: linalg.expm(a), 0.3 * A),
    "cholesky": (lambda a: np.linalg.cholesky(a @ a.T), A),
    "logdet": (lambda a: np.linalg.slogdet(a)[1], A),
    "softmax": (lambda x: special.softmax(x, axis=1), P),
    "log_softmax": (lambda x: special.log_softmax(x, axis=1), P),
    "logsumexp": (lambda x: special.logsumexp(x, axis=1), P),
}
NOT_OF_THE_FORWARD_PASS = {"write"}  # the same as cast; the trace of the backward pass has it


def scattered(x, y):
    z = x.copy().reshape(-1)
    np.subtract.at(z, INDEX, y)
    return z


def judged(name):
    function, *arrays = CASES[name]
    functions = functions_of(function, tuple(np.array(one) for one in arrays))
    given = functions.arrays()
    graph = trace_forward(functions, given)
    assert graph is not None
    assert graph.untraced == ()
    assert any(node.op == name for node in graph.live)
    upstream = np.random.default_rng(3).normal(size=graph.output.shape)
    return is_the_numerical_one(functions, given, graph.gradients(upstream), upstream)


def test_every_operation_has_a_case():
    assert CASES.keys() | NOT_OF_THE_FORWARD_PASS == PARTIALS.keys() | CONTRIBUTIONS.keys()


@pytest.mark.parametrize("name", CASES)
def test_the_derivative_is_the_numerical_one(name):
    assert judged(name)


SLIPS = {
    "sign": lambda f: lambda *i: -f(*i),
    "twice": lambda f: lambda *i: 2 * f(*i),
    "left out": lambda f: lambda *i: 0 * f(*i),
    "turned round": lambda f: lambda *i: np.flip(f(*i), -1),
}


def passing(table, name, slips):
    """The slips, put into a row of a table, with which its operation still passes."""
    missed = []
    for slip, row in slips.items():
        with pytest.MonkeyPatch.context() as patch:
            patch.setitem(table, name, row)
            if judged(name):
                missed.append(slip)
    return missed


@pytest.mark.parametrize("name", sorted(CONTRIBUTIONS.keys() - NOT_OF_THE_FORWARD_PASS))
def test_a_slip_in_a_contribution_is_caught(name):
    slips = {slip: slipped(CONTRIBUTIONS[name]) for slip, slipped in SLIPS.items()}
    assert passing(CONTRIBUTIONS, name, slips) == []


def slips_of(rows, k):
    """A derivative that is 0, or the same everywhere, has fewer slips."""
    with np.errstate(all="ignore"):
        local = rows[k](P, *(P + 0.01 * i for i in range(len(rows))))
    return [slip for slip in SLIPS if np.ndim(local) or (local != 0 and slip != "turned round")]


def with_slip(rows, k, slip):
    return (*rows[:k], SLIPS[slip](rows[k]), *rows[k + 1 :])


@pytest.mark.parametrize("name", PARTIALS)
def test_a_slip_in_a_derivative_is_caught(name):
    rows = PARTIALS[name]
    slips = {(k, slip): with_slip(rows, k, slip) for k in range(len(rows)) for slip in slips_of(rows, k)}
    assert passing(PARTIALS, name, slips) == []


def test_operations_of_math_are_those_of_the_tables():
    from softgrad.check.trace import of_math

    assert set(of_math.OPERATIONS.values()) <= PARTIALS.keys()
    assert {name for name in of_math.NAMES if not hasattr(math, name)} <= {"exp2", "cbrt"}
