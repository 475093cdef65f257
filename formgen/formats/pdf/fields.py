"""The form fields of a PDF: which a question has, and what they are called.

The fully qualified name of a field is the path itself (``benefits.0.payer``), for a box the path
and the code of its option (``consent_referral.yes``). A dot in such a name is a step down in the
tree of fields, so every piece between dots is the partial name of one node. Ticks of every kind
are one check box for each option with the on-state ``Yes``; a list is a combo box whose export
values are codes and ``-`` for none; everything else is a text field. Four fields are not of any
question: they carry the identity. Those of the notes show what stood elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from formgen import i18n
from formgen.documents.extraction import Choice, Control, Question, build_cell_question, iter_questions
from formgen.i18n import normalise_text

ON, OFF, NONE = "Yes", "Off", "-"
TOKEN, CASE, LANGUAGE, LAYOUT = "formgen_token", "formgen_case_id", "formgen_language", "formgen_layout"
NOTE = "formgen_note_"  # and a number
PARTIAL = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class Place:
    """Where one field stands: its name, path and option, its page from 0, and its rectangle.

    ``rect`` is left, bottom, right, top in points from the lower left corner of the page.
    """

    name: str
    path: str
    code: str
    page: int
    rect: tuple[float, float, float, float]


def is_system_field(name: str) -> bool:
    """Tell whether a field is one of ours that is of no question."""
    return name in (TOKEN, CASE, LANGUAGE, LAYOUT) or name.startswith(NOTE)


@lru_cache(maxsize=16_384)
def format_field_name(path: str, code: str = "") -> str:
    """Return the fully qualified name of a field; raise `ValueError` for what cannot be one.

    >>> format_field_name("benefits.0.payer"), format_field_name("consent_referral", "yes")
    ('benefits.0.payer', 'consent_referral.yes')
    """
    full = f"{path}.{code}" if code else path
    if not all(PARTIAL.fullmatch(step) for step in full.split(".")):
        raise ValueError(full)
    return full


def parse_field_name(name: str, questions: Iterable[Question]) -> tuple[str, str] | None:
    """Return path and option's code of a field's name, or None for one that the questions do not have."""
    found = find_question(name, questions)
    return (found[0].path, found[1].code if found[1] else "") if found else None


def find_question(name: str, questions: Iterable[Question]) -> tuple[Question, Choice | None] | None:
    """Return the question, with its full path, and the option that a field's name stands for."""
    for question in questions:
        if name != question.path and not name.startswith(f"{question.path}."):
            continue
        row = re.match(r"\.(0|[1-9]\d{0,3})\.", name[len(question.path) :]) if question.columns else None
        cells = (
            (build_cell_question(question, int(row[1]), column) for column in question.columns) if row else (question,)
        )
        for cell in cells:
            for full, option in iter_field_names(cell):
                if full == name and not cell.columns:
                    return cell, option
    return None


def iter_field_names(question: Question) -> Iterator[tuple[str, Choice | None]]:
    """Yield the name of every field of one question with a full path, and the option it stands for."""
    if question.control is Control.TICKS:
        yield from ((format_field_name(question.path, choice.code), choice) for choice in question.choices)
    else:
        yield format_field_name(question.path), None


def iter_fields(questions: Iterable[Question], rows: int = 0) -> Iterator[tuple[str, Question, Choice | None]]:
    """Yield name, question and option of every field, each table with the rows it prints or ``rows``."""
    for table in questions:
        for question in iter_questions([table], rows or table.rows):
            for full, option in iter_field_names(question):
                yield full, question, option


def find_choice_code(question: Question, text: str) -> str:
    """Return the code of what a list holds: some programs store its label."""
    if question.control is not Control.LIST:
        return text
    if text == NONE:
        return ""
    codes = {choice.code for choice in question.choices}
    labels = {
        normalise_text(said): choice.code
        for choice in question.choices
        for said in i18n.list_translations(choice.label)
    }
    return text if text in codes else labels.get(normalise_text(text), text)
