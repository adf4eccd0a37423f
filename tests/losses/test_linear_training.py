"""A next-character model that is trained with linear_cross_entropy learns the same as with cross_entropy."""

import numpy as np

import softgrad as sg

TEXT = "the rows of the gradient sum to zero, for adding a constant to the logits of a row changes nothing at all. " * 3
CHARACTERS = sorted(set(TEXT))
SEEN = 3  # characters from which the next one is predicted


def fused(x, w, target, bias):
    loss, (dx, dw, db) = sg.linear_cross_entropy_with_grad(x, w, target, bias, max_memory=len(bias) * 8 * 40)
    return loss, dx, dw, db


def unfused(x, w, target, bias):
    loss, g = sg.cross_entropy_with_grad(x @ w.T + bias, target)
    return loss, g @ w, g.T @ x, g.sum(axis=0)


def train(head, steps=150, rate=0.5):
    rng = np.random.default_rng(0)
    text = np.array([CHARACTERS.index(character) for character in TEXT])
    before = np.stack([text[i : len(text) - SEEN + i] for i in range(SEEN)], axis=1)
    vectors = 0.3 * rng.normal(size=(SEEN, len(CHARACTERS), 16))
    w, bias = 0.3 * rng.normal(size=(len(CHARACTERS), 16)), np.zeros(len(CHARACTERS))
    losses = []
    for _ in range(steps):
        x = np.tanh(sum(vectors[i][before[:, i]] for i in range(SEEN)))
        loss, dx, dw, db = head(x, w, text[SEEN:], bias)
        through_tanh = dx * (1 - x**2)
        for i in range(SEEN):
            np.add.at(vectors[i], before[:, i], -rate * 16 * through_tanh)
        w -= rate * dw
        bias -= rate * db
        losses.append(float(loss))
    return losses


def test_the_same_loss():
    losses, want = train(fused), train(unfused)
    assert losses[-1] < 0.5 * losses[0]
    np.testing.assert_allclose(losses, want, rtol=1e-5)
