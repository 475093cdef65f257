"""Every rule shown firing and silent, every move shown made, from answers as a document brings them."""

from __future__ import annotations

import doctest
import json
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from formgen import prefill, registry
from formgen.form import Form, Judgement, Rule, blank, judge
from formgen.process import Case, Known, Step, advance
from formgen.settings import Office, Workspace
from formgen.sheet import Answer, Sheet

REPOSITORY = Path(__file__).parents[1]
FORMS = registry.load(Workspace(REPOSITORY))
DEMO = json.loads((REPOSITORY / "demo" / "cases.json").read_text(encoding="utf-8"))
TODAY = date(2026, 6, 1)
EVERY_FORM = FORMS.ids | {name for _, declared in FORMS.pending() for name in declared.needs}

Answers = Mapping[str, str]


# --- from answers to a judgement ------------------------------------------------------------


def dated(text: str, today: date = TODAY) -> str:
    """Return the text with ``{today+5}`` as the day it means."""

    def day(match: re.Match[str]) -> str:
        on = today + timedelta(days=int(match[1] or 0))
        return f"{on.day}.{on.month}.{on.year}"

    return re.sub(r"\{today([+-]\d+)?\}", day, text)


def returned(form: type[Form], answers: Answers, case: Case, today: date = TODAY) -> Sheet:
    """Return the sheet of a prefilled document into which the answers were written.

    A path that ends in ``.*`` blanks a whole row or signature.
    """
    sheet = blank(form, prefill.known(form, case))
    paths = {path: answer.text for path, answer in sheet.answers.items()}
    for path, text in answers.items():
        table, _, index = path.removesuffix(".*").partition(".")
        asked = form.field(table)
        assert asked, f"{form.id} asks no {table}"
        if asked.columns:
            row = f"{table}.{index.partition('.')[0]}"
            for column in asked.columns:
                paths.setdefault(f"{row}.{column.name}", "")
        for gone in paths if path.endswith(".*") else ():
            if gone.startswith(path.removesuffix("*")):
                paths[gone] = ""
        if not path.endswith(".*"):
            paths[path] = dated(text, today)
    return Sheet({path: Answer(text) for path, text in paths.items() if not computed(form, path)})


def computed(form: type[Form], path: str) -> bool:
    """Tell whether nobody is asked for the value at a path."""
    asked = form.field(path)
    return asked is not None and asked.fill is not None


def judged(form: str, answers: Answers, case: Case, today: date = TODAY) -> Judgement:
    """Return the judgement of a returned document."""
    return judge(FORMS.latest(form), returned(FORMS.latest(form), answers, case, today), case, case.today)


def accept(case: Case, form: str, answers: Answers, phase: str) -> Case:
    """Return the case after the document, in a phase."""
    judgement = judged(form, answers, case)
    assert judgement.record, judgement.findings
    return holding(case, judgement.record, phase=phase)


def holding(case: Case, *records: Any, phase: str = "") -> Case:
    """Return the case with records that were accepted, in a phase."""
    for record in records:
        number = len(case.records) + 1
        made = Known(f"r{number}", f"i{number}", 1, record)
        step = Step(number, record.id, made.record_id, None, case.phase, phase or case.phase, "")
        case = replace(case, records=(*case.records, made), steps=(*case.steps, step))
    return case


# --- the cases that rules are asked about -----------------------------------------------------

NEW = Case("PK-2026-00001", TODAY, forms=EVERY_FORM)
REFERRAL, DECISION, AGREEMENT, JOB = (step["answers"] for step in DEMO[0]["returns"])
DECIDED = {**REFERRAL, **DECISION}
BASE: dict[str, Answers] = {"referral": REFERRAL, "cooperation_agreement": AGREEMENT, "job_start": JOB}
REFUSAL = {"decision": "redirected", "decision_date": "{today-10}", "redirect_target": "Kuntouttava työtoiminta"}
AMENDMENT = {
    "agreement_kind": "amendment",
    "amendment_reason": "coach_change",
    "amendment_reason_detail": "Valmentaja vaihtuu",
}
SUBSIDY = {
    "wage_subsidy_status": "granted",
    "wage_subsidy_percent": "50 %",
    "wage_subsidy_from": "{today+5}",
    "wage_subsidy_to": "{today+155}",
    "subsidy_decision_date": "{today-1}",
}


