"""Mistakes in the backward pass of softmax.

With p = softmax(z) and dp the gradient that arrives at p: the Jacobian is J = diag(p) - p pᵀ, and
J dp = p (dp - Σ_k p dp).
"""

from __future__ import annotations

from softgrad.check.catalogue.entry import Entry, WrongLine
from softgrad.formulas.losses import SOFTMAX_IN_LOSS

SOFTMAX = "dz = p * (dp - sum_k(p * dp))"

ENTRIES = (
    Entry(
        "diagonal-only",
        "Only the diagonal of the Jacobian is used",
        "Softmax is not element-wise: each output depends on every z_j, through the sum that exp(z) is divided by. "
        "Here only the derivatives for i = j are used. Those for i != j are missing.",
    ),
    Entry(
        "diagonal-missing",
        "The diagonal of the Jacobian is missing",
        "The Jacobian has the entries p_i (1 - p_i) for i = j and - p_i p_j for i != j. Here only those for i != j "
        "are used.",
    ),
    Entry(
        "diagonal-of-second-part-only",
        "Only the diagonal of - p pᵀ is used",
        "The Jacobian is diag(p) - p pᵀ. Here only its entries - p_i² are used: the part diag(p), and all entries for"
        " i != j, are missing.",
    ),
    Entry(
        "inner-product-missing",
        "The inner product Σ p dp is missing",
        "p * dp is the product with diag(p) alone. The Jacobian is diag(p) - p pᵀ, so the inner product of p and dp "
        "in each row has to be subtracted from dp first. It is what the other classes lose when one gains.",
    ),
    Entry(
        "diagonal-part-missing",
        "Only the part - p pᵀ of the Jacobian is used",
        "The Jacobian is diag(p) - p pᵀ. The first part, which gives p * dp, is missing.",
    ),
    Entry(
        "jacobian-summed",
        "The gradient is 0, as if the rows or columns of the Jacobian were summed",
        "The product J dp of the Jacobian and the upstream gradient is wanted. The sum of each row and of each column"
        " of J = diag(p) - p pᵀ is 0, because the probabilities always sum to 1. So nothing is left if J is summed, "
        "or multiplied by its sums.",
    ),
    Entry(
        "upstream-ignored",
        "The upstream gradient is not used",
        "The upstream gradient is the gradient of the loss at the output, and the chain rule multiplies by it. Here "
        "the result is the same, whatever the upstream gradient is.",
    ),
    Entry(
        "upstream-used-in-part",
        "The upstream gradient is missing in one place",
        "The right line uses the upstream gradient in two places. Here one of them has lost it.",
    ),
    Entry(
        "upstream-first-only",
        "One entry of the upstream gradient stands for all of them",
        "Each output has an upstream gradient of its own. Here one of these numbers is used in the place of the "
        "others. An upstream gradient of ones does not show this.",
    ),
    Entry(
        "upstream-first-row",
        "The upstream gradient of the first row is used for every row",
        "Each row has an upstream gradient of its own. An upstream gradient of ones does not show this.",
    ),
    Entry(
        "upstream-summed",
        "The upstream gradient is summed or averaged before it is used",
        "Each output has its own upstream gradient, which is multiplied by the derivative of that output; the "
        "products are summed afterwards. Here the upstream gradients themselves are summed or averaged first.",
    ),
    Entry(
        "derivative-at-input",
        "The input z stands where the output belongs",
        "The derivative is written in the probabilities p. Here the logits z stand in their place.",
    ),
    Entry(
        "derivative-at-upstream",
        "The upstream gradient stands where the output belongs",
        "The derivative is written in the probabilities p, and multiplied by the upstream gradient. Here the upstream"
        " gradient stands in the place of p. Often the two arguments were passed in the other order.",
    ),
    Entry(
        "assignment-for-sum",
        "One term stands where a sum belongs",
        "The right line is a sum. Here only its first or its last term is kept. A loop with = in the place of += "
        "keeps the last one.",
    ),
    Entry(
        "off-diagonal-sign",
        "The term of the other classes has the wrong sign",
        "When the logit of another class grows, the probability of this one falls, and so does its logarithm. This "
        "term is therefore subtracted. Here it is added.",
    ),
    Entry(
        "softmax-twice",
        "Softmax is applied to what is a probability already",
        "The formula needs the probabilities p. Here softmax is applied once more, to p itself. This happens if the "
        "backward pass takes the output for the logits.",
    ),
    Entry(
        "softmax-of-upstream",
        "Softmax of the upstream gradient stands where the output belongs",
        "The derivative is written in p = softmax(z). Here softmax is taken of the upstream gradient instead. Often "
        "the two arguments were passed in the other order.",
    ),
    Entry(
        "wrong-axis",
        "A sum runs along the wrong axis",
        "The probabilities sum to 1 along one axis, and the sums of the backward pass run along it too. Here "
        "one of these sums, perhaps the one that normalises the probabilities, runs along another axis or along all "
        "of them. It mixes what should stay apart.",
    ),
    Entry(
        "axis-dropped",
        "The sum over the classes is laid along the wrong axis",
        "The sum over the classes is one number for each row, to be used in every column of that row. Without "
        "keepdims=True the axis is dropped, and NumPy lays these numbers along the last axis: the number of row j is "
        "used in column j of every row. With as many rows as classes there is no error.",
    ),
    Entry(
        "inner-product-over-batch",
        "The sum over the classes runs over the whole batch",
        "The sum over the classes is one number for each row. Here it is one number for all rows together, so the "
        "gradient of each row depends on the other rows.",
    ),
    Entry(
        "output-factor-missing",
        "The output as a factor is missing",
        "The derivative is written in the output, which is also a factor in front. Here that factor is missing.",
    ),
    Entry(
        "identity-jacobian",
        "The upstream gradient is passed on unchanged",
        "That is right for the identity. Softmax has the Jacobian diag(p) - p pᵀ, which has to multiply the upstream "
        "gradient.",
    ),
    Entry(
        "first-row-jacobian",
        "The probabilities of one row are used for every row",
        "Each row has probabilities of its own, and therefore a derivative of its own.",
    ),
    Entry(
        "log-softmax-formula",
        "This is the backward pass of log-softmax",
        "dp - p Σ dp belongs to log p. For p itself the backward pass is p (dp - Σ p dp).",
    ),
    Entry(
        "mean-for-sum",
        "A mean stands where a sum belongs",
        "The chain rule sums over everything that a quantity affects; the mean divides that sum by the number of its "
        "terms.",
    ),
    Entry(
        "off-diagonal-index",
        "An index is wrong off the diagonal of the Jacobian: p_i p_i for p_i p_j",
        "The entry (i, j) of the Jacobian is p_i (1 - p_i) for i = j, and -p_i p_j elsewhere. With -p_i p_i instead, "
        "p_j is missing from the sum over j.",
    ),
    Entry(
        "inner-product-without-probabilities",
        "The factor p is missing in the inner product",
        "What is subtracted from dp is Σ p dp, the mean of dp under the probabilities, not the plain sum or mean of "
        "dp.",
    ),
    Entry(
        "upstream-absolute",
        "The sign of the upstream gradient is lost",
        "The absolute value of the upstream gradient is used, but a gradient has a sign.",
    ),
)  # fmt: skip

