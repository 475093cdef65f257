"""Case C, not started: the client comes to no meeting, is sought three times in vain, and the service never begins."""

from tests.timelines import Step, Timeline, normal, row, signed

REFERRAL = {
    **normal.REFERRAL,
    "received_date": "5.1.2026",
    "referral_date": "2.1.2026",
    "unemployed_since": "1.12.2025",
    **signed("2.1.2026", "client", "referrer"),
}
DECISION = {**normal.DECISION, "decision_date": "19.1.2026", "first_meeting_date": "19.1.2026"}
TWICE = {
    **row("outreach_attempts", 0, date="20.1.2026", mode="phone", by="coach", result="no_answer"),
    **row("outreach_attempts", 1, date="10.2.2026", mode="home_visit", by="coach", result="message_left"),
}
SOUGHT = {**TWICE, **row("outreach_attempts", 2, date="3.3.2026", mode="phone", by="coach", result="no_answer")}
CLOSING = {
    "closing_date": "21.3.2026",
    "closing_reason": "client_not_reached_before_start",
    "initiative": "coach",
    "client_agrees": "not_reached",
    "activity_at_closing": "unknown",
    "handover_declined": "yes",
    "step_down_support": "none",
    "plan_after": "Ei tiedossa.",
    "employer_informed": "not_relevant",
    "reopening_explained": "yes",
    "follow_up_agreed": "no",
    "records_info_given": "yes",
    "consents_withdrawn": "yes",
    "decision_notice": "not_needed",
    **signed("21.3.2026", "coach"),
}
STEPS = (
    Step("5.1.2026", "referral", REFERRAL, "T01"),
    Step("19.1.2026", "referral", DECISION, "T02"),
    Step("21.3.2026", "closing", {**CLOSING, **SOUGHT}, "T05"),
)
TIMELINE = Timeline(STEPS, phase="closed", records={"referral": (1, 2), "closing": (1,)}, until="30.4.2026")
