"""The change of the key that a workspace is sealed with: to one, to another, or to none."""

from __future__ import annotations

import shutil
from datetime import datetime

from formgen import files
from formgen.encryption import Encryptor
from formgen.errors import OutOfReach
from formgen.i18n import N_
from formgen.publishing import outbox
from formgen.settings import Workspace
from formgen.storage import ledger
from formgen.storage.access_log import Actor
from formgen.storage.journal import Journal


def reencrypt_workspace(workspace: Workspace, old: Encryptor, actor: Actor, now: datetime) -> None:
    """Bring what is kept to the vault of the settings, from another one; nobody else may be at work meanwhile.

    Files are sealed anew beside the old ones, then the journal in one transaction, then the old files
    go: whatever dies in between, the journal says which are good, and another run does the rest.
    Raise `OutOfReach` when neither vault is the one of the workspace, or when the journal is not as its
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


def reencrypt_stored_data(workspace: Workspace, journal: Journal, now: datetime) -> None:
    """Seal what is kept with the vault of the settings, files and journal."""
    new = workspace.encryptor
    if number := outbox.find_foreign_line(workspace, journal.list_events()):
        message = N_(
            "Kansio outbox kertoo tapahtumasta {number}, jota tietokannassa ei ole. Selvitä ensin: formgen verify"
        )
        raise OutOfReach(message, number=str(number))
    for sha256 in journal.iter_original_digests():
        work = workspace.var / "work" / sha256
        work.unlink(missing_ok=True)
        with files.open_new_file(work) as stream:
            with new.encrypt_stream(stream) as sealing:
                for piece in journal.vault.iter_pieces(workspace.originals, sha256):
                    sealing.write(piece)
            files.sync_stream(stream)
        work.replace(new.locate_file(workspace.originals, sha256))
    files.sync_folder(workspace.originals)
    with journal.begin_transaction():
        if next(ledger.find_flaws(journal, journal.head_file.heads), None):
            raise OutOfReach(N_("Tietokanta ei ole sellainen kuin se kirjoitettiin. Selvitä ensin: formgen verify"))
        journal.reencrypt_database(new, now)
    journal.vacuum_database()
    journal.engine.dispose()
