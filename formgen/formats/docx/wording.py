"""What a template prints around its fields, in every language: text that nobody has written into a document."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from formgen.formats.docx.package import TEMPLATE_BYTES, Package, w
from formgen.i18n import list_languages, list_translations, normalise_text, translate

LONGEST = 500  # characters in a tag; in the packaged templates 128
EXPRESSION = re.compile(r"\{\{\s*([^{}\s](?:[^{}]*[^{}\s])?)\s*\}\}")
LABEL = re.compile(rf"_\(\s*([\"'“”‘’])(.{{0,{LONGEST}}}?)\1\s*\)")


def load_printed_lines(file: Path, words: Mapping[str, str]) -> frozenset[str]:
    """Return the lines of a template's file as they are compared; ``words`` are its own besides."""
    return read_printed_lines(file, file.stat().st_mtime_ns, tuple(words.items()))


@lru_cache(maxsize=64)
def read_printed_lines(file: Path, _changed: int, words: tuple[tuple[str, str], ...]) -> frozenset[str]:
    """Return the lines of a file, found once as long as the file stays as it is."""
    return find_printed_lines(Package(file.read_bytes()), dict(words))


def find_printed_lines(package: Package, words: Mapping[str, str]) -> frozenset[str]:
    """Return the lines of a template as they are compared."""
    found = set(words.values())
    for block in package.parse_member(package.main, TEMPLATE_BYTES).iter(w("p")):
        line = "".join(block.itertext(w("t")))
        if "{{" in line:
            found |= {match[2] for match in LABEL.finditer(line)}
            found |= {translate_line(line, words, language) for language in list_languages()}
        found.add(EXPRESSION.sub("", line))
    return frozenset(
        normalise_text(line)
        for text in found
        for whole in list_translations(text)
        for line in whole.split("\n")
        if normalise_text(line)
    )


def translate_line(line: str, words: Mapping[str, str], language: str) -> str:
    """Return a line as it is printed in the language: labels in it, words of the document as they are."""

    def said(match: re.Match[str]) -> str:
        label = LABEL.fullmatch(match[1])
        return translate(label[2], language) if label else words.get(match[1], "")

    return EXPRESSION.sub(said, line)
