"""Files that mean harm, made from a seed: one small function a kind, and what may come of it.

What comes of a file is the code of its refusal, ``unsafe`` too for what no form may carry, ``doubt``
when a person has to look, ``none`` for what is no form, ``read`` when its answers are taken.
"""

from __future__ import annotations

import io
import random
import struct
import warnings
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import pikepdf
from pikepdf import Array, Dictionary, Name, Pdf, String

from formgen.documents.extraction import Extraction
from formgen.errors import Unreadable
from formgen.formats import docx, pdf
from formgen.intake.identify import FACTS_TO_REVIEW, UNSAFE_PARTS
from tests.support import pdf_forms, strategies
from tests.support.strategies import members, packed

Random = random.Random
MAIN, TYPES, RELS = "word/document.xml", "[Content_Types].xml", "word/_rels/document.xml.rels"
FORM = min(pdf_forms.FORMS, key=lambda form: len(form.list_questions()))
OFFICE_RELS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


@dataclass(frozen=True)
class Kind:
    """One kind of hostile file: how it is made, and what may come of it."""

    name: str
    make: Callable[[Random], bytes]
    ends: frozenset[str]


KINDS: list[Kind] = []


def hostile(*ends: str) -> Callable[[Callable[[Random], bytes]], Callable[[Random], bytes]]:
    """Note a function as a kind of hostile file that may end so."""

    def note(make: Callable[[Random], bytes]) -> Callable[[Random], bytes]:
        KINDS.append(Kind(make.__name__, make, frozenset(ends)))
        return make

    return note


def end_of(read: Callable[[], Extraction]) -> str:
    """Return what came of reading a file."""
    try:
        sheet = read()
    except Unreadable as error:
        return error.code
    if UNSAFE_PARTS & set(sheet.facts):
        return "unsafe"
    if not sheet.answers:
        return "none"
    minded = any(fact.partition(":")[0] in FACTS_TO_REVIEW for fact in sheet.facts)
    doubt = minded or sheet.strays or any(answer.confidence < 1 for answer in sheet.answers.values())
    return "doubt" if doubt else "read"


# --- Word documents --------------------------------------------------------------------------------


@cache
def word() -> bytes:
    """Return a filled Word form."""
    return docx.fill_document(strategies.drawn(FORM, Extraction({})), pdf_forms.typed(FORM))


def parts() -> dict[str, bytes]:
    """Return the parts of a filled Word form."""
    return dict(members(word()))


def with_part(name: str, data: bytes) -> bytes:
    """Return the form with a part added or replaced."""
    return packed({**parts(), name: data})


def with_text(name: str, old: str, new: str) -> bytes:
    """Return the form with the first such text of a part replaced."""
    found = parts()
    text = found[name].decode()
    assert old in text
    return packed({**found, name: text.replace(old, new, 1).encode()})


def related(kind: str, target: str, outside: bool = False) -> bytes:
    """Return the form with one more relation."""
    mode = ' TargetMode="External"' if outside else ""
    relation = f'<Relationship Id="rEvil" Type="{OFFICE_RELS}/{kind}" Target="{target}"{mode}/>'
    return with_text(RELS, "</Relationships>", f"{relation}</Relationships>")


def declared(doctype: str, chance: Random) -> bytes:
    """Return the form with a document type in one of the parts that are read."""
    name = chance.choice((MAIN, TYPES, RELS, "docProps/custom.xml", "docProps/core.xml"))
    text = parts()[name].decode()
    at = text.index("?>") + 2 if text.startswith("<?xml") else 0
    return with_part(name, (text[:at] + doctype + text[at:]).encode())


@hostile("unsafe")
def flat_bomb(chance: Random) -> bytes:
    return with_part(f"word/media/{chance.random()}.png", bytes(chance.randrange(30_000_000, 60_000_000)))


@hostile("unsafe", "too_large")
def bomb_of_many_parts(chance: Random) -> bytes:
    size = chance.randrange(900_000, 999_000)
    return packed(parts() | {f"word/media/{at}.png": bytes(size) for at in range(chance.randrange(100, 120))})


@hostile("read")
def bomb_inside_a_bomb_that_nobody_opens(chance: Random) -> bytes:
    inner = packed({"0": bytes(chance.randrange(10_000_000, 20_000_000))})
    return with_part("word/media/x.zip", packed({"1": inner}))


