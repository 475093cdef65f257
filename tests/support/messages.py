"""The texts of the forms as ``pybabel extract`` gets them: a form composes some of what it prints, so it is asked."""

from __future__ import annotations

import inspect
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from babel.messages.extract import extract_python

from formgen.documents.extraction import Control, Question
from formgen.fields import MunicipalityChoice, SingleChoice
from formgen.forms import registry
from formgen.forms.declare import Field
from formgen.forms.form import Form
from formgen.settings import WorkspaceFolder

REPOSITORY = Path(__file__).parents[2]
FORMS = registry.load_forms(WorkspaceFolder(REPOSITORY))


def extract_forms(
    file: IO[bytes], keywords: Mapping[str, Any], comment_tags: Collection[str], options: Mapping[str, Any]
) -> Iterator[tuple[int, str | None, Any, list[str]]]:
    """Yield the marked texts of a file of ``schemas/`` and what its forms print and say, as Babel asks a method to."""
    yield from extract_python(file, keywords, comment_tags, dict(options))
    for form in FORMS:
        if Path(inspect.getfile(form)) == Path(file.name).resolve():
            yield from ((0, None, text, []) for text in iter_texts(form) if any(map(str.isalpha, text)))


def iter_texts(form: type[Form]) -> Iterator[str]:
    """Yield what a form prints and what its rules, deadlines and contradictions say."""
    yield from (form.title, form.about)
    for question in form.list_questions():
        yield from iter_question_texts(question)
    for field in iter_fields(form.fields):
        yield field.label
        if isinstance(field.field_type, SingleChoice) and not isinstance(field.field_type, MunicipalityChoice):
            yield from (name for code in field.field_type.of.values() for name in (code.label, *code.names))
    yield from (declared.message for declared in (*form.rules, *form.deadlines, *form.contradictions))


def iter_question_texts(question: Question) -> Iterator[str]:
    """Yield the texts of a question as it stands on paper; a list's options are said one by one."""
    yield from (question.section, question.label, question.hint)
    if question.control is Control.TICKS:
        yield from (choice.label for choice in question.choices)
    for column in question.columns:
        yield from iter_question_texts(column)


def iter_fields(fields: Iterable[Field]) -> Iterator[Field]:
    """Yield the fields and the columns of those that are tables."""
    for field in fields:
        yield field
        yield from iter_fields(field.columns)
