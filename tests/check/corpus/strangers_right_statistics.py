"""Right gradients of strangers' likelihoods, penalties and embeddings: unusual ways that a checker must let pass."""

import math

import numpy as np
from scipy.linalg import cho_solve, cholesky, solve_triangular
from scipy.special import digamma, expit, gammaln, logsumexp, ndtr

from check.corpus.case import Family
from check.corpus.common import log_softmax, softmax

family = Family("strangers, right statistics")


@family.right("Cholesky factors, and traces in place of a way back through them", kind="grad")
def gaussian_process_by_cholesky(rng):
    X = rng.normal(size=(6, 2))

    def kernel(theta):
        scaled = X / np.exp(theta[1:3])
        gaps = (scaled[:, None] - scaled[None]) ** 2
        K = np.exp(2 * theta[0]) * np.exp(-0.5 * gaps.sum(-1))
        return K, gaps, K + 0.1 * np.eye(len(X))

    def evidence(theta, y):
        L = cholesky(kernel(theta)[2], lower=True)
        a = solve_triangular(L, y, lower=True)
        return 0.5 * a @ a + np.log(np.diag(L)).sum()

    def evidence_grad(theta, y):
        K, gaps, full = kernel(theta)
        L = cholesky(full, lower=True)
        a = cho_solve((L, True), y)
        inner = cho_solve((L, True), np.eye(len(y))) - np.outer(a, a)
        slopes = [2 * K, *[K * gaps[..., j] for j in range(2)]]
        return np.array([0.5 * np.sum(inner * dK) for dK in slopes])

    return evidence, evidence_grad, (rng.normal(0, 0.3, 3), rng.normal(size=6))


@family.right(
    "full covariances by their Cholesky factors; the entries above the diagonal have no effect",
    kind="grad",
    wrt=(0, 1, 2),
)
def mixture_with_full_covariances(rng):
    """The precision of a component is L L^T, its log-diagonal on the diagonal."""

    def factors(raw):
        return np.array([np.tril(r, -1) + np.diag(np.exp(np.diag(r))) for r in raw])

    def log_joint(w, mu, raw, X):
        L = factors(raw)
        white = np.einsum("nkd,kde->nke", X[:, None] - mu, L)
        logdet = np.trace(raw, axis1=1, axis2=2)
        return L, white, log_softmax(w) + logdet - 0.5 * np.sum(white**2, axis=-1)

    def nll(w, mu, raw, X):
        return -np.mean(logsumexp(log_joint(w, mu, raw, X)[2], axis=1))

    def nll_grad(w, mu, raw, X):
        L, white, joint = log_joint(w, mu, raw, X)
        r = softmax(joint) / len(X)
        dL = np.einsum("nk,nke,nkd->kde", r, white, X[:, None] - mu)
        draw = np.tril(dL, -1)
        for k in range(len(w)):
            np.fill_diagonal(draw[k], np.diag(dL[k]) * np.diag(L[k]) - r[:, k].sum())
        return softmax(w) - r.sum(0), -np.einsum("nk,nke,kde->kd", r, white, L), draw

    return (
        nll,
        nll_grad,
        (rng.normal(size=2), rng.normal(size=(2, 2)), rng.normal(0, 0.5, (2, 2, 2)), rng.normal(size=(7, 2))),
    )


@family.right("counts of a negative binomial, the dispersion learned through its logarithm", kind="grad", wrt=(0, 1))
def negative_binomial_regression(rng):
    def nll(beta, log_r, X, y):
        r, mu = np.exp(log_r), np.exp(X @ beta)
        return -np.sum(
            gammaln(y + r) - gammaln(r) - gammaln(y + 1) + r * np.log(r / (r + mu)) + y * np.log(mu / (r + mu))
        )

    def score(beta, log_r, X, y):
        r, mu = np.exp(log_r), np.exp(X @ beta)
        share = (y - mu) / (1 + mu / r)
        d_r = digamma(y + r) - digamma(r) + np.log(r / (r + mu)) + 1 - (r + y) / (r + mu)
        return -X.T @ share, -r * d_r.sum()

    return nll, score, (rng.normal(0, 0.5, 3), np.array(0.3), rng.normal(size=(7, 3)), rng.integers(0, 8, 7))


@family.right("differences of a normal distribution between ordered thresholds", kind="grad", wrt=(0, 1))
def ordered_probit(rng):
    """The gaps between thresholds are exponentials."""

    def edges(gaps):
        inner = np.concatenate([gaps[:1], gaps[0] + np.cumsum(np.exp(gaps[1:]))])
        return np.concatenate([[-9.0], inner, [9.0]])

    def nll(w, gaps, X, y):
        e, s = edges(gaps), X @ w
        return -np.log(ndtr(e[y + 1] - s) - ndtr(e[y] - s)).sum()

    def nll_grad(w, gaps, X, y):
        density = lambda z: np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi)  # noqa: E731
        e, s = edges(gaps), X @ w
        p = ndtr(e[y + 1] - s) - ndtr(e[y] - s)
        up, low = density(e[y + 1] - s) / p, density(e[y] - s) / p
        dedge = np.zeros(len(e))
        np.subtract.at(dedge, y + 1, up)
        np.add.at(dedge, y, low)
        tail = np.cumsum(dedge[1:-1][::-1])[::-1]
        return X.T @ (up - low), np.concatenate([tail[:1], tail[1:] * np.exp(gaps[1:])])

    return nll, nll_grad, (rng.normal(size=2), rng.normal(0, 0.4, 3), rng.normal(size=(8, 2)), rng.integers(0, 4, 8))


