"""The ZIP package of a DOCX: opened within limits, parsed with nothing followed or expanded."""

from __future__ import annotations

import io
import re
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any, NamedTuple

from isal import isal_zlib
from lxml import etree

from formgen.errors import Reason, Unreadable
from formgen.formats._refusals import NOT_WORD

W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
W14 = "http://schemas.microsoft.com/office/word/2010/wordml"
MC = "http://schemas.openxmlformats.org/markup-compatibility/2006"
TYPES = "http://schemas.openxmlformats.org/package/2006/content-types"
RELS = "http://schemas.openxmlformats.org/package/2006/relationships"
MAIN = (
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.template.main+xml",
    "application/vnd.ms-word.document.macroEnabled.main+xml",
    "application/vnd.ms-word.template.macroEnabledTemplate.main+xml",
)
STRICT = {
    b"http://purl.oclc.org/ooxml/wordprocessingml/main": W.encode(),
    b"http://purl.oclc.org/ooxml/officeDocument/relationships": (
        b"http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    ),
    b"http://purl.oclc.org/ooxml/officeDocument/customProperties": (
        b"http://schemas.openxmlformats.org/officeDocument/2006/custom-properties"
    ),
    b"http://purl.oclc.org/ooxml/officeDocument/docPropsVTypes": (
        b"http://schemas.openxmlformats.org/officeDocument/2006/docPropsVTypes"
    ),
}

# Measured on real forms (0.07–0.17 MB of document.xml) and hostile packages.
MEMBERS = 2_000
MEMBER_BYTES = 32_000_000
TOTAL_BYTES = 96_000_000
RATIO = 200
DOCUMENT_BYTES = 8_000_000
TEMPLATE_BYTES = 2_000_000  # of one part
UNIX, VERSION, UTF_8, DEFLATED = 3 << 8, 20, 1 << 11, 8
MIDNIGHT, FIRST_DAY = 0, 1 << 5 | 1  # of 1980: no package holds the time at which it was made
READABLE = 0o600 << 16

Element = Any


class Member(NamedTuple):
    """One member of a package, deflated once for however many packages hold it."""

    name: str
    data: bytes
    checksum: int
    size: int


def deflate_member(name: str, data: bytes) -> Member:
    """Return a member of the data."""
    return Member(name, isal_zlib.compress(data, level=2, wbits=-zlib.MAX_WBITS), isal_zlib.crc32(data), len(data))


def pack_members(members: Iterable[Member]) -> bytes:
    """Return a ZIP of the members in their order; it holds no time, so the same members give the same bytes."""
    content: list[bytes] = []
    directory: list[bytes] = []
    at = 0
    for name, data, checksum, size in members:
        path = name.encode()
        flags = 0 if name.isascii() else UTF_8
        sizes = (checksum, len(data), size, len(path), 0)
        head = struct.pack("<5H3I2H", VERSION, flags, DEFLATED, MIDNIGHT, FIRST_DAY, *sizes)
        content += (b"PK\3\4", head, path, data)
        tail = struct.pack("<3H2I", 0, 0, 0, READABLE, at)
        directory += (b"PK\1\2", struct.pack("<H", UNIX | VERSION), head, tail, path)
        at += 4 + len(head) + len(path) + len(data)
    number = len(directory) // 5
    listed = b"".join(directory)
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, number, number, len(listed), at, 0)
    return b"".join((*content, listed, end))


class Package:
    """The members of one DOCX, read on demand."""

    def __init__(self, data: bytes) -> None:
        """Open the package; raise `Unreadable` when it breaks a limit or is no Word document."""
        try:
            self.zip = zipfile.ZipFile(io.BytesIO(data))
        except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError) as error:
            raise Unreadable(Reason.UNREADABLE) from error
        members = self.zip.infolist()
        names = [member.filename for member in members]
        if len(members) > MEMBERS or sum(member.file_size for member in members) > TOTAL_BYTES:
            raise Unreadable(Reason.TOO_LARGE)
        if len({name.casefold() for name in names}) != len(names) or any(is_unsafe_name(name) for name in names):
            raise Unreadable(Reason.UNSAFE)
        if any(member.flag_bits & 1 for member in members):
            raise Unreadable(Reason.ENCRYPTED)
        for member in members:
            if member.file_size > 1_000_000 and member.file_size > RATIO * max(member.compress_size, 1):
                raise Unreadable(Reason.UNSAFE)
        self.names = dict.fromkeys(names)
        self.types = self.read_content_types()
        self.main = next((name for name, kind in self.types.items() if kind in MAIN and name in self.names), "")
        if not self.main:
            raise Unreadable(Reason.NOT_A_FORM, NOT_WORD)

    def read_member(self, name: str, limit: int = MEMBER_BYTES) -> bytes:
        """Return the bytes of a member, no more than the limit whatever its header says."""
        try:
            with self.zip.open(name) as stream:
                data = stream.read(limit + 1)
        except (zipfile.BadZipFile, zlib.error, OSError, EOFError, LookupError, ValueError, RuntimeError) as error:
            raise Unreadable(Reason.UNREADABLE) from error
        if len(data) > limit:
            raise Unreadable(Reason.TOO_LARGE)
        return data

    def parse_member(self, name: str, limit: int = MEMBER_BYTES) -> Element:
        """Return the root element of a member."""
        return parse_untrusted_xml(self.read_member(name, limit))

    def read_content_types(self) -> dict[str, str]:
        """Return the declared content type of each part."""
        if "[Content_Types].xml" not in self.names:
            raise Unreadable(Reason.NOT_A_FORM, NOT_WORD)
        root = self.parse_member("[Content_Types].xml", 1_000_000)
        return {
            override.get("PartName", "").lstrip("/"): override.get("ContentType", "")
            for override in root.iter(f"{{{TYPES}}}Override")
        }

    def iter_relations(self) -> Iterator[tuple[str, bool]]:
        """Yield the type of each relation of any part, and whether its target is outside."""
        for name in self.names:
            if name.casefold().endswith(".rels"):
                for relation in self.parse_member(name, 1_000_000).iter(f"{{{RELS}}}Relationship"):
                    outside = relation.get("TargetMode") == "External" or ":" in relation.get("Target", "")
                    yield relation.get("Type", "").rpartition("/")[2], outside


def is_unsafe_name(name: str) -> bool:
    """Tell whether a member's name leads out of the package."""
    return name.startswith(("/", "\\")) or ".." in re.split(r"[/\\]", name) or "\0" in name or ":" in name


def parse_untrusted_xml(data: bytes) -> Element:
    """Return the root of foreign XML: no DTD, no entities, no network, Strict names made transitional."""
    head = data[:4096]
    if b"\0" in head[:64]:
        try:
            data = data.decode("utf-16").encode()
        except UnicodeDecodeError as error:
            raise Unreadable(Reason.UNREADABLE) from error
        data = re.sub(rb"^\s*<\?xml.*?\?>", b"", data, count=1)
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        raise Unreadable(Reason.UNSAFE)
    if b"purl.oclc.org" in data:
        for strict, transitional in STRICT.items():
            data = data.replace(strict, transitional)
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        attribute_defaults=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
        recover=False,
        collect_ids=False,
    )
    try:
        root = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise Unreadable(Reason.UNREADABLE) from error
    if root.getroottree().docinfo.internalDTD is not None:
        raise Unreadable(Reason.UNSAFE)
    return root


@cache
def w(name: str) -> str:
    """Return a name in the main namespace as lxml writes it."""
    return f"{{{W}}}{name}"
