"""The timelines of practice end as they are told, in whatever order their documents come; what is wrong is refused."""

from __future__ import annotations

import random
import shutil
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from formgen import formats
from formgen.cases.workflow import Case, infer_case_phase, list_tasks
from formgen.demo import Clock, Outcome, Stage, Turn, play_stories
from formgen.documents.extraction import Identity
from formgen.intake.watcher import Watch
from formgen.sandbox import reader_pool
from formgen.storage.cases import Caseloads
from tests.conftest import Bench, changed, tree
from tests.journeys.test_loop import signed_for
from tests.timelines import STORY, Step, Timeline, loop, normal, not_started, read, wrong

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


def copied(place: Path, root: Path, stage: Stage) -> Theatre:
    """Return a copy of a workspace, in which people hold what they held there."""
    shutil.copytree(place, root)
    theatre = opened(root)
    theatre.stage.cases, theatre.stage.documents, theatre.stage.numbers = (
        dict(stage.cases),
        dict(stage.documents),
        count(100),
    )
    theatre.stage.intake.clock.now = stage.intake.clock()
    return theatre


def opened(root: Path) -> Theatre:
    """Return a workspace for timelines, as it stands in a folder."""
    (root / "formgen.toml").write_text("[intake]\nquiet = 0.0\n", encoding="utf-8")
    return Theatre(root)


@pytest.fixture
def theatre(tmp_path: Path) -> Theatre:
    """Return an empty workspace for a timeline."""
    return opened(tmp_path)


def played(theatre: Theatre, *steps: Step) -> list[Outcome]:
    """Return what became of steps that come each on its day."""
    return list(play_stories(theatre.stage, ([step.turn] for step in steps)))


def records(theatre: Theatre) -> list[dict[str, Any]]:
    """Return the records of the only case in the order in which they were accepted."""
    rows = {row.record_id: row for row in theatre.journal.find_submissions() if row.outcome == "accepted"}
    return [theatre.record(rows[known.record_id]) for known in theatre.journal.list_record_places()]


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
        for task in list_tasks(replace(case, today=day)):
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
        assert outcome.is_expected, (step.day, outcome.row.outcome, theatre.errors(outcome.row))
        phase = theatre.record(outcome.row)["phase"]
        assert (step.day, " ".join(phase["transitions"])) == (step.day, step.moves)
        for code, days in open_tasks(theatre.stage.load_case(STORY), step.on, until).items():
            stood[code] += days
        assert dict(Caseloads(theatre.journal)) in ({}, {normal.DECISION["assigned_coach"]: 1})
    case = theatre.stage.load_case(STORY)
    assert (case.phase, infer_case_phase(case)) == (told.phase, told.phase)
    assert versions(theatre) == told.records
    assert warnings(theatre) == []
    assert {code: (days[0], days[-1]) for code, days in stood.items()} == {
        code: (read(first), read(last)) for code, (first, last) in told.tasks.items()
    }


# --- in any order -------------------------------------------------------------------------------


ORDERS = {
    "normal": ("as told", "backwards", "1", "2"),
    "loop": ("as told", "backwards", "3"),
    "not_started": ("as told", "backwards"),
}


def in_order(order: str, papers: list[Any]) -> list[Any]:
    """Return papers in an order: as told, backwards, or shuffled by a seed."""
    if order in ("as told", "backwards"):
        return papers[:: -1 if order == "backwards" else 1]
    return random.Random(order).sample(papers, len(papers))


def waves(told: Timeline) -> Iterator[list[Turn]]:
    """Yield the turns of a timeline that can be made at once: all but what opens the case and what is known later.

    Whoever returns a paper again dates it anew: without that nothing tells which is the newer one.
    The coach's name is typed, as the decision that names the coach has not come either.
    """
    later = read(told.known) if told.known else date.max
    coach = normal.DECISION["assigned_coach"]
    dated = [
        replace(
            step,
            answers={**step.answers, "document_date": step.day}
            | ({} if step.form == "referral" else {"coach_name": coach}),
        )
        for step in told.steps
    ]
    yield [dated[0].turn]
    yield [step.turn for step in dated[1:] if step.on < later]
    if later < date.max:
        yield [step.turn for step in dated if step.on >= later]


