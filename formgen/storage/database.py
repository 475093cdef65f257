"""One database: opened, written to with a line in the access log for every row, and read as it was written.

SQLAlchemy Core; SQLite in WAL mode with every commit on disk.
"""

from __future__ import annotations

import hashlib
import importlib
import json
from collections.abc import Callable, Container, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from threading import local
from typing import Any, Self, TypeVar

from sqlalchemy import (
    Connection,
    Engine,
    Table,
    bindparam,
    create_engine,
    event,
    func,
    insert,
    inspect,
    literal,
    select,
)
from sqlalchemy.exc import DBAPIError, OperationalError

from formgen import files
from formgen.encryption import LOCKED, NO_ENCRYPTION, SIGN, Encryptor, read_key_name
from formgen.errors import Busy, OutOfReach
from formgen.i18n import N_
from formgen.storage.access_log import (
    Actor,
    Head,
    HeadFile,
    build_row_name,
    compute_line_digest,
    compute_row_digest,
)
from formgen.storage.moments import format_timestamp
from formgen.storage.rows import AccessLine
from formgen.storage.tables import (
    accesses,
    cases,
    encryption_state,
    issued_documents,
    name_row,
    records,
    require_shape,
    submissions,
)

NEWEST_REVISION = "0001"
HEAD_FILE_NAME = "access.head"
ENCRYPTED_COLUMNS = {  # the columns that say something of people, each with what names its row
    "payload": ("record_id",),
    "answers": ("instance_id",),
    "file_name": ("submission_id",),
    "reason": ("submission_id",),
    "extraction": ("submission_id",),
    "pictures": ("submission_id",),
    "note": ("case_id", "seq"),
    "place": ("stage", "subject"),
    "remark": ("name",),
}
CANARY = "formgen 2"
ID_COLUMNS = ("submission_id", "record_id", "case_id")
UNSEALED = N_(
    "Asetuksissa on salausavain, mutta työtilaa ei ole salattu. Jos se on ollut salattu, joku on vaihtanut sen: "
    "selvitä asia. Muuten salaa ensin työtila."
)
ALTERED = N_("Tietokannan riviä {what} on muutettu. Sitä ei käytetä, ennen kuin syy on selvitetty.")
BATCH_SIZE = 1000  # lines or rows that are held at once
Row = Mapping[str, Any]
Transaction = Connection
Kind = TypeVar("Kind")
MAX_HEAD_READS = 5  # at the log and at its noted end, which do not change at the same moment
NEWEST = select(accesses).where(accesses.c.written == bindparam("about")).order_by(accesses.c.seq.desc()).limit(1)


