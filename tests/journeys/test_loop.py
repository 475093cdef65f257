"""The loop from issue to record: a case walks it from referral to job, and every wrong turn has its one outcome."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from formgen import formats
from formgen.demo import resolve_dates
from formgen.documents.extraction import TOKEN, Identity
from formgen.errors import UsageError
from formgen.publishing import outbox
from formgen.storage.moments import to_local_date
from tests.conftest import AGREEMENT, DECIDED, DECISION, JOB, REFERRAL, WALK, Bench, changed, saved_again, tree
from tests.rules.employer_contact import BASE as CONTACT
from tests.rules.employer_contact import FIRST_MET
from tests.rules.job_support_plan import BASE as PLAN

At = Callable[[str], Bench]
pytestmark = pytest.mark.usefixtures("unwalled")
AMENDMENT = {
    **AGREEMENT,
    "agreement_kind": "amendment",
    "amendment_reason": "consent",
    "amendment_reason_detail": "Kelan suostumus perutaan",
    "consents.3.withdrawn_date": "{today}",
}
GENERAL = {**CONTACT, **FIRST_MET, "contact_basis": "general", "matches_plan": "", "target_id": "", "fit_summary": ""}
FORMS = ("referral", "referral", "cooperation_agreement", "job_start")


# --- the walk ---------------------------------------------------------------------------------


def test_a_case_walks_from_referral_to_job_through_the_folder(bench: Bench) -> None:
    case_id = None
    seen = []
    for turn in WALK:
        row = bench.send(turn["form"], turn["answers"], case_id)
        case_id = row.case_id
        record = bench.record(row)
        seen.append((record["form"], *record["phase"].values(), record["version_no"]))
    assert seen == [
        ("referral", None, "phase_1", ["T01"], 1),
        ("referral", "phase_1", "phase_1", ["T02"], 2),
        ("cooperation_agreement", "phase_1", "phase_2", ["T04"], 1),
        ("job_start", "phase_2", "phase_5", ["T13"], 1),
    ]
    assert case_id == "PK-2026-00001"
    assert [(step.transition, step.after) for step in bench.case().steps] == [
        ("T01", "phase_1"),
        ("T02", "phase_1"),
        ("T04", "phase_2"),
        ("T13", "phase_5"),
    ]
    assert [line["event"] for line in bench.feed()] == ["record.accepted"] * 4
    assert list(bench.workspace.inbox.iterdir()) == []


def test_a_referral_that_brings_its_decision_makes_both_moves(bench: Bench) -> None:
    row = bench.send("referral", DECIDED)
    assert bench.record(row)["phase"] == {"before": None, "after": "phase_1", "transitions": ["T01", "T02"]}
    assert [step.transition for step in bench.case().steps] == ["T01", "T02"]
    assert bench.case().coach == DECISION["assigned_coach"]


PREFILLED: dict[str, tuple[str, Mapping[str, str]]] = {
    "cooperation_agreement": (
        "decided",
        {
            "client_name": "Onni Testinen Metsälä",
            "client_birth_date": "13.4.1985",
            "client_phone": "+358 40 1234567",
            "client_email": "onni.metsala@example.fi",
            "coach_name": DECISION["assigned_coach"],
            "other_party_name": REFERRAL["referrer_name"],
            "goal_summary": REFERRAL["client_own_words"],
            "competitive_goal": "yes",
            "support_people.0.name": REFERRAL["other_services.0.contact_person"],
            "guardian_signs": "no",
            "transition_meetings.0.participants": REFERRAL["transition_meetings.0.participants"],
        },
    ),
    "job_start": (
        "signed",
        {
            "client_name": "Onni Testinen Metsälä",
            "client_birth_date": "13.4.1985",
            "coach_name": DECISION["assigned_coach"],
            "job_id": "JOB-1",
            "coach_visible_to_employer": "yes",
        },
    ),
}


@pytest.mark.parametrize("form", PREFILLED)
def test_a_later_form_comes_prefilled_from_the_earlier_ones(form: str, at: At) -> None:
    place, expected = PREFILLED[form]
    bench = at(place)
    made = bench.issue(form, bench.case().case_id)
    document = tree(bench.workspace.outbox)[f"forms/{made.case_id}/{made.path.rpartition('/')[2]}"]
    stands = formats.read_document(document, bench.intake.decision_engine.reader.build_form_specs()).answers
    assert {path: stands[path].text for path in expected} == expected


def test_the_rows_of_benefits_reach_the_third_form_from_the_first(at: At) -> None:
    bench = at("signed")
    row = bench.send("job_start", JOB, bench.case().case_id)
    named = [REFERRAL[f"benefits.{index}.benefit"] for index in range(3)]
    assert [effect["benefit"] for effect in bench.record(row)["data"]["benefit_effects"]] == named


def test_a_blank_form_knows_nothing_of_the_client(at: At) -> None:
    bench = at("signed")
    made = bench.issue("job_start", bench.case().case_id, empty=True)
    given = bench.journal.find_issued_document(made.instance_id)
    assert given
    assert {"client_name", "client_birth_date", "benefit_effects.0.benefit"} & set(given.answers) == set()


# --- what is published is what the schemas say --------------------------------------------------


@pytest.fixture
def validators(bench: Bench) -> Mapping[str, Draft202012Validator]:
    """Return a validator for every published schema, by file name, able to follow their references."""
    places = outbox.publish_schemas(bench.workspace.outbox / "schemas", bench.registry)
    bodies = {place.name: json.loads(place.read_text(encoding="utf-8")) for place in places}
    for body in bodies.values():
        Draft202012Validator.check_schema(body)
    known: Registry[Any] = Registry().with_resources(
        (body["$id"], Resource.from_contents(body)) for body in bodies.values()
    )
    checker = Draft202012Validator.FORMAT_CHECKER
    assert {"date", "date-time", "uuid"} <= set(checker.checkers)
    return {name: Draft202012Validator(body, registry=known, format_checker=checker) for name, body in bodies.items()}


def test_records_reasons_and_feed_validate_against_the_published_schemas(
    at: At, validators: Mapping[str, Draft202012Validator]
) -> None:
    bench = at("signed")
    case_id = bench.case().case_id
    first = bench.send("job_start", JOB, case_id)
    assert first.outcome == "accepted"
    assert bench.send("job_start", {**JOB, "weekly_hours": "52"}, case_id).outcome == "rejected"
    assert bench.returned(b"no form at all", "kissa.txt").outcome == "rejected"
    found = tree(bench.workspace.outbox)
    records = [json.loads(data) for name, data in found.items() if name.startswith("records/")]
    reasons = [json.loads(data) for name, data in found.items() if name.endswith(".reason.json")]
    assert (len(records), len(reasons), len(bench.feed())) == (4, 2, 6)
    for record in records:
        validators[f"{record['form']}.schema.json"].validate(record["data"])
        validators["record.schema.json"].validate(record)
    for reason in reasons:
        validators["reason.schema.json"].validate(reason)
    for line in bench.feed():
        validators["feed.schema.json"].validate(line)


def test_the_record_schema_refuses_wrong_data_of_a_known_form(
    at: At, validators: Mapping[str, Draft202012Validator]
) -> None:
    bench = at("referred")
    record = bench.record(bench.journal.find_submissions()[-1])
    validators["record.schema.json"].validate(record)
    record["data"]["received_date"] = "1.6.2026"
    assert not validators["record.schema.json"].is_valid(record)


# --- every wrong turn ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Wrong:
    """One wrong return: where the case stands, what is written, and the one outcome that it must have."""

    place: str
    form: str
    answers: Mapping[str, str]
    code: str
    error: tuple[str, str]


WRONG = {
    "a_client_who_wants_no_work": Wrong(
        "new", "referral", {**REFERRAL, "client_wants_work": "no"}, "invalid_values", ("R01", "client_wants_work")
    ),
    "a_referral_the_client_does_not_know_of": Wrong(
        "new", "referral", {**REFERRAL, "consent_referral": "no"}, "invalid_values", ("R03", "consent_referral")
    ),
    "an_identity_code_with_a_wrong_check": Wrong(
        "new", "referral", {**REFERRAL, "client_hetu": "130485-901M"}, "invalid_values", ("R04", "client_hetu")
    ),
    "a_birth_date_that_differs_from_the_code": Wrong(
        "new",
        "referral",
        {**REFERRAL, "client_birth_date": "14.4.1985"},
        "invalid_values",
        ("R04", "client_birth_date"),
    ),
    "a_second_agreement": Wrong(
        "signed",
        "cooperation_agreement",
        {**AGREEMENT, "agreement_kind": "initial"},
        "transition_not_allowed",
        ("T04", "agreement_kind"),
    ),
    "an_agreement_without_the_clients_signature": Wrong(
        "decided",
        "cooperation_agreement",
        {path: text for path, text in AGREEMENT.items() if not path.startswith("sign_client.")},
        "invalid_values",
        ("R10", "sign_client"),
    ),
    "an_agreement_without_the_coachs_signature": Wrong(
        "decided",
        "cooperation_agreement",
        {path: text for path, text in AGREEMENT.items() if not path.startswith("sign_coach.")},
        "invalid_values",
        ("R10", "sign_coach"),
    ),
    "a_consent_without_an_answer": Wrong(
        "decided",
        "cooperation_agreement",
        {**AGREEMENT, "consents.2.granted": ""},
        "invalid_values",
        ("R11", "consents.2.granted"),
    ),
    "an_agreement_without_privacy_notice": Wrong(
        "decided",
        "cooperation_agreement",
        {**AGREEMENT, "privacy_notice_given": "no"},
        "invalid_values",
        ("R12", "privacy_notice_given"),
    ),
    "a_job_that_began_before_the_service": Wrong(
        "signed", "job_start", {**JOB, "start_date": "{today-10}"}, "invalid_values", ("R47", "start_date")
    ),
    "a_week_of_52_hours": Wrong(
        "signed", "job_start", {**JOB, "weekly_hours": "52"}, "invalid_values", ("R48", "weekly_hours")
    ),
    "a_fixed_term_without_an_end": Wrong(
        "signed", "job_start", {**JOB, "contract_type": "fixed_term"}, "invalid_values", ("required", "end_date")
    ),
    "a_job_that_ends_before_it_starts": Wrong(
        "signed",
        "job_start",
        {**JOB, "contract_type": "fixed_term", "end_date": "{today+4}"},
        "invalid_values",
        ("R48", "end_date"),
    ),
    "a_name_told_without_consent": Wrong(
        "signed",
        "job_start",
        {**JOB, "start_date": "{today+361}"},
        "invalid_values",
        ("R35", "coach_visible_to_employer"),
    ),
}


def state(bench: Bench) -> tuple[Any, ...]:
    """Return everything about cases that a return must not change unless it is accepted."""
    cases = bench.journal.list_case_ids()
    records = {name: data for name, data in tree(bench.workspace.outbox).items() if name.startswith("records/")}
    return cases, bench.journal.list_record_places(), bench.case().steps if cases else (), records


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_return_is_rejected_with_its_rule_and_changes_nothing_else(name: str, at: At) -> None:
    wrong = WRONG[name]
    bench = at(wrong.place)
    before, events = state(bench), len(bench.feed())
    case_id = bench.case().case_id if wrong.place != "new" else None
    made = bench.issue(wrong.form, case_id)
    data = bench.filled(made, wrong.answers)
    row = bench.returned(data)
    reason = bench.reason(row)
    assert (reason["code"], reason["form"], reason["case_id"]) == (wrong.code, wrong.form, case_id)
    assert wrong.error in {(error["code"], error["field"]) for error in reason["errors"]}
    assert state(bench) == before
    assert [(line["event"], line["code"]) for line in bench.feed()[events:]] == [("submission.rejected", wrong.code)]
    place = outbox.get_rejected_path(bench.workspace, row.rejected_as)
    assert place.read_bytes() == data
    assert place.with_name(f"{place.name}.palaute.docx").read_bytes().startswith(b"PK")


def test_the_rejected_referral_of_the_demo_names_every_fault(bench: Bench) -> None:
    from tests.conftest import STORIES

    turn = STORIES[2]["submissions"][0]
    row = bench.send(turn["form"], turn["answers"])
    errors = {error["code"] for error in bench.reason(row)["errors"]}
    assert row.outcome == turn["expect"]
    assert {"R01", "R04"} <= errors
    assert bench.journal.list_case_ids() == []


def signed_for(bench: Bench, data: bytes, identity: Identity) -> bytes:
    """Return the document with every carrier of its identity saying another one."""
    token = identity.sign_token(bench.journal.keys)
    bookmark = f"form_{identity.instance.hex}"

    def put(_: str, text: str) -> str:
        return re.sub(r"form_[0-9a-f]{32}", bookmark, TOKEN.sub(token, text))

    return changed(data, put)


def test_a_version_that_nobody_knows_is_rejected(bench: Bench) -> None:
    made = bench.issue("referral")
    identity = Identity("referral", "2099.1", UUID(made.instance_id))
    row = bench.returned(signed_for(bench, bench.filled(made, REFERRAL), identity))
    assert bench.reason(row)["code"] == "unknown_version"
    assert bench.errors(row) == [("R90", "")]


def test_a_form_that_nobody_knows_is_rejected(bench: Bench) -> None:
    made = bench.issue("referral")
    identity = Identity("horoscope", "2026.1", UUID(made.instance_id))
    row = bench.returned(signed_for(bench, bench.filled(made, REFERRAL), identity))
    assert bench.reason(row)["code"] == "unknown_form"


def of_a_case_that_is_not_here(bench: Bench, form: str, answers: Mapping[str, str]) -> bytes:
    """Return a filled document that carries our signature and the id of a case that there is not."""
    case_id = bench.case().case_id
    made = bench.issue(form, case_id)
    data = signed_for(bench, bench.filled(made, answers), Identity(form, "2026.1", bench.intake.new_id()))
    return changed(data, lambda _, text: text.replace(case_id, "PK-2026-09999"))


def test_a_case_that_nobody_knows_is_rejected(at: At) -> None:
    bench = at("signed")
    before = state(bench)
    row = bench.returned(of_a_case_that_is_not_here(bench, "job_start", JOB))
    assert bench.reason(row)["code"] == "unknown_case"
    assert bench.errors(row) == [("R89", "")]
    assert state(bench) == before


def test_a_form_that_says_it_is_of_another_case_goes_to_review(at: At) -> None:
    bench = at("signed")
    bench.send("referral", {**REFERRAL, "client_last_name": "Toinen-Malli"})
    first, second = bench.journal.list_case_ids()
    made = bench.issue("job_start", first)
    data = changed(bench.filled(made, JOB), lambda _, text: text.replace(first, second))
    row = bench.returned(data)
    assert (row.outcome, row.case_id, bench.errors(row)) == ("review", first, [("R89", "")])
    assert [known.form for known in bench.journal.list_record_places()].count("job_start") == 0


@pytest.fixture
def helsinki(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the office's clock be that of Finland."""
    monkeypatch.setenv("TZ", "Europe/Helsinki")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("helsinki")