@hostile("unsafe", "too_large", "unreadable")
def entries_that_overlap(chance: Random) -> bytes:
    data = with_part("word/media/k", bytes(900_000))
    end = data.rindex(b"PK\5\6")
    count, size, start = struct.unpack("<HLL", data[end + 10 : end + 20])
    entry = data[data.rindex(b"PK\1\2", 0, end) : end]
    more = b"".join(entry.replace(b"media/k", f"med{at:04}".encode()) for at in range(chance.randrange(200, 1500)))
    count += len(more) // len(entry)
    tail = struct.pack("<HHLL", count, count, size + len(more), start)
    return data[:end] + more + data[end : end + 8] + tail + data[end + 20 :]


@hostile("unreadable", "unsafe", "too_large")
def sizes_that_lie(chance: Random) -> bytes:
    data = with_part(MAIN, parts()[MAIN])
    entry = data.rindex(b"PK\1\2", 0, data.rindex(MAIN.encode()))
    at = entry + chance.choice((20, 24, 42))
    return data[:at] + struct.pack("<L", chance.choice((0, 1, 77, 2**31, 2**32 - 2))) + data[at + 4 :]


@hostile("unsafe")
def billion_laughs(chance: Random) -> bytes:
    steps = chance.randrange(5, 12)
    names = [f"e{chance.randrange(10**6)}_{at}" for at in range(steps)]
    body = "".join(f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in pairwise(names))
    return declared(f'<!DOCTYPE x [<!ENTITY {names[0]} "ha">{body}]>', chance)


@hostile("unsafe")
def quadratic_blowup(chance: Random) -> bytes:
    return declared(f'<!DOCTYPE x [<!ENTITY a "{"a" * chance.randrange(10_000, 90_000)}">]>', chance)


@hostile("unsafe")
def entity_from_outside(chance: Random) -> bytes:
    place = chance.choice(("file:///etc/passwd", "http://127.0.0.1:9/x", "file:///dev/random", "php://x", "jar:x!/y"))
    kind = chance.choice(("SYSTEM", 'PUBLIC "x"'))
    return declared(f'<!DOCTYPE x [<!ENTITY {chance.choice(("", "% "))}a {kind} "{place}">]>', chance)


@hostile("unsafe")
def name_that_leads_out(chance: Random) -> bytes:
    name = chance.choice(("../" * 9 + "etc/x", "/etc/x", "C:\\x", "word/../../x", "\\\\host\\x", "word\\..\\x"))
    return with_part(name, str(chance.random()).encode())


@hostile("unsafe")
def part_that_is_there_twice(chance: Random) -> bytes:
    found = parts()
    name = chance.choice(list(found))
    out = io.BytesIO(packed(found))
    with warnings.catch_warnings(), zipfile.ZipFile(out, "a") as target:
        warnings.simplefilter("ignore")
        target.writestr(chance.choice((name, name.upper())), found[chance.choice(list(found))])
    return out.getvalue()


@hostile("unsafe")
def macros(chance: Random) -> bytes:
    if chance.random() < 0.5:
        return with_part(
            chance.choice(("word/vbaProject.bin", "vbaProject.bin", "word/x/vbaProject1.bin")), b"\xd0\xcf"
        )
    old = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
    return with_text(TYPES, old, "application/vnd.ms-word.document.macroEnabled.main+xml")


@hostile("unsafe")
def object_inside(chance: Random) -> bytes:
    name = chance.choice(("word/embeddings/oleObject1.bin", "word/activeX/activeX1.xml", "word/embeddings/x.exe"))
    return with_part(name, b"MZ" + chance.randbytes(50))


@hostile("unsafe")
def document_inside(chance: Random) -> bytes:
    if chance.random() < 0.5:
        return related("aFChunk", f"x{chance.randrange(99)}.html")
    return with_text(
        MAIN, "<w:sectPr", f'<w:altChunk xmlns:r="{OFFICE_RELS}" r:id="rId{chance.randrange(99)}"/><w:sectPr'
    )


@hostile("read")
def relation_to_outside_that_nobody_follows(chance: Random) -> bytes:
    kind = chance.choice(("attachedTemplate", "image", "oleObject", "frame", "subDocument", "settings"))
    return related(kind, chance.choice(("http://127.0.0.1:9/x", "file:///etc/passwd", "\\\\host\\share\\x")), True)