@dataclass(frozen=True)
class Database:
    """The database of one workspace, ``actor`` being at work in it; whatever they change is in the access log.

    ``head_file`` is where the end of the log is noted; ``current`` holds the transaction that a thread has open.
    """

    engine: Engine
    var: Path
    head_file: HeadFile
    actor: Actor = field(default_factory=Actor.from_system_user)
    encryptor: Encryptor = NO_ENCRYPTION
    current: local = field(default_factory=local, compare=False)

    @classmethod
    def open_or_create(
        cls, var: Path, actor: Actor | None = None, encryptor: Encryptor = NO_ENCRYPTION, head: Path | None = None
    ) -> Self:
        """Open the database in the private folder, made or brought up to date; raise `OutOfReach`.

        Nothing is changed when the encryptor is not the one that it is sealed with. The end of its
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
            require_matching_key(engine, encryptor, var / "originals")
            upgrade_database(engine)
            with engine.connect() as connection:
                require_shape(connection)
        except (OperationalError, OSError) as error:
            raise OutOfReach(detail=f"{var}") from error
        journal = cls(engine, var, end, actor or Actor.from_system_user(), encryptor)
        if encryptor.key and journal.fetch_row(select(encryption_state)) is None:
            with engine.execution_options(writes=True).begin() as connection:
                connection.execute(insert(encryption_state).prefix_with("OR IGNORE").values(build_canary(encryptor)))
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

        ``about`` are the ids of the submission, record and case, the case ``*`` standing for all, and
        of a row that was written its name and digest.
        """
        seq, prev = self.find_head(connection)
        said = {name: about.get(name) for name in (*ID_COLUMNS, "written", "digest")}
        who = {"actor": self.actor.name, "command": self.actor.command}
        line = {"seq": seq + 1, "at": at, **who, "action": action, **said, "prev": prev}
        connection.execute(accesses.insert(), {**line, "hash": compute_line_digest(line, self.encryptor.chain_key)})

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
        if line and compute_line_digest(dict(line), self.encryptor.chain_key) != line["hash"]:
            self.require_same_key(connection)
            raise OutOfReach(ALTERED, remedy="verify", what=written)
        return line["digest"] if line else None

    def require_same_key(self, connection: Connection) -> None:
        """Raise `OutOfReach` when another process has changed the key that the workspace is sealed with."""
        key = connection.execute(select(encryption_state.c.key)).scalar()
        if key != (self.encryptor.name if self.encryptor.key else None):
            raise OutOfReach(N_("Työtilan salaus on vaihtunut. Käynnistä formgen uudelleen."))

    def log_reads(self, at: datetime, *about: Row) -> None:
        """Add to the access log what somebody is about to see: for each its ids."""
        with self.begin_transaction() as connection:
            for ids in about:
                self.log_access(connection, "read", format_timestamp(at), **ids)

    def find_log_lines(self, **equal: str) -> list[AccessLine]:
        """Find the lines of the access log about certain ids, oldest first; what was read of all is about each."""
        query = select(accesses).order_by(accesses.c.seq)
        for name, value in equal.items():
            same = accesses.c[name] == value
            query = query.where(same | (accesses.c.case_id == "*") if name == "case_id" else same)
        return self.fetch(AccessLine, query)

    def iter_log_lines(self) -> Iterator[Row]:
        """Yield the lines of the access log, oldest first, some being held at once."""
        seq = -(2**63)
        query = select(accesses).order_by(accesses.c.seq).limit(BATCH_SIZE)
        while some := self.fetch_rows(query.where(accesses.c.seq > seq)):
            yield from some
            seq = some[-1]["seq"]

    def iter_logged_digests(self, kind: str) -> Iterator[tuple[str, str | None]]:
        """Yield the name of every row of a table, or file of a kind, in the access log, in order, and its digest.

        That is the one in the newest line about it.
        """
        about = accesses.c.written > f"{kind}:", accesses.c.written < f"{kind};"
        newest = select(func.max(accesses.c.seq)).where(*about).group_by(accesses.c.written)
        query = select(accesses.c.written, accesses.c.digest).where(accesses.c.seq.in_(newest))
        for row in self.iter_stored_rows(query.order_by(accesses.c.written)):
            yield row["written"], row["digest"]

    # --- rows ---------------------------------------------------------------------------------

    def select_unaltered_rows(self, table: Table, query: Any) -> list[Row]:
        """Return the rows that a query finds; raise `OutOfReach` when the access log tells otherwise of one."""
        with self.reading() as connection:
            found = list(map(dict, connection.execute(query).mappings()))
            for row in found:
                if self.find_noted_digest(connection, name := name_row(table, row)) != compute_row_digest(row):
                    raise OutOfReach(ALTERED, remedy="verify", what=name)
        return [self.decrypt_row(row) for row in found]

    def reading(self) -> AbstractContextManager[Connection]:
        """Open the transaction that this thread has begun, or a connection of its own."""
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

    def fetch(self, kind: type[Kind], query: Any) -> list[Kind]:
        """Fetch the rows of a query as dataclasses, as the open transaction of this thread sees them."""
        return [kind(**row) for row in self.fetch_rows(query)]

    def count(self, query: Any) -> int:
        """Fetch the one number that a query asks for."""
        with self.reading() as connection:
            return int(connection.execute(query).scalar_one())

    def fetch_rows(self, query: Any) -> list[Row]:
        """Fetch the rows of a query as mappings, as the open transaction of this thread sees them."""
        with self.reading() as connection:
            return [self.decrypt_row(dict(row._mapping)) for row in connection.execute(query)]

    def fetch_row(self, query: Any) -> Row | None:
        """Return the first row of a query, or None."""
        found = self.fetch_rows(query)
        return found[0] if found else None

    def encrypt_row(self, row: Row) -> dict[str, Any]:
        """Return a row as it is stored: what says something of people is sealed."""
        return map_encrypted_columns(row, self.encryptor.encrypt_text)

    def decrypt_row(self, row: Row) -> dict[str, Any]:
        """Return a stored row as it is read."""
        return map_encrypted_columns(row, self.encryptor.decrypt_text)

    def iter_encrypted_rows(self, kind: type[Kind], table: Table) -> Iterator[tuple[str, Kind]]:
        """Yield the rows of a table as dataclasses, as they are stored, each with its name in the access log."""
        for name, row in self.iter_named_rows(table):
            yield name, kind(**row)

    def decrypt(self, kind: type[Kind], sealed: Kind) -> Kind:
        """Open a row that is as it is stored; raise `OutOfReach` where it is not as it was written."""
        return kind(**self.decrypt_row(vars(sealed)))

    def iter_named_rows(self, table: Table) -> Iterator[tuple[str, Row]]:
        """Yield the rows of a table as they are stored, each with its name in the access log, in the order of these."""
        for row in self.iter_stored_rows(select(table).order_by(*table.primary_key.columns)):
            yield name_row(table, row), row

    def iter_stored_rows(self, query: Any) -> Iterator[Row]:
        """Yield the rows of a query as they are stored, none but the one that is looked at being held."""
        with self.reading() as connection:
            yield from map(dict, connection.execute(query).mappings())

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


