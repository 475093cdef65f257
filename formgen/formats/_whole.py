"""Whether a file is whole by the rules of its format: what a copier has reserved or not finished is not.

Only structure is looked at, in pieces; nothing is unpacked. Whoever sends a file chooses its bytes, and
others wait meanwhile: no more steps are taken for any than for an honest one. What they do not tell is for
its reader to find.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from itertools import islice
from typing import BinaryIO

ZIP, ZIP_END, ZIP_ENTRY = b"PK\x03\x04", b"PK\x05\x06", b"PK\x01\x02"
END, ENTRY = struct.Struct("<4s4H2LH"), struct.Struct("<4s6H3L5H2L")
COMMENT = 65_535
PDF, PDF_END, AFTER_END, BEFORE_START = b"%PDF-", b"%%EOF", b"\t\n\f\r ", b"\xef\xbb\xbf\0\t\n\f\r "
PDF_TAIL = 2048
CROSS_REFERENCE = re.compile(rb"\s*(xref|\d+\s+\d+\s+obj)")
COMPOUND = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
FREE, TABLE = 0xFFFFFFFF, 0xFFFFFFFD  # sectors of a compound file that nothing is in, and those of its table
ROOT = "Root Entry".encode("utf-16-le")
RTF, BINARY, ESCAPES = b"{\\rtf", re.compile(rb"\\bin[0-9]"), (b"\\\\", b"\\{", b"\\}")
MEMBERS = 2_000  # of a ZIP that are looked for: one of more is not read
HEAD = 1024


def is_whole(stream: BinaryIO) -> bool:
    """Tell whether a file is whole; one whose format is not recognised yet is not."""
    head = stream.read(HEAD)
    size = stream.seek(0, 2)
    if head.startswith(ZIP):
        return is_whole_zip(stream, size)
    if head.startswith(COMPOUND):
        return is_whole_compound_file(stream, size)
    if head.startswith(RTF):
        return is_whole_rtf(stream)
    return head.lstrip(BEFORE_START).startswith(PDF) and is_whole_pdf(stream, size, head.index(PDF))


def read_at(stream: BinaryIO, position: int, size: int = -1) -> bytes:
    """Return the bytes at a position, to the end when no size is given."""
    stream.seek(position)
    return stream.read(size)


def is_whole_zip(stream: BinaryIO, size: int) -> bool:
    """Tell whether a ZIP has its end record, and its members begin where its directory says."""
    start = max(0, size - END.size - COMMENT)
    tail = read_at(stream, start)
    found = tail.rfind(ZIP_END)
    if found < 0 or len(tail) < found + END.size:
        return False
    *_, length, offset, comment = END.unpack_from(tail, found)
    begins = start + found - length
    if begins < 0 or len(tail) < found + END.size + comment:
        return False
    directory, moved = read_at(stream, begins, length), begins - offset
    return all(read_at(stream, moved + member, 4) == ZIP for member in islice(iter_member_offsets(directory), MEMBERS))


def iter_member_offsets(directory: bytes) -> Iterator[int]:
    """Yield where each member of a ZIP begins; -1 for an entry that is none, and the end then."""
    position = 0
    while position < len(directory):
        if not directory.startswith(ZIP_ENTRY, position) or len(directory) < position + ENTRY.size:
            yield -1
            return
        fields = ENTRY.unpack_from(directory, position)
        yield fields[-1]
        position += ENTRY.size + sum(fields[10:13])


def has_pdf_end(data: bytes) -> bool:
    """Tell whether nothing comes after the last end mark of a PDF: what does is a save that was cut off."""
    return data[-PDF_TAIL:].rstrip(AFTER_END + b"\0").endswith(PDF_END)


def is_whole_pdf(stream: BinaryIO, size: int, start: int) -> bool:
    """Tell whether a PDF ends with its end mark, and its cross-reference lies where it says.

    Zeros behind the end mark may be room for a save that is still to come.
    """
    tail = read_at(stream, max(0, size - PDF_TAIL)).rstrip(AFTER_END)
    if not tail.endswith(PDF_END):
        return False
    place = re.search(rb"startxref\s+(\d{1,12})\s*%%EOF$", tail)
    return place is not None and CROSS_REFERENCE.match(read_at(stream, start + int(place[1]), 64)) is not None


def is_whole_compound_file(stream: BinaryIO, size: int) -> bool:
    """Tell whether a compound file has its tables, its directory, and the last sector that they tell of ([MS-CFB])."""
    header = read_at(stream, 0, 512)
    shift = struct.unpack_from("<H", header, 30)[0] if len(header) == 512 else 0
    if shift not in (9, 12):
        return False
    entries = struct.Struct(f"<{1 << shift - 2}L")

    def sector(index: int) -> tuple[int, ...]:
        data = read_at(stream, (index + 1) << shift, entries.size)
        return entries.unpack(data) if len(data) == entries.size else ()

    number, root, _, _, _, _, following, _ = struct.unpack_from("<8L", header, 44)
    if number > (size >> shift) // (1 << shift - 2) + 2:  # its table tells of more sectors than there are
        return False
    places = list(struct.unpack_from("<109L", header, 76))
    while len(places) < number:
        *more, following = sector(following) or (FREE,)
        if not more:
            return False
        places += more
    table = [entry for place in places[:number] for entry in sector(place)]
    marked = [place for place, entry in enumerate(table) if entry == TABLE]
    if not marked or marked != sorted(places[:number]):
        return False
    last = max(place for place, entry in enumerate(table) if entry != FREE)
    return size >= (last + 2) << shift and read_at(stream, (root + 1) << shift, len(ROOT)) == ROOT


def is_whole_rtf(stream: BinaryIO) -> bool:
    """Tell whether every group of an RTF that is opened is closed; by its last sign where pictures are in bytes."""
    data = read_at(stream, 0)
    if BINARY.search(data):
        return data.rstrip(AFTER_END + b"\0").endswith(b"}")
    for escape in ESCAPES:
        data = data.replace(escape, b"")
    return data.count(b"{") == data.count(b"}")
