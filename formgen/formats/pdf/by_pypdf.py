"""The tree of form fields as pypdf finds it: the reader that is asked when PDFium cannot read a file."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterable, Iterator
from typing import Any

import pypdf
from pypdf.errors import LimitReachedError
from pypdf.generic import ArrayObject, ByteStringObject, DictionaryObject, NameObject, StreamObject, TextStringObject

from formgen.errors import Reason, Unreadable
from formgen.formats.pdf.tree import SIGNED, Fields, collect_fields

logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # its warnings quote what stands in the file


class PypdfLibrary:
    """The tree as pypdf finds it."""

    def __init__(self, data: bytes) -> None:
        """Open the file."""
        self.reader = pypdf.PdfReader(io.BytesIO(data))

    def list_root_fields(self) -> Iterable[Any]:
        """Return the fields at the top of the tree."""
        form = self.get_entry(self.reader.root_object, "/AcroForm")
        return self.iter_nodes(self.get_entry(form, "/Fields")) if isinstance(form, DictionaryObject) else ()

    def get_entry(self, node: Any, key: str) -> Any:
        """Return an entry of a node, or None."""
        found = node.get(key)
        return found if found is None else found.get_object()

    def iter_nodes(self, found: Any) -> Iterator[Any]:
        """Yield the dictionaries in an array."""
        if isinstance(found, ArrayObject):
            yield from (node for item in found if isinstance(node := item.get_object(), DictionaryObject))

    def get_key(self, node: Any) -> Any:
        """Return the number of an indirect node."""
        reference = node.indirect_reference
        return (reference.idnum, reference.generation) if reference is not None else None

    def is_name(self, value: Any) -> bool:
        """Tell whether a value is a name."""
        return isinstance(value, NameObject)

    def is_string(self, value: Any) -> bool:
        """Tell whether a value is a string."""
        return isinstance(value, TextStringObject | ByteStringObject)

    def get_text(self, value: Any) -> str:
        """Return a value as text."""
        if isinstance(value, TextStringObject):
            return str(value)
        if isinstance(value, ArrayObject) and len(value) == 1:
            value = value[0].get_object()
        if isinstance(value, StreamObject):
            value = pypdf.generic.create_string_object(value.get_data())
        if isinstance(value, DictionaryObject):
            return SIGNED
        if isinstance(value, NameObject):
            return str(value).removeprefix("/")
        if isinstance(value, ByteStringObject):
            return value.decode("latin-1")
        return str(value) if isinstance(value, TextStringObject) else ""


def read_fields_with_pypdf(data: bytes) -> Fields | None:
    """Return the fields as pypdf finds them, None when it cannot read the file; raise `Unreadable` for a bomb."""
    try:
        return collect_fields(PypdfLibrary(data))
    except LimitReachedError as error:
        raise Unreadable(Reason.UNSAFE) from error
    except (Unreadable, MemoryError):
        raise
    except Exception:  # noqa: BLE001 - a second opinion that cannot be had is a doubt, not a failure
        return None
