"""Mistakes in strangers' code that goes through time: RNN, LSTM, GRU.

The wrong line is marked. The styles differ on purpose: this is code as its authors write it.
"""

import itertools

import numpy as np
from scipy.special import expit

from check.corpus.case import Family

family = Family("strangers, recurrent")


@family.planted("truncated", "what comes back from the next step is not added", kind="grad", wrt=(0, 1, 2, 3, 4))
def character_model(rng):
    vocab, hidden = 6, 5

    def loss_and_grads(Wxh, Whh, Why, bh, by, text):
        states, probs, loss = {-1: np.zeros((hidden, 1))}, {}, 0.0
        for t, (char, following) in enumerate(itertools.pairwise(text)):
            x = np.eye(vocab)[:, [char]]
            states[t] = np.tanh(Wxh @ x + Whh @ states[t - 1] + bh)
            scores = Why @ states[t] + by
            probs[t] = np.exp(scores) / np.exp(scores).sum()
            loss -= np.log(probs[t][following, 0])
        dWxh, dWhh, dWhy, dbh, dby = (np.zeros_like(p) for p in (Wxh, Whh, Why, bh, by))
        for t in reversed(range(len(text) - 1)):
            dy = probs[t].copy()
            dy[text[t + 1]] -= 1
            dWhy += dy @ states[t].T
            dby += dy
            dh = Why.T @ dy  # planted
            draw = (1 - states[t] ** 2) * dh
            dbh += draw
            dWxh[:, text[t]] += draw[:, 0]
            dWhh += draw @ states[t - 1].T
        return loss, (dWxh, dWhh, dWhy, dbh, dby)

    shapes = (hidden, vocab), (hidden, hidden), (vocab, hidden), (hidden, 1), (vocab, 1)
    params = [rng.normal(0, 0.5, shape) for shape in shapes]
    text = rng.integers(0, vocab, 7)
    return lambda *a: loss_and_grads(*a)[0], lambda *a: loss_and_grads(*a)[1], (*params, text)


@family.planted("transposed-product", "the recurrent weights are not transposed on the way back")
def recurrent_layer_class(rng):
    class RNNLayer:
        def forward(self, x, Wx, Wh, b):
            n, T, _ = x.shape
            self.x, self.Wx, self.Wh = x, Wx, Wh
            self.h = np.zeros((n, T + 1, Wh.shape[0]))
            for t in range(T):
                self.h[:, t + 1] = np.tanh(x[:, t] @ Wx + self.h[:, t] @ Wh + b)
            return self.h[:, 1:].copy()

        def backward(self, dh):
            dx = np.empty_like(self.x)
            dWx, dWh, db = np.zeros_like(self.Wx), np.zeros_like(self.Wh), 0
            carry = 0
            for t in range(dh.shape[1] - 1, -1, -1):
                da = (dh[:, t] + carry) * (1 - self.h[:, t + 1] ** 2)
                dx[:, t] = da @ self.Wx.T
                carry = da @ self.Wh  # planted
                dWx += self.x[:, t].T @ da
                dWh += self.h[:, t].T @ da
                db = db + da.sum(0)
            return dx, dWx, dWh, db

    layer = RNNLayer()
    inputs = rng.normal(size=(3, 4, 2)), rng.normal(size=(2, 4)), rng.normal(0, 0.5, (4, 4)), rng.normal(size=4)
    return layer.forward, lambda x, Wx, Wh, b, y, g: layer.backward(g), inputs


@family.planted("wrong-iteration", "the state after the step where the state before it belongs", kind="grad")
def elman_on_a_series(rng):
    """One series, parameters in a dict, the error of the last prediction alone."""

    def run(p, series):
        h = [np.zeros(4)]
        for value in series[:-1]:
            h.append(np.tanh(p["u"] * value + p["W"] @ h[-1] + p["b"]))
        return h, p["v"] @ h[-1] - series[-1]

    def loss(p, series):
        return 0.5 * run(p, series)[1] ** 2

    def grad(p, series):
        h, err = run(p, series)
        out = {name: np.zeros_like(value) for name, value in p.items()}
        out["v"] = err * h[-1]
        delta = err * p["v"]
        for t in range(len(series) - 2, -1, -1):
            delta = delta * (1 - h[t + 1] ** 2)
            out["u"] += delta * series[t]
            out["W"] += np.outer(delta, h[t + 1])  # planted
            out["b"] += delta
            delta = p["W"].T.dot(delta)
        return out

    p = {name: rng.normal(0, 0.6, shape) for name, shape in {"u": 4, "W": (4, 4), "v": 4, "b": 4}.items()}
    return loss, grad, (p, rng.normal(size=6))


