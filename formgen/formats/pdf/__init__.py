"""PDF forms: laid out and made fillable here, filled in whatever viewer people have."""

from __future__ import annotations

import lazy_loader

ENDINGS = (".pdf",)
MEDIA_TYPE = "application/pdf"

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "draw": ["draw"],
        "fill": ["fill"],
        "layout": ["Layout", "kept", "layout"],
        "read": ["read", "warm"],
        "seal": ["names_of"],
    },
)


def sniff(data: bytes) -> bool:
    """Tell whether the bytes begin as a PDF does."""
    return data[:1024].lstrip(b"\xef\xbb\xbf\0\t\n\f\r ").startswith(b"%PDF-")
