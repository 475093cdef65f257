"""Document formats: each turns bytes into an `Extraction` and back, and knows no form (`protocol`)."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from functools import cache

from formgen.documents.extraction import Extraction
from formgen.errors import Reason, Unreadable, UsageError
from formgen.formats._refusals import NOT_MADE
from formgen.formats._refusals import REFUSALS as REFUSALS
from formgen.formats._whole import is_whole as is_whole
from formgen.formats.protocol import Format, FormSpecs, Templates


@cache
def load_formats() -> Mapping[str, Format]:
    """Load the formats by name."""
    found = [
        importlib.import_module(f"{__name__}.{item.name}") for item in pkgutil.iter_modules(__path__) if item.ispkg
    ]
    return {module.FORMAT.name: module.FORMAT for module in found}


@cache
def list_output_formats() -> tuple[str, ...]:
    """List the formats that documents go out in, the preferred one first."""
    ranked = {name: found.rank for name, found in load_formats().items() if found.rank is not None}
    return tuple(sorted(ranked, key=ranked.__getitem__))


def find_output_format(name: str) -> Format:
    """Find a format that documents go out in; raise `UsageError` for any other name."""
    if name not in list_output_formats():
        raise UsageError(NOT_MADE, format=name)
    return load_formats()[name]


def get_preferred_format() -> Format:
    """Get the format that documents go out in when no other is asked for."""
    return load_formats()[list_output_formats()[0]]


def get_archive_format() -> Format:
    """Get the format in which records are archived."""
    return next(found for name in list_output_formats() if (found := load_formats()[name]).is_archivable)


def get_templates() -> Templates:
    """Get the templates of the first format that makes documents from some."""
    return next(found for name in list_output_formats() if (found := load_formats()[name].templates))


def get_ending(made_as: Format) -> str:
    """Get the ending of the documents that a format makes."""
    return next(iter(made_as.media_types))


def find_media_type(reader: str) -> str:
    """Find the media type of a document by what an extraction says has read it: its ending without the dot."""
    return next(
        found.media_types[f".{reader}"] for found in load_formats().values() if f".{reader}" in found.media_types
    )


def identify_format(data: bytes) -> Format:
    """Find the one format that claims the bytes; raise `Unreadable`."""
    if not data:
        raise Unreadable(Reason.EMPTY_FILE)
    claims = [found for found in load_formats().values() if found.can_read(data)]
    if len(claims) > 1:
        raise LookupError(f"{', '.join(found.name for found in claims)} claim the same bytes")
    if not claims:
        raise Unreadable(Reason.UNSUPPORTED_TYPE)
    return claims[0]


def prepare_readers(form_specs: FormSpecs) -> None:
    """Let every format load what reads and index the forms, so that a process forked for one file has it."""
    for found in load_formats().values():
        found.prepare_reader(form_specs.values())


def read_document(data: bytes, form_specs: FormSpecs) -> Extraction:
    """Read a document of any format; raise `Unreadable`, whatever goes wrong.

    A reader that fails on foreign bytes must not take anything with it.
    """
    found = identify_format(data)
    try:
        return found.read(data, form_specs)
    except Unreadable:
        raise
    except MemoryError as error:
        raise Unreadable(Reason.TOO_LARGE) from error
    except Exception as error:
        raise Unreadable(Reason.UNREADABLE) from error
