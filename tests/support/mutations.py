"""Ways to break a filled form: bytes of any file, elements of a document, objects of a PDF; a seed decides."""

from __future__ import annotations

import io
import random
import warnings
import zipfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from copy import deepcopy
from typing import Any

import pikepdf
from lxml import etree

from formgen.formats.docx.package import W, w
from tests.support.strategies import EPOCH, members

Random = random.Random
Bytes = Callable[[bytes, Random], bytes]

WORD = (
    *(f"<w:{name}/>" for name in ("sdt", "sdtContent", "p", "r", "t", "tc", "tr", "tbl", "br", "tab", "del", "ins")),
    *("<w:t>x</w:t>", "<w:r><w:t>☒</w:t></w:r>", '<w:tag w:val="fg:x"/>', "<w:vanish/>", "<w:strike/>", "<w:vMerge/>"),
    *("<w:txbxContent/>", "<w:fldSimple w:instr='DDE x'/>", "<w:showingPlcHdr/>", '<w:gridSpan w:val="3"/>', "&#0;"),
    *("<!--", "-->", "<![CDATA[", "]]>", "<?x", "&amp;", "&x;", "\ufeff", "\u202e", "\0", "9" * 40, "]]>", "</w:p>"),
)
PDF = (
    *(
        b"obj",
        b"endobj",
        b"stream",
        b"endstream",
        b"xref",
        b"trailer",
        b"startxref",
        b"%%EOF",
        b"<<",
        b">>",
        b"[",
        b"]",
    ),
    *(b"null", b"true", b"0 R", b"1 0 R", b"-1", b"99999999999", b"1e400", b"/V", b"/AS", b"/Kids", b"/Parent", b"/T"),
    *(b"/Yes", b"/Off", b"/FT", b"/Tx", b"/Btn", b"(x)", b"<feff>", b"<00>", b"/Prev", b"/XRefStm", b"/Encrypt", b"\0"),
)
RTF = (
    *(
        b"{",
        b"}",
        b"\\",
        b"\\par ",
        b"\\cell ",
        b"\\row ",
        b"\\trowd ",
        b"\\pard ",
        b"\\plain ",
        b"\\v ",
        b"\\deleted ",
    ),
    *(b"{\\*\\bkmkstart f_x}", b"{\\*\\bkmkend f_x}", b"{\\*\\x ", b"\\bin99999999 ", b"\\u9746?", b"\\u-1?", b"\\'e4"),
    *(
        b"{\\object\\objdata d0cf11e0}",
        b"{\\field{\\*\\fldinst DDE x}}",
        b"{\\pict\\wmetafile8 ffff}",
        b"\\nestcell ",
        b"\0",
    ),
)
RENAMED = ("ins", "del", "sdt", "smartTag", "tbl", "tc")
WRAPPERS = ("ins", "del", "sdtContent", "r", "p", "txbxContent", "tc")
ODF = ("text:p", "text:span", "text:h", "text:deletion", "text:bookmark-start", "text:note", "table:table-cell")
ODF_NAMES = {
    "text": "urn:oasis:names:tc:opendocument:xmlns:text:1.0",
    "table": "urn:oasis:names:tc:opendocument:xmlns:table:1.0",
}


# --- bytes -----------------------------------------------------------------------------------------


def span(data: bytes, chance: Random, longest: int = 400) -> tuple[int, int]:
    """Return a stretch of the bytes; most are short."""
    start = chance.randrange(len(data) + 1)
    return start, min(len(data), start + chance.randrange(1, 1 + chance.choice((1, 4, 30, longest))))


def flipped(data: bytes, chance: Random) -> bytes:
    """Return the bytes with some of them changed."""
    out = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 5, 30))):
        out[chance.randrange(len(out))] ^= 1 << chance.randrange(8)
    return bytes(out)


def lacking(data: bytes, chance: Random) -> bytes:
    """Return the bytes without a stretch of them."""
    start, stop = span(data, chance)
    return data[:start] + data[stop:]


def doubled(data: bytes, chance: Random) -> bytes:
    """Return the bytes with a stretch of them in another place too."""
    start, stop = span(data, chance)
    place = chance.randrange(len(data) + 1)
    return data[:place] + data[start:stop] + data[place:]


