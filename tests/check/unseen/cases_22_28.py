"""Cases q-22 to q-28, as a stranger wrote them."""

import numpy as np


# ==== q-22 ====
def make_q22():
    rng = np.random.default_rng(22)

    def cov(p):
        return p['Lam'] @ p['Lam'].T + np.diag(np.exp(p['log_psi']))

    def fa_nll(p, S):
        Sigma = cov(p)
        sign, logdet = np.linalg.slogdet(Sigma)
        return 0.5 * (logdet + np.trace(np.linalg.solve(Sigma, S)))

    def fa_grad(p, S):
        Si = np.linalg.inv(cov(p))
        G = 0.5 * (Si - Si @ S @ Si)
        dLam = G @ p['Lam']
        dlog_psi = np.diag(G) * np.exp(p['log_psi'])
        return {'Lam': dLam, 'log_psi': dlog_psi}

    A = rng.normal(size=(30, 6)) @ rng.normal(0, .6, (6, 6))
    S = A.T @ A / 30
    p = {'Lam': rng.normal(0, .7, (6, 2)), 'log_psi': rng.normal(-.5, .3, 6)}
    return fa_nll, fa_grad, (p, S), {}


# ==== q-23 ====
def make_q23():
    rng = np.random.default_rng(23)
    I, J, Din, Dout = 4, 3, 3, 4

    def squash(s):
        n2 = np.sum(s ** 2, axis=-1, keepdims=True)
        return n2 / (1 + n2) * s / np.sqrt(n2)

    def squash_backward(s, dv):
        n2 = np.sum(s ** 2, axis=-1, keepdims=True)
        n = np.sqrt(n2)
        scale = n / (1 + n2)
        dscale = np.sum(dv * s, axis=0, keepdims=True)
        dn = dscale * (1 - n2) / (1 + n2) ** 2
        return dv * scale + dn * s / n

    def routing(b):
        e = np.exp(b - b.max(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True)

    def forward(u, W, b):
        u_hat = np.einsum('ijkl,ik->ijl', W, u)
        s = np.einsum('ij,ijl->jl', routing(b), u_hat)
        return squash(s)

    def backward(u, W, b, v, dv):
        c = routing(b)
        u_hat = np.einsum('ijkl,ik->ijl', W, u)
        s = np.einsum('ij,ijl->jl', c, u_hat)
        ds = squash_backward(s, dv)
        du_hat = c[:, :, None] * ds[None, :, :]
        dc = np.einsum('ijl,jl->ij', u_hat, ds)
        db = c * (dc - np.sum(c * dc, axis=1, keepdims=True))
        dW = np.einsum('ijl,ik->ijkl', du_hat, u)
        du = np.einsum('ijkl,ijl->ik', W, du_hat)
        return du, dW, db

    return forward, backward, (rng.normal(size=(I, Din)), rng.normal(0, .6, (I, J, Din, Dout)),
                               rng.normal(size=(I, J))), {}


class MixtureOfExperts:
    def __init__(self, params):
        self.params = params
        self.cache = {}

    def forward(self, X):
        p = self.params
        logits = X @ p['Wg'] + p['bg']
        e = np.exp(logits - logits.max(axis=1, keepdims=True))
        gate = e / e.sum(axis=1, keepdims=True)
        expert = np.tanh(np.einsum('nd,kdo->nko', X, p['We']) + p['be'])
        y = np.einsum('nk,nko->no', gate, expert)
        self.cache = dict(X=X, gate=gate, expert=expert)
        return y

    def backward(self, dy):
        p, c = self.params, self.cache
        X, gate, expert = c['X'], c['gate'], c['expert']
        grads = {}
        # experts
        dexpert = gate[:, :, None] * dy[:, None, :]
        dpre = dexpert * (1 - expert ** 2)
        grads['We'] = np.einsum('nd,nko->kdo', X, dpre)
        grads['be'] = dpre.sum(axis=0)
        # gating network
        dgate = np.einsum('no,nko->nk', dy, expert)
        dlogits = dgate * gate * (1 - gate)
        grads['Wg'] = X.T @ dlogits
        grads['bg'] = dlogits.sum(axis=0)
        return grads


def make_q24():
    rng = np.random.default_rng(24)

    def f(params, X, Y):
        return np.sum((MixtureOfExperts(params).forward(X) - Y) ** 2) / len(X)

    def g(params, X, Y):
        moe = MixtureOfExperts(params)
        out = moe.forward(X)
        return moe.backward(2 * (out - Y) / len(X))

    K, D, O = 3, 4, 2
    params = {'Wg': rng.normal(size=(D, K)), 'bg': np.zeros(K),
              'We': rng.normal(0, .6, (K, D, O)), 'be': rng.normal(0, .2, (K, O))}
    return f, g, (params, rng.normal(size=(9, D)), rng.normal(size=(9, O))), {}


# ==== q-25 ====
def make_q25():
    rng = np.random.default_rng(25)
    margin = 1.5

    def embed(p, x):
        h = np.tanh(x @ p['W1'] + p['b1'])
        return h, h @ p['W2']

    def contrastive_loss(p, x1, x2, same):
        _, e1 = embed(p, x1)
        _, e2 = embed(p, x2)
        d = np.sqrt(np.sum((e1 - e2) ** 2, axis=1) + 1e-9)
        return np.mean(same * d ** 2 + (1 - same) * np.maximum(0, margin - d) ** 2)

    def contrastive_grad(p, x1, x2, same):
        n = len(same)
        h1, e1 = embed(p, x1)
        h2, e2 = embed(p, x2)
        diff = e1 - e2
        d = np.sqrt(np.sum(diff ** 2, axis=1) + 1e-9)
        dd = (2 * same * d - 2 * (1 - same) * np.maximum(0, margin - d)) / n
        de1 = (dd / d)[:, None] * diff
        de2 = -de1

        dW2 = h1.T @ de1 + h2.T @ de2
        dz1 = de1 @ p['W2'].T * (1 - h1 ** 2)
        dz2 = de2 @ p['W2'].T * (1 - h2 ** 2)
        dW1 = x1.T @ dz1
        db1 = np.sum(dz1 + dz2, axis=0)
        return {'W1': dW1, 'b1': db1, 'W2': dW2}

    p = {'W1': rng.normal(0, .5, (5, 6)), 'b1': rng.normal(0, .2, 6), 'W2': rng.normal(0, .5, (6, 3))}
    same = np.array([1., 0., 1., 0., 0., 1., 0., 1.])
    return contrastive_loss, contrastive_grad, (p, rng.normal(size=(8, 5)), rng.normal(size=(8, 5)), same), {}


# ==== q-26 ====
def barlow_standardize(z):
    std = z.std(axis=0)
    return (z - z.mean(axis=0)) / std, std


def barlow_standardize_backward(dzn, zn, std):
    return (dzn - dzn.mean(axis=0)) / std


def barlow_loss(W, Xa, Xb, lam):
    za, _ = barlow_standardize(Xa @ W)
    zb, _ = barlow_standardize(Xb @ W)
    C = za.T @ zb / len(Xa)
    on = np.sum((np.diag(C) - 1) ** 2)
    off = np.sum(C ** 2) - np.sum(np.diag(C) ** 2)
    return on + lam * off


def barlow_grad(W, Xa, Xb, lam):
    n = len(Xa)
    za, sa = barlow_standardize(Xa @ W)
    zb, sb = barlow_standardize(Xb @ W)
    C = za.T @ zb / n
    dC = 2 * lam * C
    np.fill_diagonal(dC, 2 * (np.diag(C) - 1))
    dza = zb @ dC.T / n
    dzb = za @ dC / n
    dW = Xa.T @ barlow_standardize_backward(dza, za, sa)
    dW += Xb.T @ barlow_standardize_backward(dzb, zb, sb)
    return dW


def make_q26():
    rng = np.random.default_rng(26)
    X = rng.normal(size=(10, 5))
    Xa = X + .3 * rng.normal(size=X.shape)
    Xb = X + .3 * rng.normal(size=X.shape)
    return barlow_loss, barlow_grad, (rng.normal(size=(5, 3)), Xa, Xb, 0.05), {}


# ==== q-27 ====
def make_q27():
    rng = np.random.default_rng(27)
    h, steps = 0.5, 4

    def dyn(y, p):
        return np.tanh(y @ p['W1'] + p['b1']) @ p['W2']

    def dyn_vjp(y, p, v, grads):
        a = np.tanh(y @ p['W1'] + p['b1'])
        grads['W2'] += np.outer(a, v)
        dz = (p['W2'] @ v) * (1 - a ** 2)
        grads['W1'] += np.outer(y, dz)
        grads['b1'] += dz
        return p['W1'] @ dz

    def stages(y, p):
        k1 = dyn(y, p)
        k2 = dyn(y + h / 2 * k1, p)
        k3 = dyn(y + h / 2 * k2, p)
        k4 = dyn(y + h * k3, p)
        return k1, k2, k3, k4

    def solve(p, y0):
        ys = [y0]
        for _ in range(steps):
            k1, k2, k3, k4 = stages(ys[-1], p)
            ys.append(ys[-1] + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4))
        return ys

    def loss(p, y0, target):
        return 0.5 * np.sum((solve(p, y0)[-1] - target) ** 2)

    def grad(p, y0, target):
        ys = solve(p, y0)
        grads = {k: np.zeros_like(v) for k, v in p.items()}
        lam = ys[-1] - target
        for y in reversed(ys[:-1]):
            k1, k2, k3, k4 = stages(y, p)
            dk4 = h / 6 * lam
            dy4 = dyn_vjp(y + h * k3, p, dk4, grads)
            dk3 = h / 3 * lam + h / 2 * dy4
            dy3 = dyn_vjp(y + h / 2 * k2, p, dk3, grads)
            dk2 = h / 3 * lam + h / 2 * dy3
            dy2 = dyn_vjp(y + h / 2 * k1, p, dk2, grads)
            dk1 = h / 6 * lam + h / 2 * dy2
            dy1 = dyn_vjp(y, p, dk1, grads)
            lam = lam + dy1 + dy2 + dy3 + dy4
        return grads

    p = {'W1': rng.normal(size=(3, 6)), 'b1': rng.normal(0, .3, 6), 'W2': rng.normal(0, .6, (6, 3))}
    return loss, grad, (p, rng.normal(size=3), rng.normal(size=3)), {}