def test_a_form_that_is_dated_today_may_come_right_after_midnight(bench: Bench) -> None:
    bench.clock.now = datetime(2026, 5, 31, 22, 30, tzinfo=UTC)
    made = bench.issue("referral")
    given = bench.journal.find_issued_document(made.instance_id)
    assert given
    assert given.answers["document_date"] == "1.6.2026"
    row = bench.returned(bench.filled(made, DECIDED))
    assert bench.record(row)["data"]["document_date"] == "2026-06-01"


# --- forms that come too early ------------------------------------------------------------------


def test_a_job_before_the_agreement_waits_and_is_released_by_it(at: At) -> None:
    bench = at("decided")
    case_id = bench.case().case_id
    before = state(bench)
    early = bench.send("job_start", JOB, case_id)
    assert (early.outcome, early.waits_for, bench.errors(early)) == (
        "waiting",
        "cooperation_agreement",
        [("R46", "")],
    )
    assert state(bench) == before
    assert (bench.feed()[-1]["event"], bench.feed()[-1]["waits_for"]) == ("submission.waiting", "cooperation_agreement")
    agreement = bench.send("cooperation_agreement", AGREEMENT, case_id)
    released = bench.row(early.submission_id)
    assert (agreement.submission_id, released.outcome, released.waits_for) == (
        bench.feed()[-2]["submission_id"],
        "accepted",
        None,
    )
    assert bench.record(released)["phase"] == {"before": "phase_2", "after": "phase_5", "transitions": ["T13"]}
    assert [step.transition for step in bench.case().steps] == ["T01", "T02", "T04", "T13"]


