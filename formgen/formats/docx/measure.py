"""How much room a text takes in print: near enough to lay a page out before any program has drawn it."""

from __future__ import annotations

import re
from functools import lru_cache

from docx.shared import Length, Pt

from formgen.documents.page_layout import EASY_SCALE
from formgen.formats.font_metrics import load_font_metrics
from formgen.i18n import FORM_LANGUAGES, translate

ARIAL_SCALE = 1.02  # Arial, in which Word documents are set, is at most so much wider than what is measured
EM = 1000  # the width of a sign that is not measured: of a box to tick
BOLD_SCALE = 1.07


@lru_cache(maxsize=4096)
def measure_text(text: str, size: float = 10, bold: bool = False) -> Length:
    """Measure the width of a text in one line; ``size`` is in points.

    >>> measure_text("Nimi") < measure_text("Nimi", bold=True) < measure_text("Henkilötunnus")
    True
    """
    widths = load_font_metrics().widths
    width = sum(widths.get(sign, EM) for sign in text) / EM * size
    return Pt(width * ARIAL_SCALE * (BOLD_SCALE if bold else 1))


def measure_widest_translation(text: str, size: float = 10, bold: bool = False) -> int:
    """Measure the width that a Finnish text needs in one line in any language of forms."""
    return max(
        measure_text(translate(text, language), size * (EASY_SCALE if language.endswith("_selko") else 1), bold)
        for language in FORM_LANGUAGES
    )


def measure_finnish_text(text: str, size: float = 10) -> int:
    """Measure the width that a Finnish text needs in one line, in plain or easy Finnish."""
    return max(measure_text(text, size), measure_text(translate(text, "fi_selko"), size))


def measure_longest_word(text: str, size: float = 10, bold: bool = False) -> int:
    """Measure the width that the longest word of a Finnish text needs in any language of forms."""
    words = {word for language in FORM_LANGUAGES for word in re.split(r"(?<=-)| ", translate(text, language))}
    return max(measure_text(word, size * EASY_SCALE, bold) for word in words)


def count_lines(text: str, width: int, size: float = 10, bold: bool = False) -> int:
    """Count the lines that a text takes in a width.

    >>> count_lines("Mitä sovittiin ja kenen kanssa", measure_text("Mitä sovittiin ja kenen")), count_lines("", 1)
    (2, 0)
    """
    count, left = 0, 0
    for word in text.split():
        wide = measure_text(f"{word} ", size, bold)
        if count == 0 or wide - measure_text(" ", size, bold) > left:
            count, left = count + 1, width
        left -= wide
    return count
