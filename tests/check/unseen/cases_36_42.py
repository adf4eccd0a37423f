"""Cases q-36 to q-42, as a stranger wrote them."""

import numpy as np


# ==== q-36 ====
def depthwise_same(x, k):
    C, H, W = x.shape
    r = k.shape[1] // 2
    xp = np.pad(x, ((0, 0), (r, r), (r, r)))
    out = np.zeros_like(x)
    for i in range(k.shape[1]):
        for j in range(k.shape[2]):
            out += k[:, i, j][:, None, None] * xp[:, i:i + H, j:j + W]
    return out


def depthwise_same_backward(x, k, out, dout):
    C, H, W = x.shape
    r = k.shape[1] // 2
    dx = depthwise_same(dout, k[:, ::-1, ::-1])
    xp = np.pad(x, ((0, 0), (r, r), (r, r)))
    dk = np.array([[[(xp[c, i:i + H, j:j + W] * dout[c]).sum()
                     for j in range(k.shape[2])]
                    for i in range(k.shape[1])]
                   for c in range(C)])
    return dx, dk


def make_q36():
    rng = np.random.default_rng(36)
    return depthwise_same, depthwise_same_backward, (rng.normal(size=(3, 5, 5)), rng.normal(size=(3, 3, 3))), {}


# ==== q-37 ====
def make_q37():
    rng = np.random.default_rng(37)

    def loss_and_grad(p, ctx, nxt, wd=0.01):
        E, W, b = p['E'], p['W'], p['b']
        x = E[ctx].mean(axis=1)
        h = np.tanh(x @ W + b)
        logits = h @ E.T
        logits -= logits.max(axis=1, keepdims=True)
        prob = np.exp(logits)
        prob /= prob.sum(axis=1, keepdims=True)
        N = len(nxt)
        loss = -np.log(prob[np.arange(N), nxt]).sum() / N + 0.5 * wd * (E ** 2).sum()

        prob[np.arange(N), nxt] -= 1
        prob /= N
        dE = prob.T @ h + wd * E
        dh = prob @ E
        dh *= 1 - h * h
        dx = dh @ W.T
        np.add.at(dE, ctx, dx[:, None, :] / ctx.shape[1])
        return loss, {'E': dE, 'W': x.T @ dh, 'b': dh.sum(axis=0)}

    p = {'E': rng.normal(0, .5, (9, 5)), 'W': rng.normal(0, .5, (5, 5)), 'b': np.zeros(5)}
    ctx = rng.integers(0, 9, (7, 3))
    nxt = rng.integers(0, 9, 7)
    return (lambda *a: loss_and_grad(*a)[0]), (lambda *a: loss_and_grad(*a)[1]), (p, ctx, nxt), {}


# ==== q-38 ====
def make_q38():
    rng = np.random.default_rng(38)

    def d2(A, B):
        return (A ** 2).sum(1)[:, None] + (B ** 2).sum(1)[None, :] - 2 * A @ B.T

    def val_loss(theta, Xtr, ytr, Xva, yva):
        gam, lam = np.exp(theta)
        K = np.exp(-gam * d2(Xtr, Xtr))
        alpha = np.linalg.solve(K + lam * np.eye(len(ytr)), ytr)
        return np.mean((np.exp(-gam * d2(Xva, Xtr)) @ alpha - yva) ** 2)

    def val_grad(theta, Xtr, ytr, Xva, yva):
        gam, lam = np.exp(theta)
        Dtt, Dvt = d2(Xtr, Xtr), d2(Xva, Xtr)
        K, Kv = np.exp(-gam * Dtt), np.exp(-gam * Dvt)
        M = K + lam * np.eye(len(ytr))
        alpha = np.linalg.solve(M, ytr)
        r = 2 * (Kv @ alpha - yva) / len(yva)
        s = np.linalg.solve(M, Kv.T @ r)
        dgam = s @ (Dtt * K) @ alpha - r @ (Dvt * Kv) @ alpha
        dlam = -s @ alpha
        return np.array([dgam * gam, dlam * lam])

    Xtr, Xva = rng.uniform(-2, 2, (15, 2)), rng.uniform(-2, 2, (8, 2))
    fun = lambda X: np.sin(2 * X[:, 0]) * X[:, 1]
    return val_loss, val_grad, (np.log([.7, .1]), Xtr, fun(Xtr), Xva, fun(Xva)), {}


