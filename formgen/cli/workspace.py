"""Commands about the workspace as a whole: init, demo, schemas, status."""

from __future__ import annotations

import importlib
import logging
import sys
import time
from pathlib import Path
from typing import Annotated

import structlog
import typer
from rich.table import Table

from formgen import Workspace, demo
from formgen.cli.console import _, describe_problem, err, format_examples, out
from formgen.cli.session import ALL_IN_FOLDER, open_session
from formgen.publishing import outbox
from formgen.sandbox import kernel
from formgen.settings import WorkspaceFolder
from formgen.storage.rows import Submission

app = typer.Typer()

METRICS = "formgen.intake.metrics"  # loaded when it is asked for: Prometheus' library is slow to load


@app.command(epilog=format_examples("formgen init työtila"))
def init(
    context: typer.Context, folder: Annotated[Path, typer.Argument(metavar="[DIR]", help=_("Kansio."))] = Path()
) -> None:
    """Make a workspace."""
    shared = open_session(context)
    workspace = Workspace.create(folder if folder != Path() else shared.root)
    if shared.as_json:
        shared.print_json({"workspace": str(workspace.root)})
    else:
        err.print(shared.translate("Työtila on valmis: {folder}", folder=workspace.root))


@app.command(
    "demo",
    epilog=format_examples("formgen demo", "formgen demo kokeilu"),
)
def run_demo(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="[DIR]", help=_("Kansio."))] = Path("demo-työtila"),
) -> None:
    """Make a workspace with example cases and play them through the daemon."""
    shared = open_session(context)
    settings = Workspace.create(folder).root / "formgen.toml"
    settings.write_text(settings.read_text(encoding="utf-8").replace("quiet = 1.0", "quiet = 0.1"), encoding="utf-8")
    workspace = Workspace(settings.parent)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    seen = []
    for outcome in demo.play_stories(demo.Stage(workspace.intake), demo.iter_demo_turns()):
        seen.append(outcome)
        err.print(f"{outcome.turn.story}: {outcome.turn.form} → {outcome.row.outcome if outcome.row else 'ok'}")
    rows = [(item.turn, item.row, get_outcome_path(workspace.folder, item.row)) for item in seen if item.row]
    if shared.as_json:
        shared.print_json(
            [
                {
                    "case": turn.story,
                    "form": turn.form,
                    "outcome": row.outcome,
                    "case_id": row.case_id,
                    "path": str(place),
                }
                for turn, row, place in rows
            ]
        )
    else:
        table = Table(
            shared.translate("Asia"),
            shared.translate("Lomake"),
            shared.translate("Tulos"),
            shared.translate("Tiedosto"),
        )
        for turn, row, place in rows:
            table.add_row(row.case_id or "–", turn.form, row.outcome, str(place.relative_to(workspace.root)))
        out.print(table)
        out.print(shared.translate(ALL_IN_FOLDER, folder=workspace.root))
    if not all(item.is_expected for item in seen):
        raise typer.Exit(1)


def get_outcome_path(workspace: WorkspaceFolder, row: Submission) -> Path:
    """Return the path at which the outcome of a submission is published."""
    if row.record_id and row.form:
        return outbox.get_record_path(workspace, row.case_id, row.record_id, row.form)
    if row.rejected_as:
        return outbox.get_rejected_path(workspace, f"{row.rejected_as}.reason.json")
    return workspace.outbox / "feed.ndjson"


@app.command(epilog=format_examples("formgen schemas", "formgen schemas skeemat"))
def schemas(
    context: typer.Context, folder: Annotated[Path | None, typer.Argument(metavar="[DIR]", help=_("Kansio."))] = None
) -> None:
    """Write the JSON Schemas."""
    shared = open_session(context)
    places = shared.workspace.write_schemas(folder)
    if shared.as_json:
        shared.print_json([str(place) for place in places])
    else:
        for place in places:
            out.print(str(place))


@app.command(
    epilog=format_examples("formgen status", "formgen status --json", "formgen status --prometheus"),
)
def status(
    context: typer.Context,
    prometheus: Annotated[bool, typer.Option("--prometheus", help=_("Luvut Prometheuksen tekstinä."))] = False,
) -> None:
    """Show counts, queue and problems; with any problem the exit code is 1."""
    shared = open_session(context)
    if prometheus:
        metrics = importlib.import_module(METRICS)
        sys.stdout.write(metrics.render_metrics(shared.workspace.folder, shared.workspace.journal))
        return
    found = shared.workspace.check_health(time.time())
    problems = [describe_problem(problem, shared.language) for problem in found.problems]
    warnings = [describe_problem(warning, shared.language) for warning in found.warnings]
    value = {
        "ok": not problems,
        "received": found.received,
        **found.counts,
        "inbox": found.inbox,
        "ignored": found.ignored,
        "oldest_inbox_s": found.oldest,
        "watcher_alive": found.alive,
        "landlock": kernel.get_landlock_version(),
        "sandbox": found.sandbox,
        "warnings": warnings,
        "problems": problems,
    }
    if shared.as_json:
        shared.print_json(value)
    else:
        held = ", ".join(name for name, holds in found.sandbox.items() if holds)
        told = shared.translate("pitävät: {held}", held=held) if held else "–"
        for name, number in (value | {"sandbox": told}).items():
            if name not in ("warnings", "problems"):
                out.print(f"{name:16} {number}")
        for warning in warnings:
            out.print(f"? {warning}")
        for problem in problems:
            out.print(f"! {problem}")
    if problems:
        raise typer.Exit(1)
