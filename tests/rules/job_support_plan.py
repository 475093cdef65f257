"""The rules, moves and dues of job_support_plan, each shown."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import cache

from formgen.cases.workflow import Case
from tests.rules import (
    AGREEMENT,
    JOB,
    TODAY,
    TOMORROW,
    Dued,
    Moved,
    Shown,
    accept,
    decided,
    employed,
    later,
    signed,
    with_stub,
)

BASE = {
    "participants": "client coach employer",
    "client_view_support": "Haluan, että Veera käy töissä kerran viikossa.\nSoittaa saa iltapäivällä.",
    "no_support_wanted": "no",
    "goals.0.goal": "Hoidan astiahuollon itsenäisesti",
    "goals.0.measure": "Päivi ei enää neuvo",
    "goals.0.review_date": "{today+30}",
    "goals.0.result": "open",
    "learning_needs.0.how": "Näytetään ensin, tehdään sitten yhdessä",
    "learning_needs.0.who": "Päivi",
    "learning_needs.1.how": "Ohjekortti “ilta”",
    "learning_needs.1.who": "Veera",
    "strengths_at_work": "Rauhallinen alku ja selvä järjestys.",
    "support_actions.0.action": "on_site_coaching",
    "support_actions.0.detail": "Ohjekorttien kokeilu",
    "support_actions.0.who": "coach",
    "support_actions.0.where": "workplace",
    "support_actions.0.frequency": "weekly",
    "support_actions.0.start": "{today+5}",
    "support_actions.0.end": "{today+35}",
    "support_actions.0.status": "planned",
    "support_actions.1.action": "mentor",
    "support_actions.1.who": "coworker",
    "support_actions.1.where": "workplace",
    "support_actions.1.frequency": "daily",
    "support_actions.1.start": "{today+5}",
    "support_actions.1.status": "planned",
    "tools": "task_list photo_instructions",
    "mentor_name": "Kaisa Työtoveri-Malli",
    "employer_support": "guidance_advice regular_calls",
    "off_work_support": "wake_up travel",
    "care_cooperation.0.who": "Liisa Lähettäjä-Malli",
    "care_cooperation.0.what": "Asumisen asiat",
    "care_cooperation.0.consent_ref": "social_services-1",
    "early_signs": "En vastaa viesteihin.",
    "crisis_steps": "Soitan Veeralle.\nPidetään tauko ja puhutaan Päivin kanssa.",
    "call_first_phone": "050 765 4321",
    "sick_leave_steps": "Soitan Päiville ennen klo 8.",
    "who_may_tell_employer": "both",
    "benefit_followup.0.who": "Onni",
    "benefit_followup.0.done": "no",
    "career_wishes": "Kassatyö kiinnostaa myöhemmin.",
    "hours_change_plan.0.from_date": "{today+100}",
    "hours_change_plan.0.weekly_hours": "25,5",
    "contact_rhythm.0.with": "both",
    "contact_rhythm.0.mode": "workplace_visit",
    "contact_rhythm.1.with": "client",
    "contact_rhythm.1.mode": "phone",
    "contact_rhythm.2.with": "client",
    "contact_rhythm.2.mode": "phone",
    "support_log.0.date": "{today}",
    "support_log.0.start_time": "klo 10",
    "support_log.0.minutes": "45 min",
    "support_log.0.with": "client",
    "support_log.0.mode": "meeting_community",
    "support_log.0.place": "community",
    "support_log.0.topic": "off_site_meeting travel_training",
    "support_log.0.initiated_by": "coach",
    "step_down": "no",
    "plan_status": "approved",
    "sign_client.name": "Onni Metsälä",
    "sign_client.date": "{today}",
    "sign_coach.name": "Veera Valmentaja-Esimerkki",
    "sign_coach.date": "{today}",
}
START = employed
STEP_DOWN = {
    "step_down": "planned",
    "step_down_to": "Työllisyysalueen työkykykoordinaattori",
    "step_down_date": "{today+185}",
    "step_down_contact": "050 123 4567",
}
ALONE = {"no_support_wanted": "yes", "support_actions.0.where": "community", "support_actions.1.where": "home"}


@cache
def logged(*days: int) -> Callable[[], Case]:
    """Return the case with an approved plan whose log tells of contact so many days after the job's start."""
    log = {
        f"support_log.{index + 1}.{column}": text
        for index, day in enumerate(days)
        for column, text in {
            "date": f"{{today+{day + 5}}}",
            "minutes": "30",
            "with": "client",
            "mode": "phone",
            "place": "remote",
            "topic": "phone_support",
        }.items()
    }
    case = accept(employed(), "job_support_plan", {**BASE, **log}, "phase_5")
    return lambda: case


@cache
def helped_only() -> Case:
    """Return the case in which the employer may know the name but nothing of the support."""
    agreed = {**AGREEMENT, "consents.0.data_scope": "name_contact"}
    return accept(accept(decided(), "cooperation_agreement", agreed, "phase_2"), "job_start", JOB, "phase_5")


