"""The rules and moves of education_plan, each shown."""

from __future__ import annotations

from functools import partial

from formgen.cases.workflow import Case
from tests.rules import (
    AGREEMENT,
    JOB,
    PROFILE,
    TOMORROW,
    Moved,
    Shown,
    accept,
    decided,
    later,
    signed,
    unsigned,
)

SCHOOL = {
    "consents.6.recipient_type": "school",
    "consents.6.recipient_name": "Testiopisto",
    "consents.6.direction": "both",
    "consents.6.data_scope": "name_contact support_needs",
    "consents.6.purpose": "Opintojen tuki",
    "consents.6.granted": "yes",
    "consents.6.granted_date": "{today-2}",
}
HEALTH = {
    "consents.7.recipient_type": "school",
    "consents.7.direction": "give",
    "consents.7.data_scope": "health",
    "consents.7.purpose": "Järjestelyt kokeissa",
    "consents.7.granted": "yes",
    "consents.7.granted_date": "{today-2}",
}
BASE = {
    "plan_kind": "first",
    "why_studies": "Tutkinto avaa keittiötyön, jossa on säännöllinen aika.\nPidän ruoan laittamisesta.",
    "goal_id": "G-1",
    "study_status": "studying",
    "institution": "Testiopisto, Joensuu",
    "programme": "Ravintola- ja catering-alan perustutkinto",
    "education_form": "vocational",
    "study_mode": "part_time workplace",
    "start_date": "{today-30}",
    "end_date": "{today+700}",
    "scope": "180",
    "scope_unit": "osp",
    "weekly_study_hours": "20 h/vk",
    "hoks_exists": "yes",
    "school_contacts.0.role": "special_teacher",
    "school_contacts.0.name": "Eeva Opettaja-Malli",
    "school_contacts.0.phone": "050 765 4321",
    "school_contacts.0.consent_ref": "school-1",
    "disclosure_school": "support_only",
    "strengths_in_study": "Käytännön harjoitukset sujuvat.",
    "study_difficulties": "Pitkät tekstit väsyttävät.",
    "support_needs": "reading_writing time_planning",
    "accommodations.0.accommodation": "Lisäaikaa kokeisiin",
    "accommodations.0.requested_from": "Erityisopettaja",
    "accommodations.0.requested_on": "{today-5}",
    "accommodations.0.granted": "yes",
    "accommodations.0.in_use_from": "{today+10}",
    "actions.0.action": "Lukusuunnitelma syksyn teorialle",
    "actions.0.who": "coach",
    "actions.0.due": "{today+14}",
    "actions.1.action": "HOKS-keskustelu",
    "actions.1.who": "school",
    "actions.1.due": "{today-10}",
    "actions.1.done": "yes",
    "actions.1.done_date": "{today-10}",
    "funding.0.source": "student_aid",
    "funding.0.applied_on": "{today-30}",
    "funding.0.decision": "Myönnetty",
    "funding.0.valid_until": "{today+360}",
    "benefit_effect_checked": "yes",
    "work_alongside": "none",
    "workplace_learning.0.workplace": "Ruokala Mallikas",
    "workplace_learning.0.start": "{today+30}",
    "workplace_learning.0.end": "{today+90}",
    "workplace_learning.0.leads_to_job": "possible",
    "support_log.0.date": "{today-1}",
    "support_log.0.minutes": "60 min",
    "support_log.0.place": "school",
    "support_log.0.mode": "meeting_community",
    "support_log.0.with": "client school",
    "progress.0.term": "kevät 2026",
    "progress.0.planned": "10",
    "progress.0.completed": "8,5",
    "review_date": "{today+120}",
    "sign_client.name": "Onni Metsälä",
    "sign_client.date": "{today}",
    "sign_coach.name": "Veera Valmentaja-Esimerkki",
    "sign_coach.date": "{today}",
}


def at_school(**consents: str) -> Case:
    """Return the case in which the client lets the coach be in touch with the school."""
    return accept(decided(), "cooperation_agreement", {**AGREEMENT, **SCHOOL, **consents}, "phase_3")


START = at_school
told_of_health = partial(at_school, **HEALTH)


def working(**answers: str) -> Case:
    """Return the case on the job's first day."""
    return later(5, lambda: accept(at_school(), "job_start", {**JOB, **answers}, "phase_5"))()