@hostile("read", "doubt")
def field_that_starts_a_program(chance: Random) -> bytes:
    command = f'DDEAUTO c:\\\\windows\\\\system32\\\\cmd.exe "/k calc{chance.randrange(99)}"'
    field = chance.choice((
        f"<w:fldSimple w:instr='{command}'><w:r><w:t/></w:r></w:fldSimple>",
        f'<w:r><w:fldChar w:fldCharType="begin"/><w:instrText>{command}</w:instrText></w:r>',
    ))  # fmt: skip
    return with_text(MAIN, "<w:sectPr", f"<w:p>{field}</w:p><w:sectPr")


@hostile("unreadable")
def elements_in_elements(chance: Random) -> bytes:
    deep, name = chance.randrange(300, 5_000), chance.choice(("w:sdt", "w:tbl", "w:p", "w:ins", "x"))
    return with_text(MAIN, "<w:sectPr", f"<{name}>" * deep + f"</{name}>" * deep + "<w:sectPr")


@hostile("too_large", "unreadable")
def one_enormous_answer(chance: Random) -> bytes:
    return with_text(MAIN, "</w:t>", chance.randbytes(chance.randrange(60_000, 3_000_000)).hex() + "</w:t>")


@hostile("read", "doubt", "unreadable")
def thousands_of_attributes(chance: Random) -> bytes:
    many = " ".join(f'a{at}="x"' for at in range(chance.randrange(5_000, 60_000)))
    return with_text(MAIN, "<w:body>", f"<w:body {many}>")


@hostile("read", "doubt", "timeout", "unsafe")
def thousands_of_controls(chance: Random) -> bytes:
    one = '<w:p><w:sdt><w:sdtPr><w:tag w:val="fg:x"/></w:sdtPr><w:sdtContent/></w:sdt></w:p>'
    return with_text(MAIN, "<w:sectPr", one * chance.randrange(5_000, 30_000) + "<w:sectPr")


@hostile("encrypted")
def locked_word_document(chance: Random) -> bytes:
    return b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + chance.randbytes(600) + "EncryptedPackage".encode("utf-16-le")


@hostile("unsupported_type", "unreadable", "none")
def two_formats_at_once(chance: Random) -> bytes:
    head = chance.choice((
        b"\xff\xd8\xff\xe0\0\x10JFIF\0" + chance.randbytes(50),
        b"<!doctype html><script>alert(1)</script>",
        b"GIF89a",
        b"%PDF-1.7\n",
        b"MZ\x90\0",
    ))  # fmt: skip
    return head + chance.choice((word(), portable()))


@hostile("unsupported_type")
def program_by_another_name(chance: Random) -> bytes:
    head = chance.choice(
        (b"MZ\x90\0\3", b"\x7fELF\2\1\1", b"#!/bin/sh\nrm -rf /\n", b"\xca\xfe\xba\xbe", b"\xcf\xfa\xed\xfe")
    )
    return head + chance.randbytes(chance.randrange(10, 5_000))


# --- PDF files -------------------------------------------------------------------------------------


@cache
def portable() -> bytes:
    """Return a filled PDF form."""
    return pdf.fill_document(pdf_forms.issued(FORM), pdf_forms.typed(FORM))


def changed(change: Callable[[Pdf], object], data: bytes = b"", plain: bool = True) -> bytes:
    """Return the form after a change to its objects."""
    modes = pikepdf.ObjectStreamMode
    with warnings.catch_warnings(), pikepdf.open(io.BytesIO(data or portable())) as document:
        warnings.simplefilter("ignore")
        change(document)
        out = io.BytesIO()
        document.save(out, object_stream_mode=modes.disable if plain else modes.generate)
        return out.getvalue()


def bomb(size: int, chance: Random) -> bytes:
    """Return so many MB of one byte, deflated."""
    press = zlib.compressobj(9)
    sign = bytes([chance.randrange(256)])
    return b"".join(press.compress(sign * (1 << 20)) for _ in range(size)) + press.flush()


@hostile("unsafe")
def action(chance: Random) -> bytes:
    kind, key = chance.choice(
        (("JavaScript", "JS"), ("Launch", "F"), ("GoToR", "F"), ("SubmitForm", "F"), ("ImportData", "F"))
    )
    act = Dictionary({"/S": Name(f"/{kind}"), f"/{key}": String(f"x{chance.random()}")})

    def put(document: Pdf) -> None:
        match chance.randrange(4):
            case 0:
                document.Root.OpenAction = act
            case 1:
                document.pages[0].AA = Dictionary(O=act)
            case 2:
                document.pages[0].Annots[0].A = act
            case _:
                document.Root.Nowhere = document.make_indirect(act)

    return changed(put, plain=chance.random() < 0.5)


