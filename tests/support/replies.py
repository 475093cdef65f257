"""Wrong returns, and the person who gets a reply to one: fills in what it marks, and sends it back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from formgen import formats
from formgen.demo import resolve_dates
from formgen.publishing import outbox
from formgen.storage.moments import to_local_date
from formgen.storage.rows import Submission
from tests.conftest import AGREEMENT, JOB, REFERRAL, Bench

RIGHT = {"referral": REFERRAL, "cooperation_agreement": AGREEMENT, "job_start": JOB}
PLACE = {"referral": "new", "cooperation_agreement": "decided", "job_start": "signed"}


@dataclass(frozen=True)
class Wrong:
    """What is written instead of the right answers of a form, and what a person would write when told."""

    form: str
    answers: Mapping[str, str]
    right: Mapping[str, str] = field(default_factory=dict)


WRONG = {
    "line": Wrong("referral", {"client_email": "ei ole"}),
    "line_left_empty": Wrong("referral", {"client_last_name": ""}),
    "code": Wrong("referral", {"client_hetu": "130485-901M"}),
    "number": Wrong("job_start", {"weekly_hours": "52"}),
    "area": Wrong("job_start", {"main_tasks": "Pitkä tarina. " * 60}),
    "area_left_empty": Wrong("referral", {"client_own_words": ""}),
    "date": Wrong("job_start", {"start_date": "huomenna"}),
    "date_left_empty": Wrong("job_start", {"first_support_meeting": ""}),
    "ticks": Wrong("referral", {"consent_referral": "yes no"}),
    "ticks_left_empty": Wrong("referral", {"contact_preferences": ""}),
    "ticks_of_a_rule": Wrong("cooperation_agreement", {"privacy_notice_given": "no"}),
    "list": Wrong("job_start", {"industry": "jokin ala"}),
    "list_left_empty": Wrong("job_start", {"found_by": ""}),
    "cell": Wrong("referral", {"benefits.0.valid_until": "31.2.2027"}),
    "list_in_a_cell": Wrong("referral", {"benefits.1.benefit": "jokin tuki"}),
    "ticks_in_a_cell": Wrong("cooperation_agreement", {"consents.2.granted": ""}),
    "signature": Wrong("cooperation_agreement", {"sign_client.name": "", "sign_client.date": ""}),
    "half_a_signature": Wrong("cooperation_agreement", {"sign_coach.date": ""}),
    "what_another_answer_calls_for": Wrong(
        "job_start", {"contract_type": "fixed_term"}, {"end_date": "{today+200}", "fixed_term_reason": "Sijaisuus"}
    ),
    "many": Wrong(
        "referral",
        {
            "client_last_name": "",
            "client_email": "ei ole",
            "client_birth_date": "31.2.1985",
            "consent_referral": "yes no",
            "benefits.0.valid_until": "ensi vuonna",
        },
    ),
}


def rejected(bench: Bench, wrong: Wrong, format_name: str = "docx", **how: str) -> Submission:
    """Return the return of a form with wrong answers that has been rejected."""
    case_id = None if wrong.form == "referral" else bench.case().case_id
    made = bench.issue(wrong.form, case_id, format_name=format_name, **how)
    row = bench.returned(bench.filled(made, {**RIGHT[wrong.form], **wrong.answers}), f"lomake.{format_name}")
    assert row.outcome == "rejected", row.outcome
    return row


def reply(bench: Bench, row: Submission, format_name: str = "docx") -> bytes:
    """Return the reply to a rejected return."""
    return outbox.get_rejected_path(bench.workspace, f"{row.rejected_as}.palaute.{format_name}").read_bytes()


def at_places(bench: Bench, answers: Mapping[str, str], places: Iterable[str]) -> dict[str, str]:
    """Return those of the answers that belong to some places of a form, as they are typed today."""
    return {
        path: resolve_dates(text, to_local_date(bench.clock()))
        for path, text in answers.items()
        if any(path == place or path.startswith(f"{place}.") for place in places)
    }


def told(bench: Bench, row: Submission, wrong: Wrong) -> dict[str, str]:
    """Return what a person writes into the places that the reply to a return marks, and into no other."""
    marked = [error["field"] for error in bench.reason(row)["errors"]]
    typed = at_places(bench, {**RIGHT[wrong.form], **wrong.right}, marked)
    assert typed, marked
    return typed


def put_right(bench: Bench, row: Submission, wrong: Wrong, format_name: str = "docx") -> Submission:
    """Return what becomes of a reply in which only the marked places were filled."""
    data = formats.load_formats()[format_name].fill_document(reply(bench, row, format_name), told(bench, row, wrong))
    return bench.returned(data, f"korjattu.{format_name}")
