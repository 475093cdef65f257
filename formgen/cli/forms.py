"""formgen forms: what forms there are and what they ask."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.table import Table

from formgen.cases import prefill
from formgen.cli.console import _, err, format_examples, out
from formgen.cli.session import open_session
from formgen.forms.declare import Field
from formgen.forms.form import Form
from formgen.forms.rules import blank_values

app = typer.Typer(name="forms", no_args_is_help=True)


@app.command("list", help=_("Luettele lomakkeet."), epilog=format_examples("formgen forms list"))
def forms_list(context: typer.Context) -> None:
    """List the forms, and the rules that wait for forms that do not exist yet."""
    shared = open_session(context)
    pending = [
        {"form": form, "code": rule.code, "name": rule.name, "needs": list(rule.needs)}
        for form, rule in shared.workspace.registry.iter_pending_rules()
    ]
    if shared.as_json:
        shared.print_json(
            [
                {
                    "form": form.id,
                    "number": form.number,
                    "version": form.version,
                    "title": form.title,
                    "pending_rules": [item for item in pending if item["form"] == form.id],
                }
                for form in shared.workspace.registry
            ]
        )
        return
    table = Table(
        shared.translate("Lomake"),
        shared.translate("Numero"),
        shared.translate("Versio"),
        shared.translate("Nimi"),
        shared.translate("Kenttiä"),
    )
    for form in shared.workspace.registry:
        table.add_row(form.id, form.number, form.version, shared.translate(form.title), str(len(form.fields)))
    out.print(table)
    for item in pending:
        needs = ", ".join(item["needs"])
        err.print(
            shared.translate(
                "{form}: sääntö {code} odottaa lomaketta {needs}", form=item["form"], code=item["code"], needs=needs
            )
        )


@app.command(
    "show",
    help=_("Näytä lomakkeen kentät ja säännöt."),
    epilog=format_examples("formgen forms show referral", "formgen --json forms show job_start"),
)
def forms_show(
    context: typer.Context, form: Annotated[str, typer.Argument(metavar="FORM", help=_("Lomakkeen tunnus."))]
) -> None:
    """Show a form's fields and rules."""
    shared = open_session(context)
    found = shared.workspace.registry.find_latest_version(form)
    if shared.as_json:
        shared.print_json(describe_form(found))
        return
    table = Table(
        shared.translate("Kohta"),
        shared.translate("Nimi"),
        shared.translate("Laji"),
        shared.translate("Pakollinen"),
        shared.translate("Täyttää"),
        title=shared.translate(found.title),
    )
    for asked in found.fields:
        table.add_row(asked.name, shared.translate(asked.label), asked.type, asked.need, asked.by)
        for column in asked.columns:
            table.add_row(f"  .{column.name}", shared.translate(column.label), column.type, column.need, column.by)
    out.print(table)
    for rule in found.rules:
        out.print(f"{rule.code:6} {rule.severity:8} {shared.translate(rule.message, **blank_values(rule.message))}")


def describe_form(form: type[Form]) -> dict[str, Any]:
    """Describe a form as the outside contract shows it."""
    return {
        "form": form.id,
        "version": form.version,
        "title": form.title,
        "phases": sorted({move.source or "" for move in form.moves} - {""}),
        "fields": [describe_field(asked) for asked in form.fields],
        "rules": [
            {
                "code": rule.code,
                "severity": rule.severity,
                "field": rule.field,
                "message": rule.message,
                "needs": list(rule.needs),
            }
            for rule in form.rules
        ],
    }


def describe_field(asked: Field) -> dict[str, Any]:
    """Describe a field as the outside contract shows it."""
    kind = asked.field_type
    options = kind.list_choices() if kind else ()
    return {
        "path": asked.name,
        "label": asked.label,
        "type": asked.type,
        "required": asked.need,
        "options": [choice._asdict() for choice in options] or None,
        "columns": [describe_field(column) for column in asked.columns] or None,
        "sensitivity": asked.sensitivity,
        "filled_by": asked.by,
        "prefill": prefill.get_source_name(asked),
        "locked": asked.locked,
        "drawn": None if asked.fill else str(kind.control) if kind else "line",
    }
