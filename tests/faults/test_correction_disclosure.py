"""A reply repeats what its file held; what was known besides is as in the form, and stays so when it is left alone."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from formgen import formats
from formgen.demo import resolve_dates
from formgen.documents.extraction import AS_ISSUED, TOKEN
from formgen.i18n import translate
from formgen.storage.moments import to_local_date
from formgen.storage.rows import Submission
from tests.conftest import AGREEMENT, DECISION, JOB, REFERRAL, Bench, changed, provenance_of
from tests.foreign.test_correction_fillers import in_fields, questions
from tests.foreign.test_libreoffice import FORMATS, Office, office, steps
from tests.support.foreign import FILLERS, FLATTENERS, Job
from tests.support.replies import PLACE, Wrong, at_places, put_right, reply
from tests.support.strangers import OUTSIDER, claiming, said_to_anybody, token_of, without_fields
from tests.support.strangers import told as all_told

__all__ = ["office"]
At = Callable[[str], Bench]
pytestmark = pytest.mark.usefixtures("unwalled")
every_format = pytest.mark.parametrize("format_name", ["docx", "pdf"])
HINT = "kuten lomakkeessasi"
AGREED = Wrong("cooperation_agreement", {"privacy_notice_given": "no"})
HIRED = Wrong("job_start", {"weekly_hours": "52"})
LOST: Mapping[str, tuple[Wrong, Mapping[str, str]]] = {  # what a document loses, and what it had been given there
    "name": (AGREED, {"client_name": "Onni Testinen Metsälä"}),
    "line": (AGREED, {"client_phone": "+358 40 1234567", "client_email": "onni.metsala@example.fi"}),
    "area": (AGREED, {"goal_summary": REFERRAL["client_own_words"]}),
    "date": (HIRED, {"client_birth_date": "13.4.1985"}),
    "ticks": (HIRED, {"coach_visible_to_employer": "yes"}),
    "list": (HIRED, {"service_task": "working_age"}),
    "table": (HIRED, {"benefit_effects": ""}),
}


def torn(bench: Bench, wrong: Wrong, lost: Mapping[str, str], format_name: str, **how: Any) -> tuple[Submission, bytes]:
    """Return the return of a wrong form that has lost some places, and its bytes."""
    made = bench.issue(wrong.form, bench.case().case_id, format_name=format_name, **how)
    right = {"cooperation_agreement": AGREEMENT, "job_start": JOB}[wrong.form]
    kept = {path: text for path, text in right.items() if path.partition(".")[0] not in lost}
    data = without_fields(bench.filled(made, {**kept, **wrong.answers}), lambda name: name.partition(".")[0] in lost)
    row = bench.returned(data, f"lomake.{format_name}")
    assert (row.outcome, row.code) == ("rejected", "invalid_values"), row.reason
    return row, data


def filled(bench: Bench, row: Submission, answers: Mapping[str, str], format_name: str) -> Submission:
    """Return what becomes of a reply in which some places were filled."""
    data = formats.load_formats()[format_name].fill_document(reply(bench, row, format_name), answers)
    return bench.returned(data, f"korjattu.{format_name}")


def mended(bench: Bench, row: Submission, lost: Iterable[str], format_name: str) -> Submission:
    """Return what becomes of a reply in which all was put right, and what was known of what was lost left alone."""
    right = {"cooperation_agreement": AGREEMENT, "job_start": JOB}[row.form]
    marked = {error["field"] for error in bench.reason(row)["errors"]} - {*lost}
    typed = at_places(bench, right, {*marked, *(name for name in lost if name not in right)})
    return filled(bench, row, typed, format_name)


@every_format
@pytest.mark.parametrize("name", LOST)
def test_what_a_file_has_lost_is_not_told_and_stays_as_it_was_issued(name: str, format_name: str, at: At) -> None:
    wrong, lost = LOST[name]
    bench = at(PLACE[wrong.form])
    row, sent = torn(bench, wrong, lost, format_name)
    issued = bench.journal.find_issued_document(row.instance_id)
    assert issued
    given = {path: text for path, text in issued.answers.items() if path.partition(".")[0] in lost}
    said = all_told(reply(bench, row, format_name))
    assert HINT in said
    brought = all_told(sent) + said_to_anybody(bench)
    assert {text for text in given.values() if text in said and text not in brought} == set()
    done = mended(bench, row, lost, format_name)
    record = bench.record(done)
    assert (done.instance_id, record["version_no"]) == (row.reply_id, 1)
    fields = provenance_of(record)
    assert {(fields[path]["raw"], fields[path]["change"], fields[path]["layer"]) for path in given} == {
        (text, "confirmed", AS_ISSUED) for text in given.values()
    }


@every_format
def test_what_is_written_instead_of_what_was_lost_is_a_change(format_name: str, at: At) -> None:
    bench = at("decided")
    row, _ = torn(bench, *LOST["line"], format_name)
    answers = {"privacy_notice_given": "yes", "client_email": "uusi@example.fi"}
    record = bench.record(filled(bench, row, answers, format_name))
    fields = provenance_of(record)
    assert (record["data"]["client_email"], record["data"]["client_phone"]) == ("uusi@example.fi", "+358401234567")
    assert (fields["client_email"]["change"], fields["client_phone"]["change"]) == ("changed", "confirmed")


@every_format
def test_what_is_written_beside_the_hint_is_looked_at(format_name: str, at: At) -> None:
    bench = at("decided")
    row, _ = torn(bench, *LOST["area"], format_name)
    answers = {"privacy_notice_given": "yes", "goal_summary": f"{HINT}, mutta aamuisin"}
    done = filled(bench, row, answers, format_name)
    assert (done.outcome, bench.errors(done)) == ("review", [("format", "goal_summary")])


@every_format
def test_a_hint_that_is_cleared_leaves_what_was_known(format_name: str, at: At) -> None:
    bench = at("decided")
    row, _ = torn(bench, *LOST["line"], format_name)
    done = filled(bench, row, {"privacy_notice_given": "yes", "client_email": ""}, format_name)
    assert bench.record(done)["data"]["client_email"] == "onni.metsala@example.fi"


@every_format
def test_a_reply_to_a_reply_tells_no_more(format_name: str, at: At) -> None:
    bench = at("decided")
    first, _ = torn(bench, *LOST["name"], format_name)
    second = filled(bench, first, {"client_email": "ei ole"}, format_name)
    assert second.outcome == "rejected"
    for row in (first, second):
        assert "Testinen" not in all_told(reply(bench, row, format_name))
    answers = {"privacy_notice_given": "yes", "client_email": "onni@example.fi"}
    record = bench.record(filled(bench, second, answers, format_name))
    assert record["data"]["client_name"] == "Onni Testinen Metsälä"


def test_an_answer_that_a_reply_has_lost_is_asked_for_and_not_as_it_was_known_before(at: At) -> None:
    bench = at("decided")
    made = bench.issue("cooperation_agreement", bench.case().case_id)
    row = bench.returned(bench.filled(made, {**AGREEMENT, **AGREED.answers, "client_email": "uusi@example.fi"}))
    lost = without_fields(reply(bench, row), lambda name: name == "client_email")
    again = bench.returned(lost)
    assert ("required", "client_email") in bench.errors(again)
    done = put_right(bench, again, Wrong("cooperation_agreement", {}, {"client_email": "uusi@example.fi"}))
    assert bench.record(done)["data"]["client_email"] == "uusi@example.fi"


def test_a_row_that_its_sender_took_out_stays_out(at: At) -> None:
    bench = at("signed")
    made = bench.issue("job_start", bench.case().case_id)
    gone = "benefit_effects.2."
    data = without_fields(bench.filled(made, {**JOB, **HIRED.answers}), lambda name: name.startswith(gone))
    row = bench.returned(data)
    assert not any(error["field"].startswith(gone) for error in bench.reason(row)["errors"])
    assert len(bench.record(put_right(bench, row, HIRED))["data"]["benefit_effects"]) == 2


@every_format
def test_who_is_named_nowhere_in_a_file_is_not_taken_from_the_journal_unseen(format_name: str, at: At) -> None:
    bench = at("decided")
    lost = {"client_name": "", "client_birth_date": ""}
    row, _ = torn(bench, AGREED, lost, format_name)
    done = mended(bench, row, lost, format_name)
    assert (done.outcome, bench.errors(done)) == ("review", [("R89", "client_name")])


@every_format
def test_a_form_of_one_person_that_was_filled_for_another_is_looked_at_after_a_reply_too(
    format_name: str, at: At
) -> None:
    bench = at("decided")
    other = {path: OUTSIDER[path] for path in ("client_name", "client_birth_date")}
    made = bench.issue("cooperation_agreement", bench.case().case_id, format_name=format_name)
    row = bench.returned(bench.filled(made, {**AGREEMENT, **AGREED.answers, **other}), f"lomake.{format_name}")
    assert "Testinen" not in all_told(reply(bench, row, format_name))
    assert {field for _, field in bench.errors(row)}.isdisjoint(other)
    done = filled(bench, row, {"privacy_notice_given": "yes"}, format_name)
    assert (done.outcome, bench.errors(done)) == ("review", [("choice", path) for path in other])


def test_what_a_document_did_not_ask_is_not_told_in_a_reply_either(bench: Bench) -> None:
    first = bench.send("referral", REFERRAL)
    met = resolve_dates(REFERRAL["transition_meetings.0.meeting_date"], to_local_date(bench.clock()))
    with (bench.root / "formgen.toml").open("a", encoding="utf-8") as settings:
        settings.write('[leave_out]\nreferral = ["transition_meetings"]\n')
    bench = bench.restarted()
    made = bench.issue("referral", first.case_id)
    row = bench.returned(bench.filled(made, {**DECISION, "referral_date": "{today-1}", "received_date": "{today}"}))
    assert "transition_meetings.0.meeting_date" in {field for _, field in bench.errors(row)}
    assert met not in all_told(reply(bench, row))


def test_two_tokens_in_one_file_are_answered_by_a_letter(at: At) -> None:
    bench = at("decided")
    first, second = (bench.issue("cooperation_agreement", bench.case().case_id) for _ in range(2))
    data, other = bench.filled(first, {**AGREEMENT, **AGREED.answers}), token_of(Path(second.path).read_bytes())
    mixed = changed(data, lambda name, text: TOKEN.sub(other, text) if name == "docProps/core.xml" else text)
    row = bench.returned(mixed)
    assert (row.outcome, row.reply_id) == ("rejected", None)


def test_a_reply_names_no_case_whatever_the_file_named(at: At) -> None:
    bench = at("decided")
    case_id = bench.case().case_id
    made = bench.issue("cooperation_agreement", case_id)
    for data, named in (
        (bench.filled(made, {**AGREEMENT, **AGREED.answers}), case_id),
        (claiming(bench.filled(made, {**AGREEMENT, **AGREED.answers}), "–", shown=True), None),
        (claiming(bench.filled(made, {**AGREEMENT, **AGREED.answers}), "PK-2026-00099", shown=True), None),
    ):
        row = bench.returned(data)
        assert (bench.reason(row)["case_id"], row.case_id) == (named, case_id)
        assert case_id not in all_told(reply(bench, row))
        assert put_right(bench, row, AGREED).outcome in ("accepted", "duplicate")


@pytest.mark.parametrize("language", ["sv", "fi_selko"])
def test_a_reply_says_it_in_the_language_of_the_document(language: str, at: At) -> None:
    bench = at("decided")
    row, _ = torn(bench, *LOST["name"], "docx", language=language)
    assert translate(HINT, language) in all_told(reply(bench, row))
    assert bench.record(mended(bench, row, LOST["name"][1], "docx"))["data"]["client_name"] == "Onni Testinen Metsälä"


# --- with the programs that people have ------------------------------------------------------------

PLACES = {"client_name": "", "goal_summary": "", "service_task": "", "client_email": ""}


@pytest.mark.parametrize("filler", FILLERS)
def test_a_hint_that_a_viewer_saves_again_is_left_alone(filler: str, at: At, tmp_path: Path) -> None:
    bench = at("decided")
    row, _ = torn(bench, AGREED, PLACES, "pdf")
    values = in_fields(bench.registry.find_latest_version("cooperation_agreement"), {"privacy_notice_given": "yes"})
    (data,) = FILLERS[filler]([Job(reply(bench, row, "pdf"), values)], tmp_path)
    done = bench.returned(data, "korjattu.pdf")
    assert (done.outcome, done.instance_id) == ("accepted", row.reply_id), done.reason
    assert bench.record(done)["data"]["client_name"] == "Onni Testinen Metsälä"


def test_a_hint_that_is_printed_is_as_sure_as_what_was_printed(at: At, tmp_path: Path) -> None:
    bench = at("decided")
    row, _ = torn(bench, AGREED, PLACES, "pdf")
    data = formats.load_formats()["pdf"].fill_document(reply(bench, row, "pdf"), {"privacy_notice_given": "yes"})
    done = bench.returned(FLATTENERS["PDFium"](data, tmp_path), "tuloste.pdf")
    doubted = {error["field"] for error in json.loads(done.reason)["errors"]}
    assert (done.outcome, doubted) == ("review", {"privacy_notice_given"})


@pytest.mark.slow
def test_a_hint_that_libreoffice_saves_in_any_format_is_left_alone(at: At, office: Office) -> None:
    bench = at("decided")
    row, _ = torn(bench, AGREED, PLACES, "docx")
    answers = {"privacy_notice_given": "yes"}
    asked = questions(bench.registry.find_latest_version("cooperation_agreement"), answers)
    _, files = office.work(reply(bench, row), "docx", steps(asked, answers), FORMATS)
    outcomes = []
    for ending, data in files.items():
        done = bench.returned(data, f"korjattu.{ending}")
        outcomes.append(done.outcome)
    assert outcomes == ["accepted", *["duplicate"] * (len(FORMATS) - 1)], [
        found.reason for found in bench.journal.find_submissions() if found.outcome in ("review", "rejected")
    ]
