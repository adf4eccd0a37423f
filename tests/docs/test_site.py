"""The built site has no warnings and no broken links, loads nothing from other hosts, and lists every public name."""

import importlib.util
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlsplit

import pytest

import softgrad as sg
from conftest import load

ROOT = Path(__file__).parents[2]
MODULES = {"functions": sg, "check": sg.check, "explanation": sg.explanation, "nn": sg.nn, "testing": sg.testing}
MODULES["data"] = sg.data
if importlib.util.find_spec("torch"):
    MODULES["torch"] = sg.torch
LOADED = {"script": "src", "img": "src", "iframe": "src", "link": "href"}  # the attributes that a browser loads at once


class Page(HTMLParser):
    """The links of a page, the resources that it loads, its tags and its anchors."""

    def __init__(self, path):
        super().__init__()
        self.links, self.resources, self.tags, self.anchors = [], [], set(), {""}
        self.feed(path.read_text())

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.tags.add(tag)
        self.anchors.add(attributes.get("id"))
        if tag == "a" and "href" in attributes:
            self.links.append(attributes["href"])
        if LOADED.get(tag) in attributes:
            self.resources.append(attributes[LOADED[tag]])


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    load("mkdocs")
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", folder]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    return {path: Page(path) for path in folder.rglob("*.html")}


def is_internal(address):
    return not urlsplit(address).netloc


def test_no_link_is_broken(site):
    broken = []
    for path, page in site.items():
        if path.name == "404.html":  # it is shown under any address, so its links start at the root of the server
            continue
        for link in filter(is_internal, page.links):
            file, anchor = urldefrag(unquote(link))
            target = (path.parent / file).resolve() if file else path
            if not target.is_file() or (target in site and anchor not in site[target].anchors):
                broken.append(f"{path.name}: {link}")
    assert not broken


def test_nothing_is_loaded_from_other_hosts(site):
    resources = [address for page in site.values() for address in page.resources]
    assert len(resources) > len(site)
    assert all(map(is_internal, resources))


def test_no_text_is_mistaken_for_a_tag(site):
    tags = set.union(*(page.tags for page in site.values()))
    assert [tag for tag in tags if not tag.replace("-", "").isalnum()] == []  # <grad_output, y> is an inner product


@pytest.mark.parametrize("module", MODULES)
def test_every_public_name_is_described(site, module):
    described = {anchor.rpartition(".")[2] for page in site.values() for anchor in page.anchors if anchor}
    public = MODULES[module]
    defined = [name for name, value in vars(public).items() if getattr(value, "__module__", "") == public.__name__]
    names = getattr(public, "__all__", defined)
    assert [name for name in names if not name.startswith("_") and name not in described | MODULES.keys()] == []
