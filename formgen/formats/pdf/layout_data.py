"""The data of a form's layout on paper: its texts, their places and the room of each answer."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import groupby
from typing import Any

from formgen.documents.extraction import Choice, Control, Question, build_cell_question
from formgen.documents.page_layout import (
    COLUMNS,
    LEGEND,
    WIDE_LABEL,
    can_share_row,
    compute_column_widths,
    extract_shared_hints,
    get_block_name,
    is_densely_set,
    is_too_wide_for_grid,
    iter_question_rows,
    iter_sections,
    list_prefilled_columns,
    split_signature,
)
from formgen.formats.font_metrics import load_font_metrics
from formgen.formats.pdf import appearance
from formgen.formats.pdf.fields import CASE, iter_field_names
from formgen.i18n import load_locale, translate

POINT = 72 / 2.54  # points in a cm
CLOSE_COLUMNS = (3.2, 5.3, 3.2, 5.3)  # cm: label, answer, label, answer where rows are closely set
LINE, MORE = 25, 14  # the height of a field of one line, and of each further one, in points
CLOSE_LINE, CLOSE_AREA = 24.7, 41.8  # the heights of a field where rows are closely set: 8 and 14 mm within
RIM = 1  # around a field in its cell, in points
KNOWN = 17  # the height of a field that nobody writes in
LETTER, BOX, CLOSE_BOX = 4.9, 19, 16  # the usual width of a letter; of a box with the gap behind it, in points
HALF = 65  # of the label of a box in a grid, at most, in points
PADDING, BETWEEN, CLOSE_BETWEEN = 12, 14, 7  # beside the boxes of a cell, and between them, in points


def build_layout_data(
    questions: Iterable[Question], language: str, words: Mapping[str, str], rows: Mapping[str, int]
) -> dict[str, Any]:
    """Build the texts and places of a form's pages, as `form.typ` reads them."""
    return {
        "lang": load_locale(language).language,
        "columns": COLUMNS,
        "rim": RIM,
        "close_columns": CLOSE_COLUMNS,
        "title": words["form_title"],
        "number": words["form_number"],
        "version": words["form_version"],
        "organiser": words["organiser"],
        "about": [text for text in (words["about"], words["privacy"]) if text],
        "case": CASE,
        "said": {
            "version": translate("versio", language),
            "case": translate("Asia", language),
            "page": translate("Sivu", language),
            "date": translate("pv.kk.vvvv", language),
            "required": translate("pakollinen", language),
            "legend": translate(LEGEND, language),
        },
        "sections": [
            {"title": title, "parts": list(iter_parts(group, rows))} for title, group in iter_sections(questions)
        ],
    }


def iter_parts(questions: Iterable[Question], rows: Mapping[str, int]) -> Iterator[dict[str, Any]]:
    """Yield the parts of a section: pairs in rows, signatures, and tables."""
    for (tabular, named), run in groupby(
        questions, key=lambda question: (bool(question.columns), get_block_name(question))
    ):
        if tabular:
            yield from (build_table(question, rows[question.path]) for question in run)
        elif named:
            yield build_signature(list(run))
        else:
            yield {"kind": "rows", "rows": list(iter_pair_rows(run))}


def build_signature(asked: Sequence[Question]) -> dict[str, Any]:
    """Return a signature: its name as a heading with the hint, its parts in one row."""
    title, named = split_signature(asked)
    sizes = [max(1.6, (measure_text(f"{part.label} *") * 1.06 + 10) / POINT) for part in named]
    days = [2.7 if part.control is Control.DATE else 0 for part in named]
    rest = (sum(COLUMNS) - sum(sizes) - sum(days)) / days.count(0)
    answers = [day or rest for day in days]
    return {
        **build_label(title),
        "kind": "signature",
        "widths": [size for pair in zip(sizes, answers, strict=True) for size in pair],
        "items": [build_item(part, size) for part, size in zip(named, answers, strict=True)],
    }


def build_table(question: Question, rows: int) -> dict[str, Any]:
    """Return a repeating table: cards where a grid would be too wide."""
    as_cards, close = is_too_wide_for_grid(question), is_densely_set(question)
    above, question = extract_shared_hints(question, as_cards)
    common = {
        **build_label(question),
        "kind": "cards" if as_cards else "grid",
        "close": close,
        "hints": [build_label(column) for column in above],
    }
    lines = [[build_cell_question(question, row, column) for column in question.columns] for row in range(rows)]
    if as_cards:
        return {
            **common,
            **build_card_widths(question),
            "cards": [build_card(line, len(list_prefilled_columns(question)), close) for line in lines],
        }
    sizes = fit_column_widths(question.columns)
    return {
        **common,
        "widths": sizes,
        "columns": [build_label(column) for column in question.columns],
        "rows": [[build_item(cell, size, close) for cell, size in zip(line, sizes, strict=True)] for line in lines],
    }


def build_card_widths(question: Question) -> dict[str, Any]:
    """Return the widths of the headings of cards: numbers narrow, the rest for what is last."""
    sizes: list[float] = []
    for column in list_prefilled_columns(question):
        sizes += ((measure_text(f"{column.label} *") * 1.06 + 10) / POINT, 4 if column.limit else 1.2)
    return {"widths": [*sizes[:-1], sum(COLUMNS) - sum(sizes[:-1])] if sizes else []}


def build_card(line: Sequence[Question], known: int, close: bool) -> dict[str, Any]:
    """Return a card: what is given, which is its heading, and the rows of what is asked."""
    heading = [{**build_item(cell, sum(COLUMNS) / 2, close), "height": KNOWN} for cell in line[:known]]
    return {"given": heading, "rows": list(iter_pair_rows(line[known:], close))}


