"""Word documents: out from an office's template, back from whatever program has saved them."""

from __future__ import annotations

from formgen.formats.docx.build import build
from formgen.formats.docx.fill import fill
from formgen.formats.docx.notes import noted
from formgen.formats.docx.read import read, warm
from formgen.formats.docx.template import Template, load
from formgen.sheet import Draft, Sheet

__all__ = ["ENDINGS", "MEDIA_TYPE", "Template", "build", "draw", "fill", "load", "read", "sniff", "warm"]

ENDINGS = (".docx",)
MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


def sniff(data: bytes) -> bool:
    """Tell whether the bytes are a ZIP package that holds a Word document."""
    return data.startswith(b"PK\x03\x04") and b"word/" in data


def draw(draft: Draft, sheet: Sheet) -> bytes:
    """Return the document, drawn from the office's template; raise `UsageError` without one."""
    document = load(draft.template(), draft.questions, draft.language).draw(sheet, draft.words)
    return noted(document, draft.notes, draft.words["organiser"]) if draft.notes else document
