"""The rules, moves and dues of job_start, each shown."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from formgen.cases.workflow import Case, Step
from tests.rules import (
    JOB,
    PROFILE,
    SUBSIDY,
    TODAY,
    TOMORROW,
    Dued,
    Moved,
    Shown,
    accept,
    employed,
    in_phase,
    later,
    nameless,
    planless,
    signed,
    unsigned,
    with_stub,
)
from tests.rules.employer_contact import negotiated
from tests.rules.job_support_plan import ALONE, logged
from tests.rules.job_support_plan import BASE as PLAN


def left_alone() -> Case:
    """Return the case in which the client wants no support at work."""
    return accept(employed(), "job_support_plan", {**PLAN, **ALONE}, "phase_5")


BASE = JOB
START = signed


def on_hold() -> Case:
    """Return the case on hold since yesterday."""
    note = {"start": "2026-05-31", "next_contact": "2026-06-30"}
    return replace(signed(), steps=(*signed().steps, Step(9, "", None, "T26", "phase_2", "phase_2", "", note)))


SHOWN = (
    TOMORROW,
    Shown("R46", "agreement_has_been_made", {}, "", case=unsigned),
    Shown(
        "R47",
        "job_starts_in_service",
        {"start_date": "{today-10}"},
        "start_date",
        {"start_date": "{today-10}", "retention_case": "yes"},
    ),
    Shown("R48", "job_ends_after_it_starts", {"end_date": "{today+4}"}, "end_date", {"end_date": "{today+5}"}),
    Shown("R48", "hours_are_possible", {"weekly_hours": "52"}, "weekly_hours", {"weekly_hours": "48"}),
    Shown(
        "R48",
        "hours_are_possible",
        {"weekly_hours": "", "variable_hours": "yes", "hours_min": "20", "hours_max": "10"},
        "hours_min",
        {"weekly_hours": "", "variable_hours": "yes", "hours_min": "10", "hours_max": "20"},
    ),
    Shown(
        "R48",
        "wage_is_possible",
        {"wage_amount": "0"},
        "wage_amount",
        {"wage_amount": "0", "contract_type": "work_trial"},
    ),
    Shown("R48", "wage_is_possible", {"wage_amount": "-12"}, "wage_amount"),
    Shown("R48", "start_is_possible", {"start_date": "{today+366}"}, "start_date"),
    Shown(
        "R48",
        "job_is_told_from_another_with_the_employer",
        {},
        "job_title",
        {"job_title": "Tarjoilija"},
        employed,
        employed,
    ),
    Shown(
        "R48",
        "job_is_told_from_another_with_the_employer",
        {},
        "job_title",
        {"replaces_job_id": "JOB-1"},
        employed,
        employed,
    ),
    Shown("T15", "job_is_new_to_the_case", {"job_id": "JOB-1"}, "job_id", {}, employed, employed),
    Shown(
        "choice",
        "replaced_job_is_known",
        {"replaces_job_id": "JOB-7"},
        "replaces_job_id",
        {"replaces_job_id": "JOB-1"},
        employed,
        employed,
    ),
    Shown("R49", "week_is_not_long", {"weekly_hours": "40,5"}, "weekly_hours", {"weekly_hours": "40"}),
    Shown(
        "R50",
        "hours_of_all_jobs_are_within_law",
        {"weekly_hours": "26"},
        "weekly_hours",
        {"weekly_hours": "25,5"},
        employed,
        employed,
    ),
    Shown("R51", "contract_is_in_writing", {"contract_form": "oral"}, "contract_form"),
    Shown("R52", "trial_is_within_law", {"trial_period_months": "7"}, "trial_period_months"),
    Shown(
        "R52",
        "trial_is_within_law",
        {
            "contract_type": "fixed_term",
            "start_date": "1.9.2026",
            "end_date": "28.2.2027",
            "trial_period_months": "3,5",
        },
        "trial_period_months",
        {
            "contract_type": "fixed_term",
            "start_date": "1.9.2026",
            "end_date": "28.2.2027",
            "trial_period_months": "3",
        },
    ),
    Shown("R53", "basis_of_pay_is_known", {"pay_basis": "unknown"}, "pay_basis"),
    Shown("R54", "job_is_in_the_open_market", {"open_to_anyone": "no"}, "open_to_anyone"),
    Shown("R54", "job_is_in_the_open_market", {"contract_type": "work_trial"}, "contract_type"),
    Shown(
        "R54",
        "job_is_in_the_open_market",
        {"employer_name": "esimerkkilän hyvinvointialue"},
        "employer_name",
    ),
    Shown(
        "R55",
        "benefits_are_settled_before_start",
        {"benefit_counselling_date": "{today+6}"},
        "benefit_counselling_date",
    ),
    Shown(
        "R55",
        "benefits_are_settled_before_start",
        {"benefit_counselling_done": "no", "benefit_counselling_date": ""},
        "benefit_counselling_date",
    ),
    Shown(
        "R56",
        "earnings_limit_of_pension_is_checked",
        {"benefit_effects.0.benefit": "disability_pension_kela"},
        "earnings_limit_checked",
        {"benefit_effects.0.benefit": "disability_pension_kela", "earnings_limit_checked": "yes"},
    ),
    Shown(
        "R57",
        "disclosure_is_decided",
        {"disclosure_level": "undecided"},
        "disclosure_level",
        {"disclosure_level": "undecided", "coach_visible_to_employer": "no"},
    ),
    Shown("T27", "case_is_not_on_hold", {}, "start_date", case=on_hold),
    Shown("R35", "name_is_told_by_consent_only", {}, "coach_visible_to_employer", case=nameless),
    Shown(
        "R35",
        "name_is_told_by_consent_only",
        {"start_date": "{today+361}"},
        "coach_visible_to_employer",
        {"start_date": "{today+360}"},
    ),
    Shown(
        "R58",
        "subsidy_is_decided_before_start",
        {**SUBSIDY, "subsidy_decision_date": "{today+6}"},
        "subsidy_decision_date",
        SUBSIDY,
    ),
    Shown(
        "R59",
        "adjustment_support_is_applied_for_in_time",
        {
            "adjustment_support": "to_apply",
            "accommodations_agreed.1.accommodation": "assistive_device",
            "accommodations_agreed.1.from": "{today-31}",
        },
        "adjustment_support",
        {
            "adjustment_support": "applied",
            "accommodations_agreed.1.accommodation": "assistive_device",
            "accommodations_agreed.1.from": "{today-31}",
        },
    ),
    Shown(
        "R60",
        "work_trial_is_in_the_plan",
        {"contract_type": "work_trial"},
        "contract_type",
        {"contract_type": "work_trial"},
        planless,
        signed,
    ),
    Shown("R61", "support_plan_is_due_soon", {"support_plan_due": "{today+13}"}, "support_plan_due"),
    Shown("R62", "first_support_is_soon", {"first_support_meeting": "{today+9}"}, "first_support_meeting"),
    Shown("range", "first_support_follows_start", {"first_support_meeting": "{today+4}"}, "first_support_meeting"),
    Shown("range", "contract_is_made_by_start", {"contract_signed_date": "{today+36}"}, "contract_signed_date"),
    Shown(
        "range",
        "subsidy_starts_with_the_job",
        {**SUBSIDY, "wage_subsidy_from": "{today+4}"},
        "wage_subsidy_from",
        SUBSIDY,
    ),
    Shown(
        "range",
        "subsidy_ends_after_it_starts",
        {**SUBSIDY, "wage_subsidy_to": "{today+4}"},
        "wage_subsidy_to",
        SUBSIDY,
    ),
    Shown(
        "range",
        "wage_is_usual",
        {"wage_amount": "2 100,50 €"},
        "wage_amount",
        {"wage_amount": "2 100,50 €", "wage_type": "monthly"},
    ),
    Shown(
        "range",
        "shifts_end_after_they_start",
        {"weekly_schedule.4.start": "22", "weekly_schedule.4.end": "3"},
        "weekly_schedule.4.end",
        {
            "weekly_schedule.4.start": "22",
            "weekly_schedule.4.end": "3",
            "weekly_schedule.4.crosses_midnight": "yes",
        },
    ),
    Shown("range", "schedule_agrees_with_hours", {"weekly_hours": "30"}, "weekly_schedule"),
    Shown("choice", "no_benefits_stands_alone", {"benefit_effects.0.benefit": "none"}, "benefit_effects"),
    Shown("choice", "goal_is_of_the_profile", {"goal_id": "G-9"}, "goal_id", {"goal_id": "G-1"}, PROFILE, PROFILE),
    Shown(
        "T12",
        "contact_with_employer_is_recorded",
        {"found_by": "coach_network"},
        "found_by",
        {"found_by": "coach_network"},
        in_phase("phase_3"),
        in_phase("phase_3", negotiated),
    ),
    Shown("T13", "profile_has_been_made", {}, "", {}, signed, PROFILE),
)
MOVES: dict[str, Moved] = {
    "T11": (("T11",), JOB, in_phase("phase_4")),
    "T12": (("T12",), JOB, in_phase("phase_3")),
    "T13": (("T13",), JOB, signed),
    "T15": (("T15",), {**JOB, "job_title": "Tarjoilija"}, employed),
}
DUES: tuple[Dued, ...] = (
    ("R61", "support_plan_is_made_in_time", later(13, employed), later(12, employed)),
    ("R61", "support_plan_is_made_in_time", later(13, employed), later(13, logged())),
    ("R62", "first_support_is_given_in_time", later(9, logged()), later(9, logged(3))),
    ("R63", "first_month_has_weekly_contact", later(33, logged(0, 8, 15)), later(33, logged(0, 8, 15, 23))),
    ("R64", "first_year_has_monthly_contact", later(65, logged(3)), later(65, logged(40))),
    ("R64", "first_year_has_monthly_contact", later(65, logged(3)), later(65, left_alone)),
    (
        "R64",
        "first_year_has_monthly_contact",
        later(65, logged(3)),
        later(65, with_stub("job_end", logged(3), job_id="JOB-1", end_date=TODAY + timedelta(days=40))),
    ),
)
