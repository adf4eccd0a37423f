"""Cases q-15 to q-21, as a stranger wrote them."""

import math

import numpy as np


# ==== q-15 ====
def make_q15():
    rng = np.random.default_rng(15)
    x_max, a = 10.0, 0.75

    def residual(p, X):
        logX = np.log(np.where(X > 0, X, 1.0))
        weight = np.where(X > 0, np.minimum(1.0, (X / x_max) ** a), 0.0)
        diff = p['W'] @ p['C'].T + p['bw'][:, None] + p['bc'][None, :] - logX
        return weight, diff

    def glove_loss(p, X):
        weight, diff = residual(p, X)
        return np.sum(weight * diff ** 2)

    def glove_grad(p, X):
        weight, diff = residual(p, X)
        wd = 2 * weight * diff
        return {
            'W': wd @ p['C'],
            'C': wd @ p['W'],
            'bw': wd.sum(axis=1),
            'bc': wd.sum(axis=0),
        }

    M = rng.poisson(3.0, (6, 6))
    X = (M + M.T).astype(float)
    p = {'W': rng.normal(0, .5, (6, 3)), 'C': rng.normal(0, .5, (6, 3)),
         'bw': rng.normal(0, .3, 6), 'bc': rng.normal(0, .3, 6)}
    return glove_loss, glove_grad, (p, X), {}


# ==== q-16 ====
def svm_loss_vectorized(W, X, y, reg):
    loss = 0.0
    dW = np.zeros(W.shape)
    num_train = X.shape[0]
    scores = X.dot(W)
    correct = scores[np.arange(num_train), y].reshape(-1, 1)
    margins = np.maximum(0, scores - correct + 1)
    margins[np.arange(num_train), y] = 0
    loss = margins.sum() / num_train + reg * np.sum(W * W)

    binary = (margins > 0).astype(float)
    binary[np.arange(num_train), y] = -1
    dW = X.T.dot(binary) / num_train
    dW += 2 * reg * W
    return loss, dW


def make_q16():
    rng = np.random.default_rng(16)
    W = rng.normal(0, 0.3, (5, 4))
    X = rng.normal(size=(9, 5))
    y = rng.integers(0, 4, 9)
    return (lambda *a: svm_loss_vectorized(*a)[0]), (lambda *a: svm_loss_vectorized(*a)[1]), (W, X, y, 0.05), {}


# ==== q-17 ====
def sae_sigmoid(x):
    return 1 / (1 + np.exp(-x))


def sae_sigmoid_prime(x):
    s = sae_sigmoid(x)
    return s * (1 - s)


def sparse_autoencoder_cost(theta, visible, hidden, lam, rho, beta, data):
    """theta = [W1, W2, b1, b2] unrolled; data has one example per column."""
    hv = hidden * visible
    W1 = theta[0:hv].reshape(hidden, visible)
    W2 = theta[hv:2 * hv].reshape(visible, hidden)
    b1 = theta[2 * hv:2 * hv + hidden]
    b2 = theta[2 * hv + hidden:]
    m = data.shape[1]

    # feedforward
    z2 = W1.dot(data) + b1[:, np.newaxis]
    a2 = sae_sigmoid(z2)
    z3 = W2.dot(a2) + b2[:, np.newaxis]
    a3 = sae_sigmoid(z3)

    rho_hat = np.sum(a2, axis=1) / m
    kl = np.sum(rho * np.log(rho / rho_hat) + (1 - rho) * np.log((1 - rho) / (1 - rho_hat)))
    cost = np.sum((a3 - data) ** 2) / (2 * m) \
        + (lam / 2) * (np.sum(W1 ** 2) + np.sum(W2 ** 2)) + beta * kl

    # backprop
    sparsity = beta * (-rho / rho_hat + (1 - rho) / (1 - rho_hat))
    delta3 = -(data - a3) * sae_sigmoid_prime(a3)
    delta2 = (W2.T.dot(delta3) + sparsity[:, np.newaxis]) * sae_sigmoid_prime(z2)
    W1grad = delta2.dot(data.T) / m + lam * W1
    W2grad = delta3.dot(a2.T) / m + lam * W2
    b1grad = np.sum(delta2, axis=1) / m
    b2grad = np.sum(delta3, axis=1) / m

    grad = np.hstack([W1grad.ravel(), W2grad.ravel(), b1grad, b2grad])
    return cost, grad


def make_q17():
    rng = np.random.default_rng(17)
    visible, hidden = 6, 4
    theta = rng.uniform(-0.8, 0.8, 2 * visible * hidden + visible + hidden)
    data = rng.uniform(0.1, 0.9, (visible, 10))
    args = (visible, hidden, 1e-3, 0.1, 0.5, data)
    f = lambda th: sparse_autoencoder_cost(th, *args)[0]
    g = lambda th: sparse_autoencoder_cost(th, *args)[1]
    return f, g, (theta,), {}