@cache
def unnamed() -> Case:
    """Return the case in which the employer may know nothing."""
    agreed = {**AGREEMENT, "consents.0.granted": "no", "employer_contact_mode": "no"}
    job = {**JOB, "coach_visible_to_employer": "no"}
    return accept(accept(decided(), "cooperation_agreement", agreed, "phase_2"), "job_start", job, "phase_5")


BY_CLIENT = {
    "participants": "client coach",
    "employer_support": "none",
    "who_may_tell_employer": "client",
    "support_actions.1.who": "family",
}
OF_JOB = {
    "job_id": "JOB-1",
    "employer_name": "Kahvila Testipulla Oy",
    "job_title": "Keittiöapulainen",
    "start_date": "{today+5}",
    "weekly_hours": "22,5",
}
SHOWN = (
    TOMORROW,
    Shown("R19", "plan_is_made_in_service", {"plan_date": "{today-4}"}, "plan_date"),
    Shown(
        "R65",
        "employer_takes_part_by_consent_only",
        {**BY_CLIENT, "participants": "client employer"},
        "participants",
        BY_CLIENT,
        unnamed,
        unnamed,
    ),
    Shown(
        "R65",
        "employer_takes_part_by_consent_only",
        {**BY_CLIENT, "who_may_tell_employer": "coach"},
        "who_may_tell_employer",
        {"plan_status": "draft"},
        unnamed,
        unnamed,
    ),
    Shown(
        "R65",
        "employer_takes_part_by_consent_only",
        {"employer_support": "none"},
        "support_actions.1.who",
        {"employer_support": "none", "support_actions.1.who": "peer"},
        helped_only,
        helped_only,
    ),
    Shown(
        "R65",
        "employer_takes_part_by_consent_only",
        {"support_actions.1.who": "peer"},
        "employer_support",
        {},
        helped_only,
        employed,
    ),
    Shown("R66", "support_comes_from_several_people", {"support_actions.1.who": "coach"}, "support_actions"),
    Shown(
        "R68",
        "support_is_not_lessened_early",
        {**STEP_DOWN, "step_down_date": "{today+184}"},
        "step_down_date",
        STEP_DOWN,
    ),
    Shown("T14", "job_has_been_started", OF_JOB, "job_id", OF_JOB, signed, employed),
    Shown("T14", "job_is_known", {"job_id": "JOB-7"}, "job_id"),
    Shown(
        "T14", "client_has_signed", {"sign_client.*": ""}, "sign_client", {"sign_client.*": "", "plan_status": "draft"}
    ),
    Shown("T14", "review_follows_the_plan", {"review_date": "{today}"}, "review_date"),
    Shown(
        "T14",
        "plan_is_made_soon_after_the_start",
        {"plan_date": "{today+13}", "goals.0.review_date": "{today+40}"},
        "plan_date",
        {"plan_date": "{today+12}", "goals.0.review_date": "{today+40}"},
        later(13, employed),
        later(13, employed),
    ),
    Shown(
        "R63",
        "first_month_is_planned_weekly",
        {"contact_rhythm.0.frequency": "monthly"},
        "contact_rhythm",
        {"contact_rhythm.0.frequency": "monthly", **ALONE},
    ),
    Shown("R63", "first_month_is_planned_weekly", {"contact_rhythm.0.*": ""}, "contact_rhythm"),
    Shown("R64", "first_year_is_planned_monthly", {"contact_rhythm.2.frequency": "quarterly"}, "contact_rhythm"),
    Shown(
        "choice",
        "support_keeps_off_the_workplace",
        {**ALONE, "support_actions.0.where": "workplace"},
        "support_actions.0.where",
        ALONE,
    ),
    Shown("choice", "none_stands_alone", {"tools": "timer none"}, "tools", {"tools": "none"}),
    Shown(
        "choice",
        "care_is_worked_with_by_consent_only",
        {"care_cooperation.0.consent_ref": "care_team-1"},
        "care_cooperation.0.consent_ref",
    ),
    Shown(
        "range",
        "goals_are_reviewed_after_the_plan",
        {"goals.0.review_date": "{today-1}"},
        "goals.0.review_date",
        {"goals.0.review_date": "{today-1}", "goals.0.result": "reached"},
    ),
    Shown("range", "support_ends_after_it_starts", {"support_actions.0.end": "{today+4}"}, "support_actions.0.end"),
    Shown("range", "support_is_not_logged_ahead", {"support_log.0.date": "{today+1}"}, "support_log.0.date"),
    Shown(
        "range",
        "client_is_content",
        {"client_satisfaction": "2"},
        "client_satisfaction",
        {"client_satisfaction": "3"},
    ),
)
MOVES: dict[str, Moved] = {"T14": (("T14",), BASE, employed)}
DUES: tuple[Dued, ...] = (
    ("R67", "plan_is_reviewed_in_time", later(31, logged()), later(30, logged())),
    (
        "R67",
        "plan_is_reviewed_in_time",
        later(31, logged()),
        later(31, with_stub("job_end", logged(), job_id="JOB-1", end_date=TODAY + timedelta(days=20))),
    ),
)
