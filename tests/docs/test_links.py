"""Links and pictures in Markdown files lead to files and headings of the repository, where a reader follows them."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    path.relative_to(ROOT).as_posix()
    for path in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *ROOT.glob("[be]*/README.md"))
)
CODE = re.compile(r"^```.*?^```|^ {4}.*?$|`[^`\n]*`", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\]\(([^)\s]+)\)|(?:src|srcset|href)=\"([^\"]+)\"")
ON_THE_SITE = "#softgrad."  # the anchor of a docstring, which test_site.py follows


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    assert broken_links(ROOT / page, (ROOT / page).read_text()) == []


@pytest.mark.parametrize("link", ["[a](no.md)", "[a](#no)", '<img src="no.png">', "[a](README.md#no)"])
def test_a_broken_link_is_found(link):
    assert len(broken_links(ROOT / "README.md", link)) == 1


def broken_links(page, text):
    broken = []
    for target in (link or source for link, source in LINK.findall(CODE.sub("", text))):
        if re.match(r"\w+:", target) or ON_THE_SITE in target:
            continue
        file, _, anchor = target.partition("#")
        path = page.parent / file if file else page
        if not path.exists() or (anchor and path.suffix == ".md" and anchor not in anchors_of(path.read_text())):
            broken.append(target)
    return broken


def anchors_of(text):
    """The anchors that hosts and mkdocs give to headings."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
