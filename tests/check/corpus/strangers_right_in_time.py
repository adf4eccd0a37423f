"""Right backward passes of strangers that go through time: unusual ways that a checker must let pass."""

import numpy as np
from scipy.special import expit, logsumexp

from check.corpus.case import Family
from check.corpus.common import log_softmax, sigmoid, softmax

family = Family("strangers, right in time")


@family.right("forward sensitivities: a Jacobian is carried along, nothing goes back", kind="grad", wrt=(0, 1, 2))
def recurrent_network_in_real_time(rng):
    def loss(W, U, v, series):
        h = np.zeros(len(W))
        for x in series[:-1]:
            h = np.tanh(W @ h + U * x)
        return (v @ h - series[-1]) ** 2

    def grad(W, U, v, series):
        n = len(W)
        h, dW, dU = np.zeros(n), np.zeros((n, n, n)), np.zeros((n, n))
        for x in series[:-1]:
            new = np.tanh(W @ h + U * x)
            slope = 1 - new**2
            dW = np.einsum("ij,jkl->ikl", W, dW)
            for i in range(n):
                dW[i, i] += h
            dW *= slope[:, None, None]
            dU = slope[:, None] * (W @ dU + x * np.eye(n))
            h = new
        error = 2 * (v @ h - series[-1])
        return error * np.tensordot(v, dW, 1), error * v @ dU, error * h

    return loss, grad, (rng.normal(size=(3, 3)), rng.normal(size=3), rng.normal(size=3), rng.normal(size=6))


@family.right("the gates' inputs are kept side by side in one array that is overwritten on the way back")
def lstm_with_work_arrays(rng):
    class LSTM:
        def forward(self, X, W, h0, c0):
            T, D = X.shape
            H = h0.size
            self.W, self.D, self.H = W, D, H
            self.inputs = np.ones((T, 1 + D + H))
            self.inputs[:, 1 : D + 1] = X
            self.G, self.C, self.Hs = np.empty((T, 4 * H)), np.empty((T + 1, H)), np.empty((T, H))
            self.C[0], h = c0, h0
            for t in range(T):
                self.inputs[t, D + 1 :] = h
                np.dot(self.inputs[t], W, out=self.G[t])
                g = self.G[t]
                expit(g[: 3 * H], out=g[: 3 * H])
                np.tanh(g[3 * H :], out=g[3 * H :])
                self.C[t + 1] = g[H : 2 * H] * self.C[t] + g[:H] * g[3 * H :]
                h = self.Hs[t] = g[2 * H : 3 * H] * np.tanh(self.C[t + 1])
            return self.Hs.copy()

        def backward(self, dHs):
            H, G = self.H, self.G.copy()
            dW, dX, dh, dc = np.zeros_like(self.W), np.empty((len(G), self.D)), np.zeros(H), np.zeros(H)
            for t in reversed(range(len(G))):
                i, f, o, a = (G[t, k * H : (k + 1) * H].copy() for k in range(4))
                dh += dHs[t]
                tc = np.tanh(self.C[t + 1])
                dc += dh * o * (1 - tc**2)
                G[t, :H] = dc * a * i * (1 - i)
                G[t, H : 2 * H] = dc * self.C[t] * f * (1 - f)
                G[t, 2 * H : 3 * H] = dh * tc * o * (1 - o)
                G[t, 3 * H :] = dc * i * (1 - a**2)
                dW += np.outer(self.inputs[t], G[t])
                back = self.W @ G[t]
                dX[t] = back[1 : self.D + 1]
                dh = back[self.D + 1 :]
                dc *= f
            return dX, dW, dh, dc

    lstm = LSTM()
    inputs = rng.normal(size=(4, 2)), rng.normal(0, 0.6, (6, 12)), rng.normal(size=3), rng.normal(size=3)
    return lstm.forward, lambda *a: lstm.backward(a[-1]), inputs


