"""The journal: submissions, issued documents, cases, records and steps, in one database.

SQLAlchemy Core; SQLite in WAL mode with every commit on disk. What is accepted is never changed
or deleted; a case is its steps, unique by ``(case_id, seq)``.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import re
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from functools import cache, lru_cache
from itertools import islice
from pathlib import Path
from threading import local
from typing import Any

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
    bindparam,
    create_engine,
    event,
    exists,
    func,
    insert,
    inspect,
    literal,
    select,
    text,
)
from sqlalchemy.exc import DBAPIError, OperationalError

from formgen import files
from formgen.cases.workflow import CHANGED, Case, CaseRecord, Step
from formgen.documents.extraction import Keyring
from formgen.encryption import LOCKED, NO_ENCRYPTION, SIGN, Encryptor, read_key_name
from formgen.errors import Busy, OutOfReach, UsageError
from formgen.forms.form import Form
from formgen.forms.registry import Registry
from formgen.process import CLOSED
from formgen.settings import Office
from formgen.storage.access_log import (
    Actor,
    Head,
    HeadFile,
    build_row_name,
    compute_line_digest,
    compute_row_digest,
    iter_chain_links,
)
from formgen.storage.signing_keys import (
    GOOD,
    LOST,
    REVOKED,
    SIGNING,
    build_keyring,
    compute_fingerprint,
    generate_key,
    name_key,
    write_key,
)

NEWEST_REVISION = "0001"
HEAD_FILE_NAME = "access.head"
ENCRYPTED_COLUMNS = {  # the columns that say something of people, each with what names its row
    "payload": ("record_id",),
    "answers": ("instance_id",),
    "file_name": ("submission_id",),
    "reason": ("submission_id",),
    "note": ("case_id", "seq"),
    "place": ("stage", "subject"),
}
CANARY = "formgen 2"
ID_COLUMNS = ("submission_id", "record_id", "case_id")
UNSEALED = (
    "Asetuksissa on salausavain, mutta työtilaa ei ole salattu. Jos se on ollut salattu, joku on vaihtanut sen: "
    "selvitä asia. Muuten aja ensin: formgen encrypt"
)
ALTERED = "Tietokannan riviä {what} on muutettu. Sitä ei käytetä, ennen kuin syy on selvitetty: formgen verify"
BATCH_SIZE = 1000  # lines or rows that are held at once
SHAPE = (
    "SELECT type, name, tbl_name, sql FROM sqlite_master WHERE sql IS NOT NULL "
    "AND NOT (type = 'table' AND (name LIKE 'sqlite\\_%' ESCAPE '\\' OR name = 'alembic_version'))"
)
MAX_HEAD_READS = 5  # at the log and at its noted end, which do not change at the same moment
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
issued_documents = Table(
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
    Column("key", String(16)),
    Column("issued_at", String(32), nullable=False),
)
submissions = Table(
    "submissions",
    metadata,
    Column("submission_id", String(36), primary_key=True),
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
    Index("ix_submissions_outcome", "outcome", "submission_id"),
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
    Column("submission_id", String(36), ForeignKey("submissions.submission_id"), unique=True, nullable=False),
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
    Column("submission_id", String(36), ForeignKey("submissions.submission_id"), nullable=False),
    Column("body", Text, nullable=False),
    sqlite_autoincrement=True,
)
accesses = Table(
    "access",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("at", String(32), nullable=False),
    Column("actor", Text, nullable=False),
    Column("command", Text, nullable=False),
    Column("action", String(8), nullable=False),
    Column("submission_id", String(36)),
    Column("record_id", String(36)),
    Column("case_id", String(40)),
    Column("written", Text),
    Column("digest", String(64)),
    Column("prev", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
    Index("ix_access_written", "written", "seq"),
)
signing_keys = Table(
    "signing_keys",
    metadata,
    Column("name", String(16), primary_key=True),
    Column("fingerprint", String(64), nullable=False),
    Column("made_at", String(32), nullable=False),
    Column("state", String(8), nullable=False),
    Column("revoked_at", String(32)),
    Column("revoked_by", Text),
    Column("remark", Text),
    Index("ix_signing_keys_signing", "state", unique=True, sqlite_where=text("state = 'signing'")),
)
problems = Table(
    "problems",
    metadata,
    Column("stage", String(12), nullable=False),
    Column("subject", String(64), nullable=False),
    Column("place", Text, nullable=False),
    Column("signature", Text, nullable=False),
    Column("cause", Text, nullable=False),
    Column("since", String(32), nullable=False),
    PrimaryKeyConstraint("stage", "subject"),
)
encryption_state = Table(
    "seal", metadata, Column("key", String(8), primary_key=True), Column("canary", Text, nullable=False)
)
NEWEST = select(accesses).where(accesses.c.written == bindparam("about")).order_by(accesses.c.seq.desc()).limit(1)
LOGGED_TABLES = (
    cases,
    issued_documents,
    submissions,
    records,
    steps,
    events,
    signing_keys,
)  # of whose rows the access log tells how they stand


def forbid_log_changes(_: Table, connection: Connection, **_how: Any) -> None:
    """Let no line of the access log be changed or removed."""
    for change in ("UPDATE", "DELETE"):
        connection.exec_driver_sql(
            f"CREATE TRIGGER access_no_{change.lower()} BEFORE {change} ON access "
            "BEGIN SELECT RAISE(ABORT, 'the access log is only added to'); END"
        )


event.listen(accesses, "after_create", forbid_log_changes)


@contextmanager
def allow_log_changes(connection: Connection) -> Iterator[None]:
    """Let the lines of the access log be changed within a transaction."""
    for change in ("update", "delete"):
        connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS access_no_{change}")
    yield
    forbid_log_changes(accesses, connection)


def name_row(table: Table, row: Row) -> str:
    """Return what the access log calls a row."""
    return build_row_name(table.name, *(row[column.name] for column in table.primary_key.columns))


def format_timestamp(at: datetime) -> str:
    """Return a moment as it is stored: UTC, milliseconds, Z.

    >>> format_timestamp(datetime(2026, 4, 13, 9, 12, 44, 120000, tzinfo=UTC))
    '2026-04-13T09:12:44.120Z'
    """
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def to_local_date(at: datetime) -> date:
    """Return the day of a moment as the office's own clock has it: what people write on paper."""
    return at.astimezone().date()


