r"""What edits of a right line are called. The first row that matches an edit names it.

A line "dz = dz / m" that became "dz = dz" is the edit ("without", part "/ m", replacement ""), and its row is

    EditName("without", r"/ (m|n|sum_w)", "", "mean-missing")
"""

from __future__ import annotations

from collections.abc import Mapping

from softgrad.check.catalogue.entry import EditName

UPSTREAM = "dp|da|dy|g"  # a gradient that arrives from above
MEAN = r"d[zp] / (m\b|\(m \* K\))"  # where the function computes a mean over the samples, or over all entries
ANY_MEAN = r"d[zp] / (m\b|n\b|sum_w|\(m)"
OVER_ALL = r"d[zp] / \(m \* K\)"
NO_UPSTREAM = r"^(?!.* = .*\b(dp|da|dy|g)\d*\b)"  # the line has no gradient left that arrives from above
ANY = ".*"

EDIT_NAMES: tuple[EditName, ...] = (
    # the whole line times a constant
    EditName("times", ANY, r"\* -1", "sign"),
    EditName("times", ANY, r"\* 2", "factor-2"),
    EditName("times", ANY, "/ 2", "factor-half"),
    EditName("times", ANY, r"\* m", "mean-missing", program=MEAN),
    EditName("times", ANY, r"\* m", "multiplied-by-samples"),
    EditName("times", ANY, "/ m", "mean-twice", program=MEAN),
    EditName("times", ANY, "/ m", None, program=ANY_MEAN),
    EditName("times", ANY, "/ m", "mean-extra"),
    EditName("times", ANY, r"\* K", "classes-missing", program=OVER_ALL),
    EditName("times", ANY, r"\* K", "multiplied-by-classes"),
    EditName("times", ANY, "/ K", None, program=OVER_ALL),
    EditName("times", ANY, "/ K", "divided-by-size", "divided-by-classes", program=MEAN),
    EditName("times", ANY, "/ K", "divided-by-classes"),
    EditName("times", ANY, r"\* \(m \* K\)", "entries-mean-missing", program=OVER_ALL),
    EditName("times", ANY, r"\* \(m \* K\)", "mean-missing", "multiplied-by-classes", program=MEAN),
    EditName("times", ANY, r"\* \(m \* K\)", "multiplied-by-samples", "multiplied-by-classes"),
    EditName("times", ANY, r"/ \(m \* K\)", None, program=OVER_ALL),
    EditName("times", ANY, r"/ \(m \* K\)", "divided-by-size"),
    EditName("times", ANY, r"\* T", "temperature-missing"),
    EditName("times", ANY, "/ T", "temperature-twice"),
    EditName("times", ANY, r"[*/] log\(\d+\)", "log-base"),
    # a factor or a term left out, or applied twice, or inverted
    EditName("without", "/ m", ANY, "mean-missing"),
    EditName("without", "/ n", ANY, "counted-mean-missing"),
    EditName("without", "/ sum_w", ANY, "weighted-mean-missing"),
    EditName("without", r"/ \(m \* K\)", ANY, "entries-mean-missing"),
    EditName("without", "/ T", ANY, "temperature-missing"),
    EditName("without", "/ keep", ANY, "dropout-scale-missing"),
    EditName("without", r"/ log\(\d+\)", ANY, "log-base"),
    EditName("sign", "dz", ANY, "sign"),
    EditName("without", r"\*\* 2", ANY, "activation-not-squared"),
    EditName("without", r"\* (rows\(g\)|g|dp|da|dy)", ANY, "upstream-ignored", result=NO_UPSTREAM),
    EditName("without", r"\* (dp|da|dy)", ANY, "upstream-used-in-part"),
    EditName("twice", "/ (m|n)", ANY, "mean-twice"),
    EditName("twice", "/ T", ANY, "temperature-twice"),
    EditName("twice", "/ keep", ANY, "dropout-scale-twice"),
    EditName("inverted", "/ m", ANY, "mean-inverted"),
    EditName("inverted", "/ T", ANY, "temperature-inverted"),
    EditName("inverted", "/ keep", ANY, "dropout-scale-inverted"),
    # another kind of product
    EditName("product", ANY, r"\*", "elementwise-for-matrix-product"),
    EditName("product", ANY, "@", "matrix-product-for-elementwise"),
    # a transpose
    EditName("transposed", r"W\.T", ANY, "weight-not-transposed"),
    EditName("transposed", ANY, ANY, "weight-gradient-transposed", target="dW"),
    # another sum, or none
    EditName("reduced", ANY, "mean.*", "mean-for-sum"),
    EditName("reduced", r"sum_m.*|.* @ .*", "(first|last)_m", "last-sample-only"),
    EditName("reduced", "sum_k.*", "(first|last)_k", "assignment-for-sum"),
    EditName("reduced", ANY, "sum_(m|k|last)", "wrong-axis"),
    EditName("reduced", ANY, "sum_all", "inner-product-over-batch"),
    # something else in the place of the gradient that arrives
    EditName("instead", UPSTREAM, "1", "upstream-ignored", result=NO_UPSTREAM),
    EditName("instead", UPSTREAM, "1", "upstream-used-in-part"),
    EditName("instead", UPSTREAM, "first_m.*", "upstream-first-row"),
    EditName("instead", UPSTREAM, "first.*", "upstream-first-only"),
    EditName("instead", UPSTREAM, "(sum|mean).*", "upstream-summed"),
    EditName("instead", UPSTREAM, "abs.*", "upstream-absolute"),
    EditName("instead", UPSTREAM, "da|dz", "upstream-of-wrong-layer"),
    EditName("instead", UPSTREAM, ANY, None),
    EditName("instead", "dz", "da|dz", "upstream-of-wrong-layer", target="dW|db|da|dx"),
    # of the number that a mean divides by
    EditName("instead", "m|n|sum_w", "m_.*", "divided-by-one-length", line="/ (m|n|sum_w)"),
    EditName("instead", "m|n|sum_w", "K", "divided-by-classes", line="/ (m|n|sum_w)"),
    EditName("instead", "m|n|sum_w", r"m \* K", "divided-by-size", line="/ (m|n|sum_w)"),
    EditName("instead", "sum_w", ANY, "class-weight-normalisation", line="/ sum_w"),
    # of the output p of a softmax
    EditName("instead", "p", r"softmax\(z\)", "mask-missing", program="masked"),
    EditName("instead", "p", r"softmax\(z\)", "temperature-missing-in-softmax", program="/ T"),
    EditName("instead", "p", "z", "derivative-at-input"),
    EditName("instead", "p", "dp", "derivative-at-upstream"),
    EditName("instead", "p", r"softmax\(p\)", "softmax-twice"),
    EditName("instead", "p", r"softmax_(m|all|last)\(z\)", "wrong-axis"),
    EditName("instead", "p", r"first_m\(p\)", "first-row-jacobian"),
    EditName("instead", "p", r"exp\(z\)", "exponentials-not-normalised"),
    EditName("instead", "p", r"sigmoid\(z\)", "sigmoid-for-softmax", target="dz"),
    EditName("instead", "p", "logp", "log-output-for-probabilities"),
    # of the target
    EditName("instead", "t|q", "shift.*", "label-off-by-one"),
    EditName("instead", "t|q", "1 -.*", "target-inverted"),
    EditName("without", r"\* sum_k\([tq]\)", ANY, "target-sum-missing"),
    # of the value at which the derivative of an activation is taken
    EditName("instead", "z", "z", "activation-derivative-wrong-layer", target="dz"),
    EditName("instead", "a", "a", "activation-derivative-wrong-layer", target="dz"),
    EditName("instead", "z|a", "da|dz", "activation-derivative-at-upstream", target="dz"),
    EditName(
        "instead",
        "a",
        r"softmax\(z\)",
        "softmax-for-sigmoid",
        line=r"^dz\d* = (a\d* - t|da\d* \* a\d* \* \(1 - a\d*\))$",
    ),
    EditName("instead", "a", "z", "activation-derivative-at-input", target="dz"),
    EditName("instead", "z", "a", "activation-derivative-at-output", target="dz"),
    # of the input of a dense layer
    EditName("instead", "a|x", "z", "activation-for-input", target="dW"),
    EditName("instead", "a|x", ANY, "input-for-activation", target="dW"),
)

# How an edit without a name of its own is described.
TITLES: Mapping[str, str] = {
    "without": "`{part}` is missing",
    "twice": "`{part}` is there twice",
    "inverted": "`{part}` is the wrong way up",
    "sign": "`{part}` has the wrong sign",
    "instead": "`{replacement}` stands where `{part}` belongs",
    "reduced": "`{part}` has become {replacement}",
    "transposed": "`{replacement}` stands where `{part}` belongs",
    "exchanged": "the factors of `{part}` are exchanged",
    "product": "`{replacement}` is the wrong product in `{part}`",
    "times": "`{part}` has `{replacement}` too much",
}
