"""PDF forms go out: accessible, with what is known, and with the identity in every carrier."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pikepdf
import pypdf
import pypdfium2
import pytest
from typer.testing import CliRunner

from formgen.cli import app
from formgen.documents.extraction import Answer, Control, Extraction, Identity
from formgen.errors import UsageError
from formgen.formats import pdf
from formgen.formats.pdf import fields
from formgen.formats.pdf.draw import CLAIMS, RECORD
from formgen.forms.form import Form
from formgen.issuing import issue
from tests.conftest import Bench
from tests.support.pdfs import (
    A3,
    EACH,
    EVERY,
    MEANT,
    ODD,
    UA,
    asked,
    drawn,
    failures,
    full,
    identity,
    laid,
    values_of,
    widgets,
)
from tests.support.strategies import CASE_ID, FORMS, KEYS, words

# --- it conforms --------------------------------------------------------------------------------


@pytest.mark.parametrize(("form", "language"), EVERY)
def test_every_form_passes_pdf_ua(desk: Any, form: type[Form], language: str) -> None:
    assert failures(drawn(desk, form, language), UA) == []


@pytest.mark.parametrize("form", EACH)
def test_every_form_passes_pdf_ua_with_every_field_filled(desk: Any, form: type[Form]) -> None:
    assert failures(pdf.fill_document(drawn(desk, form), full(form)), UA) == []


@pytest.mark.parametrize(("form", "language"), EVERY)
def test_every_archived_form_passes_pdf_a_and_pdf_ua(desk: Any, form: type[Form], language: str) -> None:
    sheet = Extraction({path: Answer(text) for path, text in full(form).items()})
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
def test_the_same_input_gives_the_same_bytes(
    desk: Any, form: type[Form], tmp_path: Path, typeset: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("formgen.formats.pdf.layout.typeset_form", typeset)
    elsewhere = SimpleNamespace(office=desk.office, keys=desk.keys, var=tmp_path)
    assert drawn(elsewhere, form, "sv") == drawn(desk, form, "sv")


# --- the identity and the layout ----------------------------------------------------------------


def test_each_carrier_holds_the_token(desk: Any) -> None:
    form = FORMS.find_latest_version("job_start")
    token, digest = identity(form).sign_token(KEYS), laid(desk, form).digest
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
    form = FORMS.find_latest_version("job_end")
    found = laid(desk, form)
    assert pdf.load_layout(found.digest, desk.var / "layouts") == found
    assert pdf.load_layout("00000000", desk.var / "layouts") is None
    assert pdf.load_layout("../layouts/x", desk.var / "layouts") is None
    assert pdf.load_layout(found.digest, tmp_path) is None
    assert len({laid(desk, form, language).digest for language in ("fi", "sv", "fi_selko")}) == 3


def test_an_old_layout_stays_when_the_office_changes_its_name(desk: Any, tmp_path: Path) -> None:
    form = FORMS.find_latest_version("job_end")
    told = dict(words(form))
    rows = {table.path: table.rows for table in form.list_questions() if table.columns}
    before = pdf.get_layout(form.list_questions(), "fi", told, rows, tmp_path)
    after = pdf.get_layout(form.list_questions(), "fi", {**told, "organiser": "Toinen alue"}, rows, tmp_path)
    assert before.digest != after.digest
    assert [file.stem for file in sorted(tmp_path.iterdir())] == sorted([before.digest, after.digest])
    assert pdf.load_layout(before.digest, tmp_path) == before


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
    document = drawn(desk, form, sheet=Extraction({path: Answer(text) for path, text in answers.items()}))
    with pikepdf.open(io.BytesIO(document)) as opened:
        found = dict(widgets(opened))
        layout = laid(desk, form)
        assert str(found[fields.LAYOUT].V) == layout.digest
        for name, question, option in asked(form):
            value = str(found[name].get("/V", ""))
            if option:
                ticked = option.code in answers.get(question.path, "").split()
                assert (value, str(found[name].AS)) == (("/Yes",) * 2 if ticked else ("/Off",) * 2)
            else:
                assert value == answers.get(question.path, "-" if question.control is Control.LIST else "")
    text = next(place for place in layout.places if answers.get(place.path) == ODD)
    assert shown(document, text) == ODD
    area = next((place for place in layout.places if answers.get(place.path, "").endswith("ŧ ž")), None)
    assert area is None or shown(document, area) == f"{ODD} č đ ŋ ŧ ž"


def test_more_rows_than_are_printed_get_their_places(desk: Any) -> None:
    form = FORMS.find_latest_version("job_start")
    known = {f"benefit_effects.{row}.note": Answer("x") for row in range(9)}
    cell = next(name for name, _, _ in asked(form) if name.startswith("benefit_effects.0."))
    known = {cell.replace(".0.", f".{row}."): Answer("") for row in range(9)}
    with pikepdf.open(io.BytesIO(drawn(desk, form, sheet=Extraction(known)))) as document:
        names = [name for name, _ in widgets(document)]
    assert cell.replace(".0.", ".9.") in names
    assert cell.replace(".0.", ".10.") not in names


def test_long_text_is_drawn_smaller_until_it_fits(desk: Any) -> None:
    form = FORMS.find_latest_version("referral")
    words_ = " ".join(["sanoja"] * 200)
    document = pdf.fill_document(
        drawn(desk, form), {"client_own_words": words_, "client_last_name": "Mallikas " * 7 + "M"}
    )
    places = {place.name: place for place in laid(desk, form).places}
    assert shown(document, places["client_own_words"]) == words_
    assert shown(document, places["client_last_name"]) == "Mallikas " * 7 + "M"
    with pikepdf.open(io.BytesIO(document)) as opened:
        assert 5 <= float(str(dict(widgets(opened))["client_own_words"].DA).split()[1]) < 9.5


@pytest.mark.parametrize(("form", "language"), EVERY)
def test_a_given_option_is_set_in_lines_of_the_usual_size(desk: Any, form: type[Form], language: str) -> None:
    longest = {
        question.path: max(question.choices, key=lambda choice: len(choice.label)).code
        for _, question, _ in asked(form, language)
        if question.control is Control.LIST and question.locked
    }
    with pikepdf.open(io.BytesIO(pdf.fill_document(drawn(desk, form, language), longest))) as opened:
        found = dict(widgets(opened))
        assert {path for path in longest if str(found[path].DA) != "/LoSa 9.5 Tf 0 g"} == set()


def test_a_letter_that_cannot_be_drawn_is_kept_in_the_value(desk: Any) -> None:
    document = pdf.fill_document(drawn(desk, FORMS.find_latest_version("job_end")), {"client_name": "Я 🙂 Testi"})
    with pikepdf.open(io.BytesIO(document)) as opened:
        assert str(dict(widgets(opened))["client_name"].V) == "Я 🙂 Testi"
    assert failures(document, UA) == []


def test_what_a_person_fills_in_can_be_changed_and_cleared(desk: Any) -> None:
    form = FORMS.find_latest_version("referral")
    empty = drawn(desk, form)
    ticks = next(question for _, question, option in asked(form) if option and question.many)
    chosen = next(question for _, question, _ in asked(form) if question.control is Control.LIST)
    first, last = ticks.choices[0].code, ticks.choices[-1].code
    once = pdf.fill_document(
        empty, {"client_last_name": "Mallikas", ticks.path: f"{first} {last}", chosen.path: chosen.choices[0].code}
    )
    with pikepdf.open(io.BytesIO(once)) as opened:
        values = values_of(opened)
    assert values["client_last_name"] == "Mallikas"
    assert [name for name in values if values[name] == "/Yes"] == [f"{ticks.path}.{first}", f"{ticks.path}.{last}"]
    assert values[chosen.path] == chosen.choices[0].code
    cleared = pdf.fill_document(once, {"client_last_name": "", ticks.path: "", chosen.path: ""})
    with pikepdf.open(io.BytesIO(cleared)) as opened, pikepdf.open(io.BytesIO(empty)) as before:
        assert values_of(opened) == values_of(before)


def test_another_program_types_sami_letters_each_into_its_own_field(desk: Any) -> None:
    form = FORMS.find_latest_version("job_start")
    typed = {"service_organiser": "Čáŋ Đuoŧŧar ǥǧǩʒǯ", "employer_name": "Testi Oy", "workplace_address": ""}
    writer = pypdf.PdfWriter(clone_from=io.BytesIO(drawn(desk, form)))
    writer.update_page_form_field_values(None, dict(typed), auto_regenerate=False)
    out = io.BytesIO()
    writer.write(out)
    places = {place.name: place for place in laid(desk, form).places}
    assert {name: shown(out.getvalue(), places[name]) for name in typed} == typed


def test_a_field_that_the_document_lacks_cannot_be_filled(desk: Any) -> None:
    with pytest.raises(LookupError, match="no_such_field"):
        pdf.fill_document(drawn(desk, FORMS.find_latest_version("job_end")), {"no_such_field": "x"})


# --- the commands -------------------------------------------------------------------------------


def test_a_form_is_generated_as_pdf_without_a_word_template(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(issue, "find_template", lambda *_: pytest.fail("a PDF asks for no Word template"))
    made = bench.issue("referral", format_name="pdf", language="sv")
    assert made.path.endswith(".pdf")
    assert bench.journal.find_issued_document(made.instance_id).format == "pdf"
    with pikepdf.open(made.path) as document:
        assert str(document.Root.Lang) == "sv-FI"
        assert str(dict(widgets(document))["service_organiser"].V) == bench.workspace.office.organiser


def test_an_accepted_record_is_archived_with_its_values_and_itself(at: Callable[[str], Bench]) -> None:
    bench = at("referred")
    record = bench.record(bench.journal.find_submissions()[-1])
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
    assert bench.journal.keys.verify_token(values["formgen_token"]) == identity_


def test_a_record_that_is_not_there_cannot_be_archived(bench: Bench) -> None:
    with pytest.raises(UsageError, match="01980000"):
        issue.archive_record(
            bench.workspace, bench.journal, bench.registry, "01980000-0000-7000-8000-000000000001", bench.clock()
        )
