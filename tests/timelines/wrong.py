"""What must not pass: a timeline up to a day, what else had come by then, and the one wrong document."""

from __future__ import annotations

from dataclasses import dataclass

from tests.timelines import Answers, Step, loop, normal, not_started, row, signed


@dataclass(frozen=True)
class Wrong:
    """One wrong document: after which day of the loop it comes, after what else, and what it is answered.

    ``before`` are the steps that take the place of those that came after the day; a warning
    rides along with a record, everything else leaves all as it was.
    """

    after: str
    step: Step
    outcome: str
    code: str | None
    error: tuple[str, str]
    before: tuple[Step, ...] = ()
    hold: Answers | None = None


def without(answers: Answers, *paths: str) -> dict[str, str]:
    """Return the answers that do not lie under the paths."""
    return {path: text for path, text in answers.items() if not path.startswith(paths)}


EARLY = {
    **normal.JOB,
    "contract_signed_date": "10.2.2026",
    "start_date": "11.2.2026",
    "benefit_counselling_date": "10.2.2026",
    "first_support_meeting": "11.2.2026",
    "support_plan_due": "18.2.2026",
    "goal_id": "",
    "coach_visible_to_employer": "no",
}
NAMELESS = {
    **without(normal.AGREEMENT, "consents.0."),
    **row("consents", 0, granted="no"),
    "employer_contact_mode": "general_without_name",
}
CONSENT_LATER = {
    "agreement_kind": "amendment",
    "amendment_reason": "consent",
    "amendment_reason_detail": "Nimen saa kertoa työnantajalle",
    **row("consents", 0, data_scope="name_contact", granted="yes", granted_date="5.3.2026", valid_until="5.3.2027"),
    "employer_contact_mode": "with_name",
    "next_meeting_date": "12.3.2026",
    "next_meeting_time": "10",
    "next_meeting_place": "Kirjasto",
    "copy_given": "yes",
    **signed("5.3.2026", "client", "coach"),
}
NAMED_TOO_EARLY = {**normal.MET, "client_named": "yes", "client_named_date": "4.3.2026"}
CONSENT_SHORT = {**normal.AGREEMENT, "consents.0.valid_until": "26.3.2026"}
CLOSING = {
    "closing_date": "14.5.2026",
    "closing_reason": "moved_to_studies",
    "initiative": "client",
    "client_agrees": "agrees",
    **row("employment_at_closing", 0, continues="yes"),
    "activity_at_closing": "employed_and_studying",
    "income_from_work": "partly",
    **row("goals_result", 0, result="reached"),
    **row("goals_result", 1, result="not"),
    "handover_declined": "yes",
    "step_down_support": "none",
    "plan_after": "Jatkan töissä ja opiskelen.",
    "employer_informed": "yes",
    "reopening_explained": "yes",
    "follow_up_agreed": "no",
    "records_info_given": "yes",
    "consents_withdrawn": "yes",
    "decision_notice": "yes",
    **signed("14.5.2026", "client", "coach"),
}
MOVED = {**CLOSING, "closing_reason": "moved_area", "closing_date": "12.5.2026"}
AGREED, PROFILED, MET, PLANNED = normal.STEPS[2:6]
HOLD = {"reason": "sairausloma", "start": "2026-04-02", "next_contact": "2026-05-04"}

WRONG = {
    "a_job_without_an_agreement": Wrong(
        "9.2.2026", Step("11.2.2026", "job_start", EARLY), "waiting", None, ("R46", "")
    ),
    "a_job_from_before_the_agreement": Wrong(
        "12.2.2026", Step("13.2.2026", "job_start", EARLY), "rejected", "invalid_values", ("R47", "start_date")
    ),
    "a_name_told_a_day_before_the_consent": Wrong(
        "9.2.2026",
        Step("5.3.2026", "employer_contact", NAMED_TOO_EARLY),
        "rejected",
        "invalid_values",
        ("R35", "client_named_date"),
        before=(
            Step("12.2.2026", "cooperation_agreement", NAMELESS),
            PROFILED,
            Step("5.3.2026", "cooperation_agreement", CONSENT_LATER),
        ),
    ),
    "a_name_told_after_the_consent": Wrong(
        "9.2.2026",
        Step("27.3.2026", "employer_contact", normal.NEGOTIATION, document=normal.CAFE),
        "rejected",
        "invalid_values",
        ("R35", "client_named_date"),
        before=(Step("12.2.2026", "cooperation_agreement", CONSENT_SHORT), PROFILED, MET, PLANNED),
    ),
    "a_support_plan_for_the_job_of_another_case": Wrong(
        "9.4.2026",
        Step("10.4.2026", "job_support_plan", {**normal.SUPPORT_PLAN, "job_id": "JOB-2"}),
        "rejected",
        "transition_not_allowed",
        ("T14", "job_id"),
    ),
    "a_second_end_of_a_job": Wrong(
        "30.6.2026",
        Step("3.7.2026", "job_end", {**loop.END, "lessons": "Lyhyempi vuoro."}),
        "rejected",
        "invalid_values",
        ("R71", "job_id"),
    ),
    "a_week_of_52_hours": Wrong(
        "1.4.2026",
        Step("9.4.2026", "job_start", {**normal.JOB, "weekly_hours": "52 h"}),
        "rejected",
        "invalid_values",
        ("R48", "weekly_hours"),
    ),
    "a_fixed_term_without_an_end": Wrong(
        "1.4.2026",
        Step("9.4.2026", "job_start", {**normal.JOB, "contract_type": "fixed_term"}),
        "rejected",
        "invalid_values",
        ("required", "end_date"),
    ),
    "studies_as_the_reason_to_close_while_a_job_goes_on": Wrong(
        "13.5.2026",
        Step("14.5.2026", "closing", CLOSING),
        "rejected",
        "invalid_values",
        ("R82", "closing_reason"),
    ),
    "a_consent_without_an_answer": Wrong(
        "9.2.2026",
        Step("12.2.2026", "cooperation_agreement", without(normal.AGREEMENT, "consents.2.granted")),
        "rejected",
        "invalid_values",
        ("R11", "consents.2.granted"),
    ),
    "an_identity_code_with_a_wrong_check": Wrong(
        "",
        Step("2.2.2026", "referral", {**normal.REFERRAL, "client_hetu": "010190-900R"}),
        "rejected",
        "invalid_values",
        ("R04", "client_hetu"),
    ),
    "an_end_before_the_last_support": Wrong(
        "13.5.2026", Step("14.5.2026", "closing", MOVED), "rejected", "invalid_values", ("R86", "closing_date")
    ),
    "a_client_sought_only_twice": Wrong(
        "",
        Step("21.3.2026", "closing", {**not_started.CLOSING, **not_started.TWICE}),
        "rejected",
        "invalid_values",
        ("R81", "outreach_attempts"),
        before=not_started.STEPS[:2],
    ),
    "a_job_that_starts_in_a_hold": Wrong(
        "1.4.2026", Step("9.4.2026", "job_start", normal.JOB), "accepted", None, ("T27", "start_date"), hold=HOLD
    ),
    "a_plan_from_before_the_profile": Wrong(
        "4.3.2026",
        Step(
            "6.3.2026",
            "job_search_plan",
            {
                **normal.PLAN,
                "plan_date": "20.2.2026",
                "review_date": "20.5.2026",
                "disclosure_reviewed_date": "19.2.2026",
            },
        ),
        "accepted",
        None,
        ("range", "profile_version"),
    ),
}