def fit_column_widths(columns: Sequence[Question]) -> list[float]:
    """Return the width in cm of each column of a grid, with room for all that must not be broken."""
    sizes = compute_column_widths(columns)
    needed = [measure_least_width(column) / POINT for column in columns]
    missing = sum(max(need - size, 0) for need, size in zip(needed, sizes, strict=True))
    spare = sum(max(size - need, 0) for need, size in zip(needed, sizes, strict=True))
    return [max(need, size - max(size - need, 0) * missing / spare) for need, size in zip(needed, sizes, strict=True)]


def measure_least_width(column: Question) -> float:
    """Return the points that a column of a grid needs: for its boxes, or for what it is given."""
    if column.control is Control.LIST and column.locked:
        return min(max(measure_text(choice.label) for choice in column.choices) + 14, 8 * POINT)
    words = [measure_text(word) for choice in list_boxes(column) for word in choice.label.split()]
    if len(words) == 2 == len(column.choices) and sum(words) < 40:  # such as yes and no
        return sum(words) + 2 * BOX + BETWEEN + PADDING + 1
    halves = [min(measure_text(choice.label) * 0.65, HALF) for choice in list_boxes(column)]  # so that two lines do
    return max((part + BOX + PADDING + 1 for part in (*words, *halves)), default=0)


def list_boxes(question: Question) -> tuple[Choice, ...]:
    """Return the options that are drawn as boxes."""
    return question.choices if question.control is Control.TICKS else ()


def measure_text(text: str) -> float:
    """Measure the width of a text beside a box, in points."""
    return load_font_metrics().measure_text(load_font_metrics().clean_text(text), appearance.SIZE)


def iter_pair_rows(questions: Iterable[Question], close: bool = False) -> Iterator[list[dict[str, Any]]]:
    """Yield the rows of label and answer pairs."""
    columns = CLOSE_COLUMNS if close else COLUMNS
    for pair in iter_question_rows(questions, partial(can_share_row, close=close)):
        if is_full_width(pair[0], close):
            sizes = [sum(columns)]
        elif len(pair) == 2:
            sizes = [columns[1], columns[3]]
        else:
            sizes = [sum(columns[2:]) if len(pair[0].label) > WIDE_LABEL else sum(columns[1:])]
        yield [build_item(question, size, close) for question, size in zip(pair, sizes, strict=True)]


def is_full_width(question: Question, close: bool = False) -> bool:
    """Tell whether a question has its label above and the whole width below.

    Long text has, and boxes with a long label or so long ones that only this sets them side by side.
    """
    found = list_boxes(question)
    beside_label, whole = (
        count_boxes_per_line(found, sum(size) * POINT - PADDING, close) for size in (COLUMNS[1:], COLUMNS)
    )
    stacked = len(found) > 4 and beside_label == 1 < whole
    area = question.control is Control.AREA and not close
    return area or stacked or (len(found) > 2 and len(question.label) > WIDE_LABEL)


def build_label(question: Question) -> dict[str, Any]:
    """Build the printed label of a question."""
    return {
        "label": question.label,
        "code": question.number,
        "hint": question.hint,
        "required": question.required,
        "date": question.control is Control.DATE,
    }


def build_item(question: Question, width: float, close: bool = False) -> dict[str, Any]:
    """Return a question as it is drawn where its answer is so many cm wide."""
    return {
        **build_label(question),
        "name": question.path,
        "control": question.control,
        "close": close,
        "wide": is_full_width(question, close),
        "long": len(question.label) > WIDE_LABEL,
        "height": compute_height(question, width, close),
        "beside": count_boxes_per_line(question.choices, width * POINT - PADDING, close),
        "choices": [{"name": full, "label": choice.label} for full, choice in iter_field_names(question) if choice],
    }


def count_boxes_per_line(choices: Sequence[Choice], width: float, close: bool) -> int:
    """Count the boxes with labels that go side by side on a width in points."""
    box, between = (CLOSE_BOX, CLOSE_BETWEEN) if close else (BOX, BETWEEN)
    sizes = [measure_text(choice.label) + box for choice in choices]
    for count in range(min(len(sizes), 6), 1, -1):
        if sum(max(sizes[column::count]) for column in range(count)) + between * (count - 1) <= width:
            return count
    return 1


def compute_height(question: Question, width: float, close: bool) -> float:
    """Return the height in points of a field on a width in cm; closely set, the least that a hand can do with."""
    drawn: float = LINE + MORE * (count_lines(question, width) - 1)
    if close:
        drawn = CLOSE_AREA if question.control is Control.AREA else CLOSE_LINE
    return max(drawn, compute_prefilled_height(question, width))


def compute_prefilled_height(question: Question, width: float) -> float:
    """Return the height in points that the longest given option takes on a width in cm, in lines of usual size."""
    if question.control is not Control.LIST or not question.locked:
        return 0
    room = width * POINT - 2 * (RIM + appearance.MARGIN)
    most = max(len(list(appearance.wrap_line(choice.label, room, appearance.SIZE))) for choice in question.choices)
    return math.ceil(most * appearance.SIZE * appearance.LEADING + 2 * (RIM + appearance.MARGIN))


def count_lines(question: Question, width: float) -> int:
    """Count the lines of a field on a width in cm: room for a usual answer."""
    needed = question.limit * LETTER / (width * POINT)
    if question.control is Control.AREA:
        return min(max(math.ceil(needed * 0.4), 3), 4)
    return min(max(math.ceil(needed / 2.2), 1), 3) if question.control is Control.LINE else 1
