"""One PDF file, opened within limits: what it holds besides answers, nothing of it run or followed.

A file that would have to be repaired is not read: a save that was cut off leaves the values of
the one before it.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from math import prod
from typing import Any

import pikepdf

from formgen.documents.extraction import TOKEN
from formgen.errors import Reason, Unreadable
from formgen.formats._refusals import CUT_SHORT
from formgen.formats._whole import has_pdf_end

# Measured on real forms (up to 1 000 fields, 8 000 objects) and hostile files.
OBJECTS = 60_000
PAGES = 60
PIXELS = 200_000_000  # of one picture; a page scanned at 1200 dots an inch has 140 million
ITEMS = 20_000
STREAM_BYTES = 32_000_000
TEXT_BYTES = 1_000_000

UNSAFE = {
    "JS": "javascript",
    "JavaScript": "javascript",
    "Launch": "launch",
    "GoToR": "external",
    "GoToE": "external",
    "SubmitForm": "submit",
    "ImportData": "import",
    "RichMedia": "richmedia",
    "Rendition": "richmedia",
    "Movie": "richmedia",
    "Sound": "richmedia",
    "3D": "richmedia",
    "XFA": "xfa",
    "EF": "file",
}


def compile_name_pattern(*names: str) -> re.Pattern[bytes]:
    """Return a pattern that finds any of the names in a file, each letter as itself or by its number."""
    spelled = ("".join(f"(?:{sign}|#(?i:{ord(sign):02x}))" for sign in name) for name in names)
    return re.compile(rf"/({'|'.join(spelled)})(?![^\0\s/<>\[\](){{}}%])".encode())


RISKY, PACKED, FILESPEC = (
    compile_name_pattern(*UNSAFE),
    compile_name_pattern("ObjStm", *(name for name in UNSAFE if name != "EF")),
    compile_name_pattern("EF"),
)
OURS = re.compile(rf'{TOKEN.pattern}|"record_schema": ?"formgen\.record/')
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


class Document:
    """The objects of one PDF, read on demand."""

    def __init__(self, data: bytes) -> None:
        """Open the file; raise `Unreadable` when it is cut off, damaged, locked or too large."""
        if not has_pdf_end(data):
            raise Unreadable(Reason.UNREADABLE, CUT_SHORT)
        self.data = data
        try:
            self.pdf = pikepdf.open(io.BytesIO(data), attempt_recovery=False)
        except pikepdf.PasswordError as error:
            raise Unreadable(Reason.ENCRYPTED) from error
        except (pikepdf.PdfError, ValueError) as error:
            raise Unreadable(Reason.UNREADABLE, CUT_SHORT) from error
        if len(self.pdf.pages) > PAGES:
            raise Unreadable(Reason.TOO_LARGE)

    @property
    def has_warnings(self) -> bool:
        """Tell whether something was not as it should be in what has been read so far."""
        return bool(self.pdf.get_warnings())

    @cached_property
    def form(self) -> Any:
        """Return the dictionary of the interactive form, or an empty one."""
        found = self.pdf.Root.get("/AcroForm")
        return found if isinstance(found, pikepdf.Dictionary) else pikepdf.Dictionary()

    # --- who it is ----------------------------------------------------------------------------

    def iter_texts(self) -> Iterator[tuple[str, str]]:
        """Yield carrier and text of everything outside the fields that may hold a token.

        XMP is searched, never parsed.
        """
        metadata = self.pdf.Root.get("/Metadata")
        if isinstance(metadata, pikepdf.Stream):
            yield "xmp", read_stream_text(metadata)
        for value in self.info.values():
            yield "info", value
        for stream in self.files:
            yield "attachment", read_stream_text(stream)

    @cached_property
    def info(self) -> Mapping[str, str]:
        """Return the texts of the information dictionary, by key."""
        found = self.pdf.trailer.get("/Info")
        items = found.items() if isinstance(found, pikepdf.Dictionary) else ()
        return {key.lstrip("/"): str(value) for key, value in items if isinstance(value, pikepdf.String)}

    # --- what it carries ----------------------------------------------------------------------

    @cached_property
    def scan_result(self) -> tuple[frozenset[str], tuple[Any, ...]]:
        """Find what is unsafe in any object, whether or not anything leads to it, and the embedded files.

        Names stand in the bytes of a file as they are, unless their objects are packed in a stream.
        """
        listed = self.list_file_specifications()
        if not PACKED.search(self.data) and len(FILESPEC.findall(self.data)) == len(listed):
            return frozenset(), tuple(stream for spec in listed for stream in iter_streams(spec.get("/EF")))
        found, files = set(), []
        for number, thing in enumerate(self.pdf.objects):
            if number > OBJECTS:
                raise Unreadable(Reason.TOO_LARGE)
            if not isinstance(thing, pikepdf.Object):  # a number, a truth, or nothing
                continue
            body = thing.stream_dict if isinstance(thing, pikepdf.Stream) else thing
            text = body.unparse(resolved=True)
            if not RISKY.search(text):
                continue
            text = STRING.sub(b"()", text)
            found |= {UNSAFE[name.decode()] for name in RISKY.findall(text)} - {"file"}
            for match in FILES.finditer(text):
                listing = match[1] or self.pdf.get_object(int(match[2]), int(match[3])).unparse(resolved=True)
                files += [self.pdf.get_object(int(at), int(turn)) for at, turn in REFERENCE.findall(listing)]
        return frozenset(found), tuple(iter_streams(files))

    def list_file_specifications(self) -> list[Any]:
        """Return the file specifications that the document lists."""
        names = self.pdf.Root.get("/Names")
        tree = names.get("/EmbeddedFiles") if isinstance(names, pikepdf.Dictionary) else None
        if not isinstance(tree, pikepdf.Dictionary):
            return []
        return [spec for spec in pikepdf.NameTree(tree).values() if isinstance(spec, pikepdf.Dictionary)]

    @property
    def files(self) -> tuple[Any, ...]:
        """Return the streams of the embedded files."""
        return self.scan_result[1]

    def find_facts(self) -> set[str]:
        """Find what a policy may refuse; a text that holds a token or a record is one that we embed."""
        found = set(self.scan_result[0])
        if any(not OURS.search(read_stream_text(stream)) for stream in self.files):
            found.add("embedded")
        return found

    def refuse_large_pictures(self) -> None:
        """Raise `Unreadable` where the file holds a picture that takes too long to draw."""
        for number, thing in enumerate(self.pdf.objects):
            sides = [thing.get(side, 0) for side in ("/Width", "/Height")] if isinstance(thing, pikepdf.Stream) else []
            if number > OBJECTS or (all(isinstance(side, int) for side in sides) and prod(sides) > PIXELS):
                raise Unreadable(Reason.TOO_LARGE)

    def refuse_strange_titles(self) -> None:
        """Raise `Unreadable` where a title of what lies over a page is no text: PDFium may look at it for ever."""
        titles = (note.get("/T") for page in self.pdf.pages for note in iter_annotations(page))
        if any(title is not None and not isinstance(title, pikepdf.String) for title in titles):
            raise Unreadable(Reason.UNSAFE)

    def find_pages_without_fields(self) -> list[int]:
        """Return the numbers of the pages without a field, of which our forms have none."""
        return [
            number
            for number, page in enumerate(self.pdf.pages, start=1)
            if not any(map(is_field, iter_annotations(page)))
        ]

    def find_strays(self) -> Iterator[str]:
        """Find what has been written or drawn over the pages: the text of notes, the kind of a drawing."""
        for page in self.pdf.pages:
            for note in iter_annotations(page):
                kind = str(note.get("/Subtype", ""))
                said = note.get("/Contents")
                text = str(said).strip() if isinstance(said, pikepdf.String) else ""
                if kind not in QUIET and (text or kind not in MARKS):
                    yield text[:200] or kind.lstrip("/")


def iter_annotations(page: Any) -> Iterator[Any]:
    """Yield the annotations of a page: fields, links, notes, drawings."""
    yield from (note for note in page.obj.get("/Annots", ()) if isinstance(note, pikepdf.Dictionary))


def is_field(note: Any) -> bool:
    """Tell whether what lies over a page is a field."""
    return bool(note.get("/Subtype") == "/Widget")


def iter_streams(things: Any) -> Iterator[Any]:
    """Yield each of the streams among the things, or the values of a dictionary, once."""
    items = list(things.values()) if isinstance(things, pikepdf.Dictionary) else list(things or ())
    yield from {thing.objgen: thing for thing in items if isinstance(thing, pikepdf.Stream)}.values()


def read_stream_text(stream: Any) -> str:
    """Return the text of a stream, or nothing when it is too long, damaged or no text."""
    try:
        data = stream.read_bytes() if len(stream.read_raw_bytes()) <= TEXT_BYTES else b""
    except (pikepdf.PdfError, RuntimeError):  # a limit of qpdf is a RuntimeError
        return ""
    if len(data) > TEXT_BYTES:
        return ""
    wide = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    try:
        text = data.decode("utf-16" if wide else "utf-8")
    except UnicodeDecodeError:
        return ""
    return "" if "\0" in text else text
