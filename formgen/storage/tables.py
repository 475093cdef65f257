"""The tables of the database, and whether it holds these and nothing else that acts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache, lru_cache
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
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
    text,
)

from formgen.errors import OutOfReach
from formgen.i18n import N_
from formgen.storage.access_log import build_row_name

SHAPE = (
    "SELECT type, name, tbl_name, sql FROM sqlite_master WHERE sql IS NOT NULL "
    "AND NOT (type = 'table' AND (name LIKE 'sqlite\\_%' ESCAPE '\\' OR name = 'alembic_version'))"
)

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
extractions = Table(
    "extractions",
    metadata,
    Column("submission_id", String(36), ForeignKey("submissions.submission_id"), primary_key=True),
    Column("reader_version", String(40), nullable=False),
    Column("extraction", Text, nullable=False),
    Column("pictures", Text),
    Column("read_at", String(32), nullable=False),
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
    "encryption_state", metadata, Column("key", String(8), primary_key=True), Column("canary", Text, nullable=False)
)
LOGGED_TABLES = (
    cases,
    issued_documents,
    submissions,
    extractions,
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


def name_row(table: Table, row: Mapping[str, Any]) -> str:
    """Name a row as the access log does."""
    return build_row_name(table.name, *(row[column.name] for column in table.primary_key.columns))


def require_shape(connection: Connection) -> None:
    """Raise `OutOfReach` unless the database holds our tables, indexes and triggers and nothing else that acts.

    A trigger of somebody else's would have formgen itself write, and bind, what is not true.
    """
    if (
        other := normalise_shape(tuple(tuple(row) for row in connection.exec_driver_sql(SHAPE)))
        ^ build_expected_shape()
    ):
        what = ", ".join(sorted({ascii(name) for _, name, *_ in other}))
        raise OutOfReach(N_("Tietokannassa on osa, jota formgen ei ole tehnyt, tai osa puuttuu: {what}"), what=what)


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
    """Split a statement into its beginning, its end, and the columns and constraints in its brackets.

    >>> split_clauses("CREATE TABLE a (b TEXT,  UNIQUE (b, c))")
    ['CREATE TABLE a', '', 'b TEXT', 'UNIQUE (b, c)']
    """
    begin, _, rest = " ".join(sql.split()).partition("(")
    inner, _, end = rest.rpartition(")")
    return [begin.strip(), end.strip(), *(clause.strip() for clause in re.split(r",(?![^(]*\))", inner))]
