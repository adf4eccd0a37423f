"""Cases q-08 to q-14, as a stranger wrote them."""

import math

import numpy as np


# ==== q-08 ====
def make_q08():
    rng = np.random.default_rng(8)
    B, T, D, nh = 2, 4, 6, 2
    dk = D // nh
    mask = np.triu(np.ones((T, T), dtype=bool), k=1)

    def softmax(s):
        e = np.exp(s - s.max(axis=-1, keepdims=True))
        return e / e.sum(axis=-1, keepdims=True)

    def attend(x, Wq, Wk, Wv):
        q = (x @ Wq).reshape(B, T, nh, dk).transpose(0, 2, 1, 3)    # B,nh,T,dk
        kT = (x @ Wk).reshape(B, T, nh, dk).transpose(0, 2, 3, 1)   # B,nh,dk,T
        v = (x @ Wv).reshape(B, T, nh, dk).transpose(0, 2, 1, 3)
        s = q @ kT / np.sqrt(dk)
        s = np.where(mask, -1e9, s)
        att = softmax(s)
        ctx = (att @ v).transpose(0, 2, 1, 3).reshape(B, T, D)
        return q, kT, v, att, ctx

    def forward(x, Wq, Wk, Wv, Wo):
        return attend(x, Wq, Wk, Wv)[-1] @ Wo

    def backward(x, Wq, Wk, Wv, Wo, out, dout):
        q, kT, v, att, ctx = attend(x, Wq, Wk, Wv)
        dWo = ctx.reshape(-1, D).T @ dout.reshape(-1, D)
        dctx = dout @ Wo.T
        dy = dctx.reshape(B, T, nh, dk).transpose(0, 2, 1, 3)

        datt = dy @ v.transpose(0, 1, 3, 2)
        dv = att.transpose(0, 1, 3, 2) @ dy
        ds = att * (datt - (datt * att).sum(axis=-1, keepdims=True))
        ds = np.where(mask, 0.0, ds) / np.sqrt(dk)
        dq = ds @ kT.transpose(0, 1, 3, 2)
        dkT = q.transpose(0, 1, 3, 2) @ ds

        dq = dq.transpose(0, 2, 1, 3).reshape(B, T, D)
        dkk = dkT.transpose(0, 3, 2, 1).reshape(B, T, D)
        dv = dv.transpose(0, 2, 1, 3).reshape(B, T, D)

        xf = x.reshape(-1, D)
        dWq = xf.T @ dq.reshape(-1, D)
        dWk = xf.T @ dkk.reshape(-1, D)
        dWv = xf.T @ dv.reshape(-1, D)
        dx = dq @ Wq.T + dkk @ Wk.T + dv @ Wv.T
        return dx, dWq, dWk, dWv, dWo

    W = [rng.normal(0, .6, (D, D)) for _ in range(4)]
    return forward, backward, (rng.normal(size=(B, T, D)), *W), {}


# ==== q-09 ====
def make_q09():
    rng = np.random.default_rng(9)
    T, d = 5, 3

    def weights(q, k, bias):
        s = q @ k.T / math.sqrt(d)
        for i in range(T):
            for j in range(T):
                s[i, j] += bias[i - j + T - 1]
        s = np.exp(s - s.max(1, keepdims=True))
        return s / s.sum(1, keepdims=True)

    def attention(q, k, v, bias):
        return weights(q, k, bias) @ v

    def attention_grad(q, k, v, bias, out, gout):
        p = weights(q, k, bias)
        gv = p.T @ gout
        gp = gout @ v.T
        gs = p * (gp - np.sum(gp * p, axis=1, keepdims=True))
        gq = gs @ k / math.sqrt(d)
        gk = gs.T @ q / math.sqrt(d)
        gbias = np.zeros_like(bias)
        for i in range(T):
            for j in range(T):
                gbias[j - i + T - 1] += gs[i, j]
        return gq, gk, gv, gbias

    inputs = tuple(rng.normal(size=(T, d)) for _ in range(3)) + (rng.normal(size=2 * T - 1),)
    return attention, attention_grad, inputs, {}


