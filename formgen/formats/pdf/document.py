"""One PDF file, opened within limits: what it holds besides answers, nothing of it run or followed.

A file that would have to be repaired is not read: a save that was cut off leaves the values of
the one before it.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

import pikepdf

from formgen.errors import Unreadable
from formgen.sheet import TOKEN

# Measured on real forms (up to 1 000 fields, 8 000 objects) and hostile files.
OBJECTS = 60_000
PAGES = 60
ITEMS = 20_000
STREAM_BYTES = 32_000_000
TEXT_BYTES = 1_000_000
BROKEN = "Tiedosto on vioittunut tai sen tallennus on jäänyt kesken."
LARGE = "Tiedosto on liian suuri luettavaksi."
LOCKED = "Tiedosto on suojattu salasanalla. Poista salasana ja lähetä uudelleen."

UNSAFE = {
    b"JS": "javascript",
    b"JavaScript": "javascript",
    b"Launch": "launch",
    b"GoToR": "external",
    b"GoToE": "external",
    b"SubmitForm": "submit",
    b"ImportData": "import",
    b"RichMedia": "richmedia",
    b"Rendition": "richmedia",
    b"Movie": "richmedia",
    b"Sound": "richmedia",
    b"3D": "richmedia",
    b"XFA": "xfa",
}
NAMED = re.compile(rb"/(%s|EF)(?![^\s/<>\[\]()])" % b"|".join(UNSAFE))
STRING = re.compile(rb"\((?:[^\\)]|\\.)*\)", re.DOTALL)
FILES = re.compile(rb"/EF (?:<<([^>]*)>>|(\d+) (\d+) R)")
REFERENCE = re.compile(rb"(\d+) (\d+) R")

MARKS = ("/Highlight", "/Underline", "/Squiggly")
QUIET = ("/Widget", "/Link", "/Popup", "/PrinterMark", "/TrapNet")

pikepdf.settings.set_qpdf_limits(
    parser_max_container_size=ITEMS,
    max_stream_filters=8,
    flate_max_memory=STREAM_BYTES,
    png_max_memory=STREAM_BYTES,
    tiff_max_memory=STREAM_BYTES,
    run_length_max_memory=STREAM_BYTES,
    dct_max_memory=STREAM_BYTES,
    doc_max_warnings=100,
)


def whole(data: bytes) -> bool:
    """Tell whether the bytes end as a PDF ends: what comes after its last end mark is a save cut off."""
    return data[-2048:].rstrip(b"\0\t\n\f\r ").endswith(b"%%EOF")


class Document:
    """The objects of one PDF, read on demand."""

    def __init__(self, data: bytes) -> None:
        """Open the file; raise `Unreadable` when it is cut off, damaged, locked or too large."""
        if not whole(data):
            raise Unreadable("unreadable", BROKEN)
        try:
            self.pdf = pikepdf.open(io.BytesIO(data), attempt_recovery=False)
        except pikepdf.PasswordError as error:
            raise Unreadable("encrypted", LOCKED) from error
        except (pikepdf.PdfError, ValueError) as error:
            raise Unreadable("unreadable", BROKEN) from error
        if len(self.pdf.objects) > OBJECTS or len(self.pdf.pages) > PAGES:
            raise Unreadable("too_large", LARGE)

    @property
    def warned(self) -> bool:
        """Tell whether something was not as it should be in what has been read so far."""
        return bool(self.pdf.get_warnings())

    @cached_property
    def form(self) -> Any:
        """Return the dictionary of the interactive form, or an empty one."""
        found = self.pdf.Root.get("/AcroForm")
        return found if isinstance(found, pikepdf.Dictionary) else pikepdf.Dictionary()

    # --- who it is ----------------------------------------------------------------------------

    def texts(self) -> Iterator[tuple[str, str]]:
        """Yield carrier and text of everything outside the fields that may hold a token.

        XMP is searched, never parsed.
        """
        metadata = self.pdf.Root.get("/Metadata")
        if isinstance(metadata, pikepdf.Stream):
            yield "xmp", readable(metadata)
        for value in self.info.values():
            yield "info", value
        for stream in self.files:
            yield "attachment", readable(stream)

    @cached_property
    def info(self) -> Mapping[str, str]:
        """Return the texts of the information dictionary, by key."""
        found = self.pdf.trailer.get("/Info")
        items = found.items() if isinstance(found, pikepdf.Dictionary) else ()
        return {key.lstrip("/"): str(value) for key, value in items if isinstance(value, pikepdf.String)}

    # --- what it carries ----------------------------------------------------------------------

    @cached_property
    def scanned(self) -> tuple[frozenset[str], tuple[Any, ...]]:
        """Return what is unsafe in any object, whether or not anything leads to it, and the embedded files."""
        found, files = set(), []
        for thing in self.pdf.objects:
            body = thing.stream_dict if isinstance(thing, pikepdf.Stream) else thing
            text = body.unparse(resolved=True)
            if not NAMED.search(text):
                continue
            text = STRING.sub(b"()", text)
            found |= {UNSAFE[name] for name in NAMED.findall(text) if name in UNSAFE}
            for match in FILES.finditer(text):
                listed = match[1] or self.pdf.get_object(int(match[2]), int(match[3])).unparse(resolved=True)
                files += [self.pdf.get_object(int(at), int(turn)) for at, turn in REFERENCE.findall(listed)]
        streams = {thing.objgen: thing for thing in files if isinstance(thing, pikepdf.Stream)}
        return frozenset(found), tuple(streams.values())

    @property
    def files(self) -> tuple[Any, ...]:
        """Return the streams of the embedded files."""
        return self.scanned[1]

    def facts(self) -> set[str]:
        """Return what a policy may mind; a file that holds a token of ours is the one that we embed."""
        found = set(self.scanned[0])
        if any(not TOKEN.search(readable(stream)) for stream in self.files):
            found.add("embedded")
        return found

    def strays(self) -> Iterator[str]:
        """Yield what has been written or drawn over the pages: the text of notes, the kind of a drawing."""
        for page in self.pdf.pages:
            for note in page.obj.get("/Annots", ()):
                if not isinstance(note, pikepdf.Dictionary):
                    continue
                kind = str(note.get("/Subtype", ""))
                said = note.get("/Contents")
                text = str(said).strip() if isinstance(said, pikepdf.String) else ""
                if kind not in QUIET and (text or kind not in MARKS):
                    yield text[:200] or kind.lstrip("/")


def readable(stream: Any) -> str:
    """Return the text of a stream, or nothing when it is too long, damaged or no text."""
    try:
        data = stream.read_bytes() if len(stream.read_raw_bytes()) <= TEXT_BYTES else b""
    except pikepdf.PdfError:
        return ""
    if len(data) > TEXT_BYTES:
        return ""
    wide = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    try:
        text = data.decode("utf-16" if wide else "utf-8")
    except UnicodeDecodeError:
        return ""
    return "" if "\0" in text else text
