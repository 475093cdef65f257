"""How questions stand on a page: in sections, one or two to a row, in grids and in cards."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import takewhile

from formgen.documents.extraction import Control, Extraction, Question
from formgen.i18n import N_

LEGEND = N_("Tähdellä (*) merkityt kohdat ovat pakollisia. Numero kohdan perässä on kohdan tunnus.")
COLUMNS = (3.9, 4.7, 3.7, 4.7)  # cm: label, answer, label, answer
WIDE_LABEL = 44
GRID_COLUMNS = 6
FEW_ROWS = 4
SHORT, CLOSE_SHORT = 80, 200  # characters of an answer that does with half a row, and where rows are closely set
MOST_DIGITS = 5
EASY_SCALE = 1.12  # documents in easy language are set so much larger


def iter_sections(questions: Iterable[Question]) -> Iterator[tuple[str, list[Question]]]:
    """Yield each section's title and questions."""
    group: list[Question] = []
    title = ""
    for question in questions:
        if question.section and group:
            yield title, group
            group = []
        title = question.section or title
        group.append(question)
    yield title, group


def iter_question_rows(questions: Iterable[Question], beside: Callable[[Question], bool]) -> Iterator[list[Question]]:
    """Yield the questions of each row: two of one block when ``beside`` says that both do with half of it, else one."""
    waiting: list[Question] = []
    for question in questions:
        second = bool(waiting) and beside(question) and get_block_name(question) == get_block_name(waiting[0])
        if waiting and not second:
            yield waiting
            waiting = []
        waiting.append(question)
        if second or not beside(question):
            yield waiting
            waiting = []
    if waiting:
        yield waiting


def get_block_name(question: Question) -> str:
    """Return the name of the block that a question is a part of, such as one signature."""
    return question.path.rpartition(".")[0]


def can_share_row(question: Question, close: bool = False) -> bool:
    """Tell whether a question does with half a row; more do where rows are closely set."""
    longest = max((len(choice.label) for choice in question.choices), default=0)
    most = CLOSE_SHORT if close else SHORT
    drawn = question.control in (Control.LINE, Control.DATE, Control.LIST) and question.limit <= most and longest <= 40
    boxes = MOST_DIGITS if close and longest == 1 else 2
    ticked = question.control is Control.TICKS and len(question.choices) <= boxes
    return (drawn or ticked) and len(question.label) <= WIDE_LABEL and len(question.hint) <= 60


def split_signature(parts: Sequence[Question]) -> tuple[Question, list[Question]]:
    """Return the heading of a signature, with its hint, and its parts without: its name, its date."""
    heading = replace(parts[0], label=parts[0].label.rpartition(": ")[0])
    return heading, [replace(part, label=part.label.rpartition(": ")[2].capitalize(), hint="") for part in parts]


def is_densely_set(table: Question) -> bool:
    """Tell whether the rows of a table are so many that they are closely set."""
    return table.rows > FEW_ROWS


def extract_shared_hints(table: Question, as_cards: bool) -> tuple[list[Question], Question]:
    """Return the columns whose hints stand once above a table, a grid or many cards, and the table without them."""
    if as_cards and not is_densely_set(table):
        return [], table
    bare = replace(table, columns=tuple(replace(column, hint="") for column in table.columns))
    return [column for column in table.columns if column.hint], bare


def list_prefilled_columns(table: Question) -> list[Question]:
    """Return the columns with which a card comes, such as the number and name of what is assessed: its heading."""
    return list(takewhile(lambda column: column.locked, table.columns))


def is_too_wide_for_grid(question: Question) -> bool:
    """Tell whether a table is too wide for a grid."""
    many = any(
        column.control is Control.AREA or (len(column.choices) > 6 and column.control is Control.TICKS)
        for column in question.columns
    )
    return many or len(question.columns) > GRID_COLUMNS


def compute_column_widths(columns: Iterable[Question]) -> list[float]:
    """Return the width in cm of each column of a grid, by what it has to hold."""
    weights = [
        {Control.DATE: 2.2, Control.LIST: 3.0, Control.TICKS: 1.9}.get(
            column.control, 2.0 + min(column.limit, 120) / 60
        )
        for column in columns
    ]
    return [sum(COLUMNS) * weight / sum(weights) for weight in weights]


def count_rows(table: Question, extraction: Extraction) -> int:
    """Count the rows to draw: those printed, or all that are used and a spare one."""
    prefix = f"{table.path}."
    used = {int(path[len(prefix) :].split(".")[0]) for path in extraction.answers if path.startswith(prefix)}
    return max(table.rows, len(used) if table.locked else max(used, default=-1) + 2)
