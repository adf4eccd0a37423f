"""Cases q-29 to q-35, as a stranger wrote them."""

import numpy as np


# ==== q-29 ====
def make_q29():
    rng = np.random.default_rng(29)

    def wn_linear(x, v, g, b):
        norm = np.linalg.norm(v, axis=1)
        W = (g / norm)[:, None] * v
        return x @ W.T + b

    def wn_linear_backward(x, v, g, b, y, dy):
        norm = np.linalg.norm(v, axis=1)
        W = (g / norm)[:, None] * v
        dx = dy @ W
        dW = dy.T @ x
        dg = np.sum(dW * v, axis=1) / norm
        dv = (g / norm)[:, None] * dW - (g * dg / norm)[:, None] * v
        db = dy.sum(axis=0)
        return dx, dv, dg, db

    return wn_linear, wn_linear_backward, (rng.normal(size=(6, 4)), rng.normal(size=(3, 4)),
                                           rng.uniform(.5, 2, 3), rng.normal(size=3)), {}


# ==== q-30 ====
def make_q30():
    rng = np.random.default_rng(30)
    keep = 0.7

    def forward(p, X, mask):
        z1 = X @ p['W1'] + p['b1']
        a1 = np.where(z1 > 0, z1, p['alpha'] * z1)
        d1 = a1 * mask / keep
        z2 = d1 @ p['W2'] + p['b2']
        return z1, d1, 1 / (1 + np.exp(-z2[:, 0]))

    def cost(p, X, y, mask):
        _, _, yhat = forward(p, X, mask)
        return -np.mean(y * np.log(yhat) + (1 - y) * np.log(1 - yhat))

    def backprop(p, X, y, mask):
        z1, d1, yhat = forward(p, X, mask)
        m = X.shape[0]
        dz2 = (yhat - y)[:, None] / m
        dW2 = d1.T @ dz2
        db2 = dz2.sum(axis=0)
        dd1 = dz2 @ p['W2'].T
        da1 = dd1 * mask
        dalpha = np.sum(np.where(z1 > 0, 0, da1 * z1), axis=0)
        dz1 = da1 * np.where(z1 > 0, 1, p['alpha'])
        dW1 = X.T @ dz1
        db1 = dz1.sum(axis=0)
        return {'W1': dW1, 'b1': db1, 'alpha': dalpha, 'W2': dW2, 'b2': db2}

    p = {'W1': rng.normal(0, .6, (4, 8)), 'b1': rng.normal(0, .1, 8), 'alpha': np.full(8, 0.25),
         'W2': rng.normal(0, .6, (8, 1)), 'b2': np.zeros(1)}
    mask = (rng.random((10, 8)) < keep).astype(float)
    return cost, backprop, (p, rng.normal(size=(10, 4)), rng.integers(0, 2, 10).astype(float), mask), {}


# ==== q-31 ====
def make_q31():
    rng = np.random.default_rng(31)

    def rows_softmax(z):
        e = np.exp(z - z.max(axis=-1, keepdims=True))
        return e / e.sum(axis=-1, keepdims=True)

    def filter_(p, obs):
        pi, A, B = rows_softmax(p['pi']), rows_softmax(p['A']), rows_softmax(p['B'])
        alpha = np.zeros((len(obs), len(pi)))
        c = np.zeros(len(obs))
        for t, o in enumerate(obs):
            a = (pi if t == 0 else alpha[t - 1] @ A) * B[:, o]
            c[t] = a.sum()
            alpha[t] = a / c[t]
        return pi, A, B, alpha, c

    def nll(p, obs):
        return -np.log(filter_(p, obs)[-1]).sum()

    def nll_grad(p, obs):
        pi, A, B, alpha, c = filter_(p, obs)
        T = len(obs)
        beta = np.ones_like(alpha)
        xi = np.zeros_like(A)
        for t in range(T - 2, -1, -1):
            w = B[:, obs[t + 1]] * beta[t + 1] / c[t + 1]
            xi += alpha[t][:, None] * A * w[None, :]
            beta[t] = A @ w
        gamma = alpha * beta
        counts = np.zeros_like(B)
        for t in range(T):
            counts[:, obs[t]] += gamma[t]
        return {
            'pi': pi - gamma[0],
            'A': xi.sum(axis=1, keepdims=True) * A - xi,
            'B': counts.sum(axis=1, keepdims=True) * B - counts,
        }

    p = {'pi': rng.normal(size=3), 'A': rng.normal(size=(3, 3)), 'B': rng.normal(size=(3, 4))}
    return nll, nll_grad, (p, np.array([0, 3, 1, 1, 2, 0, 3, 2])), {}


