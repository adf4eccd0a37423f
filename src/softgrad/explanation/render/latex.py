"""A document as LaTeX for pdflatex with amsmath, geometry and graphicx."""

from __future__ import annotations

from collections.abc import Iterator

from softgrad.explanation.document import Answer, Compared, Document, Mine, Step, Table, Wrong
from softgrad.explanation.formula import SIGNS as SIGN_OF
from softgrad.explanation.formula import Math, Words
from softgrad.explanation.render.formula_latex import as_latex
from softgrad.explanation.render.prose import written

SIGNS = {  # characters of the prose that TeX allows in math mode only
    "∂": r"\partial", "δ": r"\delta", "Σ": r"\Sigma", "λ": r"\lambda", "ε": r"\varepsilon", "≠": r"\ne",
    "ᵀ": r"^{\mathsf T}", "²": "^2",
}  # fmt: skip
ESCAPED = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "_": r"\_", "%": r"\%", "&": r"\&", "#": r"\#", "$": r"\$",
    "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "|": r"\textbar{}", "<": r"\textless{}",
    ">": r"\textgreater{}", **{sign: rf"\ensuremath{{{math}}}" for sign, math in SIGNS.items()},
}  # fmt: skip
COMMA = SIGN_OF[","].latex
PREAMBLE = r"""\documentclass{article}
\usepackage[utf8]{inputenc}
\usepackage[T1]{fontenc}
\usepackage{amsmath}
\usepackage{graphicx}
\usepackage[margin=2.5cm]{geometry}
\setlength{\parindent}{0pt}
\setlength{\parskip}{0.6em}
\raggedright
\begin{document}
"""


def as_latex_document(document: Document) -> str:
    """The whole document, with its preamble."""
    first, *others = map(_prose, document.intro)
    blocks = [rf"\section*{{{_prose(document.title)}}}", first, *_answer(document.answer, document.mine), *others]
    for part, steps in document.numbered_parts():
        blocks.append(rf"\subsection*{{{_prose(part.title)}}}")
        for number, step in steps:
            blocks += [rf"\subsubsection*{{{number}. {_prose(step.title)}}}", *_step(step)]
    return PREAMBLE + "\n\n".join(blocks) + "\n\n\\end{document}\n"


def _answer(answer: Answer, mine: Mine | None) -> Iterator[str]:
    yield from (rf"\hspace*{{1em}}{_math(line)}" for line in answer.lines)
    yield from map(_table, answer.tables)
    if mine is not None:
        yield rf"\textbf{{{_prose(mine.verdict)}.}}"
        yield from map(_prose, mine.reasons)


def _step(step: Step) -> Iterator[str]:
    if step.why:
        yield _prose(step.why)
    for formula in (*step.formulas, *step.numbers):
        yield rf"\hspace*{{1em}}{_math(formula)}"
    for table in step.tables:
        yield _table(table)
    for compared in step.compared:
        yield _compared(compared)
    for wrong in step.wrong:
        yield _wrong(wrong)


def _table(table: Table) -> str:
    lines = [" & ".join(map(_cell, line)) + r" \\" for line in (table.head, *table.rows)]
    body = "\n".join(
        [rf"\begin{{tabular}}{{{'r' * len(table.head)}}}", lines[0], r"\hline", *lines[1:], r"\end{tabular}"]
    )
    title = rf"\textbf{{{_prose(table.title)}}}\\[0.3em]" + "\n" if table.title else ""
    left_out = rf"\\[0.3em]({_prose(table.left_out)})" if table.left_out else ""
    fitted = rf"\resizebox{{\ifdim\width>\linewidth\linewidth\else\width\fi}}{{!}}{{{body}}}"
    return f"{{\\footnotesize {title}{fitted}{left_out}\\par}}"


def _cell(cell: Math) -> str:
    return _prose(cell.text) if isinstance(cell, Words) else _math(cell)


def _compared(compared: Compared) -> str:
    what, largest = (_math(part) for part in (compared.what, compared.largest))
    given = f"Central differences give {_math(compared.differences)}. " if compared.differences else ""
    return f"{given}{what} differs from central differences by at most {largest}."


def _wrong(wrong: Wrong) -> str:
    return "\n".join(
        [
            r"\begin{quote}",
            rf"\textbf{{Wrong: {_prose(wrong.title)}{' (your gradient)' if wrong.is_readers else ''}.}} "
            + _prose(wrong.explanation),
            "",
            rf"\texttt{{{_escaped(wrong.line)}}}\\",
            rf"gives {_math(wrong.gives)}\\",
            rf"right {_math(wrong.right)}",
            r"\end{quote}",
        ]
    )


def _math(math: Math) -> str:
    """An inline formula, in which TeX may break the line after a comma."""
    latex = as_latex(math).replace(COMMA, rf"{COMMA}\allowbreak ")
    return rf"$\displaystyle {latex}$"


def _prose(text: str) -> str:
    """A sentence with its formulas and its code."""
    return written(
        text, _escaped, lambda code: rf"\texttt{{{_escaped(code)}}}", lambda formula: f"${as_latex(formula)}$"
    )


def _escaped(text: str) -> str:
    return "".join(ESCAPED.get(letter, letter) for letter in text)
