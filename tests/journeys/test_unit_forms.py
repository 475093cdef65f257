"""Forms beyond the open case: those of the unit, which have no case, and what a closed case still takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from formgen.cases.workflow import find_moves, list_tasks
from formgen.errors import UsageError
from tests.conftest import Bench, tree
from tests.rules import FORMS, JOB, judged
from tests.rules.closing import BASE as CLOSING
from tests.rules.closing import NEVER_SEEN, REVIEWED, SEARCHING, UNSEEN, closed
from tests.rules.employer_contact import BASE as CONTACT
from tests.rules.employer_contact import GENERAL
from tests.rules.quality_assessment import BASE as ASSESSMENT

At = Callable[[str], Bench]
GENERAL_OF_CLIENT = {path: text for path, text in GENERAL.items() if path not in ("client_name", "client_birth_date")}
NOWHERE = {"before": None, "after": None, "transitions": []}
EARLIER = {
    **ASSESSMENT,
    "period_start": "1.5.2025",
    "period_end": "31.10.2025",
    "assessment_date": "1.12.2025",
    "criteria.0.score": "4",
    "next_assessment": "1.6.2026",
}


# --- general cooperation with employers ------------------------------------------------------


def test_a_general_contact_with_an_employer_is_a_record_of_the_unit(bench: Bench) -> None:
    row = bench.send("employer_contact", {**CONTACT, **GENERAL})
    record = bench.record(row)
    assert (row.case_id, record["case_id"], record["phase"]) == (None, None, NOWHERE)
    assert (record["data"]["client_name"], record["data"]["contact_basis"]) == (None, "general")
    assert list(tree(bench.workspace.outbox / "records")) == [f"_unit/{record['record_id']}.employer_contact.json"]
    assert bench.journal.list_case_ids() == []


def test_the_next_general_contact_with_the_same_employer_takes_the_place_of_the_first(bench: Bench) -> None:
    first = bench.record(bench.send("employer_contact", {**CONTACT, **GENERAL}))
    other = bench.record(bench.send("employer_contact", {**CONTACT, **GENERAL, "business_id": "9000003-8"}))
    again = bench.record(bench.send("employer_contact", {**CONTACT, **GENERAL, "unit_name": "Aseman kahvila"}))
    assert (other["supersedes"], again["supersedes"], again["version_no"]) == (None, first["record_id"], 2)


def test_a_contact_for_a_client_needs_the_clients_case(bench: Bench) -> None:
    row = bench.send("employer_contact", {**CONTACT, **GENERAL, "contact_basis": "both", "matches_plan": "no"})
    assert (row.outcome, row.case_id) == ("rejected", None)
    assert ("choice", "contact_basis") in bench.errors(row)


@pytest.mark.parametrize("place", ["referred", "decided", "signed", "employed"])
def test_a_general_contact_inside_a_case_moves_it_in_no_phase(at: At, place: str) -> None:
    bench = at(place)
    before = bench.case()
    record = bench.record(bench.send("employer_contact", {**CONTACT, **GENERAL_OF_CLIENT}, before.case_id))
    assert record["phase"] == {"before": before.phase, "after": before.phase, "transitions": []}


# --- the unit ---------------------------------------------------------------------------------


def test_an_assessment_becomes_a_record_of_no_case_and_moves_none(bench: Bench) -> None:
    row = bench.send("quality_assessment", ASSESSMENT)
    record = bench.record(row)
    assert (row.case_id, record["case_id"], record["version_no"]) == (None, None, 1)
    assert record["phase"] == NOWHERE
    data = record["data"]
    assert (data["total_score"], data["band"], data["previous_total"], data["change"]) == (100, "good", None, None)
    assert [data[f"section_totals_{part}"] for part in ("staffing", "organisation", "services")] == [13, 32, 55]
    names = list(tree(bench.workspace.outbox / "records"))
    assert names == [f"_unit/{record['record_id']}.quality_assessment.json"]
    assert (bench.journal.list_case_ids(), bench.feed()[-1]["case_id"]) == ([], None)


def test_an_assessment_knows_the_one_before_it_also_when_that_is_corrected(bench: Bench) -> None:
    first = bench.issue("quality_assessment")
    bench.returned(bench.filled(first, EARLIER))
    second = bench.issue("quality_assessment")
    data = bench.record(bench.returned(bench.filled(second, ASSESSMENT)))["data"]
    assert (data["previous_total"], data["change"]) == (99, 1)
    corrected = bench.record(bench.returned(bench.filled(first, {**EARLIER, "criteria.1.score": "5"})))
    assert (corrected["version_no"], corrected["data"]["previous_total"]) == (2, None)
    again = bench.record(bench.returned(bench.filled(second, {**ASSESSMENT, "summary": "Korjattu yhteenveto."})))
    assert (again["version_no"], again["data"]["previous_total"]) == (2, 100)


def test_an_assessment_that_is_sent_twice_is_a_duplicate(bench: Bench) -> None:
    data = bench.filled(bench.issue("quality_assessment"), ASSESSMENT)
    assert [bench.returned(data).outcome, bench.returned(data).outcome] == ["accepted", "duplicate"]


def test_an_assessment_is_made_for_no_case(at: At) -> None:
    bench = at("signed")
    with pytest.raises(UsageError, match="yksikön"):
        bench.issue("quality_assessment", bench.case().case_id)


def test_a_blank_assessment_has_its_25_criteria(bench: Bench) -> None:
    given = bench.journal.find_issued_document(bench.issue("quality_assessment", empty=True).instance_id)
    assert given
    assert [given.answers[f"criteria.{index}.no"] for index in range(25)] == [str(no) for no in range(1, 26)]


# --- the closed case --------------------------------------------------------------------------


def test_a_closed_case_takes_its_follow_up_and_nothing_else(at: At) -> None:
    bench = at("signed")
    case_id = bench.case().case_id
    early = bench.issue("job_start", case_id)
    end = bench.record(bench.send("closing", CLOSING, case_id))
    assert end["phase"] == {"before": "phase_2", "after": "closed", "transitions": ["T28"]}
    assert end["data"]["phase_at_closing"] == "phase_2"
    bench.clock.pass_days(31)
    met = {"follow_ups.0.done_date": "{today}", "follow_ups.0.employed": "yes", "follow_ups.0.weekly_hours": "30 h"}
    again = bench.record(bench.send("closing", met, case_id))
    assert (again["version_no"], again["supersedes"]) == (2, end["record_id"])
    assert again["phase"] == {"before": "closed", "after": "closed", "transitions": []}
    assert (again["data"]["phase_at_closing"], bench.case().status) == ("phase_2", "closed")
    assert again["data"]["follow_ups"][0]["done_date"] == "2026-07-02"
    assert bench.errors(bench.returned(bench.filled(early, JOB)))[-1] == ("R88", "")
    with pytest.raises(UsageError, match="päättynyt"):
        bench.issue("job_start", case_id)


def test_rows_that_nobody_answered_are_rows_only_where_they_are_called_for() -> None:
    planned = ["1_month", "3_months", "6_months", "12_months"]
    for agreed, rows in (("yes", planned), ("no", [])):
        record = judged("closing", {**CLOSING, "follow_up_agreed": agreed}, SEARCHING()).record
        assert record
        assert [row.planned for row in record.follow_ups] == rows
        assert [(row.item, row.score) for row in record.client_evaluation] == [("i1", "5"), ("i4", "4")]


def test_an_end_stops_every_clock_but_its_own() -> None:
    case = replace(closed(), today=closed().today.replace(year=2027))
    assert {task.form for task in list_tasks(case)} == {"closing"}


def test_a_closing_is_wanted_when_nothing_else_is_left() -> None:
    closing = FORMS.find_latest_version("closing")
    assert not closing.is_needed(SEARCHING())
    assert not closing.is_needed(closed())
    assert closing.is_needed(replace(closed(), today=closed().today.replace(month=8)))


def test_a_service_that_never_began_has_no_days() -> None:
    record = judged("closing", {**NEVER_SEEN, **REVIEWED}, UNSEEN()).record
    assert record
    assert (record.service_start_date, record.service_days, record.phase_at_closing) == (None, 0, "phase_1")


def test_a_closed_case_is_closed_once() -> None:
    case = closed()
    record = case.find_latest_record("closing")
    assert find_moves(case, record)[1][0].code == "R88"
    assert find_moves(case, record, correction=True) == ((), ())
    assert find_moves(case, case.find_latest_record("cooperation_agreement"), correction=True)[1][0].code == "R88"
