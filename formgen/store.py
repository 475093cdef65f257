"""The journal: returns, issued documents, cases, records and steps, in one database.

SQLAlchemy Core; SQLite in WAL mode with every commit on disk. What is accepted is never changed
or deleted; a case is its steps, unique by ``(case_id, seq)``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from threading import local
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import (
    Column,
    Connection,
    Engine,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
    create_engine,
    event,
    exists,
    func,
    inspect,
    select,
)
from sqlalchemy.exc import DBAPIError, OperationalError

from formgen.errors import Busy, OutOfReach, UsageError
from formgen.process import CHANGED, Case, Known, Step
from formgen.registry import Registry
from formgen.settings import Office

MIGRATIONS = Path(__file__).parent / "migrations"
HEAD = "0005"
Row = Mapping[str, Any]
Transaction = Connection

metadata = MetaData()
cases = Table(
    "cases",
    metadata,
    Column("case_id", String(40), primary_key=True),
    Column("prefix", String(20), nullable=False),
    Column("year", Integer, nullable=False),
    Column("number", Integer, nullable=False),
    Column("opened_at", String(32), nullable=False),
    Column("previous", String(40)),
    UniqueConstraint("prefix", "year", "number", name="uq_case_number"),
)
issued = Table(
    "issued",
    metadata,
    Column("instance_id", String(36), primary_key=True),
    Column("form", String(40), nullable=False),
    Column("version", String(12), nullable=False),
    Column("case_id", String(40), ForeignKey("cases.case_id")),
    Column("language", String(12), nullable=False),
    Column("format", String(12), nullable=False),
    Column("answers", Text, nullable=False),
    Column("sources", Text, nullable=False),
    Column("omitted", Text),
    Column("corrects", String(36), index=True),
    Column("issued_at", String(32), nullable=False),
)
returns = Table(
    "returns",
    metadata,
    Column("return_id", String(36), primary_key=True),
    Column("sha256", String(64), nullable=False, index=True),
    Column("file_name", Text, nullable=False),
    Column("size", Integer, nullable=False),
    Column("channel", String(20), nullable=False),
    Column("source", Text, nullable=False, index=True),
    Column("received_at", String(32), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("outcome", String(12)),
    Column("code", String(40)),
    Column("form", String(40)),
    Column("instance_id", String(36)),
    Column("case_id", String(40), index=True),
    Column("record_id", String(36)),
    Column("first_id", String(36)),
    Column("waits_for", String(40)),
    Column("rejected_as", Text, unique=True),
    Column("reply_id", String(36), index=True),
    Column("reason", Text),
    Column("language", String(12)),
    Column("processed_at", String(32)),
    Index("ix_returns_outcome", "outcome", "return_id"),
)
records = Table(
    "records",
    metadata,
    Column("record_id", String(36), primary_key=True),
    Column("case_id", String(40), ForeignKey("cases.case_id"), index=True),
    Column("form", String(40), nullable=False),
    Column("version", String(12), nullable=False),
    Column("instance_id", String(36), nullable=False),
    Column("answers_key", String(64), nullable=False),
    Column("version_no", Integer, nullable=False),
    Column("supersedes", String(36), unique=True),
    Column("return_id", String(36), ForeignKey("returns.return_id"), unique=True, nullable=False),
    Column("payload", Text, nullable=False),
    UniqueConstraint("instance_id", "answers_key", name="uq_instance_answers"),
)
steps = Table(
    "steps",
    metadata,
    Column("case_id", String(40), ForeignKey("cases.case_id"), nullable=False),
    Column("seq", Integer, nullable=False),
    Column("record_id", String(36), ForeignKey("records.record_id")),
    Column("form", String(40), nullable=False),
    Column("transition", String(8)),
    Column("phase_before", String(12)),
    Column("phase_after", String(12)),
    Column("coach", String(120), index=True),
    Column("note", Text),
    Column("at", String(32), nullable=False),
    PrimaryKeyConstraint("case_id", "seq"),
)
events = Table(
    "events",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("event", String(40), nullable=False),
    Column("return_id", String(36), ForeignKey("returns.return_id"), nullable=False),
    Column("body", Text, nullable=False),
    sqlite_autoincrement=True,
)


def stamp(at: datetime) -> str:
    """Return a moment as it is stored: UTC, milliseconds, Z.

    >>> stamp(datetime(2026, 4, 13, 9, 12, 44, 120000, tzinfo=UTC))
    '2026-04-13T09:12:44.120Z'
    """
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def day(at: datetime) -> date:
    """Return the day of a moment as the office's own clock has it: what people write on paper."""
    return at.astimezone().date()