@family.right("only every second state is kept; the others are computed again on the way back")
def recurrent_network_with_checkpoints(rng):
    def step(h, x, W, U):
        return np.tanh(h @ W + x @ U)

    def forward(X, h, W, U):
        for x in X:
            h = step(h, x, W, U)
        return h

    def backward(X, h, W, U, out, g):
        kept = {0: h}
        for t in range(len(X) - 2):
            h = step(h, X[t], W, U)
            if t % 2:
                kept[t + 1] = h
        gX, gW, gU = np.zeros_like(X), 0, 0
        for start in sorted(kept, reverse=True):
            states = [kept[start]]
            end = min(start + 2, len(X))
            for t in range(start, end):
                states.append(step(states[-1], X[t], W, U))
            for t in range(end - 1, start - 1, -1):
                da = g * (1 - states[t - start + 1] ** 2)
                gW, gU = gW + states[t - start].T @ da, gU + X[t].T @ da
                gX[t], g = da @ U.T, da @ W.T
        return gX, g, gW, gU

    shapes = (6, 2, 2), (2, 3), (3, 3), (2, 3)
    return forward, backward, tuple(rng.normal(0, 0.7, shape) for shape in shapes)


@family.right("the reset gate stands after the product, with its own bias")
def gru_with_the_reset_after(rng):
    def split(a):
        return np.split(a, 3, axis=-1)

    def gates(x, h, W, U, bw, bu):
        xr, xz, xn = split(x @ W + bw)
        hr, hz, hn = split(h @ U + bu)
        r, z = sigmoid(xr + hr), sigmoid(xz + hz)
        return r, z, np.tanh(xn + r * hn), hn

    def gru(x, h, W, U, bw, bu):
        _, z, n, _ = gates(x, h, W, U, bw, bu)
        return n + z * (h - n)

    def gru_vjp(x, h, W, U, bw, bu, out, g):
        r, z, n, hn = gates(x, h, W, U, bw, bu)
        dn = g * (1 - z) * (1 - n) * (1 + n)
        dz = g * (h - n) * z * (1 - z)
        dr = dn * hn * r * (1 - r)
        dx_side = np.concatenate([dr, dz, dn], axis=-1)
        dh_side = np.concatenate([dr, dz, dn * r], axis=-1)
        return (
            dx_side @ W.T, dh_side @ U.T + g * z, x.T @ dx_side, h.T @ dh_side, dx_side.sum(0), dh_side.sum(0)
        )  # fmt: skip

    inputs = rng.normal(size=(4, 2)), rng.normal(size=(4, 3)), rng.normal(size=(2, 9)), rng.normal(size=(3, 9))
    return gru, gru_vjp, (*inputs, rng.normal(size=9), rng.normal(size=9))


@family.right("the parameters of both directions are the same, so their gradients add", kind="grad")
def one_network_in_both_directions(rng):
    def read(p, X):
        h = [np.zeros(3)]
        for x in X:
            h.append(np.maximum(0, p["W"] @ x + p["U"] @ h[-1] + p["b"]))
        return h

    def loss(p, X):
        return p["v"] @ (read(p, X)[-1] * read(p, X[::-1])[-1])

    def grad(p, X):
        g = {k: np.zeros_like(v) for k, v in p.items()}
        there, back = read(p, X), read(p, X[::-1])
        g["v"] = there[-1] * back[-1]
        for h, other, rows in ((there, back, X), (back, there, X[::-1])):
            dh = p["v"] * other[-1]
            for t in range(len(rows) - 1, -1, -1):
                da = np.where(h[t + 1] > 0, dh, 0.0)
                g["W"] += np.outer(da, rows[t])
                g["U"] += np.outer(da, h[t])
                g["b"] += da
                dh = p["U"].T @ da
        return g

    p = {
        "W": rng.normal(size=(3, 2)),
        "U": rng.normal(0, 0.6, (3, 3)),
        "b": rng.normal(1, 0.3, 3),
        "v": rng.normal(size=3),
    }
    return loss, grad, (p, rng.normal(size=(4, 2)))


