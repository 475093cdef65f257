"""What a template may carry besides its text: styles, pictures, links to click on; nothing that runs or is fetched."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from formgen.errors import Finding, Unreadable
from formgen.formats.docx.flow import Body
from formgen.formats.docx.package import RELS, TEMPLATE_BYTES, TYPES, Package, parse_untrusted_xml, w
from formgen.formats.docx.read import find_facts
from formgen.formats.docx.syntax import SHOWN, build_finding
from formgen.i18n import N_, clean_text

RELATIONS = frozenset(
    {
        *("officeDocument", "core-properties", "extended-properties", "custom-properties", "thumbnail"),
        *("styles", "stylesWithEffects", "settings", "webSettings", "fontTable", "font", "theme", "numbering"),
        *("header", "footer", "footnotes", "endnotes", "glossaryDocument", "image", "hdphoto", "hyperlink"),
        *("comments", "commentsExtended", "commentsIds", "commentsExtensible", "people"),
        *("customXml", "customXmlProps", "classificationlabels"),
        *("chart", "chartStyle", "chartColorStyle", "chartUserShapes", "themeOverride"),
        *("diagramData", "diagramLayout", "diagramQuickStyle", "diagramColors", "diagramDrawing"),
        *("origin", "signature"),
    }
)
CODES = (
    *("PAGE", "NUMPAGES", "SECTION", "SECTIONPAGES", "PAGEREF", "REF", "STYLEREF", "SEQ", "TOC", "HYPERLINK"),
    *("DATE", "TIME", "TITLE"),
)
ADDRESSES = "//@src | //@o:href"  # of a picture in the old markup of drawings
OFFICE = "urn:schemas-microsoft-com:office:office"
UTF_8 = re.compile(rb"\s*<(?:\?xml [^>]*?encoding=[\"']UTF-8[\"']|(?!\?))[^\0]{60}", re.IGNORECASE)
SPEAKS = re.compile(rb"instr|fldChar|src|href")  # a part that says none of these needs no closer look
NESTED = "\0"  # in a code: another field, whose result would be part of it
FOREIGN = N_("Pohja ei saa viitata muualle eikä sisältää muuta kuin tekstiä ja kuvia: {what}.")
CODE = N_("Pohjassa ei voi käyttää kenttäkoodia {what}. Nämä käyvät: {codes}.")

Element = Any


def find_refused_parts(package: Package) -> Iterator[Finding]:
    """Find the parts of a template that are on no list; raise `Unreadable`."""
    foreign = {*find_facts(package, Body()), *(kind for kind, _ in package.iter_relations() if kind not in RELATIONS)}
    codes: dict[str, None] = {}
    for root in find_texts(package):
        foreign |= set(root.xpath(ADDRESSES, namespaces={"o": OFFICE}))
        codes |= dict.fromkeys(code for code in find_codes(root) if not is_listed(code))
    if foreign:
        yield build_finding(FOREIGN, what=", ".join(shorten_text(one) for one in sorted(foreign)))
    for code in codes:
        yield build_finding(CODE, what=shorten_text(code), codes=", ".join(CODES))


def shorten_text(text: str) -> str:
    """Return a text in one line, as much of it as is shown."""
    return " ".join(clean_text(text).split())[:SHOWN] or "–"


def is_listed(code: str) -> bool:
    """Tell whether a field's code is one of those that may stand in a template, and is all written there."""
    name = code.split(maxsplit=1)[:1]
    return bool(name) and name[0].upper() in CODES and not any(sign in code for sign in (NESTED, "{{", "{%"))


def find_texts(package: Package) -> Iterator[Element]:
    """Yield the root of every part that a program may read as text, by its type, whatever it is called."""
    listed = package.parse_member("[Content_Types].xml", 1_000_000)
    types = {
        (item.get("PartName") or f".{item.get('Extension')}").casefold().lstrip("/"): item.get("ContentType", "")
        for item in listed.iter(f"{{{TYPES}}}Override", f"{{{TYPES}}}Default")
    }
    for name in package.names:
        kind = types.get(name.casefold()) or types.get(f".{name.casefold().rpartition('.')[2]}", "")
        if not kind.partition(";")[0].strip().endswith("xml"):
            continue
        data = package.read_member(name, TEMPLATE_BYTES)
        if UTF_8.match(data) and not SPEAKS.search(data):
            continue
        try:
            root = parse_untrusted_xml(data)
        except Unreadable as error:
            if "wordprocessingml" in kind or error.code != "unreadable":
                raise
        else:
            if not root.tag.startswith(f"{{{RELS}}}"):
                yield root


def find_codes(root: Element) -> Iterator[str]:
    """Yield the code of every field, put together of whatever runs it is split over."""
    fields: list[tuple[list[str], bool]] = []  # what has been gathered of each that is open, and whether it goes on
    for item in root.iter(*map(w, ("fldSimple", "fldChar", "instrText", "delInstrText", "t", "delText"))):
        kind = item.get(w("fldCharType"))
        within = fields[-1] if fields and fields[-1][1] else None
        if item.tag == w("fldSimple"):
            yield item.get(w("instr"), "")
        if within and (kind == "begin" or item.tag == w("fldSimple")):
            within[0].append(NESTED)
        if kind == "begin":
            fields.append(([], True))
        elif kind == "separate" and fields:
            fields[-1] = (fields[-1][0], False)
        elif kind == "end" and fields:
            yield "".join(fields.pop()[0])
        elif within and kind is None:
            within[0].append(item.text or "")
        elif item.tag in (w("instrText"), w("delInstrText")):
            yield item.text or ""
    yield from ("".join(code) for code, _ in fields)
