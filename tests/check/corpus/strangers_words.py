"""Mistakes in strangers' attention, embeddings, word vectors and factorisations. The wrong line is marked."""

import math

import numpy as np

from check.corpus.case import Family
from check.corpus.common import sigmoid, softmax

family = Family("strangers, words")


@family.planted("wrong-factor", "1 / sqrt(d) is missing in the gradient of the keys alone", also=("left-out",))
def multi_head_attention(rng):
    class MultiHeadAttention:
        def __init__(self, heads):
            self.heads = heads

        def split(self, x):
            b, t, d = x.shape
            return x.reshape(b, t, self.heads, d // self.heads).transpose(0, 2, 1, 3)

        def merge(self, x):
            b, h, t, d = x.shape
            return x.transpose(0, 2, 1, 3).reshape(b, t, h * d)

        def forward(self, x, Wq, Wk, Wv, Wo):
            self.x, self.weights = x, (Wq, Wk, Wv, Wo)
            self.q, self.k, self.v = (self.split(x @ W) for W in (Wq, Wk, Wv))
            self.scale = math.sqrt(self.q.shape[-1])
            scores = self.q @ self.k.swapaxes(-1, -2) / self.scale
            scores = np.where(np.tri(x.shape[1], dtype=bool), scores, -np.inf)
            self.attn = softmax(scores)
            self.ctx = self.merge(self.attn @ self.v)
            return self.ctx @ Wo

        def backward(self, dout):
            Wq, Wk, Wv, Wo = self.weights
            dWo = np.einsum("btd,bte->de", self.ctx, dout)
            dctx = self.split(dout @ Wo.T)
            dattn = dctx @ self.v.swapaxes(-1, -2)
            dv = self.attn.swapaxes(-1, -2) @ dctx
            dscores = self.attn * (dattn - (dattn * self.attn).sum(-1, keepdims=True))
            dq = dscores @ self.k / self.scale
            dk = dscores.swapaxes(-1, -2) @ self.q  # planted
            dq, dk, dv = self.merge(dq), self.merge(dk), self.merge(dv)
            dx = dq @ Wq.T + dk @ Wk.T + dv @ Wv.T
            return dx, *[np.tensordot(self.x, d, axes=([0, 1], [0, 1])) for d in (dq, dk, dv)], dWo

    mha = MultiHeadAttention(2)
    inputs = rng.normal(size=(2, 3, 4)), *rng.normal(0, 0.7, (4, 4, 4))
    return mha.forward, lambda *a: mha.backward(a[-1]), inputs


@family.planted("broadcast-sum", "the sum in the softmax runs over the queries", also=("wrong-operand", "wrong-axis"))
def attention_pooling(rng):
    """Scores by a small network; queries and keys are as many."""

    def attend(Q, K, V, w):
        e = np.tanh(Q[:, None, :] + K[None, :, :]) @ w
        e = np.exp(e - e.max(1)[:, None])
        return (e / e.sum(1)[:, None]) @ V

    def attend_back(Q, K, V, w, out, g):
        act = np.tanh(Q[:, None, :] + K[None, :, :])
        P = softmax(act @ w)
        dP = g @ V.T
        dE = P * (dP - np.sum(dP * P, axis=0))  # planted
        dw = np.einsum("qk,qkd->d", dE, act)
        dsum = dE[:, :, None] * w * (1 - act * act)
        return dsum.sum(axis=1), dsum.sum(axis=0), P.T @ g, dw

    inputs = rng.normal(size=(4, 3)), rng.normal(size=(4, 3)), rng.normal(size=(4, 2)), rng.normal(size=3)
    return attend, attend_back, inputs


@family.planted("repeated-indices", "a word that occurs twice counts once", kind="grad")
def bag_of_embeddings(rng):
    """Words averaged, then logistic regression; the documents are the rows of `ids`."""

    def loss(params, ids, y):
        doc = params["emb"][ids].mean(axis=1)
        p = sigmoid(doc @ params["w"] + params["c"])
        return -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))

    def grad(params, ids, y):
        doc = params["emb"][ids].mean(axis=1)
        err = (sigmoid(doc @ params["w"] + params["c"]) - y) / len(y)
        ddoc = err[:, None] * params["w"]
        demb = np.zeros_like(params["emb"])
        demb[ids] += (ddoc / ids.shape[1])[:, None, :]  # planted
        return {"emb": demb, "w": doc.T @ err, "c": err.sum()}

    params = {"emb": rng.normal(size=(5, 3)), "w": rng.normal(size=3), "c": np.array(0.3)}
    return loss, grad, (params, rng.integers(0, 5, (4, 6)), rng.integers(0, 2, 4))