@hostile("unsafe")
def thing_inside(chance: Random) -> bytes:
    def put(document: Pdf) -> None:
        match chance.randrange(3):
            case 0:
                document.attachments["x.exe"] = pikepdf.AttachedFileSpec(document, b"MZ" + chance.randbytes(9))
            case 1:
                document.Root.AcroForm.XFA = document.make_stream(b"<xdp/>" + chance.randbytes(9))
            case _:
                kind = chance.choice((Name.RichMedia, Name.Movie, Name.Sound, Name("/3D")))
                document.pages[0].Annots.append(Dictionary(Type=Name.Annot, Subtype=kind, Rect=[0, 0, 9, 9]))

    return changed(put, plain=chance.random() < 0.5)


@hostile("read", "doubt", "unreadable", "unsafe")
def bomb_in_a_stream(chance: Random) -> bytes:
    body = bomb(chance.randrange(100, 400), chance)
    filters = Array([Name.FlateDecode])
    for _ in range(chance.choice((0, 1, 2))):
        body, filters = zlib.compress(body, 9), Array([Name.FlateDecode, *filters])

    def put(document: Pdf) -> None:
        document.Root.Metadatx = document.make_stream(body, Filter=filters)
        document.pages[0].Contenty = document.Root.Metadatx

    wanted = chance.choice(((b"/Metadatx", b"/Metadata"), (b"/Contenty", b"/Contents")))
    return changed(lambda document: (delete(document), put(document))).replace(*wanted)


def delete(document: Pdf) -> None:
    """Take away what a bomb takes the place of."""
    del document.Root.Metadata


@hostile("read", "doubt", "unreadable")
def filters_on_filters(chance: Random) -> bytes:
    names = [
        chance.choice((Name.FlateDecode, Name.ASCIIHexDecode, Name.RunLengthDecode))
        for _ in range(chance.choice((9, 50, 500)))
    ]

    def put(document: Pdf) -> None:
        document.Root.Metadatx = document.make_stream(chance.randbytes(50), Filter=Array(names))

    return changed(lambda document: (delete(document), put(document))).replace(b"/Metadatx", b"/Metadata")


def without_fields(document: Pdf) -> None:
    """Take the fields away, so that the pages are drawn and looked at."""
    del document.Root.AcroForm
    for page in document.pages:
        del page.Annots


def picture(document: Pdf, chance: Random) -> None:
    """Put a picture of enormous size on the first page."""
    side = chance.choice((20_000, 60_000, 2**31 - 1))
    kind = chance.choice((Name.FlateDecode, Name.DCTDecode, Name.JBIG2Decode, Name.JPXDecode))
    stream = document.make_stream(
        zlib.compress(bytes(1000)),
        Type=Name.XObject, Subtype=Name.Image, Width=side, Height=side, BitsPerComponent=8,
        ColorSpace=Name.DeviceRGB, Filter=kind,
    )  # fmt: skip
    page = document.pages[0]
    page.Resources = Dictionary(XObject=Dictionary(Im=stream))
    page.Contents = document.make_stream(b"q 500 0 0 500 0 0 cm /Im Do Q " * chance.choice((1, 50)))


@hostile("too_large", "unreadable")
def picture_of_enormous_size(chance: Random) -> bytes:
    return changed(lambda document: (without_fields(document), picture(document, chance)))


@hostile("none", "doubt", "unreadable", "unsafe", "too_large")
def page_of_enormous_size(chance: Random) -> bytes:
    side = chance.choice((1e5, 1e9, 1e30, 0, -5))

    def put(document: Pdf) -> None:
        without_fields(document)
        document.pages[0].MediaBox = Array([0, 0, chance.choice((side, 10)), side])

    return changed(put)


@hostile("none", "doubt", "unreadable", "unsafe", "too_large")
def fonts_and_contents_that_are_noise(chance: Random) -> bytes:
    def put(document: Pdf) -> None:
        without_fields(document)
        for thing in list(document.objects):
            if isinstance(thing, pikepdf.Stream) and "/Subtype" not in thing and chance.random() < 0.5:
                thing.write(chance.randbytes(300))

    return changed(put)