def made(theatre: Theatre, turns: Iterable[Turn], at: datetime | None) -> list[tuple[Turn, bytes]]:
    """Return the filled documents of turns, all made at one moment."""
    clock = theatre.stage.intake.clock
    assert isinstance(clock, Clock)
    clock.now = at or clock.now
    return [(turn, theatre.stage.fill_document(turn)) for turn in turns]


def story(theatre: Theatre) -> list[Any]:
    """Return what the records say, in the order in which they were accepted, apart from ids and times."""
    return [
        (record["form"], record["version_no"], record["phase"], record["data"], record["issues"])
        for record in records(theatre)
    ]


@pytest.mark.parametrize(("name", "orders"), ORDERS.items())
def test_documents_that_come_together_end_the_same_in_whatever_order_they_lie(
    tmp_path: Path, name: str, orders: tuple[str, ...]
) -> None:
    told, found = TIMELINES[name], []
    (tmp_path / "made").mkdir()
    theatre = opened(tmp_path / "made")
    last = told.steps[-1].turn.at
    opening, papers, *others = waves(told)
    theatre.stage.submit_documents(made(theatre, opening, last), Watch(theatre.stage.intake))
    papers = made(theatre, papers, last)
    theatre.journal.engine.dispose()
    for order in orders:
        theatre = copied(tmp_path / "made", tmp_path / order, theatre.stage)
        theatre.stage.submit_documents(in_order(order, papers), Watch(theatre.stage.intake))
        for turns in others:
            theatre.stage.submit_documents(in_order(order, made(theatre, turns, last)), Watch(theatre.stage.intake))
        assert {row.outcome for row in theatre.journal.find_submissions()} == {"accepted"}
        assert theatre.stage.load_case(STORY).phase == told.phase
        assert (versions(theatre), warnings(theatre), list_tasks(theatre.stage.load_case(STORY))) == (
            told.records,
            [],
            (),
        )
        moves = [" ".join(record["phase"]["transitions"]) for record in records(theatre)]
        assert moves == [step.moves for step in told.steps]
        found.append(story(theatre))
    assert all(records_of_it == found[0] for records_of_it in found)


def test_documents_that_come_backwards_one_by_one_wait_for_each_other(theatre: Theatre) -> None:
    told, watch = normal.TIMELINE, Watch(theatre.stage.intake)
    opening, turns = waves(told)
    theatre.stage.submit_documents(made(theatre, opening, told.steps[-1].turn.at), watch)
    papers = made(theatre, turns, told.steps[-1].turn.at)
    search, talks, (job, support), logs = papers[:5], papers[5:7], papers[7:9], papers[9:]
    seen = [
        outcome.row.outcome
        for paper in (*search[::-1], *talks, support, job, *logs)
        for outcome in theatre.stage.submit_documents([paper], watch)
    ]
    assert seen == ["waiting"] * 4 + ["accepted"] * 3 + ["waiting"] + ["accepted"] * 6
    assert [" ".join(record["phase"]["transitions"]) for record in records(theatre)] == [
        step.moves for step in told.steps
    ]
    assert (versions(theatre), warnings(theatre)) == (told.records, [])


# --- what must not pass -------------------------------------------------------------------------


@pytest.fixture(scope="session")
def snapshots(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, tuple[Path, Stage]]:
    """Return the workspace and the stage after every day of the loop, the day before it being ``""``."""
    home = tmp_path_factory.mktemp("loop")
    (home / "now").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reader_pool, "read", lambda data, papers, _: formats.read_document(data, papers))
        theatre = opened(home / "now")
        found = {}
        for step in (None, *loop.TIMELINE.steps):
            assert all(outcome.is_expected for outcome in played(theatre, *([step] if step else [])))
            shutil.copytree(home / "now", place := home / str(len(found)))
            stage = replace(theatre.stage, cases=dict(theatre.stage.cases), documents=dict(theatre.stage.documents))
            found[step.day if step else ""] = (place, stage)
        theatre.journal.engine.dispose()
    return found


