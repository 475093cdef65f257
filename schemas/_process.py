"""The process of the service: its phases, who takes part, how a case is put on hold, and what an office may set."""

from __future__ import annotations

from formgen.schema import N_, Case, HoldSteps, LimitSettings, Literal, OfficeSettings, Process

PHASES = {
    "phase_1": N_("Sopiminen"),
    "phase_2": N_("Profilointi"),
    "phase_3": N_("Työn etsintä"),
    "phase_4": N_("Työnantajan kanssa"),
    "phase_5": N_("Työsuhteen tuki"),
    "closed": N_("Päättynyt"),
}


class Limits(LimitSettings):
    """Time limits of the unit and other practice (domain part H.4): days, but where the name or the comment says."""

    first_meeting: int = 14
    decision: int = 14
    profile: int = 30
    search_plan: int = 30
    search_plan_after_contact: int = 14
    first_contact_with_employers: int = 30
    search_not_begun: int = 60
    plan_review: int = 90
    disclosure_review: int = 60
    contact_with_employers: int = 30
    goal_review: int = 180
    support_plan: int = 7
    support_review: int = 30
    first_support_meeting: int = 3
    contact_before_start: int = 7
    contact_after_job_loss: int = 3
    step_down: int = 180
    profile_after_job: int = 30
    search_plan_after_job: int = 30
    studies_plan: int = 30
    new_job: int = 14
    decision_pending: int = 30
    hold_contact: int = 60
    outreach_days: int = 30
    outreach_attempts: int = 3  # times
    agreement_review: int = 90
    profile_update: int = 365
    assessment_months: int = 6
    assessment_months_when_good: int = 12
    caseload: int = 20  # clients of a full-time coach


class Office(OfficeSettings):
    """What an office may set in ``formgen.toml`` besides what the engine asks for."""

    service_task: str = "working_age"
    support_level: Literal["light", "strong"] = "strong"
    same_controller: tuple[str, ...] = (
        "adult_social_services",
        "disability_services",
        "mental_health_substance",
        "health_centre",
        "specialised_care",
        "self",
        "relative",
    )
    missed_meeting_practice: str = N_(
        "Jos tapaaminen jää väliin, valmentaja ottaa yhteyttä ja sovimme uuden ajan. Palvelu jatkuu."
    )
    limits: Limits = Limits()


def get_settings(case: Case) -> Office:
    """Return the settings of the office whose case it is."""
    assert isinstance(case.office, Office), "the office's settings are of this process"
    return case.office


PROCESS = Process(
    phases=PHASES,
    roles=("client", "coach", "employer", "referrer", "leader", "system"),
    responsible="coach",
    hold=HoldSteps(begin="T26", end="T27", limit="hold_contact"),
    office=Office,
)
