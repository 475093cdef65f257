"""Commands about access: who saw what, the signing keys, and whether all is as it was written."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.table import Table

from formgen import audit
from formgen.access import Head
from formgen.cli.console import _, err, examples, out
from formgen.cli.session import session
from formgen.errors import UsageError
from formgen.settings import new_key
from formgen.store import stamp

app = typer.Typer()
access = typer.Typer(name="access", no_args_is_help=True)
keys = typer.Typer(name="keys", no_args_is_help=True)
app.add_typer(access)
app.add_typer(keys)

ACTIONS = {"read": "katsottu", "changed": "muutettu"}


@access.command(
    "list",
    help=_("Näytä käyttöloki, kaikki tai yhdestä asiasta, tietueesta tai palautuksesta."),
    epilog=examples("formgen access list", "formgen access list --case PK-2026-00017"),
)
def access_list(
    context: typer.Context,
    case: Annotated[str, typer.Option("--case", help=_("Asian tunnus."))] = "",
    record: Annotated[str, typer.Option("--record", help=_("Tietueen tunnus."))] = "",
    returned: Annotated[str, typer.Option("--return", help=_("Palautuksen tunnus."))] = "",
) -> None:
    """List who read or changed what."""
    shared = session(context)
    asked = {"case_id": case, "record_id": record, "return_id": returned}
    lines = shared.journal.accessed(**{name: value for name, value in asked.items() if value})
    if shared.as_json:
        shared.answer(lines)
        return
    say = shared.say
    table = Table(
        "#", say("Aika"), say("Kuka"), say("Komento"), say("Teko"), say("Asia"), say("Tietue"), say("Palautus")
    )
    for line in lines:
        about = (line[name] or "–" for name in asked)
        action = shared.say(ACTIONS[line["action"]])
        table.add_row(str(line["seq"]), line["at"], line["actor"], line["command"] or "–", action, *about)
    out.print(table)


@keys.command("list", help=_("Luettele avaimet. Uusin allekirjoittaa."), epilog=examples("formgen keys list"))
def keys_list(context: typer.Context) -> None:
    """List the signing keys, oldest first, and tell which one signs."""
    shared = session(context)
    files = shared.workspace.key_files
    made = [stamp(datetime.fromtimestamp(file.stat().st_mtime, UTC)) for file in files]
    rows = [{"key": file.stem, "made_at": at, "signs": file == files[-1]} for file, at in zip(files, made, strict=True)]
    if shared.as_json:
        shared.answer(rows)
        return
    table = Table(shared.say("Avain"), shared.say("Tehty"), shared.say("Allekirjoittaa"))
    for row in rows:
        table.add_row(str(row["key"]), str(row["made_at"]), shared.say("kyllä") if row["signs"] else "–")
    out.print(table)


@keys.command(
    "rotate",
    help=_("Tee uusi avain, joka allekirjoittaa tästä lähtien. Vanhoilla tehdyt lomakkeet kelpaavat edelleen."),
    epilog=examples("formgen keys rotate"),
)
def keys_rotate(context: typer.Context) -> None:
    """Make the key that signs from now on; what older ones have signed stays good."""
    shared = session(context)
    key = new_key(shared.made.var / "keys").stem
    if shared.as_json:
        shared.answer({"key": key})
    else:
        out.print(key)


@app.command(
    epilog=examples("formgen verify", "formgen verify --head 1204:3b0c…"),
)
def verify(
    context: typer.Context,
    noted: Annotated[
        str,
        typer.Option("--head", metavar="NUMBER:HASH", help=_("Käyttölokin loppu, joka on merkitty muualle.")),
    ] = "",
) -> None:
    """Tell what is no longer as it was written, and where the access log ends now."""
    shared = session(context)
    head = Head.read(noted)
    if noted and head is None:
        raise UsageError("Lokin loppu annetaan muodossa NUMERO:TIIVISTE.")
    found = [
        shared.say(flaw.message, what=flaw.what, noted=flaw.noted)
        for flaw in audit.flaws(shared.workspace, shared.journal, head)
    ]
    with shared.journal.transaction() as connection:
        end = shared.journal.head(connection)
    if shared.as_json:
        shared.answer({"ok": not found, "head": str(end), "problems": found})
    else:
        for problem in found:
            err.print(f"! {problem}")
        out.print(shared.say("Käyttölokin loppu: {head}", head=end))
    if found:
        raise typer.Exit(1)
