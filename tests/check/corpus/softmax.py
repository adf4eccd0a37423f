"""Mistakes in the backward of softmax, for p = softmax(z) and the upstream dp:

dz = p * (dp - sum_j dp_j p_j)      or      dz = J dp      with      J = diag(p) - p p^T.
"""

import numpy as np

from check.corpus.case import UNNAMED, Family
from check.corpus.common import any_logits, logits, row_losses, softmax, with_classes

family = Family("softmax")

ALL_ZERO = ("jacobian-summed", "upstream-ignored", "upstream-summed", "upstream-first-only")  # J 1 = 0


@family.planted("diagonal-only", "every probability is taken to depend on its own logit alone")
def diagonal_only_of_rows(rng):
    def vjp(z, p, dp):
        return dp * p * (1 - p)

    return softmax, vjp, logits(4, 3)(rng)


@family.planted("diagonal-only", "the Jacobian is built as a diagonal matrix", context={"layout": "vector"})
def diagonal_only_jacobian_of_a_vector(rng):
    def vjp(z, p, dp):
        jacobian = np.zeros((len(p), len(p)))
        for i in range(len(p)):
            jacobian[i, i] = p[i] * (1 - p[i])
        return jacobian @ dp

    return softmax, vjp, logits(5)(rng)


@family.planted("diagonal-only", "the sigmoid's derivative in a layer with a cache, columns of classes")
def diagonal_only_layer_of_columns(rng):
    class Softmax:
        def forward(self, z):
            e = np.exp(z - np.max(z, axis=0))
            self.p = e / np.sum(e, axis=0)
            return self.p

        def backward(self, z, output, dp):
            return np.multiply(dp, self.p - self.p**2)

    layer = Softmax()
    return layer.forward, layer.backward, logits(3, 5)(rng)


@family.planted("inner-product-missing", "the term of the other classes is left out")
def inner_product_missing(rng):
    def vjp(z, p, dp):
        return p * dp

    return softmax, vjp, logits(5, 4)(rng)


@family.planted("inner-product-missing", "a loop over columns that stops after p * dp", context={"class_axis": 0})
def inner_product_missing_in_a_loop(rng):
    def vjp(z, p, dp):
        columns = [[p_k * g_k for p_k, g_k in zip(p[:, i], dp[:, i], strict=True)] for i in range(p.shape[1])]
        return np.array(columns).T

    return lambda z: softmax(z, axis=0), vjp, logits(4, 6)(rng)


@family.planted("jacobian-summed", "rows of the Jacobian are summed, then scaled by dp", also=ALL_ZERO)
def jacobian_summed_along_rows(rng):
    def vjp(z, p, dp):
        grad = np.empty_like(z)
        for i, q in enumerate(p):
            jacobian = np.diag(q) - np.outer(q, q)
            grad[i] = jacobian.sum(axis=1) * dp[i]
        return grad

    return softmax, vjp, logits(4, 3)(rng)


@family.planted("jacobian-summed", "columns of the Jacobian are summed by einsum", also=ALL_ZERO)
def jacobian_summed_by_einsum(rng):
    def vjp(z, p, dp):
        jacobian = np.einsum("bi,ij->bij", p, np.eye(p.shape[1])) - np.einsum("bi,bj->bij", p, p)
        return np.einsum("bij,bj->bj", jacobian, dp)

    return softmax, vjp, logits(6, 4)(rng)


@family.planted("upstream-ignored", "losses of rows, whose upstream is not multiplied in", inputs=with_classes(5, 3))
def upstream_ignored(rng):
    def vjp(z, classes, losses, grad_output):
        grad = softmax(z)
        grad[np.arange(len(z)), classes] -= 1
        return grad, None

    return row_losses, vjp, with_classes(4, 3)(rng)


@family.planted("upstream-first-row", "the upstream of row 0 serves every row")
def upstream_of_the_first_row(rng):
    def vjp(z, p, dp):
        first = dp[0]
        return np.stack([q * (first - first @ q) for q in p])

    return softmax, vjp, logits(4, 5)(rng)


@family.planted("upstream-first-only", "losses of rows, scaled by the upstream of the first alone")
def upstream_of_the_first_loss(rng):
    def vjp(z, classes, losses, grad_output):
        grad = softmax(z)
        grad[np.arange(len(z)), classes] -= 1
        return grad * grad_output[0], None

    return row_losses, vjp, with_classes(5, 4)(rng)


@family.planted("upstream-summed", "losses of rows, each scaled by the sum of the upstream")
def upstream_summed(rng):
    def vjp(z, classes, losses, grad_output):
        grad = softmax(z) - np.eye(z.shape[1])[classes]
        return grad_output.sum() * grad, None

    return row_losses, vjp, with_classes(4, 6)(rng)


@family.planted("derivative-at-input", "the logits stand where the probabilities belong")
def derivative_at_the_logits(rng):
    def vjp(z, p, dp):
        return z * (dp - np.sum(dp * z, axis=1, keepdims=True))

    return softmax, vjp, logits(4, 3)(rng)


@family.planted("derivative-at-input", "the layer caches its input, and builds the Jacobian from it")
def jacobian_of_the_cached_input(rng):
    cache = {}

    def forward(z):
        cache["x"] = z
        return np.exp(z) / np.exp(z).sum()

    def vjp(z, p, dp):
        s = cache["x"].reshape(-1, 1)
        return (np.diagflat(s) - s @ s.T) @ dp

    return forward, vjp, logits(4)(rng)


