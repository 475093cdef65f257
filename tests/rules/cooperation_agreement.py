"""The rules and moves of cooperation_agreement, each shown."""

from __future__ import annotations

from dataclasses import replace

from formgen.settings import Office
from tests.rules import (
    AGREEMENT,
    AMENDMENT,
    TOMORROW,
    Dued,
    Moved,
    Shown,
    decided,
    employed,
    in_phase,
    later,
    refused,
    signed,
    undecided,
    unmet,
    unreferred,
)
from tests.rules.job_search_plan import contacted, drafted, planned, visiting
from tests.rules.vocational_profile import profiled

BASE = AGREEMENT
START = decided
SHOWN = (
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
)
MOVES: dict[str, Moved] = {
    "T04": (("T04",), AGREEMENT, decided),
    "T25": (("T25",), {**AGREEMENT, **AMENDMENT}, signed),
}
DUES: tuple[Dued, ...] = (
    ("R22", "profile_is_made", later(27), later(26)),
    ("R22", "profile_is_made", later(27, employed), later(27, profiled)),
    ("R23", "search_plan_is_made", later(27, profiled), later(26, profiled)),
    ("R23", "search_plan_is_made", later(27, drafted), later(27, planned)),
    ("R24", "search_is_begun", later(57, drafted), later(56, drafted)),
    ("R24", "search_is_begun", later(57), later(57, in_phase("phase_3"))),
    ("R24", "search_is_begun", later(57), lambda: replace(later(57)(), office=Office(support_level="light"))),
    ("R25", "employer_is_met", later(27), later(26)),
    ("R25", "employer_is_met", later(27, contacted(5)), later(27, contacted(5, "workplace_visit"))),
    ("R25", "employer_is_met", later(27, planned), later(27, visiting)),
    ("R25", "employer_is_met", later(27), later(27, employed)),
)