# ==== q-32 ====
def make_q32():
    rng = np.random.default_rng(32)

    def swiglu(x, W, V, W2):
        a = x @ W
        return (a / (1 + np.exp(-a)) * (x @ V)) @ W2

    def swiglu_bwd(x, W, V, W2, y, dy):
        a, b = x @ W, x @ V
        sig = 0.5 * (1 + np.tanh(0.5 * a))
        sw = a * sig
        dW2 = (sw * b).T @ dy
        dh = dy @ W2.T
        da = dh * b * (sw + sig * (1 - sw))
        db = dh * sw
        return da @ W.T + db @ V.T, x.T @ da, x.T @ db, dW2

    return swiglu, swiglu_bwd, (rng.normal(size=(5, 4)), rng.normal(size=(4, 6)),
                                rng.normal(size=(4, 6)), rng.normal(size=(6, 4))), {}


# ==== q-33 ====
def make_q33():
    rng = np.random.default_rng(33)
    n, m, T = 4, 2, 8

    def rollout_cost(K, A, B, Q, R, x0):
        x, J = x0, 0.0
        for _ in range(T):
            u = -K @ x
            J += x @ Q @ x + u @ R @ u
            x = A @ x + B @ u
        return J + x @ Q @ x

    def policy_gradient(K, A, B, Q, R, x0):
        Acl = A - B @ K
        stage = Q + K.T @ R @ K
        P = [Q]
        for _ in range(T):
            P.append(stage + Acl.T @ P[-1] @ Acl)
        P = P[::-1]
        grad = np.zeros_like(K)
        x = x0
        for t in range(T):
            E = R @ K - B.T @ P[t + 1] @ Acl
            grad += 2 * E @ np.outer(x, x)
            x = Acl @ x
        return grad

    A = np.eye(n) + 0.1 * rng.normal(size=(n, n))
    B = rng.normal(0, .5, (n, m))
    return rollout_cost, policy_gradient, (rng.normal(0, .2, (m, n)), A, B, np.diag([1., 2., .5, 1.]),
                                           np.diag([.3, .6]), rng.normal(size=n)), {}


# ==== q-34 ====
def make_q34():
    rng = np.random.default_rng(34)
    d = 0.85

    def transition(S):
        E = np.exp(S - S.max(axis=1, keepdims=True))
        return E / E.sum(axis=1, keepdims=True)

    def pagerank(P, iters=250):
        n = len(P)
        r = np.ones(n) / n
        for _ in range(iters):
            r = d * (P.T @ r) + (1 - d) / n
        return r

    def loss(S, target):
        r = pagerank(transition(S))
        return np.sum(target * (np.log(target) - np.log(r)))

    def grad(S, target):
        P = transition(S)
        r = pagerank(P)
        # r = d P^T r + (1-d)/n  ->  implicit function theorem
        lam = np.linalg.solve(np.eye(len(P)) - d * P, -target / r)
        dP = d * np.outer(r, lam)
        return P * (dP - np.sum(P * dP, axis=1, keepdims=True))

    return loss, grad, (rng.normal(size=(6, 6)), rng.dirichlet(np.ones(6) * 2)), {}


# ==== q-35 ====
def make_q35():
    rng = np.random.default_rng(35)
    eps = 1e-5

    def bn(x, gamma, beta):
        return gamma * (x - x.mean(0)) / np.sqrt(x.var(0) + eps) + beta

    def bn_backward_alt(x, gamma, beta, y, dy):
        N = x.shape[0]
        istd = (x.var(0) + eps) ** -0.5
        xhat = (x - x.mean(0)) * istd
        dbeta, dgamma = dy.sum(0), np.einsum('nd,nd->d', dy, xhat)
        dx = gamma * istd / N * (N * dy - dbeta - xhat * dgamma)
        return dx, dgamma, dbeta

    return bn, bn_backward_alt, (rng.normal(2, 1.5, (7, 5)), rng.normal(1, .2, 5), rng.normal(size=5)), {}