@cache
def undecided() -> Case:
    return accept(NEW, "referral", REFERRAL, "phase_1")


@cache
def decided() -> Case:
    return accept(NEW, "referral", DECIDED, "phase_1")


@cache
def refused() -> Case:
    return accept(NEW, "referral", {**REFERRAL, **REFUSAL, "decision_reason": "Asiakas muuttaa."}, "phase_1")


@cache
def signed() -> Case:
    return accept(decided(), "cooperation_agreement", AGREEMENT, "phase_2")


@cache
def nameless() -> Case:
    answers = {**AGREEMENT, "consents.0.granted": "no", "employer_contact_mode": "no"}
    return accept(decided(), "cooperation_agreement", answers, "phase_2")


@cache
def employed() -> Case:
    return accept(signed(), "job_start", JOB, "phase_5")


@cache
def planless() -> Case:
    case = accept(NEW, "referral", {**DECIDED, "existing_plans": "client_plan"}, "phase_1")
    return accept(case, "cooperation_agreement", AGREEMENT, "phase_2")


@cache
def unmet() -> Case:
    return accept(NEW, "referral", {**DECIDED, "transition_meetings.0.*": ""}, "phase_1")


def new() -> Case:
    return NEW


def crowded() -> Case:
    return replace(NEW, caseloads={"Veera Valmentaja-Esimerkki": 20})


def regional() -> Case:
    return replace(NEW, office=Office(service_area=("422",)))


def unreferred() -> Case:
    return replace(decided(), records=())


def unsigned() -> Case:
    return replace(signed(), records=decided().records)


def in_phase(phase: str, case: Callable[[], Case] = signed) -> Callable[[], Case]:
    return lambda: replace(case(), steps=(*case().steps, Step(9, "", "", None, case().phase, phase, "")))


def with_stub(form: str, case: Callable[[], Case] = signed, /, **values: Any) -> Callable[[], Case]:
    return lambda: holding(case(), SimpleNamespace(id=form, coach=None, **values))


def later(days: int, case: Callable[[], Case] = signed) -> Callable[[], Case]:
    return lambda: replace(case(), today=TODAY + timedelta(days=days))


def supported(*days: int) -> Callable[[], Case]:
    """Return the case in which the support plan tells of contact so many days after the job's start."""
    start = TODAY + timedelta(days=5)
    log = [SimpleNamespace(date=start + timedelta(days=day)) for day in days]
    return with_stub("job_support_plan", signed, job_id="JOB-1", plan_status="approved", support_log=log)


PROFILE = with_stub("vocational_profile", work_goals=[SimpleNamespace(goal_id="G-1")])
CAFE = "E-54b07bb1"


@dataclass(frozen=True)
class Shown:
    """One rule: what breaks it, where the finding stands then, and what keeps it."""

    code: str
    name: str
    breaks: Answers
    at: str
    holds: Answers = field(default_factory=dict)
    case: Callable[[], Case] | None = None
    held_case: Callable[[], Case] | None = None


