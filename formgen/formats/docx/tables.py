"""What a template asks, as tables: label and answer pairs, signatures, grids and cards.

Every field is one cell with its label to the left or above. Columns are as wide as what they
hold; tables with few columns are grids, wide ones are cards. A row stays on one page, a heading
with what it is of, and a card together as far as it is small.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import accumulate, pairwise
from typing import Any

from docx.enum.table import WD_TABLE_ALIGNMENT
from docx.oxml import OxmlElement, parse_xml
from docx.oxml.ns import nsdecls, qn
from docx.shared import Cm, Pt

from formgen.documents import page_layout
from formgen.documents.extraction import Choice, Control, Question
from formgen.documents.page_layout import (
    WIDE_LABEL,
    extract_shared_hints,
    is_densely_set,
    iter_question_rows,
    list_prefilled_columns,
    split_signature,
)
from formgen.formats.docx.controls import PROMPTS, Slot
from formgen.formats.docx.measure import (
    count_lines,
    measure_finnish_text,
    measure_longest_word,
    measure_text,
    measure_widest_translation,
)

SHADE, HEAD_SHADE, LINE = "EEF3F8", "DCE6F0", "9DB2C8"
WIDTH = Cm(17.0)
EDGES = (0, Cm(3.9), Cm(8.6), Cm(12.3), WIDTH)
PADDING = Cm(0.34)
CHARACTER = Cm(0.175)
LABEL, HINT = 9, 8.5  # sizes of type
SHORT_HINT = 40
SHORT, CLOSE_SHORT = 120, 200  # characters of an answer that does with half a row, and where that saves rows
CROWDED = 1.4  # times the page that the columns of a grid would like to be wide
SMALL_CARD = 6  # rows
COLUMN, MOST_COLUMNS = Cm(1.9), 4  # of boxes
GAP, SLACK = Cm(0.22), (1.05, 1.2)
TOO_HIGH = 999  # lines
LOW, HIGH, CLOSE = Cm(0.68), Cm(1.6), Cm(0.5)
LINE_PROMPTS = (PROMPTS[Control.LINE], "Kirjoita")  # in one line, and as broken in a narrow column
LONG_TEXT = 400  # characters; a row with more may go over to the next page

DocxDocument = Any
DocxTable = Any
Cell = Any


# --- words ------------------------------------------------------------------------------------


def format_expression(text: str) -> str:
    """Return the template expression that says a text in the document's language; a number says itself."""
    if text.isdecimal():
        return text
    plain = text.replace('"', "'")
    return f'{{{{ _("{plain}") }}}}' if text else ""


def format_attribute_expression(text: str) -> str:
    """Return the expression that says a text inside an attribute."""
    return format_expression(text).replace('"', "'")


def format_label_expression(question: Question) -> str:
    """Return the expression of a label, with a star that stays at its last word where an answer is required."""
    return format_expression(question.label) + ("\u00a0*" if question.required else "")


def add_paragraph(container: Any, text: str, style: str = "Normal") -> Any:
    """Add a paragraph."""
    return container.add_paragraph(text, style=style)


def separate_tables(document: DocxDocument) -> None:
    """Part two tables that would else become one: a thin line of its own style between them."""
    if document.element.body[-2].tag == qn("w:tbl"):
        add_paragraph(document, "", "Gap")


def add_heading(document: DocxDocument, words: str, code: str = "", hint: str = "") -> None:
    """Add the heading of a table, and a hint that stays with what follows."""
    line = add_paragraph(document, words, "Heading 2")
    if code:
        line.add_run(f" [{code}]", style="Field Code")
    if hint:
        add_paragraph(document, format_expression(hint), "Hint").paragraph_format.keep_with_next = True


# --- label and answer pairs -------------------------------------------------------------------


def add_field_table(document: DocxDocument, questions: list[Question], title: str) -> None:
    """Add a table of label and answer pairs, short ones two to a row."""
    grid = add_empty_table(document, title, EDGES)
    for pair in iter_question_rows(questions, can_share_row):
        add_pair_row(grid, EDGES, pair)


