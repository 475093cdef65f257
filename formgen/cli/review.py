"""formgen review: the returns that await a person or another form."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from formgen import files
from formgen.access import Actor
from formgen.cli.outcomes import OUTCOMES, report, settled, told
from formgen.cli.session import Session, _, examples, now, out, session
from formgen.errors import UsageError

app = typer.Typer(
    name="review", no_args_is_help=True, help=_("Palautukset, jotka odottavat ihmistä tai toista lomaketta.")
)


@app.command("list", help=_("Luettele palautukset, jotka odottavat."), epilog=examples("formgen review list"))
def review_list(context: typer.Context) -> None:
    """List the returns in review and those that wait for another form."""
    shared = session(context)
    rows = [*shared.journal.returned(outcome="review"), *shared.journal.returned(outcome="waiting")]
    shared.journal.read_by(now(), *({"return_id": row["return_id"], "case_id": row["case_id"]} for row in rows))
    if shared.as_json:
        shared.answer(
            [
                {
                    "return_id": row["return_id"],
                    "outcome": row["outcome"],
                    **json.loads(row["reason"]),
                    "waits_for": row["waits_for"],
                }
                for row in rows
            ]
        )
        return
    table = Table(
        shared.say("Palautus"), shared.say("Asia"), shared.say("Lomake"), shared.say("Tulos"), shared.say("Kohtia")
    )
    for row in rows:
        table.add_row(
            row["return_id"],
            row["case_id"] or "–",
            row["form"],
            shared.say(OUTCOMES[row["outcome"]]),
            str(len(json.loads(row["reason"])["errors"])),
        )
    out.print(table)


ReturnId = Annotated[str, typer.Argument(metavar="RETURN", help=_("Palautuksen tunnus."))]


def pending(shared: Session, return_id: str) -> Mapping[str, Any]:
    """Return a return that awaits a decision; raise `UsageError` for any other."""
    rows = [row for row in shared.journal.returned(return_id=return_id) if row["outcome"] in ("review", "waiting")]
    if not rows:
        raise UsageError("Palautus {id} ei odota ratkaisua.", id=return_id)
    return rows[0]


@app.command(
    "show",
    help=_("Näytä, mitä palautuksesta luettiin ja mikä on epävarmaa."),
    epilog=examples("formgen review show RETURN"),
)
def review_show(
    context: typer.Context,
    return_id: ReturnId,
    folder: Annotated[
        Path | None,
        typer.Option("--pictures", metavar="DIR", help=_("Kansio, johon epävarmojen kohtien kuvat tehdään.")),
    ] = None,
) -> None:
    """Show what was read of a return, and what is doubtful."""
    shared = session(context)
    row = pending(shared, return_id)
    shared.reads(return_id=return_id, case_id=row["case_id"])
    verdict = shared.intake.read(row)
    places = shared.workspace.pictures / return_id
    if folder and verdict.about:
        places = folder
        for path, picture in verdict.about.sheet.pictures.items():
            files.write(places / f"{path}.png", picture, files.PRIVATE)
    pictures = {file.stem: str(file) for file in sorted(places.glob("*.png"))}
    value = {
        **told(row["file_name"], row, verdict, now()),
        "return_id": return_id,
        "waits_for": row["waits_for"],
        "pictures": pictures,
    }
    if shared.as_json:
        shared.answer(value)
        return
    for found in verdict.findings:
        asked = verdict.about.form.field(found.field) if verdict.about and found.field else None
        answer = verdict.about.sheet.answers.get(found.field) if verdict.about else None
        label = shared.say(asked.label) if asked else found.field
        out.print(f"{found.code} {found.field} {label}: {answer.text if answer else ''!r}", markup=False)
        out.print(f"    {shared.say(found.message, **found.values)}", markup=False)
        if found.field in pictures:
            out.print(f"    {pictures[found.field]}", markup=False)


def given(value: str) -> tuple[str, str]:
    """Return path and text of a value; without ``=`` the text is the next line of standard input.

    What stands on a command line can be seen by everybody on the machine.
    """
    path, sign, text = value.partition("=")
    return path.strip(), text if sign else sys.stdin.readline().rstrip("\r\n")


@app.command(
    "accept",
    help=_("Hyväksy palautus sellaisena kuin se luettiin, tai korjatuin arvoin."),
    epilog=examples(
        "formgen review accept RETURN",
        "formgen review accept RETURN --set weekly_hours=25",
        "formgen review accept RETURN --set client_hetu",
    ),
)
def review_accept(
    context: typer.Context,
    return_id: ReturnId,
    values: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="PATH[=VALUE]",
            help=_("Korjattu arvo. Pelkän polun arvo luetaan vakiosyötteestä, jolloin muut eivät näe sitä."),
        ),
    ] = None,
    who: Annotated[str, typer.Option("--by", help=_("Kuka päättää."))] = "",
) -> None:
    """Accept a return in review; it goes through the same rules."""
    shared = session(context)
    shared.by = who
    row = pending(shared, return_id)
    verdict = shared.intake.confirm(row, who or Actor.here().name, dict(map(given, values or ())))
    if verdict.outcome == "accepted":
        report(shared, [settled(shared, row["file_name"], return_id, verdict)])
    else:
        report(shared, [told(row["file_name"], row, verdict, now())])


@app.command("reject", help=_("Hylkää palautus."), epilog=examples("formgen review reject RETURN"))
def review_reject(
    context: typer.Context, return_id: ReturnId, who: Annotated[str, typer.Option("--by", help=_("Kuka päättää."))] = ""
) -> None:
    """Reject a return that awaits a decision."""
    shared = session(context)
    shared.by = who
    shared.intake.refuse(pending(shared, return_id), who or Actor.here().name)
