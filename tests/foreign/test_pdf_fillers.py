"""What people type into a PDF with the programs they have comes back to the letter."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from formgen.forms.form import Form
from tests.support.foreign import FILLERS, Job
from tests.support.pdf_forms import FORMS, boxes, doubted, every, issued, read, said, typed


@cache
def filled(filler: str) -> dict[type[Form], bytes]:
    """Return every form as one program fills it."""
    with TemporaryDirectory() as folder:
        jobs = [Job(issued(form), boxes(form, typed(form))) for form in FORMS]
        return dict(zip(FORMS, FILLERS[filler](jobs, Path(folder)), strict=True))


@pytest.mark.parametrize("form", tuple(FORMS), ids=lambda form: form.id)
@pytest.mark.parametrize("filler", FILLERS)
def test_every_value_comes_back_exactly(filler: str, form: type[Form]) -> None:
    sheet = read(filled(filler)[form])
    locked = {question.path for question in every(form) if question.locked}
    assert {path: text for path, text in said(sheet).items() if path not in locked} == {
        path: text for path, text in typed(form).items() if text and path not in locked
    }
    assert (doubted(sheet), sheet.facts, sheet.strays) == ({}, (), ())
    assert set(sheet.tokens) == {"field", "xmp", "info", "attachment"}
