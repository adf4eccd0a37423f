"""Cases q-01 to q-07, as a stranger wrote them."""

import numpy as np


# ==== q-01 ====
def make_q01():
    rng = np.random.default_rng(1)
    V, D, H, C = 7, 4, 5, 3

    def forward(p, tokens):
        xs, hs = {}, {-1: np.zeros(H)}
        for t, tok in enumerate(tokens):
            xs[t] = p['E'][tok]
            hs[t] = np.tanh(xs[t] @ p['Wx'] + hs[t - 1] @ p['Wh'] + p['bh'])
        logits = hs[len(tokens) - 1] @ p['Wo'] + p['bo']
        e = np.exp(logits - logits.max())
        return xs, hs, e / e.sum()

    def loss(p, tokens, label):
        _, _, probs = forward(p, tokens)
        return -np.log(probs[label])

    def backward(p, tokens, label):
        xs, hs, probs = forward(p, tokens)
        grads = {k: np.zeros_like(v) for k, v in p.items()}
        T = len(tokens)

        dy = probs.copy()
        dy[label] -= 1
        grads['Wo'] += np.outer(hs[T - 1], dy)
        grads['bo'] += dy
        dh = p['Wo'] @ dy

        for t in reversed(range(T)):
            dz = dh * (1 - hs[t] ** 2)
            grads['bh'] += dz
            grads['Wx'] += np.outer(xs[t], dz)
            grads['Wh'] += np.outer(hs[t - 1], dz)
            grads['E'][tokens[t]] = p['Wx'] @ dz
            dh = p['Wh'] @ dz
        return grads

    params = {
        'E': rng.normal(0, 0.5, (V, D)),
        'Wx': rng.normal(0, 0.5, (D, H)),
        'Wh': rng.normal(0, 0.4, (H, H)),
        'bh': rng.normal(0, 0.1, H),
        'Wo': rng.normal(0, 0.5, (H, C)),
        'bo': np.zeros(C),
    }
    tokens = np.array([2, 5, 2, 0, 6, 5])
    return loss, backward, (params, tokens, 1), {}


class PeepholeLSTM:
    """One sequence, gates stacked as [i, f, g, o]."""

    def __init__(self, Wx, Wh, b, peep):
        self.Wx, self.Wh, self.b, self.peep = Wx, Wh, b, peep
        self.H = Wh.shape[0]
        self.cache = []

    @staticmethod
    def sigmoid(a):
        return 1.0 / (1.0 + np.exp(-a))

    def forward(self, x):
        H = self.H
        pi, pf, po = self.peep
        h, c = np.zeros(H), np.zeros(H)
        self.cache = []
        out = np.zeros((x.shape[0], H))
        for t in range(x.shape[0]):
            a = x[t] @ self.Wx + h @ self.Wh + self.b
            i = self.sigmoid(a[:H] + pi * c)
            f = self.sigmoid(a[H:2 * H] + pf * c)
            g = np.tanh(a[2 * H:3 * H])
            c_new = f * c + i * g
            o = self.sigmoid(a[3 * H:] + po * c_new)
            tc = np.tanh(c_new)
            self.cache.append((x[t], h, c, i, f, g, o, c_new, tc))
            h, c = o * tc, c_new
            out[t] = h
        return out

    def backward(self, dout):
        pi, pf, po = self.peep
        dWx, dWh = np.zeros_like(self.Wx), np.zeros_like(self.Wh)
        db, dpeep = np.zeros_like(self.b), np.zeros_like(self.peep)
        T = len(self.cache)
        dx = np.zeros((T, self.Wx.shape[0]))
        dh_next, dc_next = np.zeros(self.H), np.zeros(self.H)
        for t in range(T - 1, -1, -1):
            xt, h_prev, c_prev, i, f, g, o, c, tc = self.cache[t]
            dh = dout[t] + dh_next
            dao = dh * tc * o * (1 - o)
            dc = dc_next + dh * o * (1 - tc ** 2)
            dai = dc * g * i * (1 - i)
            daf = dc * c_prev * f * (1 - f)
            dag = dc * i * (1 - g ** 2)
            da = np.concatenate([dai, daf, dag, dao])

            dWx += np.outer(xt, da)
            dWh += np.outer(h_prev, da)
            db += da
            dpeep[0] += dai * c_prev
            dpeep[1] += daf * c_prev
            dpeep[2] += dao * c
            dx[t] = self.Wx @ da
            dh_next = self.Wh @ da
            dc_next = dc * f + dai * pi + daf * pf
        return dx, dWx, dWh, db, dpeep


