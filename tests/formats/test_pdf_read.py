"""What was typed into a PDF comes back as it was typed, or in doubt, or not at all: never otherwise."""

from __future__ import annotations

import pytest

from formgen.formats import pdf
from formgen.forms.form import Form
from tests.support.pdf_forms import FORMS, TYPED, doubted, issued, known, read, said, token, typed

every_form = pytest.mark.parametrize("form", tuple(FORMS), ids=lambda form: form.id)


@every_form
def test_a_form_that_nobody_touched_says_what_it_was_issued_with(form: type[Form]) -> None:
    sheet = read(issued(form))
    assert said(sheet) == known(form)
    assert (doubted(sheet), sheet.facts, sheet.strays, sheet.reader) == ({}, (), (), "pdf")
    assert sheet.claims == {"case_id": "PK-2026-00001", "language": "fi"}


@every_form
def test_every_carrier_says_whose_document_it_is(form: type[Form]) -> None:
    assert read(issued(form)).tokens == dict.fromkeys(("field", "xmp", "info", "attachment"), (token(form),))


@every_form
def test_what_was_typed_comes_back_as_it_was_typed(form: type[Form]) -> None:
    sheet = read(pdf.fill_document(issued(form), typed(form)))
    assert said(sheet) == {path: text for path, text in typed(form).items() if text}
    assert typed(form).keys() <= sheet.answers.keys()
    assert doubted(sheet) == {}
    assert any(TYPED in text for text in said(sheet).values())
