"""What operations and arrays are called: by the user's own source where there is one, by line numbers where not.

A value that is assigned to a variable has the name of the variable. A text is only shown: nothing is decided by it.
"""

from __future__ import annotations

import ast
import linecache
from collections.abc import Collection, Mapping
from functools import lru_cache
from pathlib import Path

from softgrad.check.mutate.inner import written
from softgrad.check.trace.node import Node, Site

OWN = str(Path(__file__).parents[2])  # functions of the checker that stand around the user's
MODULES = ("np", "numpy", "xp", "special", "scipy", "torch", "F", "functional", "nn")
LONGEST = 44  # characters of a text that is quoted
MOST_LINES = 20_000  # of a file that is parsed
CALLED = {
    "multiply": "the product",
    "einsum": "the product",
    "add": "the sum",
    "subtract": "the difference",
    "divide": "the quotient",
    "negative": "the negative",
    "power": "the power",
    "square": "the square",
    "gather": "the view",
    "assemble": "the array put together",
    "expit": "the sigmoid",
    "scatter_add": "the sum by index",
}


class Texts:
    """Names for the nodes of a graph.

    Args:
        names: of the inputs.
        numbers: that the user names.
        inner: values that one call of the user's computes on its way.
    """

    def __init__(
        self, names: Mapping[Node, str], numbers: Mapping[str, float] = {}, inner: Collection[Node] = ()
    ) -> None:
        self.names, self.numbers, self.inner = names, numbers, inner

    def of(self, node: Node) -> str:
        """What a node is called: its variable, or the expression that computes it."""
        if node in self.names:
            return self.names[node]
        if node.site is None:
            is_flat = node.op == "gather" and node.static.get("kind") == "reshape"
            return self.of(node.parents[0]) if is_flat else _number(node)
        if node in self.inner:
            text, generic = (
                written(node, self.of),
                f"{CALLED.get(node.op, 'the ' + node.op)} in line {node.site.number}",
            )
            return text if len(text) <= LONGEST else generic
        if node.site.file.startswith(OWN):
            return "the output"
        if (
            node.op in ("gather", "assemble") and node.site.inside
        ):  # within a function, such as the windows of a convolution
            return self.of(node.parents[0])
        variable = assigned_to(node.site)
        if variable:
            return variable
        if node.op in ("gather", "assemble") and node.static.get("kind") == "reshape":
            return self.of(node.parents[0])
        return expression(node.site) or f"{CALLED.get(node.op, 'the ' + node.op)} in line {node.site.number}"

    def operand(self, node: Node, k: int) -> str:
        """What the k-th operand of a node is called where it is used."""
        parent = node.parents[k]
        if parent in self.names and node.op != "gather":
            return self.names[parent]
        is_own = node.site is not None and not node.site.inside and parent not in self.inner
        text = _operand(_source(node.site), k, node.op) if node.site is not None and is_own else ""
        return text if text and len(text) <= LONGEST else self.of(parent)

    def quantity(self, node: Node, k: int) -> str:
        """The name of a number that an operation is given: "reg"; "" where it is a literal or has no name."""
        if node.site is None or (node.site.inside and isinstance(_parsed(_source(node.site)), ast.Call)):
            return ""  # the arguments of a function are not the operands of what it does inside
        text = _operand(_source(node.site), k, node.op)
        return text if text and len(text) <= LONGEST and not _is_literal(text) else ""

    def index(self, node: Node) -> str:
        """The index of a view, as it is written: "1:, 0"; "" where it is no index."""
        tree = _parsed(_source(node.site)) if node.site is not None else None
        return ast.unparse(tree.slice).strip("()") if isinstance(tree, ast.Subscript) else ""


def _number(node: Node) -> str:
    return f"{float(node.value):.6g}" if node.value.size == 1 else f"an array of shape {node.shape}"


def expression(site: Site) -> str:
    """The source of an expression; "" where there is none, or where it is long."""
    text = _source(site)
    return text if len(text) <= LONGEST else ""