def make_q02():
    rng = np.random.default_rng(2)
    T, D, H = 5, 3, 3

    def f(x, Wx, Wh, b, peep):
        return PeepholeLSTM(Wx, Wh, b, peep).forward(x)

    def g(x, Wx, Wh, b, peep, out, dout):
        cell = PeepholeLSTM(Wx, Wh, b, peep)
        cell.forward(x)
        return cell.backward(dout)

    inputs = (rng.normal(size=(T, D)), rng.normal(0, .5, (D, 4 * H)), rng.normal(0, .5, (H, 4 * H)),
              rng.normal(0, .2, 4 * H), rng.normal(0, .6, (3, H)))
    return f, g, inputs, {}


# ==== q-03 ====
def make_q03():
    rng = np.random.default_rng(3)
    B, T, D, H = 4, 5, 3, 4

    def sigmoid(z):
        return 1 / (1 + np.exp(-z))

    def run(p, X):
        h = np.zeros((X.shape[0], H))
        cache = []
        for t in range(X.shape[1]):
            x = X[:, t]
            f = sigmoid(x @ p['Wf'] + h @ p['Uf'] + p['bf'])
            hh = np.tanh(x @ p['Wh'] + (f * h) @ p['Uh'] + p['bh'])
            cache.append((x, h, f, hh))
            h = (1 - f) * h + f * hh
        return h, cache

    def loss(p, X, y):
        h, _ = run(p, X)
        pred = h @ p['v']
        return 0.5 * np.mean((pred - y) ** 2)

    def grad(p, X, y):
        h, cache = run(p, X)
        err = (h @ p['v'] - y) / len(y)
        g = {k: np.zeros_like(p[k]) for k in p}
        g['v'] = h.T @ err
        dh = np.outer(err, p['v'])
        for x, h_prev, f, hh in cache[::-1]:
            dhh = dh * f * (1 - hh ** 2)
            dfh = dhh @ p['Uh'].T
            df = dh * (hh - h_prev)
            daf = df * f * (1 - f)

            g['Wh'] += x.T @ dhh
            g['Uh'] += (f * h_prev).T @ dhh
            g['bh'] += dhh.sum(axis=0)
            g['Wf'] += x.T @ daf
            g['Uf'] += h_prev.T @ daf
            g['bf'] += daf.sum(axis=0)

            dh = dh * (1 - f) + dfh * f + daf @ p['Uf'].T
        return g

    p = dict(Wf=rng.normal(0, .5, (D, H)), Uf=rng.normal(0, .5, (H, H)), bf=np.zeros(H),
             Wh=rng.normal(0, .5, (D, H)), Uh=rng.normal(0, .5, (H, H)), bh=np.zeros(H),
             v=rng.normal(size=H))
    return loss, grad, (p, rng.normal(size=(B, T, D)), rng.normal(size=B)), {}


# ==== q-04 ====
def qrnn_gates(X, Wz, Wf):
    Xprev = np.vstack([np.zeros((1, X.shape[1])), X[:-1]])
    Z = np.tanh(Xprev @ Wz[0] + X @ Wz[1])
    F = 1 / (1 + np.exp(-(Xprev @ Wf[0] + X @ Wf[1])))
    return Xprev, Z, F


