"""Document formats: each turns bytes into a `Sheet` and back, and knows no form.

A format is a module here with ``ENDINGS`` and ``MEDIA_TYPE``. One that comes back has
``can_read(data) -> bool`` and ``read(data, papers) -> Sheet``, one that goes out ``render(request, extraction)
-> bytes`` and ``fill_document(data, answers) -> bytes``, which fills it as a person does.
They are discovered, not registered.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from functools import cache
from typing import Any, Protocol

from formgen.documents.extraction import Extraction, FormSpec
from formgen.errors import Reason, Unreadable
from formgen.formats._refusals import REFUSALS as REFUSALS
from formgen.formats._whole import is_whole as is_whole

FormSpecs = Mapping[tuple[str, str], FormSpec]


class Format(Protocol):
    """What a module in this package offers."""

    ENDINGS: tuple[str, ...]
    MEDIA_TYPE: str

    def can_read(self, data: bytes) -> bool:
        """Tell whether the bytes are of this format."""

    def read(self, data: bytes, papers: FormSpecs) -> Extraction:
        """Return what stands in the document; raise `Unreadable`."""


@cache
def load_formats() -> Mapping[str, Any]:
    """Return the format modules by name."""
    return {
        found.name: importlib.import_module(f"{__name__}.{found.name}")
        for found in pkgutil.iter_modules(__path__)
        if not found.name.startswith("_")
    }


def identify_format(data: bytes) -> tuple[str, Any]:
    """Return name and module of the one format that claims the bytes; raise `Unreadable`."""
    if not data:
        raise Unreadable(Reason.EMPTY_FILE)
    claims = [
        (name, module)
        for name, module in load_formats().items()
        if hasattr(module, "can_read") and module.can_read(data)
    ]
    if len(claims) > 1:
        raise LookupError(f"{', '.join(name for name, _ in claims)} claim the same bytes")
    if not claims:
        raise Unreadable(Reason.UNSUPPORTED_TYPE)
    return claims[0]


def prepare_readers(papers: FormSpecs) -> None:
    """Have every format prepare what it needs to read with the papers, so that a child that is forked has it."""
    for module in load_formats().values():
        if hasattr(module, "prepare_reader"):
            module.prepare_reader(papers.values())


def read_document(data: bytes, papers: FormSpecs) -> Extraction:
    """Return what stands in a document of any format; raise `Unreadable`, whatever goes wrong.

    This is the wall: a reader that fails on foreign bytes must not take anything with it.
    """
    _, module = identify_format(data)
    try:
        sheet: Extraction = module.read(data, papers)
    except Unreadable:
        raise
    except MemoryError as error:
        raise Unreadable(Reason.TOO_LARGE) from error
    except Exception as error:
        raise Unreadable(Reason.UNREADABLE) from error
    return sheet
