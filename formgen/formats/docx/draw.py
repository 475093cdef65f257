"""Draw one document from an office's template."""

from __future__ import annotations

from formgen.documents.extraction import Draft, Sheet
from formgen.formats.docx.notes import noted
from formgen.formats.docx.template import load


def draw(draft: Draft, sheet: Sheet) -> bytes:
    """Return the document; raise `UsageError` without a template."""
    document = load(draft.template(), draft.questions, draft.language).draw(sheet, draft.words)
    return noted(document, draft.notes, draft.words["organiser"]) if draft.notes else document
