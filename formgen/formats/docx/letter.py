"""A short letter as a Word document: a title, paragraphs, and a numbered list."""

from __future__ import annotations

import io
from collections.abc import Iterable
from functools import lru_cache

from docx import Document
from docx.document import Document as DocxDocument

from formgen.formats.docx.build import head, lean, page, styles
from formgen.formats.docx.package import Package, deflated, pack


def letter(
    organiser: str,
    title: str,
    paragraphs: Iterable[str],
    items: Iterable[tuple[str, str]],
    locale: str,
    alternative: str,
) -> bytes:
    """Return the letter, the same bytes for the same words; each item is a bold part and a sentence."""
    document = Document(io.BytesIO(paper(organiser, locale, alternative)))
    document.add_paragraph(title, style="Title")
    for text in paragraphs:
        document.add_paragraph(text)
    for number, (bold, text) in enumerate(items, start=1):
        line = document.add_paragraph(f"{number}. ")
        if bold:
            line.add_run(f"{bold}: ").bold = True
        line.add_run(text)
    document.core_properties.title, document.core_properties.author = title, organiser
    package = Package(saved(document))
    return pack(deflated(name, package.read(name)) for name in package.names)


@lru_cache(maxsize=8)
def paper(organiser: str, locale: str, alternative: str) -> bytes:
    """Return the letter on which nothing is written yet; to set its styles takes longer than to write it."""
    document = Document()
    lean(document)
    page(document)
    styles(document, locale)
    head(document, organiser, alternative)
    document.core_properties.language = locale
    return saved(document)


def saved(document: DocxDocument) -> bytes:
    """Return the document as python-docx saves it."""
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()
