"""Lines and explanations of the catalogue, which are NumPy's, in the words of torch.

p * (dp - np.sum(p * dp, axis=-1, keepdims=True))    ->    p * (dp - (p * dp).sum(dim=-1, keepdim=True))
"""

from __future__ import annotations

import ast
import re
from dataclasses import replace

import torch

from softgrad.check.catalogue.autograd import IN_TORCH
from softgrad.check.report.mistake import Mistake
from softgrad.check.report.report import Report

ALONG = {"max": "amax", "min": "amin"}  # with an axis
KEYWORDS = {"axis": "dim", "keepdims": "keepdim"}
CALLED = re.compile(r"\bnp\.(\w+)\(")
OF_A_NUMBER = re.compile(r"\bnp\.(log|sqrt)\((\d+)\)")  # torch's own take tensors alone
ADDED_AT = re.compile(r"\bnp\.add\.at\(([^,]+), ([^,]+), ([^,]+)\)(?= |$)")
OF_NUMPY = re.compile(r"\bnp\.|\baxis=|\bkeepdims=|\.size\b(?!\()|\.astype\(|\.copy\(\)|^softmax\(|[^.\w]softmax\(")


def in_torch(report: Report) -> Report:
    """The report with its lines and its explanations as torch has them."""
    line = report.backward_line
    return replace(
        report,
        language="torch",
        mistakes=tuple(map(_mistake, report.mistakes)),
        facts=tuple(map(of_tensors, report.facts)),
        backward_line=None if line is None else replace(line, notes=tuple(map(of_tensors, line.notes))),
    )


def _mistake(mistake: Mistake) -> Mistake:
    explanation = mistake.explanation
    for numpys, torchs in IN_TORCH.items():
        explanation = explanation.replace(numpys, torchs)
    texts = (mistake.title, explanation, mistake.formula, mistake.evidence)
    title, explanation, formula, evidence = map(of_tensors, texts)
    return Mistake(mistake.name, title, explanation, formula, as_torch(mistake.fix), evidence, mistake.also)


def of_tensors(text: str) -> str:
    """A text that speaks of arrays and functions of NumPy, as one that speaks of tensors and functions of torch."""
    text = ADDED_AT.sub(r"\1.index_put_((\2,), \3, accumulate=True)", text)
    text = OF_A_NUMBER.sub(r"math.\1(\2)", text)
    text = CALLED.sub(lambda called: f"torch.{called[1]}(" if hasattr(torch, called[1]) else called[0], text)
    return re.sub(r"\barray(s?)\b", r"tensor\1", re.sub(r"\b([Aa])n array", r"\1 array", text))


def as_torch(line: str) -> str:
    """A line of NumPy as one of torch; as it is, where it has something that is not known here."""
    code, mark, comment = line.partition("  # ")
    if not OF_NUMPY.search(line):
        return line
    try:
        tree = _Written().visit(ast.parse(code))
    except (SyntaxError, KeyError):
        return line
    written = "; ".join(ast.unparse(one) for one in ast.fix_missing_locations(tree).body)
    said = ", ".join(as_torch(one) for one in re.split(r", (?=\w+ = )", comment)) if mark else ""
    return f"{written}{mark}{said}"


class _Written(ast.NodeTransformer):
    """Replaces the calls of NumPy. KeyError: there is one that is not known."""

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        """x.size, as a number."""
        self.generic_visit(node)
        return _expression(f"{_text(node.value)}.numel()") if node.attr == "size" else node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """Rewrites one call, its arguments first."""
        called = ast.unparse(node.func)
        node.args = [self.visit(one) for one in node.args]
        for one in node.keywords:
            one.value = self.visit(one.value)
            one.arg = KEYWORDS.get(one.arg or "", one.arg)
        if not called.startswith("np."):
            if isinstance(node.func, ast.Attribute):
                node.func.value = self.visit(node.func.value)
                renamed = {"copy": "clone"} | (ALONG if node.keywords else {})
                node.func.attr = renamed.get(node.func.attr, node.func.attr)
            return _expression(f"torch.{ast.unparse(node)}") if called == "softmax" else node
        return _expression(self._numpys(called.removeprefix("np."), node))

    def _numpys(self, name: str, node: ast.Call) -> str:
        args, rest = node.args, [ast.unparse(one) for one in node.keywords]
        first = _text(args[0]) if args and not isinstance(args[0], ast.Starred) else ""
        match name:
            case "sum" | "mean" | "prod" | "max" | "min":
                return f"{first}.{ALONG.get(name, name) if rest else name}({', '.join(rest)})"
            case "expand_dims":
                return f"{first}.unsqueeze({ast.unparse(args[1])})"
            case "swapaxes":
                return f"{first}.mT"
            case "take":
                index = ast.unparse(args[1]).strip("[]")
                return f"{first}.narrow({rest[0].partition('=')[2]}, {index}, 1)"
            case "roll":
                return f"torch.roll({ast.unparse(args[0])}, {ast.unparse(args[1])}, dims={rest[0].partition('=')[2]})"
            case "maximum" if isinstance(args[1], ast.Constant):
                return f"{first}.clamp(min={ast.unparse(args[1])})"
            case "clip":
                return f"{first}.clamp({', '.join(map(ast.unparse, args[1:]))})"
            case "tri":
                return f"torch.ones({', '.join(map(ast.unparse, args)).removeprefix('*')}).tril()"
            case "add.at":
                target, ids, rows = map(ast.unparse, args)
                return f"{target}.index_put_(({ids},), {rows}, accumulate=True)"
        if args and all(isinstance(one, ast.Constant) for one in args):
            return f"math.{name}({', '.join(map(ast.unparse, args))})"
        own = {"concatenate": "cat", "moveaxis": "movedim"}.get(name, name)
        if not hasattr(torch, own):
            raise KeyError(name)
        return f"torch.{own}({', '.join([*map(ast.unparse, args), *rest])})"


def _text(node: ast.expr) -> str:
    """An expression on which a method can be called."""
    text = ast.unparse(node)
    return text if isinstance(node, ast.Name | ast.Call | ast.Attribute | ast.Subscript) else f"({text})"


def _expression(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body
