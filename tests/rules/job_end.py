"""The rules, moves and tasks of job_end, each shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial

from formgen.cases.workflow import Case
from tests.rules import (
    JOB,
    SUBSIDY,
    TODAY,
    TOMORROW,
    Answers,
    Moved,
    Shown,
    accept,
    employed,
    in_phase,
    later,
    nameless,
    signed,
    with_stub,
)

BASE = {
    "end_date": "{today+58}",
    "learned_date": "{today+57}",
    "end_initiative": "employer",
    "end_reason": "trial_employer",
    "end_reason_detail": "Lounasaika oli liian kiireinen.\nEsimies päätti koeajan aikana.",
    "end_kind": "unexpected",
    "termination_in_trial": "yes",
    "client_view": "Aamut sujuivat hyvin. Klo 11–13 oli liikaa ääniä.",
    "client_not_reached": "",
    "employer_view": "Onni oli tunnollinen ja aina ajoissa.",
    "employer_asked": "yes",
    "what_worked": "Ohjekortit ja aamuvuorot.",
    "what_was_hard": "Kiire ja melu lounasaikaan.",
    "lessons": "Seuraava työ rauhallisempaan paikkaan, ensin 4 h päivässä.",
    "skills_gained": "Astiahuolto, hygieniaosaaminen",
    "supports_that_helped": "task_list on_site_coaching",
    "could_have_prevented": "Lyhyempi vuoro olisi voinut auttaa.",
    "first_contact_after_date": "{today+58}",
    "next_step": "new_job_search",
    "new_job_known": "no",
    "profile_update_due": "{today+80}",
    "job_search_restart": "{today+60}",
    "checklist": "work_certificate final_pay holiday_pay unemployment_registration benefit_application",
    "benefit_actions.0.action": "Ilmoitus työttömyyskassalle",
    "benefit_actions.0.by": "{today+59}",
    "benefit_actions.0.who": "Onni ja Veera",
    "benefit_actions.1.*": "",
    "benefit_actions.2.*": "",
    "rehire_possible": "no",
    "reference_ok": "ask_first",
    "support_wish": "Haluan etsiä heti uutta työtä Veeran kanssa.",
    "sign_client.name": "Onni Metsälä",
    "sign_client.date": "{today+60}",
    "sign_coach.name": "Veera Valmentaja-Esimerkki",
    "sign_coach.date": "{today+60}",
}
UNREACHED = {
    "client_not_reached": "yes",
    "client_view": "",
    "first_contact_after_date": "",
    "support_wish": "",
    "learned_date": "{today+58}",
}
FIXED = {**JOB, "contract_type": "fixed_term", "end_date": "{today+58}", "trial_period_months": ""}
TERM_OVER = {"end_initiative": "contract_end", "end_reason": "fixed_term_ended", "termination_in_trial": ""}
SEASON_OVER = {**TERM_OVER, "end_reason": "season_ended"}


def working(answers: Answers = JOB, case: Callable[[], Case] = signed) -> Case:
    """Return the case 60 days on, the job going on."""
    return later(60, lambda: accept(case(), "job_start", answers, "phase_5"))()


START = working
fixed = partial(working, FIXED)
subsidised = partial(working, {**JOB, **SUBSIDY})
unpaid = partial(working, {**JOB, "contract_type": "work_trial", "wage_amount": "0"})
secret = partial(working, {**JOB, "coach_visible_to_employer": "no"}, nameless)
second = partial(working, {**JOB, "job_title": "Tarjoilija"}, employed)


def jobless() -> Case:
    """Return the case in which the job's start is not on record, though a document of it went out."""
    return replace(working(), records=signed().records)


def ended(step: str = "new_job_search", phase: str = "phase_5", days: int = 60, **answers: str) -> Callable[[], Case]:
    """Return the case so many days after today, the job's end being on record."""
    case = partial(accept, working(), "job_end", {**BASE, "next_step": step, **answers}, phase)
    return later(days, case)


def planned(case: Callable[[], Case], on: int, status: str = "approved") -> Callable[[], Case]:
    """Return the case with a job-search plan of a day."""
    day = TODAY + timedelta(days=on)
    return with_stub("job_search_plan", case, plan_status=status, plan_date=day)


