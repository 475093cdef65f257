"""The first draft of a form's template: an ordinary Word document in docxtpl's language.

Built with python-docx from the questions, meant to be restyled by the office: the page, its
styles, head and foot here, what is asked in `tables`.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterable
from itertools import groupby
from typing import Any
from xml.sax.saxutils import escape

from docx import Document
from docx.enum.style import WD_STYLE_TYPE
from docx.enum.text import WD_TAB_ALIGNMENT
from docx.opc.constants import RELATIONSHIP_TYPE
from docx.opc.packuri import PackURI
from docx.opc.part import Part
from docx.oxml import OxmlElement
from docx.oxml.ns import nsdecls, qn
from docx.shared import Cm, Pt, RGBColor

from formgen.documents.extraction import Question
from formgen.documents.page_layout import LEGEND, get_block_name, iter_sections
from formgen.formats.docx.controls import PROMPTS, format_prompt_part_name
from formgen.formats.docx.tables import (
    add_field_table,
    add_last_row,
    add_paragraph,
    add_repeating_table,
    add_signature,
    format_attribute_expression,
    format_expression,
    separate_tables,
)

INK = RGBColor(0x12, 0x35, 0x5B)
GREY = RGBColor(0x59, 0x59, 0x59)
FONT = "Arial"
GLOSSARY = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.glossary+xml"

DocxDocument = Any


def build_template(title: str, number: str, version: str, questions: Iterable[Question], unit: bool = False) -> bytes:
    """Return the template of a form as a DOCX; one of the unit says nothing of a case and its client."""
    document = Document()
    remove_stock_parts(document)
    set_page_layout(document)
    set_styles(document)
    add_header(document, "{{ organiser }}", format_attribute_expression("Järjestäjän tunnus"), number)
    add_footer(document, f"{number} · {format_expression(title)} · {format_expression('versio')} {version}")
    add_paragraph(document, format_expression(title), "Title")
    versed = f"{number} · {format_expression('versio')} {version}"
    add_paragraph(
        document, versed if unit else f"{versed} · {format_expression('Asia')}: {{{{ case_id }}}}", "Subtitle"
    )
    add_paragraph(document, "{{ about }}")
    if not unit:
        add_paragraph(document, "{{ privacy }}")
    starred = format_expression(LEGEND)
    rows = format_expression("Taulukoihin voi lisätä rivejä.")
    add_paragraph(document, f"{starred} {rows}", "Hint")
    for title_, group in iter_sections(questions):
        add_paragraph(document, format_expression(title_), "Heading 1")
        for kind, run in groupby(group, key=get_layout_kind):
            if kind == "table":
                for question in run:
                    add_repeating_table(document, question)
            elif kind:
                add_signature(document, list(run))
            else:
                separate_tables(document)
                add_field_table(document, list(run), title_)
    identity = format_expression("Lomaketunnus") + " {{ token }}"
    if document.element.body[-2].tag == qn("w:tbl") and kind != "table":
        add_last_row(document, identity)
    else:
        add_paragraph(document, identity, "Footer").paragraph_format.space_before = Pt(8)
    add_glossary(document)
    core = document.core_properties
    core.title, core.author, core.comments = title, "", ""
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def get_layout_kind(question: Question) -> str:
    """Name the block of a question: ``table``, the name of its block, or empty for a plain field."""
    return "table" if question.columns else get_block_name(question)


# --- the page ---------------------------------------------------------------------------------


def remove_stock_parts(document: DocxDocument) -> None:
    """Take out what python-docx's stock document brings that a form has no use for."""
    for relation in [*document.part.rels.values(), *document.part.package.rels.values()]:
        if relation.reltype.endswith(("customXml", "stylesWithEffects", "thumbnail")):
            owner = (
                document.part
                if relation.rId in document.part.rels and document.part.rels[relation.rId] is relation
                else document.part.package
            )
            del owner.rels[relation.rId]
    element = document.styles.element
    for latent in element.findall(qn("w:latentStyles")):
        element.remove(latent)
    kept = {
        "Normal",
        "Default Paragraph Font",
        "Normal Table",
        "No List",
        "Title",
        "Subtitle",
        "Heading 1",
        "Heading 2",
        "Header",
        "Footer",
        "Table Grid",
    }
    kept |= {f"{name} Char" for name in kept}
    for style in element.findall(qn("w:style")):
        name = style.find(qn("w:name")).get(qn("w:val"))
        if name.title() not in {item.title() for item in kept}:
            element.remove(style)


def set_page_layout(document: DocxDocument) -> None:
    """Set A4 with margins that leave room for punching."""
    section = document.sections[0]
    section.page_width, section.page_height = Cm(21.0), Cm(29.7)
    section.left_margin = section.right_margin = Cm(2.0)
    section.top_margin, section.bottom_margin = Cm(2.3), Cm(1.9)
    section.header_distance = section.footer_distance = Cm(0.9)


