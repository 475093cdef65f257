"""What a template prints around its fields, in every language of forms: text that nobody has written."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from formgen.formats.docx.package import TEMPLATE_BYTES, Package, w
from formgen.i18n import FORM_LANGUAGES, normalise_text, translate

LONGEST = 500  # characters in a tag; in the packaged templates 128
EXPRESSION = re.compile(r"\{\{\s*([^{}\s](?:[^{}]*[^{}\s])?)\s*\}\}")
LABEL = re.compile(rf"_\(\s*([\"'“”‘’])(.{{0,{LONGEST}}}?)\1\s*\)")


def load_printed_lines(file: Path, words: Mapping[str, str]) -> frozenset[str]:
    """Load the lines that a template's file prints, normalised; ``words`` are its own besides."""
    return read_printed_lines(file, file.stat().st_mtime_ns, tuple(words.items()))


@lru_cache(maxsize=64)
def read_printed_lines(file: Path, _changed: int, words: tuple[tuple[str, str], ...]) -> frozenset[str]:
    """Read the printed lines of a file once for as long as it stays unchanged."""
    return find_printed_lines(Package(file.read_bytes()), dict(words))


def find_printed_lines(package: Package, words: Mapping[str, str]) -> frozenset[str]:
    """Find the lines that a template prints in any language, normalised."""
    texts, printed = set(words.values()), set[str]()
    lines = {
        "".join(block.itertext(w("t"))) for block in package.parse_member(package.main, TEMPLATE_BYTES).iter(w("p"))
    }
    for line in lines:
        texts |= {match[2] for match in LABEL.finditer(line)}
        texts.add(EXPRESSION.sub("", line))
    for language in FORM_LANGUAGES:
        printed |= {translate(text, language) for text in texts}
        printed |= {translate_line(line, words, language) for line in lines if EXPRESSION.search(line)}
    said = {normalise_text(line) for text in printed for line in text.split("\n")}
    return frozenset(said - {""})


def translate_line(line: str, words: Mapping[str, str], language: str) -> str:
    """Translate a line as it is printed: the labels in it, while words of the document stay as they are."""

    def said(match: re.Match[str]) -> str:
        label = LABEL.fullmatch(match[1])
        return translate(label[2], language) if label else words.get(match[1], "")

    return EXPRESSION.sub(said, line)
