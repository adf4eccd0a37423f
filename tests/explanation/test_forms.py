"""All forms show the same words and numbers. HTML is a page in one file, and LaTeX compiles."""

import re
import subprocess
from html.parser import HTMLParser
from importlib.resources import files
from xml.etree import ElementTree

import numpy as np
import pytest

import softgrad as sg
from conftest import program
from explanation.walk import steps
from softgrad.explanation.document import Document, Part, Step
from softgrad.explanation.explain import Explanation
from softgrad.explanation.formula import Frac, Num, Partial, Squared, Sub, Sum, Transposed, Vec, Words, row
from softgrad.explanation.render.formula_latex import as_latex
from softgrad.explanation.render.formula_mathml import as_mathml
from softgrad.explanation.render.formula_text import as_text
from softgrad.explanation.render.latex import as_latex_document
from softgrad.explanation.render.prose import Code, pieces

rng = np.random.default_rng(3)
EXPLANATIONS = {
    "a vector": sg.explain([2, 1, 0.1], 0),
    "a soft target": sg.explain([2, 1, 0.1], [0.7, 0.2, 0.1], loss="kl_divergence"),
    "rows": sg.explain(rng.normal(size=(4, 3)).round(2), [0, 1, 2, 0], loss="squared_error"),
    "columns": sg.explain(rng.normal(size=(3, 4)).round(2), [0, 1, 2, 0], layout="columns"),
    "soft rows": sg.explain(rng.normal(size=(3, 3)), rng.dirichlet(np.ones(3), 3)),
    "many classes": sg.explain(4 * rng.normal(size=(3, 2000)), [0, 5, 1999]),
    "tiny and large numbers": sg.explain([1e8, 1e8 - 60, 1e8 - 200], 1),
}
each = pytest.mark.parametrize("case", EXPLANATIONS)
VOID = {"meta", "br", "wbr"}


class Text(HTMLParser):
    """The text that a reader sees without hovering, and the tags of a page, each of which must be closed."""

    def __init__(self):
        super().__init__()
        self.open, self.text, self.attributes, self.tags = [], [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, *attribute) for attribute in attrs]
        if tag not in VOID:
            self.open.append((tag, dict(attrs).get("class")))
        self.text.append(" ")

    def handle_endtag(self, tag):
        assert self.open.pop()[0] == tag
        self.text.append(" ")

    def handle_data(self, data):
        tags = [tag for tag, _ in self.open]
        if "style" not in tags and "title" not in tags and (self.open or [("", "")])[-1] != ("span", "sg-hover"):
            self.text.append(data)


def page(html):
    parser = Text()
    parser.feed(html)
    assert parser.open == []
    return parser


def html_text(explanation):
    text = " ".join("".join(page(explanation.to_html()).text).split())
    return re.sub(
        " \N{MULTIPLICATION SIGN} 10 (\N{MINUS SIGN} )?(\\d+)", lambda m: f"e{'-' if m[1] else '+'}{m[2]:0>2}", text
    )


def latex_text(latex):
    latex = re.sub(r" \\times 10\^\{(-?)(\d+)\}", lambda m: f"e{m[1] or '+'}{m[2]:0>2}", latex)
    latex = re.sub(r"\\\\\[0.3em\]|\\hspace\*\{1em\}", "", latex)
    return re.sub(r"\\textasciicircum|\\resizebox\{.*?\}\{!\}", "", latex)


def numbers(text):
    """The numbers of a text in order, without signs; ² counts as a 2."""
    return re.findall(r"\d+(?:\.\d+)?(?:e[+-]\d+)?", re.sub(r"(?<=\d),(?=\d{3}\b)", "", text).replace("²", " 2 "))


@each
def test_every_form_shows_the_numbers_of_the_text(case):
    explanation = EXPLANATIONS[case]
    text = numbers(re.sub(r"^[ =-]*$", "", explanation.to_text(width=10_000), flags=re.M))
    body = explanation.to_latex().partition(r"\begin{document}")[2]
    assert len(text) > 300
    assert without_indices(numbers(html_text(explanation))) == without_indices(text)
    assert without_indices(numbers(latex_text(body))) == without_indices(text)
    assert without_indices(numbers(latex_text(explanation.to_markdown()))) == without_indices(text)


def without_indices(found):
    """The numbers without integers of one or two digits, which may be indices or squares: each form writes its own."""
    return [number for number in found if not (number.isdigit() and len(number) < 3)]


