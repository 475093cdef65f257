"""Draw one document: a layout filled with what is known, and the identity on it in every carrier."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from html import escape

import segno
from pikepdf import Array, Dictionary, Name, Object, Pdf, String

from formgen.arrangement import row_count
from formgen.formats.pdf.face import face, packed
from formgen.formats.pdf.fields import CASE, LANGUAGE, LAYOUT, TOKEN
from formgen.formats.pdf.fill import named, put, saved, write
from formgen.formats.pdf.layout import HIDDEN, PRINT, layout
from formgen.formats.pdf.look import EMPTY, stream
from formgen.sheet import Draft, Sheet

MM = 72 / 25.4
MODULE = 0.7 * MM
RIGHT, TOP = 190 * MM, 287 * MM  # the corner of the code on the page
SMALL = 5.5
CLAIMS, RECORD = "formgen.json", "record.json"
NAMESPACE = "urn:formgen:xmp:1:"


def draw(draft: Draft, sheet: Sheet) -> bytes:
    """Return the document; with a record to archive, as PDF/A-3 with the record attached."""
    rows = {table.path: row_count(table, sheet) for table in draft.questions if table.columns}
    laid = layout(draft.questions, draft.language, draft.words, rows, draft.store / "layouts")
    claims = {
        TOKEN: draft.words["token"],
        CASE: draft.words["case_id"].strip("–"),
        LANGUAGE: draft.language,
        LAYOUT: laid.digest,
    }
    with Pdf.open(io.BytesIO(laid.pdf)) as pdf:
        put(pdf, {path: answer.text for path, answer in sheet.answers.items() if answer.text})
        for name, field in named(pdf.Root.AcroForm.Fields):
            if name in claims:
                write(pdf, field, claims[name])
                if draft.record and int(field.F) == HIDDEN:
                    show_off_page(pdf, field)
        for number, page in enumerate(pdf.pages, start=1):
            code = stamp(draft.mark(number, laid.pages, laid.digest))
            page.contents_add(packed(pdf, code), prepend=True)
        attach(pdf, CLAIMS, json.dumps(claims, ensure_ascii=False).encode())
        if draft.record:
            attach(pdf, RECORD, draft.record)
        describe(pdf, draft.words, claims, archived=bool(draft.record))
        return saved(pdf)


def show_off_page(pdf: Pdf, field: Object) -> None:
    """Move a hidden field outside the page: an archived document may hide none."""
    field.F, field.Rect = PRINT, Array([-20, -20, -10, -10])
    field.AP = Dictionary(N=stream(pdf, EMPTY, 10, 10))


def stamp(text: str) -> bytes:
    """Return the operators that draw the code of a page, and below it the same in clear text."""
    code = segno.make(text, error="m", mode="alphanumeric", micro=False)
    side = code.symbol_size(border=0)[0]
    left = RIGHT - side * MODULE
    rows = [
        b"%g %g %g %g re" % (round(left + start * MODULE, 3), round(TOP - (y + 1) * MODULE, 3), round(run * MODULE, 3),
                             round(MODULE, 3))
        for y, row in enumerate(code.matrix)
        for start, run in runs(row)
    ]  # fmt: skip
    half = len(text) // 2
    cut = text.find(":", half) + 1
    lines = [text[:cut], text[cut:]]
    parts = [b"/Artifact <</Type /Pagination>> BDC q 0 g", *rows, b"f"]
    for number, line in enumerate(lines, start=1):
        x = RIGHT - face().width(line, SMALL)
        y = TOP - side * MODULE - 3 - number * SMALL * 1.2
        parts.append(b"BT %g %g Td %s ET" % (round(x, 3), round(y, 3), face().show(line, SMALL)))
    return b"\n".join([*parts, b"Q EMC"])


def runs(row: bytearray) -> list[tuple[int, int]]:
    """Return start and length of every run of dark modules."""
    found: list[tuple[int, int]] = []
    for x, dark in enumerate(row):
        if dark and found and sum(found[-1]) == x:
            found[-1] = (found[-1][0], found[-1][1] + 1)
        elif dark:
            found.append((x, 1))
    return found


def attach(pdf: Pdf, name: str, data: bytes) -> None:
    """Attach a JSON file."""
    stream = pdf.make_stream(data)
    stream.Type, stream.Subtype = Name.EmbeddedFile, Name("/application/json")
    stream.Params = Dictionary(Size=len(data))
    spec = pdf.make_indirect(
        Dictionary(
            Type=Name.Filespec,
            F=String(name),
            UF=String(name),
            Desc=String(name),
            AFRelationship=Name.Data,
            EF=Dictionary(F=stream, UF=stream),
        )
    )
    if "/AF" not in pdf.Root:
        pdf.Root.AF = Array()
        pdf.Root.Names = Dictionary(EmbeddedFiles=Dictionary(Names=Array()))
    pdf.Root.AF.append(spec)
    pdf.Root.Names.EmbeddedFiles.Names.extend([String(name), spec])


def describe(pdf: Pdf, words: Mapping[str, str], claims: Mapping[str, str], archived: bool) -> None:
    """Write title, author and identity into the document's information and its XMP, which must agree."""
    pdf.docinfo["/Title"] = words["form_title"]
    pdf.docinfo["/Author"] = words["organiser"]
    pdf.docinfo["/Subject"] = words["form_number"]
    pdf.docinfo["/Keywords"] = words["token"]
    pdf.docinfo["/Creator"] = pdf.docinfo["/Producer"] = "formgen"
    for name, value in claims.items():
        pdf.docinfo[f"/{name}"] = value
    metadata = pdf.make_stream(xmp(words, claims, archived).encode())
    metadata.Type, metadata.Subtype = Name.Metadata, Name.XML
    pdf.Root.Metadata = metadata
    pdf.Root.Lang = String(words["locale"])


