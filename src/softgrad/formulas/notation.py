"""How a line is shown: as a formula, or as a line of NumPy that a reader can run."""

from __future__ import annotations

import ast

from softgrad.formulas.language import Layout, split


def as_formula(line: str) -> str:
    """The line in mathematical notation: "dz = p * (dp - Σ_k(p * dp))"."""
    for name, sign in _SIGNS:
        line = line.replace(name, sign)
    return line


_SIGNS = (
    ("sum_k(", "Σ_k("),
    ("sum_m(", "Σ_m("),
    ("sum_all(", "Σ("),
    ("per_row(", "squeeze("),
    (".T", "ᵀ"),
    (" @ ", " "),
    (" ** 2", "²"),
)


def as_numpy(line: str, layout: Layout, *, keepdims: bool = False) -> str:
    """The line as NumPy: every function of the language is written out for this layout.

    Args:
        line: a line.
        layout: which axis holds the classes.
        keepdims: a sum over the rows keeps its axis, for a bias that is a row or a column.
    """
    target, expression = split(line)
    if expression.startswith("summed_by_row("):
        call = ast.parse(expression, mode="eval").body
        assert isinstance(call, ast.Call)
        rows, ids, table = map(ast.unparse, call.args)
        return f"{target} = np.zeros_like({table}); np.add.at({target}, {ids}, {_numpy(rows, layout, keepdims)})"
    return f"{target} = {_numpy(expression, layout, keepdims)}"


def _numpy(expression: str, layout: Layout, keepdims: bool) -> str:
    tree = _Written(layout, keepdims).visit(ast.parse(expression, mode="eval"))
    return ast.unparse(ast.fix_missing_locations(tree))


class _Written(ast.NodeTransformer):
    """Replaces the calls of the language by calls of NumPy."""

    def __init__(self, layout: Layout, keepdims: bool) -> None:
        self._layout = layout
        self._keepdims = keepdims

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """Rewrites one call, its arguments first."""
        self.generic_visit(node)
        name, inside = ast.unparse(node.func), ", ".join(map(ast.unparse, node.args))
        return ast.parse(self._text(name, inside), mode="eval").body

    def _text(self, name: str, inside: str) -> str:
        k, m, ndim = self._layout.class_axis, self._layout.batch_axes, self._layout.ndim
        rows = m[0] if len(m) == 1 else m
        match name:
            case "sum_k" | "mean_k" | "max_k":
                return f"np.{name[:-2]}({inside}, axis={k}, keepdims=True)"
            case "sum_m" | "mean_m":
                keepdims = ", keepdims=True" if self._keepdims else ""
                return f"np.{name[:-2]}({inside}, axis={rows}{keepdims})" if m else inside
            case "sum_all" | "mean_all":
                return f"np.{name[:-4]}({inside})"
            case "rows":
                return f"np.expand_dims({inside}, {k})" if ndim > 1 else inside
            case "pick":
                weight, label = inside.split(", ")
                return f"np.expand_dims({weight}[{label}], {k})" if ndim > 1 else f"{weight}[{label}]"
            case "classes":
                after = ndim - 1 - k % ndim
                return f"{inside}[:{', None' * after}]" if after else inside
            case "one_hot":
                text = f"np.eye(K)[{inside}]"
                if k % ndim != ndim - 1:
                    text = f"np.moveaxis({text}, -1, {k})" if ndim > 2 else f"{text}.T"
                return text
            case "first_k" | "last_k" | "first_m" | "last_m":
                index, axis = 0 if name.startswith("first") else -1, k if name.endswith("k") else rows
                return f"np.take({inside}, [{index}], axis={axis})" if name.endswith("k") or m else inside
            case "shift" | "shift_back":
                return f"np.roll({inside}, {1 if name == 'shift' else -1}, axis={k})"
            case "next_m" if m:
                before = ":, " * m[-1]
                return f"np.concatenate([{inside}[{before}1:], 0 * {inside}[{before}:1]], axis={m[-1]})"
            case "turned":
                return f"np.swapaxes({inside}, -1, -2)"
            case "causal":
                return f"np.tri(*{inside}.shape[-2:])"
            case "lookup":
                table, ids = inside.split(", ")
                return f"{table}[{ids}]"
            case "each":
                return f"{inside.split(', ')[0]}[..., None, :]"
            case "bag_sum":
                return f"np.sum({inside}, axis=-2)"
            case "bag_size":
                return f"{inside}.shape[-1]"
            case "ones" | "zeros":
                return f"np.{name}_like({inside})"
            case "exp" | "log" | "tanh" | "where" | "outer" | "maximum" | "sqrt" | "abs" | "sign":
                return f"np.{name}({inside})"
            case "softmax":
                return f"softmax({inside}, axis={k})"
        return f"{name}({inside})"
