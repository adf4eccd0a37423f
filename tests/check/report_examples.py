"""Reports as the checker makes them, one of each kind."""

import numpy as np

from softgrad.check import Mistake, Place, Report, SourceLine

STEPS = np.logspace(-12, -1, 30)
V = STEPS**2 + 1e-16 / STEPS  # what a right gradient shows

DIAGONAL = Mistake(
    "softmax-diagonal-only",
    "Only the diagonal of softmax's Jacobian",
    "Every output of softmax depends on every logit, because they share one sum. p * (1 - p) is how p_i changes with "
    "its own z_i; the entries off the diagonal, -p_i p_j, are missing.",
    "dz = p * (dp - sum_k(p * dp))",
    "dz = p * (dp - (p * dp).sum(axis=-1, keepdims=True))",
    "dz equals p * (1 - p) * dp on all 6 draws",
)
SIGMOID = Mistake("sigmoid-derivative", "Sigmoid's derivative in place of softmax's", "...", "", "", "")
OVERWRITES = Mistake(
    "overwrites-grad-output",
    "The backward overwrites grad_output",
    "Whoever called it goes on with other numbers.",
    "",
    "grad_output = grad_output.copy()",
    "grad_output[0, 1] was 0.3 before the call and 0.1 after it",
)
CHECKED = {"method": "complex step, every entry", "checked": {"z": (4, 3)}, "calls": 1068}

RIGHT = Report("check_vjp", True, 3.1e-16, Place("z", (0, 1), 0.25, 0.25), **CHECKED, curves=lambda: {"z": (STEPS, V)})
WRONG = Report(
    "check_vjp",
    False,
    0.43,
    Place("z", (0, 1), 0.2131, -0.0412),
    (DIAGONAL, SIGMOID),
    ("the rows of dz do not sum to 0, as those of softmax must",),
    **CHECKED,
    curves=lambda: {"z": (STEPS, 0.43 + V), "b": (STEPS, V)},
)
UNNAMED = Report("check_grad", False, 0.5, Place("W1", (3, 7), 0.5, 1.0), facts=("got / wanted is 0.5 in every entry",))
OVERWRITTEN = Report("check_vjp", False, 3.1e-16, None, (OVERWRITES,), **CHECKED)
UNCHECKED = Report("check_grad", None, float("nan"), facts=("loss is not repeatable: seed its random numbers",))
LINE = SourceLine(
    "/home/user/rnn.py",
    31,
    "dh = Whh @ da",
    "backward",
    ("da is right: the gradient of Wxh @ x + Whh @ h + bh  (line 14)", "found on 6 of 6 draws"),
    ("    for da in das:", "        dh = Whh @ da  # <- here", "    return dh"),
    30,
)
WITH_A_LINE = Report("check_grad", False, 0.5, Place("W1", (3, 7), 0.5, 1.0), (DIAGONAL,), backward_line=LINE)

ALL = {"right": RIGHT, "wrong": WRONG, "unnamed": UNNAMED, "overwritten": OVERWRITTEN, "unchecked": UNCHECKED}