@family.right(
    "ridge regression solved inside the loss, and differentiated through the normal equations", kind="grad", wrt=(0, 1)
)
def validation_loss_of_ridge(rng):
    def fit(log_lam, X, y):
        A = X.T @ X + np.diag(np.exp(log_lam))
        return A, np.linalg.solve(A, X.T @ y)

    def loss(log_lam, X, y, Xv, yv):
        return 0.5 * np.sum((Xv @ fit(log_lam, X, y)[1] - yv) ** 2)

    def grad(log_lam, X, y, Xv, yv):
        A, w = fit(log_lam, X, y)
        u = np.linalg.solve(A, Xv.T @ (Xv @ w - yv))
        dX = np.outer(y, u) - X @ (np.outer(u, w) + np.outer(w, u))
        return -u * np.exp(log_lam) * w, dX

    return (
        loss,
        grad,
        (rng.normal(size=3), rng.normal(size=(6, 3)), rng.normal(size=6), rng.normal(size=(4, 3)), rng.normal(size=4)),
    )


@family.right("the penalty depends on the order of the sizes", kind="grad")
def sorted_absolute_penalty(rng):
    weights = np.array([1.0, 0.7, 0.5, 0.2])

    def loss(beta, X, y):
        return np.sum(np.log(np.cosh(X @ beta - y))) + weights @ np.sort(np.abs(beta))[::-1]

    def grad(beta, X, y):
        rank = np.empty(beta.size, dtype=int)
        rank[np.argsort(-np.abs(beta))] = np.arange(beta.size)
        return X.T @ np.tanh(X @ beta - y) + weights[rank] * np.sign(beta)

    return loss, grad, (rng.normal(size=4), rng.normal(size=(6, 4)), rng.normal(size=6))


@family.right("both ways round: rows against columns and columns against rows", kind="grad", wrt=(0, 1, 2))
def symmetric_contrastive_loss(rng):
    def unit(a):
        return a / np.sqrt((a * a).sum(1, keepdims=True))

    def loss(images, texts, log_scale):
        S = np.exp(log_scale) * unit(images) @ unit(texts).T
        return -0.5 * np.mean(np.diag(log_softmax(S)) + np.diag(log_softmax(S, axis=0)))

    def grad(images, texts, log_scale):
        u, v, scale = unit(images), unit(texts), np.exp(log_scale)
        S = scale * u @ v.T
        n = len(S)
        dS = (softmax(S, axis=1) + softmax(S, axis=0) - 2 * np.identity(n)) / (2 * n)

        def through_unit(raw, unit_rows, d):
            along = np.einsum("nd,nd->n", unit_rows, d)[:, None] * unit_rows
            return (d - along) / np.linalg.norm(raw, axis=1)[:, None]

        return through_unit(images, u, scale * dS @ v), through_unit(texts, v, scale * dS.T @ u), np.sum(dS * S)

    return loss, grad, (rng.normal(size=(4, 3)), rng.normal(size=(4, 3)), np.array(0.8))


@family.right("the affinities P are an input that sums to 1; the gradient uses this", kind="grad")
def student_embedding(rng):
    def kernel(Y):
        sq = (Y**2).sum(1)
        num = 1 / (1 + sq[:, None] + sq[None] - 2 * Y @ Y.T)
        num[np.diag_indices(len(Y))] = 0
        return num

    def kl(Y, P):
        num = kernel(Y)
        Q = np.maximum(num / num.sum(), 1e-12)
        return np.sum(P * np.log(np.maximum(P, 1e-12) / Q))

    def kl_grad(Y, P):
        num = kernel(Y)
        M = (P - num / num.sum()) * num
        return 4 * (np.diag(M.sum(1)) - M) @ Y

    P = rng.uniform(size=(5, 5)) * (1 - np.eye(5))
    P = P + P.T
    return kl, kl_grad, (rng.normal(size=(5, 2)), P / P.sum())


@family.right("a path of left and right turns through a tree of words", kind="grad", wrt=(0, 1))
def hierarchical_softmax(rng):
    paths = {0: [(0, 1), (1, 1)], 1: [(0, 1), (1, -1)], 2: [(0, -1), (2, 1)], 3: [(0, -1), (2, -1)]}

    def loss(V, U, pairs):
        total = 0.0
        for centre, word in pairs:
            for node, turn in paths[int(word)]:
                total -= math.log(expit(turn * V[centre].dot(U[node])))
        return total

    def grad(V, U, pairs):
        gV, gU = np.zeros_like(V), np.zeros_like(U)
        for centre, word in pairs:
            nodes, turns = map(np.array, zip(*paths[int(word)], strict=True))
            miss = expit(U[nodes] @ V[centre]) - (turns == 1)
            gV[centre] += miss @ U[nodes]
            gU[nodes] += np.outer(miss, V[centre])
        return gV, gU

    return loss, grad, (rng.normal(size=(4, 3)), rng.normal(size=(3, 3)), rng.integers(0, 4, (5, 2)))