def profiled(case: Callable[[], Case], on: int) -> Callable[[], Case]:
    """Return the case with a profile of a day."""
    return with_stub("vocational_profile", case, profile_date=TODAY + timedelta(days=on))


def rehired(case: Callable[[], Case]) -> Callable[[], Case]:
    """Return the case in which another job has been recorded since."""
    day = TODAY + timedelta(days=70)
    job = {"job_id": "JOB-2", "start_date": day, "end_date": None}
    return with_stub("job_start", case, **{"employer_id": "", **job})


def talking(stage: str = "negotiation") -> Callable[[], Case]:
    """Return the case with a contact with another employer at a stage."""
    contact = {"stage": stage, "closed_date": None, "contact_basis": "client_specific", "employer_id": "E-2"}
    return with_stub("employer_contact", working, document_date=TODAY, **contact)


JOB_DATA = {
    "job_id": "JOB-1",
    "employer_name": "Kahvila Testipulla Oy",
    "job_title": "Keittiöapulainen",
    "start_date": "{today+5}",
    "weekly_hours": "22,5",
    "contract_type": "permanent",
    "benefit_actions.0.benefit": "earnings_related_allowance",
}

BOTH = "end_initiative end_reason"
SHOWN = (
    replace(TOMORROW, breaks={"document_date": "{today+61}"}),
    Shown("T16", "job_has_been_started", JOB_DATA, "job_id", JOB_DATA, jobless),
    Shown("T16", "job_has_been_started", {"job_id": "JOB-7"}, "job_id"),
    Shown("choice", "job_is_described_as_at_its_start", {"weekly_hours": "30"}, "weekly_hours"),
    Shown("choice", "job_is_described_as_at_its_start", {"start_date": "{today+6}"}, "start_date"),
    Shown("R69", "reason_agrees_with_initiative", {"end_initiative": "client"}, BOTH),
    Shown(
        "R69",
        "reason_agrees_with_initiative",
        {"end_reason": "resigned_health"},
        BOTH,
        {"end_reason": "resigned_health", "end_initiative": "client"},
    ),
    Shown(
        "R69",
        "reason_agrees_with_initiative",
        {"end_reason": "mutual"},
        BOTH,
        {"end_reason": "mutual", "end_initiative": "mutual"},
    ),
    Shown(
        "R69",
        "reason_agrees_with_initiative",
        {"end_reason": "death", "end_initiative": "client"},
        BOTH,
        {"end_reason": "retired", "end_initiative": "client"},
    ),
    Shown("R70", "something_was_learned", {"what_was_hard": "", "lessons": "–"}, "lessons", {"what_was_hard": "–"}),
    Shown("R71", "job_ends_after_it_starts", {"end_date": "{today+4}"}, "end_date", {"end_date": "{today+5}"}),
    Shown("R71", "job_ends_once", JOB_DATA, "job_id", JOB_DATA, ended(), START),
    Shown("range", "job_ends_soon", {"end_date": "{today+92}"}, "end_date", {"end_date": "{today+91}"}),
    Shown(
        "range",
        "fixed_term_has_not_been_passed",
        {**TERM_OVER, "end_date": "{today+59}"},
        "end_date",
        TERM_OVER,
        fixed,
        fixed,
    ),
    Shown("R75", "fixed_term_is_of_the_contract", TERM_OVER, BOTH, TERM_OVER, held_case=fixed),
    Shown("R75", "fixed_term_is_of_the_contract", SEASON_OVER, BOTH, TERM_OVER, subsidised, subsidised),
    Shown("range", "coach_has_learned_of_it", {"learned_date": "{today+61}"}, "learned_date"),
    Shown(
        "range",
        "notice_precedes_the_end",
        {"notice_given_date": "{today+59}"},
        "notice_given_date",
        {"notice_given_date": "{today+58}"},
    ),
    Shown(
        "range",
        "trial_was_not_over",
        {},
        "termination_in_trial",
        {"end_date": "{today+34}"},
        partial(working, {**JOB, "trial_period_months": "1"}),
        partial(working, {**JOB, "trial_period_months": "1"}),
    ),
    Shown("T16", "client_has_told_how_it_went", {"client_view": ""}, "client_view", UNREACHED),
    Shown(
        "R35",
        "employer_is_asked_by_consent_only",
        {"employer_view": ""},
        "employer_asked",
        {"employer_view": "", "employer_asked": "no_consent"},
        secret,
        secret,
    ),
    Shown(
        "R35",
        "employer_is_asked_by_consent_only",
        {"employer_asked": "not_needed"},
        "employer_asked",
        {"employer_asked": "not_needed"},
        secret,
    ),
    Shown(
        "R72",
        "contact_with_client_was_prompt",
        {"learned_date": "{today+54}"},
        "first_contact_after_date",
        {"learned_date": "{today+55}"},
    ),
    Shown(
        "R72",
        "contact_with_client_was_prompt",
        {**UNREACHED, "learned_date": "{today+56}"},
        "first_contact_after_date",
        UNREACHED,
    ),
    Shown(
        "range",
        "contact_follows_the_news",
        {"first_contact_after_date": "{today+56}"},
        "first_contact_after_date",
        {"first_contact_after_date": "{today+57}"},
    ),
    Shown(
        "T19",
        "another_employer_is_spoken_with",
        {"next_step": "other_negotiation"},
        "next_step",
        {"next_step": "other_negotiation"},
        talking("closed_no_job"),
        talking(),
    ),
    Shown(
        "R74",
        "profile_is_updated_soon",
        {"profile_update_due": "{today+89}"},
        "profile_update_due",
        {"profile_update_due": "{today+88}"},
    ),
    Shown("R76", "client_registers_as_unemployed", {"checklist": "work_certificate final_pay"}, "checklist"),
    Shown(
        "R76",
        "client_registers_as_unemployed",
        {"checklist": ""},
        "checklist",
        {"checklist": "work_certificate final_pay"},
        held_case=second,
    ),
    Shown(
        "T16",
        "pay_and_certificate_are_settled",
        {"checklist": "unemployment_registration work_certificate"},
        "checklist",
        {"checklist": "unemployment_registration", "termination_in_trial": ""},
        held_case=unpaid,
    ),
)
MOVES: dict[str, Moved] = {
    "T16": (("T16",), BASE, second),
    "T17": (("T17",), BASE, START),
    "T18": (("T18",), {**BASE, "next_step": "new_profile"}, START),
    "T19": (("T19",), {**BASE, "next_step": "other_negotiation"}, talking()),
    "T20": (("T20",), {**BASE, "next_step": "undecided"}, START),
    "T21": (("T21",), {**BASE, "next_step": "studies"}, START),
    "T22": (("T22",), {**BASE, "next_step": "close_service"}, START),
}
DUES = (
    ("R73", "new_search_plan", ended(days=88), planned(ended(days=88), 60)),
    ("R73", "new_search_plan", planned(ended(days=88), 60, "draft"), ended(days=87)),
    ("R73", "new_search_plan", planned(ended(days=88), 56), rehired(ended(days=88))),
    ("R73", "new_search_plan", ended(days=88), ended("undecided", days=88)),
    ("R74", "updated_profile", ended(days=88), profiled(ended(days=88), 57)),
    ("R74", "updated_profile", profiled(ended(days=88), 56), ended(days=87)),
    ("R74", "updated_profile", ended(days=88), in_phase("closed", ended(days=88))),
    ("T20", "decided_step", ended("undecided", days=88), planned(ended("undecided", days=88), 80)),
    ("T20", "decided_step", ended("undecided", days=88), ended("undecided", days=87)),
    ("T20", "recorded_new_job", ended("new_job_starts", days=72), rehired(ended("new_job_starts", days=72))),
    ("T20", "recorded_new_job", ended("new_job_starts", days=72), ended("new_job_starts", days=71)),
    (
        "T21",
        "plan_for_studies",
        ended("studies", days=88),
        with_stub("education_plan", ended("studies", days=88), plan_kind="first"),
    ),
    ("T22", "service_is_closed", ended("close_service", days=88), planned(ended("no_work_now", days=88), 80)),
    ("T22", "service_is_closed", ended("no_work_now", days=88), in_phase("closed", ended("no_work_now", days=88))),
)
