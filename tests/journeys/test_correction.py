"""Every rejected return is answered by the form again: its answers kept, what is wrong marked, and it is accepted."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from pathlib import Path

import pikepdf
import pytest

from formgen import formats
from formgen.documents.extraction import SIGN
from formgen.formats.docx.package import Package, w
from formgen.formats.pdf.fields import NOTE
from formgen.formats.pdf.fill import iter_named_fields
from tests.conftest import AGREEMENT, DECISION, JOB, REFERRAL, Bench, changed, provenance_of, tree
from tests.support.foreign import FLATTENERS
from tests.support.pdfs import UA, failures
from tests.support.replies import PLACE, RIGHT, WRONG, Wrong, put_right, rejected, reply, told

At = Callable[[str], Bench]
AS_IN_THE_FORM = "kuten lomakkeessasi"

pytestmark = pytest.mark.usefixtures("unwalled")
every_wrong = pytest.mark.parametrize("name", WRONG)


def standing(bench: Bench, data: bytes, format_name: str = "docx") -> dict[str, str]:
    """Return what stands in the fields of a document."""
    answers = (
        formats.load_formats()[format_name].read(data, bench.intake.decision_engine.reader.build_form_specs()).answers
    )
    return {path: answer.text for path, answer in answers.items() if answer.text}


@every_wrong
def test_a_reply_with_only_the_marked_places_filled_is_accepted(name: str, at: At) -> None:
    wrong = WRONG[name]
    bench = at(PLACE[wrong.form])
    row = rejected(bench, wrong)
    done = put_right(bench, row, wrong)
    record = bench.record(done)
    assert (done.instance_id, record["version_no"], record["supersedes"]) == (row.reply_id, 1, None)
    assert done.case_id == row.case_id or wrong.form == "referral"
    assert bench.journal.find_issued_document(row.reply_id).corrects == row.instance_id


@every_wrong
def test_a_reply_keeps_every_answer_and_marks_every_wrong_place_by_sign_words_and_comment(name: str, at: At) -> None:
    wrong = WRONG[name]
    bench = at(PLACE[wrong.form])
    row = rejected(bench, wrong)
    assert standing(bench, reply(bench, row)) == standing(bench, bench.intake.read_original(row))
    package = Package(reply(bench, row))
    root = package.parse_member(package.main)
    errors = bench.reason(row)["errors"]
    count = len({error["field"] for error in errors})
    lines = ["".join(line.itertext(w("t"))) for line in root.iter(w("p"))]
    assert ("Korjaa tämä kohta" if count == 1 else f"Korjaa nämä {count} kohtaa") in lines
    said_beside = "\n".join(line for line in lines if line.startswith(SIGN))
    comments = package.parse_member("word/comments.xml")
    said_aside = ["".join(comment.itertext()) for comment in comments]
    assert len(said_aside) == count
    for error in errors:
        assert error["label"] in "\n".join(lines)
        assert error["message"] in said_beside + "\n".join(said_aside)
    anchored = {mark.get(w("id")) for mark in root.iter(w("commentReference"))}
    assert anchored == {comment.get(w("id")) for comment in comments}
    numbered = {mark.get(w("val")) for mark in root.iter(w("numId"))}
    named = {mark.get(w("numId")) for mark in package.parse_member("word/numbering.xml").iter(w("num"))}
    assert numbered <= named
    assert len([line for line in lines if re.match(r"\d+\. ", line)]) == count


@pytest.mark.parametrize("name", ["line", "area", "date", "ticks", "list", "cell", "ticks_in_a_cell", "signature"])
def test_a_pdf_is_answered_by_a_pdf_too_that_says_what_to_do_and_is_accepted(name: str, at: At) -> None:
    wrong = WRONG[name]
    bench = at(PLACE[wrong.form])
    row = rejected(bench, wrong, "pdf")
    data = reply(bench, row, "pdf")
    assert failures(data, UA) == []
    assert standing(bench, data, "pdf") == standing(bench, bench.intake.read_original(row), "pdf")
    errors = bench.reason(row)["errors"]
    titles = tooltips(data)
    for number, error in enumerate(errors, start=1):
        (title,) = [title for place, title in titles.items() if place == f"{NOTE}{number}"]
        assert error["label"] in title
        marked = [title for place, title in titles.items() if f"{place}.".startswith(f"{error['field']}.")]
        assert any(f"Korjaa {number}: {error['message']}" in title for title in marked)
    done = put_right(bench, row, wrong, "pdf")
    assert (done.outcome, done.instance_id) == ("accepted", row.reply_id)


def tooltips(data: bytes) -> dict[str, str]:
    """Return what every field of a PDF is called."""
    with pikepdf.open(io.BytesIO(data)) as document:
        return {name: str(field.TU) for name, field in iter_named_fields(document.Root.AcroForm.Fields)}


def test_both_replies_to_a_pdf_are_one_document(at: At) -> None:
    bench = at("new")
    row = rejected(bench, WRONG["many"], "pdf")
    first = put_right(bench, row, WRONG["many"], "docx")
    second = put_right(bench, row, WRONG["many"], "pdf")
    assert (first.outcome, second.outcome, second.first_id) == (
        "accepted",
        "duplicate",
        first.submission_id,
    )


def test_a_layout_with_notes_that_is_kept_holds_no_answer(at: At) -> None:
    bench = at("new")
    rejected(bench, WRONG["many"], "pdf")
    kept = [file.read_bytes() for file in (bench.workspace.var / "layouts").glob("*.pdf")]
    told = [value for data in kept for value in values(data)]
    assert len(kept) == 2
    assert {text for text in told if text not in ("/Off", "-")} == set()


def values(data: bytes) -> list[str]:
    """Return the values of the fields of a PDF."""
    with pikepdf.open(io.BytesIO(data)) as document:
        return [str(field.V) for _, field in iter_named_fields(document.Root.AcroForm.Fields) if "/V" in field]


def test_a_reply_that_comes_back_as_it_is_is_rejected_for_the_same_reasons_and_is_answered_again(at: At) -> None:
    bench = at("new")
    wrong = WRONG["many"]
    first = rejected(bench, wrong)
    second = bench.returned(reply(bench, first))
    assert bench.errors(second) == bench.errors(first)
    assert second.instance_id == first.reply_id
    assert bench.journal.find_issued_document(second.reply_id).corrects == first.instance_id
    assert put_right(bench, second, wrong).outcome == "accepted"


def test_lines_of_a_reply_are_no_text_outside_the_fields_but_what_a_person_adds_is(at: At) -> None:
    bench = at("new")
    row = rejected(bench, WRONG["code"])
    data = formats.load_formats()["docx"].fill_document(reply(bench, row), told(bench, row, WRONG["code"]))
    written = data_with(data, "Kohdassa oli: ", "Kohdassa oli väärä numero: ")
    assert bench.returned(written).outcome == "review"


def data_with(data: bytes, old: str, new: str) -> bytes:
    """Return a document in which a text is another one."""
    found = changed(data, lambda name, text: text.replace(old, new) if name == "word/document.xml" else text)
    assert found != data
    return found


def test_what_is_locked_is_repeated_as_it_came_and_looked_at_when_it_comes_again(at: At) -> None:
    bench = at("decided")
    wrong = Wrong("cooperation_agreement", {"client_name": "Joku Muu", "privacy_notice_given": "no"})
    row = rejected(bench, wrong)
    assert {field for _, field in bench.errors(row)} == {"privacy_notice_given"}
    answers = standing(bench, reply(bench, row))
    assert (answers["client_name"], answers["client_birth_date"]) == ("Joku Muu", "13.4.1985")
    done = put_right(bench, row, Wrong("cooperation_agreement", {}))
    assert (done.outcome, bench.errors(done)) == ("review", [("choice", "client_name")])


def test_what_a_person_changed_of_what_was_known_is_a_change_in_the_reply_too(at: At) -> None:
    bench = at("decided")
    wrong = Wrong("cooperation_agreement", {"client_email": "uusi@example.fi", "privacy_notice_given": "no"})
    done = put_right(bench, rejected(bench, wrong), wrong)
    record = bench.record(done)
    assert provenance_of(record)["client_email"]["change"] == "changed"
    assert provenance_of(record)["client_name"]["change"] == "confirmed"


def test_a_reply_to_a_wrong_correction_corrects_the_same_record(at: At) -> None:
    bench = at("signed")
    case_id = bench.case().case_id
    made = bench.issue("job_start", case_id)
    first = bench.record(bench.returned(bench.filled(made, JOB)))
    wrong = Wrong("job_start", {"weekly_hours": "52", "job_title": "Kokki"})
    row = bench.returned(bench.filled(made, {**JOB, **wrong.answers}))
    record = bench.record(put_right(bench, row, wrong))
    assert (record["supersedes"], record["version_no"]) == (first["record_id"], 2)
    assert record["data"]["job_title"] == "Kokki"
    assert len(bench.case().list_current_records("job_start")) == 1


def test_a_reply_with_what_has_been_accepted_meanwhile_is_a_duplicate(at: At) -> None:
    bench = at("signed")
    made = bench.issue("job_start", bench.case().case_id)
    row = bench.returned(bench.filled(made, {**JOB, "weekly_hours": "52"}))
    bench.clock.pass_days(1)
    typed = {"weekly_hours": JOB["weekly_hours"]}
    accepted = bench.returned(formats.load_formats()["docx"].fill_document(bench.intake.read_original(row), typed))
    assert accepted.outcome == "accepted"
    late = put_right(bench, row, Wrong("job_start", {}))
    assert (late.outcome, late.first_id) == ("duplicate", accepted.submission_id)


@pytest.mark.parametrize("form", ["referral", "job_start"])
def test_a_reply_with_other_answers_than_were_accepted_meanwhile_needs_a_person(form: str, at: At) -> None:
    bench = at(PLACE[form])
    right = {"referral": REFERRAL, "job_start": JOB}[form]
    path, bad = {"referral": ("client_email", "ei ole"), "job_start": ("weekly_hours", "52")}[form]
    made = bench.issue(form, None if form == "referral" else bench.case().case_id)
    row = bench.returned(bench.filled(made, {**right, path: bad}))
    bench.clock.pass_days(1)
    assert bench.returned(bench.filled(made, right)).outcome == "accepted"
    cases, records = len(bench.journal.list_case_ids()), len(bench.journal.list_record_places())
    other = {"referral": "muu@example.fi", "job_start": "30"}[form]
    late = bench.returned(formats.load_formats()["docx"].fill_document(reply(bench, row), {path: other}))
    assert late.outcome == "review"
    assert (len(bench.journal.list_case_ids()), len(bench.journal.list_record_places())) == (cases, records)


@pytest.mark.parametrize("name", ["signature", "number"])
def test_a_reply_is_stopped_by_the_rules_where_another_document_of_its_form_was_accepted_since(
    name: str, at: At
) -> None:
    wrong = WRONG[name]
    bench = at(PLACE[wrong.form])
    row = rejected(bench, wrong)
    bench.clock.pass_days(1)
    assert bench.send(wrong.form, RIGHT[wrong.form], bench.case().case_id).outcome == "accepted"
    assert put_right(bench, row, wrong).code == "transition_not_allowed"


def test_a_reply_does_not_correct_unseen_what_another_document_has_said_since(at: At) -> None:
    bench = at("referred")
    case_id = bench.case().case_id
    row = bench.send("referral", {**DECISION, "decision_date": "huomenna"}, case_id)
    assert row.outcome == "rejected"
    bench.clock.pass_days(1)
    assert bench.send("referral", DECISION, case_id).outcome == "accepted"
    late = bench.returned(
        formats.load_formats()["docx"].fill_document(reply(bench, row), {"decision_date": "20.5.2026"})
    )
    assert (late.outcome, bench.errors(late)) == ("review", [("choice", "")])


def test_the_first_document_needs_a_person_when_its_reply_was_accepted_with_other_answers(at: At) -> None:
    bench = at("signed")
    made = bench.issue("job_start", bench.case().case_id)
    row = bench.returned(bench.filled(made, {**JOB, "weekly_hours": "52"}))
    bench.clock.pass_days(1)
    assert put_right(bench, row, Wrong("job_start", {})).outcome == "accepted"
    assert bench.returned(bench.filled(made, {**JOB, "weekly_hours": "30"})).outcome == "review"


def test_a_field_that_a_document_was_made_without_stays_away_from_its_reply(bench: Bench) -> None:
    settings = bench.root / "formgen.toml"
    left_out = '\n[leave_out]\nreferral = ["service_provider"]\n'
    settings.write_text(settings.read_text(encoding="utf-8") + left_out, encoding="utf-8")
    bench = bench.restarted()
    row = rejected(bench, WRONG["code"])
    assert b"fg:service_provider" not in Package(reply(bench, row)).read_member("word/document.xml")
    assert put_right(bench, row, WRONG["code"]).outcome == "accepted"


def test_a_reason_names_label_and_what_is_accepted_but_no_value(at: At) -> None:
    bench = at("new")
    row = rejected(bench, WRONG["many"])
    by_field = {error["field"]: error for error in bench.reason(row)["errors"]}
    born = by_field["client_birth_date"]
    assert (born["label"], born["accepts"], born["example"]) == (
        "Syntymäaika",
        "Päivämäärä, esimerkiksi 1.3.2026.",
        "1.3.2026",
    )
    assert by_field["benefits.0.valid_until"]["label"] == "Etuudet, rivi 1, Voimassa asti"
    assert "31.2.1985" not in json.dumps(bench.reason(row))


def test_a_return_in_which_nothing_can_be_put_right_is_answered_by_a_letter(at: At) -> None:
    bench = at("signed")
    row = bench.send("cooperation_agreement", {**AGREEMENT, "agreement_kind": "initial"}, bench.case().case_id)
    assert (row.code, row.reply_id) == ("transition_not_allowed", None)
    assert b"w:sdt>" not in Package(reply(bench, row)).read_member("word/document.xml")


def test_replies_that_are_gone_are_written_again_to_the_byte(at: At) -> None:
    bench = at("new")
    rejected(bench, WRONG["many"], "pdf")
    folder = bench.workspace.outbox / "rejected"
    before = tree(folder)
    for name in before:
        (folder / name).unlink()
    bench.clock.pass_days(3)
    bench.restarted().intake.recover_from_crash()
    assert tree(folder) == before


# --- with the programs that people have ---------------------------------------------------------


def test_a_pdf_reply_that_is_printed_is_measured_against_its_own_layout(at: At, tmp_path: Path) -> None:
    wrong = WRONG["many"]
    bench = at(PLACE[wrong.form])
    row = rejected(bench, wrong, "pdf")
    data = formats.load_formats()["pdf"].fill_document(reply(bench, row, "pdf"), told(bench, row, wrong))
    done = bench.returned(FLATTENERS["PDFium"](data, tmp_path), "tuloste.pdf")
    assert (done.outcome, done.instance_id) == ("review", row.reply_id)
    doubted = {error["field"] for error in json.loads(done.reason)["errors"]}
    assert doubted == told(bench, row, wrong).keys()