def map_encrypted_columns(row: Row, turn: Callable[[str, str], str]) -> dict[str, Any]:
    """Return a row whose sealed columns have been sealed or opened, each under its own name."""
    found = dict(row)
    for name, ids in ENCRYPTED_COLUMNS.items():
        if found.get(name) is not None:
            found[name] = turn(f"{name}:{':'.join(str(found[key]) for key in ids)}", found[name])
    return found


def build_canary(encryptor: Encryptor) -> dict[str, str]:
    """Build the row that tells by which key a journal is sealed, and proves it."""
    return {"key": encryptor.name, "canary": encryptor.encrypt_text(CANARY, CANARY)}


def require_matching_key(engine: Engine, encryptor: Encryptor, originals: Path) -> None:
    """Raise `OutOfReach` unless the encryptor is the one that a workspace is sealed with; an empty one fits any.

    That it is sealed is seen by more than what is written down of it.
    """
    with engine.connect() as connection:
        there = set(inspect(connection).get_table_names())
        row = connection.execute(select(encryption_state)).first() if "encryption_state" in there else None
        key = row.key if row else find_key_of_rows(connection, there) or find_key_of_originals(originals)
        tables = [table for table in (submissions, issued_documents, cases, accesses) if table.name in there]
        empty = not any(connection.execute(select(literal(1)).select_from(table).limit(1)).first() for table in tables)
    if key and not encryptor.key:
        raise OutOfReach(LOCKED, key=key)
    if key and key != encryptor.name:
        message = N_("Työtila on salattu avaimella {key}, mutta asetuksissa on avain {other}.")
        raise OutOfReach(message, key=key, other=encryptor.name)
    if row:
        encryptor.decrypt_text(CANARY, row.canary)
    elif encryptor.key and not key and not empty:
        raise OutOfReach(UNSEALED, remedy="encrypt")


def find_key_of_rows(connection: Connection, there: Container[str]) -> str:
    """Find the name of the key that any submission, or the oldest or newest document or record, is sealed with.

    It is empty when none is: every sealed workspace that has taken a file in has a submission whose name is sealed.
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
