"""formgen cases: the cases, and one of them closely."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.table import Table

from formgen.cli.session import Session, _, err, examples, now, out, session
from formgen.process import PHASES, expected
from formgen.store import day

app = typer.Typer(name="cases", no_args_is_help=True, help=_("Asiakkaiden asiat."))


@app.command("list", help=_("Luettele asiat."), epilog=examples("formgen cases list"))
def cases_list(context: typer.Context) -> None:
    """List the cases."""
    shared = session(context)
    today = day(now())
    found = [
        shared.journal.case(row["case_id"], today, shared.workspace.office, shared.registry)
        for row in shared.journal.case_rows()
    ]
    if shared.as_json:
        shared.answer(
            [
                {"case_id": case.case_id, "status": case.status, "phase": case.phase, "coach": case.coach}
                for case in found
            ]
        )
        return
    table = Table(shared.say("Asia"), shared.say("Tila"), shared.say("Vaihe"), shared.say("Valmentaja"))
    for case in found:
        table.add_row(case.case_id, case.status, shared.say(PHASES.get(case.phase or "", "–")), case.coach or "–")
    out.print(table)


@app.command(
    "show",
    help=_("Näytä yhden asian vaihe, tietueet ja odottavat palautukset."),
    epilog=examples("formgen cases show PK-2026-00017"),
)
def cases_show(
    context: typer.Context, case_id: Annotated[str, typer.Argument(metavar="CASE", help=_("Asian tunnus."))]
) -> None:
    """Show one case."""
    shared = session(context)
    case = shared.journal.case(case_id, day(now()), shared.workspace.office, shared.registry)
    value: dict[str, Any] = {
        "case_id": case.case_id,
        "status": case.status,
        "phase": case.phase,
        "expected_phase": expected(case),
        "coach": case.coach,
        "steps": [
            {
                "seq": step.seq,
                "form": step.form,
                "record_id": step.record_id,
                "transition": step.transition,
                "at": step.at,
            }
            for step in case.steps
        ],
        "tasks": [],
        "waiting": pending_returns(shared, case_id, "waiting"),
        "review": pending_returns(shared, case_id, "review"),
    }
    if shared.as_json:
        shared.answer(value)
        return
    out.print(f"{case.case_id}  {shared.say(PHASES.get(case.phase or '', '–'))}  {case.coach or ''}", markup=False)
    if case.phase != value["expected_phase"]:
        err.print(
            shared.say("Tietueiden mukaan vaihe olisi {phase}. Tarkistakaa asia.", phase=value["expected_phase"] or "–")
        )
    table = Table("#", shared.say("Lomake"), shared.say("Siirtymä"), shared.say("Vaihe"), shared.say("Aika"))
    for step in case.steps:
        table.add_row(
            str(step.seq), step.form, step.transition or "–", shared.say(PHASES.get(step.after or "", "–")), step.at
        )
    out.print(table)
    for item in (*value["waiting"], *value["review"]):
        out.print(f"{item['outcome']}: {item['form']} {item['return_id']} {item['waits_for'] or ''}", markup=False)


def pending_returns(shared: Session, case_id: str, outcome: str) -> list[dict[str, Any]]:
    """Return the returns of a case that are in review or wait."""
    return [
        {
            "return_id": row["return_id"],
            "form": row["form"],
            "outcome": outcome,
            "received_at": row["received_at"],
            "waits_for": row["waits_for"],
        }
        for row in shared.journal.returned(case_id=case_id, outcome=outcome)
    ]


@app.command("open", help=_("Avaa asia käsin, ennen lähetettä."), epilog=examples("formgen cases open"))
def cases_open(context: typer.Context) -> None:
    """Open a case by hand."""
    shared = session(context)
    with shared.journal.transaction() as connection:
        case_id = shared.journal.open_case(connection, shared.workspace.office.case_prefix, now())
    if shared.as_json:
        shared.answer({"case_id": case_id})
    else:
        out.print(case_id)
