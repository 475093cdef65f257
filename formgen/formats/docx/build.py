"""The first draft of a form's template: an ordinary Word document in docxtpl's language.

Built with python-docx from the questions, meant to be restyled by the office. Every field is
one cell with its label to the left; tables with few columns are grids, wide ones are cards.
"""

from __future__ import annotations

import io
import re
import struct
import zlib
from collections.abc import Iterable
from dataclasses import replace
from itertools import groupby
from typing import Any
from xml.sax.saxutils import escape

from docx import Document
from docx.enum.style import WD_STYLE_TYPE
from docx.enum.table import WD_TABLE_ALIGNMENT
from docx.enum.text import WD_TAB_ALIGNMENT
from docx.opc.constants import RELATIONSHIP_TYPE
from docx.opc.packuri import PackURI
from docx.opc.part import Part
from docx.oxml import OxmlElement, parse_xml
from docx.oxml.ns import nsdecls, qn
from docx.shared import Cm, Pt, RGBColor

from formgen.arrangement import COLUMNS, WIDE_LABEL, boxes_per_line, cards, paired, sections, widths
from formgen.formats.docx.controls import PROMPTS, Slot, part_name
from formgen.sheet import Choice, Control, Question

INK = RGBColor(0x12, 0x35, 0x5B)
GREY = RGBColor(0x59, 0x59, 0x59)
SHADE, LINE = "EEF3F8", "9DB2C8"
FONT = "Arial"
WIDTHS = tuple(Cm(width) for width in COLUMNS)
GLOSSARY = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.glossary+xml"

DocxDocument = Any
DocxTable = Any
Cell = Any


def build(title: str, number: str, version: str, questions: Iterable[Question]) -> bytes:
    """Return the template of a form as a DOCX."""
    document = Document()
    lean(document)
    page(document)
    styles(document)
    head(document, "{{ organiser }}", attribute("Järjestäjän tunnus"), number)
    foot(document, number, version)
    paragraph(document, expression(title), "Title")
    versed = f"{number} · {expression('versio')} {version} · {expression('Asia')}: {{{{ case_id }}}}"
    paragraph(document, versed, "Subtitle")
    paragraph(document, "{{ about }}")
    paragraph(document, "{{ privacy }}")
    paragraph(
        document,
        '{{ _("Tähdellä (*) merkityt kohdat ovat pakollisia. Numero kohdan perässä on kohdan tunnus.") }}',
        "Hint",
    )
    for title_, group in sections(questions):
        paragraph(document, expression(title_), "Heading 1")
        for tabular, run in groupby(group, key=lambda question: bool(question.columns)):
            for question in run if tabular else ():
                table(document, question)
            if not tabular:
                separate(document)
                fields(document, list(run), title_)
    last = paragraph(document, f"{expression('Lomaketunnus')} {{{{ token }}}}", "Hint")
    last.paragraph_format.space_before = Pt(8)
    glossary(document)
    core = document.core_properties
    core.title, core.author, core.comments = title, "", ""
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


# --- the page ---------------------------------------------------------------------------------


def lean(document: DocxDocument) -> None:
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


def page(document: DocxDocument) -> None:
    """Set A4 with margins that leave room for punching."""
    section = document.sections[0]
    section.page_width, section.page_height = Cm(21.0), Cm(29.7)
    section.left_margin = section.right_margin = Cm(2.0)
    section.top_margin, section.bottom_margin = Cm(2.6), Cm(2.2)
    section.header_distance = section.footer_distance = Cm(1.0)


