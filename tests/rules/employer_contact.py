"""The rules, moves and dues of employer_contact, each shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import cache
from types import SimpleNamespace
from typing import Any

from formgen.cases.workflow import Case
from tests.rules import (
    AGREEMENT,
    AMENDMENT,
    NEW,
    TODAY,
    TOMORROW,
    Dued,
    Moved,
    Shown,
    accept,
    decided,
    in_phase,
    later,
    nameless,
    signed,
    unsigned,
    with_stub,
)

BASE = {
    "employer_name": "Kahvila Testipulla Oy",
    "business_id": "9000001-1",
    "unit_name": "Torin kahvila",
    "employer_address": "Mallikuja 3",
    "employer_postcode": "80100",
    "employer_municipality": "Joensuu",
    "industry": "I",
    "employer_size": "10_49",
    "sector": "private",
    "contact_person": "Päivi Esihenkilö-Malli",
    "contact_title": "Kahvilapäällikkö",
    "contact_phone": "041 123 4567",
    "is_decision_maker": "yes",
    "client_named": "yes",
    "client_named_date": "{today-2}",
    "health_disclosed": "support_needs",
    "matches_plan": "yes",
    "target_id": "T-1",
    "employer_needs": "Apua astiahuoltoon lounasaikaan.\nLöytyykö joku, joka viihtyy aamuissa?",
    "tasks_possible.0.task": "Astiahuolto",
    "tasks_possible.0.hours_per_week": "12,5 h",
    "tasks_possible.0.difficulty": "easy",
    "tasks_possible.0.can_be_carved": "yes",
    "vacancy_open": "later",
    "vacancy_kind": "open_to_all",
    "expected_hours": "22,5",
    "expected_wage": "12,60 €/h",
    "expected_start": "{today+5}",
    "workplace_conditions": "Lounasaikaan melua. Takahuone on rauhallinen.",
    "accessibility": "partly",
    "accessibility_detail": "Yksi porras takaovella",
    "fit_summary": "Onni on tarkka ja tuntee keittiötyön.",
    "contacts.0.date": "{today-2}",
    "contacts.0.start_time": "klo 13",
    "contacts.0.minutes": "40 min",
    "contacts.0.mode": "workplace_visit",
    "contacts.0.place": "workplace",
    "contacts.0.made_by": "together",
    "contacts.0.person": "Päivi",
    "contacts.0.decision_maker": "yes",
    "contacts.0.purpose": "first_contact needs_mapping client_introduction",
    "contacts.0.about_competitive_job": "yes",
    "contacts.0.job_title": "Keittiöapulainen",
    "contacts.0.strengths_told": "yes",
    "contacts.0.needs_asked": "yes",
    "contacts.0.outcome": "new_visit_agreed",
    "contacts.0.next_step": "Soitto tunneista",
    "contacts.0.next_date": "{today-1}",
    "contacts.1.date": "{today-1}",
    "contacts.1.minutes": "15",
    "contacts.1.mode": "phone",
    "contacts.1.place": "remote",
    "contacts.1.made_by": "coach",
    "contacts.1.person": "Päivi",
    "contacts.1.decision_maker": "yes",
    "contacts.1.purpose": "offer_negotiation",
    "contacts.1.about_competitive_job": "yes",
    "contacts.1.outcome": "interview_agreed info_sent",
    "service_information_given": "service coach_support tailoring",
    "stage": "negotiation",
    "tailoring": "task_carving shorter_hours",
    "tailoring_detail": "Vain astiahuolto ja esivalmistelu, ei kassaa.",
    "wage_subsidy_talk": "discussed",
    "adjustment_support_talk": "not_needed",
    "support_agreed.0.support": "on_site_coaching",
    "support_agreed.0.who": "coach",
    "support_agreed.0.start": "{today+5}",
    "workplace_mentor": "Kaisa Työtoveri-Malli",
    "next_contact_plan": "{today+2}",
    "next_contact_plan_detail": "Soitto Päiville",
}
GENERAL = {
    "contact_basis": "general",
    "client_name": "",
    "client_birth_date": "",
    "coach_name": "Veera Valmentaja-Esimerkki",
    "client_named": "no",
    "client_named_date": "",
    "health_disclosed": "no",
    "matches_plan": "",
    "target_id": "",
}
FIRST_MET = {"stage": "first_contact", "client_named": "no", "client_named_date": "", "health_disclosed": "no"}
CLOSED = {"stage": "closed_no_job", "closed_date": "{today}", "outcome_reason": "no_money", "next_contact_plan": ""}
OFFER = {
    "stage": "offer",
    "offer.0.offered_date": "{today-1}",
    "offer.0.job_title": "Keittiöapulainen",
    "offer.0.weekly_hours": "22,5",
    "offer.0.contract_type": "permanent",
    "offer.0.start_date": "{today+5}",
    "offer.0.wage": "12,60",
    "offer.0.wage_type": "hourly",
    "offer.0.answer": "open",
}
THIRD = {path.replace(".1.", ".2."): text for path, text in BASE.items() if path.startswith("contacts.1.")}


def caseless() -> Case:
    return replace(NEW, case_id="")


def planned(case: Callable[[], Case], **other: Any) -> Callable[[], Case]:
    """Return the case with a job-search plan that was approved."""
    plan = {
        "plan_status": "approved",
        "plan_date": TODAY - timedelta(days=3),
        "target_jobs": [SimpleNamespace(target_id="T-1", occupation_code="9412", priority=1)],
        "target_employers": [],
        "activity_log": [],
        "hours_min": 15,
        "hours_max": 25,
        "disclosure_level": "support_only",
        **other,
    }
    return in_phase("phase_3", with_stub("job_search_plan", case, **plan))


def profiled(case: Callable[[], Case] = signed, goals: int = 1) -> Callable[[], Case]:
    """Return the case with a profile."""
    work_goals = [SimpleNamespace(goal_id=f"G-{number}") for number in range(1, goals + 1)]
    return with_stub("vocational_profile", case, work_goals=work_goals, disclosure_level="support_only")


START = planned(signed)


@cache
def expired() -> Case:
    """Return the case in which the employer consent was in force to the day before yesterday."""
    return accept(decided(), "cooperation_agreement", {**AGREEMENT, "consents.0.valid_until": "{today-2}"}, "phase_2")


@cache
def withdrawn() -> Case:
    """Return the case in which the employer consent was withdrawn yesterday."""
    change = {**AGREEMENT, **AMENDMENT, "consents.0.withdrawn_date": "{today-1}"}
    return accept(signed(), "cooperation_agreement", change, "phase_2")


@cache
def off_the_plan() -> Case:
    """Return the case in which two employers were met whose jobs do not match the plan."""
    case = START()
    for name in ("Pesula Malli", "Puutarha Testi"):
        other = {**BASE, "employer_name": name, "business_id": "", "matches_plan": "no", "target_id": ""}
        case = accept(case, "employer_contact", other, "phase_3")
    return case


@cache
def negotiated() -> Case:
    """Return the case in which a negotiation is open."""
    return accept(START(), "employer_contact", BASE, "phase_4")


@cache
def met() -> Case:
    """Return the case in which an employer was met before there was a plan."""
    return accept(profiled()(), "employer_contact", {**BASE, **FIRST_MET}, "phase_3")


@cache
def searching_again() -> Case:
    """Return the case that came back from a negotiation to the search."""
    case = accept(negotiated(), "employer_contact", {**BASE, **CLOSED}, "phase_3")
    return replace(case, steps=(*case.steps[:-1], replace(case.steps[-1], transition="T10")))


def reviewed() -> Case:
    """Return the case whose plan was looked at after the negotiation."""
    return planned(searching_again, plan_date=TODAY + timedelta(days=14))()


SHOWN = (
    TOMORROW,
    Shown("choice", "contact_without_a_case_is_general", {"contact_basis": "both"}, "contact_basis", case=caseless),
    Shown(
        "choice",
        "no_client_is_named_without_a_case",
        {**GENERAL, "client_name": "Onni Testi"},
        "client_name",
        case=caseless,
    ),
    Shown("R35", "name_is_told_by_consent_only", {"client_named_date": "{today-4}"}, "client_named_date"),
    Shown("R35", "name_is_told_by_consent_only", {}, "client_named_date", case=planned(nameless)),
    Shown("R35", "name_is_told_by_consent_only", {}, "contacts.1.date", {}, planned(expired), planned(withdrawn)),
    Shown(
        "R35",
        "coach_takes_part_by_consent_only",
        {"coach_at_interview": "yes"},
        "coach_at_interview",
        {"coach_at_interview": "yes"},
        planned(nameless),
        START,
    ),
    Shown("R36", "health_is_told_by_consent_only", {"health_disclosed": "health"}, "health_disclosed"),
    Shown(
        "R36",
        "health_is_told_by_consent_only",
        {},
        "health_disclosed",
        case=planned(signed, disclosure_level="undecided"),
    ),
    Shown(
        "R36",
        "health_is_told_by_consent_only",
        {},
        "health_disclosed",
        {"health_disclosed": "no"},
        planned(nameless),
        planned(nameless),
    ),
    Shown("R37", "agreement_has_been_made", {}, "", {"contact_basis": "general"}, unsigned, unsigned),
    Shown(
        "R37",
        "contacts_follow_the_start_of_the_service",
        {"contacts.0.date": "{today-4}"},
        "contacts.0.date",
        {"contacts.0.date": "{today-4}", "contact_basis": "both"},
    ),
    Shown(
        "R38",
        "search_has_been_planned",
        {"contacts.0.date": "{today-16}", "contact_basis": "both"},
        "",
        {"contacts.0.date": "{today-15}", "contact_basis": "both"},
        profiled(),
        profiled(),
    ),
    Shown("R39", "consent_has_not_been_withdrawn", {}, "client_named_date", case=planned(withdrawn)),
    Shown(
        "R40",
        "contacts_match_the_plan",
        {"matches_plan": "no", "target_id": ""},
        "matches_plan",
        {},
        off_the_plan,
        off_the_plan,
    ),
    Shown(
        "R41",
        "somebody_who_decides_has_been_met",
        {**THIRD, **{f"contacts.{index}.decision_maker": "no" for index in range(3)}},
        "contacts",
        {f"contacts.{index}.decision_maker": "no" for index in range(2)},
    ),
    Shown("R42", "needs_have_been_asked", {"contacts.0.needs_asked": "no"}, "contacts"),
    Shown(
        "R43",
        "offered_hours_suit_the_client",
        {**OFFER, "offer.0.weekly_hours": "30"},
        "offer.0.weekly_hours",
        OFFER,
    ),
    Shown("R45", "vacancy_is_in_the_open_market", {"vacancy_kind": "reserved_group"}, "vacancy_kind"),
    Shown("T08", "profile_has_a_goal_before_the_search", FIRST_MET, "", FIRST_MET, signed, profiled()),
    Shown("T08", "profile_has_a_goal_before_the_search", FIRST_MET, "", {}, profiled(goals=0), START),
    Shown(
        "T09",
        "search_is_planned_before_negotiation",
        {"contacts.1.date": "{today+13}", "next_contact_plan": ""},
        "stage",
        {"contacts.1.date": "{today+12}", "next_contact_plan": ""},
        later(20, met),
        later(20, met),
    ),
    Shown(
        "T10",
        "contact_is_closed_after_its_last_contact",
        {**CLOSED, "closed_date": "{today-2}"},
        "closed_date",
        CLOSED,
    ),
    Shown(
        "T10",
        "end_of_negotiation_is_told_as_one",
        {**CLOSED, "stage": "closed_other"},
        "stage",
        CLOSED,
        negotiated,
        negotiated,
    ),
    Shown("choice", "target_is_in_the_plan", {"target_id": "T-9"}, "target_id"),
    Shown("range", "contacts_are_not_of_tomorrow", {"contacts.1.date": "{today+1}"}, "contacts.1.date"),
    Shown("range", "next_steps_follow_contacts", {"contacts.0.next_date": "{today-3}"}, "contacts.0.next_date"),
    Shown("range", "next_contact_follows_the_last_one", {"next_contact_plan": "{today-2}"}, "next_contact_plan"),
    Shown(
        "range",
        "offered_jobs_end_after_they_start",
        {**OFFER, "offer.0.end_date": "{today+4}"},
        "offer.0.end_date",
        {**OFFER, "offer.0.end_date": "{today+5}"},
    ),
    Shown(
        "range",
        "offers_are_answered_after_they_are_made",
        {**OFFER, "offer.0.answer": "accepted", "offer.0.answer_date": "{today-2}"},
        "offer.0.answer_date",
        {**OFFER, "offer.0.answer": "accepted", "offer.0.answer_date": "{today}"},
    ),
)
MOVES: dict[str, Moved] = {
    "T08": (("T08",), {**BASE, **FIRST_MET}, profiled()),
    "T09": (("T09",), BASE, START),
    "T10": (("T10",), {**BASE, **CLOSED}, negotiated),
}
DUES: tuple[Dued, ...] = (
    ("T08", "search_is_planned_soon", later(13, met), later(12, met)),
    ("T08", "search_is_planned_soon", later(13, met), later(13, planned(met))),
    ("T10", "plan_is_reviewed_after_negotiation", later(15, searching_again), later(14, searching_again)),
    ("T10", "plan_is_reviewed_after_negotiation", later(15, searching_again), later(15, reviewed)),
)
