"""The command that plays the invented year of a whole unit."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import structlog
import typer
from rich.table import Table

from formgen import demo
from formgen.cli.console import _, err, format_examples, out
from formgen.cli.session import ALL_IN_FOLDER, Session, open_session, track_progress
from formgen.publishing import outbox

app = typer.Typer()

OUTCOMES = ("accepted", "review", "waiting", "rejected", "duplicate")


@app.command(
    epilog=format_examples("formgen simulate vuosi", "formgen simulate vuosi --clients 20 --coaches 2 --seed 7"),
)
def simulate(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help=_("Kansio, jossa ei ole työtilaa."))],
    clients: Annotated[int, typer.Option(min=1, max=999, help=_("Asiakkaiden määrä."))] = 100,
    coaches: Annotated[int, typer.Option(min=1, max=15, help=_("Valmentajien määrä."))] = 5,
    seed: Annotated[int, typer.Option(help=_("Siemen: mikä vuosi keksitään."))] = 1,
) -> None:
    """Make a workspace and play the year of a unit in it."""
    shared = open_session(context)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    stage = demo.create_unit_stage(folder.resolve(), coaches, seed)
    outbox.publish_schemas(
        stage.intake.workspace.outbox / "schemas", stage.intake.registry, stage.intake.workspace.office.files.bits
    )
    days = track_progress(demo.list_daily_turns(stage, clients, seed), shared.translate("Vuosi"))
    seen = list(demo.play_stories(stage, days))
    summary = build_summary(stage, seen)
    if shared.as_json:
        shared.print_json({"workspace": str(folder.resolve()), **summary})
    else:
        print_summary(shared, summary, stage.intake.registry.process.phases)
        out.print(shared.translate(ALL_IN_FOLDER, folder=folder.resolve()))
    if summary["unexpected"]:
        raise typer.Exit(1)


def build_summary(stage: demo.Stage, seen: list[demo.Outcome]) -> dict[str, Any]:
    """Count what came of the year: submissions by form and outcome, records by form, cases by phase."""
    intake = stage.intake
    returned = Counter((item.turn.form, item.row.outcome) for item in seen if item.row)
    records = Counter(row.form for row in intake.journal.list_record_places())
    phases = Counter(str(stage.load_case(name).phase) for name in stage.cases)
    return {
        "forms": {
            form.id: {"records": records[form.id], **{name: returned[form.id, name] for name in OUTCOMES}}
            for form in intake.registry
        },
        "phases": {phase: phases[phase] for phase in intake.registry.process.phases},
        "outcomes": {
            name: sum(number for (_form, found), number in returned.items() if found == name) for name in OUTCOMES
        },
        "unexpected": [
            {
                "story": item.turn.story,
                "form": item.turn.form,
                "outcome": item.row.outcome,
                "expected": item.turn.expect,
            }
            for item in seen
            if item.row and not item.is_expected
        ],
    }


def print_summary(shared: Session, summary: dict[str, Any], phases: Mapping[str, str]) -> None:
    """Print what the year came to."""
    table = Table(shared.translate("Lomake"), shared.translate("Tietueita"), *OUTCOMES)
    for form, numbers in summary["forms"].items():
        table.add_row(form, *(str(number) for number in numbers.values()))
    table.add_row("", "", *(str(number) for number in summary["outcomes"].values()))
    out.print(table)
    for phase, number in summary["phases"].items():
        out.print(f"{shared.translate(phases[phase]):28} {number}")
    for item in summary["unexpected"]:
        err.print(f"! {item['story']}: {item['form']} → {item['outcome']} ({item['expected']})")
