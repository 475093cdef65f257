"""Word documents: out from an office's template, back from whatever program has saved them."""

from __future__ import annotations

import lazy_loader

ENDINGS = (".docx",)
MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "build": ["build_template"],
        "draw": ["render"],
        "fill": ["fill_document"],
        "letter": ["render_letter"],
        "read": ["read", "prepare_reader"],
        "template": ["Template", "load_template"],
        "wording": ["load_printed_lines"],
    },
)


def can_read(data: bytes) -> bool:
    """Tell whether the bytes are a ZIP package that holds a Word document."""
    return data.startswith(b"PK\x03\x04") and b"word/" in data
