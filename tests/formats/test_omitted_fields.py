"""Documents that leave something out: what a unit has switched off, what an employer may not see."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pikepdf
import pytest
from docx import Document

from formgen.documents.extraction import Answer, Extraction
from formgen.errors import UsageError
from formgen.formats import docx
from formgen.formats.docx.package import w
from formgen.forms import registry
from formgen.forms.form import Form
from formgen.forms.registry import find_template
from formgen.i18n import translate
from formgen.settings import PACKAGED, WorkspaceFolder
from tests.conftest import AGREEMENT, DECISION, JOB, REFERRAL, Bench, provenance_of
from tests.support.pdfs import drawn, widgets
from tests.support.strategies import words

At = Callable[[str], Bench]
FORMS = list(registry.load_forms(WorkspaceFolder(PACKAGED)))


def text_of(data: bytes) -> str:
    """Return all text of a document's body, cell by cell."""
    return "\n".join(node.text or "" for node in Document(io.BytesIO(data)).element.body.iter("{*}t"))


def consenting(scopes: str) -> dict[str, str]:
    """Return an agreement that lets employers have kinds of data."""
    return {**AGREEMENT, "consents.0.data_scope": scopes}


@pytest.mark.parametrize("language", ["fi", "sv"])
@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.id)
def test_what_is_left_out_leaves_neither_field_nor_word_behind(form: type[Form], language: str) -> None:
    omitted = form.find_omitted_fields(("*",)) | {asked.name for asked in form.fields if asked.sensitivity == "h"}
    questions = form.list_questions(language, omitted)
    template = docx.load_template(find_template(WorkspaceFolder(PACKAGED), form), questions, language)
    assert list(template.find_problems()) == []
    drawn = template.render(Extraction({}), words(form, language))
    tags = {item.get(w("val")) for item in Document(io.BytesIO(drawn)).element.body.iter("{*}tag")}
    assert not {tag for tag in tags if tag.removeprefix("fg:").partition(".")[0] in omitted}
    kept = {text for question in questions if not question.omitted for text in (question.label, question.section)}
    said = text_of(drawn).splitlines()
    for question in questions:
        if question.omitted and question.label not in kept and not any(question.label in word for word in kept):
            assert question.label not in said, question.path
    assert translate(form.title, language) in said


def test_every_question_that_is_not_left_out_is_still_asked() -> None:
    for form in FORMS:
        omitted = form.find_omitted_fields(("*",))
        asked = {question.path for question in form.list_questions(omitted=omitted) if not question.omitted}
        required = {part for item in form.fields if item.need != "optional" and not item.fill for part in paths(item)}
        assert required <= asked


def paths(asked: object) -> list[str]:
    """Return the paths that a field has on paper."""
    return [path for path, _, _ in asked.iter_parts()] or [asked.name]


def test_a_unit_switches_off_fields_and_sections_by_name_and_number() -> None:
    form = registry.load_forms(WorkspaceFolder(PACKAGED)).find_latest_version("employer_contact")
    assert form.find_omitted_fields(("unit_name",)) == {"unit_name"}
    section = form.find_omitted_fields(("3",))
    assert {"employer_needs", "tasks_possible"} <= section <= form.find_omitted_fields(("*",))
    assert "vacancy_open" not in section


@pytest.mark.parametrize("field", ["employer_name", "target_id", "no_such_field", "99"])
def test_only_what_is_optional_can_be_switched_off(field: str) -> None:
    form = registry.load_forms(WorkspaceFolder(PACKAGED)).find_latest_version("employer_contact")
    with pytest.raises(UsageError, match="employer_contact"):
        form.find_omitted_fields((field,))


def test_a_wrong_setting_is_said_when_a_document_is_made(bench: Bench) -> None:
    with (bench.root / "formgen.toml").open("a", encoding="utf-8") as settings:
        settings.write('[leave_out]\nreferral = ["client_last_name"]\n')
    with pytest.raises(UsageError, match=r"referral"):
        bench.restarted().issue("referral")


def switched_off(bench: Bench, *fields: str) -> Bench:
    """Return the bench after its unit has switched off fields of the referral."""
    with (bench.root / "formgen.toml").open("a", encoding="utf-8") as settings:
        settings.write(f"[leave_out]\nreferral = {list(fields)}\n")
    return bench.restarted()