@family.planted(
    "wrong-iteration", "the cell after the step in the gradient of the forget gate", also=("wrong-operand",)
)
def lstm_cell_with_a_cache(rng):
    cache = {}

    def lstm_step(x, h_prev, c_prev, W, b):
        z = np.hstack([h_prev, x]) @ W + b
        f, i, o, g = np.split(z, 4, axis=1)
        f, i, o, g = expit(f), expit(i), expit(o), np.tanh(g)
        c = f * c_prev + i * g
        h = o * np.tanh(c)
        cache.update(f=f, i=i, o=o, g=g, c=c, c_prev=c_prev, W=W, inp=np.hstack([h_prev, x]))
        return h

    def lstm_step_backward(x, h_prev, c_prev, W, b, h, dh):
        f, i, o, g, c = (cache[k] for k in "fiogc")
        tc = np.tanh(c)
        do = dh * tc * o * (1 - o)
        dc = dh * o * (1 - tc * tc)
        df = dc * c * f * (1 - f)  # planted
        di = dc * g * i * (1 - i)
        dg = dc * i * (1 - g * g)
        dz = np.hstack([df, di, do, dg])
        dinp = dz @ W.T
        H = h_prev.shape[1]
        return dinp[:, H:], dinp[:, :H], dc * f, cache["inp"].T @ dz, dz.sum(axis=0)

    x, h, c = rng.normal(size=(3, 2)), rng.normal(size=(3, 3)), rng.normal(size=(3, 3))
    return lstm_step, lstm_step_backward, (x, h, c, rng.normal(0, 0.5, (5, 12)), rng.normal(0, 0.5, 12))


@family.planted("only-the-last", "the weights keep the gradient of the first step alone: = for +=")
def lstm_over_a_sequence(rng):
    class LSTM:
        def __init__(self, hidden):
            self.H = hidden

        def __call__(self, X, W, b):
            H, self.tape = self.H, []
            h, c = np.zeros(H), np.zeros(H)
            outputs = []
            for x in X:
                v = np.concatenate([x, h])
                a = W.dot(v) + b
                gates = expit(a[: 3 * H])
                cand = np.tanh(a[3 * H :])
                c_old = c
                c = gates[:H] * c_old + gates[H : 2 * H] * cand
                h = gates[2 * H :] * np.tanh(c)
                self.tape.append((v, gates, cand, c_old, c))
                outputs.append(h)
            self.W = W
            return np.array(outputs)

        def back(self, dY):
            H, nx = self.H, self.tape[0][0].size - self.H
            dX, db = [], 0.0
            dh_next, dc_next = np.zeros(H), np.zeros(H)
            for dy, (v, gates, cand, c_old, c) in zip(dY[::-1], self.tape[::-1], strict=True):
                dh = dy + dh_next
                f, i, o = gates[:H], gates[H : 2 * H], gates[2 * H :]
                dc = dh * o * (1 - np.tanh(c) ** 2) + dc_next
                dgates = np.concatenate([dc * c_old, dc * cand, dh * np.tanh(c)]) * gates * (1 - gates)
                da = np.concatenate([dgates, dc * i * (1 - cand**2)])
                dW = np.outer(da, v)  # planted
                db = db + da
                dv = self.W.T.dot(da)
                dX.insert(0, dv[:nx])
                dh_next, dc_next = dv[nx:], dc * f
            return np.array(dX), dW, db

    lstm = LSTM(3)
    inputs = rng.normal(size=(4, 2)), rng.normal(0, 0.6, (12, 5)), rng.normal(0, 0.4, 12)
    return lstm, lambda X, W, b, Y, dY: lstm.back(dY), inputs


