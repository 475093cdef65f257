"""Commands about access: who saw what, the signing keys, and whether all is as it was written."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer
from rich.table import Table

from formgen.cli.console import _, err, format_examples, out
from formgen.cli.session import open_session
from formgen.errors import UsageError
from formgen.i18n import N_
from formgen.storage.access_log import Head
from formgen.storage.signing_keys import SIGNING

app = typer.Typer()
access = typer.Typer(name="access", no_args_is_help=True)
keys = typer.Typer(name="keys", no_args_is_help=True)
app.add_typer(access)
app.add_typer(keys)

DecidedBy = Annotated[str, typer.Option("--by", help=_("Kuka päätti."))]
ACTIONS = {"read": N_("katsottu"), "changed": N_("muutettu")}
STATES = {
    "signing": N_("allekirjoittaa"),
    "good": N_("kelpaa"),
    "revoked": N_("poistettu käytöstä {at}, {by}: {remark}"),
}


@access.command(
    "list",
    help=_("Näytä käyttöloki, kaikki tai yhdestä asiasta, tietueesta tai palautuksesta."),
    epilog=format_examples("formgen access list", "formgen access list --case PK-2026-00017"),
)
def access_list(
    context: typer.Context,
    case: Annotated[str, typer.Option("--case", help=_("Asian tunnus."))] = "",
    record: Annotated[str, typer.Option("--record", help=_("Tietueen tunnus."))] = "",
    returned: Annotated[str, typer.Option("--submission", help=_("Palautuksen tunnus."))] = "",
) -> None:
    """List who read or changed what."""
    shared = open_session(context)
    asked = {"case_id": case, "record_id": record, "submission_id": returned}
    lines = shared.workspace.list_accesses(**asked)
    if shared.as_json:
        shared.print_json([asdict(line) for line in lines])
        return
    say = shared.translate
    who = (say("Aika"), say("Kuka"), say("Komento"), say("Teko"))
    table = Table("#", *who, say("Asia"), say("Tietue"), say("Palautus"), say("Kirjoitettu rivi"))
    for line in lines:
        about = (getattr(line, name) or "–" for name in (*asked, "written"))
        action = shared.translate(ACTIONS[line.action])
        table.add_row(str(line.seq), line.at, line.actor, line.command or "–", action, *about)
    out.print(table)


@keys.command(
    "list",
    help=_("Luettele avaimet ja kerro, mikä niistä allekirjoittaa."),
    epilog=format_examples("formgen keys list"),
)
def keys_list(context: typer.Context) -> None:
    """List the signing keys, oldest first, and tell which one signs and which are revoked."""
    shared = open_session(context)
    rows = [
        {
            "key": row.name,
            "fingerprint": row.fingerprint,
            "made_at": row.made_at,
            "state": row.state,
            "signs": row.state == SIGNING,
            "revoked_at": row.revoked_at,
            "revoked_by": row.revoked_by,
            "reason": row.remark,
        }
        for row in shared.workspace.list_keys()
    ]
    if shared.as_json:
        shared.print_json(rows)
        return
    for key in rows:
        how = {"at": key["revoked_at"], "by": key["revoked_by"], "remark": key["reason"] or "–"}
        state = shared.translate(STATES[str(key["state"])], **how)
        out.print(f"{key['key']}  {key['made_at']}  {state}", markup=False)
        out.print(f"    sha256 {key['fingerprint']}", markup=False)


@keys.command(
    "rotate",
    help=_("Tee uusi avain, joka allekirjoittaa tästä lähtien. Vanhoilla tehdyt lomakkeet kelpaavat edelleen."),
    epilog=format_examples("formgen keys rotate"),
)
def keys_rotate(context: typer.Context, by: DecidedBy = "") -> None:
    """Make the key that signs from now on; what older ones have signed stays good."""
    shared = open_session(context)
    shared.by = by
    key = shared.workspace.rotate_key()
    if shared.as_json:
        shared.print_json({"key": key})
    else:
        out.print(key)


@keys.command(
    "revoke",
    help=_("Poista avain käytöstä: sillä tehdyt lomakkeet jäävät tarkistettaviksi, kun ne palaavat."),
    epilog=format_examples('formgen keys revoke 3f9a1c07 --reason "varmuuskopio varastettu"'),
)
def keys_revoke(
    context: typer.Context,
    key: Annotated[str, typer.Argument(metavar="KEY", help=_("Avaimen nimi."))],
    reason: Annotated[str, typer.Option("--reason", help=_("Miksi avain poistetaan käytöstä."))] = "",
    by: DecidedBy = "",
) -> None:
    """Have the documents of a key go to review from now on."""
    shared = open_session(context)
    shared.by = by
    shared.workspace.revoke_key(key, reason)
    if shared.as_json:
        shared.print_json({"key": key, "state": "revoked"})
    else:
        err.print(shared.translate("Avain {key} on poistettu käytöstä.", key=key))


@app.command(
    epilog=format_examples("formgen verify", "formgen verify --head 1204:3b0c…"),
)
def verify(
    context: typer.Context,
    noted: Annotated[
        str,
        typer.Option("--head", metavar="NUMBER:HASH", help=_("Käyttölokin loppu, joka on merkitty muualle.")),
    ] = "",
) -> None:
    """Tell what is no longer as it was written, and where the access log ends now."""
    shared = open_session(context)
    head = Head.from_text(noted)
    if noted and head is None:
        raise UsageError("Lokin loppu annetaan muodossa NUMERO:TIIVISTE.")
    flaws, end = shared.workspace.verify(head)
    found = [shared.translate(flaw.message, **flaw._asdict()) for flaw in flaws]
    if shared.as_json:
        shared.print_json({"ok": not found, "head": str(end), "problems": found})
    else:
        for problem in found:
            err.print(f"! {problem}")
        out.print(shared.translate("Käyttölokin loppu: {head}", head=end))
    if found:
        raise typer.Exit(1)