@dataclass(frozen=True)
class Journal:
    """The database of one workspace; ``current`` holds the transaction that a thread has open."""

    engine: Engine
    current: local = field(default_factory=local, compare=False)

    @classmethod
    def open(cls, var: Path) -> Journal:
        """Return the journal in the private folder, made or brought up to date; raise `OutOfReach`."""
        engine = create_engine(f"sqlite:///{var / 'formgen.db'}", connect_args={"timeout": 30, "isolation_level": None})
        event.listen(engine, "connect", durable)
        event.listen(engine, "begin", begin)
        try:
            upgrade(engine)
        except (OperationalError, OSError) as error:
            raise OutOfReach(detail=f"{var}") from error
        return cls(engine)

    @property
    def open_transaction(self) -> Connection | None:
        """Return the connection of the transaction that this thread has open, or None."""
        found: Connection | None = getattr(self.current, "connection", None)
        return found

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Yield a connection whose work is all on disk at the end, or none of it.

        Within another transaction of the same thread it is a part of that one: on disk when that
        is, and undone alone when it fails.
        """
        try:
            if outer := self.open_transaction:
                with outer.begin_nested():
                    yield outer
                return
            with self.engine.execution_options(writes=True).begin() as connection:
                self.current.connection = connection
                try:
                    yield connection
                finally:
                    del self.current.connection
        except OperationalError as error:
            raise Busy(detail=str(error.orig)) from error
        except DBAPIError as error:
            raise OutOfReach(detail=str(error.orig)) from error

    # --- returns ------------------------------------------------------------------------------

    def arrive(self, arrivals: Iterable[Row]) -> None:
        """Write down that returns have come; from now on they exist."""
        with self.transaction() as connection:
            for values in arrivals:
                connection.execute(returns.insert().values(attempts=0, **values))

    def attempts(self, numbers: Mapping[str, int]) -> None:
        """Write down how many attempts there have been at returns."""
        with self.transaction() as connection:
            for return_id, number in numbers.items():
                connection.execute(returns.update().where(returns.c.return_id == return_id).values(attempts=number))

    def unsettled(self, number: int, after: str = "") -> list[Row]:
        """Return so many of the returns without an outcome, oldest first, those after an id."""
        query = select(returns).where(returns.c.outcome.is_(None), returns.c.return_id > after)
        return self.rows(query.order_by(returns.c.return_id).limit(number))

    def troubled(self) -> list[Row]:
        """Return the returns without an outcome that have been tried more than once, oldest first."""
        query = select(returns).where(returns.c.outcome.is_(None), returns.c.attempts > 1)
        return self.rows(query.order_by(returns.c.return_id))

    def overdue(self, before: str) -> list[Row]:
        """Return the returns that wait since before a moment, oldest first."""
        query = select(returns).where(returns.c.outcome == "waiting", returns.c.received_at < before)
        return self.rows(query.order_by(returns.c.return_id))

    def returned(self, **equal: Any) -> list[Row]:
        """Return the returns whose columns have the values, oldest first."""
        query = select(returns).order_by(returns.c.received_at, returns.c.return_id)
        for name, value in equal.items():
            query = query.where(returns.c[name] == value)
        return self.rows(query)

    def outcome(self, connection: Transaction, return_id: str) -> str | None:
        """Return the outcome of a return as it stands now."""
        query = select(returns.c.outcome).where(returns.c.return_id == return_id)
        found: str | None = connection.execute(query).scalar_one()
        return found

    def rejected_as(self, places: Iterable[str]) -> bool:
        """Tell whether a rejected file lies at one of the places."""
        return self.row(select(returns.c.return_id).where(returns.c.rejected_as.in_(tuple(places)))) is not None

    def counts(self) -> dict[str, int]:
        """Return how many returns there are by outcome; ``in_work`` are those without one."""
        rows = self.rows(select(returns.c.outcome, func.count().label("number")).group_by(returns.c.outcome))
        return {row["outcome"] or "in_work": row["number"] for row in rows}

    def change_return(self, connection: Transaction, return_id: str, changes: Row) -> None:
        """Write down what has become of a return."""
        connection.execute(returns.update().where(returns.c.return_id == return_id).values(**changes))

    # --- documents and cases ------------------------------------------------------------------

    def issue(self, values: Row, answers: Mapping[str, str], sources: Mapping[str, Row]) -> None:
        """Write down a document before it leaves: its answers by path, and where each field's came from."""
        with self.transaction() as connection:
            connection.execute(issued.insert().values(answers=dump(answers), sources=dump(sources), **values))

    def issued(self, instance_id: str) -> Row | None:
        """Return what was issued as an instance, its answers and sources as mappings."""
        row = self.row(select(issued).where(issued.c.instance_id == instance_id))
        read = {name: json.loads(row[name]) for name in ("answers", "sources")} if row else {}
        return {**row, **read} if row else None

    def open_case(self, connection: Transaction, prefix: str, at: datetime, previous: str | None = None) -> str:
        """Return the id of a new case, the next number of its year."""
        year = at.year
        same = (cases.c.prefix == prefix) & (cases.c.year == year)
        newest = select(cases.c.number).where(same).order_by(cases.c.number.desc()).limit(1)
        number = (connection.execute(newest).scalar() or 0) + 1
        case_id = f"{prefix}-{year}-{number:05}"
        connection.execute(
            cases.insert().values(
                case_id=case_id, prefix=prefix, year=year, number=number, opened_at=stamp(at), previous=previous
            )
        )
        return case_id

    def has_case(self, case_id: str) -> bool:
        """Tell whether there is a case of the id."""
        return self.row(select(cases.c.case_id).where(cases.c.case_id == case_id)) is not None

    def case_rows(self) -> list[Row]:
        """Return all cases, oldest first."""
        return self.rows(select(cases).order_by(cases.c.opened_at, cases.c.case_id))

    def case(self, case_id: str, today: date, office: Office, registry: Registry) -> Case:
        """Return what is known of a case; raise `UsageError` for one that there is not."""
        row = self.row(select(cases).where(cases.c.case_id == case_id))
        if row is None:
            raise UsageError("Asiaa {case} ei ole.", case=case_id)
        found = self.rows(select(records).where(records.c.case_id == case_id).order_by(records.c.record_id))
        taken = self.rows(select(steps).where(steps.c.case_id == case_id).order_by(steps.c.seq))
        return Case(
            case_id=case_id,
            today=today,
            office=office,
            records=tuple(known(item, registry) for item in found),
            steps=tuple(
                Step(
                    item["seq"],
                    item["form"],
                    item["record_id"],
                    item["transition"],
                    item["phase_before"],
                    item["phase_after"],
                    item["at"],
                    json.loads(item["note"] or "{}"),
                )
                for item in taken
            ),
            forms=registry.ids,
            caseloads=Caseloads(self, case_id),
            previous=row["previous"],
        )

    def unit(self, today: date, office: Office, registry: Registry) -> Case:
        """Return the unit as if it were a case: its records are those of no case."""
        found = self.rows(select(records).where(records.c.case_id.is_(None)).order_by(records.c.record_id))
        own = tuple(known(item, registry) for item in found)
        return Case("", today, office, own, forms=registry.ids, caseloads=Caseloads(self))

    def coaches(self) -> list[str]:
        """Return the names of all who have coached a case, in order."""
        query = select(steps.c.coach).where(steps.c.coach.is_not(None)).distinct().order_by(steps.c.coach)
        return [row["coach"] for row in self.rows(query)]

    def caseload(self, coach: str, but: str) -> int:
        """Return how many open cases a coach has, one case left out."""
        later = steps.alias()
        newest = ~exists().where(later.c.case_id == steps.c.case_id, later.c.seq > steps.c.seq)
        own = steps.c.coach == coach, steps.c.phase_after != "closed", steps.c.case_id != but
        found = self.row(select(func.count().label("number")).select_from(steps).where(*own, newest))
        return int(found["number"]) if found else 0

    # --- records ------------------------------------------------------------------------------

    def record(self, record_id: str) -> Row | None:
        """Return a record's row, its payload as stored."""
        return self.row(select(records).where(records.c.record_id == record_id))

    def record_rows(self) -> list[Row]:
        """Return the place of every record: id, case and form."""
        return self.rows(select(records.c.record_id, records.c.case_id, records.c.form).order_by(records.c.record_id))

    def of_instance(self, instance_id: str) -> list[Row]:
        """Return the records that one document, or one that corrects it, has become, oldest first."""
        again = select(issued.c.instance_id).where(issued.c.corrects == instance_id)
        own = (records.c.instance_id == instance_id) | records.c.instance_id.in_(again)
        return self.rows(select(records).where(own).order_by(records.c.record_id))

    def add_record(self, connection: Transaction, values: Row) -> None:
        """Write an accepted record down for good."""
        connection.execute(records.insert().values(**values))

    def add_step(self, connection: Transaction, values: Row) -> None:
        """Write the next step of a case down for good."""
        connection.execute(steps.insert().values(**values))

    def note_step(self, case: Case, transition: str, note: Mapping[str, str], at: datetime) -> None:
        """Write down a step that no document makes: the phase stays, the note says what was given."""
        seq = case.steps[-1].seq + 1 if case.steps else 1
        values = {
            "case_id": case.case_id,
            "seq": seq,
            "form": "",
            "transition": transition,
            "phase_before": case.phase,
            "phase_after": case.phase,
            "coach": case.coach,
            "note": dump(note),
            "at": stamp(at),
        }
        with self.transaction() as connection:
            self.add_step(connection, values)

    def add_event(self, connection: Transaction, body: Row) -> None:
        """Write an event down under the next number; its line in the feed is this text."""
        event = events.insert().values(event=body["event"], return_id=body["return_id"], body="")
        inserted = connection.execute(event).inserted_primary_key
        assert inserted, "the database numbers events"
        line = dump({"seq": inserted[0], **body})
        connection.execute(events.update().where(events.c.seq == inserted[0]).values(body=line))

    def feed(self, after: int, number: int) -> list[Row]:
        """Return so many events after a number, in order."""
        return self.rows(select(events).where(events.c.seq > after).order_by(events.c.seq).limit(number))

    def rows(self, query: Any) -> list[Row]:
        """Return the rows of a query as mappings, as the open transaction of this thread sees them."""
        outer = self.open_transaction
        with nullcontext(outer) if outer else self.engine.connect() as connection:
            return [dict(row._mapping) for row in connection.execute(query)]

    def row(self, query: Any) -> Row | None:
        """Return the first row of a query, or None."""
        found = self.rows(query)
        return found[0] if found else None