@hostile("unsafe", "unreadable", "too_large", "doubt")
def loop(chance: Random) -> bytes:
    def put(document: Pdf) -> None:
        form, pages = document.Root.AcroForm, document.Root.Pages
        field = form.Fields[chance.randrange(len(form.Fields))]
        match chance.randrange(5):
            case 0:
                pages.Kids = Array([pages])
            case 1:
                field.Kids = Array([field])
            case 2:
                field.Kids = form.Fields
            case 3:
                one, two = (document.make_indirect(Dictionary(T=String(name))) for name in "ab")
                one.Kids, two.Kids = Array([two]), Array([one])
                form.Fields.append(one)
            case _:
                pages.Kids.append(pages)

    return changed(put)


@hostile("read", "doubt")
def loop_that_nobody_walks(chance: Random) -> bytes:
    def put(document: Pdf) -> None:
        item = document.make_indirect(Dictionary(Title=String("x")))
        item.Next = item.Prev = item.Parent = item.First = item
        document.Root.Outlines = Dictionary(First=item, Last=item, Count=chance.randrange(10**9))
        field = document.Root.AcroForm.Fields[0]
        field.Parent = field

    return changed(put)


@hostile("unreadable", "read", "doubt")
def table_that_leads_to_itself(chance: Random) -> bytes:
    data = portable()
    at = int(data[data.rindex(b"startxref") + 9 :].split()[0])
    return data.rstrip() + b"\nxref\n0 0\ntrailer << /Size %d /Root 1 0 R /Prev %d >>\nstartxref\n%d\n%%%%EOF\n" % (
        chance.randrange(9, 10_000),
        len(data.rstrip()) + 1 if chance.random() < 0.5 else at,
        len(data.rstrip()) + 1,
    )


@hostile("unreadable", "read", "doubt")
def table_that_counts_wrong(chance: Random) -> bytes:
    data = changed(lambda _: None)
    at = data.rindex(b"\nxref\n") + 8
    wrong = b"%d" % chance.choice((0, 1, 99, 10**9))
    return data[:at] + wrong + data[data.index(b"\n", at) :]


@hostile("unsafe", "unreadable", "too_large")
def very_many_fields(chance: Random) -> bytes:
    count = chance.randrange(21_000, 60_000)
    return changed(lambda doc: doc.Root.AcroForm.Fields.extend(Dictionary(T=String(f"k{at}")) for at in range(count)))


@hostile("unreadable")
def arrays_in_arrays(chance: Random) -> bytes:
    deep, (left, right) = chance.randrange(1_000, 100_000), chance.choice(((b"[", b"]"), (b"<</A ", b">>")))
    data = changed(lambda document: setattr(document.Root, "Deep", String("DEEP")))
    return data.replace(b"(DEEP)", left * deep + b"0" + right * deep)


@hostile("unreadable", "too_large", "unsafe")
def very_many_pages(chance: Random) -> bytes:
    def put(document: Pdf) -> None:
        for _ in range(chance.randrange(61, 400)):
            document.pages.append(document.pages[0])

    return changed(put)


@hostile("encrypted")
def locked(chance: Random) -> bytes:
    with pikepdf.open(io.BytesIO(portable())) as document:
        out = io.BytesIO()
        document.save(out, encryption=pikepdf.Encryption(owner="o", user=str(chance.random()), R=chance.choice((4, 6))))
        return out.getvalue()


@hostile("unreadable")
def objects_in_a_bomb(chance: Random) -> bytes:
    body = zlib.compress(b"1 0 <</Type /Catalog /Pages 2 0 R>>" + b" " * (chance.randrange(100, 300) << 20), 9)
    out = b"%PDF-1.5\n"
    at = len(out)
    out += b"3 0 obj <</Type /ObjStm /N 1 /First 4 /Filter /FlateDecode /Length %d>> stream\n" % len(body)
    out += body + b"\nendstream endobj\n"
    places = ((0, 0, 65535), (2, 3, 0), (0, 0, 0), (1, at, 0), (1, len(out), 0))
    rows = b"".join(kind.to_bytes(1) + where.to_bytes(4) + more.to_bytes(2) for kind, where, more in places)
    table = b"4 0 obj <</Type /XRef /Size 5 /W [1 4 2] /Root 1 0 R /Length %d>> stream\n" % len(rows)
    return out + table + rows + b"\nendstream endobj\nstartxref\n%d\n%%%%EOF\n" % len(out)


def files(kind: Kind, seed: int) -> bytes:
    """Return the file of a kind that a seed makes."""
    return kind.make(random.Random(f"{kind.name} {seed}"))
