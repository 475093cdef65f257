"""formgen errors: every code that a submission may get, what it means and what to do."""

from __future__ import annotations

from typing import Annotated

import typer

from formgen.cli.console import _, format_examples, out
from formgen.cli.session import open_session
from formgen.errors import UsageError
from formgen.forms.rules import blank_values
from formgen.reports.error_catalogue import SEVERITY, build_catalogue

app = typer.Typer()


@app.command(
    epilog=format_examples("formgen errors", "formgen errors R55"),
)
def errors(
    context: typer.Context, code: Annotated[str, typer.Argument(metavar="[CODE]", help=_("Virheen koodi."))] = ""
) -> None:
    """Print every code, or one."""
    shared = open_session(context)
    entries = [entry for entry in build_catalogue(shared.workspace.registry) if code in ("", entry.code)]
    if not entries:
        raise UsageError("Koodia {code} ei ole.", code=code)
    if shared.as_json:
        shared.print_json(
            [
                {
                    "code": entry.code,
                    "severity": entry.severity,
                    "form": entry.form.id if entry.form else None,
                    "field": entry.path,
                    "message": shared.translate(entry.message),
                    "remedy": shared.translate(entry.remedy),
                }
                for entry in entries
            ]
        )
        return
    for entry in entries:
        place = entry.describe_place(shared.language)
        out.print(f"{entry.code} {shared.translate(SEVERITY[entry.severity])}  {place}".rstrip())
        out.print(f"    {shared.translate(entry.message, **blank_values(entry.message))}")
        out.print(f"    {shared.translate(entry.remedy)}")
