"""A PDF that has lost its fields is known by its pages: each value is as issued, or shown to a person."""

from __future__ import annotations

import io
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from PIL import Image

from formgen.documents.extraction import Control, Extraction, FormSpec, Mark, Question, confirm_given
from formgen.formats import pdf
from formgen.forms.form import Form
from formgen.i18n import clean_text
from tests.support.foreign import FILLERS, FLATTENERS, Job, flattened
from tests.support.pdf_forms import FORMS, IDENTITY, KEYS, boxes, draft, every, issued, known, papers, read, typed

BY_SIZE = sorted(FORMS, key=lambda form: len(list(every(form))))
SMALL = BY_SIZE[0]
WORDS_ARE_LOST = {"Chromium"}


def marks(sheet: Extraction) -> list[Mark]:
    """Return what the codes on the pages say; all of them are signed by us."""
    found = [KEYS.verify_page_mark(token) for token in sheet.tokens["qr"]]
    assert all(found)
    return [mark for mark in found if mark]


def measured(form: type[Form], data: bytes) -> Extraction:
    """Return what is read of a document in the two passes of the desk."""
    first = marks(read(data))[0]
    layout = pdf.load_layout(first.layout, draft(form).store / "layouts")
    assert layout
    paper: FormSpec = papers()[form.id, form.version]
    given = {path: text for path, text in known(form).items() if text}
    paper = paper._replace(layout=layout, issued_answers=frozenset(given))
    return confirm_given(pdf.read(data, {(form.id, form.version): paper}), given)


def close(text: str) -> str:
    """Return a text as it is compared with one whose lines were broken by a layout."""
    return " ".join(clean_text(text).split())


@cache
def returned(flattener: str, form: type[Form], filler: str = "") -> bytes:
    """Return a form as somebody has filled and flattened it."""
    with TemporaryDirectory() as folder:
        if filler:
            (data,) = FILLERS[filler]([Job(issued(form), boxes(form, typed(form)))], Path(folder))
        else:
            data = pdf.fill_document(issued(form), typed(form))
        return FLATTENERS[flattener](data, Path(folder))


def silently_wrong(sheet: Extraction, meant: dict[str, str]) -> dict[str, str]:
    """Return the answers that are taken without a person and are not what was meant."""
    return {
        path: answer.text
        for path, answer in sheet.answers.items()
        if answer.confidence == 1 and close(answer.text) != close(meant.get(path, ""))
    }


@pytest.mark.parametrize("form", tuple(FORMS), ids=lambda form: form.id)
def test_every_page_of_every_form_says_whose_it_is(form: type[Form]) -> None:
    found = marks(read(returned("PDFium", form)))
    assert {mark.identity for mark in found} == {IDENTITY[form]}
    assert [mark.page for mark in found] == list(range(1, found[0].pages + 1))
    assert read(returned("PDFium", form)).answers == {}, "where the fields stood is not known yet"


@pytest.mark.parametrize("form", BY_SIZE[:2], ids=lambda form: form.id)
@pytest.mark.parametrize("flattener", FLATTENERS)
def test_every_value_is_right_or_shown_to_a_person(flattener: str, form: type[Form]) -> None:
    data = returned(flattener, form)
    sheet = measured(form, data)
    questions = {question.path: question for question in every(form)}
    assert questions.keys() <= sheet.answers.keys()
    assert silently_wrong(sheet, typed(form)) == {}
    assert {path for path, answer in sheet.answers.items() if answer.confidence < 1} == set(sheet.pictures)
    assert sheet.facts == ()
    wrong = {
        path: (sheet.answers[path].text, meant)
        for path, meant in typed(form).items()
        if close(sheet.answers[path].text) != close(meant) and readable(flattener, questions[path])
    }
    assert wrong == {}
    if flattener in WORDS_ARE_LOST:
        lost = [path for path, meant in typed(form).items() if meant and not readable(flattener, questions[path])]
        assert {"unread" in sheet.answers[path].doubts for path in lost} == {True}


def readable(flattener: str, question: Question) -> bool:
    """Tell whether the pages of a flattener still say what stands in a question's place."""
    return flattener not in WORDS_ARE_LOST or question.control is Control.TICKS


@pytest.mark.parametrize("filler", ["pdf.js", "PDFium", "poppler", "pikepdf"])
def test_whatever_filled_it_no_value_is_silently_wrong(filler: str) -> None:
    sheet = measured(SMALL, returned("PDFium", SMALL, filler))
    meant = typed(SMALL) | {question.path: known(SMALL).get(question.path, "")
                            for question in every(SMALL) if question.locked}  # fmt: skip
    assert silently_wrong(sheet, meant) == {}
    assert len(sheet.answers) >= len(typed(SMALL))


def test_what_nobody_touched_is_sure() -> None:
    sheet = measured(SMALL, flattened(issued(SMALL)))
    assert {path: answer.text for path, answer in sheet.answers.items() if answer.text} == known(SMALL)
    assert ({answer.confidence for answer in sheet.answers.values()}, sheet.pictures) == ({1.0}, {})


def test_a_picture_shows_the_place_and_not_the_page() -> None:
    for picture in measured(SMALL, returned("PDFium", SMALL)).pictures.values():
        with Image.open(io.BytesIO(picture)) as image:
            assert 20 < image.width < 1600
            assert 20 < image.height < 1200