TOMORROW = Shown("range", "document_is_not_of_tomorrow", {"document_date": "{today+1}"}, "document_date")
CASE: dict[str, Callable[[], Case]] = {"referral": new, "cooperation_agreement": decided, "job_start": signed}
SHOWN: dict[str, tuple[Shown, ...]] = {
    "referral": (
        TOMORROW,
        Shown("R01", "client_wants_paid_work", {"client_wants_work": "no"}, "client_wants_work"),
        Shown("R02", "client_is_sure", {"client_wants_work": "unsure"}, "client_wants_work"),
        Shown(
            "R03",
            "client_knows_of_referral",
            {"consent_referral": "no"},
            "consent_referral",
            {"consent_referral": "no", "referrer_type": "self"},
        ),
        Shown("R04", "birth_date_agrees_with_identity_code", {"client_birth_date": "14.4.1985"}, "client_birth_date"),
        Shown(
            "R05",
            "refusal_is_not_for_readiness",
            {**REFUSAL, "decision_reason": "Asiakkaan työkunto ei vielä riitä."},
            "decision_reason",
            {**REFUSAL, "decision_reason": "Asiakas muuttaa toiselle alueelle."},
        ),
        Shown(
            "R06",
            "health_data_may_be_passed_on",
            {"referrer_type": "employment_services"},
            "consent_health_transfer",
            {"referrer_type": "employment_services", "consent_health_transfer": "yes"},
        ),
        Shown(
            "R07",
            "first_meeting_is_soon",
            {**DECISION, "first_meeting_date": "{today-5}"},
            "first_meeting_date",
            {**DECISION, "first_meeting_date": "{today-6}"},
        ),
        Shown("R08", "coach_has_room", DECISION, "assigned_coach", DECISION, crowded, new),
        Shown(
            "T01",
            "age_is_usual",
            {"client_hetu": "", "client_birth_date": "1.1.2010"},
            "client_birth_date",
        ),
        Shown(
            "range",
            "age_is_possible",
            {"client_hetu": "", "client_birth_date": "1.1.2014"},
            "client_birth_date",
            {"client_hetu": "", "client_birth_date": "1.1.2010"},
        ),
        Shown(
            "T02",
            "decision_is_prompt",
            {**DECISION, "received_date": "{today-40}", "referral_date": "{today-41}"},
            "decision_date",
            DECISION,
        ),
        Shown(
            "range",
            "decision_follows_arrival",
            {**DECISION, "decision_date": "{today-21}"},
            "decision_date",
            {**DECISION, "decision_date": "{today-20}"},
        ),
        Shown(
            "range",
            "first_meeting_follows_arrival",
            {**DECISION, "first_meeting_date": "{today-21}"},
            "first_meeting_date",
            DECISION,
        ),
        Shown("range", "arrival_is_not_in_the_future", {"received_date": "{today+1}"}, "received_date"),
        Shown("range", "referral_precedes_arrival", {"referral_date": "{today-19}"}, "referral_date"),
        Shown("range", "unemployment_has_begun", {"unemployed_since": "{today+1}"}, "unemployed_since"),
        Shown("range", "own_words_say_something", {"client_own_words": "Töitä."}, "client_own_words"),
        Shown(
            "range",
            "client_lives_in_the_area",
            {},
            "client_municipality",
            {"client_municipality": "Lieksa"},
            regional,
            regional,
        ),
        Shown(
            "choice",
            "not_out_of_work_and_in_full_time_work",
            {"employment_status": "unemployed_jobseeker employed_full_time"},
            "employment_status",
        ),
        Shown("choice", "no_benefits_stands_alone", {"benefits.0.benefit": "none"}, "benefits"),
        Shown(
            "range",
            "benefits_are_in_force",
            {"benefits.0.valid_until": "{today-60}"},
            "benefits.0.valid_until",
        ),
        Shown(
            "range",
            "assessments_precede_referral",
            {"assessments_done.0.date": "{today}"},
            "assessments_done.0.date",
        ),
        Shown(
            "range",
            "handover_follows_referral",
            {"transition_meetings.0.meeting_date": "{today-30}"},
            "transition_meetings.0.meeting_date",
        ),
    ),
    "cooperation_agreement": (
        TOMORROW,
        Shown("R09", "referral_has_been_decided", {}, "", case=unreferred),
        Shown("R09", "referral_has_been_decided", {}, "", case=undecided),
        Shown("R09", "referral_was_not_turned_away", {}, "", case=refused),
        Shown("R10", "everybody_has_signed", {"sign_client.*": ""}, "sign_client"),
        Shown("R10", "everybody_has_signed", {"sign_coach.*": ""}, "sign_coach"),
        Shown(
            "R10",
            "everybody_has_signed",
            {"guardian_signs": "yes"},
            "sign_guardian",
            {
                "guardian_signs": "yes",
                "sign_client.*": "",
                "sign_guardian.name": "Göran Edunvalvoja-Malli",
                "sign_guardian.date": "{today}",
            },
        ),
        Shown("R11", "every_consent_is_answered", {"consents.2.granted": ""}, "consents.2.granted"),
        Shown("R11", "every_consent_is_answered", {"consents.4.*": ""}, "consents"),
        Shown("R12", "privacy_notice_has_been_given", {"privacy_notice_given": "no"}, "privacy_notice_given"),
        Shown(
            "R13",
            "name_is_told_by_consent_only",
            {"consents.0.data_scope": "work_history"},
            "employer_contact_mode",
            {"consents.0.data_scope": "work_history", "employer_contact_mode": "general_without_name"},
        ),
        Shown("R14", "start_was_handed_over", {}, "transition_meetings", case=unmet),
        Shown("R15", "meetings_are_not_only_in_the_office", {"meeting_places": "coach_office"}, "meeting_places"),
        Shown("R16", "goal_is_paid_work", {"competitive_goal": "no"}, "competitive_goal"),
        Shown("R17", "review_is_within_a_year", {"review_date": ""}, "review_date"),
        Shown("R17", "review_is_within_a_year", {"review_date": "{today+370}"}, "review_date"),
        Shown(
            "R18",
            "decision_is_named",
            {"decision_number": ""},
            "decision_number",
            {"decision_number": "", "legal_basis": "project"},
        ),
        Shown("T04", "service_starts_after_referral", {"service_start_date": "{today-21}"}, "service_start_date"),
        Shown(
            "T04",
            "service_starts_soon_after_signing",
            {"service_start_date": "{today+28}"},
            "service_start_date",
            {"service_start_date": "{today+27}"},
        ),
        Shown(
            "T04",
            "agreement_is_made_once",
            {"agreement_kind": "initial"},
            "agreement_kind",
            AMENDMENT,
            signed,
            signed,
        ),
        Shown("T25", "there_is_something_to_amend", AMENDMENT, "agreement_kind", AMENDMENT, decided, signed),
        Shown(
            "T25",
            "change_of_coach_is_handed_over",
            AMENDMENT,
            "transition_meetings",
            {
                **AMENDMENT,
                "transition_meetings.1.kind": "coach_change",
                "transition_meetings.1.meeting_date": "{today-1}",
                "transition_meetings.1.participants": "Onni, Veera ja Sami",
            },
            signed,
            signed,
        ),
        Shown("choice", "rights_have_been_explained", {"voluntary_explained": "no"}, "voluntary_explained"),
        Shown("choice", "other_things_have_been_explained", {"copy_given": "no"}, "copy_given"),
        Shown(
            "choice",
            "channels_are_as_the_client_accepts",
            {"unencrypted_ok": "no"},
            "unencrypted_ok",
            {"unencrypted_ok": "no", "contact_channels": "phone letter"},
        ),
        Shown(
            "range",
            "meetings_are_frequent_enough",
            {"meeting_frequency": "monthly"},
            "meeting_frequency",
            {**AMENDMENT, "meeting_frequency": "monthly"},
            decided,
            in_phase("phase_5"),
        ),
        Shown(
            "format",
            "missed_meeting_does_not_end_the_service",
            {"missed_meeting_practice": "Soitamme.\nJos asiakas ei tule kolmesti, palvelu päättyy."},
            "missed_meeting_practice",
            {"missed_meeting_practice": "Palvelua ei lopeteta. Sovimme uuden ajan, palvelu ei pääty."},
        ),
        Shown(
            "R34",
            "benefit_advice_is_planned_by_job_search",
            {**AMENDMENT, "benefits_counselling_plan.0.*": ""},
            "benefits_counselling_plan",
            AMENDMENT,
            in_phase("phase_3"),
            in_phase("phase_3"),
        ),
        Shown("range", "review_follows_start", {"review_date": "{today-3}"}, "review_date"),
        Shown("range", "next_meeting_follows_agreement", {"next_meeting_date": "{today-1}"}, "next_meeting_date"),
        Shown("range", "client_signed_lately", {"sign_client.date": "{today-31}"}, "sign_client.date"),
        Shown(
            "choice",
            "health_has_a_row_of_its_own",
            {"consents.5.data_scope": "health goals"},
            "consents.5.data_scope",
        ),
        Shown(
            "range",
            "consents_precede_the_document",
            {"consents.1.granted_date": "{today+1}"},
            "consents.1.granted_date",
        ),
        Shown(
            "range",
            "consents_are_withdrawn_after_giving",
            {"consents.0.withdrawn_date": "{today-4}"},
            "consents.0.withdrawn_date",
            {"consents.3.withdrawn_date": "{today-3}"},
        ),
        Shown(
            "range",
            "handover_follows_referral",
            {"transition_meetings.0.meeting_date": "{today-30}"},
            "transition_meetings.0.meeting_date",
        ),
    ),
    "job_start": (
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
            in_phase("phase_3", with_stub("employer_contact", employer_id=CAFE)),
        ),
        Shown("T13", "profile_has_been_made", {}, "", {}, signed, PROFILE),
        Shown("R61", "support_plan_is_made_in_time", {}, "", {}, later(13), later(13, supported())),
        Shown("R62", "first_support_is_given_in_time", {}, "", {}, later(9, supported(4)), later(9, supported(3))),
        Shown(
            "R63",
            "first_month_has_weekly_contact",
            {},
            "",
            {},
            later(33, supported(0, 8, 15)),
            later(33, supported(0, 8, 15, 23)),
        ),
        Shown("R64", "first_year_has_monthly_contact", {}, "", {}, later(65, supported(3)), later(65, supported(40))),
    ),
}
TABLE = [pytest.param(form, shown, id=f"{form}-{shown.code}-{shown.name}") for form in SHOWN for shown in SHOWN[form]]