@family.planted(
    "wrong-sign",
    "the negative samples pull the centre word where they push",
    also=("wrong-operand", "closed-form"),
    kind="grad",
    wrt=(0, 1),
)
def skip_gram_with_negative_samples(rng):
    def step(V, U, centre, outside, negatives):
        """Loss and gradients for one pair and its negative samples."""
        v = V[centre]
        grad_v, grad_u = np.zeros_like(V), np.zeros_like(U)
        score = sigmoid(U[outside] @ v)
        loss = -math.log(score)
        grad_v[centre] = (score - 1) * U[outside]
        grad_u[outside] += (score - 1) * v
        for k in negatives:
            s = sigmoid(-U[k] @ v)
            loss -= math.log(s)
            grad_v[centre] += (s - 1) * U[k]  # planted
            grad_u[k] += (1 - s) * v
        return loss, grad_v, grad_u

    def over(V, U, pairs, negatives):
        total, dV, dU = 0.0, 0.0, 0.0
        for (c, o), neg in zip(pairs, negatives, strict=True):
            loss, gv, gu = step(V, U, c, o, neg)
            total, dV, dU = total + loss, dV + gv, dU + gu
        return total, (dV, dU)

    inputs = rng.normal(size=(6, 3)), rng.normal(size=(6, 3)), rng.integers(0, 6, (4, 2)), rng.integers(0, 6, (4, 3))
    return lambda *a: over(*a)[0], lambda *a: over(*a)[1], inputs


@family.planted(
    "left-out",
    "the weight of a pair is missing in the gradient of one bias",
    also=("wrong-factor",),
    kind="grad",
    wrt=(0, 1, 2, 3),
)
def glove(rng):
    def parts(W, C, bw, bc, X):
        weight = np.minimum(X / 4.0, 1.0) ** 0.75
        diff = W @ C.T + bw[:, None] + bc[None, :] - np.log(X)
        return weight, diff

    def cost(W, C, bw, bc, X):
        weight, diff = parts(W, C, bw, bc, X)
        return 0.5 * np.sum(weight * diff**2)

    def gradients(W, C, bw, bc, X):
        weight, diff = parts(W, C, bw, bc, X)
        fdiff = weight * diff
        gW = fdiff.dot(C)
        gC = fdiff.T.dot(W)
        gbw = fdiff.sum(axis=1)
        gbc = diff.sum(axis=0)  # planted
        return gW, gC, gbw, gbc

    X = rng.uniform(0.5, 9.0, (4, 5))
    inputs = rng.normal(size=(4, 2)), rng.normal(size=(5, 2)), rng.normal(size=4), rng.normal(size=5), X
    return cost, gradients, inputs


@family.planted(
    "broadcast-sum", "the first sentence's gradient stands for the whole batch's", also=("left-out", "only-the-last")
)
def token_and_position_embedding(rng):
    class Embedding:
        def forward(self, tokens, table, positions, W):
            self.tokens, self.table, self.positions, self.W = tokens, table, positions, W
            n, t = tokens.shape
            self.h = table[tokens.reshape(-1)].reshape(n, t, -1) + positions[:t]
            self.scaled = self.h * np.sqrt(self.h.shape[-1])
            return np.tanh(self.scaled) @ W

        def backward(self, g):
            t = self.tokens.shape[1]
            act = np.tanh(self.scaled)
            dW = np.einsum("ntd,ntk->dk", act, g)
            dh = (g @ self.W.T) * (1 - act**2) * self.h.shape[-1] ** 0.5
            dtable = np.zeros_like(self.table)
            np.add.at(dtable, self.tokens, dh)
            dpos = np.zeros_like(self.positions)
            dpos[:t] = dh[0]  # planted
            return None, dtable, dpos, dW

    layer = Embedding()
    inputs = rng.integers(0, 5, (3, 4)), rng.normal(size=(5, 3)), rng.normal(size=(6, 3)), rng.normal(size=(3, 2))
    return layer.forward, lambda *a: layer.backward(a[-1]), inputs