@family.planted("derivative-at-upstream", "the upstream stands where the probabilities belong")
def derivative_at_the_upstream(rng):
    def vjp(z, p, dp):
        return dp * (dp - (dp * dp).sum(axis=-1, keepdims=True))

    return softmax, vjp, logits(4, 3)(rng)


@family.planted("assignment-for-sum", "the inner loop overwrites instead of adding")
def assignment_in_the_inner_loop(rng):
    def vjp(z, p, dp):
        grad = np.zeros(len(z))
        for i in range(len(z)):
            for j in range(len(z)):
                grad[i] = p[i] * ((i == j) - p[j]) * dp[j]
        return grad

    return softmax, vjp, logits(4)(rng)


@family.planted("assignment-for-sum", "whole rows of the Jacobian are assigned one after another", inputs=any_logits)
def assignment_of_whole_rows(rng):
    def vjp(z, p, dp):
        grad = np.zeros_like(z)
        for row in range(z.shape[0]):
            for k in range(z.shape[1]):
                grad[row, :] = dp[row, k] * p[row, k] * ((np.arange(z.shape[1]) == k) - p[row])
        return grad

    return softmax, vjp, logits(4, 3)(rng)


@family.planted("off-diagonal-sign", "the outer product is added: diag(p) + p p^T")
def outer_product_added(rng):
    def vjp(z, p, dp):
        jacobian = p[:, :, None] * np.eye(p.shape[1]) + p[:, :, None] * p[:, None, :]
        return (jacobian @ dp[:, :, None])[:, :, 0]

    return softmax, vjp, logits(5, 4)(rng)


@family.planted("off-diagonal-sign", "the loop's else branch lacks its minus")
def off_diagonal_branch_without_minus(rng):
    def vjp(z, p, dp):
        n = len(p)
        jacobian = [[p[i] * (1 - p[i]) if i == j else p[i] * p[j] for j in range(n)] for i in range(n)]
        return np.dot(jacobian, dp)

    return softmax, vjp, logits(6)(rng)


@family.planted("softmax-twice", "the output goes through softmax once more before its Jacobian is taken")
def softmax_of_the_output(rng):
    def vjp(z, p, dp):
        q = softmax(p)
        return q * (dp - (dp * q).sum(axis=1, keepdims=True))

    return softmax, vjp, logits(4, 3, spread=2)(rng)


@family.planted("wrong-axis", "the inner product runs over the rows of the batch")
def inner_product_along_axis_0(rng):
    def vjp(z, p, dp):
        return p * (dp - np.sum(p * dp, axis=0))

    return softmax, vjp, logits(4, 3)(rng)


@family.planted("wrong-axis", "columns of classes, the inner product along axis 1", context={"layout": "columns"})
def inner_product_along_axis_1_of_columns(rng):
    def vjp(z, p, dp):
        return (dp - np.einsum("ij,ij->i", p, dp)[:, np.newaxis]) * p

    return lambda z: softmax(z, axis=0), vjp, logits(3, 5)(rng)


@family.planted("inner-product-over-batch", "np.sum without an axis: one number for the whole batch")
def inner_product_over_everything(rng):
    def vjp(z, p, dp):
        return p * (dp - np.sum(p * dp))

    return softmax, vjp, logits(4, 3)(rng)


@family.planted("output-factor-missing", "the factor p in front is forgotten")
def factor_p_missing(rng):
    def vjp(z, p, dp):
        return dp - np.sum(dp * p, axis=-1, keepdims=True)

    return softmax, vjp, logits(2, 3, 4)(rng)


@family.planted("identity-jacobian", "softmax is skipped on the way back")
def upstream_passed_on(rng):
    def vjp(z, p, dp):
        return dp.copy()

    return softmax, vjp, logits(6, 10)(rng)


@family.planted("first-row-jacobian", "one Jacobian, of row 0, is applied to the whole batch")
def jacobian_of_row_0_for_all(rng):
    def vjp(z, p, dp):
        jacobian = np.diag(p[0]) - np.outer(p[0], p[0])
        return dp @ jacobian

    return softmax, vjp, logits(5, 4)(rng)


@family.planted("log-softmax-formula", "the backward belongs to log-softmax")
def backward_of_log_softmax(rng):
    def vjp(z, p, dp):
        return dp - p * dp.sum(axis=1, keepdims=True)

    return softmax, vjp, logits(4, 3)(rng)


@family.planted("diagonal-only", "p - p^2 alone", pair=("diagonal-only", "upstream-ignored"))
def diagonal_without_upstream(rng):
    def vjp(z, p, dp):
        return p - p * p

    return softmax, vjp, logits(4, 3)(rng)


@family.planted("diagonal-only", "x (1 - x) of the logits", pair=("diagonal-only", "derivative-at-input"))
def diagonal_at_the_logits(rng):
    def vjp(z, p, dp):
        return z * (1 - z) * dp

    return softmax, vjp, logits(4, 5)(rng)


@family.planted(UNNAMED, "the Jacobians of all rows are added up before they are applied")
def jacobians_added_over_the_batch(rng):
    def vjp(z, p, dp):
        jacobian = sum(np.diag(q) - np.outer(q, q) for q in p)
        return dp @ jacobian

    return softmax, vjp, logits(4, 3)(rng)


@family.planted(UNNAMED, "the first two rows change places")
def rows_permuted(rng):
    def vjp(z, p, dp):
        grad = p * (dp - (p * dp).sum(axis=1, keepdims=True))
        grad[[0, 1]] = grad[[1, 0]]
        return grad

    return softmax, vjp, logits(5, 4)(rng)
