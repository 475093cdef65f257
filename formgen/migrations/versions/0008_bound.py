"""The access log tells how every row stands that matters; in a sealed journal nobody else can write its chain."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from alembic import context, op

from formgen.access import Actor, Head, digest, digest_of_row, follows, row_name
from formgen.errors import OutOfReach
from formgen.vault import LOCKED, Vault

revision = "0008"
down_revision = "0006"
ROWS = {  # what the log calls a row is its table and these
    "cases": ("case_id",),
    "issued": ("instance_id",),
    "returns": ("return_id",),
    "records": ("record_id",),
    "steps": ("case_id", "seq"),
    "events": ("seq",),
}
SEALED = {"records": ("payload",), "issued": ("answers",), "returns": ("file_name", "reason"), "steps": ("note",)}


def upgrade() -> None:
    """Mark what is sealed, take up into the log the rows that there are, and chain it with the key."""
    vault: Vault = context.config.attributes["vault"]
    op.add_column("access", sa.Column("written", sa.Text(), nullable=True))
    op.add_column("access", sa.Column("digest", sa.String(length=64), nullable=True))
    op.create_index("ix_access_written", "access", ["written", "seq"])
    connection = op.get_bind()
    mark_sealed(connection, vault)
    for change in ("update", "delete"):
        op.execute(f"DROP TRIGGER IF EXISTS access_no_{change}")
    last = chain(connection, vault)
    for change in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER access_no_{change.lower()} BEFORE {change} ON access "
            "BEGIN SELECT RAISE(ABORT, 'the access log is only added to'); END"
        )
    take_up(connection, vault, last)


def mark_sealed(connection: Any, vault: Vault) -> None:
    """Begin what is sealed with the name of its key, the proof of the key with it."""
    key = connection.exec_driver_sql("SELECT key FROM seal").scalar()
    first = connection.exec_driver_sql("SELECT substr(answers, 1, 1) FROM issued LIMIT 1").scalar()
    if key is None and first not in ("{", None):
        raise OutOfReach(LOCKED, key="–")
    for name, columns in SEALED.items() if key else ():
        for one in columns:
            column: sa.ColumnClause[str] = sa.column(one)
            marked = sa.literal(f"\x1e{key}:") + column
            op.execute(sa.table(name, column).update().where(column.is_not(None)).values({column: marked}))
    if key:
        canary = vault.seal("formgen 2", "formgen 2")
        connection.execute(sa.text("UPDATE seal SET canary = :canary"), {"canary": canary})


def chain(connection: Any, vault: Vault) -> Head:
    """Chain the log with the key, and return its last line; where it was broken it stays so."""
    before, anew = Head(), Head()
    for line in connection.exec_driver_sql("SELECT * FROM access ORDER BY seq").mappings().all():
        whole = follows(line, before)
        before = Head(line["seq"], line["hash"])
        prev = anew.hash if whole else line["prev"]
        anew = Head(line["seq"], digest({**line, "prev": prev}, vault.chain) if whole else line["hash"])
        change = sa.text("UPDATE access SET prev = :prev, hash = :hash WHERE seq = :seq")
        connection.execute(change, {"prev": prev, "hash": anew.hash, "seq": line["seq"]})
    return anew


def take_up(connection: Any, vault: Vault, last: Head) -> None:
    """Add to the log how the rows stand that were written before it told of them."""
    at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    who = {"at": at, "actor": Actor.here().name, "command": "upgrade", "action": "changed"}
    columns = ("seq", *who, "return_id", "record_id", "case_id", "written", "digest", "prev", "hash")
    add = sa.table("access", *map(sa.column, columns)).insert()
    for written, row in rows(connection):
        ids = {name: row.get(name) for name in ("return_id", "record_id", "case_id")}
        line = {"seq": last.seq + 1, **who, **ids, "written": written, "digest": digest_of_row(row), "prev": last.hash}
        last = Head(last.seq + 1, digest(line, vault.chain))
        connection.execute(add, {**line, "hash": last.hash})


def rows(connection: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield every row that matters with its name."""
    for table, keys in ROWS.items():
        every = sa.select(sa.text("*")).select_from(sa.table(table)).order_by(*map(sa.column, keys))
        for row in connection.execute(every).mappings().all():
            yield row_name(table, *(row[key] for key in keys)), row