def _source(site: Site) -> str:
    """The source of an expression on one line; "" where there is none."""
    if site.span is None or site.file.startswith(OWN):
        return ""
    first, last, begin, end = site.span
    try:
        rows = linecache.getlines(site.file)
    except Exception:  # a loader of the user's own
        return ""
    if not 1 <= first <= last <= len(rows):
        return ""
    lines = [row.encode() for row in rows[first - 1 : last]]
    lines[-1] = lines[-1][:end]
    lines[0] = lines[0][begin:]
    return " ".join(b" ".join(lines).decode(errors="replace").split())


def is_module(owner: ast.expr) -> bool:
    """Whether what a function is called on is a module, such as np.linalg, and not an array."""
    while isinstance(owner, ast.Attribute):
        owner = owner.value
    return isinstance(owner, ast.Name) and owner.id in MODULES


def assigned_to(site: Site) -> str:
    """The variable that an expression is assigned to; "" where it is a part of a larger one."""
    if site.span is None:
        return ""
    try:
        rows = tuple(linecache.getlines(site.file))
    except Exception:  # a loader of the user's own
        return ""
    if not rows or len(rows) > MOST_LINES:
        return ""
    return _assignments(site.file, rows).get(site.span, "")


@lru_cache(maxsize=16)
def _assignments(file: str, rows: tuple[str, ...]) -> dict[tuple[int, int, int, int], str]:
    """The variables of a file, by the place of what is assigned to them: first line, last line, columns."""
    try:
        tree = ast.parse("".join(rows))
    except (SyntaxError, ValueError, RecursionError):  # a cell of a notebook, or another language
        return {}
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            pairs = [(node.targets[0], node.value)]
            if isinstance(node.targets[0], ast.Tuple) and isinstance(node.value, ast.Tuple):
                pairs = list(zip(node.targets[0].elts, node.value.elts, strict=False))
            for target, value in pairs:
                text = ast.unparse(target)
                if value.end_lineno is not None and value.end_col_offset is not None and len(text) <= LONGEST:
                    found[value.lineno, value.end_lineno, value.col_offset, value.end_col_offset] = text
    return found


def _parsed(text: str) -> ast.AST | None:
    try:
        return ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError):
        pass
    try:
        body = ast.parse(text).body
    except (SyntaxError, ValueError):
        return None
    return body[0] if len(body) == 1 else None


def _operand(text: str, k: int, op: str) -> str:
    tree = _parsed(text) if text else None
    found: ast.AST | None = None
    if isinstance(tree, ast.BinOp):
        found = (tree.left, tree.right)[k] if k < 2 else None
    elif isinstance(tree, ast.AugAssign):
        found = (tree.target, tree.value)[k] if k < 2 else None
    elif isinstance(tree, ast.UnaryOp | ast.Attribute | ast.Subscript):
        found = (tree.operand if isinstance(tree, ast.UnaryOp) else tree.value) if k == 0 else None
    elif isinstance(tree, ast.Call):
        found = _argument(tree, k, op)
    try:
        return ast.unparse(found) if found is not None else ""
    except Exception:  # a form that ast cannot write
        return ""


def _argument(call: ast.Call, k: int, op: str) -> ast.AST | None:
    args = list(call.args)
    if op == "scatter_add" and k == 1:  # np.add.at(d, index, values), d.index_add_(0, index, values)
        return args[-1] if args else None
    if args and (op == "where" or (isinstance(args[0], ast.Constant) and isinstance(args[0].value, str))):
        args = args[1:]
    if isinstance(call.func, ast.Attribute) and not is_module(call.func.value):
        args = [call.func.value, *args]
    if args and isinstance(args[0], ast.List | ast.Tuple) and k < len(args[0].elts) and len(args) == 1:
        return args[0].elts[k]
    return args[k] if k < len(args) and not isinstance(args[k], ast.Starred) else None


def _is_literal(text: str) -> bool:
    try:
        ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return False
    return True