# ==== q-10 ====
def make_q10():
    rng = np.random.default_rng(10)

    def sigmoid(z):
        return 1 / (1 + np.exp(-z))

    def cost(all_theta, X, y, lam):
        m = X.shape[0]
        J = 0
        for c in range(all_theta.shape[0]):
            theta = all_theta[c]
            h = sigmoid(X @ theta)
            yc = (y == c).astype(float)
            J += -(1 / m) * (yc @ np.log(h) + (1 - yc) @ np.log(1 - h))
            J += lam / (2 * m) * np.sum(theta[1:] ** 2)
        return J

    def gradient(all_theta, X, y, lam):
        m = X.shape[0]
        all_grad = np.zeros(all_theta.shape)
        for c in range(all_theta.shape[0]):
            theta = all_theta[c]
            h = sigmoid(X @ theta)
            yc = (y == c).astype(float)
            grad = (1 / m) * (X.T @ (h - yc))
            grad = grad + (lam / m) * theta
            all_grad[c] = grad
        return all_grad

    X = np.hstack([np.ones((12, 1)), rng.normal(size=(12, 4))])
    y = rng.integers(0, 3, 12)
    return cost, gradient, (rng.normal(0, .5, (3, 5)), X, y, 1.5), {}


# ==== q-11 ====
def make_q11():
    rng = np.random.default_rng(11)
    K = 5

    def sigmoid(z):
        return 1 / (1 + np.exp(-z))

    def thresholds(p):
        return p['b0'] + np.concatenate([[0.0], np.cumsum(np.exp(p['log_gap']))])

    def nll(p, X, y):
        b = thresholds(p)
        total = 0.0
        for xi, yi in zip(X, y):
            s = xi @ p['w']
            hi = sigmoid(b[yi] - s) if yi < K - 1 else 1.0
            lo = sigmoid(b[yi - 1] - s) if yi > 0 else 0.0
            total -= np.log(hi - lo)
        return total / len(y)

    def nll_grad(p, X, y):
        b = thresholds(p)
        db = np.zeros(K - 1)
        dw = np.zeros_like(p['w'])
        for xi, yi in zip(X, y):
            s = xi @ p['w']
            hi = sigmoid(b[yi] - s) if yi < K - 1 else 1.0
            lo = sigmoid(b[yi - 1] - s) if yi > 0 else 0.0
            prob = hi - lo
            dhi = hi * (1 - hi)
            dlo = lo * (1 - lo)
            if yi < K - 1:
                db[yi] -= dhi / prob
            if yi > 0:
                db[yi - 1] += dlo / prob
            dw += (dhi - dlo) / prob * xi
        db /= len(y)
        dw /= len(y)
        return {
            'w': dw,
            'b0': np.array([db.sum()]),
            'log_gap': np.exp(p['log_gap']) * np.cumsum(db[1:]),
        }

    p = {'w': rng.normal(size=3), 'b0': np.array([-1.2]), 'log_gap': rng.normal(-.2, .3, K - 2)}
    X = rng.normal(size=(14, 3))
    y = np.array([0, 1, 2, 3, 4, 1, 1, 2, 0, 3, 4, 4, 2, 3])
    return nll, nll_grad, (p, X, y), {}