def qrnn_forward(X, Wz, Wf):
    _, Z, F = qrnn_gates(X, Wz, Wf)
    C = np.zeros_like(Z)
    c = np.zeros(Z.shape[1])
    for t in range(len(X)):
        c = F[t] * c + (1 - F[t]) * Z[t]
        C[t] = c
    return C


def qrnn_backward(X, Wz, Wf, C, dC):
    Xprev, Z, F = qrnn_gates(X, Wz, Wf)
    dZ, dF = np.zeros_like(Z), np.zeros_like(F)
    dc = np.zeros(Z.shape[1])
    for t in reversed(range(len(X))):
        dc = dc + dC[t]
        c_prev = C[t - 1] if t > 0 else np.zeros_like(dc)
        dF[t] = dc * (c_prev - Z[t])
        dZ[t] = dc * (1 - F[t])
        dc = dc * F[t]
    dZ *= 1 - Z ** 2
    dF *= F * (1 - F)

    dWz = np.stack([Xprev.T @ dZ, X.T @ dZ])
    dWf = np.stack([Xprev.T @ dF, X.T @ dF])
    dX = dZ @ Wz[1].T + dF @ Wf[1].T
    dX[1:] += dZ[:-1] @ Wz[0].T + dF[:-1] @ Wf[0].T
    return dX, dWz, dWf


def make_q04():
    rng = np.random.default_rng(4)
    X = rng.normal(size=(6, 3))
    Wz = rng.normal(0, .6, (2, 3, 4))
    Wf = rng.normal(0, .6, (2, 3, 4))
    return qrnn_forward, qrnn_backward, (X, Wz, Wf), {}


# ==== q-05 ====
def make_q05():
    rng = np.random.default_rng(5)
    stride, pad = 2, 1

    def conv_forward_naive(x, w, b):
        N, C, H, W = x.shape
        F, _, HH, WW = w.shape
        Ho = 1 + (H + 2 * pad - HH) // stride
        Wo = 1 + (W + 2 * pad - WW) // stride
        xp = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)), mode='constant')
        out = np.zeros((N, F, Ho, Wo))
        for n in range(N):
            for f in range(F):
                for i in range(Ho):
                    for j in range(Wo):
                        patch = xp[n, :, i * stride:i * stride + HH, j * stride:j * stride + WW]
                        out[n, f, i, j] = np.sum(patch * w[f]) + b[f]
        return out

    def conv_backward_naive(x, w, b, out, dout):
        N, C, H, W = x.shape
        F, _, HH, WW = w.shape
        _, _, Ho, Wo = dout.shape
        xp = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)), mode='constant')
        dxp = np.zeros_like(xp)
        dw = np.zeros_like(w)
        db = np.sum(dout, axis=(0, 2, 3))
        for n in range(N):
            for f in range(F):
                for i in range(Ho):
                    for j in range(Wo):
                        patch = xp[n, :, i * stride:i * stride + HH, j * stride:j * stride + WW]
                        dw[f] += dout[n, f, i, j] * patch
                        dxp[n, :, i:i + HH, j:j + WW] += dout[n, f, i, j] * w[f]
        dx = dxp[:, :, pad:pad + H, pad:pad + W]
        return dx, dw, db

    inputs = (rng.normal(size=(2, 2, 5, 5)), rng.normal(size=(3, 2, 3, 3)), rng.normal(size=3))
    return conv_forward_naive, conv_backward_naive, inputs, {}


