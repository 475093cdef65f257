"""Draw one document from an office's template."""

from __future__ import annotations

from formgen.documents.extraction import Extraction, RenderRequest
from formgen.formats.docx.notes import add_notes
from formgen.formats.docx.template import load_template


def render(draft: RenderRequest, extraction: Extraction) -> bytes:
    """Render a document from its template; raise `UsageError` without one."""
    document = load_template(draft.template(), draft.questions, draft.language).render(extraction, draft.words)
    return add_notes(document, draft.notes, draft.words["organiser"]) if draft.notes else document
