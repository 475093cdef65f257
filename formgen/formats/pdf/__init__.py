"""PDF forms: laid out and made fillable here, filled in whatever viewer people have."""

from __future__ import annotations

import lazy_loader

ENDINGS = (".pdf",)
MEDIA_TYPE = "application/pdf"

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "draw": ["render"],
        "fill": ["fill_document"],
        "layout": ["Layout", "get_layout", "load_layout"],
        "read": ["read", "prepare_reader"],
        "seal": ["names_of"],
    },
)


def can_read(data: bytes) -> bool:
    """Tell whether the bytes begin as a PDF does."""
    return data[:1024].lstrip(b"\xef\xbb\xbf\0\t\n\f\r ").startswith(b"%PDF-")
