"""Cases: each is its records and its steps, unique by ``(case_id, seq)``."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from functools import lru_cache

from sqlalchemy import exists, func, select

from formgen.cases.workflow import CHANGED, Case, CaseRecord, Step
from formgen.errors import UsageError
from formgen.forms.form import Form
from formgen.forms.registry import Registry
from formgen.process import CLOSED
from formgen.settings import Office
from formgen.storage.database import Database, Transaction, dump_json
from formgen.storage.moments import format_timestamp
from formgen.storage.rows import StoredCase, StoredRecord, StoredStep
from formgen.storage.tables import cases, records, steps


class CaseTable(Database):
    """The cases of a workspace."""

    def open_case(self, connection: Transaction, prefix: str, at: datetime, previous: str | None = None) -> str:
        """Open a case with the next number of the year and return its id."""
        year = at.year
        same = (cases.c.prefix == prefix) & (cases.c.year == year)
        newest = select(cases.c.number).where(same).order_by(cases.c.number.desc()).limit(1)
        number = (connection.execute(newest).scalar() or 0) + 1
        case_id = f"{prefix}-{year}-{number:05}"
        opened = StoredCase(
            case_id=case_id,
            prefix=prefix,
            year=year,
            number=number,
            opened_at=format_timestamp(at),
            previous=previous,
        )
        self.insert_row(connection, cases, asdict(opened), opened.opened_at)
        return case_id

    def list_case_ids(self) -> list[str]:
        """List the ids of all cases, those that were opened first coming first."""
        query = select(cases.c.case_id).order_by(cases.c.opened_at, cases.c.case_id)
        return [row["case_id"] for row in self.fetch_rows(query)]

    def load_case(self, case_id: str, today: date, office: Office, registry: Registry) -> Case:
        """Load a case with its records and steps; raise `UsageError` for one that there is not."""
        opened = self.fetch(StoredCase, select(cases).where(cases.c.case_id == case_id))
        if not opened:
            raise UsageError("Asiaa {case} ei ole.", case=case_id)
        own = select(records).where(records.c.case_id == case_id).order_by(records.c.record_id)
        taken = select(steps).where(steps.c.case_id == case_id).order_by(steps.c.seq)
        return Case(
            case_id=case_id,
            today=today,
            office=office,
            records=tuple(build_case_record(record, registry) for record in self.fetch(StoredRecord, own)),
            steps=tuple(map(build_step, self.fetch(StoredStep, taken))),
            forms=registry.ids,
            caseloads=Caseloads(self, case_id),
            previous=opened[0].previous,
            process=registry.process,
        )

    def load_unit(self, today: date, office: Office, registry: Registry) -> Case:
        """Load the unit as if it were a case: its records are those of no case."""
        query = select(records).where(records.c.case_id.is_(None)).order_by(records.c.record_id)
        own = tuple(build_case_record(record, registry) for record in self.fetch(StoredRecord, query))
        loads = Caseloads(self)
        return Case("", today, office, own, forms=registry.ids, caseloads=loads, process=registry.process)

    def add_step(self, connection: Transaction, step: StoredStep) -> None:
        """Write the next step of a case down for good."""
        self.insert_row(connection, steps, asdict(step), step.at)

    def add_manual_step(self, case: Case, transition: str, note: Mapping[str, str], at: datetime) -> None:
        """Write down a step that no document makes: the phase stays, the note says what was given."""
        step = StoredStep(
            case_id=case.case_id,
            seq=case.steps[-1].seq + 1 if case.steps else 1,
            form="",
            transition=transition,
            phase_before=case.phase,
            phase_after=case.phase,
            coach=case.coach,
            note=dump_json(note),
            at=format_timestamp(at),
        )
        with self.begin_transaction() as connection:
            self.add_step(connection, step)

    def list_coaches(self) -> list[str]:
        """List the names of all who have coached a case, in order."""
        query = select(steps.c.coach).where(steps.c.coach.is_not(None)).distinct().order_by(steps.c.coach)
        return [row["coach"] for row in self.fetch_rows(query)]

    def count_open_cases(self, coach: str, but: str) -> int:
        """Count the open cases of a coach, one case left out."""
        later = steps.alias()
        newest = ~exists().where(later.c.case_id == steps.c.case_id, later.c.seq > steps.c.seq)
        own = steps.c.coach == coach, steps.c.phase_after != CLOSED, steps.c.case_id != but
        return self.count(select(func.count()).select_from(steps).where(*own, newest))


@dataclass(frozen=True)
class Caseloads(Mapping[str, int]):
    """How many open cases each coach has, one case left out: counted when it is asked."""

    journal: CaseTable
    excluded_case_id: str = ""

    def __getitem__(self, coach: str) -> int:
        """Count the open cases of a coach; raise `KeyError` for one who has none."""
        if found := self.journal.count_open_cases(coach, self.excluded_case_id):
            return found
        raise KeyError(coach)

    def __iter__(self) -> Iterator[str]:
        """Yield the coaches that have open cases."""
        return (
            coach
            for coach in self.journal.list_coaches()
            if self.journal.count_open_cases(coach, self.excluded_case_id)
        )

    def __len__(self) -> int:
        """Count the coaches who have open cases."""
        return sum(1 for _ in self)


def build_case_record(row: StoredRecord, registry: Registry) -> CaseRecord:
    """Build a record as the case knows it, in the class of its own version."""
    record, changed, at = parse_payload(row.payload, registry.forms[row.form][row.version])
    return CaseRecord(row.record_id, row.instance_id, row.version_no, record, row.supersedes, changed, at)


def build_step(row: StoredStep) -> Step:
    """Build a step as the case knows it."""
    note = json.loads(row.note or "{}")
    return Step(row.seq, row.form, row.record_id, row.transition, row.phase_before, row.phase_after, row.at, note)


@lru_cache(maxsize=256)  # the records of a case are looked at again with each of its submissions
def parse_payload(payload: str, form: type[Form]) -> tuple[Form, tuple[str, ...], str]:
    """Parse what a payload tells: the record, what it changed of what was known, and when it was accepted."""
    told = json.loads(payload)
    changed = tuple(issue["field"] for issue in told["issues"] if issue["code"] == CHANGED)
    return form.model_validate_json(dump_json(told["data"])), changed, told["provenance"]["processed_at"]
