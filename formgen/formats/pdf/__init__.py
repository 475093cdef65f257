"""PDF forms: laid out and made fillable here, filled in whatever viewer people have."""

from __future__ import annotations

from formgen.formats.pdf.draw import draw
from formgen.formats.pdf.fill import fill
from formgen.formats.pdf.layout import Layout, kept, layout
from formgen.formats.pdf.read import read

__all__ = ["ENDINGS", "MEDIA_TYPE", "Layout", "draw", "fill", "kept", "layout", "read", "sniff"]

ENDINGS = (".pdf",)
MEDIA_TYPE = "application/pdf"


def sniff(data: bytes) -> bool:
    """Tell whether the bytes begin as a PDF does."""
    return data[:1024].lstrip(b"\xef\xbb\xbf\0\t\n\f\r ").startswith(b"%PDF-")