def declared(form: str, shown: Shown) -> Rule:
    """Return the rule that is shown."""
    return next(rule for rule in FORMS.latest(form).rules if (rule.code, rule.name) == (shown.code, shown.name))


@pytest.mark.parametrize(("form", "shown"), TABLE)
def test_a_broken_rule_is_found_at_its_field(form: str, shown: Shown) -> None:
    case = (shown.case or CASE[form])()
    rule = declared(form, shown)
    findings = judged(form, {**BASE[form], **shown.breaks}, case).findings
    found = [found for found in findings if (found.code, found.message) == (shown.code, rule.message)]
    assert [(one.field, one.severity, one.waits_for) for one in found] == [(shown.at, rule.severity, rule.waits_for)]


@pytest.mark.parametrize(("form", "shown"), TABLE)
def test_a_rule_that_holds_is_asked_and_silent(form: str, shown: Shown) -> None:
    case = (shown.held_case or CASE[form])()
    judgement = judged(form, {**BASE[form], **shown.holds}, case)
    assert judgement.record, judgement.of("error")
    assert declared(form, shown).check(judgement.record, case) in (True, [])


def test_every_rule_of_every_form_is_shown() -> None:
    there_are = {(form.id, rule.code, rule.name) for form in FORMS for rule in form.rules}
    assert there_are - {(form, shown.code, shown.name) for form in SHOWN for shown in SHOWN[form]} == set()


