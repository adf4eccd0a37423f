"""What operations and arrays are called: by the user's own source where there is one, by line numbers where not."""

from __future__ import annotations

import ast
import linecache
from collections.abc import Mapping

from softgrad.check.trace.node import Node, Site
from softgrad.check.user.arguments import Key

LONGEST = 60  # characters of a text that is quoted


class Texts:
    """Names for the nodes of a graph.

    Args:
        names: of the inputs.
        numbers: that the user names.
    """

    def __init__(self, names: Mapping[Node, str], numbers: Mapping[str, float] = {}) -> None:
        self.names, self.numbers = names, numbers

    def of(self, node: Node) -> str:
        """What a node is called: the expression that computes it."""
        if node in self.names:
            return self.names[node]
        if node.site is None:
            return _number(node)
        if node.op in ("gather", "assemble") and node.static.get("kind") == "reshape":
            return self.of(node.parents[0])
        text = expression(node.site)
        return text or f"the result of {_op(node)} in line {node.site.number}"

    def operand(self, node: Node, k: int) -> str:
        """What the k-th operand of a node is called where it is used."""
        parent = node.parents[k]
        if parent in self.names and node.op != "gather":
            return self.names[parent]
        text = _operand(expression(node.site), k, node.op) if node.site is not None and not node.site.inside else ""
        return text or self.of(parent)

    def quantity(self, node: Node, k: int) -> str:
        """The name of a number that an operation is given: "reg"; "" where it is a literal or has no name."""
        text = _operand(expression(node.site), k, node.op) if node.site is not None else ""
        return text if text and not _is_literal(text) else ""


def _op(node: Node) -> str:
    return "a product" if node.op == "einsum" else node.op


def _number(node: Node) -> str:
    return f"{float(node.value):.6g}" if node.value.size == 1 else f"an array of shape {node.shape}"


def expression(site: Site) -> str:
    """The source of an expression; "" where there is none, or where it is long."""
    if site.span is None:
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
    text = " ".join(b" ".join(lines).decode(errors="replace").split())
    return text if len(text) <= LONGEST else ""


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
    if args and (op == "where" or (isinstance(args[0], ast.Constant) and isinstance(args[0].value, str))):
        args = args[1:]
    if isinstance(call.func, ast.Attribute):
        owner = call.func.value
        module = isinstance(owner, ast.Name) and owner.id in ("np", "numpy", "xp", "special", "scipy")
        inner = (
            isinstance(owner, ast.Attribute) and isinstance(owner.value, ast.Name) and owner.value.id in ("np", "numpy")
        )
        if not (module or inner):
            args = [owner, *args]
    if args and isinstance(args[0], ast.List | ast.Tuple) and k < len(args[0].elts) and len(args) == 1:
        return args[0].elts[k]
    return args[k] if k < len(args) and not isinstance(args[k], ast.Starred) else None


def _is_literal(text: str) -> bool:
    try:
        ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return False
    return True


def named(key: Key, names: Mapping[Key, str]) -> str:
    """The name of an input."""
    return names.get(key, str(key))