@dataclass(frozen=True)
class Journal:
    """The database of one workspace, ``actor`` being at work in it; whatever they change is in the access log.

    ``end`` is where the end of the log is noted; ``current`` holds the transaction that a thread has open.
    """

    engine: Engine
    var: Path
    head_file: HeadFile
    actor: Actor = field(default_factory=Actor.from_system_user)
    vault: Encryptor = NO_ENCRYPTION
    current: local = field(default_factory=local, compare=False)

    @classmethod
    def open_or_create(
        cls, var: Path, actor: Actor | None = None, vault: Encryptor = NO_ENCRYPTION, head: Path | None = None
    ) -> Journal:
        """Return the journal in the private folder, made or brought up to date; raise `OutOfReach`.

        Nothing is changed when the vault is not the one that it is sealed with. The end of its
        access log is noted in ``head``, which is beside it when none is given.
        """
        end = HeadFile(head or var / HEAD_FILE_NAME)
        file = var / "formgen.db"
        engine = create_engine(
            f"sqlite:///{file}", connect_args={"timeout": 30, "isolation_level": None}, hide_parameters=True
        )
        event.listen(engine, "connect", set_connection_pragmas)
        event.listen(engine, "begin", emit_begin)
        try:
            files.create_private_file(file)
            require_matching_key(engine, vault, var / "originals")
            upgrade_database(engine)
            with engine.connect() as connection:
                require_shape(connection)
        except (OperationalError, OSError) as error:
            raise OutOfReach(detail=f"{var}") from error
        journal = cls(engine, var, end, actor or Actor.from_system_user(), vault)
        if vault.key and journal.fetch_row(select(encryption_state)) is None:
            with engine.execution_options(writes=True).begin() as connection:
                connection.execute(insert(encryption_state).prefix_with("OR IGNORE").values(build_canary(vault)))
        return journal

    @property
    def current_transaction(self) -> Connection | None:
        """Return the connection of the transaction that this thread has open, or None."""
        found: Connection | None = getattr(self.current, "connection", None)
        return found

    @contextmanager
    def begin_transaction(self) -> Iterator[Connection]:
        """Yield a connection whose work is all on disk at the end, or none of it.

        Within another transaction of the same thread it is a part of that one: on disk when that
        is, and undone alone when it fails.
        """
        try:
            if outer := self.current_transaction:
                with outer.begin_nested():
                    yield outer
                return
            with ExitStack() as ending, self.engine.execution_options(writes=True).begin() as connection:
                self.require_same_key(connection)
                require_shape(connection)
                self.current.connection = connection
                try:
                    before = self.find_head(connection)
                    yield connection
                    if (after := self.find_head(connection)) != before:
                        ending.enter_context(self.head_file.advance_head(before, after))
                finally:
                    del self.current.connection
        except OperationalError as error:
            raise Busy(detail=str(error.orig)) from error
        except DBAPIError as error:
            raise OutOfReach(detail=str(error.orig)) from error

    # --- who read or changed what -------------------------------------------------------------

    def find_head(self, connection: Transaction) -> Head:
        """Return the last line of the access log."""
        query = select(accesses.c.seq, accesses.c.hash).order_by(accesses.c.seq.desc()).limit(1)
        row = connection.execute(query).first()
        return Head(*row) if row else Head()

    def require_end(self) -> None:
        """Raise `OutOfReach` when the access log does not end where its end is noted; others may be writing."""
        for _ in range(MAX_HEAD_READS):
            there = self.head_file.heads
            with self.engine.connect() as connection:
                end = self.find_head(connection)
            if end in there:
                break
        self.head_file.require_noted_head(end, there)

    def log_access(self, connection: Transaction, action: str, at: str, **about: str | None) -> None:
        """Add to the access log that something is ``read`` or ``changed``.

        ``about`` are the ids of the return, record and case, the case ``*`` standing for all, and
        of a row that was written its name and digest.
        """
        seq, prev = self.find_head(connection)
        said = {name: about.get(name) for name in (*ID_COLUMNS, "written", "digest")}
        who = {"actor": self.actor.name, "command": self.actor.command}
        line = {"seq": seq + 1, "at": at, **who, "action": action, **said, "prev": prev}
        connection.execute(accesses.insert(), {**line, "hash": compute_line_digest(line, self.vault.chain_key)})

    def log_row(self, connection: Transaction, table: Table, row: Row, at: str, action: str = "changed") -> None:
        """Add to the access log how a row stands now; ``row`` is as it is stored."""
        ids = {name: row.get(name) for name in ID_COLUMNS}
        self.log_access(connection, action, at, **ids, written=name_row(table, row), digest=compute_row_digest(row))

    def note_file(self, kind: str, name: str, data: bytes) -> None:
        """Add to the access log what a file of ours holds that is no row."""
        with self.begin_transaction() as connection:
            told = {"written": build_row_name(kind, name), "digest": hashlib.sha256(data).hexdigest()}
            self.log_access(connection, "changed", format_timestamp(datetime.now(UTC)), **told)

    def find_file_digest(self, kind: str, name: str) -> str | None:
        """Return the sha256 that the newest line of the access log tells of a file, None when there is none."""
        with self.reading() as connection:
            return self.find_noted_digest(connection, build_row_name(kind, name))

    def find_noted_digest(self, connection: Connection, written: str) -> str | None:
        """Return the digest in the newest line of the access log about something, None when there is none.

        Raise `OutOfReach` for a line that is not as it was written.
        """
        line = connection.execute(NEWEST, {"about": written}).mappings().first()
        if line and compute_line_digest(dict(line), self.vault.chain_key) != line["hash"]:
            self.require_same_key(connection)
            raise OutOfReach(ALTERED, what=written)
        return line["digest"] if line else None

    def require_same_key(self, connection: Connection) -> None:
        """Raise `OutOfReach` when another process has changed the key that the workspace is sealed with."""
        key = connection.execute(select(encryption_state.c.key)).scalar()
        if key != (self.vault.name if self.vault.key else None):
            raise OutOfReach("Työtilan salaus on vaihtunut. Käynnistä formgen uudelleen.")

    def select_unaltered_rows(self, table: Table, query: Any) -> list[Row]:
        """Return the rows that a query finds; raise `OutOfReach` when the access log tells otherwise of one."""
        with self.reading() as connection:
            found = list(map(dict, connection.execute(query).mappings()))
            for row in found:
                if self.find_noted_digest(connection, name := name_row(table, row)) != compute_row_digest(row):
                    raise OutOfReach(ALTERED, what=name)
        return [self.decrypt_row(row) for row in found]

    def reading(self) -> AbstractContextManager[Connection]:
        """Return what gives the open transaction of this thread, or a connection of its own."""
        outer = self.current_transaction
        return nullcontext(outer) if outer else self.engine.connect()

    def insert_row(self, connection: Transaction, table: Table, values: Row, at: str, action: str = "changed") -> None:
        """Write a row down for good; raise `CompileError` for a value that the table has no column for.

        What the log tells of the row would be of another one.
        """
        row = self.encrypt_row(values)
        connection.execute(table.insert().values(**row))
        self.log_row(connection, table, row, at, action)

    def update_row(self, connection: Transaction, table: Table, key: str, changes: Row, at: str) -> None:
        """Write down how a row has changed; ``changes`` are as they are stored."""
        same = next(iter(table.primary_key.columns)) == key
        connection.execute(table.update().where(same).values(**changes))
        self.log_row(connection, table, dict(connection.execute(select(table).where(same)).mappings().one()), at)

    def log_reads(self, at: datetime, *about: Row) -> None:
        """Add to the access log what somebody is about to see: for each its ids."""
        with self.begin_transaction() as connection:
            for ids in about:
                self.log_access(connection, "read", format_timestamp(at), **ids)

    def find_log_lines(self, **equal: str) -> list[Row]:
        """Return the lines of the access log about certain ids, oldest first; what was read of all is about each."""
        query = select(accesses).order_by(accesses.c.seq)
        for name, value in equal.items():
            same = accesses.c[name] == value
            query = query.where(same | (accesses.c.case_id == "*") if name == "case_id" else same)
        return self.fetch_rows(query)

    # --- the signing keys ---------------------------------------------------------------------

    def list_signing_keys(self) -> list[Row]:
        """Return what is written down of every signing key, oldest first."""
        return self.fetch_rows(select(signing_keys).order_by(signing_keys.c.made_at, signing_keys.c.name))

    @property
    def keys(self) -> Keyring:
        """Return the signing keys, none before the first document; raise `OutOfReach` when one is not as it was.

        They are looked up every time: who is at work knows what another process has just changed.
        """
        rows = self.select_unaltered_rows(signing_keys, select(signing_keys).order_by(signing_keys.c.made_at))
        if not rows and self.fetch_row(select(issued_documents.c.instance_id).limit(1)):
            raise OutOfReach(LOST, what="–")
        return build_keyring(rows, self.var / "keys")

    def ensure_signing_keys(self, at: datetime) -> Keyring:
        """Return the signing keys, of which the first is made before the first document; raise `OutOfReach`."""
        if not self.keys.current:
            with suppress(FileExistsError):
                self.rotate_key(at, first=True)
        return self.keys

    def rotate_key(self, at: datetime, key: bytes | None = None, *, first: bool = False) -> str:
        """Have a new key sign from now on, and return its name; what the one until now has signed stays good.

        Raise `FileExistsError` when it was to be the ``first``, and is not.
        """
        key = key or generate_key()
        name, file = name_key(key), None
        row = {"name": name, "fingerprint": compute_fingerprint(key), "made_at": format_timestamp(at), "state": SIGNING}
        try:
            with self.begin_transaction() as connection:
                for before in self.list_signing_keys():
                    if first:
                        raise FileExistsError(before["name"])
                    if before["state"] == SIGNING:
                        self.update_row(connection, signing_keys, before["name"], {"state": GOOD}, format_timestamp(at))
                file = write_key(self.var / "keys", key)
                self.insert_row(connection, signing_keys, row, format_timestamp(at))
        except BaseException:
            if file and not self.fetch_row(select(signing_keys).where(signing_keys.c.name == name)):
                file.unlink(missing_ok=True)
            raise
        return name

    def revoke_key(self, name: str, remark: str, at: datetime) -> None:
        """Trust a key no more: what it has signed needs a person; raise `UsageError` for the one that signs."""
        with self.begin_transaction() as connection:
            state = {row["name"]: row["state"] for row in self.list_signing_keys()}.get(name)
            if state is None:
                raise UsageError("Avainta {key} ei ole.", key=name)
            if state == SIGNING:
                raise UsageError("Avain {key} allekirjoittaa. Tee ensin uusi: formgen keys rotate", key=name)
            if state == REVOKED:
                raise UsageError("Avain {key} on jo poistettu käytöstä.", key=name)
            by = {"revoked_at": format_timestamp(at), "revoked_by": self.actor.name, "remark": remark or None}
            self.update_row(connection, signing_keys, name, {"state": REVOKED, **by}, format_timestamp(at))

    # --- returns ------------------------------------------------------------------------------

    def add_submissions(self, arrivals: Iterable[Row]) -> None:
        """Write down that returns have come; from now on they exist."""
        with self.begin_transaction() as connection:
            for values in arrivals:
                row = {**values, "source": self.vault.compute_digest(values["source"]), "attempts": 0}
                self.insert_row(connection, submissions, row, values["received_at"])

    def set_attempts(self, numbers: Mapping[str, int]) -> None:
        """Write down how many attempts there have been at returns."""
        with self.begin_transaction() as connection:
            for submission_id, number in numbers.items():
                connection.execute(
                    submissions.update().where(submissions.c.submission_id == submission_id).values(attempts=number)
                )

    def list_unsettled_submissions(self, number: int, after: str = "") -> list[Row]:
        """Return so many of the returns without an outcome, oldest first, those after an id."""
        query = select(submissions).where(submissions.c.outcome.is_(None), submissions.c.submission_id > after)
        return self.fetch_rows(query.order_by(submissions.c.submission_id).limit(number))

    def list_retried_submissions(self) -> list[Row]:
        """Return the returns without an outcome that have been tried more than once, oldest first."""
        query = select(submissions).where(submissions.c.outcome.is_(None), submissions.c.attempts > 1)
        return self.fetch_rows(query.order_by(submissions.c.submission_id))

    def list_overdue_submissions(self, before: str) -> list[Row]:
        """Return the returns that wait since before a moment, oldest first."""
        query = select(submissions).where(submissions.c.outcome == "waiting", submissions.c.received_at < before)
        return self.fetch_rows(query.order_by(submissions.c.submission_id))

    def find_submissions(self, **equal: Any) -> list[Row]:
        """Return the returns whose columns have the values, oldest first."""
        query = select(submissions).order_by(submissions.c.received_at, submissions.c.submission_id)
        for name, value in equal.items():
            if name not in ENCRYPTED_COLUMNS:
                query = query.where(
                    submissions.c[name] == (self.vault.compute_digest(value) if name == "source" else value)
                )
        sealed = {name: value for name, value in equal.items() if name in ENCRYPTED_COLUMNS}
        return [row for row in self.fetch_rows(query) if all(row[name] == value for name, value in sealed.items())]

    def get_outcome(self, connection: Transaction, submission_id: str) -> str | None:
        """Return the outcome of a return as it stands now."""
        query = select(submissions.c.outcome).where(submissions.c.submission_id == submission_id)
        found: str | None = connection.execute(query).scalar_one()
        return found

    def has_rejected_file(self, places: Iterable[str]) -> bool:
        """Tell whether a rejected file lies at one of the places."""
        return (
            self.fetch_row(select(submissions.c.submission_id).where(submissions.c.rejected_as.in_(tuple(places))))
            is not None
        )

    def count_submissions(self) -> dict[str, int]:
        """Return how many returns there are by outcome; ``in_work`` are those without one."""
        rows = self.fetch_rows(
            select(submissions.c.outcome, func.count().label("number")).group_by(submissions.c.outcome)
        )
        return {row["outcome"] or "in_work": row["number"] for row in rows}

    def update_submission(self, connection: Transaction, submission_id: str, changes: Row) -> None:
        """Write down what has become of a return."""
        shut = self.encrypt_row({**changes, "submission_id": submission_id})
        del shut["submission_id"]  # a key that is set, to whatever, is looked up in all that may refer to it
        self.update_row(connection, submissions, submission_id, shut, changes["processed_at"])

    # --- documents and cases ------------------------------------------------------------------

    def add_issued_document(self, values: Row, answers: Mapping[str, str], sources: Mapping[str, Row]) -> None:
        """Write down a document before it leaves: its answers by path, and where each field's came from."""
        row = {**values, "answers": dump_json(answers), "sources": dump_json(sources)}
        with self.begin_transaction() as connection:
            self.insert_row(
                connection, issued_documents, row, values["issued_at"], "read" if values["case_id"] else "changed"
            )

    def find_issued_document(self, instance_id: str) -> Row | None:
        """Return what was issued as an instance, its answers and sources as mappings.

        ``answers`` is what it showed, ``given`` what was known when it was made and ``made_for`` the case
        that it was made for: of a reply, those of the document that was issued first.
        """
        rows = self.select_unaltered_rows(
            issued_documents, select(issued_documents).where(issued_documents.c.instance_id == instance_id)
        )
        if not rows:
            return None
        row = rows[0]
        read = {name: json.loads(row[name]) for name in ("answers", "sources")}
        first = self.find_issued_document(row["corrects"]) or {} if row["corrects"] else {**row, **read}
        return {**row, **read, "given": first.get("answers", {}), "made_for": first.get("case_id") or ""}

    def open_case(self, connection: Transaction, prefix: str, at: datetime, previous: str | None = None) -> str:
        """Return the id of a new case, the next number of its year."""
        year = at.year
        same = (cases.c.prefix == prefix) & (cases.c.year == year)
        newest = select(cases.c.number).where(same).order_by(cases.c.number.desc()).limit(1)
        number = (connection.execute(newest).scalar() or 0) + 1
        case_id = f"{prefix}-{year}-{number:05}"
        row = {"case_id": case_id, "prefix": prefix, "year": year, "number": number, "previous": previous}
        self.insert_row(connection, cases, {**row, "opened_at": format_timestamp(at)}, format_timestamp(at))
        return case_id

    def list_cases(self) -> list[Row]:
        """Return all cases, oldest first."""
        return self.fetch_rows(select(cases).order_by(cases.c.opened_at, cases.c.case_id))

    def load_case(self, case_id: str, today: date, office: Office, registry: Registry) -> Case:
        """Return what is known of a case; raise `UsageError` for one that there is not."""
        row = self.fetch_row(select(cases).where(cases.c.case_id == case_id))
        if row is None:
            raise UsageError("Asiaa {case} ei ole.", case=case_id)
        found = self.fetch_rows(select(records).where(records.c.case_id == case_id).order_by(records.c.record_id))
        taken = self.fetch_rows(select(steps).where(steps.c.case_id == case_id).order_by(steps.c.seq))
        return Case(
            case_id=case_id,
            today=today,
            office=office,
            records=tuple(build_case_record(item, registry) for item in found),
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
            process=registry.process,
        )

    def load_unit(self, today: date, office: Office, registry: Registry) -> Case:
        """Return the unit as if it were a case: its records are those of no case."""
        found = self.fetch_rows(select(records).where(records.c.case_id.is_(None)).order_by(records.c.record_id))
        own = tuple(build_case_record(item, registry) for item in found)
        loads = Caseloads(self)
        return Case("", today, office, own, forms=registry.ids, caseloads=loads, process=registry.process)

    def list_coaches(self) -> list[str]:
        """Return the names of all who have coached a case, in order."""
        query = select(steps.c.coach).where(steps.c.coach.is_not(None)).distinct().order_by(steps.c.coach)
        return [row["coach"] for row in self.fetch_rows(query)]

    def count_open_cases(self, coach: str, but: str) -> int:
        """Return how many open cases a coach has, one case left out."""
        later = steps.alias()
        newest = ~exists().where(later.c.case_id == steps.c.case_id, later.c.seq > steps.c.seq)
        own = steps.c.coach == coach, steps.c.phase_after != CLOSED, steps.c.case_id != but
        found = self.fetch_row(select(func.count().label("number")).select_from(steps).where(*own, newest))
        return int(found["number"]) if found else 0

    # --- records ------------------------------------------------------------------------------

    def find_record(self, record_id: str) -> Row | None:
        """Return a record's row, its payload as stored."""
        return self.fetch_row(select(records).where(records.c.record_id == record_id))

    def list_record_ids(self) -> list[Row]:
        """Return the place of every record: id, case and form."""
        return self.fetch_rows(
            select(records.c.record_id, records.c.case_id, records.c.form).order_by(records.c.record_id)
        )

    def find_instance_records(self, instance_id: str) -> list[Row]:
        """Return the records that one document, or one that corrects it, has become, oldest first."""
        again = select(issued_documents.c.instance_id).where(issued_documents.c.corrects == instance_id)
        own = (records.c.instance_id == instance_id) | records.c.instance_id.in_(again)
        return self.fetch_rows(select(records).where(own).order_by(records.c.record_id))

    def add_record(self, connection: Transaction, values: Row, at: datetime) -> None:
        """Write an accepted record down for good."""
        self.insert_row(connection, records, values, format_timestamp(at))

    def add_step(self, connection: Transaction, values: Row) -> None:
        """Write the next step of a case down for good."""
        self.insert_row(connection, steps, values, values["at"])

    def add_manual_step(self, case: Case, transition: str, note: Mapping[str, str], at: datetime) -> None:
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
            "note": dump_json(note),
            "at": format_timestamp(at),
        }
        with self.begin_transaction() as connection:
            self.add_step(connection, values)

    def add_event(self, connection: Transaction, name: str, row: Row, line: Callable[[int], str]) -> None:
        """Write down what became of a submission; ``line`` makes its line in the feed from the next number."""
        event = events.insert().values(event=name, submission_id=row["submission_id"], body="")
        inserted = connection.execute(event).inserted_primary_key
        assert inserted, "the database numbers events"
        self.update_row(connection, events, inserted[0], {"body": line(inserted[0])}, row["processed_at"])

    def list_events(self, after: int = 0, number: int | None = None) -> list[Row]:
        """Return so many events after a number, or all of them, in order."""
        return self.fetch_rows(select(events).where(events.c.seq > after).order_by(events.c.seq).limit(number))

    def count_events_after(self, after: int) -> int:
        """Return how many events there are after a number."""
        found = self.fetch_row(select(func.count().label("number")).select_from(events).where(events.c.seq > after))
        return int(found["number"]) if found else 0

    def count_submissions_with_events(self) -> int:
        """Return of how many returns there is an event."""
        found = self.fetch_row(select(func.count(events.c.submission_id.distinct()).label("number")))
        return int(found["number"]) if found else 0

    def find_submission_events(self, submission_id: str) -> list[Row]:
        """Return the events of one return, in order."""
        return self.fetch_rows(select(events).where(events.c.submission_id == submission_id).order_by(events.c.seq))

    # --- what cannot be done now --------------------------------------------------------------

    def list_problems(self, *stages: str) -> list[Row]:
        """Return what cannot be done now, oldest first, of some stages of the work or of all."""
        query = select(problems).order_by(problems.c.since, problems.c.subject)
        return self.fetch_rows(query.where(problems.c.stage.in_(stages)) if stages else query)

    def save_problems(self, found: Iterable[Row]) -> None:
        """Write down what cannot be done now; of what was noted before only the cause changes, and the signature."""
        with self.begin_transaction() as connection:
            for row in found:
                same = (problems.c.stage == row["stage"]) & (problems.c.subject == row["subject"])
                changes = {"cause": row["cause"], "signature": row["signature"]}
                if not connection.execute(problems.update().where(same).values(changes)).rowcount:
                    connection.execute(problems.insert().values(self.encrypt_row(row)))

    def delete_problems(self, keys: Iterable[tuple[str, str]]) -> None:
        """Remove what can be done again, by stage and subject."""
        with self.begin_transaction() as connection:
            for stage, subject in keys:
                same = (problems.c.stage == stage) & (problems.c.subject == subject)
                connection.execute(problems.delete().where(same))

    def fetch_rows(self, query: Any) -> list[Row]:
        """Return the rows of a query as mappings, as the open transaction of this thread sees them."""
        with self.reading() as connection:
            return [self.decrypt_row(dict(row._mapping)) for row in connection.execute(query)]

    def encrypt_row(self, row: Row) -> dict[str, Any]:
        """Return a row as it is stored: what says something of people is sealed."""
        return map_encrypted_columns(row, self.vault.encrypt_text)

    def decrypt_row(self, row: Row) -> dict[str, Any]:
        """Return a stored row as it is read."""
        return map_encrypted_columns(row, self.vault.decrypt_text)

    def reencrypt_database(self, vault: Encryptor, at: datetime) -> None:
        """Seal everything with another vault, or with none, and chain the access log with its key, in one transaction.

        Where a return came from stays a digest of an earlier key: it only tells a file that is taken
        twice before it is let go.
        """
        other = replace(self, vault=vault)
        with self.begin_transaction() as connection, allow_log_changes(connection):
            for table in (records, issued_documents, submissions, steps):
                same = [column == bindparam(f"row_{column.name}") for column in table.primary_key.columns]
                for row in map(dict, connection.execute(select(table)).mappings().all()):
                    anew = self.reencrypt_row(vault, table, row)
                    which = {f"row_{column.name}": row[column.name] for column in table.primary_key.columns}
                    changed = {name: value for name, value in anew.items() if value != row[name]}
                    if changed:
                        connection.execute(table.update().where(*same).values(**changed), which)
                        about = accesses.c.written == name_row(table, row)
                        newest = select(func.max(accesses.c.seq)).where(about).scalar_subquery()
                        line = accesses.update().where(accesses.c.seq == newest)
                        connection.execute(line.values(digest=compute_row_digest({**row, **changed})))
            link = accesses.update().where(accesses.c.seq == bindparam("line"))
            links = iter_chain_links(self.iter_log_lines(), vault.chain_key)
            while some := [{"line": one.pop("seq"), **one} for one in islice(links, BATCH_SIZE)]:
                connection.execute(link.values(prev=bindparam("prev"), hash=bindparam("hash")), some)
            connection.execute(problems.delete())  # the daemon notes them anew
            connection.execute(encryption_state.delete())
            if vault.key:
                connection.execute(encryption_state.insert().values(build_canary(vault)))
            other.log_access(connection, "changed", format_timestamp(at), case_id="*")

    def reencrypt_row(self, vault: Encryptor, table: Table, row: Row) -> dict[str, Any]:
        """Return a stored row as another vault has it."""
        found = self.decrypt_row(row)
        anew = map_encrypted_columns(found, vault.encrypt_text)
        if table is records:
            answers = dump_json(json.loads(found["payload"])["data"])
            anew["answers_key"] = vault.compute_digest(hashlib.sha256(answers.encode()).hexdigest())
        if table is submissions and not self.vault.key:
            anew["source"] = vault.compute_digest(row["source"])
        return anew

    def vacuum_database(self) -> None:
        """Keep no trace of what the database held before, as it was before it was sealed."""
        with self.engine.connect() as connection:
            raw = connection.connection.driver_connection
            assert raw, "a connection that is open has its driver's"
            raw.execute("VACUUM")
            raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    # --- what is there, for those who look whether it is as it was written ---------------------

    @contextmanager
    def open_snapshot(self) -> Iterator[tuple[Head | None, ...]]:
        """Let the queries of this thread see one moment, whatever is written meanwhile; yield the noted end of then."""
        with self.engine.connect() as connection:
            with self.begin_transaction():  # while nobody else writes
                connection.execute(
                    select(encryption_state)
                ).first()  # with its first look a connection sees what it will see
                ends = self.head_file.heads
            self.current.connection = connection
            try:
                yield ends
            finally:
                del self.current.connection

    def iter_log_lines(self) -> Iterator[Row]:
        """Yield the lines of the access log, oldest first, some being held at once."""
        seq = -(2**63)
        query = select(accesses).order_by(accesses.c.seq).limit(BATCH_SIZE)
        while some := self.fetch_rows(query.where(accesses.c.seq > seq)):
            yield from some
            seq = some[-1]["seq"]

    def iter_named_rows(self, table: Table) -> Iterator[tuple[str, Row]]:
        """Yield the rows of a table as they are stored, each with its name in the access log, in the order of these."""
        for row in self.iter_stored_rows(select(table).order_by(*table.primary_key.columns)):
            yield name_row(table, row), row

    def iter_logged_digests(self, kind: str) -> Iterator[tuple[str, str | None]]:
        """Yield the name of every row of a table, or file of a kind, in the access log, in order, and its digest.

        That is the one in the newest line about it.
        """
        about = accesses.c.written > f"{kind}:", accesses.c.written < f"{kind};"
        newest = select(func.max(accesses.c.seq)).where(*about).group_by(accesses.c.written)
        query = select(accesses.c.written, accesses.c.digest).where(accesses.c.seq.in_(newest))
        for row in self.iter_stored_rows(query.order_by(accesses.c.written)):
            yield row["written"], row["digest"]

    def iter_original_digests(self) -> Iterator[str]:
        """Yield the digests of the files that are kept."""
        for row in self.iter_stored_rows(select(submissions.c.sha256).where(submissions.c.sha256 != "").distinct()):
            yield row["sha256"]

    def iter_stored_rows(self, query: Any) -> Iterator[Row]:
        """Yield the rows of a query as they are stored, none but the one that is looked at being held."""
        with self.reading() as connection:
            yield from map(dict, connection.execute(query).mappings())

    def fetch_row(self, query: Any) -> Row | None:
        """Return the first row of a query, or None."""
        found = self.fetch_rows(query)
        return found[0] if found else None


