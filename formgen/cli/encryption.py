"""The command that turns encryption on, off, or to another key."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from formgen.cli.console import _, err, format_examples
from formgen.cli.session import open_session

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
    key = shared.workspace.encrypt(old_key)
    if shared.as_json:
        shared.print_json({"key": key or None})
    elif key:
        err.print(shared.translate("Työtila on salattu avaimella {key}.", key=key))
    else:
        err.print(shared.translate("Työtilaa ei ole salattu."))