# ==== q-39 ====
def make_q39():
    rng = np.random.default_rng(39)

    def sn_dense(x, W, b):
        return np.tanh(x @ W / np.linalg.norm(W, 2) + b)

    def sn_dense_backward(x, W, b, y, dy):
        U, S, Vt = np.linalg.svd(W, full_matrices=False)
        sigma = S[0]
        dz = dy * (1 - y * y)
        G = x.T @ dz
        dW = (G - np.sum(G * W) / sigma * np.outer(U[:, 0], Vt[0])) / sigma
        return dz @ W.T / sigma, dW, dz.sum(0)

    return sn_dense, sn_dense_backward, (rng.normal(size=(6, 5)), rng.normal(size=(5, 4)), rng.normal(size=4)), {}


# ==== q-40 ====
def make_q40():
    rng = np.random.default_rng(40)

    def mine(emb, labels):
        D = np.sum((emb[:, None] - emb[None]) ** 2, axis=-1)
        same = labels[:, None] == labels[None]
        pos = np.where(same, D, -np.inf).argmax(axis=1)
        neg = np.where(same, np.inf, D).argmin(axis=1)
        return D, pos, neg

    def batch_hard(W, X, labels, margin):
        D, pos, neg = mine(X @ W, labels)
        i = np.arange(len(X))
        return np.maximum(0, D[i, pos] - D[i, neg] + margin).mean()

    def batch_hard_grad(W, X, labels, margin):
        emb = X @ W
        D, pos, neg = mine(emb, labels)
        demb = np.zeros_like(emb)
        for a in range(len(X)):
            p, n = pos[a], neg[a]
            if D[a, p] - D[a, n] + margin <= 0:
                continue
            demb[a] += emb[n] - emb[p]
            demb[p] += emb[p] - emb[a]
            demb[n] += emb[a] - emb[n]
        return X.T @ demb * (2 / len(X))

    labels = np.array([0, 0, 0, 1, 1, 2, 2, 2, 1])
    X = rng.normal(size=(9, 5)) + 0.8 * np.eye(5)[labels]
    return batch_hard, batch_hard_grad, (rng.normal(0, .5, (5, 3)), X, labels, 0.5), {}


# ==== q-41 ====
def make_q41():
    rng = np.random.default_rng(41)
    lam = 0.1

    def features(omega, X):
        Z = X @ omega
        return np.hstack([np.cos(Z), np.sin(Z)])

    def fit(Phi, y):
        return np.linalg.solve(Phi.T @ Phi + lam * np.eye(Phi.shape[1]), Phi.T @ y)

    def objective(omega, X, y):
        Phi = features(omega, X)
        c = fit(Phi, y)
        return 0.5 * np.sum((Phi @ c - y) ** 2) + 0.5 * lam * c @ c

    def gradient(omega, X, y):
        # variable projection: c is optimal, so only the explicit dependence on omega counts
        Phi = features(omega, X)
        c = fit(Phi, y)
        r = Phi @ c - y
        m = omega.shape[1]
        cosZ, sinZ = Phi[:, :m], Phi[:, m:]
        return X.T @ (r[:, None] * (cosZ * c[m:] - sinZ * c[:m]))

    X = rng.normal(size=(20, 2))
    return objective, gradient, (rng.normal(size=(2, 4)), X, np.tanh(X[:, 0] - X[:, 1] ** 2)), {}


# ==== q-42 ====
def make_q42():
    rng = np.random.default_rng(42)
    D, K = 5, 3

    def unpack(theta):
        return theta[:D * K].reshape(D, K), theta[D * K:]

    def objective(theta, X, Y, lam):
        W, b = unpack(theta)
        r = np.abs(X @ W + b - Y)
        logcosh = r + np.log1p(np.exp(-2 * r)) - np.log(2)
        return logcosh.sum(axis=1).mean() + lam * np.sqrt((W ** 2).sum(axis=1)).sum()

    def gradient(theta, X, Y, lam):
        W, b = unpack(theta)
        T = np.tanh(X @ W + b - Y) / len(X)
        gW = np.tensordot(X, T, axes=(0, 0))
        for j in range(D):
            gW[j] += lam * W[j] / np.linalg.norm(W[j])
        return np.r_[gW.ravel(), T.sum(0)]

    return objective, gradient, (rng.normal(size=D * K + K), rng.normal(size=(12, D)), rng.normal(size=(12, K)), 0.2), {}
