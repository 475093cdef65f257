"""The change of the key that a workspace is sealed with: to one, to another, or to none."""

from __future__ import annotations

import shutil
from datetime import datetime

from formgen import files
from formgen.access import Actor
from formgen.errors import OutOfReach
from formgen.settings import Workspace
from formgen.store import Journal
from formgen.vault import Vault


def reseal(workspace: Workspace, old: Vault, actor: Actor, now: datetime) -> None:
    """Bring what is kept to the vault of the settings, from another one; nobody else may be at work meanwhile.

    Files are sealed anew beside the old ones, then the journal in one transaction, then the old files
    go: whatever dies in between, the journal says which are good, and another run does the rest.
    Raise `OutOfReach` when neither vault is the one of the workspace: then nothing is changed.
    """
    new = workspace.vault
    try:
        journal = Journal.open(workspace.var, actor, new)
    except OutOfReach:
        journal = Journal.open(workspace.var, actor, old)
        for sha256 in digests(journal):
            work = workspace.var / "work" / sha256
            work.unlink(missing_ok=True)
            with files.new(work) as stream:
                with new.into(stream) as sealing:
                    for piece in old.pieces(workspace.originals, sha256):
                        sealing.write(piece)
                files.put(stream)
            work.replace(new.place(workspace.originals, sha256))
        files.flush(workspace.originals)
        journal.sealed_anew(new, now)
        journal.engine.dispose()
        journal = Journal.open(workspace.var, actor, new)
    for file in workspace.originals.iterdir():
        good = new.place(workspace.originals, file.name.partition(".")[0])
        if file != good and good.exists():
            file.unlink()
    if new.key:
        shutil.rmtree(workspace.pictures, ignore_errors=True)


def digests(journal: Journal) -> set[str]:
    """Return the names of the files that are kept."""
    return {row["sha256"] for row in journal.returned() if row["sha256"]}
