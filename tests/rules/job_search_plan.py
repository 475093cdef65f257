"""The rules, moves and tasks of job_search_plan, each shown; and the cases that have a plan."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import cache
from types import SimpleNamespace

from formgen.cases.workflow import Case
from tests.rules import (
    TODAY,
    TOMORROW,
    Dued,
    Moved,
    Shown,
    accept,
    in_phase,
    later,
    nameless,
    signed,
    with_stub,
)
from tests.rules.vocational_profile import BASE as PROFILE
from tests.rules.vocational_profile import ended, profiled

BASE = {
    "target_jobs.0.why_fits": "Keittiötyö on tuttua, aamut sopivat",
    "target_jobs.1.why_fits": "Pieni kahvila on rauhallinen",
    "target_jobs.2.goal_id": "keittiöapulainen",
    "target_jobs.2.job_title": "Astiahuoltaja",
    "target_jobs.2.occupation_code": "9412",
    "target_jobs.2.why_fits": "Osaan astiahuollon hyvin",
    "target_jobs.2.priority": "3",
    "target_employers.0.contact_by": "together",
    "target_employers.0.by_date": "{today+10}",
    "target_employers.0.status": "planned",
    "target_employers.1.employer_name": "Kahvila Testipulla Oy",
    "target_employers.1.business_id": "9000001-1",
    "target_employers.1.municipality": "Joensuu",
    "target_employers.1.industry": "I",
    "target_employers.1.contact_by": "coach",
    "target_employers.1.by_date": "{today+14}",
    "search_area": "Joensuu, Kontiolahti ja Liperi",
    "search_area_max_minutes": "40 min",
    "contract_types_ok": "permanent fixed_term work_trial",
    "search_methods": "employer_visits network hidden_jobs",
    "actions.0.action": "CV kuntoon",
    "actions.0.who": "together",
    "actions.0.due_date": "{today+7}",
    "actions.0.done": "no",
    "actions.1.action": "Käynti kahvilassa",
    "actions.1.who": "coach",
    "actions.1.due_date": "{today+14}",
    "actions.2.action": "Verokortti haettu",
    "actions.2.who": "client",
    "actions.2.due_date": "{today-1}",
    "actions.2.done": "yes",
    "actions.2.done_date": "{today-1}",
    "documents_status.0.responsible": "client",
    "interview_support": "practice coach_attends",
    "search_channels_accounts": "yes",
    "disclosure_reviewed_date": "{today}",
    "obstacles.0.obstacle": "Aamubussi lähtee klo 7.10",
    "obstacles.0.solution": "Työvuoro alkaa klo 8",
    "supports_other_people.0.what": "Auttaa asumisen asioissa",
    "benefits_counselling": "done",
    "wage_subsidy_interest": "to_be_checked",
    "adjustment_support_interest": "not_needed",
    "activity_log.0.date": "{today}",
    "activity_log.0.start_time": "10",
    "activity_log.0.minutes": "45",
    "activity_log.0.what": "application",
    "activity_log.0.place": "community",
    "activity_log.0.mode": "meeting_community",
    "applications.0.date": "{today-1}",
    "applications.0.employer": "Leipomo Malliesimerkki",
    "applications.0.job_title": "Leipomotyöntekijä",
    "applications.0.answer": "none",
    "satisfaction": "4",
    "plan_status": "approved",
    "client_agreed": "signed",
    "client_agreed_date": "{today}",
    "sign_client.name": "Onni Metsälä",
    "sign_client.date": "{today}",
    "sign_coach.name": "Veera Valmentaja-Esimerkki",
    "sign_coach.date": "{today}",
}
START = profiled
AGAIN = {"plan_kind": "review", "review_outcome": "Kaksi haastattelua. Jatketaan samoin keinoin."}
AFTER_JOB = {"plan_kind": "after_job_end", "review_outcome": "Työ päättyi koeajalla. Etsitään pienempi paikka."}


@cache
def planned() -> Case:
    return accept(profiled(), "job_search_plan", BASE, "phase_3")


@cache
def drafted() -> Case:
    return accept(profiled(), "job_search_plan", {**BASE, "plan_status": "draft"}, "phase_2")


@cache
def visiting() -> Case:
    visit = {"activity_log.0.what": "visit", "activity_log.0.mode": "workplace_visit"}
    return accept(profiled(), "job_search_plan", {**BASE, **visit}, "phase_3")


def without_name() -> Case:
    return accept(nameless(), "vocational_profile", PROFILE, "phase_2")


def without_agreement() -> Case:
    kept = tuple(known for known in profiled().records if known.record.id != "cooperation_agreement")
    return replace(profiled(), records=kept)


def contacted(day: int, mode: str = "phone", case: Callable[[], Case] = planned) -> Callable[[], Case]:
    """Return the case in which an employer was contacted so many days from now."""
    row = SimpleNamespace(date=TODAY + timedelta(days=day), mode=mode)
    return with_stub("employer_contact", case, contacts=(row,))


def talked() -> Case:
    """Return the case whose plan was reviewed after a month, with another talk about telling."""
    answers = {**BASE, **AGAIN, "plan_date": "{today+30}", "disclosure_reviewed_date": "{today+30}"}
    return accept(later(30, planned)(), "job_search_plan", answers, "phase_3")


def weighed() -> Case:
    """Return the case whose goal was weighed again after a hundred days."""
    answers = {**PROFILE, "update_trigger": "new_information", "goal_changed": "no"}
    return accept(later(100, planned)(), "vocational_profile", answers, "phase_3")


def job_lost() -> Case:
    """Return the case in which a job has ended since the plan was made."""
    return with_stub("job_end", planned, end_date=TODAY + timedelta(days=1), job_id="JOB-1")()


SHOWN = (
    TOMORROW,
    Shown("T07", "agreement_has_been_made", {}, "", case=without_agreement),
    Shown("T07", "profile_has_been_made", {}, "", case=signed),
    Shown(
        "T07",
        "plan_is_made_soon",
        {},
        "plan_date",
        {},
        later(28, profiled),
        later(27, profiled),
    ),
    Shown("R19", "plan_is_made_in_service", {"plan_date": "{today-4}"}, "plan_date"),
    Shown("range", "plan_follows_profile", {"plan_date": "{today-15}"}, "plan_date", {"plan_date": "{today-3}"}),
    Shown("range", "plan_is_not_of_tomorrow", {"plan_date": "{today+1}"}, "plan_date"),
    Shown("choice", "first_plan_is_made_once", {"plan_kind": "first"}, "plan_kind", AGAIN, planned, planned),
    Shown("range", "plan_rests_on_newest_profile", {"profile_version": "2"}, "profile_version"),
    Shown("range", "plan_rests_on_newest_profile", {"plan_date": "{today-1}"}, "profile_version"),
    Shown("R27", "jobs_are_of_the_goals", {"target_jobs.2.goal_id": "myyjä"}, "target_jobs.2.goal_id"),
    Shown(
        "range",
        "first_employer_is_met_soon",
        {"target_employers.0.by_date": "{today+28}", "target_employers.1.by_date": "{today+30}"},
        "target_employers",
        {"target_employers.0.by_date": "{today+27}", "target_employers.1.by_date": "{today+30}"},
    ),
    Shown(
        "choice",
        "acquaintances_are_asked_by_leave",
        {"target_employers.1.known_contact": "Eero Entinen"},
        "target_employers.1.contact_by",
        {"target_employers.1.known_contact": "Eero Entinen", "target_employers.1.contact_by": "client"},
    ),
    Shown("range", "least_hours_are_not_above_most", {"hours_min": "26"}, "hours_min"),
    Shown("R28", "plan_is_for_paid_work", {"contract_types_ok": "work_trial volunteer"}, "contract_types_ok"),
    Shown("choice", "employers_are_visited", {"search_methods": "open_vacancies"}, "search_methods"),
    Shown(
        "range",
        "tasks_are_due_after_the_plan",
        {"actions.1.due_date": "{today-1}"},
        "actions.1.due_date",
        {"actions.1.due_date": "{today}"},
    ),
    Shown("range", "tasks_are_not_done_tomorrow", {"actions.2.done_date": "{today+1}"}, "actions.2.done_date"),
    Shown("range", "employers_are_contacted_weekly", {"weekly_contact_target": "0"}, "weekly_contact_target"),
    Shown(
        "R29",
        "plan_keeps_to_consent",
        {"employer_contact_mode": "general_without_name", "interview_support": "practice"},
        "employer_contact_mode",
        {"interview_support": "practice"},
        without_name,
        without_name,
    ),
    Shown(
        "R29",
        "plan_keeps_to_consent",
        {},
        "interview_support",
        {},
        without_name,
        profiled,
    ),
    Shown(
        "R29",
        "plan_keeps_to_consent",
        {"interview_support": "none"},
        "employer_contact_mode",
        {"interview_support": "none", "employer_contact_mode": "general_without_name"},
        later(361, profiled),
        later(361, profiled),
    ),
    Shown(
        "range",
        "telling_was_talked_about_before",
        {"disclosure_reviewed_date": "{today+1}"},
        "disclosure_reviewed_date",
    ),
    Shown(
        "choice",
        "helpers_are_contacted_by_consent",
        {"supports_other_people.0.consent_ref": "Aino"},
        "supports_other_people.0.consent_ref",
        {"supports_other_people.0.consent_ref": "aino metsälä"},
    ),
    Shown("R34", "benefit_advice_is_offered", {"benefits_counselling": "not_yet"}, "benefits_counselling"),
    Shown(
        "range",
        "answers_follow_applications",
        {"applications.0.answer_date": "{today-2}"},
        "applications.0.answer_date",
        {"applications.0.answer_date": "{today-1}"},
    ),
    Shown("range", "review_follows_plan", {"review_date": "{today}"}, "review_date"),
    Shown("range", "review_is_soon_enough", {"review_date": "{today+91}"}, "review_date"),
    Shown(
        "R26",
        "client_has_agreed",
        {"client_agreed": "not_yet"},
        "client_agreed",
        {"client_agreed": "not_yet", "plan_status": "draft"},
    ),
)
MOVES: dict[str, Moved] = {
    "T07": (("T07",), BASE, profiled),
    "T22b": (("T22b",), {**BASE, **AFTER_JOB, "plan_kind": "after_job_end"}, ended),
}
DUES: tuple[Dued, ...] = (
    ("R30", "telling_is_talked_about_again", later(60, planned), later(59, planned)),
    ("R30", "telling_is_talked_about_again", later(90, talked), later(89, talked)),
    ("R31", "employers_are_contacted", later(30, planned), later(29, planned)),
    ("R31", "employers_are_contacted", later(40, contacted(10)), later(39, contacted(10))),
    ("R32", "plan_is_reviewed", later(91, planned), later(90, planned)),
    ("R32", "plan_is_reviewed", later(91, planned), later(91, in_phase("phase_4", planned))),
    ("R32", "plan_is_reviewed", later(91, planned), later(91, job_lost)),
    ("R33", "goal_is_weighed_again", later(181, planned), later(180, planned)),
    ("R33", "goal_is_weighed_again", later(281, weighed), later(280, weighed)),
)
