"""The rules and moves of vocational_profile, each shown; and the cases that have a profile."""

from __future__ import annotations

from datetime import timedelta
from functools import cache

from formgen.cases.workflow import Case
from tests.rules import (
    AGREEMENT,
    TODAY,
    TOMORROW,
    Answers,
    Moved,
    Shown,
    accept,
    decided,
    employed,
    in_phase,
    later,
    signed,
    unsigned,
    with_stub,
)

BASE = {
    "information_sources": "client referral records",
    "profiling_sessions.0.date": "{today-2}",
    "profiling_sessions.0.start_time": "klo 10",
    "profiling_sessions.0.minutes": "60 min",
    "profiling_sessions.0.place": "community",
    "profiling_sessions.0.topics": "Toiveet, aiemmat työt",
    "profiling_sessions.1.date": "{today}",
    "profiling_sessions.1.start_time": "9.30",
    "profiling_sessions.1.minutes": "45",
    "profiling_sessions.1.place": "home",
    "profiling_sessions.1.topics": "Tuki, raha, kertominen",
    "dream_job": "Oma kahvila. Ensin keittiöön töihin.",
    "work_goals.0.goal_text": "Haluan töihin lounasravintolan keittiöön.",
    "work_goals.0.occupation": "Keittiöapulainen",
    "work_goals.0.occupation_code": "9412",
    "work_goals.0.horizon": "now",
    "work_goals.0.priority": "1",
    "work_goals.0.reason": "Keittiötyö on tuttua",
    "work_goals.1.goal_text": "Kahvilatyö sopii myös.",
    "work_goals.1.occupation": "Kahvilatyöntekijä",
    "work_goals.1.occupation_code": "5246",
    "work_goals.1.horizon": "within_6_months",
    "work_goals.1.priority": "2",
    "work_goals.2.*": "",
    "desired_hours_min": "20 h",
    "desired_hours_max": "25",
    "working_time_preferences": "day short_day",
    "unsuitable_times": "Iltaisin klo 17 jälkeen",
    "wage_expectation": "12 €/h",
    "wage_expectation_type": "hourly",
    "workplace_preferences": "quiet small clear_routine close_to_home",
    "must_avoid": "Kova melu ja jatkuva kiire",
    "motivation": "Oma palkka ja työkaverit",
    "strengths": "Täsmällinen.\nOppii näyttämällä nopeasti.\nTykkää siisteydestä.",
    "skills.0.skill": "Astiahuolto",
    "skills.0.level": "strong",
    "skills.0.learned_where": "Ruokala Mallikas",
    "education_history.0.institution": "Esimerkkilän ammattiopisto",
    "education_history.0.qualification": "Ravintola- ja catering-alan perustutkinto",
    "education_history.0.level": "vocational",
    "education_history.0.start_year": "2002",
    "education_history.0.end_year": "2005",
    "education_history.0.completed": "yes",
    "no_work_history": "no",
    "work_history.0.employer": "Ruokala Mallikas",
    "work_history.0.job_title": "Keittiöapulainen",
    "work_history.0.start": "8/2019",
    "work_history.0.end": "30.4.2023",
    "work_history.0.weekly_hours": "30",
    "work_history.0.kind": "subsidised",
    "work_history.0.tasks": "Astiat, salaatit",
    "work_history.0.liked": "Aamuvuoro ja hyvä esimies",
    "work_history.0.leaving_reason": "subsidy_ended",
    "work_history.0.reference_ok": "yes",
    "work_history.1.employer": "Pohjolan Puutarha Esimerkki",
    "work_history.1.job_title": "Harjoittelija",
    "work_history.1.start": "2018",
    "work_history.1.kind": "practice",
    "certificates.0.certificate": "hygiene",
    "certificates.0.number": "-",
    "driving_licence": "none",
    "languages.1.language": "englanti",
    "languages.1.level": "basic",
    "digital_skills": "phone",
    "job_seeking_skills": "cv_needs_update interview_practice",
    "travel.0.mode": "bus",
    "travel.0.max_minutes": "40",
    "travel.0.note": "Linja 3 kulkee puolen tunnin välein",
    "functioning.0.area": "concentration",
    "functioning.0.works_well": "Yksi tehtävä kerrallaan",
    "functioning.0.support_needed": "Rauhallinen paikka",
    "helpful_supports": "Kuvat ja ohjekortit. Joku näyttää ensin.",
    "accommodations": "written_instructions quiet_space",
    "accommodations_detail": "Ohjekortit seinälle",
    "criminal_record_limits": "no",
    "current_benefits.0.monthly_amount": "1 020,50 €",
    "current_benefits.1.monthly_amount": "320",
    "benefits_concerns": "Paljonko käteen jää?",
    "debt_or_enforcement": "no",
    "job_network.0.name": "Aino Metsälä",
    "job_network.0.relation": "sibling",
    "job_network.0.workplace": "Leipomo Malliesimerkki",
    "job_network.0.may_contact": "yes",
    "job_network.1.name": "Eero Entinen",
    "job_network.1.relation": "former_colleague",
    "job_network.1.workplace": "Ruokala Mallikas",
    "job_network.1.may_contact": "no",
    "disclosure_pros_cons": "Hyöty: saan rauhallisen paikan.\nHaitta: joku voi ymmärtää väärin.",
    "disclosure_wording": "Opin parhaiten, kun näytetään. Kirjalliset ohjeet auttavat.",
    "summary": "Haetaan keittiötyötä aamuvuorossa läheltä kotia.",
    "client_agrees": "yes",
    "sign_client.name": "Onni Metsälä",
    "sign_client.date": "{today}",
    "sign_coach.name": "Veera Valmentaja-Esimerkki",
    "sign_coach.date": "{today}",
}
START = signed
UPDATE = {"update_trigger": "new_information", "goal_changed": "no"}
REOPENED = {
    **UPDATE,
    "goal_changed": "yes",
    "reopen_profiling": "yes",
    "change_reason": "Keittiötyö on liian raskasta. Haluan kauppaan.",
}


