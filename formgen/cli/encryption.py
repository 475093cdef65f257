"""The command that turns encryption on, off, or to another key."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from formgen.cli.console import _, err, format_examples
from formgen.cli.session import now, open_session
from formgen.encryption import NO_ENCRYPTION, load_encryptor
from formgen.intake.watcher import hold_workspace_lock
from formgen.storage.access_log import Actor
from formgen.storage.rekey import reencrypt_workspace

app = typer.Typer()


@app.command(
    epilog=format_examples("formgen encrypt", "formgen encrypt --old-key /etc/formgen/key.old"),
)
def encrypt(
    context: typer.Context,
    old_key: Annotated[
        Path | None, typer.Option("--old-key", metavar="FILE", help=_("Avain, jolla työtila on nyt salattu."))
    ] = None,
) -> None:
    """Bring what is kept to the key of the settings; the daemon must not be running."""
    shared = open_session(context)
    workspace = shared.existing_workspace
    old = load_encryptor(old_key, workspace.root) if old_key else NO_ENCRYPTION
    vault = workspace.encryptor
    with hold_workspace_lock(workspace):
        reencrypt_workspace(workspace, old, Actor.from_system_user(shared.command), now())
    if shared.as_json:
        shared.print_json({"key": vault.name if vault.key else None})
    elif vault.key:
        err.print(shared.translate("Työtila on salattu avaimella {key}.", key=vault.name))
    else:
        err.print(shared.translate("Työtilaa ei ole salattu."))
