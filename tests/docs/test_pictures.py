"""The pictures of an explanation and of a report in the pages show what they say now."""

import re
import runpy
from pathlib import Path

import pytest

from conftest import load, program

DOCS = Path(__file__).parents[2] / "docs"


PICTURES = {  # the program: words in its pictures
    "explanation_picture.py": "Only the diagonal of the Jacobian is used",
    "report_page_picture.py": "The gradient of z minus the right one",
}


@pytest.mark.browser
@pytest.mark.parametrize("program_name", PICTURES)
def test_the_pictures_can_be_drawn_again(program_name, tmp_path):
    """The test compares words: how they look depends on the fonts of the machine, and numbers on its last digits."""
    load("selenium"), program("chromium"), program("chromedriver")
    pictures = runpy.run_path(str(DOCS / program_name))
    light, dark = pictures["draw"](tmp_path)
    assert brightness(light) > 200 > 80 > brightness(dark)
    for drawn in (light, dark):
        assert words_in(drawn) == words_in(DOCS / "images" / drawn.name), f"run python docs/{program_name}"
        assert PICTURES[program_name] in words_in(drawn)


def words_in(path):
    return " ".join(re.sub(r"[-\N{MINUS SIGN}\d.]+", "0", load("PIL.Image").open(path).text["Description"]).split())


def brightness(path):
    """The mean of the pixels, from 0 to 255."""
    return load("PIL.ImageStat").Stat(load("PIL.Image").open(path).convert("L")).mean[0]