@family.planted("left-out", "the embedding is used twice, and gets the gradient of its second use alone", kind="grad")
def tied_language_model(rng):
    """The next word from the last two; the table of embeddings is also the output layer."""

    def scores(p, context):
        x = p["E"][context].reshape(len(context), -1)
        h = np.tanh(x @ p["H"] + p["d"])
        return x, h, h @ p["E"].T

    def loss(p, context, target):
        z = scores(p, context)[2]
        top = z.max(axis=1)
        return np.mean(top + np.log(np.exp(z - top[:, None]).sum(axis=1)) - np.choose(target, z.T))

    def grad(p, context, target):
        x, h, z = scores(p, context)
        dz = softmax(z)
        dz[np.arange(len(target)), target] -= 1
        dz /= len(target)
        da = (dz @ p["E"]) * (1 - h**2)
        return {"E": dz.T @ h, "H": x.T @ da, "d": da.sum(0)}  # planted

    p = {"E": rng.normal(size=(5, 3)), "H": rng.normal(size=(6, 3)), "d": rng.normal(size=3)}
    return loss, grad, (p, rng.integers(0, 5, (4, 2)), rng.integers(0, 5, 4))


@family.planted("left-out", "the squares that are taken off are missing in the gradient", kind="grad", wrt=(1, 2))
def factorization_machine(rng):
    def predict(X, w, V):
        pairwise = 0.5 * np.sum((X @ V) ** 2 - (X**2) @ (V**2), axis=1)
        return X @ w + pairwise

    def mse(X, w, V, y):
        return np.mean((predict(X, w, V) - y) ** 2)

    def mse_grad(X, w, V, y):
        r = 2 * (predict(X, w, V) - y) / len(y)
        XV = X @ V
        dV = np.zeros(V.shape)
        for f in range(V.shape[1]):
            dV[:, f] = X.T @ (r * XV[:, f])  # planted
        return X.T @ r, dV

    return mse, mse_grad, (rng.normal(size=(6, 4)), rng.normal(size=4), rng.normal(size=(4, 2)), rng.normal(size=6))


@family.planted(
    "only-the-last",
    "the last rating of a user replaces those before it: = for +=",
    also=("repeated-indices",),
    kind="grad",
    wrt=(0, 1, 2),
)
def matrix_factorisation(rng):
    lam = 0.05

    def objective(P, Q, bias, ratings):
        cost = 0.5 * lam * (np.sum(P**2) + np.sum(Q**2))
        for u, i, r in ratings:
            cost += 0.5 * (r - P[int(u)] @ Q[int(i)] - bias[int(i)]) ** 2
        return cost

    def gradient(P, Q, bias, ratings):
        dP, dQ, dbias = lam * P, lam * Q, np.zeros(len(bias))
        for row in ratings:
            u, i, r = int(row[0]), int(row[1]), row[2]
            e = r - P[u].dot(Q[i]) - bias[i]
            dP[u] += -e * Q[i]
            dQ[i] = lam * Q[i] - e * P[u]  # planted
            dbias[i] -= e
        return dP, dQ, dbias

    ratings = np.column_stack([rng.integers(0, 3, 9), rng.integers(0, 4, 9), rng.integers(1, 6, 9)]).astype(float)
    inputs = rng.normal(size=(3, 2)), rng.normal(size=(4, 2)), rng.normal(size=4), ratings
    return objective, gradient, inputs


@family.planted("stopped", "the norms are taken for constants", also=("left-out",), kind="grad", wrt=(0, 1))
def cosine_similarity_loss(rng):
    """A contrastive loss of sentence vectors, each row against all rows of the other side."""
    tau = 0.5

    def similarities(A, B):
        a = A / np.linalg.norm(A, axis=1, keepdims=True)
        b = B / np.linalg.norm(B, axis=1, keepdims=True)
        return a, b, a @ b.T / tau

    def contrast(A, B):
        S = similarities(A, B)[2]
        return np.mean(np.log(np.exp(S).sum(axis=1)) - np.diag(S))

    def contrast_grad(A, B):
        a, b, S = similarities(A, B)
        dS = (softmax(S) - np.eye(len(S))) / len(S) / tau
        da, db = dS @ b, dS.T @ a
        dA = (da - a * np.sum(a * da, axis=1, keepdims=True)) / np.linalg.norm(A, axis=1, keepdims=True)
        dB = db / np.linalg.norm(B, axis=1, keepdims=True)  # planted
        return dA, dB

    return contrast, contrast_grad, (rng.normal(size=(4, 3)), rng.normal(size=(4, 3)))
