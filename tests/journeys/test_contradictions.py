"""Two forms that contradict each other are both accepted, and the coach is asked until a person has settled it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pytest

from formgen.cases.workflow import Task, list_tasks
from tests.conftest import AGREEMENT, JOB, Bench
from tests.journeys.test_cli import Run, run
from tests.rules import AMENDMENT, FORMS
from tests.rules.employer_contact import BASE, CLOSED, OFFER

__all__ = ["run"]

At = Callable[[str], Bench]
Answers = Mapping[str, str]

pytestmark = pytest.mark.usefixtures("unwalled")

CALL = {**BASE, "contacts.0.mode": "phone", "health_disclosed": "no", "adjustment_support_talk": "not_needed"}
OFFERED = {**CALL, **OFFER}
LATER = {**OFFERED, "offer.0.start_date": "{today+8}"}
LONGER = {**OFFERED, "offer.0.weekly_hours": "30"}
VARIABLE = {**JOB, "weekly_hours": "", "variable_hours": "yes", "hours_min": "10", "hours_max": "20"}
WITHDRAWN = {
    **AGREEMENT,
    **AMENDMENT,
    "employer_contact_mode": "no",
    "consents.0.withdrawn_date": "{today-1}",
}
EARLIER = {**CALL, "contacts.1.date": "{today-2}"}
AFTERWARDS = {**WITHDRAWN, "consents.0.withdrawn_date": "{today+1}"}


@dataclass(frozen=True)
class Contradicting:
    """Two documents that contradict each other, each with what it says when it is corrected."""

    form: str
    name: str
    first: tuple[str, Answers, Answers]
    second: tuple[str, Answers, Answers]


def of_job(name: str, contact: Answers, job: Answers, right: Answers) -> Contradicting:
    """Return an offer and a job that contradict each other, and the job that does not."""
    return Contradicting("job_start", name, ("employer_contact", contact, OFFERED), ("job_start", job, right))


START, HOURS = "start_is_as_offered", "hours_are_as_offered"
TABLE = {
    "the_start_of_the_job": of_job(
        START, LATER, JOB, {**JOB, "start_date": "{today+8}", "first_support_meeting": "{today+9}"}
    ),
    "the_hours_of_the_job": of_job(HOURS, LONGER, JOB, {**JOB, "weekly_hours": "30"}),
    "the_hours_that_vary": Contradicting(
        "job_start",
        HOURS,
        ("employer_contact", OFFERED, {**OFFERED, "offer.0.weekly_hours": "20"}),
        ("job_start", VARIABLE, {**VARIABLE, "hours_max": "25"}),
    ),
    "a_withdrawn_consent": Contradicting(
        "employer_contact",
        "contacts_end_with_the_consent",
        ("employer_contact", CALL, EARLIER),
        ("cooperation_agreement", WITHDRAWN, AFTERWARDS),
    ),
}
every = pytest.mark.parametrize("name", TABLE)
in_any_order = pytest.mark.parametrize("turned", [False, True], ids=["in_order", "the_other_way_round"])


def asked(bench: Bench) -> list[Task]:
    """Return the questions to the coach of the case."""
    messages = {said.message for form in FORMS for said in form.contradictions}
    return [task for task in list_tasks(bench.case()) if task.message in messages]


def returned(bench: Bench, both: Contradicting, turned: bool) -> list[Callable[[], None]]:
    """Accept both documents, each issued first; return what corrects either of them."""
    case_id = bench.case().case_id
    corrections = []
    for form, answers, right in (both.second, both.first) if turned else (both.first, both.second):
        made = bench.issue(form, case_id)
        bench.record(bench.returned(bench.filled(made, answers)))
        corrections.append(lambda made=made, right=right: bench.record(bench.returned(bench.filled(made, right))))
    return corrections


def test_every_contradiction_of_every_form_is_shown() -> None:
    there_are = {(form.id, said.name) for form in FORMS for said in form.contradictions}
    assert there_are == {(both.form, both.name) for both in TABLE.values()}


@in_any_order
@every
def test_both_documents_are_accepted_and_the_coach_is_asked(name: str, turned: bool, at: At) -> None:
    both, bench = TABLE[name], at("signed")
    returned(bench, both, turned)
    (said,) = [said for said in FORMS.find_latest_version(both.form).contradictions if said.name == both.name]
    (task,) = asked(bench)
    assert (task.code, task.due, task.message) == (said.code, bench.case().today, said.message)
    assert (task.whom, task.form) == ("coach", both.form)


@pytest.mark.parametrize("which", [0, 1], ids=["the_first_is", "the_second_is"])
@in_any_order
@every
def test_the_question_goes_when_one_of_the_two_is_corrected(name: str, turned: bool, which: int, at: At) -> None:
    bench = at("signed")
    correct = returned(bench, TABLE[name], turned)[which]
    assert asked(bench)
    correct()
    assert asked(bench) == []


@every
def test_the_question_goes_when_it_is_confirmed_and_comes_again_with_another_contradiction(
    name: str, at: At, run: Run
) -> None:
    both, bench = TABLE[name], at("signed")
    case_id = bench.case().case_id
    form, answers, _ = both.second
    made = bench.issue(form, case_id)
    bench.record(bench.send(*both.first[:2], case_id))
    bench.record(bench.returned(bench.filled(made, answers)))
    (task,) = asked(bench)
    found = run("cases", "tasks", "--json", at=bench.root).json
    (listed,) = [told for told in found if told["message"] == task.message]
    assert (listed["case_id"], listed["due"], listed["whom"]) == (case_id, "2026-06-01", "coach")
    assert run("cases", "accept", case_id, at=bench.root).code == 0
    assert asked(bench) == []
    bench.record(bench.returned(bench.filled(made, {**answers, "coach_phone": "041 765 4321"})))
    assert len(asked(bench)) == 1


@pytest.mark.parametrize(
    "contact",
    [
        {**LATER, "offer.0.answer": "declined", "offer.0.answer_date": "{today}"},
        {**LATER, "employer_name": "Pesula Malli", "business_id": ""},
        {**OFFERED, **CLOSED, "offer.0.start_date": "{today+5}"},
    ],
    ids=["declined", "of_another_employer", "the_same"],
)
def test_an_offer_that_is_not_of_the_job_or_says_the_same_contradicts_nothing(contact: Answers, at: At) -> None:
    bench = at("employed")
    bench.record(bench.send("employer_contact", contact, bench.case().case_id))
    assert asked(bench) == []


def test_another_job_with_the_employer_is_not_measured_by_the_offer_of_the_first(at: At) -> None:
    bench = at("employed")
    case_id = bench.case().case_id
    bench.record(bench.send("employer_contact", OFFERED, case_id))
    bench.record(bench.send("job_start", {**JOB, "job_title": "Tarjoilija", "weekly_hours": "10"}, case_id))
    assert asked(bench) == []


def test_an_employer_may_be_told_that_the_contact_ends_after_the_consent_was_withdrawn(at: At) -> None:
    bench = at("signed")
    case_id = bench.case().case_id
    bench.record(bench.send("cooperation_agreement", WITHDRAWN, case_id))
    bench.record(bench.send("employer_contact", {**CALL, **CLOSED}, case_id))
    assert asked(bench) == []


def test_a_name_that_was_told_before_a_withdrawal_became_known_is_asked_about_though_the_contact_is_over(
    at: At,
) -> None:
    bench = at("signed")
    case_id = bench.case().case_id
    told = {**CALL, **CLOSED, "client_named_date": "{today-1}"}
    bench.record(bench.send("employer_contact", told, case_id))
    bench.record(bench.send("cooperation_agreement", WITHDRAWN, case_id))
    assert [task.code for task in asked(bench)] == ["R39"]
