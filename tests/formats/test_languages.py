"""A document says the same in any language, and is read back by what is known in Finnish."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from formgen import formats
from formgen.documents.extraction import Answer, Extraction
from formgen.fields import SingleChoice
from formgen.forms.form import Field, Form, prefill_extraction
from tests.support import strategies

FORMS = tuple(strategies.FORMS)
IDS = [form.id for form in FORMS]


@pytest.mark.parametrize("language", ["sv", "fi_selko"])
@pytest.mark.parametrize("form", FORMS, ids=IDS)
@settings(max_examples=5, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_document_reads_back_the_same_in_any_language(form: type[Form], language: str, data: st.DataObject) -> None:
    known = data.draw(strategies.records(form))
    assert returned(form, known, language).answers == returned(form, known, "fi").answers
    assert not returned(form, known, language).strays


def returned(form: type[Form], known: Mapping[str, object], language: str) -> Extraction:
    """Return what is read of a document in the language; municipalities and options by what they mean."""
    sheet = formats.read_document(
        strategies.drawn(form, prefill_extraction(form, known, language), language), strategies.papers()
    )
    return Extraction(
        {path: meant(form.find_field(path), answer) for path, answer in sheet.answers.items()}, strays=sheet.strays
    )


def meant(asked: Field | None, answer: Answer) -> Answer:
    """Return the answer to a choice by its code: a label is written in the language of its document."""
    if asked is None or not isinstance(asked.field_type, SingleChoice) or not answer.text:
        return answer
    return replace(answer, text=str(asked.field_type.read(answer.text, strategies.TODAY).value))
