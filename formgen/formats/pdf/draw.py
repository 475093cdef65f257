"""Draw one document: a layout filled with what is known, and the identity on it in every carrier."""

from __future__ import annotations

import json
from collections.abc import Mapping
from html import escape
from pathlib import Path
from string import Template

import segno
from pikepdf import Array, Dictionary, Name, Object, Pdf, String

from formgen.documents.extraction import AS_ISSUED, Extraction, RenderRequest
from formgen.documents.page_layout import count_rows
from formgen.formats.font_metrics import load_font_metrics
from formgen.formats.pdf.appearance import EMPTY, make_appearance_stream
from formgen.formats.pdf.fields import CASE, LANGUAGE, LAYOUT, TOKEN
from formgen.formats.pdf.fill import apply_change, fill_field, iter_named_fields, show_prompt, write_answers
from formgen.formats.pdf.font import make_compressed_stream, render_text
from formgen.formats.pdf.layout import get_layout
from formgen.formats.pdf.notes import collect_previous_answers
from formgen.formats.pdf.widgets import HIDDEN, PRINT

MM = 72 / 25.4
MODULE = 0.7 * MM
RIGHT, TOP = 190 * MM, 287 * MM  # the corner of the code on the page
SMALL = 5.5
CLAIMS, RECORD = "formgen.json", "record.json"
XMP = Template((Path(__file__).parent / "metadata.xml").read_text(encoding="utf-8"))


def render(draft: RenderRequest, extraction: Extraction) -> bytes:
    """Return the document; with a record to archive, as PDF/A-3 with the record attached."""
    asked = tuple(question for question in draft.questions if not question.omitted)
    kept = {question.path.partition(".")[0] for question in asked}
    drawn = {path: held for path, held in extraction.answers.items() if held.text and path.partition(".")[0] in kept}
    known = {path: held.text for path, held in drawn.items() if held.layer != AS_ISSUED}
    prompts = {path: held.text for path, held in drawn.items() if held.layer == AS_ISSUED}
    rows = {table.path: count_rows(table, extraction) for table in asked if table.columns}
    laid = get_layout(asked, draft.language, draft.words, rows, draft.store / "layouts", draft.notes, draft.log)
    claims = {
        TOKEN: draft.words["token"],
        CASE: draft.words["case_id"].strip("–"),
        LANGUAGE: draft.language,
        LAYOUT: laid.digest,
    }

    def inscribe(pdf: Pdf) -> None:
        write_answers(pdf, known | (collect_previous_answers(draft.notes) if draft.notes else {}))
        for name, field in iter_named_fields(pdf.Root.AcroForm.Fields):
            if name in prompts:
                show_prompt(field, prompts[name])
            if name in claims:
                fill_field(field, claims[name] or "–")
                if draft.record and int(field.F) == HIDDEN:
                    move_off_page(pdf, field)
        for number, page in enumerate(pdf.pages, start=1):
            code = draw_page_mark(draft.sign_page_mark(number, laid.pages, laid.digest))
            page.contents_add(make_compressed_stream(pdf, code), prepend=True)
        attach_file(pdf, CLAIMS, json.dumps(claims, ensure_ascii=False).encode())
        if draft.record:
            attach_file(pdf, RECORD, draft.record)
        write_metadata(pdf, draft.words, claims, archived=bool(draft.record))

    return apply_change(laid.pdf, inscribe)


def move_off_page(pdf: Pdf, field: Object) -> None:
    """Move a hidden field outside the page: an archived document may hide none."""
    field.F, field.Rect = PRINT, Array([-20, -20, -10, -10])
    field.AP = Dictionary(N=make_appearance_stream(pdf, EMPTY, 10, 10, Dictionary()))


def draw_page_mark(text: str) -> bytes:
    """Return the operators that draw the code of a page, and below it the same in clear text."""
    code = segno.make(text, error="m", mode="alphanumeric", micro=False)
    side = len(code.matrix) * MODULE
    modules = [b"%d %d 1 1 re" % (x, y) for y, row in enumerate(code.matrix) for x, dark in enumerate(row) if dark]
    cut = text.find(":", len(text) // 2) + 1
    parts = [
        b"/Artifact <</Type /Pagination>> BDC q 0 g q %.5f 0 0 %.5f %.3f %.3f cm"
        % (MODULE, -MODULE, RIGHT - side, TOP),
        *modules,
        b"f Q",
    ]
    for number, line in enumerate((text[:cut], text[cut:]), start=1):
        left, base = (
            RIGHT - load_font_metrics().measure_text(line, SMALL),
            TOP - side - 4 * MODULE + SMALL * (0.5 - 1.2 * number),
        )
        parts.append(b"BT %.3f %.3f Td %s ET" % (left, base, render_text(line, SMALL)))
    return b"\n".join([*parts, b"Q EMC"])


def attach_file(pdf: Pdf, name: str, data: bytes) -> None:
    """Attach a JSON file."""
    held = pdf.make_stream(
        data, Type=Name.EmbeddedFile, Subtype=Name("/application/json"), Params=Dictionary(Size=len(data))
    )
    spec = pdf.make_indirect(
        Dictionary(
            Type=Name.Filespec,
            F=String(name),
            UF=String(name),
            Desc=String(name),
            AFRelationship=Name.Data,
            EF=Dictionary(F=held, UF=held),
        )
    )
    if "/AF" not in pdf.Root:
        pdf.Root.AF = Array()
        pdf.Root.Names = Dictionary(EmbeddedFiles=Dictionary(Names=Array()))
    pdf.Root.AF.append(spec)
    pdf.Root.Names.EmbeddedFiles.Names.extend([String(name), spec])


def write_metadata(pdf: Pdf, words: Mapping[str, str], claims: Mapping[str, str], archived: bool) -> None:
    """Write title, author and identity into the document's information and its XMP, which must agree."""
    pdf.docinfo["/Title"] = words["form_title"]
    pdf.docinfo["/Author"] = words["organiser"]
    pdf.docinfo["/Subject"] = words["form_number"]
    pdf.docinfo["/Keywords"] = words["token"]
    pdf.docinfo["/Creator"] = pdf.docinfo["/Producer"] = "formgen"
    for name, value in claims.items():
        pdf.docinfo[f"/{name}"] = value
    said = {**words, **{name.removeprefix("formgen_"): value for name, value in claims.items()}}
    level = "<pdfaid:part>3</pdfaid:part><pdfaid:conformance>A</pdfaid:conformance>" if archived else ""
    packet = XMP.substitute({name: escape(value) for name, value in said.items()}, archived=level)
    pdf.Root.Metadata = pdf.make_stream(packet.encode(), Type=Name.Metadata, Subtype=Name.XML)  # never compressed
    pdf.Root.Lang = String(words["locale"])