@family.right("marginals by forward and backward messages are the gradient", kind="grad", wrt=(0, 1, 2))
def hidden_markov_likelihood(rng):
    """Unnormalised logits of the start, the transitions and the emissions; scaled messages."""

    def messages(start, trans, emit, obs):
        A, B = softmax(trans), softmax(emit)[:, obs].T
        alpha, scale = np.zeros_like(B), np.zeros(len(obs))
        for t in range(len(obs)):
            alpha[t] = B[t] * (softmax(start) if t == 0 else alpha[t - 1] @ A)
            scale[t] = alpha[t].sum()
            alpha[t] /= scale[t]
        return A, B, alpha, scale

    def nll(start, trans, emit, obs):
        return -np.log(messages(start, trans, emit, obs)[3]).sum()

    def nll_grad(start, trans, emit, obs):
        A, B, alpha, scale = messages(start, trans, emit, obs)
        beta = np.ones_like(B)
        moves = np.zeros_like(A)
        for t in range(len(obs) - 2, -1, -1):
            ahead = B[t + 1] * beta[t + 1] / scale[t + 1]
            moves += alpha[t][:, None] * A * ahead
            beta[t] = A @ ahead
        gamma = alpha * beta
        seen = np.zeros_like(emit)
        np.add.at(seen.T, obs, gamma)
        back = lambda counts, logits: softmax(logits) * counts.sum(-1, keepdims=True) - counts  # noqa: E731
        return back(gamma[0], start), back(moves, trans), back(seen, emit)

    inputs = rng.normal(size=3), rng.normal(size=(3, 3)), rng.normal(size=(3, 4)), rng.integers(0, 4, 6)
    return nll, nll_grad, inputs


@family.right("connectionist temporal classification, in logs, with blanks", kind="grad")
def connectionist_temporal_classification(rng):
    label = np.array([1, 2, 2])
    wanted = np.zeros(2 * len(label) + 1, dtype=int)
    wanted[1::2] = label
    skip = np.zeros(len(wanted), dtype=bool)
    skip[2:] = (wanted[2:] != 0) & (wanted[2:] != wanted[:-2])

    def down(a, by):
        return np.concatenate([np.full(by, -np.inf), a[:-by]])

    def sweep(logp, skip):
        rows = np.full(logp.shape, -np.inf)
        rows[0, :2] = logp[0, :2]
        for t in range(1, len(logp)):
            a = rows[t - 1]
            ways = [a, down(a, 1), np.where(skip, down(a, 2), -np.inf)]
            rows[t] = logsumexp(ways, axis=0) + logp[t]
        return rows

    def ctc(logits):
        last = sweep(log_softmax(logits)[:, wanted], skip)[-1]
        return -np.logaddexp(last[-1], last[-2])

    def ctc_grad(logits):
        logp = log_softmax(logits)[:, wanted]
        alpha = sweep(logp, skip)
        turned = np.concatenate([[False] * 2, skip[2:][::-1]])
        beta = sweep(logp[::-1, ::-1], turned)[::-1, ::-1]
        total = np.logaddexp(alpha[-1, -1], alpha[-1, -2])
        posterior = np.exp(alpha + beta - logp - total)
        grad = softmax(logits)
        for s, k in enumerate(wanted):
            grad[:, k] -= posterior[:, s]
        return grad

    return ctc, ctc_grad, (rng.normal(size=(6, 3)),)


@family.right("a tree of words is folded by recursion", kind="grad", wrt=(0, 1, 2))
def recursive_network_on_a_tree(rng):
    tree = ((0, 1), (2, (1, 3)))

    def fold(node, E, W):
        """The vector of a node, and how to send a gradient back into (dE, dW)."""
        if isinstance(node, int):

            def to_leaf(g, dE, dW):
                dE[node] += g

            return E[node], to_leaf
        (left, back_left), (right, back_right) = (fold(child, E, W) for child in node)
        both = np.r_[left, right]
        out = np.tanh(W @ both)

        def to_children(g, dE, dW):
            g = g * (1 - out**2)
            dW += np.outer(g, both)
            down = g @ W
            back_left(down[: len(left)], dE, dW)
            back_right(down[len(left) :], dE, dW)

        return out, to_children

    def loss(E, W, v):
        return np.logaddexp(0, -v @ fold(tree, E, W)[0])

    def grad(E, W, v):
        root, back = fold(tree, E, W)
        dscore = -expit(-v @ root)
        dE, dW = np.zeros_like(E), np.zeros_like(W)
        back(dscore * v, dE, dW)
        return dE, dW, dscore * root

    return loss, grad, (rng.normal(size=(4, 3)), rng.normal(size=(3, 6)), rng.normal(size=3))