def test_what_a_unit_has_switched_off_is_no_damage_in_a_return(bench: Bench) -> None:
    bench = switched_off(bench, "work_safety_points", "work_ability_info")
    made = bench.issue("referral")
    assert "Työkykyyn vaikuttavat asiat, jotka on hyvä tietää" not in text_of(Path(made.path).read_bytes())
    record = bench.record(bench.returned(bench.filled(made, REFERRAL)))
    assert (record["data"]["work_ability_info"], record["data"]["work_safety_points"]) == (None, None)


def test_what_was_known_stays_known_when_a_later_document_does_not_ask_it(bench: Bench) -> None:
    first = bench.send("referral", {**REFERRAL, "work_ability_info": "Valo häiritsee."})
    bench = switched_off(bench, "work_ability_info")
    again = bench.record(bench.send("referral", DECISION, first.case_id))
    assert again["version_no"] == 2
    assert again["data"]["work_ability_info"] == "Valo häiritsee."
    assert provenance_of(again)["work_ability_info"]["layer"] == "not_asked"


def test_an_employers_document_holds_no_health_data_without_consent(at: At) -> None:
    bench = at("signed")
    data = Path(bench.issue("job_start", bench.case().case_id, employer=True).path).read_bytes()
    said = text_of(data)
    assert "Työpaikan osoite" in said
    assert "Mitä työpaikalla tiedetään" not in said


def test_what_an_employer_was_not_asked_is_asked_of_the_coach(at: At) -> None:
    bench = at("signed")
    made = bench.issue("job_start", bench.case().case_id, employer=True)
    typed = {path: text for path, text in JOB.items() if path != "disclosure_level"}
    row = bench.returned(bench.filled(made, typed))
    assert (row.outcome, bench.errors(row)) == ("review", [("required", "disclosure_level")])
    verdict = bench.intake.confirm_submission(row, "Veera", {"disclosure_level": JOB["disclosure_level"]})
    assert verdict.outcome == "accepted"
    record = bench.record(bench.row(row.submission_id))
    assert record["data"]["disclosure_level"] == JOB["disclosure_level"]
    assert provenance_of(record)["disclosure_level"]["layer"] == "confirmed"


@pytest.mark.parametrize(("scopes", "told"), [("name_contact", ()), ("name_contact support_needs", ("support",))])
def test_an_employers_document_holds_what_the_client_has_consented_to(
    at: At, scopes: str, told: tuple[str, ...]
) -> None:
    bench = at("decided")
    case_id = bench.case().case_id
    assert bench.send("cooperation_agreement", consenting(scopes), case_id).outcome == "accepted"
    words = text_of(Path(bench.issue("job_start", case_id, employer=True).path).read_bytes())
    assert ("Työolosuhteiden järjestelytuki" in words) == ("support" in told)
    assert "Mitä työpaikalla tiedetään" not in words


def test_no_employers_document_is_made_before_the_client_lets_its_name_be_told(at: At) -> None:
    bench = at("decided")
    with pytest.raises(UsageError, match="job_start"):
        bench.issue("job_start", bench.case().case_id, employer=True)


def test_a_form_that_asks_nothing_of_an_employer_is_not_made_for_one(at: At) -> None:
    bench = at("signed")
    with pytest.raises(UsageError, match="vocational_profile"):
        bench.issue("vocational_profile", bench.case().case_id, employer=True)


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.id)
def test_a_pdf_has_no_field_for_what_is_left_out(form: type[Form], desk: Any) -> None:
    omitted = form.find_omitted_fields(("*",)) | {asked.name for asked in form.fields if asked.sensitivity == "h"}
    data = drawn(desk, form, sheet=Extraction({name: Answer("Testi") for name in omitted}), omitted=omitted)
    with pikepdf.open(io.BytesIO(data)) as document:
        names = {name.partition(".")[0] for name, _ in widgets(document)}
    required = {asked.name for asked in form.fields if asked.required and not asked.fill}
    assert not names & omitted
    assert names >= required - omitted


def test_a_pdf_that_asks_less_comes_back_whole(bench: Bench) -> None:
    bench = switched_off(bench, "work_ability_info", "work_safety_points")
    made = bench.issue("referral", format_name="pdf")
    row = bench.returned(bench.filled(made, REFERRAL), "lähete.pdf")
    assert bench.record(row)["data"]["work_ability_info"] is None
