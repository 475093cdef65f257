"""The access log tells how every row stands that matters; in a sealed journal nobody else can write its chain."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import context, op

from formgen.encryption import LOCKED, Vault
from formgen.errors import OutOfReach
from formgen.storage.access_log import Actor, Head, digest, digest_of_row, follows, row_name
from formgen.storage.signing_keys import fingerprint, read_keys

revision = "0008"
down_revision = "0007"
ROWS = {  # what the log calls a row is its table and these
    "cases": ("case_id",),
    "issued": ("instance_id",),
    "returns": ("return_id",),
    "records": ("record_id",),
    "steps": ("case_id", "seq"),
    "events": ("seq",),
    "signing_keys": ("name",),
}
SEALED = {"records": ("payload",), "issued": ("answers",), "returns": ("file_name", "reason"), "steps": ("note",)}


def upgrade() -> None:
    """Mark what is sealed, take up into the log the rows that there are, and chain it with the key."""
    vault: Vault = context.config.attributes["vault"]
    op.add_column("access", sa.Column("written", sa.Text(), nullable=True))
    op.add_column("access", sa.Column("digest", sa.String(length=64), nullable=True))
    op.create_index("ix_access_written", "access", ["written", "seq"])
    op.add_column("issued", sa.Column("key", sa.String(length=16), nullable=True))
    keys = op.create_table(
        "signing_keys",
        sa.Column("name", sa.String(length=16), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("made_at", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("revoked_at", sa.String(length=32), nullable=True),
        sa.Column("revoked_by", sa.Text(), nullable=True),
        sa.Column("remark", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_index(
        "ix_signing_keys_signing", "signing_keys", ["state"], unique=True, sqlite_where=sa.text("state = 'signing'")
    )
    connection = op.get_bind()
    write_down_keys(connection, keys, context.config.attributes["var"] / "keys")
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


def write_down_keys(connection: Any, keys: sa.Table, folder: Path) -> None:
    """Write down the signing keys, the newest of which has signed until now, and with which each document was."""
    if connection.exec_driver_sql("SELECT 1 FROM issued UNION ALL SELECT 1 FROM returns LIMIT 1").scalar() is None:
        return
    lying = read_keys(folder)
    made = {name: (folder / f"{name}.key").stat().st_mtime_ns for name in lying}
    issued = sa.table("issued", sa.column("key"), sa.column("issued_at"))
    for number, name in enumerate(ordered := sorted(made, key=lambda name: (made[name], name))):
        at = stamp(datetime.fromtimestamp(made[name] / 10**9, UTC))
        state = "signing" if name == ordered[-1] else "good"
        row = {"name": name, "fingerprint": fingerprint(lying[name]), "made_at": at, "state": state}
        connection.execute(keys.insert().values(row))
        connection.execute(issued.update().where(issued.c.issued_at >= (at if number else "")).values(key=name))


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
    for line in lines(connection):
        whole = follows(line, before)
        before = Head(line["seq"], line["hash"])
        prev = anew.hash if whole else line["prev"]
        anew = Head(line["seq"], digest({**line, "prev": prev}, vault.chain) if whole else line["hash"])
        change = sa.text("UPDATE access SET prev = :prev, hash = :hash WHERE seq = :seq")
        connection.execute(change, {"prev": prev, "hash": anew.hash, "seq": line["seq"]})
    return anew


def lines(connection: Any) -> Iterator[Mapping[str, Any]]:
    """Yield the lines of the log, some being held at once: each is changed when it has been seen."""
    seq, query = 0, "SELECT * FROM access WHERE seq > ? ORDER BY seq LIMIT 1000"
    while some := connection.exec_driver_sql(query, (seq,)).mappings().all():
        yield from some
        seq = some[-1]["seq"]


def take_up(connection: Any, vault: Vault, last: Head) -> None:
    """Add to the log how the rows stand that were written before it told of them."""
    who = {"at": stamp(datetime.now(UTC)), "actor": Actor.here().name, "command": "upgrade", "action": "changed"}
    columns = ("seq", *who, "return_id", "record_id", "case_id", "written", "digest", "prev", "hash")
    add = sa.table("access", *map(sa.column, columns)).insert()
    for written, row in rows(connection):
        ids = {name: row.get(name) for name in ("return_id", "record_id", "case_id")}
        line = {"seq": last.seq + 1, **who, **ids, "written": written, "digest": digest_of_row(row), "prev": last.hash}
        last = Head(last.seq + 1, digest(line, vault.chain))
        connection.execute(add, {**line, "hash": last.hash})


def stamp(at: datetime) -> str:
    """Return a moment as it is stored."""
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def rows(connection: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield every row that matters with its name."""
    for table, keys in ROWS.items():
        every = sa.select(sa.text("*")).select_from(sa.table(table)).order_by(*map(sa.column, keys))
        for row in connection.execute(every).mappings():
            yield row_name(table, *(row[key] for key in keys)), row
