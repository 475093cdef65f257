"""The change of the key that a workspace is sealed with: to one, to another, or to none."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import replace
from datetime import datetime
from itertools import islice
from typing import Any

from sqlalchemy import Table, bindparam, func, select

from formgen import files
from formgen.encryption import Encryptor
from formgen.errors import OutOfReach
from formgen.i18n import N_
from formgen.publishing import outbox
from formgen.settings import WorkspaceFolder
from formgen.storage import ledger
from formgen.storage.access_log import Actor, compute_row_digest, iter_chain_links
from formgen.storage.database import BATCH_SIZE, Row, build_canary, dump_json, map_encrypted_columns
from formgen.storage.journal import Journal
from formgen.storage.moments import format_timestamp
from formgen.storage.tables import (
    accesses,
    allow_log_changes,
    encryption_state,
    extractions,
    issued_documents,
    name_row,
    problems,
    records,
    signing_keys,
    steps,
    submissions,
)


def reencrypt_workspace(workspace: WorkspaceFolder, old: Encryptor, actor: Actor, now: datetime) -> None:
    """Bring what is kept to the encryptor of the settings, from another one; nobody else may be at work meanwhile.

    Files are sealed anew beside the old ones, then the journal in one transaction, then the old files
    go: whatever dies in between, the journal says which are good, and another run does the rest.
    Raise `OutOfReach` when neither encryptor is the one of the workspace, or when the journal is not as its
    access log or the feed tells: then the journal stays as it is.
    """
    new = workspace.encryptor
    try:
        Journal.open_or_create(workspace.var, actor, new, workspace.head)
    except OutOfReach:
        reencrypt_stored_data(workspace, Journal.open_or_create(workspace.var, actor, old, workspace.head), now)
        Journal.open_or_create(workspace.var, actor, new, workspace.head)
    for file in workspace.originals.iterdir():
        good = new.locate_file(workspace.originals, file.name.partition(".")[0])
        if file != good and good.exists():
            file.unlink()
    if new.key:
        shutil.rmtree(workspace.pictures, ignore_errors=True)


def reencrypt_stored_data(workspace: WorkspaceFolder, journal: Journal, now: datetime) -> None:
    """Seal what is kept with the encryptor of the settings, files and journal."""
    new = workspace.encryptor
    if number := outbox.find_foreign_line(workspace, (event.body for event in journal.list_events())):
        message = N_("Kansio outbox kertoo tapahtumasta {number}, jota tietokannassa ei ole. Selvitä ensin syy.")
        raise OutOfReach(message, remedy="verify", number=str(number))
    for sha256 in journal.iter_original_digests():
        work = workspace.var / "work" / sha256
        work.unlink(missing_ok=True)
        with files.open_new_file(work) as stream:
            with new.encrypt_stream(stream) as sealing:
                for piece in journal.encryptor.iter_pieces(workspace.originals, sha256):
                    sealing.write(piece)
            files.sync_stream(stream)
        work.replace(new.locate_file(workspace.originals, sha256))
    files.sync_folder(workspace.originals)
    with journal.begin_transaction():
        if next(ledger.find_flaws(journal, journal.head_file.heads), None):
            raise OutOfReach(
                N_("Tietokanta ei ole sellainen kuin se kirjoitettiin. Selvitä ensin syy."), remedy="verify"
            )
        reencrypt_database(journal, new, now)
    vacuum_database(journal)
    journal.engine.dispose()


def reencrypt_database(journal: Journal, encryptor: Encryptor, at: datetime) -> None:
    """Seal everything with another encryptor, or with none, and chain the access log with its key, in one transaction.

    Where a return came from stays a digest of an earlier key: it only tells a file that is taken
    twice before it is let go.
    """
    other = replace(journal, encryptor=encryptor)
    with journal.begin_transaction() as connection, allow_log_changes(connection):
        for table in (records, issued_documents, submissions, extractions, steps, signing_keys):
            same = [column == bindparam(f"row_{column.name}") for column in table.primary_key.columns]
            for row in map(dict, connection.execute(select(table)).mappings().all()):
                anew = reencrypt_row(journal, encryptor, table, row)
                which = {f"row_{column.name}": row[column.name] for column in table.primary_key.columns}
                changed = {name: value for name, value in anew.items() if value != row[name]}
                if changed:
                    connection.execute(table.update().where(*same).values(**changed), which)
                    about = accesses.c.written == name_row(table, row)
                    newest = select(func.max(accesses.c.seq)).where(about).scalar_subquery()
                    line = accesses.update().where(accesses.c.seq == newest)
                    connection.execute(line.values(digest=compute_row_digest({**row, **changed})))
        link = accesses.update().where(accesses.c.seq == bindparam("line"))
        links = iter_chain_links(journal.iter_log_lines(), encryptor.chain_key)
        while some := [{"line": one.pop("seq"), **one} for one in islice(links, BATCH_SIZE)]:
            connection.execute(link.values(prev=bindparam("prev"), hash=bindparam("hash")), some)
        connection.execute(problems.delete())  # the daemon notes them anew
        connection.execute(encryption_state.delete())
        if encryptor.key:
            connection.execute(encryption_state.insert().values(build_canary(encryptor)))
        other.log_access(connection, "changed", format_timestamp(at), case_id="*")


def reencrypt_row(journal: Journal, encryptor: Encryptor, table: Table, row: Row) -> dict[str, Any]:
    """Return a stored row as another encryptor has it."""
    found = journal.decrypt_row(row)
    anew = map_encrypted_columns(found, encryptor.encrypt_text)
    if table is records:
        answers = dump_json(json.loads(found["payload"])["data"])
        anew["answers_key"] = encryptor.compute_digest(hashlib.sha256(answers.encode()).hexdigest())
    if table is submissions and not journal.encryptor.key:
        anew["source"] = encryptor.compute_digest(row["source"])
    return anew


def vacuum_database(journal: Journal) -> None:
    """Keep no trace of what the database held before, as it was before it was sealed."""
    with journal.engine.connect() as connection:
        raw = connection.connection.driver_connection
        assert raw, "a connection that is open has its driver's"
        raw.execute("VACUUM")
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
