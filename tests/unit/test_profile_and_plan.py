"""What the profile and the plan do beyond their rules, and the clocks that they and holds set."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import pytest

from formgen.cases import prefill
from formgen.cases.workflow import Case, Step, find_moves, infer_case_phase, list_tasks
from formgen.fields import Misread, MonthText, MunicipalitiesChoice, Whole
from tests.rules import (
    FORMS,
    NEW,
    TODAY,
    accept,
    decided,
    employed,
    holding,
    in_phase,
    judged,
    later,
    signed,
    with_stub,
)
from tests.rules.job_search_plan import AFTER_JOB, AGAIN, drafted, planned
from tests.rules.job_search_plan import BASE as PLAN
from tests.rules.vocational_profile import BASE as PROFILE
from tests.rules.vocational_profile import REOPENED, UPDATE, ended, profiled, profiled_at_work
from tests.support import strategies

At = Callable[[], Case]
FORM = {form: FORMS.find_latest_version(form) for form in ("vocational_profile", "job_search_plan")}
CASES = FORM["job_search_plan"].__module__.rpartition(".")[0] + "._case"


def moved(form: str, answers: dict[str, str], case: Case) -> tuple[str | None, str | None]:
    """Return which move a document makes, and where to."""
    judgement = judged(form, answers, case)
    assert judgement.record, judgement.list_findings("error")
    moves, refused_for = find_moves(case, judgement.record)
    assert not refused_for
    return moves[0].id, moves[0].target


# --- the moves --------------------------------------------------------------------------------


def test_a_draft_of_a_plan_is_kept_and_begins_no_search() -> None:
    assert moved("job_search_plan", {**PLAN, "plan_status": "draft"}, profiled()) == ("T07", "phase_2")


@pytest.mark.parametrize("phase", ["phase_3", "phase_4", "phase_5"])
def test_a_plan_of_a_later_phase_leaves_it_as_it_is(phase: str) -> None:
    case = in_phase(phase, planned)()
    case = case if phase != "phase_5" else replace(case, records=(*case.records, *employed().records[-1:]))
    assert moved("job_search_plan", {**PLAN, **AGAIN}, case) == ("T07", phase)


def test_a_plan_after_the_last_job_begins_the_search_again_only_when_it_is_agreed_on() -> None:
    kinds = {"plan_kind": "after_job_end"}, {"plan_kind": "review"}, {"plan_status": "draft"}
    after = {**PLAN, **AFTER_JOB}
    assert [moved("job_search_plan", {**after, **kind}, ended())[1] for kind in kinds] == [
        "phase_3",
        "phase_5",
        "phase_5",
    ]


@pytest.mark.parametrize("phase", ["phase_2", "phase_3", "phase_4", "phase_5"])
def test_a_new_profile_leaves_the_phase_as_it_is(phase: str) -> None:
    assert moved("vocational_profile", {**PROFILE, **UPDATE}, in_phase(phase, profiled)()) == ("T06", phase)


def test_a_corrected_profile_does_not_open_profiling_twice() -> None:
    case = accept(in_phase("phase_3", profiled)(), "vocational_profile", {**PROFILE, **REOPENED}, "phase_2")
    again = accept(case, "job_search_plan", {**PLAN, "target_jobs.1.*": ""}, "phase_3")
    corrected = again.find_latest_record("vocational_profile").model_copy(update={"summary": "Kaupan työ."})
    assert [move.id for move in find_moves(again, corrected, correction=True)[0]] == ["T06"]


@pytest.mark.parametrize(("form", "answers"), [("vocational_profile", PROFILE), ("job_search_plan", PLAN)])
def test_what_comes_before_the_agreement_waits_for_it(form: str, answers: dict[str, str]) -> None:
    errors = judged(form, {**answers, "coach_name": "Veera Valmentaja-Esimerkki"}, decided()).list_findings("error")
    assert "cooperation_agreement" in {found.waits_for for found in errors}


def test_a_missing_profile_is_the_only_fault_of_an_early_plan() -> None:
    goals = {"target_jobs.0.goal_id": "keittiöapulainen", "target_jobs.1.goal_id": "kahvilatyöntekijä"}
    jobs = {f"target_jobs.{index}.{name}": text for index in "01" for name, text in JOB.items()}
    rest = {
        path: text for path, text in PLAN.items() if not path.startswith(("target_jobs.2", "supports", "documents"))
    }
    typed = {**rest, **goals, **jobs, **EARLY}
    errors = judged("job_search_plan", typed, signed()).list_findings("error")
    assert {(found.code, found.waits_for) for found in errors} == {("T07", "vocational_profile")}


JOB = {"job_title": "Keittiötyö", "priority": "1"}
EARLY = {
    "client_goal_text": "Keittiöön töihin",
    "target_employers.0.employer_name": "Leipomo Malliesimerkki",
    "hours_min": "20",
    "hours_max": "25",
    "working_times": "day",
    "disclosure_level": "none",
    "documents_status.0.document": "cv",
    "documents_status.0.status": "draft",
}


# --- which plan the case follows --------------------------------------------------------------


def active(case: Case) -> str | None:
    """Return the kind of plan that the case follows."""
    plan = sys.modules[CASES].find_active_plan(case)
    return plan.plan_kind if plan else None


def test_a_draft_does_not_take_the_place_of_the_plan_that_is_followed() -> None:
    case = accept(planned(), "job_search_plan", {**PLAN, **AGAIN, "plan_status": "draft"}, "phase_3")
    assert (active(drafted()), active(planned()), active(case)) == (None, "first", "first")
    assert infer_case_phase(case) == "phase_3"
    assert active(accept(case, "job_search_plan", {**PLAN, **AGAIN}, "phase_3")) == "review"


def test_profiling_that_is_opened_again_ends_the_plan() -> None:
    case = accept(planned(), "vocational_profile", {**PROFILE, **REOPENED}, "phase_2")
    assert (active(case), infer_case_phase(case)) == (None, "phase_2")


def test_a_plan_stays_the_one_that_is_followed_when_the_job_has_ended() -> None:
    case = with_stub("job_end", in_phase("phase_5", planned), job_id="JOB-1", end_date=TODAY)()
    assert active(replace(case, steps=(*case.steps, Step(30, "", "", "T17", "phase_5", "phase_3", "")))) == "first"


# --- what comes next --------------------------------------------------------------------------


def reviewed_late() -> Case:
    return later(92, planned)()


WANTED = {
    decided: set(),
    signed: {"vocational_profile"},
    profiled: {"job_search_plan"},
    drafted: {"job_search_plan"},
    planned: set(),
    reviewed_late: {"job_search_plan"},
    employed: {"vocational_profile"},
    profiled_at_work: set(),
    ended: {"vocational_profile"},
}


@pytest.mark.parametrize("case", WANTED, ids=lambda case: case.__name__ if hasattr(case, "__name__") else "")
def test_what_a_case_needs_next(case: At) -> None:
    assert {form for form, declared in FORM.items() if declared.is_needed(case())} == WANTED[case]


# --- what is already known --------------------------------------------------------------------


def test_a_goal_keeps_its_id_when_others_go() -> None:
    case = accept(
        profiled(),
        "vocational_profile",
        {**PROFILE, **UPDATE, "work_goals.0.*": "", "work_goals.1.priority": "1"},
        "phase_2",
    )
    goals = [
        [row.goal_id for row in made.find_latest_record("vocational_profile").work_goals] for made in (profiled(), case)
    ]
    assert goals == [["keittiöapulainen", "kahvilatyöntekijä"], ["kahvilatyöntekijä"]]


def test_a_plan_begins_from_the_profile_and_a_later_one_from_the_newer_of_the_two() -> None:
    hours = {"desired_hours_min": "10", "desired_hours_max": "15"}
    first = prefill.collect_known_values(FORM["job_search_plan"], profiled())
    assert [row["job_title"] for row in first["target_jobs"]] == ["Keittiöapulainen", "Kahvilatyöntekijä"]
    assert [row["employer_name"] for row in first["target_employers"]] == ["Leipomo Malliesimerkki"]
    assert (first["search_area"], first["search_area_max_minutes"], first["profile_version"]) == (("167",), 40, 1)
    again = accept(planned(), "job_search_plan", {**PLAN, **AGAIN, "hours_min": "18"}, "phase_3")
    assert prefill.collect_known_values(FORM["job_search_plan"], again)["hours_min"] == 18
    newer = accept(again, "vocational_profile", {**PROFILE, **UPDATE, **hours}, "phase_3")
    known = prefill.collect_known_values(FORM["job_search_plan"], newer)
    assert (known["hours_min"], known["hours_max"], known["profile_version"], known["plan_kind"]) == (
        10,
        15,
        2,
        "review",
    )
    assert [row["action"] for row in known["actions"]] == ["CV kuntoon", "Käynti kahvilassa"]


def test_a_plan_drops_the_jobs_of_goals_that_are_gone_and_takes_up_new_ones() -> None:
    goal = {"work_goals.0.goal_text": "Kauppaan", "work_goals.0.occupation": "Myyjä"}
    case = accept(planned(), "vocational_profile", {**PROFILE, **REOPENED, **goal}, "phase_2")
    jobs = prefill.collect_known_values(FORM["job_search_plan"], case)["target_jobs"]
    assert [(row["goal_id"], row["job_title"]) for row in jobs] == [
        ("kahvilatyöntekijä", "Kahvilatyöntekijä"),
        ("myyjä", "Myyjä"),
    ]


def test_a_profile_takes_up_what_the_job_has_taught() -> None:
    known = prefill.collect_known_values(FORM["vocational_profile"], ended())
    assert (known["update_trigger"], known["related_job_id"]) == ("job_end", "JOB-1")
    assert [(row["job_id"], row["do_next_time"]) for row in known["lessons"]] == [
        ("JOB-1", "Etsitään pienempi paikka.")
    ]
    assert [row["skill"] for row in known["skills"]] == ["Astiahuolto", "Kassatyö"]
    job = known["work_history"][-1]
    assert (job["employer"], job["kind"], job["leaving_reason"]) == ("Kahvila Testipulla Oy", "paid", "trial_employer")
    assert (job["start"], job["end"]) == ("2026-06-06", "2026-06-21")


# --- clocks -----------------------------------------------------------------------------------


def held(case: Case, start: int, end: int) -> Case:
    """Return the case with a hold between two days."""
    days = {"start": start, "next_contact": end, "end": end}
    note = {name: (TODAY + timedelta(days=day)).isoformat() for name, day in days.items()}
    steps = (Step(50, "", None, move, case.phase, case.phase, "", note) for move in ("T26", "T27"))
    return replace(case, steps=(*case.steps, *steps))


@pytest.mark.parametrize(
    ("holds", "day"),
    [((), 30), (((5, 15),), 40), (((-20, -10),), 30), (((-5, 5),), 35), (((31, 40),), 30), (((5, 15), (35, 38)), 43)],
)
def test_a_hold_stops_a_clock_that_runs(holds: tuple[tuple[int, int], ...], day: int) -> None:
    case = later(200)()
    for hold in holds:
        case = held(case, *hold)
    assert case.add_active_days(TODAY, 30) == TODAY + timedelta(days=day)


def test_a_task_is_not_called_for_before_its_time_when_a_hold_came_first() -> None:
    codes = [{task.code for task in list_tasks(held(later(day)(), 0, 20))} for day in (46, 47)]
    assert ["R22" in found for found in codes] == [False, True]


def test_the_search_is_counted_from_the_contact_that_began_it() -> None:
    row = SimpleNamespace(date=TODAY - timedelta(days=2), mode="workplace_visit")
    contact = SimpleNamespace(id="employer_contact", coach=None, deadlines=(), contradictions=(), contacts=(row,))
    case = accept(holding(profiled(), contact, phase="phase_3"), "job_search_plan", PLAN, "phase_3")
    overdue = [{task.code for task in list_tasks(replace(case, today=TODAY + timedelta(days=day)))} for day in (27, 28)]
    assert ["R31" in found for found in overdue] == [False, True]


def test_the_search_after_a_job_is_counted_from_the_day_after_its_end() -> None:
    steps = (*ended().steps[:-1], replace(ended().steps[-1], after="phase_3"))
    case = accept(replace(ended(), steps=steps), "job_search_plan", {**PLAN, "plan_kind": "first"}, "phase_3")
    assert case.find_latest_record("job_search_plan").begun(case) == TODAY + timedelta(days=21)


# --- kinds ------------------------------------------------------------------------------------

PLACES = strategies.example(MunicipalitiesChoice)


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("Joensuu", ("167",)),
        ("Joensuu, Nurmes ja Espoo", ("167", "541", "049")),
        ("Esbo och Nurmes", ("541", "049")),
        ("Nurmes\nJoensuu", ("167", "541")),
        ("167 541", ("167", "541")),
        ("Valtimo", ("541",)),
        ("–", None),
    ],
)
def test_municipalities_are_read_as_people_list_them(text: str, codes: tuple[str, ...] | None) -> None:
    assert PLACES.read(text, TODAY).value == codes


def test_one_unknown_municipality_is_told_of() -> None:
    with pytest.raises(Misread):
        PLACES.read("Joensuu, Ankkalinna", TODAY)


@pytest.mark.parametrize(
    ("text", "value", "shown"),
    [
        ("3/2021", "2021-03", "3/2021"),
        ("2021", "2021", "2021"),
        ("15.3.2021", "2021-03-15", "15.3.2021"),
        ("1.9.98", "1998-09-01", "1.9.1998"),
    ],
)
def test_a_month_may_be_a_day_or_a_year(text: str, value: str, shown: str) -> None:
    assert (MonthText().read(text, TODAY).value, MonthText().write(value)) == (value, shown)


def test_a_year_is_not_set_apart_by_thousands() -> None:
    assert Whole(grouped=False).write(2019) == "2019"


def test_a_new_case_wants_neither() -> None:
    assert not any(form.is_needed(NEW) for form in FORM.values())