def set_styles(document: DocxDocument, locale: str = "fi-FI") -> None:
    """Set the styles by which an office restyles the form."""
    language = document.styles.element.find(f"{qn('w:docDefaults')}/{qn('w:rPrDefault')}/{qn('w:rPr')}/{qn('w:lang')}")
    language.set(qn("w:val"), locale)
    looks: tuple[tuple[str, float, bool, RGBColor | None, int, int], ...] = (
        ("Normal", 10, False, None, 0, 4),
        ("Title", 20, True, INK, 0, 2),
        ("Subtitle", 9, False, GREY, 0, 8),
        ("Heading 1", 13, True, INK, 10, 3),
        ("Heading 2", 11, True, INK, 8, 3),
        ("Header", 9, False, GREY, 0, 0),
        ("Footer", 7.5, False, GREY, 0, 0),
        ("Label", 9, True, None, 0, 0),
        ("Hint", 8.5, False, GREY, 0, 2),
        ("Answer", 10, False, None, 0, 0),
        ("Gap", 4, False, None, 0, 0),
    )
    for name, size, bold, colour, before, after in looks:
        known = name in [style.name for style in document.styles]
        style = document.styles[name] if known else document.styles.add_style(name, WD_STYLE_TYPE.PARAGRAPH)
        if not known:
            style.base_style = document.styles["Normal"]
            style.quick_style = True
        style.font.name, style.font.size, style.font.bold, style.font.italic = FONT, Pt(size), bold, False
        fonts = style.element.get_or_add_rPr().get_or_add_rFonts()
        fonts.attrib.clear()
        for script in ("ascii", "hAnsi", "cs", "eastAsia"):
            fonts.set(qn(f"w:{script}"), FONT)
        if colour is not None:
            style.font.color.rgb = colour
        style.paragraph_format.space_before, style.paragraph_format.space_after = Pt(before), Pt(after)
        style.paragraph_format.line_spacing = 1.1
        for stock in list(style.element.iter(qn("w:pBdr"), qn("w:tabs"))):
            stock.getparent().remove(stock)
    for name in ("Heading 1", "Heading 2"):
        document.styles[name].paragraph_format.keep_with_next = True
    for name, colour in (("Placeholder Text", RGBColor(0x6B, 0x6B, 0x6B)), ("Field Code", GREY)):
        style = document.styles.add_style(name, WD_STYLE_TYPE.CHARACTER)
        style.font.color.rgb = colour
        style.font.bold = False
    document.styles["Field Code"].font.size = Pt(7)
    document.styles["Placeholder Text"].element.set(qn("w:styleId"), "PlaceholderText")


def add_header(document: DocxDocument, organiser: str, alternative: str, number: str = "") -> None:
    """Put the organiser's mark and name, and the number of a form, into the header."""
    header = document.sections[0].header
    line = header.paragraphs[0]
    line.paragraph_format.tab_stops.add_tab_stop(Cm(17.0), WD_TAB_ALIGNMENT.RIGHT)
    picture = line.add_run().add_picture(io.BytesIO(draw_placeholder_logo()), height=Cm(0.8))
    properties = picture._inline.docPr
    properties.set("descr", alternative)
    line.add_run(f"  {organiser}").bold = True
    line.add_run(f"\t{number}" if number else "")


def add_footer(document: DocxDocument, name: str) -> None:
    """Put the name of the form, the page numbers and the identity into the footer."""
    line = document.sections[0].footer.paragraphs[0]
    line.paragraph_format.tab_stops.add_tab_stop(Cm(17.0), WD_TAB_ALIGNMENT.RIGHT)
    line.add_run(f"{name}\t")
    line.add_run('{{ _("Sivu") }} ')
    add_simple_field(line, "PAGE")
    line.add_run(" / ")
    add_simple_field(line, "NUMPAGES")
    line.add_run().add_break()
    line.add_run("{{ token }}")


def add_simple_field(line: Any, instruction: str) -> None:
    """Add a field such as the page number."""
    for kind, text in (("begin", ""), ("", instruction), ("separate", ""), ("", "1"), ("end", "")):
        run = line.add_run()
        if kind:
            mark_ = OxmlElement("w:fldChar")
            mark_.set(qn("w:fldCharType"), kind)
            run._r.append(mark_)
        elif text == "1":
            run.text = text
        else:
            code = OxmlElement("w:instrText")
            code.text = f" {text} "
            run._r.append(code)


def draw_placeholder_logo(size: int = 48) -> bytes:
    """Return a plain round mark as PNG, where the office puts its own."""
    middle = (size - 1) / 2
    row_bytes = []
    for y in range(size):
        row = bytearray(b"\0")
        for x in range(size):
            distance = ((x - middle) ** 2 + (y - middle) ** 2) ** 0.5
            row += b"\x12\x35\x5b\xff" if distance < middle and not 9 < distance < 15 else b"\xff\xff\xff\x00"
        row_bytes.append(bytes(row))

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head_ = chunk(b"IHDR", struct.pack(">IIBBBBB", size, size, 8, 6, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head_ + chunk(b"IDAT", zlib.compress(b"".join(row_bytes))) + chunk(b"IEND", b"")


def add_glossary(document: DocxDocument) -> None:
    """Add the building blocks from which Word restores the prompts of emptied fields."""
    parts = "".join(
        f'<w:docPart><w:docPartPr><w:name w:val="{format_prompt_part_name(prompt)}"/>'
        '<w:category><w:name w:val="General"/><w:gallery w:val="placeholder"/></w:category>'
        '<w:types><w:type w:val="bbPlcHdr"/></w:types>'
        f'<w:behaviors><w:behavior w:val="content"/></w:behaviors></w:docPartPr><w:docPartBody><w:p><w:r><w:rPr>'
        f'<w:rStyle w:val="PlaceholderText"/></w:rPr><w:t>{escape(format_expression(prompt))}</w:t></w:r></w:p>'
        "</w:docPartBody></w:docPart>"
        for prompt in dict.fromkeys(PROMPTS.values())
    )
    xml = f"<w:glossaryDocument {nsdecls('w')}><w:docParts>{parts}</w:docParts></w:glossaryDocument>"
    part = Part(PackURI("/word/glossary/document.xml"), GLOSSARY, xml.encode(), document.part.package)
    document.part.relate_to(part, RELATIONSHIP_TYPE.GLOSSARY_DOCUMENT)
