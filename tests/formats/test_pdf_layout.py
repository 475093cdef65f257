"""The layout of the PDF forms: every field in its place, the code and the squares on every page."""

from __future__ import annotations

import io
import re
from itertools import combinations
from typing import Any
from uuid import UUID

import pikepdf
import pypdfium2
import pytest
import zxingcpp
from pikepdf import Name

from formgen.documents.extraction import Control, Identity, Mark
from formgen.formats.pdf import fields
from formgen.formats.pdf.fill import iter_named_fields
from formgen.formats.pdf.layout import CORNER, SQUARE, get_full_name
from formgen.forms.form import Form
from formgen.i18n import translate
from tests.support.pdfs import (
    A4,
    EACH,
    EVERY,
    MEANT,
    asked,
    drawn,
    identity,
    laid,
    widgets,
)
from tests.support.strategies import KEYS

BACKWARDS = EVERY[::-1]  # so that two workers meet, and each layout is made once


# --- the fields ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("form", "language"), BACKWARDS)
def test_every_question_has_its_fields_in_the_order_of_reading(desk: Any, form: type[Form], language: str) -> None:
    with pikepdf.open(io.BytesIO(drawn(desk, form, language))) as document:
        found = [name for name, _ in widgets(document)]
        assert [name for name in found if name not in MEANT] == [name for name, _, _ in asked(form, language)]
        assert sorted(set(found) & MEANT) == sorted(MEANT)
        assert sorted(name for name, _ in iter_named_fields(document.Root.AcroForm.Fields)) == sorted(found)
        assert all(sheet.Tabs == Name.S for sheet in document.pages)
        assert in_structure(document) == [name for name in found if name not in MEANT - {fields.CASE}]


def in_structure(document: pikepdf.Pdf) -> list[str]:
    """Return the names of the fields in the order in which assistive software comes to them."""
    found: list[str] = []

    def walk(element: Any) -> None:
        kids = element.get("/K", [])
        kids = list(kids) if isinstance(kids, pikepdf.Array) else [kids]
        if element.get("/S") == Name.Form:
            (kid,) = kids
            assert kid.Type == Name.OBJR
            found.append(get_full_name(kid.Obj))
            return
        for kid in kids:
            if isinstance(kid, pikepdf.Dictionary):
                walk(kid)

    walk(document.Root.StructTreeRoot)
    return found


@pytest.mark.parametrize(("form", "language"), BACKWARDS)
def test_every_field_says_what_it_is_and_what_it_takes(desk: Any, form: type[Form], language: str) -> None:
    questions = {name: (question, option) for name, question, option in asked(form, language)}
    tables = {table.path: table for table in form.list_questions(language) if table.columns}
    with pikepdf.open(io.BytesIO(laid(desk, form, language).pdf)) as document:
        for name, widget in widgets(document):
            if name not in questions:
                continue
            question, option = questions[name]
            tip, flags = str(widget.TU), int(widget.get("/Ff", 0))
            assert question.title in tip
            if (table := tables.get(name.partition(".")[0])) is not None:
                assert tip.startswith(f"{table.title} {int(name.split('.')[1]) + 1}: ")
            assert tip.endswith(f", {translate('pakollinen', language)}") == question.required
            assert bool(flags & 1) == question.locked
            if option:
                assert option.label in tip
                assert sorted(widget.AP.N.keys()) == ["/Off", "/Yes"]
                assert (Name.Btn, Name.Off, Name.Off) == (widget.FT, widget.V, widget.AS)
                continue
            assert bool(flags & 2) == question.required
            assert str(widget.DA) == "/LoSa 9.5 Tf 0 g"
            assert widget.get("/MaxLen", 0) == question.limit
            assert list(widget.AP.keys()) == ["/N"]
            if question.control is Control.LIST:
                assert Name.Ch == widget.FT
                assert flags & 1 << 17
                options = [(str(code), str(label)) for code, label in widget.Opt]
                assert options == [("-", "-"), *question.choices]
            else:
                assert Name.Tx == widget.FT
                assert question.control is not Control.AREA or flags & 1 << 12


@pytest.mark.parametrize("form", EACH)
def test_every_name_leads_back_to_its_path(form: type[Form]) -> None:
    for name, question, option in asked(form):
        assert fields.parse_field_name(name, form.list_questions()) == (question.path, option.code if option else "")
        assert fields.format_field_name(question.path, option.code if option else "") == name
    assert fields.parse_field_name("client_lst_name", form.list_questions()) is None
    assert fields.parse_field_name("formgen_token", form.list_questions()) is None