# ==== q-28 ====
def make_q28():
    rng = np.random.default_rng(28)
    k, pool = 3, 2

    def windows(X):
        L = X.shape[1] - k + 1
        return np.stack([X[:, i:i + k].reshape(len(X), -1) for i in range(L)], axis=1)

    def forward(p, X):
        cols = windows(X)                                  # N, L, k*C
        conv = cols @ p['Wc'] + p['bc']                    # N, L, F
        act = np.maximum(conv, 0)
        N, L, F = act.shape
        pooled = act.reshape(N, L // pool, pool, F).mean(axis=2)
        flat = pooled.reshape(N, -1)
        scores = flat @ p['Wf'] + p['bf']
        scores = scores - scores.max(axis=1, keepdims=True)
        probs = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
        return cols, conv, pooled, flat, probs

    def loss(p, X, y):
        probs = forward(p, X)[-1]
        return -np.log(probs[range(len(y)), y]).mean()

    def grad(p, X, y):
        cols, conv, pooled, flat, probs = forward(p, X)
        N = len(y)
        dscores = probs.copy()
        dscores[range(N), y] -= 1
        dscores /= N

        g = {}
        g['Wf'] = flat.T @ dscores
        g['bf'] = dscores.sum(axis=0)
        dpooled = (dscores @ p['Wf'].T).reshape(pooled.shape)
        dact = np.repeat(dpooled, pool, axis=1) / pool
        dconv = dact * (conv > 0)
        g['Wc'] = np.einsum('nlc,nlf->cf', cols, dconv) / N
        g['bc'] = dconv.sum(axis=(0, 1))
        return g

    p = {'Wc': rng.normal(0, .4, (k * 2, 4)), 'bc': rng.normal(0, .1, 4),
         'Wf': rng.normal(0, .4, (12, 3)), 'bf': np.zeros(3)}
    return loss, grad, (p, rng.normal(size=(5, 8, 2)), np.array([0, 2, 1, 1, 0])), {}
