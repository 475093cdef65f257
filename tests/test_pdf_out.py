"""PDF forms go out: laid out, fillable, accessible, and with the identity on every page."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import page as conformance
import pikepdf
import pypdfium2
import pytest
import zxingcpp
from pikepdf import Name
from typer.testing import CliRunner

from formgen import issue
from formgen.arrangement import row_count
from formgen.cli import app
from formgen.errors import UsageError
from formgen.form import Form, blank
from formgen.formats import pdf
from formgen.formats.pdf import fields
from formgen.formats.pdf.draw import CLAIMS, RECORD
from formgen.formats.pdf.fill import named
from formgen.formats.pdf.layout import CORNER, SQUARE, Layout, full_name
from formgen.settings import Office
from formgen.sheet import Answer, Control, Identity, Mark, Question, Sheet, flat
from formgen.words import say
from tests.conftest import REFERRAL, Bench
from tests.strategies import CASE_ID, FORMS, INSTANCE, KEYS, words

EVERY = [
    pytest.param(form, language, id=f"{form.id}-{language}") for form in FORMS for language in ("fi", "sv", "fi_selko")
]
EACH = [pytest.param(form, id=form.id) for form in FORMS]
ODD = "Čáŋ Đuoŧŧar – “ä ö å” €"
MEANT = {fields.TOKEN, fields.CASE, fields.LANGUAGE, fields.LAYOUT}
A4 = (595.276, 841.89)
UA, A3 = conformance.ValidationProfile.PDF_UA_1, conformance.ValidationProfile.PDF_A_3A


@pytest.fixture(scope="session")
def desk(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Any:
    """Return what documents are drawn with; the layouts are shared by all that run the tests."""
    base = tmp_path_factory.getbasetemp()
    return SimpleNamespace(office=Office(), keys=KEYS, var=base if worker_id == "master" else base.parent)


def identity(form: type[Form]) -> Identity:
    return Identity(form.id, form.version, INSTANCE)


def drawn(desk: Any, form: type[Form], language: str = "fi", sheet: Sheet | None = None, record: bytes = b"") -> bytes:
    draft = issue.drafted(desk, form, identity(form), CASE_ID, language, record)
    return pdf.draw(draft, sheet or blank(form, {}, language))


def laid(desk: Any, form: type[Form], language: str = "fi") -> Layout:
    rows = {table.path: row_count(table, Sheet({})) for table in form.questions() if table.columns}
    return pdf.layout(form.questions(language), language, words(form, language), rows, desk.var / "layouts")


def failures(data: bytes, profile: Any) -> list[tuple[str, str]]:
    found = conformance.validate_pdf_bytes(data, profile=profile)
    assert found.is_compliant or found.failures
    return [(failure.rule_id, failure.message) for failure in found.failures]


def asked(form: type[Form], language: str = "fi") -> Iterator[tuple[str, Question, Any]]:
    """Yield name, question and option of every field of an empty document, in order."""
    for table in form.questions(language):
        for question in flat([table], row_count(table, Sheet({})) if table.columns else 0):
            yield from ((name, question, option) for name, option in fields.boxes(question))


def full(form: type[Form]) -> dict[str, str]:
    """Return an answer for every question of an empty document; text with all that is odd in it."""
    found = {}
    for _, question, option in asked(form):
        if question.choices and question.control in (Control.TICKS, Control.LIST):
            found[question.path] = question.choices[-1].code
        elif not option:
            text = f"{ODD}\nč đ ŋ ŧ ž" if question.control is Control.AREA else ODD
            found[question.path] = (
                text[: question.limit or None] if question.control is not Control.DATE else "1.2.2026"
            )
    return found


def widgets(document: pikepdf.Pdf) -> Iterator[tuple[str, Any]]:
    """Yield name and widget of every field, page by page."""
    for sheet in document.pages:
        yield from ((full_name(widget), widget) for widget in sheet.Annots)


def values_of(document: pikepdf.Pdf) -> dict[str, str]:
    return {name: str(widget.get("/V", "")) for name, widget in widgets(document)}


# --- it conforms --------------------------------------------------------------------------------


@pytest.mark.parametrize(("form", "language"), EVERY)
def test_every_form_passes_pdf_ua(desk: Any, form: type[Form], language: str) -> None:
    assert failures(drawn(desk, form, language), UA) == []


@pytest.mark.parametrize("form", EACH)
def test_every_form_passes_pdf_ua_with_every_field_filled(desk: Any, form: type[Form]) -> None:
    assert failures(pdf.fill(drawn(desk, form), full(form)), UA) == []


@pytest.mark.parametrize(("form", "language"), EVERY)
def test_every_archived_form_passes_pdf_a_and_pdf_ua(desk: Any, form: type[Form], language: str) -> None:
    sheet = Sheet({path: Answer(text) for path, text in full(form).items()})
    document = drawn(desk, form, language, sheet, b'{"form": "x"}')
    assert failures(document, A3) == []
    assert failures(document, UA) == []


@pytest.mark.parametrize("form", EACH)
def test_the_file_is_plain_and_runs_nothing(desk: Any, form: type[Form]) -> None:
    document = drawn(desk, form)
    assert document.startswith(b"%PDF-1.7")
    assert b"\nxref\n" in document
    for word in (
        b"/ObjStm",
        b"/XRef",
        b"/JavaScript",
        b"/JS",
        b"/AA",
        b"/OpenAction",
        b"/NeedAppearances",
        b"/XFA",
        b"/URI",
    ):
        assert not re.search(word + rb"\b", document), word
    with pikepdf.open(io.BytesIO(document)) as opened:
        assert opened.Root.Metadata.get("/Filter") is None
        assert opened.Root.Metadata.read_raw_bytes() in document
        assert not opened.check_pdf_syntax()


@pytest.mark.parametrize("form", EACH)
def test_the_same_input_gives_the_same_bytes(desk: Any, form: type[Form], tmp_path: Path) -> None:
    elsewhere = SimpleNamespace(office=desk.office, keys=desk.keys, var=tmp_path)
    assert drawn(elsewhere, form, "sv") == drawn(desk, form, "sv")


# --- the fields ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("form", "language"), EVERY)
def test_every_question_has_its_fields_in_the_order_of_reading(desk: Any, form: type[Form], language: str) -> None:
    with pikepdf.open(io.BytesIO(drawn(desk, form, language))) as document:
        found = [name for name, _ in widgets(document)]
        assert [name for name in found if name not in MEANT] == [name for name, _, _ in asked(form, language)]
        assert sorted(set(found) & MEANT) == sorted(MEANT)
        assert sorted(name for name, _ in named(document.Root.AcroForm.Fields)) == sorted(found)
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
            found.append(full_name(kid.Obj))
            return
        for kid in kids:
            if isinstance(kid, pikepdf.Dictionary):
                walk(kid)

    walk(document.Root.StructTreeRoot)
    return found


@pytest.mark.parametrize(("form", "language"), EVERY)
def test_every_field_says_what_it_is_and_what_it_takes(desk: Any, form: type[Form], language: str) -> None:
    questions = {name: (question, option) for name, question, option in asked(form, language)}
    tables = {table.path: table for table in form.questions(language) if table.columns}
    with pikepdf.open(io.BytesIO(laid(desk, form, language).pdf)) as document:
        for name, widget in widgets(document):
            if name not in questions:
                continue
            question, option = questions[name]
            tip, flags = str(widget.TU), int(widget.get("/Ff", 0))
            assert question.title in tip
            if (table := tables.get(name.partition(".")[0])) is not None:
                assert tip.startswith(f"{table.title} {int(name.split('.')[1]) + 1}: ")
            assert tip.endswith(f", {say('pakollinen', language)}") == question.required
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
        assert fields.path(name, form.questions()) == (question.path, option.code if option else "")
        assert fields.name(question.path, option.code if option else "") == name
    assert fields.path("client_lst_name", form.questions()) is None
    assert fields.path("formgen_token", form.questions()) is None


@pytest.mark.parametrize("path", ["", "a..b", "a b", "a/b", "ä", ".a"])
def test_what_cannot_be_a_name_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="^" + re.escape(path)):
        fields.name(path)


# --- the page -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("form", "language"), EVERY)
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


@pytest.mark.parametrize(("form", "language"), EVERY)
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
        (code,) = zxingcpp.read_barcodes(picture, formats=zxingcpp.BarcodeFormat.QRCode)
        assert KEYS.marked(code.text) == Mark(identity(form), number, layout.pages, layout.digest)
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
    text = Identity("job_start", "2026.1", UUID(int=1)).mark(KEYS, 1, 5, "0badcafe")
    right = ["FG1", "JOB-START", "2026.1", "1/5", "1/5", "0BADCAFE", "K1", text[-1]]
    before = right[["FG2", "JOB-END", "2026.2", "2/5", "1/6", "1BADCAFE", "K2", "0"].index(wrong)]
    changed = text[:-1] + ("1" if text[-1] == "0" else "0") if wrong == "0" else text.replace(before, wrong)
    assert KEYS.marked(text) is not None
    assert changed != text
    assert KEYS.marked(changed) is None


# --- the identity and the layout ----------------------------------------------------------------


def test_each_carrier_holds_the_token(desk: Any) -> None:
    form = FORMS.latest("job_start")
    token, digest = identity(form).token(KEYS), laid(desk, form).digest
    with pikepdf.open(io.BytesIO(drawn(desk, form))) as document:
        values = {name: str(widget.V) for name, widget in widgets(document) if name in MEANT}
        assert values == {
            "formgen_token": token,
            "formgen_case_id": CASE_ID,
            "formgen_language": "fi",
            "formgen_layout": digest,
        }
        assert {name: str(document.docinfo[f"/{name}"]) for name in MEANT} == values
        assert document.docinfo["/Keywords"] == token
        xmp = document.Root.Metadata.read_bytes().decode()
        assert f"<dc:identifier>{token}</dc:identifier>" in xmp
        assert f"<fg:layout>{digest}</fg:layout>" in xmp
        assert json.loads(document.attachments[CLAIMS].get_file().read_bytes()) == values


def test_a_layout_is_found_again_by_its_digest(desk: Any, tmp_path: Path) -> None:
    form = FORMS.latest("job_end")
    found = laid(desk, form)
    assert pdf.kept(found.digest, desk.var / "layouts") == found
    assert pdf.kept("00000000", desk.var / "layouts") is None
    assert pdf.kept("../layouts/x", desk.var / "layouts") is None
    assert pdf.kept(found.digest, tmp_path) is None
    assert len({laid(desk, form, language).digest for language in ("fi", "sv", "fi_selko")}) == 3


def test_an_old_layout_stays_when_the_office_changes_its_name(desk: Any, tmp_path: Path) -> None:
    form = FORMS.latest("job_end")
    told = dict(words(form))
    rows = {table.path: table.rows for table in form.questions() if table.columns}
    before = pdf.layout(form.questions(), "fi", told, rows, tmp_path)
    after = pdf.layout(form.questions(), "fi", {**told, "organiser": "Toinen alue"}, rows, tmp_path)
    assert before.digest != after.digest
    assert [file.stem for file in sorted(tmp_path.iterdir())] == sorted([before.digest, after.digest])
    assert pdf.kept(before.digest, tmp_path) == before


# --- values -------------------------------------------------------------------------------------


def shown(document: bytes, place: fields.Place) -> str:
    """Return the text that is seen in a field."""
    opened = pypdfium2.PdfDocument(document)
    opened.init_forms()
    sheet = opened[place.page]
    sheet.flatten()
    found = opened[place.page].get_textpage().get_text_bounded(*place.rect)
    return re.sub(r"\s+", " ", found).strip()


@pytest.mark.parametrize("form", EACH)
def test_what_is_known_stands_in_the_fields_and_is_seen(desk: Any, form: type[Form]) -> None:
    answers = full(form)
    document = drawn(desk, form, sheet=Sheet({path: Answer(text) for path, text in answers.items()}))
    with pikepdf.open(io.BytesIO(document)) as opened:
        found = dict(widgets(opened))
        layout = pdf.kept(str(found[fields.LAYOUT].V), desk.var / "layouts")
        for name, question, option in asked(form):
            value = str(found[name].V)
            if option:
                ticked = option.code in answers[question.path].split()
                assert (value, str(found[name].AS)) == (("/Yes",) * 2 if ticked else ("/Off",) * 2)
            else:
                assert value == answers[question.path]
    text = next(place for place in layout.places if answers.get(place.path) == ODD)
    assert shown(document, text) == ODD
    area = next((place for place in layout.places if answers.get(place.path, "").endswith("ŧ ž")), None)
    assert area is None or shown(document, area) == f"{ODD} č đ ŋ ŧ ž"


def test_more_rows_than_are_printed_get_their_places(desk: Any) -> None:
    form = FORMS.latest("job_start")
    known = {f"benefit_effects.{row}.note": Answer("x") for row in range(9)}
    cell = next(name for name, _, _ in asked(form) if name.startswith("benefit_effects.0."))
    known = {cell.replace(".0.", f".{row}."): Answer("") for row in range(9)}
    with pikepdf.open(io.BytesIO(drawn(desk, form, sheet=Sheet(known)))) as document:
        names = [name for name, _ in widgets(document)]
    assert cell.replace(".0.", ".9.") in names
    assert cell.replace(".0.", ".10.") not in names


def test_long_text_is_drawn_smaller_until_it_fits(desk: Any) -> None:
    form = FORMS.latest("referral")
    words_ = " ".join(["sanoja"] * 200)
    document = pdf.fill(drawn(desk, form), {"client_own_words": words_, "client_last_name": "Mallikas " * 7 + "M"})
    places = {place.name: place for place in laid(desk, form).places}
    assert shown(document, places["client_own_words"]) == words_
    assert shown(document, places["client_last_name"]) == "Mallikas " * 7 + "M"
    with pikepdf.open(io.BytesIO(document)) as opened:
        assert 5 <= float(str(dict(widgets(opened))["client_own_words"].DA).split()[1]) < 9.5


def test_a_letter_that_cannot_be_drawn_is_kept_in_the_value(desk: Any) -> None:
    document = pdf.fill(drawn(desk, FORMS.latest("job_end")), {"client_name": "Я 🙂 Testi"})
    with pikepdf.open(io.BytesIO(document)) as opened:
        assert str(dict(widgets(opened))["client_name"].V) == "Я 🙂 Testi"
    assert failures(document, UA) == []


def test_what_a_person_fills_in_can_be_changed_and_cleared(desk: Any) -> None:
    form = FORMS.latest("referral")
    empty = drawn(desk, form)
    ticks = next(question for _, question, option in asked(form) if option and question.many)
    chosen = next(question for _, question, _ in asked(form) if question.control is Control.LIST)
    first, last = ticks.choices[0].code, ticks.choices[-1].code
    once = pdf.fill(
        empty, {"client_last_name": "Mallikas", ticks.path: f"{first} {last}", chosen.path: chosen.choices[0].code}
    )
    with pikepdf.open(io.BytesIO(once)) as opened:
        values = values_of(opened)
    assert values["client_last_name"] == "Mallikas"
    assert [name for name in values if values[name] == "/Yes"] == [f"{ticks.path}.{first}", f"{ticks.path}.{last}"]
    assert values[chosen.path] == chosen.choices[0].code
    cleared = pdf.fill(once, {"client_last_name": "", ticks.path: "", chosen.path: ""})
    with pikepdf.open(io.BytesIO(cleared)) as opened, pikepdf.open(io.BytesIO(empty)) as before:
        assert values_of(opened) == values_of(before)


def test_a_field_that_the_document_lacks_cannot_be_filled(desk: Any) -> None:
    with pytest.raises(LookupError, match="no_such_field"):
        pdf.fill(drawn(desk, FORMS.latest("job_end")), {"no_such_field": "x"})


# --- the commands -------------------------------------------------------------------------------


def test_a_form_is_generated_as_pdf_without_a_word_template(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(issue, "template_file", lambda *_: pytest.fail("a PDF asks for no Word template"))
    made = bench.issue("referral", format_name="pdf", language="sv")
    assert made.path.endswith(".pdf")
    assert bench.journal.issued(made.instance_id)["format"] == "pdf"
    with pikepdf.open(made.path) as document:
        assert str(document.Root.Lang) == "sv-FI"
        assert str(dict(widgets(document))["service_organiser"].V) == bench.workspace.office.organiser


def test_an_accepted_record_is_archived_with_its_values_and_itself(bench: Bench) -> None:
    record = bench.record(bench.send("referral", REFERRAL))
    done = CliRunner().invoke(
        app, ["--workspace", str(bench.root), "--json", "archive", record["record_id"]], catch_exceptions=False
    )
    (made,) = json.loads(done.stdout)
    assert made["path"].endswith(f"{record['case_id']}/{record['record_id']}.referral.pdf")
    data = Path(made["path"]).read_bytes()
    assert failures(data, A3) == []
    assert failures(data, UA) == []
    with pikepdf.open(io.BytesIO(data)) as document:
        assert json.loads(document.attachments[RECORD].get_file().read_bytes()) == record
        values = {name: str(widget.V) for name, widget in widgets(document) if "/V" in widget}
    assert values["client_last_name"] == record["data"]["client_last_name"]
    identity_ = Identity("referral", record["form_version"], UUID(record["instance_id"]))
    assert bench.workspace.keys.verify(values["formgen_token"]) == identity_


def test_a_record_that_is_not_there_cannot_be_archived(bench: Bench) -> None:
    with pytest.raises(UsageError, match="01980000"):
        issue.archive(bench.workspace, bench.journal, bench.registry, "01980000-0000-7000-8000-000000000001")
