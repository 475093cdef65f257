"""How much room a text takes in print: near enough to lay a page out before any program has drawn it."""

from __future__ import annotations

import re
from functools import lru_cache

from docx.shared import Length, Pt

from formgen.i18n import FORM_LANGUAGES, translate

# Thousandths of the type size that a sign of Arial is wide; what is not named here is 556.
SIGNS = {
    222: "ijl'|",
    278: " !,./:;\\tfI[]\u00a0",
    333: '()-r“”"',
    500: "cksvxyzJ",
    611: "FTZ",
    667: "ABEKPSVXYÄÅ",
    722: "CDHNRUw",
    778: "GOQÖ",
    833: "mM",
    944: "W",
    1000: "☐☒",
}
WIDTH = {sign: width for width, signs in SIGNS.items() for sign in signs}
BOLD_SCALE = 1.07
EASY_SCALE = 1.12  # documents in easy language are set so much larger


@lru_cache(maxsize=4096)
def measure_text(text: str, size: float = 10, bold: bool = False) -> Length:
    """Return the width of a text in one line.

    >>> measure_text("Nimi") < measure_text("Nimi", bold=True) < measure_text("Henkilötunnus")
    True
    """
    return Pt(sum(WIDTH.get(sign, 556) for sign in text) / 1000 * size * (BOLD_SCALE if bold else 1))


def measure_widest_translation(text: str, size: float = 10, bold: bool = False) -> int:
    """Return the width that a Finnish text needs in one line, whatever the language of the document."""
    return max(
        measure_text(translate(text, language), size * (EASY_SCALE if language.endswith("_selko") else 1), bold)
        for language in FORM_LANGUAGES
    )


def measure_finnish_text(text: str, size: float = 10) -> int:
    """Return the width that a Finnish text needs in one line, in plain or easy words."""
    return max(measure_text(text, size), measure_text(translate(text, "fi_selko"), size))


def measure_longest_word(text: str, size: float = 10, bold: bool = False) -> int:
    """Return the width that the longest word of a Finnish text needs, whatever the language of the document."""
    words = {word for language in FORM_LANGUAGES for word in re.split(r"(?<=-)| ", translate(text, language))}
    return max(measure_text(word, size * EASY_SCALE, bold) for word in words)


def count_lines(text: str, width: int, size: float = 10, bold: bool = False) -> int:
    """Return how many lines a text takes in a width.

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
