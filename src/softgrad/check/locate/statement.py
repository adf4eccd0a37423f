"""The text of a statement, and with another text in one place. Nothing is decided by it."""

from __future__ import annotations

import ast
import linecache
from typing import Any

from softgrad.check.locate.statements import MOST_ROWS, parsed
from softgrad.check.mutate.texts import is_module

LONGEST = 160  # characters of a statement
TIGHT = (ast.Name, ast.Attribute, ast.Subscript, ast.Call, ast.Constant)
WHERE = ("np.where", "numpy.where", "torch.where")
Span = tuple[int, int, int, int]


class Statement:
    """The statement at a line, in its function; both None where there is none.

    Args:
        file: the file.
        number: the line.
    """

    def __init__(self, file: str, number: int) -> None:
        try:
            self.rows = [row.encode() for row in linecache.getlines(file)]
        except Exception:  # a loader of the user's own
            self.rows = []
        tree = parsed(b"".join(self.rows).decode()) if 0 < len(self.rows) <= MOST_ROWS else None
        self.function = _innermost(tree, number, ast.FunctionDef) if tree is not None else None
        kinds = (ast.Assign, ast.AugAssign, ast.Return)
        self.statement = _innermost(self.function, number, kinds) if self.function is not None else None

    def expression(self, span: Span | None) -> ast.AST | None:
        """The part of the statement at a place."""
        if span is None or self.statement is None:
            return None
        return next((one for one in ast.walk(self.statement) if span_of(one) == span), None)

    def text(self, place: ast.AST) -> str:
        """The source of a part of the statement."""
        first, last, begin, end = span_of(place)
        rows = self.rows[first - 1 : last]
        rows[-1] = rows[-1][:end]
        rows[0] = rows[0][begin:]
        return " ".join(b" ".join(rows).decode().split()) if len(rows) > 1 else rows[0].decode()

    def tight(self, place: ast.expr) -> str:
        """The source of an expression, in brackets where it needs them in a product."""
        return self.text(place) if isinstance(place, TIGHT) else f"({self.text(place)})"

    def times(self, place: ast.expr, form: str) -> str:
        """The source of an expression in the place of {e} in a product."""
        is_product = isinstance(place, ast.BinOp) and isinstance(place.op, ast.Mult | ast.Div | ast.MatMult)
        text = self.text(place) if is_product and not form.startswith("-") else self.tight(place)
        if form == "-{e}" and isinstance(place, ast.UnaryOp) and isinstance(place.op, ast.USub):
            return self.text(place.operand)
        return form.replace("{e}", text)

    def spliced(self, place: ast.expr, text: str) -> str:
        """The statement with another text at one place; "" where that makes no statement."""
        statement = self.statement
        assert isinstance(statement, ast.stmt)
        if isinstance(statement, ast.AugAssign) and place is statement.value and text in _negatives(self, place):
            other = {ast.Add: "-=", ast.Sub: "+="}.get(type(statement.op))
            if other is not None:
                return f"{self.text(statement.target)} {other} {self.text(place)}"
        first, last, begin, end = span_of(statement)
        inner = span_of(place)
        if first != last or inner[0] != inner[1] or inner[0] != first:
            if len(ast.unparse(statement)) > LONGEST:
                return ""
            copied = _replaced(statement, place, text)
            return copied if len(copied) <= LONGEST else ""
        row = self.rows[first - 1]
        above = _above(statement, place)
        is_sum = isinstance(above, ast.BinOp) and isinstance(above.op, ast.Add)
        loose = (
            above is statement
            or is_sum
            or not isinstance(above, ast.BinOp | ast.UnaryOp | ast.Attribute | ast.Subscript)
        )
        is_one = isinstance(ast.parse(text, mode="eval").body, TIGHT)
        before, after = row[begin : inner[2]].decode(), row[inner[3] : end].decode()
        bracketed = before.rstrip().endswith("(") and after.lstrip().startswith(")")
        before_it = (ast.Mult, ast.Div, ast.MatMult, ast.Sub)
        is_left = isinstance(above, ast.BinOp) and above.left is place and isinstance(above.op, before_it)
        factored = " + " not in text and " - " not in text
        loose |= "**" in text and not isinstance(above, ast.Attribute | ast.Subscript) and _is_power(text, above)
        whole = text if loose or is_one or bracketed or (is_left and factored) else f"({text})"
        found = before + whole + after
        try:
            ast.parse(found)
        except (SyntaxError, ValueError):
            return ""
        return found if len(found) <= LONGEST else ""


def added_to(file: str, number: int) -> str:
    """The statement that overwrites what is there already, with += for =; "" where there is none."""
    own = Statement(file, number)
    statement = own.statement
    if not isinstance(statement, ast.Assign) or len(statement.targets) != 1:
        return ""
    target = statement.targets[0]
    if not isinstance(target, ast.Subscript | ast.Name) or not _overwrites(own, target):
        return ""
    text = f"{own.text(target)} += {own.text(statement.value)}"
    return text if len(text) <= LONGEST else ""