@each
def test_every_form_has_every_sentence(case):
    explanation = EXPLANATIONS[case]
    text = " ".join(explanation.to_text().split())
    html, latex = letters(html_text(explanation)), explanation.to_latex()
    for step in steps(explanation):
        for sentence in (step.title, step.why, *(w.title for w in step.wrong), *(w.line for w in step.wrong)):
            assert sentence in text
            assert letters(sentence) in html
            written = as_latex_document(Document("", ("", sentence), ())).split("\n")[-4]
            assert written in latex or sentence in [w.line for w in step.wrong]


def letters(text):
    """A sentence without what a formula writes in another way."""
    text = text.replace("!=", "≠").replace("Σ", "∑").replace("\N{MINUS SIGN}", "-").replace("*", "·")
    return re.sub(r"[\s_`ᵀT²2]", "", text)


FORMULAS = {
    "a fraction": (Frac(Sub("e", "i"), Sum("j", Sub("e", "j"))), "e_i / Σ_j e_j", r"\frac{e_{i}}{\sum_{j} e_{j}}"),
    "a fraction of sums": (Frac(row("a", "+", "b"), "c"), "(a + b) / c", r"\frac{a+b}{c}"),
    "a derivative": (Partial("L", Sub("p", "i")), "∂L/∂p_i", r"\frac{\partial L}{\partial p_{i}}"),
    "a transpose": (row(Transposed("J"), "v"), "Jᵀ v", r"J^{\mathsf T}v"),
    "a square": (Squared(row("p", "-", "t")), "(p - t)²", "(p-t)^{2}"),
    "factors": (row("negative", "p", "(", "1", "-", "p", ")"), "-p (1 - p)", "-p(1-p)"),
    "a function": (row("t", "log", "p", "+", "exp", "(", "s", ")"), "t log p + exp(s)", r"t\log p+\exp(s)"),
    "a vector": (Vec((Num(-0.5, 0.0), Num(1e-7, 0.0)), 3), "(-0.5, 1e-07, … 3 more)", None),
    "words": (row("x", Words("   if "), "i", "≠", "j"), "x   if i ≠ j", r"x\text{   if }i\ne j"),
}  # fmt: skip


@pytest.mark.parametrize("case", FORMULAS)
def test_a_formula(case):
    formula, text, latex = FORMULAS[case]
    assert as_text(formula) == text
    assert latex in (None, as_latex(formula))
    ElementTree.fromstring(as_mathml(formula))


def test_a_vector_keeps_its_signs():
    vector = Vec((Num(-0.25, 0.0), Num(3e-12, 0.0)), 1234)
    assert as_latex(vector) == r"(-0.25,\ 3 \times 10^{-12},\ \ldots\ \text{1234 more})"
    assert as_mathml(vector).count("\N{MINUS SIGN}") == 2
    assert "1,234" in as_mathml(vector)


DIGITS = {
    "six": (0.1234567891, 0.0, "0.123457"),
    "trailing zeros are dropped": (0.5, 1e-17, "0.5"),
    "exactly 0": (0.0, 0.0, "0"),
    "0 up to the error": (1e-17, 1e-16, "0"),
    "0 to few decimals": (0.001, 0.01, "0.0"),
    "few are certain": (1.23456789e-10, 1e-15, "1.235e-10"),
    "none is certain": (1e-3, 1e-4, "0.00"),
    "large": (-1234567.0, 0.0, "-1.23457e+06"),
}


@pytest.mark.parametrize("case", DIGITS)
def test_only_certain_digits_are_shown(case):
    value, error, shown = DIGITS[case]
    assert Num(value, error).digits == shown


@each
def test_html_is_well_formed_and_needs_nothing_else(case):
    parsed = page(EXPLANATIONS[case].to_html())
    assert parsed.tags.count("html") == 1
    assert not {"script", "link", "img", "iframe", "object"} & set(parsed.tags)
    for _, name, value in parsed.attributes:
        assert name != "src" and not name.startswith("on")
        assert name != "href" or value.startswith("#")
        assert "url(" not in (value or "") and "//" not in (value or "")
    for style in re.findall("<style>(.*?)</style>", EXPLANATIONS[case].to_html(), flags=re.S):
        assert "url(" not in style.replace("url(data:font/woff2;base64,", "")
        assert "@import" not in style and "http" not in style
    for math in re.findall("<math>.*?</math>", EXPLANATIONS[case].to_html(), flags=re.S):
        ElementTree.fromstring(math)