@dataclass(frozen=True)
class Caseloads(Mapping[str, int]):
    """How many open cases each coach has, one case left out: counted when it is asked."""

    journal: Journal
    excluded_case_id: str = ""

    def __getitem__(self, coach: str) -> int:
        """Return the number of a coach's open cases."""
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
        """Return how many coaches have open cases."""
        return sum(1 for _ in self)


def map_encrypted_columns(row: Row, turn: Callable[[str, str], str]) -> dict[str, Any]:
    """Return a row whose sealed columns have been sealed or opened, each under its own name."""
    found = dict(row)
    for name, ids in ENCRYPTED_COLUMNS.items():
        if found.get(name) is not None:
            found[name] = turn(f"{name}:{':'.join(str(found[key]) for key in ids)}", found[name])
    return found


def build_canary(vault: Encryptor) -> dict[str, str]:
    """Return what tells by which key a journal is sealed, and proves it."""
    return {"key": vault.name, "canary": vault.encrypt_text(CANARY, CANARY)}


def require_matching_key(engine: Engine, vault: Encryptor, originals: Path) -> None:
    """Raise `OutOfReach` unless the vault is the one that a workspace is sealed with; an empty one fits any.

    That it is sealed is seen by more than what is written down of it.
    """
    with engine.connect() as connection:
        there = set(inspect(connection).get_table_names())
        row = connection.execute(select(encryption_state)).first() if "seal" in there else None
        key = row.key if row else find_key_of_rows(connection, there) or find_key_of_originals(originals)
        tables = [table for table in (submissions, issued_documents, cases, accesses) if table.name in there]
        empty = not any(connection.execute(select(literal(1)).select_from(table).limit(1)).first() for table in tables)
    if key and not vault.key:
        raise OutOfReach(LOCKED, key=key)
    if key and key != vault.name:
        message = "Työtila on salattu avaimella {key}, mutta asetuksissa on avain {other}."
        raise OutOfReach(message, key=key, other=vault.name)
    if row:
        vault.decrypt_text(CANARY, row.canary)
    elif vault.key and not key and not empty:
        raise OutOfReach(UNSEALED)