def test_every_message_of_a_rule_is_one_that_a_person_can_read() -> None:
    for form in FORMS:
        for rule in form.rules:
            assert re.fullmatch(r"[A-ZÅÄÖ].+[.]", rule.message), rule


# --- moves ------------------------------------------------------------------------------------


MOVES: dict[str, tuple[tuple[str, ...], str, Answers, Callable[[], Case]]] = {
    "T01": (("T01",), "referral", REFERRAL, new),
    "T30": (("T30", "T02"), "referral", DECIDED, lambda: replace(NEW, previous="PK-2025-00009")),
    "T02": (("T02",), "referral", DECIDED, undecided),
    "T03": (("T03",), "referral", {**REFERRAL, **REFUSAL, "decision_reason": "Asiakas muuttaa."}, undecided),
    "T04": (("T04",), "cooperation_agreement", AGREEMENT, decided),
    "T25": (("T25",), "cooperation_agreement", {**AGREEMENT, **AMENDMENT}, signed),
    "T11": (("T11",), "job_start", JOB, in_phase("phase_4")),
    "T12": (("T12",), "job_start", JOB, in_phase("phase_3")),
    "T13": (("T13",), "job_start", JOB, signed),
    "T15": (("T15",), "job_start", {**JOB, "job_title": "Tarjoilija"}, employed),
}


@pytest.mark.parametrize("name", MOVES)
def test_a_document_makes_its_move(name: str) -> None:
    moves, form, answers, case = MOVES[name]
    judgement = judged(form, answers, case())
    assert judgement.record, judgement.of("error")
    made, refused_for = advance(case(), judgement.record)
    assert (tuple(move.id for move in made), refused_for) == (moves, ())


@pytest.mark.parametrize("phase", ["phase_2", "phase_3", "phase_4", "phase_5"])
def test_an_amendment_leaves_the_phase_as_it_is(phase: str) -> None:
    case = in_phase(phase)()
    judgement = judged("cooperation_agreement", {**AGREEMENT, **AMENDMENT}, case)
    assert judgement.record
    assert [(move.source, move.target) for move in advance(case, judgement.record)[0]] == [(phase, phase)]


def test_every_move_of_every_form_is_shown() -> None:
    assert {move.id for form in FORMS for move in form.moves} - set(MOVES) == set()