@family.planted("wrong-operand", "1 - c^2 where the tanh was of c", also=("derivative-at-output", "closed-form"))
def peephole_cell(rng):
    """A cell with peepholes, all of them vectors: no matrices but one."""

    def forward(x, c_prev, W, pi, pf, po):
        zi, zf, zo, zg = (x @ W).reshape(len(x), 4, -1).transpose(1, 0, 2)
        i, f = expit(zi + pi * c_prev), expit(zf + pf * c_prev)
        c = f * c_prev + i * np.tanh(zg)
        return expit(zo + po * c) * np.tanh(c)

    def backward(x, c_prev, W, pi, pf, po, h, dh):
        zi, zf, zo, zg = (x @ W).reshape(len(x), 4, -1).transpose(1, 0, 2)
        i, f, g = expit(zi + pi * c_prev), expit(zf + pf * c_prev), np.tanh(zg)
        c = f * c_prev + i * g
        o = expit(zo + po * c)
        dzo = dh * np.tanh(c) * o * (1 - o)
        dc = dh * o * (1 - c**2)  # planted
        dc += po * dzo
        dzi = dc * g * i * (1 - i)
        dzf = dc * c_prev * f * (1 - f)
        dzg = dc * i * (1 - g**2)
        dz = np.stack([dzi, dzf, dzo, dzg], axis=1).reshape(len(x), -1)
        dc_prev = dc * f + pi * dzi + pf * dzf
        return dz @ W.T, dc_prev, x.T @ dz, (dzi * c_prev).sum(0), (dzf * c_prev).sum(0), (dzo * c).sum(0)

    H = 3
    peepholes = rng.normal(0, 0.5, (3, H))
    return (
        forward,
        backward,
        (rng.normal(size=(4, 2)), rng.normal(size=(4, H)), rng.normal(size=(2, 4 * H)), *peepholes),
    )


@family.planted("left-out", "the way through the reset gate is missing in the gradient of the state before")
def gru_class(rng):
    class GRU:
        def forward(self, x, h, Wz, Wr, Wn, Uz, Ur, Un):
            self.args = x, h, Wz, Wr, Wn, Uz, Ur, Un
            self.z = 1.0 / (1.0 + np.exp(-(x @ Wz + h @ Uz)))
            self.r = 1.0 / (1.0 + np.exp(-(x @ Wr + h @ Ur)))
            self.n = np.tanh(x @ Wn + (self.r * h) @ Un)
            return (1 - self.z) * self.n + self.z * h

        def backward(self, dout):
            x, h, Wz, Wr, Wn, Uz, Ur, Un = self.args
            z, r, n = self.z, self.r, self.n
            dn = dout * (1 - z) * (1 - n**2)
            dz = dout * (h - n) * z * (1 - z)
            drh = dn @ Un.T
            dr = drh * h * r * (1 - r)
            dx = dn @ Wn.T + dz @ Wz.T + dr @ Wr.T
            dh = dout * z + dz @ Uz.T + dr @ Ur.T  # planted
            return dx, dh, x.T @ dz, x.T @ dr, x.T @ dn, h.T @ dz, h.T @ dr, (r * h).T @ dn

    gru = GRU()
    x, h = rng.normal(size=(4, 2)), rng.normal(size=(4, 3))
    W, U = rng.normal(0, 0.7, (3, 2, 3)), rng.normal(0, 0.7, (3, 3, 3))
    return gru.forward, lambda *a: gru.backward(a[-1]), (x, h, *W, *U)


@family.planted("wrong-sign", "the candidate is added to the old state where it is taken off")
def minimal_gated_unit(rng):
    def mgu(X, Wf, Wn, h0):
        h = h0
        for x in X:
            f = expit(np.append(x, h) @ Wf)
            n = np.tanh(np.append(x, f * h) @ Wn)
            h = f * n + (1 - f) * h
        return h

    def mgu_backward(X, Wf, Wn, h0, last, dh):
        trace, h, D = [], h0, X.shape[1]
        for x in X:  # once more, to have the states
            f = expit(np.append(x, h) @ Wf)
            n = np.tanh(np.append(x, f * h) @ Wn)
            trace.append((x, h, f, n))
            h = f * n + (1 - f) * h
        dX, dWf, dWn = np.zeros(X.shape), np.zeros(Wf.shape), np.zeros(Wn.shape)
        for t in range(len(X))[::-1]:
            x, h, f, n = trace[t]
            dn = dh * f * (1 - n * n)
            down = Wn @ dn
            df = dh * (n + h) + down[D:] * h  # planted
            df = df * f * (1 - f)
            dWn += np.append(x, f * h)[:, None] * dn
            dWf += np.append(x, h)[:, None] * df
            also = Wf @ df
            dX[t] = down[:D] + also[:D]
            dh = dh * (1 - f) + down[D:] * f + also[D:]
        return dX, dWf, dWn, dh

    shapes = (4, 2), (5, 3), (5, 3), (3,)
    return mgu, mgu_backward, tuple(rng.normal(0, 0.8, shape) for shape in shapes)
