"""formgen process: the table of transitions, as text or as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from formgen import files
from formgen.cases import diagram
from formgen.cli.console import _, format_examples, out
from formgen.cli.session import open_session

app = typer.Typer()


@app.command(
    epilog=format_examples("formgen process", "formgen process --svg docs/process.svg"),
)
def process(
    context: typer.Context,
    svg: Annotated[Path | None, typer.Option("--svg", metavar="FILE", help=_("Piirrä kuva tiedostoon."))] = None,
) -> None:
    """Print the transitions, or draw them."""
    shared = open_session(context)
    registry = shared.workspace.registry
    lines, phases = diagram.list_moves(registry), registry.process.phases
    if svg:
        files.write_file(svg, diagram.render_svg(registry, phases, shared.language).encode())
    if shared.as_json:
        shared.print_json([line._asdict() for line in lines])
        return
    table = Table(
        shared.translate("Siirtymä"), shared.translate("Mistä"), shared.translate("Mihin"), shared.translate("Lomake")
    )
    for line in lines:
        names = (shared.translate(phases[phase]) if phase else "–" for phase in (line.source, line.target))
        table.add_row(line.move, *names, line.form)
    out.print(table)
