"""The outline of a form on paper: what is said where, and how much room each answer has."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from formgen.arrangement import COLUMNS, WIDE_LABEL, block, cards, paired, sections, short, widths
from formgen.formats.pdf import look
from formgen.formats.pdf.face import face
from formgen.formats.pdf.fields import CASE, boxes
from formgen.sheet import Choice, Control, Question, within
from formgen.words import locale, say

POINT = 72 / 2.54  # points in a cm
LINE, MORE = 25, 14  # the height of a field of one line, and of each further one, in points
LETTER, BOX = 4.9, 19  # the usual width of a letter; of a box with the gap behind it, in points


def described(
    questions: Iterable[Question], language: str, words: Mapping[str, str], rows: Mapping[str, int]
) -> dict[str, Any]:
    """Return all that the page says and where, as `form.typ` reads it."""
    return {
        "lang": locale(language).language,
        "columns": COLUMNS,
        "title": words["form_title"],
        "number": words["form_number"],
        "version": words["form_version"],
        "organiser": words["organiser"],
        "about": [text for text in (words["about"], words["privacy"]) if text],
        "case": CASE,
        "said": {
            "version": say("versio", language),
            "case": say("Asia", language),
            "page": say("Sivu", language),
            "date": say("pv.kk.vvvv", language),
            "required": say("pakollinen", language),
            "legend": say(
                "Tähdellä (*) merkityt kohdat ovat pakollisia. Numero kohdan perässä on kohdan tunnus.", language
            ),
        },
        "sections": [{"title": title, "parts": list(parts(group, rows))} for title, group in sections(questions)],
    }


def parts(questions: Iterable[Question], rows: Mapping[str, int]) -> Iterator[dict[str, Any]]:
    """Yield the parts of a section: pairs in rows, and tables; blocks such as signatures stay together."""
    for (tabular, named), run in groupby(
        questions, key=lambda question: (bool(question.columns), bool(block(question)))
    ):
        if tabular:
            yield from (table(question, rows[question.path]) for question in run)
        else:
            groups = [list(pairs(group)) for _, group in groupby(run, key=block)]
            yield {"kind": "rows", "together": named, "groups": groups}


def table(question: Question, rows: int) -> dict[str, Any]:
    """Return a repeating table: cards where a grid would be too wide."""
    lines = [[within(question, row, column) for column in question.columns] for row in range(rows)]
    common = {**labelled(question), "kind": "cards" if cards(question) else "grid"}
    if cards(question):
        return {**common, "cards": [list(pairs(line)) for line in lines]}
    sizes = roomy(question.columns)
    return {
        **common,
        "widths": sizes,
        "columns": [labelled(column) for column in question.columns],
        "rows": [[item(cell, size) for cell, size in zip(line, sizes, strict=True)] for line in lines],
    }


def roomy(columns: Sequence[Question]) -> list[float]:
    """Return the width in cm of each column of a grid, with room for every word beside a box."""
    sizes = widths(columns)
    needed = [
        max((size_of(word) + BOX + 13 for choice in boxed(column) for word in choice.label.split()), default=0) / POINT
        for column in columns
    ]
    missing = sum(max(need - size, 0) for need, size in zip(needed, sizes, strict=True))
    spare = sum(max(size - need, 0) for need, size in zip(needed, sizes, strict=True))
    return [max(need, size - max(size - need, 0) * missing / spare) for need, size in zip(needed, sizes, strict=True)]


def boxed(question: Question) -> tuple[Choice, ...]:
    """Return the options that are drawn as boxes."""
    return question.choices if question.control is Control.TICKS else ()


def size_of(text: str) -> float:
    """Return how wide a text is beside a box, in points."""
    return face().width(face().clean(text), look.SIZE)


def pairs(questions: Iterable[Question]) -> Iterator[list[dict[str, Any]]]:
    """Yield the rows of label and answer pairs."""
    for pair in paired(questions, short):
        if wide(pair[0]):
            sizes = [sum(COLUMNS)]
        elif len(pair) == 2:
            sizes = [COLUMNS[1], COLUMNS[3]]
        else:
            sizes = [sum(COLUMNS[2:]) if len(pair[0].label) > WIDE_LABEL else sum(COLUMNS[1:])]
        yield [item(question, size) for question, size in zip(pair, sizes, strict=True)]


def wide(question: Question) -> bool:
    """Tell whether a question has its label above and the whole width below: long text, and boxes of a long label."""
    return question.control is Control.AREA or (len(boxed(question)) > 2 and len(question.label) > WIDE_LABEL)


def labelled(question: Question) -> dict[str, Any]:
    """Return what is printed as the label of a question."""
    return {
        "label": question.label,
        "code": question.number,
        "hint": question.hint,
        "required": question.required,
        "date": question.control is Control.DATE,
    }


def item(question: Question, width: float) -> dict[str, Any]:
    """Return a question as it is drawn where its answer is so many cm wide."""
    return {
        **labelled(question),
        "name": question.path,
        "control": question.control,
        "wide": wide(question),
        "long": len(question.label) > WIDE_LABEL,
        "height": LINE + MORE * (lines(question, width) - 1),
        "beside": beside(question.choices, width * POINT - 12),
        "choices": [{"name": full, "label": choice.label} for full, choice in boxes(question) if choice],
    }


def beside(choices: Sequence[Choice], width: float) -> int:
    """Return how many boxes with their labels go side by side on a width in points."""
    sizes = [size_of(choice.label) + BOX for choice in choices]
    for count in range(min(len(sizes), 6), 1, -1):
        if sum(max(sizes[column::count]) for column in range(count)) + 14 * (count - 1) <= width:
            return count
    return 1


def lines(question: Question, width: float) -> int:
    """Return how many lines a field has on a width in cm: room for what is usually written."""
    needed = question.limit * LETTER / (width * POINT)
    if question.control is Control.AREA:
        return min(max(math.ceil(needed * 0.6), 3), 4 if block(question) else 8)
    return min(max(math.ceil(needed / 1.9), 1), 3) if question.control is Control.LINE else 1
