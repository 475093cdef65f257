"""PDF forms: laid out and made fillable here, filled in whatever viewer people have."""

from __future__ import annotations

from formgen.formats.pdf.draw import draw
from formgen.formats.pdf.fill import fill
from formgen.formats.pdf.layout import Layout, kept, layout

__all__ = ["ENDINGS", "MEDIA_TYPE", "Layout", "draw", "fill", "kept", "layout"]

ENDINGS = (".pdf",)
MEDIA_TYPE = "application/pdf"
