"""The command that plays the invented year of a whole unit."""

from __future__ import annotations

import logging
from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import structlog
import typer
from rich.table import Table

from formgen import demo
from formgen.cases.workflow import PHASES
from formgen.cli.console import _, err, examples, out
from formgen.cli.session import Session, progress, session
from formgen.publishing import outbox

app = typer.Typer()

OUTCOMES = ("accepted", "review", "waiting", "rejected", "duplicate")


@app.command(
    epilog=examples("formgen simulate vuosi", "formgen simulate vuosi --clients 20 --coaches 2 --seed 7"),
)
def simulate(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help=_("Kansio, jossa ei ole työtilaa."))],
    clients: Annotated[int, typer.Option(min=1, max=999, help=_("Asiakkaiden määrä."))] = 100,
    coaches: Annotated[int, typer.Option(min=1, max=15, help=_("Valmentajien määrä."))] = 5,
    seed: Annotated[int, typer.Option(help=_("Siemen: mikä vuosi keksitään."))] = 1,
) -> None:
    """Make a workspace and play the year of a unit in it."""
    shared = session(context)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    stage = demo.unit(folder.resolve(), coaches, seed)
    outbox.publish_schemas(
        stage.intake.workspace.outbox / "schemas", stage.intake.registry, stage.intake.workspace.office.files.bits
    )
    days = progress(demo.days(stage, clients, seed), shared.say("Vuosi"))
    seen = list(demo.play(stage, days))
    summary = summed(stage, seen)
    if shared.as_json:
        shared.answer({"workspace": str(folder.resolve()), **summary})
    else:
        show(shared, summary)
        out.print(shared.say("Kaikki on kansiossa {folder}", folder=folder.resolve()))
    if summary["unexpected"]:
        raise typer.Exit(1)


def summed(stage: demo.Stage, seen: list[demo.Outcome]) -> dict[str, Any]:
    """Return what the year came to: returns by form and outcome, records by form, cases by phase."""
    intake = stage.intake
    returned = Counter((item.turn.form, item.row["outcome"]) for item in seen if item.row)
    records = Counter(row["form"] for row in intake.journal.record_rows())
    phases = Counter(str(stage.case(name).phase) for name in stage.cases)
    return {
        "forms": {
            form.id: {"records": records[form.id], **{name: returned[form.id, name] for name in OUTCOMES}}
            for form in intake.registry
        },
        "phases": {phase: phases[phase] for phase in PHASES},
        "outcomes": {
            name: sum(number for (_form, found), number in returned.items() if found == name) for name in OUTCOMES
        },
        "unexpected": [
            {
                "story": item.turn.story,
                "form": item.turn.form,
                "outcome": item.row["outcome"],
                "expected": item.turn.expect,
            }
            for item in seen
            if not item.as_told
        ],
    }


def show(shared: Session, summary: dict[str, Any]) -> None:
    """Print what the year came to."""
    table = Table(shared.say("Lomake"), shared.say("Tietueita"), *OUTCOMES)
    for form, numbers in summary["forms"].items():
        table.add_row(form, *(str(number) for number in numbers.values()))
    table.add_row("", "", *(str(number) for number in summary["outcomes"].values()))
    out.print(table)
    for phase, number in summary["phases"].items():
        out.print(f"{shared.say(PHASES[phase]):28} {number}")
    for item in summary["unexpected"]:
        err.print(f"! {item['story']}: {item['form']} → {item['outcome']} ({item['expected']})")
