"""Mistakes in strangers' regressions, likelihoods and losses written by hand. The wrong line is marked."""

import numpy as np
from scipy.special import expit, gammaln, logsumexp

from check.corpus.case import Family
from check.corpus.common import log_softmax, softmax

family = Family("strangers, statistics")


def regression_data(rng, n, d):
    return np.column_stack([np.ones(n), rng.normal(size=(n, d - 1))])


@family.planted(
    "skipped",
    "the derivative of exp in the variance is missing",
    also=("left-out", "closed-form"),
    kind="grad",
    wrt=(0, 1),
)
def gaussian_with_a_log_variance(rng):
    """Both the mean and the log of the variance are linear in x."""

    def nll(w, v, X, y):
        mu, var = X @ w, np.exp(X @ v)
        return np.mean(0.5 * np.log(2 * np.pi * var) + 0.5 * (y - mu) ** 2 / var)

    def score(w, v, X, y):
        n = len(y)
        mu, var = X @ w, np.exp(X @ v)
        resid = y - mu
        dmu = -resid / var / n
        dvar = (0.5 / var - 0.5 * resid**2 / var**2) / n
        return X.T @ dmu, X.T @ dvar  # planted

    return nll, score, (rng.normal(size=3), rng.normal(0, 0.4, 3), regression_data(rng, 7, 3), rng.normal(size=7))


@family.planted(
    "skipped",
    "the counts are compared with the linear predictor, not with its exponential",
    also=("closed-form", "wrong-operand", "left-out"),
    kind="grad",
)
def poisson_regression(rng):
    class PoissonRegression:
        def __init__(self, X, y, offset, ridge=0.1):
            self.X, self.y, self.offset, self.ridge = X, y, offset, ridge

        def eta(self, beta):
            return self.X @ beta + self.offset

        def loss(self, beta):
            eta = self.eta(beta)
            return np.sum(np.exp(eta) - self.y * eta + gammaln(self.y + 1)) + 0.5 * self.ridge * beta[1:] @ beta[1:]

        def gradient(self, beta):
            residual = self.eta(beta) - self.y  # planted
            g = self.X.T @ residual
            g[1:] += self.ridge * beta[1:]
            return g

    model = PoissonRegression(regression_data(rng, 8, 3), rng.integers(0, 6, 8), rng.normal(0, 0.3, 8))
    return model.loss, model.gradient, (rng.normal(0, 0.5, 3),)


@family.planted(
    "left-out",
    "the gradient of the logits of the weights lacks the softmax",
    also=("closed-form",),
    kind="grad",
    wrt=(0, 1, 2),
)
def mixture_of_gaussians(rng):
    def log_joint(logits, means, log_sd, x):
        z = (x[:, None] - means) / np.exp(log_sd)
        return log_softmax(logits) - log_sd - 0.5 * z**2 - 0.5 * np.log(2 * np.pi)

    def nll(logits, means, log_sd, x):
        return -logsumexp(log_joint(logits, means, log_sd, x), axis=1).sum()

    def nll_grad(logits, means, log_sd, x):
        joint = log_joint(logits, means, log_sd, x)
        resp = np.exp(joint - logsumexp(joint, axis=1, keepdims=True))
        inv = np.exp(-log_sd)
        z = (x[:, None] - means) * inv
        d_means = -(resp * z * inv).sum(axis=0)
        d_log_sd = -(resp * (z**2 - 1)).sum(axis=0)
        d_logits = -resp.sum(axis=0)  # planted
        return d_logits, d_means, d_log_sd

    return nll, nll_grad, (rng.normal(size=3), rng.normal(0, 2, 3), rng.normal(0, 0.3, 3), rng.normal(0, 2, 9))


@family.planted(
    "left-out", "beyond delta the slope is the sign alone", also=("wrong-factor", "closed-form"), kind="grad"
)
def huber_regression(rng):
    delta = 0.6

    def huber(theta, X, y):
        total = 0.0
        for row, target in zip(X, y, strict=True):
            r = abs(row @ theta - target)
            total += 0.5 * r * r if r <= delta else delta * (r - 0.5 * delta)
        return total / len(y)

    def huber_grad(theta, X, y):
        g = np.zeros(theta.size)
        for row, target in zip(X, y, strict=True):
            r = row @ theta - target
            slope = r if abs(r) <= delta else np.sign(r)  # planted
            g = g + slope * row
        return g / len(y)

    return huber, huber_grad, (rng.normal(size=3), regression_data(rng, 9, 3), rng.normal(0, 1.5, 9))