@cache
def profiled() -> Case:
    return accept(signed(), "vocational_profile", BASE, "phase_2")


@cache
def profiled_at_work() -> Case:
    return accept(employed(), "vocational_profile", BASE, "phase_5")


def consenting(**answers: str) -> Case:
    """Return the case in which the client's consents are answered otherwise."""
    return accept(decided(), "cooperation_agreement", {**AGREEMENT, **answers}, "phase_2")


def asking() -> Case:
    return consenting(**{"consents.0.direction": "both"})


def withdrawn() -> Case:
    return consenting(**{"consents.5.withdrawn_date": "{today}"})


ended = with_stub(
    "job_end",
    later(21, profiled_at_work),
    job_id="JOB-1",
    end_date=TODAY + timedelta(days=20),
    end_reason="trial_employer",
    skills_gained="Kassatyö",
    what_worked="Aamuvuoro sopi.",
    what_was_hard="Melu.",
    lessons="Etsitään pienempi paikka.",
    next_step="new_job_search",
)
AFTER_JOB: Answers = {"goal_changed": "no", "skills.1.level": "basic"}
SHOWN = (
    TOMORROW,
    Shown("T06", "agreement_has_been_made", {"care_network.0.*": ""}, "", case=unsigned),
    Shown("R19", "profile_is_made_in_service", {"profile_date": "{today-4}"}, "profile_date"),
    Shown("R20", "there_is_a_goal", {"work_goals.0.*": "", "work_goals.1.*": ""}, "work_goals"),
    Shown("R21", "client_was_met_twice", {"profiling_sessions.1.*": ""}, "profiling_sessions"),
    Shown(
        "T23",
        "change_of_goal_is_explained",
        {**REOPENED, "change_reason": ""},
        "change_reason",
        REOPENED,
        profiled,
        profiled,
    ),
    Shown("choice", "first_profile_is_called_first", UPDATE, "update_trigger", UPDATE, signed, profiled),
    Shown("choice", "first_profile_is_called_first", {"update_trigger": "initial"}, "update_trigger", {}, profiled),
    Shown(
        "choice",
        "related_job_is_known",
        {**UPDATE, "update_trigger": "job_problem", "related_job_id": "JOB-2"},
        "related_job_id",
        {**UPDATE, "update_trigger": "job_problem"},
        profiled_at_work,
        profiled_at_work,
    ),
    Shown(
        "choice",
        "people_were_asked_by_consent",
        {"information_sources": "client previous_employer"},
        "information_sources",
        {"information_sources": "client family previous_employer"},
        signed,
        asking,
    ),
    Shown(
        "range",
        "sessions_precede_the_profile",
        {"profiling_sessions.0.date": "{today+1}"},
        "profiling_sessions.0.date",
    ),
    Shown("range", "goals_are_in_order", {"work_goals.1.priority": "1"}, "work_goals"),
    Shown("range", "goals_are_in_order", {"work_goals.1.priority": "3"}, "work_goals"),
    Shown("range", "least_hours_are_not_above_most", {"desired_hours_min": "25,5"}, "desired_hours_min"),
    Shown(
        "choice",
        "wishes_agree",
        {"workplace_preferences": "quiet lively"},
        "workplace_preferences",
        {"workplace_preferences": "quiet teamwork small large"},
    ),
    Shown(
        "range",
        "trainings_end_after_they_start",
        {"education_history.0.end_year": "2001"},
        "education_history.0.end_year",
        {"education_history.0.end_year": "2002"},
    ),
    Shown(
        "range",
        "years_of_training_are_near",
        {"education_history.0.end_year": "2033"},
        "education_history.0.end_year",
        {"education_history.0.end_year": "2032"},
    ),
    Shown(
        "range",
        "jobs_end_after_they_start",
        {"work_history.0.end": "31.7.2019"},
        "work_history.0.end",
        {"work_history.0.end": "2019"},
    ),
    Shown("choice", "work_history_is_there_or_not", {"no_work_history": "yes"}, "no_work_history"),
    Shown(
        "choice",
        "work_history_is_there_or_not",
        {"no_work_history": "yes"},
        "no_work_history",
        {"no_work_history": "yes", "work_history.0.*": "", "work_history.1.*": ""},
    ),
    Shown(
        "range",
        "certificates_are_valid",
        {"certificates.0.valid_until": "{today-1}"},
        "certificates.0.valid_until",
        {"certificates.0.valid_until": "{today}"},
    ),
    Shown("choice", "no_licence_stands_alone", {"driving_licence": "none b"}, "driving_licence"),
    Shown(
        "choice",
        "areas_have_a_row_of_their_own",
        {"functioning.1.area": "concentration"},
        "functioning.1.area",
        {"functioning.1.area": "pace"},
    ),
    Shown("choice", "no_accommodation_stands_alone", {"accommodations": "none mentor"}, "accommodations"),
    Shown("choice", "no_benefits_stands_alone", {"current_benefits.0.benefit": "none"}, "current_benefits"),
    Shown(
        "choice",
        "supporters_are_contacted_by_consent",
        {},
        "care_network.0.consent_ref",
        {"care_network.0.consent_ref": "Social_services-1"},
        withdrawn,
        signed,
    ),
    Shown(
        "required",
        "every_job_has_taught_something",
        {**AFTER_JOB, "lessons.0.job_id": ""},
        "lessons",
        AFTER_JOB,
        ended,
        ended,
    ),
    Shown("choice", "client_agrees_with_it", {"client_agrees": "no"}, "client_agrees"),
    Shown("range", "review_follows_profile", {"next_review_date": "{today}"}, "next_review_date"),
    Shown(
        "range",
        "review_is_within_a_year",
        {"next_review_date": "{today+367}"},
        "next_review_date",
        {"next_review_date": "{today+366}"},
    ),
    Shown("range", "profile_is_not_of_tomorrow", {"profile_date": "{today+1}"}, "profile_date"),
)
MOVES: dict[str, Moved] = {
    "T06": (("T06",), BASE, signed),
    "T23": (("T23",), {**BASE, **REOPENED}, in_phase("phase_3", profiled)),
}