@pytest.mark.parametrize("path", ["", "a..b", "a b", "a/b", "ä", ".a"])
def test_what_cannot_be_a_name_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="^" + re.escape(path)):
        fields.format_field_name(path)


# --- the page -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("form", "language"), BACKWARDS)
def test_fields_stand_within_the_margins_and_never_on_one_another(desk: Any, form: type[Form], language: str) -> None:
    found = laid(desk, form, language)
    assert {place.page for place in found.places} == set(range(found.pages))
    for page_number in range(found.pages):
        here = [place for place in found.places if place.page == page_number]
        for place in here:
            left, bottom, right, top = place.rect
            assert 56 < left < right < A4[0] - 56, place
            assert 56 < bottom < top < A4[1] - 45, place
            assert right - left > 11, place
            assert top - bottom > 11, place
        for one, other in combinations(here, 2):
            apart = (
                one.rect[2] <= other.rect[0]
                or other.rect[2] <= one.rect[0]
                or one.rect[3] <= other.rect[1]
                or other.rect[3] <= one.rect[1]
            )
            assert apart, (one, other)


@pytest.mark.parametrize(("form", "language"), BACKWARDS)
def test_what_is_printed_stands_within_the_margins_and_in_one_size_of_paper(
    desk: Any, form: type[Form], language: str
) -> None:
    document = pypdfium2.PdfDocument(laid(desk, form, language).pdf)
    for sheet in document:
        assert sheet.get_size() == pytest.approx(A4, abs=0.1)
        text = sheet.get_textpage()
        for number in range(text.count_rects()):
            left, bottom, right, top = text.get_rect(number)
            assert 56 < left < right < A4[0] - 54, text.get_text_bounded(left, bottom, right, top)
            assert 30 < bottom < top < A4[1] - 25, text.get_text_bounded(left, bottom, right, top)


@pytest.mark.parametrize("form", EACH)
def test_the_blocks_of_a_signature_stand_on_one_page(desk: Any, form: type[Form]) -> None:
    pages: dict[str, set[int]] = {}
    for place in laid(desk, form).places:
        block = place.path.rpartition(".")[0]
        if block.startswith("sign_"):
            pages.setdefault(block, set()).add(place.page)
    assert all(len(on) == 1 for on in pages.values())


@pytest.mark.parametrize("form", EACH)
def test_the_code_and_the_squares_are_on_every_page(desk: Any, form: type[Form]) -> None:
    data, layout = drawn(desk, form), laid(desk, form)
    document = pypdfium2.PdfDocument(data)
    assert len(document) == layout.pages
    scale = 150 / 72
    for number, sheet in enumerate(document, start=1):
        picture = sheet.render(scale=scale, grayscale=True).to_pil()
        (code,) = zxingcpp.read_barcodes(picture, formats=zxingcpp.BarcodeFormat.QRCodeModel2)
        assert KEYS.verify_page_mark(code.text) == Mark(identity(form), number, layout.pages, layout.digest)
        assert code.text in sheet.get_textpage().get_text_range().replace("\r\n", "")
        wide = (code.position.top_right.x - code.position.top_left.x) / scale / 72 * 25.4
        assert wide == pytest.approx(0.7 * (33 if wide < 25 else 37), abs=0.4)
        for across, down in ((0, 0), (0, 1), (1, 0), (1, 1)):
            x = (A4[0] - CORNER - SQUARE if across else CORNER) + SQUARE / 2
            y = (A4[1] - CORNER - SQUARE if down else CORNER) + SQUARE / 2
            for dx, dy, black in ((0, 0, True), (6, 6, True), (-6, 6, True), (9, 0, False), (0, -9, False)):
                assert (picture.getpixel((round((x + dx) * scale), round((y + dy) * scale))) < 128) == black


@pytest.mark.parametrize("wrong", ["FG2", "JOB-END", "2026.2", "2/5", "1/6", "1BADCAFE", "K2", "0"])
def test_a_code_that_we_did_not_sign_says_nothing(wrong: str) -> None:
    text = Identity("job_start", "2026.1", UUID(int=1)).sign_page_mark(KEYS, 1, 5, "0badcafe")
    right = ["FG1", "JOB-START", "2026.1", "1/5", "1/5", "0BADCAFE", "K1", text[-1]]
    before = right[["FG2", "JOB-END", "2026.2", "2/5", "1/6", "1BADCAFE", "K2", "0"].index(wrong)]
    changed = text[:-1] + ("1" if text[-1] == "0" else "0") if wrong == "0" else text.replace(before, wrong)
    assert KEYS.verify_page_mark(text) is not None
    assert changed != text
    assert KEYS.verify_page_mark(changed) is None