def require_shape(connection: Connection) -> None:
    """Raise `OutOfReach` unless the database holds our tables, indexes and triggers and nothing else that acts.

    A trigger of somebody else's would have formgen itself write, and bind, what is not true.
    """
    if (
        other := normalise_shape(tuple(tuple(row) for row in connection.exec_driver_sql(SHAPE)))
        ^ build_expected_shape()
    ):
        what = ", ".join(sorted({ascii(name) for _, name, *_ in other}))
        raise OutOfReach("Tietokannassa on osa, jota formgen ei ole tehnyt, tai osa puuttuu: {what}", what=what)


@cache
def build_expected_shape() -> frozenset[tuple[str, ...]]:
    """Return the parts of a database that has our tables and nothing else."""
    engine = create_engine("sqlite://")
    with engine.connect() as connection:
        metadata.create_all(connection, checkfirst=False)
        return normalise_shape(tuple(tuple(row) for row in connection.exec_driver_sql(SHAPE)))


@lru_cache(maxsize=4)  # asked for at every transaction, and always the same
def normalise_shape(parts: tuple[tuple[str, ...], ...]) -> frozenset[tuple[str, ...]]:
    """Return parts of a database, the columns and constraints of each in one order: migrations add theirs later."""
    return frozenset((*names, *sorted(split_clauses(sql))) for *names, sql in parts)