def exchanged(data: bytes, chance: Random) -> bytes:
    """Return the bytes with a stretch of them in the place of another."""
    start, stop = span(data, chance)
    place = chance.randrange(len(data) + 1)
    return data[:place] + data[start:stop] + data[place + stop - start :]


def ended(data: bytes, chance: Random) -> bytes:
    """Return the bytes up to somewhere."""
    return data[: chance.randrange(len(data))]


def sprinkled(data: bytes, chance: Random, words: tuple[bytes, ...] = PDF) -> bytes:
    """Return the bytes with words of the format put in, or over what stands there."""
    for _ in range(chance.choice((1, 1, 3))):
        word, place = chance.choice(words), chance.randrange(len(data) + 1)
        data = data[:place] + word + data[place + chance.choice((0, len(word))) :]
    return data


def worded(data: bytes, chance: Random) -> bytes:
    """Return an RTF file with words of its own put in."""
    return sprinkled(data, chance, RTF)


RAW: tuple[Bytes, ...] = (flipped, lacking, doubled, exchanged, ended, sprinkled)


# --- Word and OpenDocument documents --------------------------------------------------------------------------------


def zipped(parts: dict[str, bytes]) -> bytes:
    """Return a package of the parts; that which says what it is of an OpenDocument is not deflated."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as target:
        for name, data in parts.items():
            plain = zipfile.ZIP_STORED if name == "mimetype" else zipfile.ZIP_DEFLATED
            target.writestr(zipfile.ZipInfo(name, EPOCH), data, plain)
    return out.getvalue()


def main_of(parts: Mapping[str, bytes]) -> str:
    """Return which part holds the text."""
    return "content.xml" if "content.xml" in parts else "word/document.xml"


def in_a_part(data: bytes, chance: Random) -> bytes:
    """Return a document one of whose parts has been changed as bytes are, or taken, or named as another is."""
    parts = members(data)
    name = chance.choice((*parts, *[main_of(parts)] * len(parts)))
    act = chance.choice((*RAW, *RAW, None, "lost"))
    if act == "lost":
        del parts[name]
    elif act is None:
        parts[chance.choice(list(parts))] = parts[name]
    elif act is sprinkled:
        parts[name] = sprinkled(parts[name], chance, tuple(word.encode() for word in WORD))
    else:
        parts[name] = act(parts[name], chance)  # type: ignore[operator]
    return zipped(parts)


def in_the_tree(data: bytes, chance: Random) -> bytes:
    """Return a document with elements removed, doubled, moved, emptied, renamed or wrapped, still well formed."""
    parts = members(data)
    main = main_of(parts)
    root = etree.fromstring(parts[main])
    for _ in range(chance.choice((1, 1, 2, 4))):
        elements = list(root.iter(etree.Element))[1:]
        changed_element(chance.choice(elements), elements, chance)
    parts[main] = etree.tostring(root, xml_declaration=True, encoding="UTF-8", standalone=True)
    return zipped(parts)


def tags(element: Any) -> tuple[str, ...]:
    """Return what an element of an OpenDocument may be renamed to; nothing for one of another document."""
    if "oasis" not in element.getroottree().getroot().tag:
        return ()
    return tuple(f"{{{ODF_NAMES[space]}}}{name}" for space, _, name in (tag.partition(":") for tag in ODF))


def changed_element(element: Any, elements: list[Any], chance: Random) -> None:
    """Change one element of a tree, or put something else in its place."""
    above, other = element.getparent(), chance.choice(elements)
    match chance.randrange(8):
        case 0 if above is not None:
            above.remove(element)
        case 1 if above is not None:
            element.addnext(deepcopy(element))
        case 2 if above is not None:
            with suppress(ValueError):  # into itself
                other.append(element)
        case 3 if other.getparent() is not None:
            other.addnext(deepcopy(element))
        case 4:
            element.text = chance.choice((None, "", "x", "☒", "☐", "\u202e", "1.1.2020", other.text))
        case 5:
            element.tag = chance.choice((other.tag, *(tags(element) or map(w, RENAMED))))
        case 6:
            keys = list(element.attrib) or [f"{{{W}}}val"]
            element.set(
                chance.choice(keys), chance.choice(("", "0", "-1", "9" * 12, "fg:x", other.get(keys[0]) or "x"))
            )
        case _ if above is not None:
            name = chance.choice(tags(element) or tuple(map(w, WRAPPERS)))
            wrapper = etree.Element(name)
            above.replace(element, wrapper)
            wrapper.append(element)


# --- PDF files -------------------------------------------------------------------------------------


def opened(data: bytes) -> pikepdf.Pdf:
    """Return the document with every object in it."""
    return pikepdf.open(io.BytesIO(data))


def saved(document: pikepdf.Pdf, chance: Random) -> bytes:
    """Return the document as a file with a table that is right."""
    out = io.BytesIO()
    modes = (pikepdf.ObjectStreamMode.disable, pikepdf.ObjectStreamMode.generate)
    document.save(out, object_stream_mode=chance.choice(modes), fix_metadata_version=False, deterministic_id=True)
    return out.getvalue()


def in_the_objects(data: bytes, chance: Random) -> bytes:
    """Return a file in whose objects entries are lost, changed, or lead to another object."""
    document = opened(data)
    objects = [thing for thing in document.objects if isinstance(thing, pikepdf.Dictionary | pikepdf.Array)]
    fields = [thing for thing in objects if isinstance(thing, pikepdf.Dictionary) and ("/T" in thing or "/FT" in thing)]
    for _ in range(chance.choice((1, 1, 2, 4))):
        thing, other = chance.choice(chance.choice((objects, fields))), chance.choice(objects)
        values: tuple[Any, ...] = (
            *(0, -1, 2**40, True, pikepdf.String("x"), pikepdf.String(""), pikepdf.Name.Off, pikepdf.Name.Yes),
            *(pikepdf.Array([]), pikepdf.Dictionary(), other, thing, pikepdf.Array([pikepdf.String("a")] * 2)),
        )
        if isinstance(thing, pikepdf.Dictionary) and len(thing):
            key = chance.choice(
                [*sorted(thing.keys()), *(key for key in ("/V", "/AS", "/Kids", "/T", "/FT") if "/FT" in thing)]
            )
            if chance.random() < 0.25 and key in thing:
                del thing[key]
            else:
                thing[key] = chance.choice(values)
        elif isinstance(thing, pikepdf.Array) and len(thing):
            thing[chance.randrange(len(thing))] = chance.choice(values)
    return saved(document, chance)


def in_the_words(data: bytes, chance: Random) -> bytes:
    """Return a file in which some words are other ones of the same length: its table stays right."""
    document = opened(data)
    out = io.BytesIO()
    document.save(out, qdf=True, object_stream_mode=pikepdf.ObjectStreamMode.disable, deterministic_id=True)
    text = bytearray(out.getvalue())
    for _ in range(chance.choice((1, 2, 6))):
        word = chance.choice(PDF)
        place = chance.randrange(len(text) - len(word))
        if chance.random() < 0.7:  # over a word of the file: most of a file is streams that nobody reads
            found = text.find(
                b"/" + chance.choice((b"V ", b"T ", b"FT ", b"Kids", b"Parent", b"AS ", b"Annots")), place
            )
            place = found if found >= 0 and found + len(word) < len(text) else place
        text[place : place + len(word)] = word
    return bytes(text)


MUTATIONS: dict[str, tuple[Bytes, ...]] = {
    "docx": (*RAW, in_a_part, in_a_part, in_a_part, *[in_the_tree] * 6),
    "pdf": (*RAW, *[in_the_objects] * 4, in_the_words, in_the_words),
    "odt": (*RAW, in_a_part, in_a_part, in_a_part, *[in_the_tree] * 6),
    "doc": RAW,
    "rtf": (*RAW, *[worded] * 6),
}


def mutated(kind: str, data: bytes, chance: Random) -> bytes:
    """Return a file of a kind after one to three changes; one that cannot be changed that way stays as it is."""
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        with suppress(Exception), warnings.catch_warnings():  # what an earlier change has broken is not opened again
            warnings.simplefilter("ignore")  # where they are errors the file would be another
            data = chance.choice(MUTATIONS[kind])(data, chance) or data
    return data
