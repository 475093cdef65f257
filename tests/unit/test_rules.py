"""Every rule shown firing and silent, every move shown made, from answers as a document brings them."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import re
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

import tests.rules
from formgen.cases import prefill
from formgen.cases.workflow import Case, Step, can_end_case, find_moves, infer_case_phase, list_tasks
from formgen.forms.rules import Rule
from tests.rules import (
    AGREEMENT,
    AMENDMENT,
    CAFE,
    DEMO,
    FORMS,
    JOB,
    NEW,
    TODAY,
    Shown,
    accept,
    decided,
    employed,
    employer_contact,
    holding,
    in_phase,
    job_support_plan,
    judged,
    later,
    signed,
    undecided,
    unsigned,
    with_stub,
)

TABLES = {
    found.name: importlib.import_module(f"tests.rules.{found.name}")
    for found in pkgutil.iter_modules(tests.rules.__path__)
}
SHOWN = {form: table.SHOWN for form, table in TABLES.items()}
BASE = {form: table.BASE for form, table in TABLES.items()}
CASE = {form: table.START for form, table in TABLES.items()}
DUES = [
    pytest.param(form, *due, id=f"{form}-{due[0]}-{due[1]}-{number}")
    for form, table in TABLES.items()
    for number, due in enumerate(getattr(table, "DUES", ()))
]
MOVES = {move: (made[0], form, *made[1:]) for form, table in TABLES.items() for move, made in table.MOVES.items()}
ENGINE = {  # what no form declares: the engine does it, and these tests show it
    "R44": ("unit.test_fields", "test_what_is_no_answer_is_refused_with_the_code"),
    "R88": ("unit.test_process", "test_a_return_to_a_closed_case_is_rejected"),
    "R89": ("journeys.test_loop", "test_a_case_that_nobody_knows_is_rejected"),
    "R90": ("journeys.test_loop", "test_a_version_that_nobody_knows_is_rejected"),
    "T26": ("journeys.test_cli", "test_a_case_is_put_on_hold_and_resumed"),
    "T27": ("journeys.test_cli", "test_a_case_is_put_on_hold_and_resumed"),
}
TABLE = [pytest.param(form, shown, id=f"{form}-{shown.code}-{shown.name}") for form in SHOWN for shown in SHOWN[form]]


def declared(form: str, shown: Shown) -> Rule:
    """Return the rule that is shown."""
    return next(
        rule for rule in FORMS.find_latest_version(form).rules if (rule.code, rule.name) == (shown.code, shown.name)
    )


@pytest.mark.parametrize(("form", "shown"), TABLE)
def test_a_broken_rule_is_found_at_its_field(form: str, shown: Shown) -> None:
    case = (shown.case or CASE[form])()
    rule = declared(form, shown)
    findings = judged(form, {**BASE[form], **shown.breaks}, case).findings
    found = [found for found in findings if (found.code, found.message) == (shown.code, rule.message)]
    assert [(one.field, one.severity, one.waits_for) for one in found] == [
        (place, rule.severity, rule.waits_for) for place in shown.places
    ]


@pytest.mark.parametrize(("form", "shown"), TABLE)
def test_a_rule_that_holds_is_asked_and_silent(form: str, shown: Shown) -> None:
    case = (shown.held_case or CASE[form])()
    judgement = judged(form, {**BASE[form], **shown.holds}, case)
    assert judgement.record, judgement.list_findings("error")
    assert declared(form, shown).check(judgement.record, case).answer in (True, [])


def test_every_rule_of_every_form_is_shown() -> None:
    there_are = {(form.id, rule.code, rule.name) for form in FORMS for rule in form.rules}
    assert there_are - {(form, shown.code, shown.name) for form in SHOWN for shown in SHOWN[form]} == set()


def test_every_rule_and_move_of_the_catalogue_is_declared_or_shown_by_a_test_of_the_engine() -> None:
    declared = {said.code for form in FORMS for said in (*form.rules, *form.deadlines)}
    rules = {f"R{number:02}" for number in range(1, 94)}
    moves = {f"T{number:02}" for number in range(1, 31)} | {"T22b"}
    assert rules - declared == {code for code in ENGINE if code.startswith("R")}
    assert moves - set(MOVES) == {code for code in ENGINE if code.startswith("T")}
    for code, (module, name) in ENGINE.items():
        assert callable(getattr(importlib.import_module(f"tests.{module}"), name)), code


def test_every_message_of_a_rule_is_one_that_a_person_can_read() -> None:
    for form in FORMS:
        for said in (*form.rules, *form.deadlines, *form.contradictions):
            assert re.fullmatch(r"[A-ZÅÄÖ].+[.]", said.message), said


# --- what the clock calls for -----------------------------------------------------------------


@pytest.mark.parametrize(("form", "code", "name", "overdue", "silent"), DUES)
def test_a_task_is_there_when_it_is_overdue_and_only_then(
    form: str, code: str, name: str, overdue: Callable[[], Case], silent: Callable[[], Case]
) -> None:
    message = next(
        due.message for due in FORMS.find_latest_version(form).deadlines if (due.code, due.name) == (code, name)
    )
    found = [{(task.form, task.code, task.message) for task in list_tasks(case())} for case in (overdue, silent)]
    assert [(form, code, message) in tasks_of_case for tasks_of_case in found] == [True, False]


@pytest.mark.parametrize(("form", "code", "name", "overdue", "_silent"), DUES)
def test_a_hold_stops_the_clock_of_every_task_but_those_after_the_end(
    form: str, code: str, name: str, overdue: Callable[[], Case], _silent: Callable[[], Case]
) -> None:
    case = overdue()
    message = next(
        due.message for due in FORMS.find_latest_version(form).deadlines if (due.code, due.name) == (code, name)
    )
    due = min(task.due for task in list_tasks(case) if (task.form, task.message) == (form, message))
    note = {"start": str(due - timedelta(days=1)), "next_contact": str(case.today), "end": str(case.today)}
    steps = (
        Step(90 + number, "", None, move, case.phase, case.phase, "", note)
        for number, move in enumerate(("T26", "T27"))
    )
    left = [task.due for task in list_tasks(replace(case, steps=(*case.steps, *steps))) if task.message == message]
    assert left == ([due] if can_end_case(FORMS.find_latest_version(form)) else [])


def test_every_task_of_every_form_is_shown() -> None:
    there_are = {(form.id, due.code, due.name) for form in FORMS for due in form.deadlines}
    shown = {(form, *due[:2]) for form, table in TABLES.items() for due in getattr(table, "DUES", ())}
    assert there_are == shown


# --- moves ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MOVES)
def test_a_document_makes_its_move(name: str) -> None:
    moves, form, answers, case = MOVES[name]
    judgement = judged(form, answers, case())
    assert judgement.record, judgement.list_findings("error")
    made, refused_for = find_moves(case(), judgement.record)
    assert (tuple(move.id for move in made), refused_for) == (moves, ())


@pytest.mark.parametrize("phase", ["phase_2", "phase_3", "phase_4", "phase_5"])
def test_an_amendment_leaves_the_phase_as_it_is(phase: str) -> None:
    case = in_phase(phase)()
    judgement = judged("cooperation_agreement", {**AGREEMENT, **AMENDMENT}, case)
    assert judgement.record
    assert [(move.source, move.target) for move in find_moves(case, judgement.record)[0]] == [(phase, phase)]


def test_every_move_of_every_form_is_shown() -> None:
    assert {move.id for form in FORMS for move in form.moves} - set(MOVES) == set()


def test_a_job_before_the_agreement_is_refused_by_the_process() -> None:
    judgement = judged("job_start", JOB, signed())
    assert judgement.record
    assert find_moves(decided(), judgement.record)[0] == ()


# --- what the new forms do beyond their rules -------------------------------------------------


def test_an_unanswered_consent_complains_of_nothing_but_the_answer() -> None:
    untouched = {path: text for path, text in AGREEMENT.items() if not path.startswith("consents.")}
    findings = judged("cooperation_agreement", untouched, decided()).findings
    about = [(found.code, found.field) for found in findings if found.field.startswith("consents")]
    assert about == [("R11", f"consents.{index}.granted") for index in range(5)]


def test_consents_have_readable_ids_in_the_order_of_the_table() -> None:
    record = signed().find_latest_record("cooperation_agreement")
    ids = [row.consent_id for row in record.consents]
    assert ids == ["employer-1", "employment_services-1", "care_team-1", "kela-1", "family-1", "social_services-1"]


def test_a_missing_agreement_is_the_only_fault_of_an_early_job() -> None:
    errors = judged("job_start", JOB, unsigned()).list_findings("error")
    assert [(found.code, found.waits_for) for found in errors] == [("R46", "cooperation_agreement")]


def test_an_open_decision_is_the_only_fault_of_an_early_agreement() -> None:
    coach = {"coach_name": "Veera Valmentaja-Esimerkki"}
    errors = judged("cooperation_agreement", {**AGREEMENT, **coach}, undecided()).list_findings("error")
    assert [(found.code, found.waits_for) for found in errors] == [("R09", "referral")]


def test_jobs_of_a_case_are_numbered_from_one() -> None:
    second = judged("job_start", {**JOB, "job_title": "Tarjoilija"}, employed()).record
    assert (employed().find_latest_record("job_start").job_id, second and second.job_id) == ("JOB-1", "JOB-2")


def test_a_job_speaks_for_phase_five_from_the_day_its_start_is_known_to_its_end() -> None:
    job = employed().find_latest_record("job_start")
    ended = with_stub("job_end", employed, job_id="JOB-1", end_date=TODAY + timedelta(days=20))
    days = (later(4, employed), later(5, employed), later(19, ended), later(20, ended))
    assert [job.infer_phase(case()) for case in days] == ["phase_5", "phase_5", "phase_5", None]


def test_the_employer_of_a_business_id_keeps_its_id_under_another_name() -> None:
    other = judged("job_start", {**JOB, "employer_name": "Testipulla"}, signed()).record
    assert (employed().find_latest_record("job_start").employer_id, other and other.employer_id) == (CAFE, CAFE)


def test_a_first_meeting_that_is_already_a_negotiation_makes_both_moves() -> None:
    case = employer_contact.profiled()()
    record = judged("employer_contact", employer_contact.BASE, case).record
    assert record
    assert [move.id for move in find_moves(case, record)[0]] == ["T08", "T09"]


@pytest.mark.parametrize("phase", ["phase_2", "phase_3", "phase_4", "phase_5"])
def test_a_contact_that_moves_nothing_is_taken_in_any_phase(phase: str) -> None:
    case = in_phase(phase, employer_contact.START)()
    answers = {**employer_contact.BASE, "stage": "needs_known"}
    record = judged("employer_contact", answers, case).record
    assert record
    assert find_moves(case, record) == ((), ())


def test_a_general_contact_makes_no_move() -> None:
    case = employer_contact.START()
    record = judged("employer_contact", {**employer_contact.BASE, "contact_basis": "general"}, case).record
    assert record
    assert find_moves(case, record) == ((), ())


def test_one_of_two_negotiations_may_end_without_a_move() -> None:
    other = {**employer_contact.BASE, "employer_name": "Pesula Malli", "business_id": ""}
    case = accept(employer_contact.negotiated(), "employer_contact", other, "phase_4")
    record = judged("employer_contact", {**employer_contact.BASE, **employer_contact.CLOSED}, case).record
    assert record
    assert find_moves(case, record) == ((), ())


def test_a_negotiation_that_a_job_has_followed_is_no_longer_open() -> None:
    case = employer_contact.negotiated()
    hired = accept(case, "job_start", JOB, "phase_5")
    assert [infer_case_phase(case), case.find_latest_record("employer_contact").infer_phase(hired)] == ["phase_4", None]


def test_a_job_starts_from_the_offer_that_was_accepted_not_from_the_contact_that_came_last() -> None:
    offer = {**employer_contact.BASE, **employer_contact.OFFER, "offer.0.answer": "accepted"}
    other = {**employer_contact.BASE, "employer_name": "Pesula Malli", "business_id": ""}
    case = accept(employer_contact.START(), "employer_contact", offer, "phase_4")
    case = accept(case, "employer_contact", {**other, **employer_contact.CLOSED}, "phase_4")
    known = prefill.collect_known_values(FORMS.find_latest_version("job_start"), case)
    assert (known["employer_name"], known["wage_amount"]) == ("Kahvila Testipulla Oy", Decimal("12.60"))


def test_a_new_contact_is_about_the_first_employer_of_the_plan_whom_nobody_has_contacted() -> None:
    targets = [
        SimpleNamespace(employer_name=name, by_date=TODAY + timedelta(days=day), status="planned", municipality="167")
        for name, day in (("Pesula Malli", 9), ("KAHVILA Testipulla Oy", 3), ("Puutarha Testi", 6))
    ]
    case = employer_contact.planned(employer_contact.negotiated, target_employers=targets)()
    known = prefill.collect_known_values(FORMS.find_latest_version("employer_contact"), case)
    assert (known["employer_name"], known["employer_municipality"]) == ("Puutarha Testi", "167")
    assert not {"contacts", "offer", "stage", "client_named"} & set(known)


def test_a_business_id_with_a_wrong_check_digit_is_named_by_its_rule() -> None:
    answers = {**employer_contact.BASE, "business_id": "9000001-2"}
    errors = judged("employer_contact", answers, employer_contact.START()).list_findings("error")
    assert [(found.code, found.field) for found in errors] == [("R44", "business_id")]


def test_a_table_that_is_needed_only_with_other_answers_is_not_marked_as_required() -> None:
    form = FORMS.find_latest_version("employer_contact")
    starred = {question.path: question.required for question in form.list_questions() if question.columns}
    assert [starred[name] for name in ("contacts", "offer", "tasks_possible")] == [True, False, False]
    fields = {asked.name: asked.need for asked in form.fields}
    assert [fields[name] for name in ("contacts", "offer", "tasks_possible")] == ["required", "conditional", "optional"]


def test_a_second_plan_of_a_job_goes_on_with_what_is_not_over() -> None:
    known = prefill.collect_known_values(FORMS.find_latest_version("job_support_plan"), job_support_plan.logged(0, 3)())
    assert (known["plan_kind"], known["review_date"]) == ("review", TODAY + timedelta(days=90))
    assert [row.goal for row in known["goals"]] == ["Hoidan astiahuollon itsenäisesti"]
    assert not {"support_log", "sign_client", "plan_status", "review_text"} & set(known)


def test_a_plan_is_made_for_the_job_that_has_none() -> None:
    case = accept(job_support_plan.logged()(), "job_start", {**JOB, "job_title": "Tarjoilija"}, "phase_5")
    assert prefill.collect_known_values(FORMS.find_latest_version("job_support_plan"), case)["job_id"] == "JOB-2"


def test_examples_in_the_forms_are_true() -> None:
    package = FORMS.find_latest_version("referral").__module__.rpartition(".")[0]
    results = [doctest.testmod(module) for name, module in sys.modules.items() if name.startswith(f"{package}.")]
    assert sum(result.attempted for result in results) >= 3
    assert sum(result.failed for result in results) == 0


# --- the demo ---------------------------------------------------------------------------------


@pytest.mark.parametrize("today", [TODAY, date(2026, 2, 27), date(2028, 2, 29), date(2030, 12, 31)])
@pytest.mark.parametrize("story", DEMO, ids=[story["name"] for story in DEMO])
def test_demo_returns_end_as_they_say_on_any_day(story: dict[str, Any], today: date) -> None:
    case = Case("PK-2026-00001", today, FORMS.process.office(), forms=FORMS.ids, process=FORMS.process)
    for step in story["submissions"]:
        judgement = judged(step["form"], step["answers"], case, today)
        assert ("rejected" if judgement.list_findings("error") else "accepted") == step["expect"], (
            judgement.list_findings("error")
        )
        assert not judgement.list_findings("review")
        if judgement.record and not judgement.list_findings("error"):
            moves, refused_for = find_moves(case, judgement.record)
            assert not refused_for
            case = holding(case, judgement.record, phase=moves[-1].target)


def test_the_first_demo_case_reaches_phase_five() -> None:
    assert employed().phase == "phase_5"


def test_the_wrong_demo_referral_is_told_all_that_is_wrong() -> None:
    errors = judged("referral", DEMO[2]["submissions"][0]["answers"], NEW).list_findings("error")
    assert {(found.code, found.field) for found in errors} == {
        ("R01", "client_wants_work"),
        ("R04", "client_hetu"),
        ("choice", "service_language"),
    }