def test_html_shows_the_jacobian_as_a_heat_map_and_bars():
    html = EXPLANATIONS["a vector"].to_html()
    assert html.count('<td tabindex="0"') == 9
    assert "J[0, 1] = -0.659001 · 0.242433 = -0.159764</span>" in html
    assert 'class="sg-bar sg-p" style="width: 65.9%"' in html
    assert 'class="sg-bar sg-t" style="width: 100.0%"' in html
    assert "prefers-color-scheme: dark" in html


@each
def test_every_step_has_an_anchor_and_a_place_in_the_contents(case):
    explanation = EXPLANATIONS[case]
    for html in (explanation.to_html(), explanation._repr_html_()):
        parsed = page(html)
        ids = [value for _, name, value in parsed.attributes if name == "id"]
        links = [value.removeprefix("#") for tag, name, value in parsed.attributes if (tag, name) == ("a", "href")]
        assert len(ids) == len({*ids}) and {*links} <= {*ids}
        assert len(links) == 2 * len(steps(explanation))  # in the contents, and at the heading
    lines = explanation.to_markdown().splitlines()
    headings = [re.sub(r"[^\w -]", "", line[4:].lower()).replace(" ", "-") for line in lines if line.startswith("### ")]
    assert re.findall(r"\]\(#(.*)\)$", explanation.to_markdown(), flags=re.M) == headings


@each
def test_mistakes_are_folded(case):
    html = EXPLANATIONS[case].to_html()
    wrong = [one for step in steps(EXPLANATIONS[case]) for one in step.wrong]
    assert html.count("<details ") == html.count("<summary>") == len(wrong)
    assert " open>" not in html
    assert EXPLANATIONS[case].to_markdown().count("<details>") == len(wrong)


@each
def test_the_answer_comes_first(case):
    explanation = EXPLANATIONS[case]
    for form in (str(explanation), explanation.to_html(), explanation.to_markdown(), explanation.to_latex()):
        assert form.index("softmax") < form.index("Shift by the maximum")
    lines = str(explanation).split("Row")[0] if "rows" in explanation.intro[0] else str(explanation)
    assert "p = softmax(z) = (" in lines[:900]
    assert "sg-signed" in explanation.to_html() and "│" in str(explanation)


def test_the_font_is_small_and_its_licence_stands_beside_it():
    folder = files("softgrad.explanation.render")
    assert len(folder.joinpath("math.woff2").read_bytes()) < 60_000
    assert "SIL OPEN FONT LICENSE" in folder.joinpath("math.LICENSE").read_text()
    explanation = EXPLANATIONS["a vector"]
    assert "font/woff2" in explanation.to_html() and "font/woff2" not in explanation._repr_html_()


PROSE = {  # a sentence, with its formulas in ⟦⟧ and its code in «»
    "With J_ij = p_i (δ_ij - p_j), the δ selects": "With ⟦J_ij = p_i (δ_ij - p_j)⟧, the ⟦δ⟧ selects",
    "at the logits, J = diag(p) - p pᵀ has": "at the logits, ⟦J = diag(p) - p pᵀ⟧ has",
    "The derivative of log p is 1/p. The rest": "The derivative of ⟦log p⟧ is ⟦1/p⟧. The rest",
    "`np.mean` of (m, K), i.e. a one-hot row": "«np.mean» of (⟦m⟧, ⟦K⟧), i.e. a one-hot row",
    "dp is ∂L/∂p, -t / p and i != j": "⟦dp⟧ is ⟦∂L/∂p⟧, ⟦-t/p⟧ and ⟦i ≠ j⟧",
    "There are 2 rows - or 3 - of w[j] and log2(p)": "There are 2 rows - or 3 - of w[⟦j⟧] and log2(⟦p⟧)",
}


@pytest.mark.parametrize("sentence", PROSE)
def test_formulas_and_code_are_found_in_a_sentence(sentence):
    marked = (
        piece if isinstance(piece, str) else f"«{piece.text}»" if isinstance(piece, Code) else f"⟦{as_text(piece)}⟧"
        for piece in pieces(sentence)
    )
    assert "".join(marked) == PROSE[sentence]


def test_a_notebook_shows_the_body_of_the_page():
    explanation = EXPLANATIONS["a vector"]
    assert re.sub("sg-[0-9a-f]{8}-", "", explanation._repr_html_()) in explanation.to_html()
    assert repr(explanation) == "<Explanation Softmax and its gradient, step by step: cross-entropy>"
    assert "<!DOCTYPE" not in explanation._repr_html_()


