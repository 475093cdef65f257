"""formgen templates: first drafts, and whether a restyled one is whole."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from formgen.cli.console import _, describe_error, err, format_examples, out
from formgen.cli.session import open_session
from formgen.errors import UsageError
from formgen.i18n import N_

app = typer.Typer(name="templates", no_args_is_help=True)


@app.command(
    "build",
    help=_("Tee lomakepohjien luonnokset skeemoista."),
    epilog=format_examples("formgen templates build", "formgen templates build referral"),
)
def templates_build(
    context: typer.Context,
    names: Annotated[list[str] | None, typer.Argument(metavar="[FORM…]", help=_("Lomakkeiden tunnukset."))] = None,
    force: Annotated[bool, typer.Option("--force", help=_("Korvaa myös pohja, joka on jo olemassa."))] = False,
) -> None:
    """Build first drafts of templates; one that the office already has is left alone."""
    shared = open_session(context)
    made = []
    for name in names or [form.id for form in shared.workspace.registry]:
        try:
            made.append(str(shared.workspace.build_template(name, replace=force)))
        except FileExistsError as error:
            message = N_("Pohja on jo olemassa, sitä ei muutettu: {file}. Korvaa valinnalla --force.")
            err.print(shared.translate(message, file=error))
    if shared.as_json:
        shared.print_json(made)
    else:
        for name in made:
            out.print(name)


@app.command(
    "check",
    help=_("Tarkista, että muokattu pohja on ehjä."),
    epilog=format_examples("formgen templates check", "formgen templates check templates/forms/referral.docx"),
)
def templates_check(
    context: typer.Context,
    files: Annotated[list[Path] | None, typer.Argument(metavar="[FILE…]", help=_("Pohjat."))] = None,
) -> None:
    """Say in plain words what is missing or broken in templates."""
    shared = open_session(context)
    found: list[dict[str, Any]] = []
    for file in files or shared.workspace.list_templates():
        form = shared.workspace.registry.find_latest_version(file.stem)
        try:
            findings = shared.workspace.check_template(file)
            problems = [shared.translate(finding.message, **finding.values) for finding in findings]
        except (UsageError, OSError) as error:
            problems = [describe_error(error, shared.language)]
        found.append({"file": str(file), "form": form.id, "ok": not problems, "problems": problems})
    if shared.as_json:
        shared.print_json(found)
    else:
        for item in found:
            out.print(f"{item['file']}:", shared.translate("kunnossa") if item["ok"] else "")
            for problem in item["problems"]:
                out.print(f"  - {problem}")
    if not all(item["ok"] for item in found):
        raise typer.Exit(1)
