"""Arbitrary walks over all forms: whatever is sent in whatever order, a case stays one that the table allows."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from formgen import formats
from formgen.cases.workflow import Case, check_hold, check_resume, find_moves
from formgen.errors import UsageError
from formgen.sandbox import reader_pool
from formgen.storage.moments import to_local_date
from tests.rules import FORMS
from tests.support.stages import LEGAL, STAGES, filled, open_bench, take, typed, workspaces
from tests.unit.test_rules import BASE, CASE, MOVES

__all__ = ["workspaces"]
TABLE = {(move.id, move.source, move.target, form.id) for form in FORMS for move in form.moves}
PHASES_OF_WORK = {"phase_2", "phase_3", "phase_4", "phase_5"}


MORE = {  # what a document of a later round needs as well
    "job_search_plan": {"review_outcome": "Jatketaan samoin keinoin."},
    "closing": {"goals_result.1.result": "partly"},
}
VARIANTS = [(form, typed(answers, CASE[form]())) for form, answers in BASE.items()]
VARIANTS += [(form, typed(answers, case())) for _, form, answers, case in MOVES.values()]
seen: Counter[str] = Counter()


class Unit(RuleBasedStateMachine):
    """A unit whose people send anything at any time; ``stages`` are where it may begin."""

    stages: ClassVar[list[Path]]

    @initialize(stage=st.sampled_from(STAGES))
    def open(self, stage: int) -> None:
        """Open a copy of one of the workspaces."""
        self.home = Path(tempfile.mkdtemp()) / "unit"
        shutil.copytree(self.stages[stage], self.home)
        self.bench = open_bench(self.home)
        self.bench.clock.pass_days(12 if stage == STAGES[-1] else 0)  # the job has begun
        self.sent: list[bytes] = []
        self.look()

    def look(self) -> None:
        """Keep how all cases stand."""
        bench, today = self.bench, to_local_date(self.bench.clock())
        self.cases = [
            bench.journal.load_case(case_id, today, bench.workspace.office, bench.registry)
            for case_id in bench.journal.list_case_ids()
        ]

    def teardown(self) -> None:
        """Count what has been reached, and clean up."""
        if hasattr(self, "bench"):
            seen.update(step.transition for case in self.cases for step in case.steps if step.transition)
            self.bench.journal.engine.dispose()
            shutil.rmtree(self.home.parent)

    # --- what people do ---------------------------------------------------------------------------

    def send(self, form: str, answers: Mapping[str, str], case: Case | None) -> None:
        """Issue, fill and return a document, if it may be issued."""
        try:
            data = filled(self.bench, form, {**MORE.get(form, {}), **answers}, case.case_id if case else None)
        except (UsageError, LookupError):  # not to be issued now; or a table has fewer rows in this document
            return
        self.sent.append(data)
        self.returned(data)

    def returned(self, data: bytes) -> None:
        """Return a document: nothing but an acceptance may change a case."""
        before = [(case.case_id, case.steps, case.records) for case in self.cases]
        row = take(self.bench, data)
        self.look()
        after = [(case.case_id, case.steps, case.records) for case in self.cases]
        assert row.outcome in ("accepted", "review", "waiting", "rejected", "duplicate")
        assert row.outcome == "accepted" or after == before

    @rule(variant=st.sampled_from(VARIANTS), pick=st.integers(0, 9))
    def send_anything(self, variant: tuple[str, dict[str, str]], pick: int) -> None:
        """Send any form about any case."""
        self.send(*variant, [*self.cases, None][pick % (len(self.cases) + 1)])

    @precondition(lambda self: self.cases)
    @rule(data=st.data())
    def go_on_and_on(self, data: st.DataObject) -> None:
        """Go on twice."""
        self.go_on(data)
        self.go_on(data)

    @precondition(lambda self: self.cases)
    @rule(data=st.data())
    def go_on(self, data: st.DataObject) -> None:
        """Send a form that the table has a move for in the phase of a case."""
        case = data.draw(st.sampled_from(self.cases))
        fitting = sorted({name for name, source, _, _ in TABLE if source == case.phase})
        if fitting:
            self.send(*LEGAL[data.draw(st.sampled_from(fitting))], case)

    @precondition(lambda self: self.sent)
    @rule(pick=st.integers(0, 99))
    def send_again(self, pick: int) -> None:
        """Send the same bytes again."""
        self.returned(self.sent[pick % len(self.sent)])

    @rule(happens=st.sampled_from(("days", "hold", "restart")), number=st.integers(1, 20))
    def meanwhile(self, happens: str, number: int) -> None:
        """Let something happen that is no document."""
        if happens == "days":
            self.wait(number)
        elif happens == "hold" and self.cases:
            self.pause_or_resume(number)
        elif happens == "restart":
            self.restart()

    def wait(self, days: int) -> None:
        """Let days pass."""
        self.bench.clock.pass_days(days)
        self.look()

    def pause_or_resume(self, pick: int) -> None:
        """Put a case on hold or take it off, if that may be."""
        case = self.cases[pick % len(self.cases)]
        today = case.today
        on_hold = case.status == "on_hold"
        said = check_resume(case, today) if on_hold else check_hold(case, today, today + timedelta(days=30))
        if any(found.severity == "error" for found in said):
            return
        days_ = {"end": today} if on_hold else {"start": today, "next_contact": today + timedelta(days=30)}
        note = {"reason": "sairausloma", **{name: str(on) for name, on in days_.items()}}
        self.bench.journal.add_manual_step(case, "T27" if on_hold else "T26", note, self.bench.clock())
        self.look()

    def restart(self) -> None:
        """Start again on what is on disk."""
        self.bench.journal.engine.dispose()
        self.bench = self.bench.restarted()
        self.bench.watch()
        self.look()

    # --- what must be true ------------------------------------------------------------------------

    @invariant()
    def every_step_is_one_of_the_table(self) -> None:
        """Hold every case against the table and what it never allows."""
        for case in self.cases:
            phase = None
            for number, step in enumerate(case.steps, start=1):
                assert (step.seq, step.before) == (number, phase)
                if step.transition in (None, "", "T26", "T27"):
                    assert step.after == phase
                else:
                    assert (step.transition, phase, step.after, step.form) in TABLE
                assert not (phase and phase != "phase_1" and step.after == "phase_1")
                phase = step.after
            forbidden(case)

    @invariant()
    def the_journal_replays_to_the_same_phase(self) -> None:
        """Take every record again, one by one, and come to where the journal is."""
        for case in self.cases:
            again = replace(case, records=(), steps=())
            for known in case.records:
                own = [step for step in case.steps if step.record_id == known.record_id]
                held = [step for step in case.steps if not step.record_id and len(again.steps) < step.seq < own[0].seq]
                again = replace(again, steps=(*again.steps, *held))
                on = replace(again, today=to_local_date(datetime.fromisoformat(own[0].at)))
                moves, stopped = find_moves(on, known.record, correction=known.supersedes is not None)
                assert not stopped
                assert [move.id for move in moves] == [step.transition for step in own if step.transition]
                again = replace(again, records=(*again.records, known), steps=(*again.steps, *own))
            assert again.phase == case.phase

    @invariant()
    def every_return_has_one_outcome(self) -> None:
        """Hold the ledger's equation."""
        assert self.bench.journal.count_submissions().get("in_work", 0) == 0
        feed = self.bench.feed()
        events = [line["submission_id"] for line in feed if line["event"] != "submission.waiting"]
        settled = [row.submission_id for row in self.bench.journal.find_submissions() if row.outcome != "waiting"]
        assert sorted(events) == sorted(settled)
        assert [line["seq"] for line in feed] == list(range(1, len(feed) + 1))


def forbidden(case: Case) -> None:
    """Hold a case against what the table never allows."""
    forms = [known.record.id for known in case.records]
    if {step.after for step in case.steps} & PHASES_OF_WORK:
        assert "cooperation_agreement" in forms
    for step in case.steps:
        if step.after == "phase_5" != step.before:
            assert step.form == "job_start"
    jobs = {record.job_id for record in records(case, "job_start")}
    assert {record.job_id for record in records(case, "job_end")} <= jobs
    assert len({known.instance_id for known in case.list_current_records("closing")}) <= 1
    closed = next((step.seq for step in case.steps if step.after == "closed"), None)
    assert all(step.form == "closing" for step in case.steps if closed and step.seq > closed)


def records(case: Case, form: str) -> list[Any]:
    """Return all records of a form in a case."""
    return [known.record for known in case.records if known.record.id == form]


def test_no_walk_reaches_what_the_table_forbids(workspaces: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Unit, "stages", workspaces, raising=False)
    monkeypatch.setattr(reader_pool, "read", lambda data, papers, _: formats.read_document(data, papers))
    run_state_machine_as_test(
        Unit,
        settings=settings(
            max_examples=12,
            stateful_step_count=25,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
    assert len(seen) >= 12, seen