def xmp(words: Mapping[str, str], claims: Mapping[str, str], archived: bool) -> str:
    """Return the XMP packet, the claims as properties of our own."""
    said = {name: escape(value) for name, value in words.items()}
    own = "".join(f"<fg:{name}>{escape(value)}</fg:{name}>" for name, value in claims.items())
    level = "<pdfaid:part>3</pdfaid:part><pdfaid:conformance>A</pdfaid:conformance>" if archived else ""
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about=""'
        ' xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:pdf="http://ns.adobe.com/pdf/1.3/"'
        ' xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:pdfuaid="http://www.aiim.org/pdfua/ns/id/"'
        f' xmlns:pdfaid="http://www.aiim.org/pdfa/ns/id/" xmlns:fg="{NAMESPACE}">'
        f'<dc:title><rdf:Alt><rdf:li xml:lang="x-default">{said["form_title"]}</rdf:li></rdf:Alt></dc:title>'
        f"<dc:creator><rdf:Seq><rdf:li>{said['organiser']}</rdf:li></rdf:Seq></dc:creator>"
        f'<dc:description><rdf:Alt><rdf:li xml:lang="x-default">{said["form_number"]}</rdf:li></rdf:Alt>'
        f"</dc:description><dc:language><rdf:Bag><rdf:li>{said['locale']}</rdf:li></rdf:Bag></dc:language>"
        f"<dc:identifier>{said['token']}</dc:identifier><pdf:Keywords>{said['token']}</pdf:Keywords>"
        "<pdf:Producer>formgen</pdf:Producer><xmp:CreatorTool>formgen</xmp:CreatorTool>"
        f"<pdfuaid:part>1</pdfuaid:part>{level}{own}</rdf:Description>{extension(claims)}</rdf:RDF></x:xmpmeta>"
        f'{" " * 1000}<?xpacket end="w"?>'
    )


def extension(claims: Mapping[str, str]) -> str:
    """Return the description of the properties that PDF/A does not know: ours and that of PDF/UA."""
    ours = "".join(schema_property(name, "Text", "identity of the form") for name in claims)
    universal = schema_property("part", "Integer", "part of PDF/UA")
    return (
        '<rdf:Description rdf:about="" xmlns:pdfaExtension="http://www.aiim.org/pdfa/ns/extension/"'
        ' xmlns:pdfaSchema="http://www.aiim.org/pdfa/ns/schema#"'
        ' xmlns:pdfaProperty="http://www.aiim.org/pdfa/ns/property#"><pdfaExtension:schemas><rdf:Bag>'
        f"{schema('formgen', NAMESPACE, 'fg', ours)}"
        f"{schema('PDF/UA', 'http://www.aiim.org/pdfua/ns/id/', 'pdfuaid', universal)}"
        "</rdf:Bag></pdfaExtension:schemas></rdf:Description>"
    )


def schema(name: str, namespace: str, prefix: str, properties: str) -> str:
    """Return the description of a schema."""
    return (
        f'<rdf:li rdf:parseType="Resource"><pdfaSchema:schema>{name}</pdfaSchema:schema>'
        f"<pdfaSchema:namespaceURI>{namespace}</pdfaSchema:namespaceURI><pdfaSchema:prefix>{prefix}</pdfaSchema:prefix>"
        f"<pdfaSchema:property><rdf:Seq>{properties}</rdf:Seq></pdfaSchema:property></rdf:li>"
    )


def schema_property(name: str, kind: str, about: str) -> str:
    """Return the description of a property."""
    return (
        f'<rdf:li rdf:parseType="Resource"><pdfaProperty:name>{name}</pdfaProperty:name>'
        f"<pdfaProperty:valueType>{kind}</pdfaProperty:valueType><pdfaProperty:category>internal</pdfaProperty:category>"
        f"<pdfaProperty:description>{about}</pdfaProperty:description></rdf:li>"
    )