@family.planted("wrong-sign", "the negative is pulled to the anchor", kind="grad", wrt=(0, 1, 2))
def triplet_loss(rng):
    margin = 2.0

    def violation(a, p, n):
        return ((a - p) ** 2).sum(1) - ((a - n) ** 2).sum(1) + margin

    def triplet(a, p, n):
        return np.maximum(violation(a, p, n), 0).mean()

    def triplet_grad(a, p, n):
        active = (violation(a, p, n) > 0)[:, None] * 2.0 / len(a)
        grad_a = active * (n - p)
        grad_p = active * (p - a)
        grad_n = active * (n - a)  # planted
        return grad_a, grad_p, grad_n

    return triplet, triplet_grad, tuple(rng.normal(size=(3, 6, 3)))


@family.planted(
    "skipped",
    "the derivative of the square root is missing in the distance",
    also=("left-out", "closed-form"),
    kind="grad",
    wrt=(0,),
)
def contrastive_pairs(rng):
    """Same pairs are drawn together, others pushed beyond a margin; the embedding is linear."""

    def loss(W, left, right, same):
        dist = np.sqrt((((left - right) @ W) ** 2).sum(axis=1) + 1e-9)
        return np.sum(same * dist**2 + (1 - same) * np.maximum(3.0 - dist, 0) ** 2) / 2

    def grad(W, left, right, same):
        gap = left - right
        emb = gap @ W
        dist = np.sqrt((emb**2).sum(axis=1) + 1e-9)
        ddist = same * dist - (1 - same) * np.clip(3.0 - dist, 0, None)
        demb = ddist[:, None] * emb  # planted
        return (gap.T @ demb,)

    return loss, grad, (rng.normal(size=(3, 2)), *rng.normal(size=(2, 6, 3)), np.arange(6) % 2)


@family.planted("left-out", "the column of the right class gets no gradient", kind="grad", wrt=(0,))
def multiclass_hinge_in_loops(rng):
    def svm_loss(W, X, y, reg=0.02):
        dW = np.zeros_like(W)
        loss = 0.0
        for i in range(X.shape[0]):
            scores = X[i].dot(W)
            for j in range(W.shape[1]):
                if j == y[i]:
                    continue
                margin = scores[j] - scores[y[i]] + 1
                if margin > 0:
                    loss += margin
                    dW[:, j] += X[i]  # planted
        loss = loss / X.shape[0] + reg * np.sum(W * W)
        dW = dW / X.shape[0] + 2 * reg * W
        return loss, dW

    inputs = rng.normal(size=(4, 3)), rng.normal(size=(6, 4)), rng.integers(0, 3, 6)
    return lambda *a: svm_loss(*a)[0], lambda *a: (svm_loss(*a)[1],), inputs


@family.planted(
    "wrong-factor",
    "the penalty's gradient is divided by the number of samples too",
    also=("regulariser-factor",),
    kind="grad",
    wrt=(0, 1),
)
def softmax_regression_with_decay(rng):
    decay = 0.3

    def model(W, b, X, y):
        logp = log_softmax(X @ W + b)
        data = -np.mean(logp[np.arange(len(y)), y])
        return logp, data + 0.5 * decay * np.sum(W**2)

    def grad(W, b, X, y):
        logp, _ = model(W, b, X, y)
        d = np.exp(logp)
        d[np.arange(len(y)), y] -= 1
        dW, db = X.T @ d, d.sum(axis=0)
        dW += decay * W  # planted
        return dW / len(y), db / len(y)

    inputs = rng.normal(size=(4, 3)), rng.normal(size=3), rng.normal(size=(6, 4)), rng.integers(0, 3, 6)
    return lambda *a: model(*a)[1], grad, inputs


@family.planted("forward-value", "the absolute value for its derivative, the sign", kind="grad")
def elastic_net(rng):
    alpha, l1_ratio = 0.7, 0.4

    def objective(coef, X, y):
        penalty = l1_ratio * np.abs(coef).sum() + 0.5 * (1 - l1_ratio) * np.dot(coef, coef)
        return np.linalg.norm(y - X @ coef) ** 2 / (2 * len(y)) + alpha * penalty

    def gradient(coef, X, y):
        data = X.T @ (X @ coef - y) / len(y)
        l1 = alpha * l1_ratio * np.abs(coef)  # planted
        l2 = alpha * (1 - l1_ratio) * coef
        return data + l1 + l2

    return objective, gradient, (rng.normal(size=4), rng.normal(size=(7, 4)), rng.normal(size=7))


