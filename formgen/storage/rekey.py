"""The change of the key that a workspace is sealed with: to one, to another, or to none."""

from __future__ import annotations

import shutil
from datetime import datetime

from formgen import files
from formgen.encryption import Vault
from formgen.errors import OutOfReach
from formgen.publishing import outbox
from formgen.settings import Workspace
from formgen.storage import ledger
from formgen.storage.access_log import Actor
from formgen.storage.journal import Journal


def reseal(workspace: Workspace, old: Vault, actor: Actor, now: datetime) -> None:
    """Bring what is kept to the vault of the settings, from another one; nobody else may be at work meanwhile.

    Files are sealed anew beside the old ones, then the journal in one transaction, then the old files
    go: whatever dies in between, the journal says which are good, and another run does the rest.
    Raise `OutOfReach` when neither vault is the one of the workspace, or when the journal is not as its
    access log or the feed tells: then the journal stays as it is.
    """
    new = workspace.vault
    try:
        Journal.open(workspace.var, actor, new, workspace.head)
    except OutOfReach:
        seal_anew(workspace, Journal.open(workspace.var, actor, old, workspace.head), now)
        Journal.open(workspace.var, actor, new, workspace.head)
    for file in workspace.originals.iterdir():
        good = new.place(workspace.originals, file.name.partition(".")[0])
        if file != good and good.exists():
            file.unlink()
    if new.key:
        shutil.rmtree(workspace.pictures, ignore_errors=True)


def seal_anew(workspace: Workspace, journal: Journal, now: datetime) -> None:
    """Seal what is kept with the vault of the settings, files and journal."""
    new = workspace.vault
    if number := outbox.find_foreign_line(workspace, journal.feed()):
        message = "Kansio outbox kertoo tapahtumasta {number}, jota tietokannassa ei ole. Selvitä ensin: formgen verify"
        raise OutOfReach(message, number=str(number))
    for sha256 in journal.originals():
        work = workspace.var / "work" / sha256
        work.unlink(missing_ok=True)
        with files.new(work) as stream:
            with new.into(stream) as sealing:
                for piece in journal.vault.pieces(workspace.originals, sha256):
                    sealing.write(piece)
            files.put(stream)
        work.replace(new.place(workspace.originals, sha256))
    files.flush(workspace.originals)
    with journal.transaction():
        if next(ledger.flaws(journal, journal.end.heads), None):
            raise OutOfReach("Tietokanta ei ole sellainen kuin se kirjoitettiin. Selvitä ensin: formgen verify")
        journal.sealed_anew(new, now)
    journal.forget()
    journal.engine.dispose()
