"""The command that turns encryption on, off, or to another key."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from formgen.cli.console import _, err, examples
from formgen.cli.session import now, session
from formgen.encryption import PLAIN, from_file
from formgen.intake.watcher import alone
from formgen.storage.access_log import Actor
from formgen.storage.rekey import reseal

app = typer.Typer()


@app.command(
    epilog=examples("formgen encrypt", "formgen encrypt --old-key /etc/formgen/key.old"),
)
def encrypt(
    context: typer.Context,
    old_key: Annotated[
        Path | None, typer.Option("--old-key", metavar="FILE", help=_("Avain, jolla työtila on nyt salattu."))
    ] = None,
) -> None:
    """Bring what is kept to the key of the settings; the daemon must not be running."""
    shared = session(context)
    workspace = shared.made
    old = from_file(old_key, workspace.root) if old_key else PLAIN
    vault = workspace.vault
    with alone(workspace):
        reseal(workspace, old, Actor.here(shared.command), now())
    if shared.as_json:
        shared.answer({"key": vault.name if vault.key else None})
    elif vault.key:
        err.print(shared.say("Työtila on salattu avaimella {key}.", key=vault.name))
    else:
        err.print(shared.say("Työtilaa ei ole salattu."))
