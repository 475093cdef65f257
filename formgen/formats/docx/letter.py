"""A short letter as a Word document: a title, paragraphs, and a numbered list."""

from __future__ import annotations

import io
from collections.abc import Iterable
from functools import lru_cache

from docx import Document
from docx.document import Document as DocxDocument

from formgen.formats.docx.build import add_header, remove_stock_parts, set_page_layout, set_styles
from formgen.formats.docx.package import Package, deflate_member, pack_members


def render_letter(
    organiser: str,
    title: str,
    paragraphs: Iterable[str],
    items: Iterable[tuple[str, str]],
    locale: str,
    alternative: str,
) -> bytes:
    """Return the letter, the same bytes for the same words; each item is a bold part and a sentence."""
    document = Document(io.BytesIO(build_letterhead(organiser, locale, alternative)))
    document.add_paragraph(title, style="Title")
    for text in paragraphs:
        document.add_paragraph(text)
    for number, (bold, text) in enumerate(items, start=1):
        line = document.add_paragraph(f"{number}. ")
        if bold:
            line.add_run(f"{bold}: ").bold = True
        line.add_run(text)
    document.core_properties.title, document.core_properties.author = title, organiser
    package = Package(save_document(document))
    return pack_members(deflate_member(name, package.read_member(name)) for name in package.names)


@lru_cache(maxsize=8)
def build_letterhead(organiser: str, locale: str, alternative: str) -> bytes:
    """Return the letter on which nothing is written yet; to set its styles takes longer than to write it."""
    document = Document()
    remove_stock_parts(document)
    set_page_layout(document)
    set_styles(document, locale)
    add_header(document, organiser, alternative)
    document.core_properties.language = locale
    return save_document(document)


def save_document(document: DocxDocument) -> bytes:
    """Return the document as python-docx saves it."""
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()
