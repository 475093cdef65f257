"""The timelines of practice end as they are told, in whatever order their documents come; what is wrong is refused."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from formgen.demo import Clock, Outcome, Stage, play
from formgen.process import Case, expected, tasks
from tests.conftest import Bench
from tests.timelines import STORY, Step, loop, normal, not_started, read

pytestmark = pytest.mark.usefixtures("unwalled")
ARTIFICIAL = ("format", "client_hetu")  # what every identity code of an invented person is told
TIMELINES = {
    "normal": normal.TIMELINE,
    "loop": loop.TIMELINE,
    "not_started": not_started.TIMELINE,
}


class Theatre(Bench):
    """A workspace in which timelines are played."""

    @property
    def stage(self) -> Stage:
        """Return the stage; the same one at every call."""
        if "stage" not in vars(self):
            vars(self)["stage"] = Stage(replace(self.intake, clock=Clock(self.clock())))
        found: Stage = vars(self)["stage"]
        return found


@pytest.fixture
def theatre(tmp_path: Path) -> Theatre:
    """Return an empty workspace for a timeline."""
    (tmp_path / "formgen.toml").write_text("[intake]\nquiet = 0.0\n", encoding="utf-8")
    return Theatre(tmp_path)


def played(theatre: Theatre, *steps: Step) -> list[Outcome]:
    """Return what became of steps that come each on its day."""
    return list(play(theatre.stage, ([step.turn] for step in steps)))


def records(theatre: Theatre) -> list[dict[str, Any]]:
    """Return the records of the only case in the order in which they were accepted."""
    rows = {row["record_id"]: row for row in theatre.journal.returned() if row["outcome"] == "accepted"}
    return [theatre.record(rows[known["record_id"]]) for known in theatre.journal.record_rows()]


def versions(theatre: Theatre) -> Mapping[str, tuple[int, ...]]:
    """Return the version numbers of every form's records."""
    found: dict[str, tuple[int, ...]] = defaultdict(tuple)
    for record in records(theatre):
        found[record["form"]] += (record["version_no"],)
    return found


def warnings(theatre: Theatre) -> list[tuple[str, str, str]]:
    """Return form, code and field of everything that the records are warned of."""
    return [
        (record["form"], issue["code"], issue["field"])
        for record in records(theatre)
        for issue in record["issues"]
        if (issue["code"], issue["field"]) != ARTIFICIAL
    ]


def open_tasks(case: Case, since: date, until: date) -> dict[str, list[date]]:
    """Return the days on which each task stands, from a day to before another, nothing happening between them."""
    found = defaultdict(list)
    for day in (since + timedelta(days=number) for number in range((until - since).days)):
        for task in tasks(replace(case, today=day)):
            found[task.code].append(day)
    return found


@pytest.mark.parametrize("name", TIMELINES)
def test_a_timeline_makes_its_moves_and_ends_in_its_phase_with_its_records_and_its_tasks(
    theatre: Theatre, name: str
) -> None:
    told = TIMELINES[name]
    stood: dict[str, list[date]] = defaultdict(list)
    ends = [*(step.on for step in told.steps[1:]), read(told.until) + timedelta(days=1)]
    for step, until in zip(told.steps, ends, strict=True):
        (outcome,) = played(theatre, step)
        assert outcome.as_told, (step.day, outcome.row["outcome"], theatre.errors(outcome.row))
        phase = theatre.record(outcome.row)["phase"]
        assert (step.day, phase["transition"] or "") == (step.day, step.moves)
        for code, days in open_tasks(theatre.stage.case(STORY), step.on, until).items():
            stood[code] += days
        assert theatre.journal.caseloads() in ({}, {normal.DECISION["assigned_coach"]: 1})
    case = theatre.stage.case(STORY)
    assert (case.phase, expected(case)) == (told.phase, told.phase)
    assert versions(theatre) == told.records
    assert warnings(theatre) == list(told.warnings)
    assert {code: (days[0], days[-1]) for code, days in stood.items()} == {
        code: (read(first), read(last)) for code, (first, last) in told.tasks.items()
    }


def test_the_two_jobs_of_the_loop_are_of_two_occupations_and_two_employers(theatre: Theatre) -> None:
    played(theatre, *loop.TIMELINE.steps)
    held = theatre.stage.case(STORY).current("job_start")
    shares = {
        "19": {known.record.occupation_code[:4] for known in held},
        "20": {known.record.employer_id for known in held},
    }
    assert {number: 100 * len(kinds) // len(held) for number, kinds in shares.items()} == loop.CRITERIA
