"""Commands about the workspace as a whole: init, demo, schemas, status."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import structlog
import typer
from rich.table import Table

from formgen import cage, demo, outbox, registry
from formgen.cli.session import Session, _, err, examples, out, session
from formgen.intake import shown
from formgen.settings import PACKAGED, Workspace
from formgen.store import Journal
from formgen.watch import alive, candidates, oddities

app = typer.Typer()

EXAMPLE = """\
# formgen: toimiston asetukset. Jokaisella on oletus, joten tiedosto voi olla tyhjäkin.

organiser = "Esimerkkilän hyvinvointialue"
author = "Työhönvalmennuksen tiimi"
case_prefix = "PK"

# [[coaches]]
# name = "Veera Valmentaja"
# phone = "+358 40 000 0000"
# email = "veera.valmentaja@example.fi"

[intake]
quiet = 1.0
"""


def prepare(root: Path) -> Workspace:
    """Make a workspace where there is none yet."""
    workspace = Workspace(root.resolve()).make()
    settings = workspace.root / "formgen.toml"
    if not settings.exists():
        settings.write_text(EXAMPLE, encoding="utf-8")
    for source in sorted((PACKAGED / "templates" / "forms").glob("*.docx")):
        target = workspace.root / "templates" / "forms" / source.name
        if not target.exists():
            target.write_bytes(source.read_bytes())
    Journal.open(workspace.var)
    outbox.publish_schemas(workspace.outbox / "schemas", registry.load(workspace))
    return workspace


@app.command(help=_("Tee työtila kansioon."), epilog=examples("formgen init työtila"))
def init(
    context: typer.Context, folder: Annotated[Path, typer.Argument(metavar="[DIR]", help=_("Kansio."))] = Path()
) -> None:
    """Make a workspace."""
    workspace = prepare(folder if folder != Path() else session(context).workspace.root)
    if session(context).as_json:
        session(context).answer({"workspace": str(workspace.root)})
    else:
        err.print(session(context).say("Työtila on valmis: {folder}", folder=workspace.root))


@app.command(
    "demo",
    help=_("Tee työtila, jossa kolme esimerkkiasiaa kulkee koko polun."),
    epilog=examples("formgen demo", "formgen demo kokeilu"),
)
def demonstrate(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="[DIR]", help=_("Kansio."))] = Path("demo-työtila"),
) -> None:
    """Make a workspace with example cases and play them through the daemon."""
    shared = session(context)
    workspace = prepare(folder)
    settings = workspace.root / "formgen.toml"
    settings.write_text(settings.read_text(encoding="utf-8").replace("quiet = 1.0", "quiet = 0.1"), encoding="utf-8")
    workspace = Workspace(workspace.root)
    shared = Session(workspace, shared.as_json, shared.language)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    seen = []
    for outcome in demo.play(demo.Stage(shared.intake), demo.cases()):
        seen.append(outcome)
        err.print(f"{outcome.turn.story}: {outcome.turn.form} → {outcome.row['outcome']}")
    places = [outbox_place(workspace, outcome.row) for outcome in seen]
    if shared.as_json:
        shared.answer(
            [
                {
                    "case": item.turn.story,
                    "form": item.turn.form,
                    "outcome": item.row["outcome"],
                    "case_id": item.row["case_id"],
                    "path": str(place),
                }
                for item, place in zip(seen, places, strict=True)
            ]
        )
    else:
        table = Table(shared.say("Asia"), shared.say("Lomake"), shared.say("Tulos"), shared.say("Tiedosto"))
        for item, place in zip(seen, places, strict=True):
            table.add_row(
                item.row["case_id"] or "–", item.turn.form, item.row["outcome"], str(place.relative_to(workspace.root))
            )
        out.print(table)
        out.print(shared.say("Kaikki on kansiossa {folder}", folder=workspace.root))
    if not all(item.as_told for item in seen):
        raise typer.Exit(1)


def outbox_place(workspace: Workspace, row: Mapping[str, Any]) -> Path:
    """Return where the outcome of a return lies."""
    if row["record_id"]:
        return outbox.record_path(workspace, row["case_id"], row["record_id"], row["form"])
    if row["rejected_as"]:
        return outbox.rejected_path(workspace, f"{row['rejected_as']}.reason.json")
    return workspace.outbox / "feed.ndjson"


@app.command(
    help=_("Kirjoita lomakkeiden JSON-skeemat."), epilog=examples("formgen schemas", "formgen schemas skeemat")
)
def schemas(
    context: typer.Context, folder: Annotated[Path | None, typer.Argument(metavar="[DIR]", help=_("Kansio."))] = None
) -> None:
    """Write the JSON Schemas."""
    shared = session(context)
    places = outbox.publish_schemas(folder or shared.workspace.outbox / "schemas", shared.registry)
    if shared.as_json:
        shared.answer([str(place) for place in places])
    else:
        for place in places:
            out.print(str(place))


@app.command(help=_("Näytä jono, määrät ja ongelmat."), epilog=examples("formgen status", "formgen status --json"))
def status(context: typer.Context) -> None:
    """Show counts, queue and problems."""
    shared = session(context)
    counts = shared.journal.counts()
    lying = [found.st_mtime for _, found in candidates(shared.workspace.inbox)]
    problems = [
        shared.say("Ei tavallinen tiedosto: {name}", name=shown(file.name)) for file in oddities(shared.workspace.inbox)
    ]
    problems += [
        shared.say(
            "Palautusta ei ole voitu lukea {attempts} yrityksellä: {id}", attempts=row["attempts"], id=row["return_id"]
        )
        for row in shared.journal.unsettled()
        if row["attempts"] > 1
    ]
    names = ("accepted", "review", "waiting", "rejected", "duplicate", "in_work")
    value = {
        "ok": not problems,
        "received": sum(counts.values()),
        **{name: counts.get(name, 0) for name in names},
        "inbox": len(lying),
        "oldest_inbox_s": round(max(0.0, time.time() - min(lying)), 1) if lying else None,
        "watcher_alive": alive(shared.workspace),
        "landlock": cage.version(),
        "problems": problems,
    }
    if shared.as_json:
        shared.answer(value)
    else:
        for name, number in value.items():
            if name != "problems":
                out.print(f"{name:16} {number}", markup=False)
        for problem in problems:
            out.print(f"! {problem}", markup=False)
    if problems:
        raise typer.Exit(1)