def test_a_job_before_the_agreement_is_refused_by_the_process() -> None:
    judgement = judged("job_start", JOB, signed())
    assert judgement.record
    assert advance(decided(), judgement.record)[0] == ()


# --- what the new forms do beyond their rules -------------------------------------------------


def test_an_unanswered_consent_complains_of_nothing_but_the_answer() -> None:
    untouched = {path: text for path, text in AGREEMENT.items() if not path.startswith("consents.")}
    findings = judged("cooperation_agreement", untouched, decided()).findings
    about = [(found.code, found.field) for found in findings if found.field.startswith("consents")]
    assert about == [("R11", f"consents.{index}.granted") for index in range(5)]


def test_consents_have_readable_ids_in_the_order_of_the_table() -> None:
    record = signed().latest("cooperation_agreement")
    ids = [row.consent_id for row in record.consents]
    assert ids == ["employer-1", "employment_services-1", "care_team-1", "kela-1", "family-1", "social_services-1"]


def test_a_missing_agreement_is_the_only_fault_of_an_early_job() -> None:
    errors = judged("job_start", JOB, unsigned()).of("error")
    assert [(found.code, found.waits_for) for found in errors] == [("R46", "cooperation_agreement")]


def test_an_open_decision_is_the_only_fault_of_an_early_agreement() -> None:
    coach = {"coach_name": "Veera Valmentaja-Esimerkki"}
    errors = judged("cooperation_agreement", {**AGREEMENT, **coach}, undecided()).of("error")
    assert [(found.code, found.waits_for) for found in errors] == [("R09", "referral")]


def test_jobs_of_a_case_are_numbered_from_one() -> None:
    second = judged("job_start", {**JOB, "job_title": "Tarjoilija"}, employed()).record
    assert (employed().latest("job_start").job_id, second and second.job_id) == ("JOB-1", "JOB-2")


def test_a_job_speaks_for_phase_five_from_the_day_its_start_is_known_to_its_end() -> None:
    job = employed().latest("job_start")
    ended = with_stub("job_end", employed, job_id="JOB-1", end_date=TODAY + timedelta(days=20))
    days = (later(4, employed), later(5, employed), later(19, ended), later(20, ended))
    assert [job.expects(case()) for case in days] == ["phase_5", "phase_5", "phase_5", None]


def test_the_employer_of_a_business_id_keeps_its_id_under_another_name() -> None:
    other = judged("job_start", {**JOB, "employer_name": "Testipulla"}, signed()).record
    assert (employed().latest("job_start").employer_id, other and other.employer_id) == (CAFE, CAFE)


def test_examples_in_the_forms_are_true() -> None:
    package = FORMS.latest("referral").__module__.rpartition(".")[0]
    results = [doctest.testmod(module) for name, module in sys.modules.items() if name.startswith(f"{package}.")]
    assert sum(result.attempted for result in results) >= 3
    assert sum(result.failed for result in results) == 0


# --- the demo ---------------------------------------------------------------------------------


@pytest.mark.parametrize("today", [TODAY, date(2026, 2, 27), date(2028, 2, 29), date(2030, 12, 31)])
@pytest.mark.parametrize("story", DEMO, ids=[story["name"] for story in DEMO])
def test_demo_returns_end_as_they_say_on_any_day(story: dict[str, Any], today: date) -> None:
    case = Case("PK-2026-00001", today, forms=FORMS.ids)
    for step in story["returns"]:
        judgement = judged(step["form"], step["answers"], case, today)
        assert ("rejected" if judgement.of("error") else "accepted") == step["expect"], judgement.of("error")
        assert not judgement.of("review")
        if judgement.record and not judgement.of("error"):
            moves, refused_for = advance(case, judgement.record)
            assert not refused_for
            case = holding(case, judgement.record, phase=moves[-1].target)


def test_the_first_demo_case_reaches_phase_five() -> None:
    assert employed().phase == "phase_5"


def test_the_wrong_demo_referral_is_told_all_that_is_wrong() -> None:
    errors = judged("referral", DEMO[2]["returns"][0]["answers"], NEW).of("error")
    assert {(found.code, found.field) for found in errors} == {
        ("R01", "client_wants_work"),
        ("R04", "client_hetu"),
        ("choice", "service_language"),
    }