def split_clauses(sql: str) -> list[str]:
    """Return what a statement begins with, the columns and constraints in its brackets, and what comes after.

    >>> split_clauses("CREATE TABLE a (b TEXT,  UNIQUE (b, c))")
    ['CREATE TABLE a', '', 'b TEXT', 'UNIQUE (b, c)']
    """
    begin, _, rest = " ".join(sql.split()).partition("(")
    inner, _, end = rest.rpartition(")")
    return [begin.strip(), end.strip(), *(clause.strip() for clause in re.split(r",(?![^(]*\))", inner))]


def find_key_of_rows(connection: Connection, there: Container[str]) -> str:
    """Return the name of the key that any return, or the oldest or newest document or record, is sealed with.

    It is empty when none is: every sealed workspace that has taken a file in has a return whose name is sealed.
    """
    name = submissions.c.file_name
    queries = [select(name).where(name > SIGN, name < chr(ord(SIGN) + 1)).limit(1)] if "submissions" in there else []
    for column in (records.c.payload, issued_documents.c.answers):
        key = next(iter(column.table.primary_key.columns))
        ends = (key, key.desc()) if column.table.name in there else ()
        queries += [select(column).order_by(end).limit(1) for end in ends]
    found = (read_key_name(str(connection.execute(query).scalar())) for query in queries)
    return next(filter(None, found), "")