# ==== q-18 ====
def make_q18():
    rng = np.random.default_rng(18)

    def tweedie_loss(beta, X, y, exposure, p):
        mu = exposure * np.exp(X @ beta)
        return np.mean(-y * mu ** (1 - p) / (1 - p) + mu ** (2 - p) / (2 - p))

    def tweedie_grad(beta, X, y, exposure, p):
        mu = exposure * np.exp(X @ beta)
        dmu = -y * mu ** (-p) + mu ** (1 - p)
        return X.T @ dmu / len(y)

    n = 20
    X = np.column_stack([np.ones(n), rng.normal(size=(n, 3))])
    y = rng.gamma(2.0, 1.0, n) * (rng.random(n) < 0.6)
    return tweedie_loss, tweedie_grad, (rng.normal(0, .4, 4), X, y, rng.uniform(.5, 1, n), 1.5), {}


# ==== q-19 ====
def digamma(x):
    x = np.array(x, dtype=float)
    r = np.zeros_like(x)
    for _ in range(8):
        r -= 1 / x
        x = x + 1
    f = 1 / (x * x)
    return r + np.log(x) - 0.5 / x - f * (1 / 12 - f * (1 / 120 - f * (1 / 252 - f * (1 / 240 - f / 132))))


def make_q19():
    rng = np.random.default_rng(19)
    lgamma = np.vectorize(math.lgamma)

    def unpack(theta, X):
        mu = 1 / (1 + np.exp(-X @ theta[:-1]))
        phi = np.exp(theta[-1])
        return mu, phi

    def negloglik(theta, X, y):
        mu, phi = unpack(theta, X)
        ll = (lgamma(phi) - lgamma(mu * phi) - lgamma((1 - mu) * phi)
              + (mu * phi - 1) * np.log(y) + ((1 - mu) * phi - 1) * np.log(1 - y))
        return -ll.sum()

    def score(theta, X, y):
        mu, phi = unpack(theta, X)
        ystar = np.log(y / (1 - y))
        mustar = digamma(mu * phi) - digamma((1 - mu) * phi)
        deta = phi * (ystar - mustar) * mu * (1 - mu)
        dphi = np.sum(digamma(phi) - digamma(mu * phi) - digamma((1 - mu) * phi)
                      + mu * np.log(y) + (1 - mu) * np.log(1 - y))
        return -np.append(X.T @ deta, dphi * phi)

    n = 15
    X = np.column_stack([np.ones(n), rng.normal(size=(n, 2))])
    y = rng.beta(2, 3, n)
    return negloglik, score, (np.array([-0.2, 0.4, -0.3, 1.1]), X, y), {}


# ==== q-20 ====
def make_q20():
    rng = np.random.default_rng(20)

    def sqdist(X):
        return np.sum((X[:, None, :] - X[None, :, :]) ** 2, axis=-1)

    def kernel(log_theta, X):
        ell, sf, sn = np.exp(log_theta)
        Kf = sf ** 2 * np.exp(-0.5 * sqdist(X) / ell ** 2)
        return Kf, Kf + sn ** 2 * np.eye(len(X))

    def nlml(log_theta, X, y):
        _, K = kernel(log_theta, X)
        L = np.linalg.cholesky(K)
        alpha = np.linalg.solve(L.T, np.linalg.solve(L, y))
        return 0.5 * y @ alpha + np.log(np.diag(L)).sum() + 0.5 * len(y) * np.log(2 * np.pi)

    def dnlml(log_theta, X, y):
        ell, sf, sn = np.exp(log_theta)
        Kf, K = kernel(log_theta, X)
        Kinv = np.linalg.inv(K)
        alpha = Kinv @ y
        inner = np.outer(alpha, alpha) - Kinv
        dK = [
            Kf * sqdist(X) / ell ** 2,
            2 * Kf,
            sn ** 2 * np.eye(len(X)),
        ]
        return np.array([-0.5 * np.trace(inner @ d) for d in dK])

    X = rng.uniform(-2, 2, (12, 2))
    y = np.sin(X[:, 0]) + 0.3 * X[:, 1] + 0.1 * rng.normal(size=12)
    return nlml, dnlml, (np.log([0.9, 1.2, 0.3]), X, y), {}


class RBFNet:
    def __init__(self, centers, widths, weights, bias):
        self.c = centers
        self.s = widths
        self.w = weights
        self.b = bias

    def predict(self, X):
        self.diff = X[:, None, :] - self.c[None, :, :]
        self.d2 = np.sum(self.diff ** 2, axis=2)
        self.phi = np.exp(-self.d2 / (2 * self.s ** 2))
        return self.phi @ self.w + self.b

    def gradients(self, X, y):
        err = self.predict(X) - y
        gphi = err[:, None] * self.w[None, :] * self.phi
        gw = self.phi.T @ err
        gb = np.array([err.sum()])
        gs = np.sum(gphi * self.d2, axis=0) / self.s ** 3
        gc = -np.einsum('nk,nkd->kd', gphi, self.diff) / self.s[:, None] ** 2
        return {'centers': gc, 'widths': gs, 'weights': gw, 'bias': gb}


def make_q21():
    rng = np.random.default_rng(21)

    def f(params, X, y):
        return 0.5 * np.sum((RBFNet(**params).predict(X) - y) ** 2)

    def g(params, X, y):
        return RBFNet(**params).gradients(X, y)

    params = {'centers': rng.normal(size=(4, 2)), 'widths': rng.uniform(.6, 1.4, 4),
              'weights': rng.normal(size=4), 'bias': np.array([0.1])}
    X = rng.normal(size=(15, 2))
    return f, g, (params, X, np.sin(X[:, 0] * X[:, 1])), {}