def test_the_two_jobs_of_the_loop_are_of_two_occupations_and_two_employers(
    snapshots: Mapping[str, tuple[Path, Stage]], tmp_path: Path
) -> None:
    place, stage = snapshots["1.9.2026"]
    theatre = copied(place, tmp_path / "now", stage)
    held = theatre.stage.load_case(STORY).list_current_records("job_start")
    shares = {
        "19": {known.record.occupation_code[:4] for known in held},
        "20": {known.record.employer_id for known in held},
    }
    assert {number: 100 * len(kinds) // len(held) for number, kinds in shares.items()} == loop.CRITERIA


def state(theatre: Theatre) -> tuple[Any, ...]:
    """Return everything that a return must not change unless it is accepted."""
    published = {name: data for name, data in tree(theatre.workspace.outbox).items() if name.startswith("records/")}
    steps = theatre.stage.load_case(STORY).steps if theatre.stage.cases else ()
    return theatre.journal.list_case_ids(), theatre.journal.list_record_places(), steps, published


@pytest.mark.parametrize("name", wrong.WRONG)
def test_a_wrong_document_is_answered_by_its_rule_and_changes_nothing_else(
    name: str, snapshots: Mapping[str, Any], tmp_path: Path
) -> None:
    told = wrong.WRONG[name]
    place, stage = snapshots[told.after]
    theatre = copied(place, tmp_path / "now", stage)
    for outcome in played(theatre, *told.before):
        assert outcome.is_expected, theatre.errors(outcome.row)
    if told.hold:
        theatre.stage.take_step(Turn(STORY, "", told.hold, step="T26"))
    before, seen = state(theatre), len(theatre.feed())
    (outcome,) = played(theatre, told.step)
    row = outcome.row
    lines = theatre.feed()[seen:]
    if told.outcome == "accepted":
        assert row.outcome == "accepted", theatre.errors(row)
        assert [(found["code"], found["field"]) for found in theatre.record(row)["issues"]] == [told.error]
        return
    assert (row.outcome, row.code, theatre.errors(row)) == (told.outcome, told.code, [told.error])
    assert state(theatre) == before
    assert [(line["event"], line["code"]) for line in lines] == [(f"submission.{told.outcome}", told.code)]


def test_an_end_of_a_job_that_comes_again_as_it_was_is_a_duplicate(
    snapshots: Mapping[str, Any], tmp_path: Path
) -> None:
    place, stage = snapshots["10.6.2026"]
    theatre = copied(place, tmp_path / "now", stage)
    again = Step("1.7.2026", "job_end", {}, document="loppu")
    first, second = played(theatre, Step("30.6.2026", "job_end", loop.END, document="loppu"), again)
    assert (first.row.outcome, second.row.outcome) == ("accepted", "duplicate")
    assert second.row.first_id == first.row.submission_id


def test_an_unknown_version_or_case_on_a_paper_of_the_timeline_is_refused(
    snapshots: Mapping[str, Any], tmp_path: Path
) -> None:
    place, stage = snapshots["1.4.2026"]
    theatre = copied(place, tmp_path / "now", stage)
    case_id = theatre.case().case_id
    made = theatre.issue("job_start", case_id)
    paper = theatre.filled(made, normal.JOB)
    before, seen = state(theatre), len(theatre.feed())
    version = Identity("job_start", "2099.1", UUID(made.instance_id))
    case = Identity("job_start", "2026.1", theatre.intake.new_id())
    elsewhere = changed(signed_for(theatre, paper, case), lambda _, text: text.replace(case_id, "PK-2026-09999"))
    for data, code, rule in (
        (signed_for(theatre, paper, version), "unknown_version", "R90"),
        (elsewhere, "unknown_case", "R89"),
    ):
        row = theatre.returned(data)
        assert (row.outcome, row.code, theatre.errors(row)) == ("rejected", code, [(rule, "")])
    assert state(theatre) == before
    assert [line["event"] for line in theatre.feed()[seen:]] == ["submission.rejected"] * 2