def find_key_of_originals(originals: Path) -> str:
    """Return the key that the name of a kept file tells, empty when the file lies there without one too."""
    for file in islice(originals.iterdir(), 1) if originals.is_dir() else ():
        name, _, key = file.name.partition(".")
        return key if key and not (originals / name).exists() else ""
    return ""


def build_case_record(row: Row, registry: Registry) -> CaseRecord:
    """Return a stored record as the case knows it, in the class of its own version."""
    record, changed, at = parse_payload(row["payload"], registry.forms[row["form"]][row["version"]])
    return CaseRecord(row["record_id"], row["instance_id"], row["version_no"], record, row["supersedes"], changed, at)


@lru_cache(maxsize=256)  # the records of a case are looked at again with each of its returns
def parse_payload(payload: str, form: type[Form]) -> tuple[Form, tuple[str, ...], str]:
    """Return what a payload tells: the record, what it changed of what was known, and when it was accepted."""
    told = json.loads(payload)
    changed = tuple(issue["field"] for issue in told["issues"] if issue["code"] == CHANGED)
    return form.model_validate_json(dump_json(told["data"])), changed, told["provenance"]["processed_at"]


def dump_json(value: Any) -> str:
    """Return a value as compact JSON."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def set_connection_pragmas(connection: Any, _: Any) -> None:
    """Make a new SQLite connection write ahead, wait for the disk, and keep references."""
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=30000"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def emit_begin(connection: Connection) -> None:
    """Begin a transaction, one that writes with the lock in hand so that it cannot fail halfway."""
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def upgrade_database(engine: Engine) -> None:
    """Bring the database to the newest shape; nothing is done when it has it already."""
    with engine.connect() as connection:
        if inspect(connection).has_table("alembic_version"):
            version = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
            if version == NEWEST_REVISION:
                return
    importlib.import_module("formgen.storage.migrations").upgrade(engine)
