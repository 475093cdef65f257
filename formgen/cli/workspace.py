"""Commands about the workspace as a whole: init, demo, schemas, status."""

from __future__ import annotations

import importlib
import logging
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import structlog
import typer
from rich.table import Table

from formgen import demo, files
from formgen.cli.console import _, err, examples, out
from formgen.cli.session import Session, session
from formgen.forms import registry
from formgen.intake.health import health
from formgen.publishing import outbox
from formgen.sandbox import kernel
from formgen.settings import CONTENT, PACKAGED, Workspace
from formgen.storage.journal import Journal

app = typer.Typer()

METRICS = "formgen.intake.metrics"  # loaded when it is asked for: Prometheus' library is slow to load

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
        files.write(settings, EXAMPLE.encode(), CONTENT)
    Journal.open(workspace.var, vault=workspace.vault, head=workspace.head)
    for source in sorted((PACKAGED / "templates" / "forms").glob("*.docx")):
        target = workspace.root / "templates" / "forms" / source.name
        if not target.exists():
            files.write(target, source.read_bytes(), CONTENT)
    outbox.publish_schemas(workspace.outbox / "schemas", registry.load(workspace), workspace.office.files.bits)
    return workspace


@app.command(epilog=examples("formgen init työtila"))
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


@app.command(epilog=examples("formgen schemas", "formgen schemas skeemat"))
def schemas(
    context: typer.Context, folder: Annotated[Path | None, typer.Argument(metavar="[DIR]", help=_("Kansio."))] = None
) -> None:
    """Write the JSON Schemas."""
    shared = session(context)
    mode = shared.workspace.office.files.bits
    places = outbox.publish_schemas(folder or shared.workspace.outbox / "schemas", shared.registry, mode)
    if shared.as_json:
        shared.answer([str(place) for place in places])
    else:
        for place in places:
            out.print(str(place))


@app.command(
    epilog=examples("formgen status", "formgen status --json", "formgen status --prometheus"),
)
def status(
    context: typer.Context,
    prometheus: Annotated[bool, typer.Option("--prometheus", help=_("Luvut Prometheuksen tekstinä."))] = False,
) -> None:
    """Show counts, queue and problems; with any problem the exit code is 1."""
    shared = session(context)
    if prometheus:
        metrics = importlib.import_module(METRICS)
        sys.stdout.write(metrics.told(shared.workspace, shared.journal))
        return
    found = health(shared.workspace, shared.journal, time.time())
    problems = [shared.say(problem.message, **problem.values) for problem in found.problems]
    warnings = [shared.say(warning.message, **warning.values) for warning in found.warnings]
    value = {
        "ok": not problems,
        "received": found.received,
        **found.counts,
        "inbox": found.inbox,
        "ignored": found.ignored,
        "oldest_inbox_s": found.oldest,
        "watcher_alive": found.alive,
        "landlock": kernel.landlock_version(),
        "sandbox": found.sandbox,
        "warnings": warnings,
        "problems": problems,
    }
    if shared.as_json:
        shared.answer(value)
    else:
        held = ", ".join(name for name, holds in found.sandbox.items() if holds)
        told = shared.say("pitävät: {held}", held=held) if held else "–"
        for name, number in (value | {"sandbox": told}).items():
            if name not in ("warnings", "problems"):
                out.print(f"{name:16} {number}")
        for warning in warnings:
            out.print(f"? {warning}")
        for problem in problems:
            out.print(f"! {problem}")
    if problems:
        raise typer.Exit(1)