# ==== q-06 ====
def make_q06():
    rng = np.random.default_rng(6)
    eps = 1e-5

    def batchnorm_forward(x, gamma, beta, with_cache=False):
        N, D = x.shape
        mu = 1. / N * np.sum(x, axis=0)
        xmu = x - mu
        sq = xmu ** 2
        var = 1. / N * np.sum(sq, axis=0)
        sqrtvar = np.sqrt(var + eps)
        ivar = 1. / sqrtvar
        xhat = xmu * ivar
        gammax = gamma * xhat
        out = gammax + beta
        if with_cache:
            return out, (xhat, gamma, xmu, ivar, sqrtvar, var)
        return out

    def batchnorm_backward(x, gamma, beta, out, dout):
        _, (xhat, gamma, xmu, ivar, sqrtvar, var) = batchnorm_forward(x, gamma, beta, True)
        N, D = dout.shape
        # step 9
        dbeta = np.sum(dout, axis=0)
        dgammax = dout
        # step 8
        dgamma = np.sum(dgammax * xhat, axis=0)
        dxhat = dgammax * gamma
        # step 7
        divar = np.sum(dxhat * xmu, axis=0)
        dxmu1 = dxhat * ivar
        # step 6
        dsqrtvar = -1. / (sqrtvar ** 2) * divar
        # step 5
        dvar = 0.5 * 1. / np.sqrt(var + eps) * dsqrtvar
        # step 4
        dsq = 1. / N * np.ones((N, D)) * dvar
        # step 3
        dxmu2 = xmu * dsq
        # step 2
        dx1 = dxmu1 + dxmu2
        dmu = -1 * np.sum(dxmu1 + dxmu2, axis=0)
        # step 1
        dx2 = 1. / N * np.ones((N, D)) * dmu
        # step 0
        dx = dx1 + dx2
        return dx, dgamma, dbeta

    inputs = (rng.normal(1.0, 2.0, (6, 4)), rng.normal(1, .3, 4), rng.normal(size=4))
    return batchnorm_forward, batchnorm_backward, inputs, {}


# ==== q-07 ====
def ln_fwd(x, gamma, beta, eps=1e-5):
    mean = x.mean(axis=-1, keepdims=True)
    rstd = 1.0 / np.sqrt(x.var(axis=-1, keepdims=True) + eps)
    xhat = (x - mean) * rstd
    return gamma * xhat + beta, (xhat, rstd, gamma)


def ln_bwd(dout, cache):
    xhat, rstd, gamma = cache
    dgamma = (dout * xhat).sum(axis=(0, 1))
    dbeta = dout.sum(axis=(0, 1))
    dxhat = dout * gamma
    dx = rstd * (dxhat
                 - dxhat.mean(axis=-1, keepdims=True)
                 - xhat * (dout * xhat).mean(axis=-1, keepdims=True))
    return dx, dgamma, dbeta


def mlp_block(x, gamma, beta, W1, b1, W2, b2):
    n, _ = ln_fwd(x, gamma, beta)
    h = np.maximum(0, n @ W1 + b1)
    return x + h @ W2 + b2


def mlp_block_bwd(x, gamma, beta, W1, b1, W2, b2, out, dout):
    n, ln_cache = ln_fwd(x, gamma, beta)
    a = n @ W1 + b1
    h = np.maximum(0, a)

    dW2 = np.einsum('bth,btd->hd', h, dout)
    db2 = dout.sum(axis=(0, 1))
    da = (dout @ W2.T) * (a > 0)
    dW1 = np.einsum('btd,bth->dh', n, da)
    db1 = da.sum(axis=(0, 1))
    dx_ln, dgamma, dbeta = ln_bwd(da @ W1.T, ln_cache)
    dx = dout + dx_ln
    return dx, dgamma, dbeta, dW1, db1, dW2, db2


def make_q07():
    rng = np.random.default_rng(7)
    B, T, D, H = 2, 3, 5, 7
    inputs = (rng.normal(size=(B, T, D)), rng.normal(1, .4, D), rng.normal(0, .3, D),
              rng.normal(0, .5, (D, H)), rng.normal(0, .3, H), rng.normal(0, .5, (H, D)), np.zeros(D))
    return mlp_block, mlp_block_bwd, inputs, {}