NASTY = "<b>&amp; 50% of $x_1^2$ {a}\\b #1 ~ | `c` *d*"


def test_special_characters_are_escaped():
    explanation = Explanation(NASTY, (NASTY,), (Part(NASTY, (Step(NASTY, NASTY),)),), 0.0, np.zeros(1))
    assert "<b>" not in explanation.to_html()
    assert letters(NASTY) in letters("".join(page(explanation.to_html()).text))
    assert r"\textless{}$b$\textgreater{}\&amp; 50\% of \$$x_{1}$\textasciicircum{}2\$ \{a\}" in explanation.to_latex()
    assert r"\<$b$\>&amp; 50% of \$$x_{1}$^2\$ {a}\\$b$ \#1 ~ \| `c` \*d\*" in explanation.to_markdown()


@pytest.fixture
def compiles(tmp_path):
    """A function that says whether pdflatex compiles a document."""
    pdflatex = program("pdflatex")

    def compiles(latex):
        (tmp_path / "a.tex").write_text(latex, encoding="utf-8")
        command = [pdflatex, "-interaction=nonstopmode", "-halt-on-error", "a.tex"]
        return subprocess.run(command, cwd=tmp_path, capture_output=True).returncode == 0

    return compiles


def syntax_errors(latex):
    """Errors that the text alone reveals: unbalanced brackets, environments or $, unknown commands and letters."""
    known = set(re.findall(r"\\([A-Za-z]+)", KNOWN))
    plain = re.sub(r"\\[\\{}$%&#_^~]", "", latex)
    found = []
    depth = 0
    for letter in plain:
        depth += (letter == "{") - (letter == "}")
        if depth < 0:
            break
    found += ["brackets"] if depth else []
    found += ["dollars"] if plain.count("$") % 2 else []
    environments = []
    for kind, name in re.findall(r"\\(begin|end)\{(\w+\*?)\}", latex):
        if kind == "begin":
            environments.append(name)
        elif not environments or environments.pop() != name:
            found.append("environments")
    found += ["environments"] if environments else []
    found += [f"\\{name}" for name in set(re.findall(r"\\([A-Za-z]+)", latex)) - known]
    return found + [letter for letter in set(latex) if not letter.isascii()]


KNOWN = r"""
\documentclass \usepackage \setlength \parindent \parskip \raggedright \begin \end \section \subsection \subsubsection
\hspace \displaystyle \frac \partial \sum \mathsf \text \ldots \times \allowbreak \log \exp \max \operatorname \delta
\langle \rangle \ne \cdot \approx \textbf \texttt \footnotesize \resizebox \ifdim \width \linewidth \else \fi \hline
\par \ensuremath \Sigma \lambda \varepsilon \textbackslash \textasciicircum \textasciitilde \textbar
\textless \textgreater
"""


@each
def test_latex_has_no_syntax_errors(case):
    latex = EXPLANATIONS[case].to_latex()
    assert syntax_errors(latex) == []


@pytest.mark.parametrize("case", [*EXPLANATIONS, "special characters"])
def test_latex_compiles(case, compiles):
    explanation = EXPLANATIONS.get(case) or Explanation(NASTY, (NASTY,), (Part(NASTY, (Step(NASTY, NASTY),)),), 0.0, 0)
    assert compiles(explanation.to_latex())


SLIPS = ["}", "$", r"\begin{quote}", r"\frak x", "Σ", r"\end{tabular}"]


def slipped(slip):
    return EXPLANATIONS["a vector"].to_latex().replace("6. The", f"{slip} The")


@pytest.mark.parametrize("slip", SLIPS)
def test_a_syntax_error_is_found(slip):
    assert syntax_errors(slipped(slip)) != []


@pytest.mark.parametrize("slip", [slip for slip in SLIPS if slip != r"\frak x"])
def test_a_syntax_error_does_not_compile(slip, compiles):
    assert not compiles(slipped(slip))


@each
def test_the_lines_of_a_markdown_table_have_equally_many_cells(case):
    for block in re.findall(r"(?:^\|.*\n)+", EXPLANATIONS[case].to_markdown(), flags=re.M):
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}) == 1


def test_prose_is_wrapped_to_the_width():
    text = EXPLANATIONS["a vector"].to_text(width=60)
    prose = [step.why.split()[0] for step in steps(EXPLANATIONS["a vector"])]
    for line in text.splitlines():
        if any(line.startswith(f"   {word} ") for word in prose):
            assert len(line) <= 60
