"""PDF forms for the tests of the way back: every form as it goes out, and what a person types into it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from functools import cache, partial
from pathlib import Path

from formgen import formats
from formgen.documents.extraction import (
    Answer,
    Control,
    Extraction,
    FormSpec,
    Identity,
    Question,
    RenderRequest,
    iter_questions,
)
from formgen.formats import pdf
from formgen.formats.pdf import fields
from formgen.forms import registry
from formgen.forms.form import Form
from formgen.issuing import issue
from tests.support.strategies import CASE_ID, FORMS, INSTANCE, KEYS, OFFICE, WORKSPACE

IDENTITY = {form: Identity(form.id, form.version, INSTANCE) for form in FORMS}
TYPED = "Äiti & “poika” ö å €5 – č đ ŋ ŧ"
NUMBER = 12  # as much as is written where a number or a time is asked
STORE = tempfile.TemporaryDirectory(prefix="formgen-pdf-")


def token(form: type[Form]) -> str:
    """Return the token of a form's documents."""
    return IDENTITY[form].sign_token(KEYS)


@cache
def draft(form: type[Form]) -> RenderRequest:
    """Return what the documents of a form are drawn from."""
    return RenderRequest(
        form.list_questions(),
        "fi",
        issue.build_document_texts(OFFICE, KEYS, form, IDENTITY[form], CASE_ID, "fi"),
        template=partial(registry.find_template, WORKSPACE, form),
        store=Path(STORE.name),
        sign_page_mark=partial(IDENTITY[form].sign_page_mark, KEYS),
    )


@cache
def issued(form: type[Form]) -> bytes:
    """Return a document of a form in which every field that may be cleared holds something."""
    return pdf.render(draft(form), Extraction({path: Answer(text) for path, text in known(form).items()}))


@cache
def papers() -> dict[tuple[str, str], FormSpec]:
    """Return what there is to find in the documents of every form."""
    return {(form.id, form.version): FormSpec(form.list_questions()) for form in FORMS}


def read(data: bytes) -> Extraction:
    """Return what stands in a document of any form."""
    return formats.read_document(data, papers())


def every(form: type[Form]) -> Iterator[Question]:
    """Yield every question of a form, tables with the rows that they print."""
    for asked in form.list_questions():
        yield from iter_questions([asked], asked.rows)


def known(form: type[Form]) -> dict[str, str]:
    """Return what a form is issued with: something in every third field."""
    return {question.path: some(question, 0) for at, question in enumerate(every(form)) if at % 3 == 0}


def typed(form: type[Form]) -> dict[str, str]:
    """Return what a person makes of every field of a form: what was known is changed or cleared."""
    answers = {}
    for at, question in enumerate(every(form)):
        answers[question.path] = "" if at % 6 == 3 else some(question, 1)
    return answers


def some(question: Question, turn: int) -> str:
    """Return an answer to a question, another one each turn."""
    codes = [choice.code for choice in question.choices]
    if question.control is Control.TICKS and question.many:
        return " ".join(codes[turn::2])
    if codes:
        return codes[turn % len(codes)]
    if question.control is Control.DATE:
        return f"{13 + turn}.4.2026"
    text = f"{TYPED}\nrivi {turn} [x]\n\nloppu" if question.control is Control.AREA else f"{turn} {TYPED}"
    return text[: question.limit or NUMBER].strip()


def boxes(form: type[Form], answers: Mapping[str, str]) -> dict[str, str | bool]:
    """Return the answers by the names of the fields: a text, or whether a box is ticked."""
    found: dict[str, str | bool] = {}
    for question in every(form):
        for name, option in fields.iter_field_names(question):
            said = answers[question.path]
            found[name] = option.code in said.split() if option else said
    return found


def said(sheet: Extraction) -> dict[str, str]:
    """Return the answers of a sheet that are not blank, as they were written."""
    return {path: answer.text for path, answer in sheet.answers.items() if answer.text}


def doubted(sheet: Extraction) -> dict[str, Answer]:
    """Return the answers of a sheet that need a person."""
    return {path: answer for path, answer in sheet.answers.items() if answer.confidence < 1}
