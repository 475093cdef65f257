"""formgen process: the table of transitions, as text or as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from formgen import files
from formgen.cases import diagram
from formgen.cases.workflow import PHASES
from formgen.cli.console import _, examples, out
from formgen.cli.session import session

app = typer.Typer()


@app.command(
    epilog=examples("formgen process", "formgen process --svg docs/process.svg"),
)
def process(
    context: typer.Context,
    svg: Annotated[Path | None, typer.Option("--svg", metavar="FILE", help=_("Piirrä kuva tiedostoon."))] = None,
) -> None:
    """Print the transitions, or draw them."""
    shared = session(context)
    lines = diagram.table(shared.registry)
    if svg:
        files.write(svg, diagram.svg(shared.registry, shared.language).encode())
    if shared.as_json:
        shared.answer([line._asdict() for line in lines])
        return
    table = Table(shared.say("Siirtymä"), shared.say("Mistä"), shared.say("Mihin"), shared.say("Lomake"))
    for line in lines:
        names = (shared.say(PHASES[phase]) if phase else "–" for phase in (line.source, line.target))
        table.add_row(line.move, *names, line.form)
    out.print(table)