class SmoothedNet:
    def __init__(self, params, eps=0.1):
        self.p = params
        self.eps = eps

    def forward(self, X):
        p = self.p
        self.X = X
        self.h = np.tanh(X @ p['W1'] + p['b1'])
        z = self.h @ p['W2'] + p['b2']
        z = z - z.max(axis=1, keepdims=True)
        self.logp = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
        return self.logp

    def loss(self, X, y):
        logp = self.forward(X)
        K = logp.shape[1]
        target = np.full(logp.shape, self.eps / K)
        target[np.arange(len(y)), y] += 1 - self.eps
        return -np.mean(np.sum(target * logp, axis=1))

    def backward(self, y):
        p = self.p
        N, K = self.logp.shape
        onehot = np.eye(K)[y]
        dz = (np.exp(self.logp) - onehot) / N
        grads = {}
        grads['W2'] = self.h.T @ dz
        grads['b2'] = dz.sum(axis=0)
        dh = (dz @ p['W2'].T) * (1 - self.h ** 2)
        grads['W1'] = self.X.T @ dh
        grads['b1'] = dh.sum(axis=0)
        return grads


def make_q12():
    rng = np.random.default_rng(12)

    def f(params, X, y):
        return SmoothedNet(params).loss(X, y)

    def g(params, X, y):
        net = SmoothedNet(params)
        net.loss(X, y)
        return net.backward(y)

    params = {'W1': rng.normal(0, .5, (4, 6)), 'b1': np.zeros(6),
              'W2': rng.normal(0, .5, (6, 3)), 'b2': np.zeros(3)}
    return f, g, (params, rng.normal(size=(8, 4)), rng.integers(0, 3, 8)), {}


# ==== q-13 ====
def make_q13():
    rng = np.random.default_rng(13)
    T, alpha = 3.0, 0.4

    def softmax(z):
        e = np.exp(z - z.max(1, keepdims=True))
        return e / e.sum(1, keepdims=True)

    def loss(params, X, y, teacher_logits):
        z = X @ params['W'] + params['b']
        hard = -np.log(softmax(z)[np.arange(len(y)), y])
        pt = softmax(teacher_logits / T)
        ps = softmax(z / T)
        soft = np.sum(pt * (np.log(pt) - np.log(ps)), axis=1)
        return np.mean(alpha * hard + (1 - alpha) * T ** 2 * soft)

    def grad(params, X, y, teacher_logits):
        n = len(y)
        z = X @ params['W'] + params['b']
        d_hard = softmax(z)
        d_hard[np.arange(n), y] -= 1
        d_soft = softmax(z / T) - softmax(teacher_logits / T)
        dz = (alpha * d_hard + (1 - alpha) * T ** 2 * d_soft) / n
        return {'W': X.T @ dz, 'b': dz.sum(0)}

    params = {'W': rng.normal(0, .5, (5, 4)), 'b': rng.normal(0, .1, 4)}
    return loss, grad, (params, rng.normal(size=(7, 5)), rng.integers(0, 4, 7), 3 * rng.normal(size=(7, 4))), {}


# ==== q-14 ====
def make_q14():
    rng = np.random.default_rng(14)

    def sigmoid(x):
        return 1 / (1 + np.exp(-x))

    def neg_sampling_loss(vecs, center, outside, neg):
        v = vecs['center'][center]
        U = vecs['outside']
        loss = -np.log(sigmoid(U[outside] @ v))
        loss -= np.sum(np.log(sigmoid(-U[neg] @ v)))
        return loss

    def neg_sampling_grad(vecs, center, outside, neg):
        v = vecs['center'][center]
        U = vecs['outside']
        grad_center = np.zeros_like(vecs['center'])
        grad_out = np.zeros_like(U)

        pos = sigmoid(U[outside] @ v) - 1
        negs = sigmoid(U[neg] @ v)

        grad_center[center] = pos * U[outside] + negs @ U[neg]
        grad_out[outside] += pos * v
        grad_out[neg] += negs[:, None] * v
        return {'center': grad_center, 'outside': grad_out}

    vecs = {'center': rng.normal(0, .7, (8, 5)), 'outside': rng.normal(0, .7, (8, 5))}
    neg = np.array([1, 6, 1, 7, 0])
    return neg_sampling_loss, neg_sampling_grad, (vecs, 3, 4, neg), {}
