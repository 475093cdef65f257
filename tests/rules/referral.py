"""The rules and moves of referral, each shown."""

from __future__ import annotations

from dataclasses import replace

from tests.rules import (
    DECIDED,
    DECISION,
    NEW,
    REFERRAL,
    REFUSAL,
    TOMORROW,
    Moved,
    Shown,
    crowded,
    new,
    regional,
    undecided,
)

BASE = REFERRAL
START = new
SHOWN = (
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
)
MOVES: dict[str, Moved] = {
    "T01": (("T01",), REFERRAL, new),
    "T30": (("T30", "T02"), DECIDED, lambda: replace(NEW, previous="PK-2025-00009")),
    "T02": (("T02",), DECIDED, undecided),
    "T03": (("T03",), {**REFERRAL, **REFUSAL, "decision_reason": "Asiakas muuttaa."}, undecided),
}