def test_an_agreement_before_the_decision_waits_for_the_referral(at: At) -> None:
    bench = at("referred")
    case_id = bench.case().case_id
    early = bench.send("cooperation_agreement", {**AGREEMENT, "coach_name": DECISION["assigned_coach"]}, case_id)
    assert (early.outcome, early.waits_for, bench.errors(early)) == ("waiting", "referral", [("R09", "")])
    assert bench.send("referral", DECISION, case_id).case_id == case_id
    assert bench.row(early.submission_id).outcome == "accepted"
    assert bench.case().phase == "phase_2"


def test_a_batch_is_settled_in_the_order_of_the_process_whatever_order_it_came_in(at: At) -> None:
    bench = at("decided")
    case_id = bench.case().case_id
    bench.drop(bench.filled(bench.issue("job_start", case_id), JOB), "a.docx")
    bench.drop(bench.filled(bench.issue("cooperation_agreement", case_id), AGREEMENT), "b.docx")
    bench.watch()
    assert [row.outcome for row in bench.journal.find_submissions()] == ["accepted"] * 4
    assert bench.case().phase == "phase_5"


def test_what_no_longer_holds_when_it_is_released_is_answered_and_holds_up_nothing_behind_it(at: At) -> None:
    bench = at("decided")
    case_id = bench.case().case_id
    too_early = bench.send("job_start", {**JOB, "start_date": "{today-10}"}, case_id)
    fitting = bench.send("job_start", JOB, case_id)
    assert (too_early.outcome, fitting.outcome) == ("waiting", "waiting")
    bench.send("cooperation_agreement", AGREEMENT, case_id)
    rejected = bench.row(too_early.submission_id)
    assert rejected.outcome == "rejected"
    assert ("R47", "start_date") in bench.errors(rejected)
    assert bench.row(fitting.submission_id).outcome == "accepted"