_WRONG_LINES = (
    WrongLine(SOFTMAX, "p * (1 - p) * dp", "diagonal-only"),
    WrongLine(SOFTMAX, "p * (dp - p * dp)", "diagonal-only"),
    WrongLine(SOFTMAX, "p * (1 - p)", "diagonal-only", "upstream-ignored"),
    WrongLine(SOFTMAX, "-p * p * dp", "diagonal-of-second-part-only"),
    WrongLine(SOFTMAX, "p * (dp - p * sum_k(dp))", "off-diagonal-index"),
    WrongLine(SOFTMAX, "p * dp", "inner-product-missing"),
    WrongLine(SOFTMAX, "p * -sum_k(p * dp)", "diagonal-part-missing"),
    WrongLine(SOFTMAX, "-p * (sum_k(p * dp) - p * dp)", "diagonal-missing"),
    WrongLine(SOFTMAX, "zeros(p)", "jacobian-summed"),
    WrongLine(SOFTMAX, "dp * (p - p * sum_k(p))", "jacobian-summed"),
    WrongLine(SOFTMAX, "ones(p) * sum_k(p * (dp - sum_k(p * dp)))", "jacobian-summed"),
    WrongLine(SOFTMAX, "p - sum_k(p * p)", "upstream-ignored"),
    WrongLine(SOFTMAX, "p * (p - sum_k(p * p))", "upstream-ignored"),
    WrongLine(SOFTMAX, "p", "upstream-ignored"),
    WrongLine(SOFTMAX, "p * (1 - p) * first(dp)", "diagonal-only", "upstream-first-only"),
    WrongLine(SOFTMAX, "p * (1 - p) * sum_k(dp)", "diagonal-only", "upstream-summed"),
    WrongLine(SOFTMAX, "p * (1 - p) * sum_all(dp)", "diagonal-only", "upstream-summed"),
    WrongLine(SOFTMAX, "first_m(p) * (dp - sum_k(first_m(p) * dp))", "first-row-jacobian"),
    WrongLine(SOFTMAX, "last_m(p) * (dp - sum_k(last_m(p) * dp))", "first-row-jacobian"),
    WrongLine(SOFTMAX, "z * (1 - z) * dp", "derivative-at-input", "diagonal-only"),
    WrongLine(SOFTMAX, "z * (1 - z)", "derivative-at-input", "upstream-ignored"),
    WrongLine(SOFTMAX, "z * (dp - sum_k(z * dp))", "derivative-at-input"),
    WrongLine(SOFTMAX, "dp * (1 - dp) * p", "derivative-at-upstream", "diagonal-only"),
    WrongLine(SOFTMAX, "dp * (1 - dp)", "derivative-at-upstream", "diagonal-only"),
    WrongLine(SOFTMAX, "dp * (p - sum_k(dp * p))", "derivative-at-upstream"),
    WrongLine(SOFTMAX, "dp * (dp - sum_k(dp * dp))", "derivative-at-upstream"),
    WrongLine(SOFTMAX, "dp * (p - sum_k(p * p))", "derivative-at-upstream"),
    WrongLine(SOFTMAX, "softmax(dp) * (p - sum_k(softmax(dp) * p))", "softmax-of-upstream"),
    WrongLine(SOFTMAX, "softmax(dp) * (dp - sum_k(softmax(dp) * dp))", "softmax-of-upstream"),
    WrongLine(SOFTMAX, "p * (last_one(p) - last_k(p)) * last_k(dp)", "assignment-for-sum"),
    WrongLine(SOFTMAX, "p * (first_one(p) - first_k(p)) * first_k(dp)", "assignment-for-sum"),
    WrongLine(SOFTMAX, "p * (dp + sum_k(p * dp))", "off-diagonal-sign"),
    WrongLine(SOFTMAX, "p * ((1 - p) * dp + sum_k(p * dp) - p * dp)", "off-diagonal-sign"),
    WrongLine(SOFTMAX, "p * (sum_k(p * dp) - dp)", "sign"),
    WrongLine(SOFTMAX, "softmax(p) * (dp - sum_k(softmax(p) * dp))", "softmax-twice"),
    WrongLine(SOFTMAX, "softmax(p) * (1 - softmax(p)) * dp", "softmax-twice", "diagonal-only"),
    WrongLine(SOFTMAX, "softmax_m(z) * (dp - sum_m(softmax_m(z) * dp))", "wrong-axis"),
    WrongLine(SOFTMAX, "softmax_all(z) * (dp - sum_all(softmax_all(z) * dp))", "wrong-axis"),
    WrongLine(SOFTMAX, "p * (dp - sum_m(p * dp))", "wrong-axis"),
    WrongLine(SOFTMAX, "softmax_last(z) * (dp - sum_last(softmax_last(z) * dp))", "wrong-axis"),
    WrongLine(SOFTMAX, "p * (dp - sum_before_last(p * dp))", "wrong-axis"),
    WrongLine(SOFTMAX, "p * (dp - per_row(sum_k(p * dp)))", "axis-dropped"),
    WrongLine(SOFTMAX, "p * (dp - sum_all(p * dp))", "inner-product-over-batch"),
    WrongLine(SOFTMAX, "p * (dp - mean_k(p * dp))", "mean-for-sum"),
    WrongLine(SOFTMAX, "p * (dp - mean_m(p * dp))", "wrong-axis", "mean-for-sum"),
    WrongLine(SOFTMAX, "p * (dp - mean_all(p * dp))", "inner-product-over-batch", "mean-for-sum"),
    WrongLine(SOFTMAX, "p * (dp - sum_k(dp))", "inner-product-without-probabilities"),
    WrongLine(SOFTMAX, "p * (dp - mean_k(dp))", "inner-product-without-probabilities"),
    WrongLine(SOFTMAX, "sigmoid(z) * (1 - sigmoid(z)) * dp", "sigmoid-for-softmax"),
    WrongLine(SOFTMAX, "p * (dp - p @ dp.T)", "matrix-product-for-elementwise"),
    WrongLine(SOFTMAX, "p * (dp - p.T @ dp)", "matrix-product-for-elementwise"),
    WrongLine(SOFTMAX, "dp - sum_k(p * dp)", "output-factor-missing"),
    WrongLine(SOFTMAX, "dp", "identity-jacobian"),
    WrongLine(SOFTMAX_IN_LOSS, "dp", "softmax-jacobian-missing"),
    WrongLine(SOFTMAX, "dp - p * sum_k(dp)", "log-softmax-formula"),
    WrongLine(SOFTMAX, "p * (first(dp) - sum_k(p * first(dp)))", "upstream-first-only"),
    WrongLine(SOFTMAX, "p * (first_m(dp) - sum_k(p * first_m(dp)))", "upstream-first-row"),
)

# Behind a loss the upstream gradient is computed, not given: what ignores it or passes it on is another mistake there.
WRONG_LINES = (
    *_WRONG_LINES,
    *(
        wrong._replace(right=SOFTMAX_IN_LOSS)
        for wrong in _WRONG_LINES
        if wrong.right == SOFTMAX and wrong.name not in ("identity-jacobian", "log-softmax-formula", "upstream-ignored")
    ),
)
