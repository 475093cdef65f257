"""The tree of form fields in a file, walked by whichever library can be asked of the objects in it."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Protocol

import pikepdf

from formgen.errors import Reason, Unreadable

FIELDS, DEPTH = 10_000, 12
SIGNED = "\0signed"  # no text that anybody can type
TYPED = ("Tx", "Ch")

logging.getLogger("pikepdf").setLevel(logging.CRITICAL)  # its warnings quote what stands in the file


@dataclass(frozen=True, slots=True)
class FieldContent:
    """What one field holds: its kind (``Tx``, ``Btn``, ``Ch``, ``Sig``), its value as text, the states it shows.

    The value of a signature field that is signed is ``SIGNED``, and of a field for text that holds none.
    """

    kind: str
    value: str
    shown: frozenset[str] = frozenset()


Fields = Mapping[str, tuple[FieldContent, ...]]


class Library(Protocol):
    """How one library is asked of the objects of a file."""

    def list_root_fields(self) -> Iterable[Any]:
        """Return the fields at the top of the tree."""

    def get_entry(self, node: Any, key: str) -> Any:
        """Return an entry of a node, followed to what it stands for, or None."""

    def iter_nodes(self, found: Any) -> Iterable[Any]:
        """Return the nodes in an array, nothing for anything else."""

    def get_key(self, node: Any) -> Any:
        """Return the identity of an indirect node, None for a direct one."""

    def is_name(self, value: Any) -> bool:
        """Tell whether a value is a name: the state of a button, never what somebody has typed."""

    def is_string(self, value: Any) -> bool:
        """Tell whether a value is a string."""

    def get_text(self, value: Any) -> str:
        """Return a value as text: a string, a name without its slash, the only item of an array."""


def collect_fields(library: Library) -> Fields:
    """Return the fields by their full names; raise `Unreadable` for a tree that no program would make.

    A field that comes twice under one name is there twice.
    """
    found: dict[str, list[FieldContent]] = {}
    seen: set[Any] = set()
    waiting = [(node, "", "", "", 0) for node in islice(library.list_root_fields(), FIELDS + 1)]
    count = 0
    while waiting:
        node, prefix, kind, value, depth = waiting.pop()
        count += 1
        key = library.get_key(node)
        if count > FIELDS or depth > DEPTH or key in seen:
            raise Unreadable(Reason.UNSAFE)
        seen |= {key} if key is not None else set()
        title = library.get_entry(node, "/T")
        if title is not None and not library.is_string(title):
            raise Unreadable(Reason.UNSAFE)
        name = ".".join(filter(None, (prefix, library.get_text(title))))
        kind = library.get_text(library.get_entry(node, "/FT")) or kind
        held = library.get_entry(node, "/V")
        if held is not None:
            value = SIGNED if kind in TYPED and library.is_name(held) else library.get_text(held)
        kids = list(library.iter_nodes(library.get_entry(node, "/Kids")))
        named = [kid for kid in kids if library.get_entry(kid, "/T") is not None]
        waiting += [(kid, name, kind, value, depth + 1) for kid in named]
        if not named:
            widgets = (kids or [node]) if kind == "Btn" else ()
            shown = frozenset(library.get_text(library.get_entry(widget, "/AS")) for widget in widgets)
            found.setdefault(name, []).append(FieldContent(kind, value, shown))
    return {name: tuple(held) for name, held in found.items()}


class PikepdfLibrary:
    """The tree as pikepdf, which is qpdf, finds it."""

    def __init__(self, form: Any) -> None:
        """Keep the form's dictionary."""
        self.form = form

    def list_root_fields(self) -> Iterable[Any]:
        """Return the fields at the top of the tree."""
        return self.iter_nodes(self.form.get("/Fields"))

    def get_entry(self, node: Any, key: str) -> Any:
        """Return an entry of a node, or None."""
        return node.get(key)

    def iter_nodes(self, found: Any) -> Iterator[Any]:
        """Yield the dictionaries in an array."""
        if isinstance(found, pikepdf.Array):
            yield from (item for item in found if isinstance(item, pikepdf.Dictionary))

    def get_key(self, node: Any) -> Any:
        """Return the number of an indirect node."""
        return node.objgen if node.is_indirect else None

    def is_name(self, value: Any) -> bool:
        """Tell whether a value is a name."""
        return isinstance(value, pikepdf.Name)

    def is_string(self, value: Any) -> bool:
        """Tell whether a value is a string."""
        return isinstance(value, pikepdf.String)

    def get_text(self, value: Any) -> str:
        """Return a value as text."""
        if isinstance(value, pikepdf.String):  # most of all: asked first
            return str(value)
        if isinstance(value, pikepdf.Array) and len(value) == 1:
            value = value[0]
        if isinstance(value, pikepdf.Stream):
            return str(pikepdf.String(value.read_bytes()))
        if isinstance(value, pikepdf.Name):
            return str(value).removeprefix("/")
        if isinstance(value, pikepdf.Dictionary):
            return SIGNED
        return str(value) if isinstance(value, pikepdf.String) else ""