trained = partial(working, contract_type="apprenticeship")
WORKING = {"work_alongside": "current_job"}

SHOWN = (
    TOMORROW,
    Shown(
        "R19",
        "plan_is_of_the_service",
        {"plan_date": "{today-4}", "school_contacts.0.*": ""},
        "plan_date",
        {"plan_date": "{today-3}", "school_contacts.0.*": "", "support_log.0.*": ""},
    ),
    Shown("T24", "agreement_has_been_made", {}, "", case=unsigned),
    Shown("T24", "both_have_signed", {"sign_client.*": ""}, "sign_client"),
    Shown("T24", "both_have_signed", {"sign_coach.*": ""}, "sign_coach"),
    Shown("T24", "studies_end_after_they_start", {"end_date": "{today-31}"}, "end_date", {"end_date": "{today-30}"}),
    Shown("R77", "studies_serve_a_goal", {"goal_id": ""}, "goal_id"),
    Shown(
        "choice",
        "goal_is_of_the_profile",
        {"goal_id": "G-9", "school_contacts.0.*": "", "support_log.0.*": ""},
        "goal_id",
        {"school_contacts.0.*": "", "support_log.0.*": ""},
        PROFILE,
        PROFILE,
    ),
    Shown(
        "R78",
        "apprenticeship_is_recorded_as_a_job",
        {"education_form": "apprenticeship"},
        "education_form",
        {"education_form": "apprenticeship"},
        held_case=trained,
    ),
    Shown(
        "R79",
        "load_is_bearable",
        {"weekly_study_hours": "26"},
        "weekly_study_hours",
        {"weekly_study_hours": "25,5"},
        working,
        working,
    ),
    Shown(
        "R79",
        "load_is_bearable",
        {"weekly_study_hours": "50"},
        "weekly_study_hours",
        {"weekly_study_hours": "50", "study_status": "completed"},
    ),
    Shown(
        "choice",
        "school_is_contacted_by_consent_only",
        {"support_log.0.*": "", "school_contacts.0.consent_ref": ""},
        "school_contacts.0.consent_ref",
        {"school_contacts.0.*": "", "support_log.0.with": "client"},
        signed,
        signed,
    ),
    Shown(
        "choice",
        "school_is_contacted_by_consent_only",
        {"support_log.0.date": "{today-3}"},
        "support_log.0.with",
        {"support_log.0.date": "{today-2}"},
    ),
    Shown(
        "choice",
        "consents_named_are_in_the_agreement",
        {"school_contacts.0.consent_ref": "school-2"},
        "school_contacts.0.consent_ref",
        {"school_contacts.0.consent_ref": "school-2"},
        held_case=told_of_health,
    ),
    Shown(
        "R36",
        "support_and_health_are_told_by_consent_only",
        {"disclosure_school": "health_general"},
        "disclosure_school",
        {"disclosure_school": "health_general"},
        held_case=told_of_health,
    ),
    Shown(
        "choice", "no_need_stands_alone", {"support_needs": "maths none"}, "support_needs", {"support_needs": "none"}
    ),
    Shown("range", "open_actions_are_ahead", {"actions.1.done": "no"}, "actions.1.due"),
    Shown("choice", "effect_on_benefits_is_checked", {"benefit_effect_checked": "no"}, "benefit_effect_checked"),
    Shown("choice", "job_is_of_the_case", {**WORKING, "job_id": "JOB-4"}, "job_id", WORKING, working, working),
    Shown(
        "range",
        "periods_end_after_they_start",
        {"workplace_learning.0.end": "{today+29}"},
        "workplace_learning.0.end",
        {"workplace_learning.0.end": "{today+30}"},
    ),
    Shown("range", "support_has_been_given", {"support_log.0.date": "{today+1}"}, "support_log.0.date"),
    Shown(
        "range",
        "progress_is_credible",
        {"progress.0.completed": "15,1"},
        "progress.0.completed",
        {"progress.0.completed": "15"},
    ),
    Shown("range", "review_is_within_half_a_year", {"review_date": "{today}"}, "review_date"),
    Shown(
        "range",
        "review_is_within_half_a_year",
        {"review_date": "{today+185}"},
        "review_date",
        {"review_date": "{today+184}"},
    ),
)
MOVES: dict[str, Moved] = {"T24": (("T24",), BASE, START)}