def _overwrites(own: Statement, target: ast.Subscript | ast.Name) -> bool:
    """Whether a statement is repeated by a loop, or stands below another that gives its target more than zeros."""
    assert own.function is not None and isinstance(own.statement, ast.stmt)
    number = own.statement.lineno
    earlier = [
        one
        for one in ast.walk(own.function)
        if isinstance(one, ast.Assign | ast.AugAssign) and one.lineno < number and _root(target) in _written(one)
    ]
    loops = [one for one in ast.walk(own.function) if isinstance(one, ast.For | ast.While)]
    if any(one.lineno < number <= (one.end_lineno or 0) for one in loops):
        return bool(earlier) or ast.unparse(target) != _root(target)
    return any(not _is_start(one) for one in earlier)


def _root(place: ast.AST) -> str:
    """The variable that holds a target, or the entry of a dict under a name."""
    while isinstance(place, ast.Subscript) and not _is_name(place.slice):
        place = place.value
    return ast.unparse(place)


def _is_name(index: ast.expr) -> bool:
    return isinstance(index, ast.Constant) and isinstance(index.value, str)


def _written(statement: ast.Assign | ast.AugAssign) -> list[str]:
    """The variables that a statement gives values, or parts of them."""
    targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
    parts = [one.elts if isinstance(one, ast.Tuple) else [one] for one in targets]
    return [_root(one) for group in parts for one in group]


def _is_start(statement: ast.Assign | ast.AugAssign) -> bool:
    """Whether a statement gives a variable zeros, or memory without numbers."""
    value = statement.value
    if not isinstance(statement, ast.Assign) or not isinstance(statement.targets[0], ast.Name):
        return False
    return isinstance(value, ast.Call) and any(word in ast.unparse(value.func) for word in ("zeros", "empty"))


def added_at(file: str, number: int) -> str:
    """The statement that adds to entries of an array, with np.add.at; "" where there is none."""
    own = Statement(file, number)
    statement = own.statement
    functions = {ast.Add: "np.add.at", ast.Sub: "np.subtract.at"}
    if not isinstance(statement, ast.AugAssign) or not isinstance(statement.target, ast.Subscript):
        return ""
    target, function = statement.target, functions.get(type(statement.op))
    if function is None:
        return ""
    index = own.text(target.slice)
    index = f"({index})" if isinstance(target.slice, ast.Tuple) and not index.startswith("(") else index
    if isinstance(target.slice, ast.Slice) or ":" in index:
        return ""
    text = f"{function}({own.text(target.value)}, {index}, {own.text(statement.value)})"
    return text if len(text) <= LONGEST else ""


def _innermost(tree: ast.AST, number: int, kinds: Any) -> Any:
    inside = [
        one
        for one in ast.walk(tree)
        if isinstance(one, kinds) and one.lineno <= number <= (one.end_lineno or one.lineno)
    ]
    return max(inside, key=lambda one: (one.lineno, one.col_offset), default=None)


def span_of(node: ast.AST) -> Span:
    """Where a part of the source begins and ends."""
    return tuple(getattr(node, one, -1) for one in ("lineno", "end_lineno", "col_offset", "end_col_offset"))  # type: ignore[return-value]


def _negatives(statement: Statement, place: ast.expr) -> tuple[str, str]:
    return f"-{statement.text(place)}", f"-({statement.text(place)})"


def _is_power(text: str, above: ast.AST) -> bool:
    tree = ast.parse(text, mode="eval").body
    is_power = isinstance(tree, ast.BinOp) and isinstance(tree.op, ast.Pow)
    return is_power and not (isinstance(above, ast.BinOp) and isinstance(above.op, ast.Pow))


def _above(tree: ast.AST, place: ast.AST) -> ast.AST:
    return next((one for one in ast.walk(tree) if place in ast.iter_child_nodes(one)), tree)


def _replaced(statement: ast.stmt, place: ast.expr, text: str) -> str:
    """A statement of several rows, on one."""

    class Put(ast.NodeTransformer):
        def visit(self, node: ast.AST) -> Any:
            return ast.parse(text, mode="eval").body if span_of(node) == span_of(place) else self.generic_visit(node)

    try:
        return ast.unparse(ast.fix_missing_locations(Put().visit(ast.parse(ast.unparse(statement)).body[0])))
    except (SyntaxError, ValueError):
        return ""


def operand_of(expression: ast.AST, k: int) -> ast.expr | None:
    """The expression of an operand, where its place is plain."""
    if isinstance(expression, ast.BinOp) and k < 2:
        return (expression.left, expression.right)[k]
    if isinstance(expression, ast.AugAssign) and k == 1:
        return expression.value
    if isinstance(expression, ast.UnaryOp) and k == 0:
        return expression.operand
    if isinstance(expression, ast.Call) and ast.unparse(expression.func) in WHERE:
        return expression.args[k + 1] if len(expression.args) == 3 else None
    if isinstance(expression, ast.Call) and isinstance(expression.func, ast.Attribute) and k == 0:
        owner = expression.func.value
        if not is_module(owner):
            return owner
        return expression.args[0] if expression.args and not isinstance(expression.args[0], ast.Starred) else None
    return None
