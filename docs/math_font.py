"""Makes the font of formulas in the pages of `sg.explain`: `python docs/math_font.py STIXMath-Regular.otf`.

The font is the part of STIX Math that formulas use, under another name, as the SIL Open Font License asks. It needs
fonttools and brotli; Debian's package fonts-stix has the file.
"""

import string
import sys
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont

FONT = Path(__file__).parents[1] / "src" / "softgrad" / "explanation" / "render" / "math.woff2"
NAME = "softgrad math"
ITALIC = {0x1D434 + n for n in range(52)} | {0x210E} | {0x1D6FC + n for n in range(25)} | {0x1D715}
ASCENT, DESCENT = 850, 250  # of 1000
SIGNS = "∂δελτΣ∑\N{MINUS SIGN}·\N{MULTIPLICATION SIGN}≈≠≤≥∞…⟨⟩²\N{NO-BREAK SPACE}"


def main(source: str) -> None:
    """Writes the font."""
    font = TTFont(source)
    options = subset.Options(flavor="woff2", layout_features=[], name_IDs=[0, 1, 2, 4, 6, 13], notdef_outline=True)
    subsetter = subset.Subsetter(options)
    letters = string.ascii_letters + string.digits + string.punctuation
    subsetter.populate(unicodes=ITALIC | {ord(letter) for letter in letters + SIGNS})
    subsetter.subset(font)
    for record in font["name"].names:
        if record.nameID in (1, 4, 6):
            record.string = NAME.replace(" ", "-") if record.nameID == 6 else NAME
    # The height of a line. That of STIX Math has room for the largest bracket: letters would cover other lines.
    lines, windows = font["hhea"], font["OS/2"]
    lines.ascent, lines.descent, lines.lineGap = ASCENT, -DESCENT, 0
    windows.sTypoAscender, windows.sTypoDescender, windows.sTypoLineGap = ASCENT, -DESCENT, 0
    windows.usWinAscent, windows.usWinDescent = ASCENT, DESCENT
    if "CFF " in font:
        font["CFF "].cff.fontNames = [NAME.replace(" ", "-")]
        font["CFF "].cff[0].rawDict.update(FullName=NAME, FamilyName=NAME)
    subset.save_font(font, str(FONT), options)


if __name__ == "__main__":
    main(sys.argv[1])
