"""How much room a text takes: the measures of Roboto, in which PDF forms are set.

Roboto (from the package font-roboto) is drawn after Arial, in which Word documents are set: a word is as wide in
either, give or take three hundredths.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import font_roboto
from fontTools.ttLib import TTFont

FOLDER = Path(font_roboto.__file__).parent / "files"
FILE = FOLDER / "Roboto-Regular.ttf"
LETTERS = (range(0x20, 0x250), range(0x1E00, 0x1F00), range(0x2010, 0x2040), range(0x20A0, 0x20C0), (0x292, 0x2122))


class FontMetrics:
    """The measures of the typeface: glyph and width, in thousandths of the type size, of each character."""

    def __init__(self) -> None:
        """Read the file."""
        with TTFont(FILE, lazy=True) as font:
            scale = 1000 / font["head"].unitsPerEm
            kept = {code for letters in LETTERS for code in letters}
            names = {chr(code): glyph for code, glyph in font.getBestCmap().items() if code in kept}
            order, advances = font.getReverseGlyphMap(), font["hmtx"].metrics
            self.glyphs = {letter: order[glyph] for letter, glyph in names.items()}
            self.widths: dict[str, int] = {letter: round(advances[glyph][0] * scale) for letter, glyph in names.items()}
            self.box = [round(getattr(font["head"], edge) * scale) for edge in ("xMin", "yMin", "xMax", "yMax")]
            self.ascent, self.descent = round(font["hhea"].ascent * scale), round(font["hhea"].descent * scale)
            self.height = round(font["OS/2"].sCapHeight * scale)

    def clean_text(self, text: str) -> str:
        """Replace each character that cannot be drawn with a question mark."""
        return "".join(letter if letter in self.glyphs else " " if letter.isspace() else "?" for letter in text)

    def measure_text(self, text: str, size: float) -> float:
        """Measure the width of a cleaned text at a type size, both in points."""
        widths = self.widths
        return sum([widths[letter] for letter in text]) * size / 1000


@cache
def load_font_metrics() -> FontMetrics:
    """Load the measures, once."""
    return FontMetrics()
