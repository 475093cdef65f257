"""PDF forms for the tests: drawn, laid out, filled and looked into."""

from __future__ import annotations

from collections.abc import Container, Iterator
from typing import Any

import page as conformance
import pikepdf
import pytest

from formgen.documents.extraction import Control, Extraction, Identity, Question, iter_questions
from formgen.documents.page_layout import count_rows
from formgen.formats import pdf
from formgen.formats.pdf import fields
from formgen.formats.pdf.layout import Layout, get_full_name
from formgen.forms.form import Form, prefill_extraction
from formgen.issuing import issue
from tests.support.strategies import CASE_ID, FORMS, INSTANCE, words

EVERY = [
    pytest.param(form, language, id=f"{form.id}-{language}") for form in FORMS for language in ("fi", "sv", "fi_selko")
]
EACH = [pytest.param(form, id=form.id) for form in FORMS]
ODD = "Čáŋ Đuoŧŧar – “ä ö å” €"
MEANT = {fields.TOKEN, fields.CASE, fields.LANGUAGE, fields.LAYOUT}
A4 = (595.276, 841.89)
UA, A3 = conformance.ValidationProfile.PDF_UA_1, conformance.ValidationProfile.PDF_A_3A


def identity(form: type[Form]) -> Identity:
    return Identity(form.id, form.version, INSTANCE)


def drawn(
    desk: Any,
    form: type[Form],
    language: str = "fi",
    sheet: Extraction | None = None,
    record: bytes = b"",
    omitted: Container[str] = (),
) -> bytes:
    draft = issue.build_render_request(desk, desk.keys, form, identity(form), CASE_ID, language, omitted, record)
    return pdf.render(draft, sheet or prefill_extraction(form, {}, language))


def laid(desk: Any, form: type[Form], language: str = "fi") -> Layout:
    rows = {table.path: count_rows(table, Extraction({})) for table in form.list_questions() if table.columns}
    return pdf.get_layout(form.list_questions(language), language, words(form, language), rows, desk.var / "layouts")


def failures(data: bytes, profile: Any) -> list[tuple[str, str]]:
    found = conformance.validate_pdf_bytes(data, profile=profile)
    assert found.is_compliant or found.failures
    return [(failure.rule_id, failure.message) for failure in found.failures]


def asked(form: type[Form], language: str = "fi") -> Iterator[tuple[str, Question, Any]]:
    """Yield name, question and option of every field of an empty document, in order."""
    for table in form.list_questions(language):
        for question in iter_questions([table], count_rows(table, Extraction({})) if table.columns else 0):
            yield from ((name, question, option) for name, option in fields.iter_field_names(question))


def full(form: type[Form]) -> dict[str, str]:
    """Return an answer for every question of an empty document but the spare rows; text with all that is odd in it."""
    spare = {f"{table.path}.{table.rows - 1}." for table in form.list_questions() if table.columns and not table.locked}
    found = {}
    for name, question, option in asked(form):
        if name.startswith(tuple(spare)):
            continue
        if question.choices and question.control in (Control.TICKS, Control.LIST):
            found[question.path] = question.choices[-1].code
        elif not option:
            text = f"{ODD}\nč đ ŋ ŧ ž" if question.control is Control.AREA else ODD
            found[question.path] = "1.2.2026" if question.control is Control.DATE else text[: question.limit or None]
    return found


def widgets(document: pikepdf.Pdf) -> Iterator[tuple[str, Any]]:
    """Yield name and widget of every field, page by page."""
    for sheet in document.pages:
        yield from ((get_full_name(widget), widget) for widget in sheet.Annots)


def values_of(document: pikepdf.Pdf) -> dict[str, str]:
    return {name: str(widget.get("/V", "")) for name, widget in widgets(document)}
