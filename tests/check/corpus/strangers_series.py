"""Mistakes in strangers' models of series: smoothing, a random field, an equation solved. The wrong line is marked."""

import numpy as np
from scipy.special import expit, logsumexp

from check.corpus.case import Family

family = Family("strangers, series")


@family.planted(  # x - level after the update is (1 - alpha) times x - level before it
    "wrong-iteration",
    "the level after the update in its derivative with respect to alpha",
    also=("wrong-factor",),
    kind="grad",
)
def exponential_smoothing(rng):
    """Squared one-step errors of simple smoothing, alpha kept in (0, 1) by a sigmoid; sensitivities go forward."""

    def sse(theta, y):
        alpha, level, total = expit(theta[0]), theta[1], 0.0
        for value in y:
            total += (value - level) ** 2
            level = level + alpha * (value - level)
        return total

    def sse_grad(theta, y):
        alpha, level = expit(theta[0]), theta[1]
        d_alpha, d_start = 0.0, 1.0  # of the level
        g = np.zeros(2)
        for value in y:
            error = value - level
            g -= 2 * error * np.array([d_alpha, d_start])
            level = level + alpha * error
            d_alpha = (1 - alpha) * d_alpha + (value - level)  # planted
            d_start = (1 - alpha) * d_start
        g[0] *= alpha * (1 - alpha)
        return g

    return sse, sse_grad, (rng.normal(size=2), rng.normal(size=7).cumsum())


@family.planted(
    "wrong-iteration",
    "the states of the reversed reading get the upstream in the wrong order",
    also=("wrong-operand", "memory-order"),
)
def bidirectional_reader(rng):
    def scan(X, W, U):
        states = [np.zeros(U.shape[0])]
        for x in X:
            states.append(np.tanh(W @ x + U @ states[-1]))
        return np.stack(states)

    def scan_back(X, W, U, states, g):
        dX, dW, dU, carry = np.zeros_like(X), np.zeros_like(W), np.zeros_like(U), np.zeros(U.shape[0])
        for t in range(len(X) - 1, -1, -1):
            da = (g[t] + carry) * (1 - states[t + 1] ** 2)
            dX[t], carry = W.T @ da, U.T @ da
            dW += np.outer(da, X[t])
            dU += np.outer(da, states[t])
        return dX, dW, dU

    def forward(X, Wf, Uf, Wb, Ub):
        return np.concatenate([scan(X, Wf, Uf)[1:], scan(X[::-1], Wb, Ub)[:0:-1]], axis=1)

    def backward(X, Wf, Uf, Wb, Ub, out, g):
        H = Uf.shape[0]
        dX, dWf, dUf = scan_back(X, Wf, Uf, scan(X, Wf, Uf), g[:, :H])
        back = X[::-1]
        dXb, dWb, dUb = scan_back(back, Wb, Ub, scan(back, Wb, Ub), g[:, H:])  # planted
        return dX + dXb[::-1], dWf, dUf, dWb, dUb

    shapes = (4, 2), (3, 2), (3, 3), (3, 2), (3, 3)
    return forward, backward, tuple(rng.normal(0, 0.8, shape) for shape in shapes)


@family.planted(
    "left-out", "the emission of the second tag is missing in the pairs", also=("closed-form",), kind="grad", wrt=(0, 1)
)
def conditional_random_field(rng):
    """Expected counts less observed ones, by forward-backward in logs."""

    def nll(emissions, transitions, tags):
        alpha = emissions[0]
        for e in emissions[1:]:
            alpha = logsumexp(alpha[:, None] + transitions, axis=0) + e
        path = emissions[np.arange(len(tags)), tags].sum() + transitions[tags[:-1], tags[1:]].sum()
        return logsumexp(alpha) - path

    def nll_grad(emissions, transitions, tags):
        T, K = emissions.shape
        alpha, beta = np.zeros((T, K)), np.zeros((T, K))
        alpha[0] = emissions[0]
        for t in range(1, T):
            alpha[t] = logsumexp(alpha[t - 1][:, None] + transitions, axis=0) + emissions[t]
        for t in range(T - 2, -1, -1):
            beta[t] = logsumexp(transitions + emissions[t + 1] + beta[t + 1], axis=1)
        logZ = logsumexp(alpha[-1])
        d_em = np.exp(alpha + beta - logZ)
        d_em[range(T), tags] -= 1
        d_tr = np.zeros((K, K))
        for t in range(1, T):
            pairs = alpha[t - 1][:, None] + transitions + beta[t]  # planted
            d_tr += np.exp(pairs - logZ)
            d_tr[tags[t - 1], tags[t]] -= 1
        return d_em, d_tr

    return nll, nll_grad, (rng.normal(size=(5, 3)), rng.normal(size=(3, 3)), rng.integers(0, 3, 5))


@family.planted("wrong-factor", "the step size is missing in one term of the adjoint", also=("left-out",))
def euler_steps_of_a_neural_ode(rng):
    h = 0.2

    def solve(y, A, b):
        for _ in range(5):
            y = y + h * np.tanh(A @ y + b[:, None])
        return y

    def adjoint(y, A, b, end, a):
        path = [y]
        for _ in range(4):
            path.append(path[-1] + h * np.tanh(A @ path[-1] + b[:, None]))
        gA, gb = np.zeros_like(A), np.zeros_like(b)
        while path:
            y = path.pop()
            s = a * (1 - np.tanh(A @ y + b[:, None]) ** 2)
            gA += h * s @ y.T
            gb += s.sum(axis=1)  # planted
            a = a + h * A.T @ s
        return a, gA, gb

    return solve, adjoint, (rng.normal(size=(3, 4)), rng.normal(size=(3, 3)), rng.normal(size=3))