def add_pair_row(
    grid: DocxTable,
    edges: Sequence[int],
    pair: list[Question],
    prefix: str = "",
    cuts: Sequence[int] = (),
    close: bool = False,
) -> None:
    """Add a row of label and answer pairs; ``cuts`` are the edges of its cells, all of them among ``edges``."""
    cells = grid.add_row().cells
    pieces = [
        merge_cells(cells, edges.index(start), edges.index(end) - 1)
        for start, end in pairwise(cuts or compute_cell_edges(pair))
    ]
    for question, label, answer in zip(pair, pieces[::2], pieces[1::2], strict=True):
        fill_label_cell(label, question)
        fill_answer_cell(answer, question, f"{prefix}{question.path}")
    style_answer_row(grid.rows[-1], pair[0], close)


def compute_cell_edges(pair: list[Question]) -> Sequence[int]:
    """Return the edges of the cells of a row; a label alone is as wide as makes the row lowest."""
    if len(pair) == 2:
        return EDGES
    return 0, min(EDGES[1:3], key=lambda edge: count_row_lines(pair[0], edge, WIDTH - edge)), WIDTH


def count_row_lines(question: Question, label: int, answer: int) -> int:
    """Count the lines of a row with these widths of label and answer."""
    label, answer = label - PADDING, answer - PADDING
    asked = count_lines(f"{question.label} *", label, LABEL, bold=True) + count_lines(question.hint, label, HINT)
    return max(asked, count_answer_lines(question, answer)) if can_fit_label(question, label) else TOO_HIGH


def can_fit_label(question: Question, width: int) -> bool:
    """Tell whether no word of a label need be broken in a width."""
    return measure_longest_word(question.label, LABEL, bold=True) <= width


def count_answer_lines(question: Question, width: int) -> int:
    """Count the lines that a usual answer takes in a width."""
    if question.control is Control.TICKS:
        return len(arrange_boxes(question.choices, width)[1])
    if question.control is Control.LIST:
        return max(count_lines(choice.label, width) for choice in question.choices)
    usual = 1 + int(question.limit * 0.25 * CHARACTER / width)
    return max(4, usual) if question.control is Control.AREA else usual


def can_share_row(question: Question, most: int = SHORT) -> bool:
    """Tell whether a question does with half a row, being of ``most`` characters at most."""
    longest = max((len(choice.label) for choice in question.choices), default=0)
    drawn = question.control in (Control.LINE, Control.DATE, Control.LIST) and question.limit <= most and longest <= 40
    narrowest = EDGES[2] - EDGES[1] - PADDING
    ticked = question.control is Control.TICKS and count_answer_lines(question, narrowest) == 1
    fits = len(question.label) <= WIDE_LABEL and can_fit_label(question, EDGES[3] - EDGES[2] - PADDING)
    return (drawn or ticked) and fits and len(question.hint) <= SHORT_HINT


def merge_cells(cells: Any, first: int, last: int) -> Cell:
    """Return the cell that covers the columns."""
    return cells[first] if first == last else cells[first].merge(cells[last])


def fill_label_cell(cell: Cell, question: Question) -> None:
    """Fill a cell with the label, its code, and the hint below."""
    shade_cell(cell)
    line = cell.paragraphs[0]
    line.style = "Label"
    line.add_run(format_label_expression(question))
    if question.number:
        line.add_run(f" [{question.number}]", style="Field Code")
    if question.hint:
        add_paragraph(cell, format_expression(question.hint), "Hint")


def fill_answer_cell(cell: Cell, question: Question, path: str) -> None:
    """Fill a cell with the field's control, or with its boxes, each bound to its label."""
    line = cell.paragraphs[0]
    line.style = "Answer"
    if question.control is not Control.TICKS:
        add_control(line, Slot(question), path)
        return
    stops, rows = arrange_boxes(question.choices, cell.width - PADDING)
    for number, row in enumerate(rows):
        line = add_paragraph(cell, "", "Answer") if number else line
        line.paragraph_format.left_indent, line.paragraph_format.first_line_indent = measure_box(""), -measure_box("")
        for stop in stops if len(row) > 1 else ():
            line.paragraph_format.tab_stops.add_tab_stop(stop)
        for choice in row:
            if choice is not row[0]:
                line.add_run("\t")
            add_control(line, Slot(question, choice), format_option_path(path, choice))
            line.add_run(f"\u00a0{format_expression(choice.label)}")


def measure_box(label: str) -> int:
    """Return the width of a box with its label, in plain or easy Finnish."""
    return measure_text("☐\u00a0") + measure_finnish_text(label)