def test_a_release_that_a_crash_has_cut_off_is_made_up_at_the_next_start(
    at: At, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = at("decided")
    case_id = bench.case().case_id
    early = bench.send("job_start", JOB, case_id)
    with monkeypatch.context() as crash:
        crash.setattr(type(bench.intake), "release_waiting_submissions", lambda *_: None)
        bench.send("cooperation_agreement", AGREEMENT, case_id)
    assert bench.row(early.submission_id).outcome == "waiting"
    bench.restarted().watch()
    assert bench.row(early.submission_id).outcome == "accepted"


# --- what comes again ---------------------------------------------------------------------------


def test_the_same_document_with_other_values_takes_the_place_of_its_record(at: At) -> None:
    bench = at("signed")
    made = bench.issue("job_start", bench.case().case_id)
    first = bench.record(bench.returned(bench.filled(made, JOB)))
    second = bench.record(bench.returned(bench.filled(made, {**JOB, "weekly_hours": "20"})))
    third = bench.record(bench.returned(bench.filled(made, {**JOB, "weekly_hours": "21"})))
    chain = [(record["version_no"], record["supersedes"]) for record in (first, second, third)]
    assert chain == [(1, None), (2, first["record_id"]), (3, second["record_id"])]
    assert [known.record_id for known in bench.case().list_current_records("job_start")] == [third["record_id"]]
    assert (second["data"]["weekly_hours"], third["data"]["weekly_hours"]) == ("20.0", "21.0")


def test_a_correction_makes_no_move_of_its_own(at: At) -> None:
    bench = at("signed")
    made = bench.issue("job_start", bench.case().case_id)
    bench.returned(bench.filled(made, JOB))
    corrected = bench.record(bench.returned(bench.filled(made, {**JOB, "weekly_hours": "20"})))
    assert corrected["phase"] == {"before": "phase_5", "after": "phase_5", "transitions": []}
    assert [step.transition for step in bench.case().steps] == ["T01", "T02", "T04", "T13", None]


def test_what_is_accepted_stays_as_it_is_when_it_is_corrected(at: At) -> None:
    bench = at("signed")
    made = bench.issue("job_start", bench.case().case_id)
    bench.returned(bench.filled(made, JOB))
    before = tree(bench.workspace.outbox / "records")
    bench.returned(bench.filled(made, {**JOB, "weekly_hours": "20"}))
    after = tree(bench.workspace.outbox / "records")
    assert before.items() <= after.items()
    assert len(after) == len(before) + 1


def test_the_same_bytes_again_are_a_duplicate_of_the_first(at: At) -> None:
    bench = at("signed")
    data = bench.filled(bench.issue("job_start", bench.case().case_id), JOB)
    first = bench.returned(data)
    before = state(bench)
    again = bench.returned(data, "sama.docx")
    assert (again.outcome, again.first_id) == ("duplicate", first.submission_id)
    assert (bench.feed()[-1]["event"], bench.feed()[-1]["first"]) == ("submission.duplicate", first.submission_id)
    assert state(bench) == before


def test_the_same_answers_saved_again_are_a_duplicate_of_the_first(at: At) -> None:
    bench = at("signed")
    data = bench.filled(bench.issue("job_start", bench.case().case_id), JOB)
    first = bench.returned(data)
    before = state(bench)
    again = bench.returned(saved_again(data))
    assert (again.outcome, again.first_id) == ("duplicate", first.submission_id)
    assert state(bench) == before


def test_the_same_file_under_the_same_name_again_is_a_duplicate_too(at: At) -> None:
    bench = at("signed")
    data = bench.filled(bench.issue("job_start", bench.case().case_id), JOB)
    bench.returned(data, "lomake.docx")
    assert bench.returned(data, "lomake.docx").outcome == "duplicate"


def test_a_rejected_form_may_be_put_right_and_sent_again(at: At) -> None:
    bench = at("signed")
    made = bench.issue("job_start", bench.case().case_id)
    assert bench.returned(bench.filled(made, {**JOB, "weekly_hours": "52"})).outcome == "rejected"
    assert bench.returned(bench.filled(made, JOB)).outcome == "accepted"


def test_an_amendment_takes_the_place_of_the_agreement_and_leaves_the_phase(at: At) -> None:
    bench = at("signed")
    case_id = bench.case().case_id
    first = bench.journal.find_submissions()[-1]
    record = bench.record(bench.send("cooperation_agreement", AMENDMENT, case_id))
    assert record["phase"] == {"before": "phase_2", "after": "phase_2", "transitions": ["T25"]}
    assert (record["version_no"], record["supersedes"]) == (2, first.record_id)
    assert bench.case().find_latest_record("cooperation_agreement").agreement_kind == "amendment"


def test_a_document_that_another_has_overtaken_needs_a_person(at: At) -> None:
    bench = at("new")
    made = bench.issue("referral")
    bench.returned(bench.filled(made, REFERRAL))
    case_id = bench.case().case_id
    decided = bench.record(bench.send("referral", DECISION, case_id))
    late = bench.returned(bench.filled(made, {**REFERRAL, "client_call_name": "Testi"}))
    assert (late.outcome, bench.errors(late)) == ("review", [("choice", "")])
    bench.intake.confirm_submission(late, "Testi Tarkastaja", {})
    record = bench.record(bench.row(late.submission_id))
    assert (record["version_no"], record["supersedes"]) == (3, decided["record_id"])


def test_an_agreement_that_was_amended_is_not_made_anew_by_its_old_document(at: At) -> None:
    bench = at("decided")
    case_id = bench.case().case_id
    made = bench.issue("cooperation_agreement", case_id)
    bench.returned(bench.filled(made, AGREEMENT))
    amended = bench.record(bench.send("cooperation_agreement", AMENDMENT, case_id))
    late = bench.returned(bench.filled(made, {**AGREEMENT, "contact_hours": "klo 10–12"}))
    assert late.outcome == "review"
    assert [known.record_id for known in bench.case().list_current_records("cooperation_agreement")] == [
        amended["record_id"]
    ]


def test_an_amendment_of_what_is_not_there_waits_for_the_agreement(at: At) -> None:
    bench = at("decided")
    row = bench.send("cooperation_agreement", AMENDMENT, bench.case().case_id)
    assert (row.outcome, row.waits_for) == ("waiting", "cooperation_agreement")


def test_a_second_job_of_a_case_has_its_own_record_and_makes_its_own_move(at: At) -> None:
    bench = at("employed")
    record = bench.record(bench.send("job_start", {**JOB, "job_title": "Tarjoilija"}, bench.case().case_id))
    assert (record["data"]["job_id"], record["version_no"], record["phase"]["transitions"]) == ("JOB-2", 1, ["T15"])
    assert len(bench.case().list_current_records("job_start")) == 2


def test_each_job_of_a_case_has_plans_of_its_own(at: At) -> None:
    bench = at("employed")
    case_id = bench.case().case_id
    bench.send("job_start", {**JOB, "job_title": "Tarjoilija"}, case_id)
    answers = (PLAN, PLAN, {**PLAN, "review_text": "Työ sujuu."})
    first, other, review = (bench.record(bench.send("job_support_plan", plan, case_id)) for plan in answers)
    assert [record["data"]["job_id"] for record in (first, other, review)] == ["JOB-1", "JOB-2", "JOB-1"]
    assert [record["version_no"] for record in (first, other, review)] == [1, 1, 2]
    assert [record["supersedes"] for record in (first, other, review)] == [None, None, first["record_id"]]


def test_each_employer_has_contacts_of_its_own_and_a_general_one_moves_nothing(at: At) -> None:
    bench = at("signed")
    case_id = bench.case().case_id
    other = {**GENERAL, "employer_name": "Pesula Malli", "business_id": ""}
    first, second, again = (
        bench.record(bench.send("employer_contact", contact, case_id)) for contact in (GENERAL, other, GENERAL)
    )
    assert [record["version_no"] for record in (first, second, again)] == [1, 1, 2]
    assert again["phase"] == {"before": "phase_2", "after": "phase_2", "transitions": []}


# --- order ----------------------------------------------------------------------------------------


def test_a_batch_is_taken_in_the_order_of_the_process_not_of_arrival(at: At) -> None:
    bench = at("decided")
    case_id = bench.case().case_id
    documents = [
        bench.filled(bench.issue(form, case_id), answers)
        for form, answers in (("cooperation_agreement", AGREEMENT), ("job_start", JOB))
    ]
    for number, data in enumerate(reversed(documents)):
        bench.drop(data, f"{number}.docx")
    bench.watch()
    assert [step.transition for step in bench.case().steps][-2:] == ["T04", "T13"]
    assert "submission.waiting" not in [line["event"] for line in bench.feed()]


CALLED = {
    **{path: text for path, text in CONTACT.items() if not path.startswith("contacts.1.")},
    **FIRST_MET,
    "document_date": "{today}",
    "contacts.0.mode": "phone",
    "contacts.0.date": "{today}",
    "contacts.0.next_date": "",
    "target_id": "",
    "matches_plan": "no",
}
EARLIER = {
    "employer_name": "Pesula Malli",
    "business_id": "",
    "document_date": "{today-1}",
    "contacts.0.date": "{today-1}",
}
EARLIER |= {"contacts.0.next_date": ""}


def contacted(bench: Bench) -> list[str]:
    """Return the employers whose records the case has, oldest record first."""
    return [known.record.employer_name for known in bench.case().list_current_records("employer_contact")]


def test_documents_of_a_batch_are_taken_by_their_days(at: At) -> None:
    bench = at("signed")
    case_id = bench.case().case_id
    for number, answers in enumerate((CALLED, {**CALLED, **EARLIER})):
        bench.drop(bench.filled(bench.issue("employer_contact", case_id), answers), f"{number}.docx")
    bench.watch()
    assert contacted(bench) == ["Pesula Malli", CALLED["employer_name"]], bench.journal.find_submissions()[-1].reason


def test_what_waited_is_released_in_the_order_of_the_process(at: At) -> None:
    bench = at("decided")
    case_id = bench.case().case_id
    agreement = bench.filled(bench.issue("cooperation_agreement", case_id), AGREEMENT)
    for answers in (CALLED, {**CALLED, **EARLIER}):
        typed = {**answers, "coach_name": "Veera Valmentaja-Esimerkki"}
        row = bench.send("employer_contact", typed, case_id)
        assert row.outcome == "waiting", row.reason
    bench.returned(agreement)
    assert contacted(bench) == ["Pesula Malli", CALLED["employer_name"]], bench.journal.find_submissions()[-1].reason


# --- one of several -------------------------------------------------------------------------------


def given(bench: Bench, form: str, about: str) -> dict[str, str]:
    """Return what a new document about one of several things brings with it."""
    made = bench.issue(form, bench.case().case_id, about=about)
    issued = bench.journal.find_issued_document(made.instance_id)
    assert issued
    answers: dict[str, str] = issued.answers
    return answers


def test_a_document_is_about_the_job_that_was_chosen(at: At) -> None:
    bench = at("employed")
    second = bench.send("job_start", {**JOB, "job_title": "Tarjoilija"}, bench.case().case_id)
    assert second.outcome == "accepted"
    for form in ("job_end", "job_support_plan"):
        titles = {about: given(bench, form, about)["job_title"] for about in ("JOB-1", "JOB-2")}
        assert titles == {"JOB-1": JOB["job_title"], "JOB-2": "Tarjoilija"}


def test_a_document_about_an_employer_goes_on_from_what_is_known_of_it(at: At) -> None:
    bench = at("signed")
    for answers in (CALLED, {**CALLED, **EARLIER}):
        assert bench.send("employer_contact", answers, bench.case().case_id).outcome == "accepted"
    first = bench.case().list_current_records("employer_contact")[0].record
    bench.clock.pass_days(3)
    brought = given(bench, "employer_contact", first.employer_id)
    assert (brought["employer_name"], brought["contacts.0.person"]) == (
        first.employer_name,
        CALLED["contacts.0.person"],
    )
    assert brought["document_date"] == resolve_dates("{today}", to_local_date(bench.clock()))
    assert given(bench, "employer_contact", "").get("employer_name") is None


def test_a_subject_that_there_is_not_is_named_with_those_that_there_are(at: At) -> None:
    bench = at("employed")
    with pytest.raises(UsageError) as said:
        bench.issue("job_end", bench.case().case_id, about="JOB-7")
    assert "JOB-7" in str(said.value)
    assert "JOB-1" in str(said.value)