@dataclass(frozen=True)
class Caseloads(Mapping[str, int]):
    """How many open cases each coach has, one case left out: counted when it is asked."""

    journal: Journal
    but: str = ""

    def __getitem__(self, coach: str) -> int:
        """Return the number of a coach's open cases."""
        if found := self.journal.caseload(coach, self.but):
            return found
        raise KeyError(coach)

    def __iter__(self) -> Iterator[str]:
        """Yield the coaches that have open cases."""
        return (coach for coach in self.journal.coaches() if self.journal.caseload(coach, self.but))

    def __len__(self) -> int:
        """Return how many coaches have open cases."""
        return sum(1 for _ in self)


def known(row: Row, registry: Registry) -> Known:
    """Return a stored record as the case knows it, in the class of its own version."""
    form = registry.forms[row["form"]][row["version"]]
    payload = json.loads(row["payload"])
    return Known(
        record_id=row["record_id"],
        instance_id=row["instance_id"],
        version_no=row["version_no"],
        record=form.model_validate_json(dump(payload["data"])),
        supersedes=row["supersedes"],
        changed=tuple(issue["field"] for issue in payload["issues"] if issue["code"] == CHANGED),
    )


def dump(value: Any) -> str:
    """Return a value as compact JSON."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def durable(connection: Any, _: Any) -> None:
    """Make a new SQLite connection write ahead, wait for the disk, and keep references."""
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=30000"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def begin(connection: Connection) -> None:
    """Begin a transaction, one that writes with the lock in hand so that it cannot fail halfway."""
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def upgrade(engine: Engine) -> None:
    """Bring the database to the newest shape; nothing is done when it has it already."""
    with engine.connect() as connection:
        if inspect(connection).has_table("alembic_version"):
            version = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
            if version == HEAD:
                return
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["engine"] = engine
    command.upgrade(config, "head")