def arrange_boxes(choices: Sequence[Choice], width: int) -> tuple[list[int], list[list[Choice]]]:
    """Return the tab stops, and the boxes of each line: all in one if they go, else few lines in even columns.

    A box with a long label takes several columns.
    """
    sizes = [measure_box(choice.label) + GAP for choice in choices]
    slack = width / (sum(sizes) - GAP)
    if slack >= SLACK[0]:
        even = min(max(max(sizes) * SLACK[1], COLUMN), width / len(sizes))
        sizes = [int(even if even >= max(sizes) else size * min(slack, SLACK[1])) for size in sizes]
        return list(accumulate(sizes[:-1])), [list(choices)]
    found: list[tuple[float, list[int], list[list[Choice]]]] = []
    for columns in range(1, MOST_COLUMNS + 1):
        rows: list[list[Choice]] = []
        used, wide = columns, 0
        for choice, size in zip(choices, sizes, strict=True):
            needs = min(columns, -(-size * columns // width))
            wide += needs > 1
            if used + needs > columns:
                rows.append([])
                used = 0
            rows[-1].append(choice)
            used += needs
        found.append((len(rows) + wide, [width * stop // columns for stop in range(1, columns)], rows))
    _, stops, rows = min(found, key=lambda way: way[0])
    return stops, rows


def format_option_path(path: str, choice: Choice) -> str:
    """Return the expression of one box; a code that begins with a digit stands in brackets."""
    return f"{path}['{choice.code}']" if choice.code[0].isdigit() else f"{path}.{choice.code}"


def add_control(line: Any, slot: Slot, path: str) -> None:
    """Add a content control that holds the field's expression."""
    xml = b"".join(replace(slot, question=replace(slot.question, path=path)).render_control(None, 1)).decode()
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


# --- signatures -------------------------------------------------------------------------------


def add_signature(document: DocxDocument, parts: list[Question]) -> None:
    """Add a signature: its name as a heading, its parts in one row that stays with it."""
    title, named = split_signature(parts)
    add_heading(document, format_label_expression(title), hint=title.hint)
    labels = [max(Cm(1.6), measure_longest_word(f"{part.label}\u00a0*", LABEL, bold=True) + PADDING) for part in named]
    days = [Cm(2.5) if part.control is Control.DATE else 0 for part in named]
    rest = (WIDTH - sum(labels) - sum(days)) // days.count(0)
    sizes = [size for label, day in zip(labels, days, strict=True) for size in (label, day or rest)]
    edges = [0, *accumulate(sizes)]
    add_pair_row(add_empty_table(document, title.label, edges), edges, named, cuts=edges)


# --- repeating tables -------------------------------------------------------------------------


def add_repeating_table(document: DocxDocument, question: Question) -> None:
    """Add a repeating table under its heading."""
    add_heading(document, format_label_expression(question), question.number, question.hint)
    as_cards = is_too_wide_for_grid(question)
    above, question = extract_shared_hints(question, as_cards)
    add_column_hints(document, above)
    if as_cards:
        add_card_rows(document, question)
    else:
        add_grid_rows(document, question)


def add_column_hints(document: DocxDocument, columns: Sequence[Question]) -> None:
    """Add the hints of columns in one line above their table, where they squeeze none of them."""
    if columns:
        line = add_paragraph(document, "", "Hint")
        line.paragraph_format.keep_with_next = True
        for column in columns:
            line.add_run(f"{format_expression(column.label)}: ").bold = True
            line.add_run(format_expression(column.hint) + (" " if column is not columns[-1] else ""))


def is_too_wide_for_grid(question: Question) -> bool:
    """Tell whether a table is too wide for a grid, by its columns or by what its words measure."""
    if page_layout.is_too_wide_for_grid(question):
        return True
    least, wished = (sum(sizes) for sizes in zip(*measure_columns(question.columns), strict=True))
    return bool(least > WIDTH or wished > CROWDED * WIDTH)


def add_grid_rows(document: DocxDocument, question: Question) -> None:
    """Add a grid: a header row that repeats on every page, and the row of the loop."""
    close = is_densely_set(question)
    grid = add_empty_table(document, question.label, [0, *accumulate(compute_column_widths(question.columns))], close)
    header = grid.add_row()
    for cell, column in zip(header.cells, question.columns, strict=True):
        fill_label_cell(cell, column)
    keep_with_next(header)
    header._tr.get_or_add_trPr().extend((OxmlElement("w:cantSplit"), OxmlElement("w:tblHeader")))
    add_loop_row(grid, f"{{%tr for row in {question.path} %}}")
    body = grid.add_row()
    for cell, column in zip(body.cells, question.columns, strict=True):
        fill_answer_cell(cell, column, f"row.{column.path}")
    style_answer_row(body, question.columns[0], close)
    add_loop_row(grid, "{%tr endfor %}")


def add_card_rows(document: DocxDocument, question: Question) -> None:
    """Add cards: for each row of the loop a heading, with what is given, and its label and answer pairs."""
    known = list_prefilled_columns(question)
    cuts = compute_heading_edges(known)
    edges = sorted({*EDGES, *cuts})
    close = is_densely_set(question)
    grid = add_empty_table(document, question.label, edges, close)
    add_loop_row(grid, f"{{%tr for row in {question.path} %}}")
    if known:
        add_pair_row(grid, edges, known, "row.", cuts, close)
    else:
        cell = merge_cells(grid.add_row().cells, 0, len(edges) - 2)
        cell.paragraphs[0].style = "Label"
        cell.paragraphs[0].add_run(f"{format_expression(question.label)} {{{{ loop.index }}}}")
    for cell in grid.rows[-1].cells:
        shade_cell(cell, HEAD_SHADE)
    keep_with_next(grid.rows[-1])
    asked = question.columns[len(known) :]
    pairs = min(
        (
            list(iter_question_rows(asked, partial(can_share_row, most=most)))
            for most in (SHORT, CLOSE_SHORT if close else SHORT)
        ),
        key=len,
    )
    high = next((number for number, pair in enumerate(pairs) if has_tall_answer(pair[0])), len(pairs))
    together = len(pairs) if high == len(pairs) <= SMALL_CARD else min(high, SMALL_CARD // 2)
    for number, pair in enumerate(pairs):
        add_pair_row(grid, edges, pair, "row.", close=close)
        if number + 1 < len(pairs) and (
            number < together or (number + 2 == len(pairs) and not has_tall_answer(pairs[-1][0]))
        ):
            keep_with_next(grid.rows[-1])
    add_loop_row(grid, "{%tr endfor %}")


def compute_heading_edges(known: Sequence[Question]) -> list[int]:
    """Return the edges of the cells of a card's heading: numbers narrow, the rest for what is last."""
    sizes: list[int] = []
    for column in known:
        sizes += (
            measure_longest_word(f"{column.label}\u00a0*", LABEL, bold=True) + PADDING,
            Cm(1.2) if not column.limit else Cm(4),
        )
    return [*accumulate(sizes[:-1], initial=0), WIDTH] if sizes else []


def has_tall_answer(question: Question) -> bool:
    """Tell whether an answer takes many lines."""
    return question.control is Control.AREA or count_answer_lines(question, WIDTH - EDGES[1]) > 4


def compute_column_widths(columns: Sequence[Question]) -> list[int]:
    """Return the width of each column of a grid: what it cannot do without, and its share of the rest."""
    sizes = measure_columns(columns)
    least, wished = sum(low for low, _ in sizes), sum(wish for _, wish in sizes)
    if wished >= WIDTH:
        share = (WIDTH - least) / ((wished - least) or 1)
        return [int(low + (wish - low) * share) for low, wish in sizes]
    wide = [wish if column.limit else 0 for column, (_, wish) in zip(columns, sizes, strict=True)]
    wide = wide if any(wide) else [wish for _, wish in sizes]
    return [int(wish + (WIDTH - wished) * part / sum(wide)) for (_, wish), part in zip(sizes, wide, strict=True)]


def measure_columns(columns: Sequence[Question]) -> list[tuple[int, int]]:
    """Return for each column the least width and the one that reads well, prompts in one line if they go."""
    ways = ([measure_column(column, prompt) for column in columns] for prompt in LINE_PROMPTS)
    return min(ways, key=lambda sizes: sum(least for least, _ in sizes) > WIDTH)


def measure_column(column: Question, prompt: str) -> tuple[int, int]:
    """Return the width without which a word or the prompt of a column would break, and the one that reads well."""
    head = measure_longest_word(column.label, LABEL, bold=True) + measure_widest_translation(
        "\u00a0*", LABEL, bold=True
    )
    if column.control is Control.DATE:
        least = wish = measure_widest_translation("28.12.2026")
    elif column.control is Control.LIST:
        least = max(measure_longest_word(choice.label) for choice in column.choices)
        longest = max(measure_widest_translation(choice.label) for choice in column.choices)
        wish = max(least, min(longest, max(longest // 2, Cm(3.5)), Cm(6.5)))
    elif column.control is Control.TICKS:
        least = max(measure_text("☐\u00a0") + measure_longest_word(choice.label) for choice in column.choices)
        whole = sum(measure_box(choice.label) + GAP for choice in column.choices)
        least = whole if whole < Cm(3) else least
        wish = whole if whole < Cm(6) else max(measure_box(choice.label) for choice in column.choices) + GAP
    elif column.locked and not column.limit:
        least = wish = Cm(1.0)
    else:
        least = measure_text(prompt)
        wish = measure_text(LINE_PROMPTS[0]) + CHARACTER * column.limit // 9
    least = max(head, least) + PADDING
    return least, max(
        least, wish + PADDING, measure_widest_translation(column.label, LABEL, bold=True) * 3 // 5 + PADDING
    )


def add_loop_row(grid: DocxTable, text: str) -> None:
    """Add a row that holds only a statement of the template language."""
    merge_cells(grid.add_row().cells, 0, len(grid.columns) - 1).text = text


def add_last_row(document: DocxDocument, words: str) -> None:
    """Add the last words of the document as a row without rules, so that they never stand alone on a page.

    The paragraph that Word wants after a table is as low as can be: it must not open a page either.
    """
    grid = document.tables[-1]
    for row in list(grid.rows)[-3:]:
        keep_with_next(row)
    row = grid.add_row()
    row._tr.get_or_add_trPr().append(OxmlElement("w:cantSplit"))
    cell = merge_cells(row.cells, 0, len(grid.columns) - 1)
    cell.paragraphs[0].style = "Footer"
    cell.paragraphs[0].add_run(words)
    edges = "".join(f'<w:{edge} w:val="nil"/>' for edge in ("left", "bottom", "right"))
    cell._tc.get_or_add_tcPr().append(parse_xml(f"<w:tcBorders {nsdecls('w')}>{edges}</w:tcBorders>"))
    add_paragraph(document, "", "Gap").paragraph_format.line_spacing = Pt(1)


# --- rows and cells ---------------------------------------------------------------------------


def add_empty_table(document: DocxDocument, title: str, edges: Sequence[int], close: bool = False) -> DocxTable:
    """Add an empty table with light rules and a title for assistive software; ``edges`` are those of its columns."""
    margin = 20 if close else 40
    grid = document.add_table(rows=0, cols=len(edges) - 1)
    grid.alignment = WD_TABLE_ALIGNMENT.CENTER
    grid.autofit = False
    for column, (start, end) in zip(grid.columns, pairwise(edges), strict=True):
        column.width = end - start
    properties = grid._tbl.tblPr
    rules = "".join(
        f'<w:{edge} w:val="single" w:sz="4" w:space="0" w:color="{LINE}"/>'
        for edge in ("top", "left", "bottom", "right", "insideH", "insideV")
    )
    properties.append(parse_xml(f"<w:tblBorders {nsdecls('w')}>{rules}</w:tblBorders>"))
    margins = "".join(
        f'<w:{edge} w:w="{width}" w:type="dxa"/>'
        for edge, width in (("top", margin), ("left", 90), ("bottom", margin), ("right", 90))
    )
    properties.append(parse_xml(f"<w:tblCellMar {nsdecls('w')}>{margins}</w:tblCellMar>"))
    look = properties.find(qn("w:tblLook"))
    if look is not None:
        properties.remove(look)
        properties.append(look)
    caption = OxmlElement("w:tblCaption")
    caption.set(qn("w:val"), format_attribute_expression(title))
    properties.append(caption)
    return grid


def shade_cell(cell: Cell, colour: str = SHADE) -> None:
    """Colour the ground of a cell."""
    properties = cell._tc.get_or_add_tcPr()
    for old in properties.findall(qn("w:shd")):
        properties.remove(old)
    properties.append(parse_xml(f'<w:shd {nsdecls("w")} w:val="clear" w:color="auto" w:fill="{colour}"/>'))


def keep_with_next(row: Any) -> None:
    """Keep a row on the page of the next one."""
    for cell in row.cells:
        for line in cell.paragraphs:
            line.paragraph_format.keep_with_next = True


def style_answer_row(row: Any, question: Question, close: bool) -> None:
    """Keep a row on one page unless its text is long, and give room to write unless many rows follow closely."""
    area = question.control is Control.AREA
    if not area or question.limit <= LONG_TEXT:
        row._tr.get_or_add_trPr().append(OxmlElement("w:cantSplit"))
    row.height = CLOSE if close else HIGH if area else LOW