def styles(document: DocxDocument, locale: str = "fi-FI") -> None:
    """Set the styles by which an office restyles the form."""
    language = document.styles.element.find(f"{qn('w:docDefaults')}/{qn('w:rPrDefault')}/{qn('w:rPr')}/{qn('w:lang')}")
    language.set(qn("w:val"), locale)
    looks: tuple[tuple[str, float, bool, RGBColor | None, int, int], ...] = (
        ("Normal", 10, False, None, 0, 4),
        ("Title", 20, True, INK, 0, 2),
        ("Subtitle", 9, False, GREY, 0, 8),
        ("Heading 1", 13, True, INK, 14, 5),
        ("Heading 2", 11, True, INK, 10, 4),
        ("Header", 9, False, GREY, 0, 0),
        ("Footer", 7.5, False, GREY, 0, 0),
        ("Label", 9.5, True, None, 0, 0),
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
        for attribute in list(fonts.attrib):
            del fonts.attrib[attribute]
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


def head(document: DocxDocument, organiser: str, alternative: str, number: str = "") -> None:
    """Put the organiser's mark and name, and the number of a form, into the header."""
    header = document.sections[0].header
    line = header.paragraphs[0]
    line.paragraph_format.tab_stops.add_tab_stop(Cm(17.0), WD_TAB_ALIGNMENT.RIGHT)
    picture = line.add_run().add_picture(io.BytesIO(mark()), height=Cm(0.8))
    properties = picture._inline.docPr
    properties.set("descr", alternative)
    line.add_run(f"  {organiser}").bold = True
    line.add_run(f"\t{number}" if number else "")


def foot(document: DocxDocument, number: str, version: str) -> None:
    """Put the identity and the page numbers into the footer."""
    footer = document.sections[0].footer
    line = footer.paragraphs[0]
    line.paragraph_format.tab_stops.add_tab_stop(Cm(17.0), WD_TAB_ALIGNMENT.RIGHT)
    line.add_run(f"{number} {version} · {{{{ token }}}}\t")
    line.add_run('{{ _("Sivu") }} ')
    simple_field(line, "PAGE")
    line.add_run(" / ")
    simple_field(line, "NUMPAGES")


def simple_field(line: Any, instruction: str) -> None:
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


def mark(size: int = 48) -> bytes:
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


def glossary(document: DocxDocument) -> None:
    """Add the building blocks from which Word restores the prompts of emptied fields."""
    parts = "".join(
        f'<w:docPart><w:docPartPr><w:name w:val="{part_name(prompt)}"/><w:category><w:name w:val="General"/>'
        '<w:gallery w:val="placeholder"/></w:category><w:types><w:type w:val="bbPlcHdr"/></w:types>'
        f'<w:behaviors><w:behavior w:val="content"/></w:behaviors></w:docPartPr><w:docPartBody><w:p><w:r><w:rPr>'
        f'<w:rStyle w:val="PlaceholderText"/></w:rPr><w:t>{escape(expression(prompt))}</w:t></w:r></w:p>'
        "</w:docPartBody></w:docPart>"
        for prompt in dict.fromkeys(PROMPTS.values())
    )
    xml = f"<w:glossaryDocument {nsdecls('w')}><w:docParts>{parts}</w:docParts></w:glossaryDocument>"
    part = Part(PackURI("/word/glossary/document.xml"), GLOSSARY, xml.encode(), document.part.package)
    document.part.relate_to(part, RELATIONSHIP_TYPE.GLOSSARY_DOCUMENT)


# --- fields -----------------------------------------------------------------------------------


def expression(text: str) -> str:
    """Return the template expression that says a text in the document's language."""
    plain = text.replace('"', "'")
    return f'{{{{ _("{plain}") }}}}' if text else ""


def attribute(text: str) -> str:
    """Return the expression that says a text inside an attribute."""
    return expression(text).replace('"', "'")


def paragraph(container: Any, text: str, style: str = "Normal") -> Any:
    """Add a paragraph."""
    return container.add_paragraph(text, style=style)


def separate(document: DocxDocument) -> None:
    """Part two tables that would else become one: a thin line of its own style between them."""
    if document.element.body[-2].tag == qn("w:tbl"):
        paragraph(document, "", "Gap")


def fields(document: DocxDocument, questions: list[Question], title: str) -> None:
    """Add a table of label and answer pairs, short ones two to a row."""
    grid = new_table(document, len(WIDTHS), title)
    for pair in paired(questions):
        pair_row(grid, pair)


def pair_row(grid: DocxTable, pair: list[Question], prefix: str = "") -> None:
    """Add a row of one or two label and answer pairs; a long label takes half of the row."""
    cells = grid.add_row().cells
    if len(pair) == 2:
        spans = [(0, 0, 1, 1), (2, 2, 3, 3)]
    elif len(pair[0].label) > WIDE_LABEL:
        spans = [(0, 1, 2, 3)]
    else:
        spans = [(0, 0, 1, 3)]
    for question, (first, last, start, end) in zip(pair, spans, strict=True):
        label_cell(span(cells, first, last), question)
        answer_cell(span(cells, start, end), question, f"{prefix}{question.path}")
    keep_together(grid.rows[-1], pair[0].control is Control.AREA)


def span(cells: Any, first: int, last: int) -> Cell:
    """Return the cell that covers the columns."""
    return cells[first] if first == last else cells[first].merge(cells[last])


def label_cell(cell: Cell, question: Question, code: bool = True) -> None:
    """Fill a cell with the label, its code, and the hint below."""
    shade(cell)
    line = cell.paragraphs[0]
    line.style = "Label"
    line.add_run(expression(question.label) + (" *" if question.required else ""))
    if code and question.number:
        line.add_run(f" [{question.number}]", style="Field Code")
    if question.hint:
        paragraph(cell, expression(question.hint), "Hint")


def answer_cell(cell: Cell, question: Question, path: str) -> None:
    """Fill a cell with the field's control, or with its boxes."""
    line = cell.paragraphs[0]
    line.style = "Answer"
    if question.control is not Control.TICKS:
        control(line, Slot(question), path)
        return
    per_line = boxes_per_line(cell.width / Cm(1), question.choices)
    for number, choice in enumerate(question.choices):
        if number and number % per_line == 0:
            line = paragraph(cell, "", "Answer")
        elif number:
            line.add_run("\t")
        if not number % per_line and per_line > 1:
            for stop in range(1, per_line):
                line.paragraph_format.tab_stops.add_tab_stop(int(cell.width * stop / per_line))
        control(line, Slot(question, choice), option_path(path, choice))
        line.add_run(f" {expression(choice.label)}")


def option_path(path: str, choice: Choice) -> str:
    """Return the expression of one box; a code that begins with a digit stands in brackets."""
    return f"{path}['{choice.code}']" if choice.code[0].isdigit() else f"{path}.{choice.code}"


def control(line: Any, slot: Slot, path: str) -> None:
    """Add a content control that holds the field's expression."""
    xml = replace(slot, question=replace(slot.question, path=path)).draw("", "fi", None, 1)
    body = re.sub(r"<w:bookmark\w+ [^>]*/>", "", xml).replace("<w:showingPlcHdr/>", "")
    declarations = f'{nsdecls("w")} xmlns:w14="http://schemas.microsoft.com/office/word/2010/wordml"'
    element: Any = parse_xml(body.replace("<w:sdt>", f"<w:sdt {declarations}>", 1))
    for identifier in list(element.iter(qn("w:id"), qn("w:lock"))):
        identifier.getparent().remove(identifier)
    run = element.find(f"{qn('w:sdtContent')}/{qn('w:r')}")
    for style in run.findall(f"{qn('w:rPr')}/{qn('w:rStyle')}"):
        style.getparent().remove(style)
    run.find(qn("w:t")).text = f"{{{{ {path} }}}}"
    line._p.append(element)


# --- repeating tables -------------------------------------------------------------------------


def table(document: DocxDocument, question: Question) -> None:
    """Add a repeating table under its heading."""
    line = paragraph(document, expression(question.label) + (" *" if question.required else ""), "Heading 2")
    line.add_run(f" [{question.number}]", style="Field Code")
    if question.hint:
        hint = paragraph(document, expression(question.hint), "Hint")
        hint.paragraph_format.keep_with_next = True
    if cards(question):
        card_rows(document, question)
    else:
        grid_rows(document, question)


def grid_rows(document: DocxDocument, question: Question) -> None:
    """Add a grid: a header row that repeats on every page, and the row of the loop."""
    grid = new_table(document, len(question.columns), question.label, [Cm(width) for width in widths(question.columns)])
    header = grid.add_row()
    for cell, column in zip(header.cells, question.columns, strict=True):
        label_cell(cell, column)
    properties = header._tr.get_or_add_trPr()
    properties.append(OxmlElement("w:tblHeader"))
    loop_row(grid, f"{{%tr for row in {question.path} %}}")
    body = grid.add_row()
    for cell, column in zip(body.cells, question.columns, strict=True):
        answer_cell(cell, column, f"row.{column.path}")
    keep_together(body, False)
    loop_row(grid, "{%tr endfor %}")


def card_rows(document: DocxDocument, question: Question) -> None:
    """Add cards: for each row of the loop a heading and its label and answer pairs."""
    grid = new_table(document, len(WIDTHS), question.label)
    loop_row(grid, f"{{%tr for row in {question.path} %}}")
    cell = span(grid.add_row().cells, 0, len(WIDTHS) - 1)
    shade(cell, "DCE6F0")
    cell.paragraphs[0].style = "Label"
    cell.paragraphs[0].add_run(f"{expression(question.label)} {{{{ loop.index }}}}")
    cell.paragraphs[0].paragraph_format.keep_with_next = True
    pairs = list(paired(list(question.columns)))
    for number, pair in enumerate(pairs, start=1):
        pair_row(grid, pair, "row.")
        for line in grid.rows[-1].cells[0].paragraphs:
            line.paragraph_format.keep_with_next = number < len(pairs)
    loop_row(grid, "{%tr endfor %}")


def loop_row(grid: DocxTable, text: str) -> None:
    """Add a row that holds only a statement of the template language."""
    span(grid.add_row().cells, 0, len(grid.columns) - 1).text = text


def new_table(document: DocxDocument, columns: int, title: str, sizes: Iterable[int] = WIDTHS) -> DocxTable:
    """Add an empty table with light rules and a title for assistive software."""
    grid = document.add_table(rows=0, cols=columns)
    grid.alignment = WD_TABLE_ALIGNMENT.CENTER
    grid.autofit = False
    for column, size in zip(grid.columns, sizes, strict=True):
        column.width = size
    properties = grid._tbl.tblPr
    edges = "".join(
        f'<w:{edge} w:val="single" w:sz="4" w:space="0" w:color="{LINE}"/>'
        for edge in ("top", "left", "bottom", "right", "insideH", "insideV")
    )
    properties.append(parse_xml(f"<w:tblBorders {nsdecls('w')}>{edges}</w:tblBorders>"))
    margins = "".join(
        f'<w:{edge} w:w="{width}" w:type="dxa"/>'
        for edge, width in (("top", 50), ("left", 90), ("bottom", 50), ("right", 90))
    )
    properties.append(parse_xml(f"<w:tblCellMar {nsdecls('w')}>{margins}</w:tblCellMar>"))
    look = properties.find(qn("w:tblLook"))
    if look is not None:
        properties.remove(look)
        properties.append(look)
    caption = OxmlElement("w:tblCaption")
    caption.set(qn("w:val"), attribute(title))
    properties.append(caption)
    return grid


def shade(cell: Cell, colour: str = SHADE) -> None:
    """Colour the ground of a label."""
    cell._tc.get_or_add_tcPr().append(
        parse_xml(f'<w:shd {nsdecls("w")} w:val="clear" w:color="auto" w:fill="{colour}"/>')
    )


def keep_together(row: Any, tall: bool) -> None:
    """Keep a row on one page, and give room to write where text is long."""
    properties = row._tr.get_or_add_trPr()
    properties.append(OxmlElement("w:cantSplit"))
    row.height = Cm(1.7) if tall else Cm(0.75)