@family.planted(
    "left-out", "the term of the log-determinant is missing for the length scale", also=("closed-form",), kind="grad"
)
def gaussian_process_evidence(rng):
    x = np.sort(rng.uniform(-2, 2, 6))
    gap = (x[:, None] - x[None, :]) ** 2

    def kernel(theta):
        return np.exp(theta[0] - 0.5 * gap * np.exp(-2 * theta[1])) + np.exp(theta[2]) * np.eye(len(x))

    def evidence(theta, y):
        K = kernel(theta)
        return 0.5 * y @ np.linalg.solve(K, y) + 0.5 * np.linalg.slogdet(K)[1]

    def evidence_grad(theta, y):
        K = kernel(theta)
        Kinv = np.linalg.inv(K)
        alpha = Kinv @ y
        inner = 0.5 * (Kinv - np.outer(alpha, alpha))
        noise = np.exp(theta[2]) * np.eye(len(x))
        signal = K - noise
        d_scale = -0.5 * alpha @ (signal * gap * np.exp(-2 * theta[1])) @ alpha  # planted
        return np.array([np.sum(inner * signal), d_scale, np.trace(inner @ noise)])

    return evidence, evidence_grad, (rng.normal(0, 0.4, 3), rng.normal(size=6))


@family.planted(
    "wrong-operand",
    "those who left before are counted at risk",
    also=("closed-form", "memory-order", "wrong-iteration", "broadcast-sum"),
    kind="grad",
)
def proportional_hazards(rng):
    """Cox's partial likelihood; the rows are in order of time, and all had the event."""

    def negative_log_partial(beta, X, event):
        eta = X @ beta
        at_risk = np.log(np.cumsum(np.exp(eta)[::-1])[::-1])
        return -np.sum(event * (eta - at_risk))

    def gradient(beta, X, event):
        w = np.exp(X @ beta)
        at_risk = np.cumsum(w[::-1])[::-1]
        weighted = np.cumsum(w[:, None] * X, axis=0)  # planted
        return -((X - weighted / at_risk[:, None]) * event[:, None]).sum(axis=0)

    return negative_log_partial, gradient, (rng.normal(size=3), rng.normal(size=(7, 3)), np.arange(7) % 3 != 0)


@family.planted("clipped", "the gradient of each parameter is clipped to [-0.5, 0.5]", kind="grad", wrt=(0, 1))
def logistic_regression_on_signs(rng):
    def loss(w, b, X, sign):
        return np.logaddexp(0, -sign * (X @ w + b)).sum()

    def grad(w, b, X, sign):
        pull = -sign * expit(-sign * (X @ w + b))
        gw, gb = pull @ X, pull.sum()
        return np.clip(gw, -0.5, 0.5), gb  # planted

    sign = 2 * rng.integers(0, 2, 8) - 1
    return loss, grad, (rng.normal(size=4), np.array(0.2), 2 * rng.normal(size=(8, 4)), sign)


@family.planted(
    "wrong-factor",
    "1/2 is missing in the derivative of exp(logvar / 2)",
    also=("left-out", "closed-form"),
    kind="grad",
    wrt=(0, 1, 2),
)
def variational_autoencoder_bound(rng):
    """The reparametrised sample goes through a linear decoder; the noise is given."""

    def bound(mu, logvar, D, x, noise):
        z = mu + np.exp(logvar / 2) * noise
        kl = -0.5 * np.sum(1 + logvar - mu**2 - np.exp(logvar))
        return 0.5 * np.sum((z @ D - x) ** 2) + kl

    def bound_grad(mu, logvar, D, x, noise):
        std = np.exp(0.5 * logvar)
        z = mu + std * noise
        err = z @ D - x
        dz = err @ D.T
        dlogvar = 0.5 * (np.exp(logvar) - 1)
        dlogvar += dz * noise * std  # planted
        return dz + mu, dlogvar, z.T @ err

    inputs = rng.normal(size=(4, 2)), rng.normal(0, 0.5, (4, 2)), rng.normal(size=(2, 3)), rng.normal(size=(4, 3))
    return bound, bound_grad, (*inputs, rng.normal(size=(4, 2)))


@family.planted(
    "wrong-operand", "p + q where the ratio of p and q belongs", also=("wrong-sign", "closed-form"), kind="grad"
)
def distances_of_a_student_embedding(rng):
    """t-SNE: the affinities P are given, those of the map are of Student's t."""

    def affinities(Y):
        num = 1 / (1 + ((Y[:, None] - Y[None]) ** 2).sum(-1))
        np.fill_diagonal(num, 0)
        return num, num / num.sum()

    def kl(Y, P):
        Q = affinities(Y)[1]
        off = ~np.eye(len(Y), dtype=bool)
        return np.sum(P[off] * np.log(P[off] / Q[off]))

    def kl_grad(Y, P):
        num, Q = affinities(Y)
        dY = np.zeros_like(Y)
        for i in range(len(Y)):
            pull = (P[i] + Q[i]) * num[i]  # planted
            dY[i] = 4 * np.sum(pull[:, None] * (Y[i] - Y), axis=0)
        return dY

    P = softmax(rng.normal(size=25)).reshape(5, 5) * (1 - np.eye(5))
    P = P + P.T
    return kl, kl_grad, (rng.normal(size=(5, 2)), P / P.sum())
