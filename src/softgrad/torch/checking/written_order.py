"""The order in which the user wrote the operands of a sum or a product.

Of a number and a tensor, torch has the tensor first, however they are written. The trace has them as they are written,
so that its operands are those of the user's text.
"""

from __future__ import annotations

import ast
import linecache
from types import FrameType
from typing import Any

from torch import Tensor

from softgrad.check.locate.statement import span_of
from softgrad.check.locate.statements import parsed
from softgrad.check.trace.node import Site

SIZES = ("len", "size", "numel", "dim", "item")  # functions and methods that make a number of a tensor
OF_SHAPES = ("shape", "ndim", "dtype")


def is_number_first(site: Site | None, frame: FrameType | None) -> bool:
    """Whether the number stands before the tensor, as in 2 * x.

    Args:
        site: the place of the sum or the product.
        frame: the frame around it.
    """
    if site is None or site.span is None or frame is None:
        return False
    tree = parsed("".join(linecache.getlines(site.file)))
    if tree is None:
        return False
    for node in ast.walk(tree):
        if isinstance(node, ast.BinOp) and span_of(node) == site.span:
            return not _has_tensor(node.left, frame) and _has_tensor(node.right, frame)
    return False


def _has_tensor(tree: ast.expr, frame: FrameType) -> bool:
    """Whether an expression is made of tensors, and not of their lengths alone."""
    if isinstance(tree, ast.Name):
        return isinstance(_value(tree.id, frame), Tensor)
    if isinstance(tree, ast.Attribute):
        if tree.attr in OF_SHAPES:
            return False
        owner = _value(tree.value.id, frame) if isinstance(tree.value, ast.Name) else None
        if owner is not None and not isinstance(owner, Tensor):
            return isinstance(getattr(owner, tree.attr, None), Tensor)
        return _has_tensor(tree.value, frame)
    if isinstance(tree, ast.Call):
        name = tree.func.attr if isinstance(tree.func, ast.Attribute) else ast.unparse(tree.func)
        if name in SIZES:
            return False
        inner = [tree.func, *tree.args] if isinstance(tree.func, ast.Attribute) else tree.args
        return any(_has_tensor(one, frame) for one in inner) or (isinstance(tree.func, ast.Name) and not inner)
    return any(_has_tensor(one, frame) for one in ast.iter_child_nodes(tree) if isinstance(one, ast.expr))


def _value(name: str, frame: FrameType) -> Any:
    return frame.f_locals.get(name, frame.f_globals.get(name))
