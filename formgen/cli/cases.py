"""formgen cases: the cases, and one of them closely."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from datetime import date
from typing import Annotated, Any

import typer
from rich.table import Table

from formgen.cases.workflow import Task, infer_case_phase, list_tasks
from formgen.cli.console import _, err, format_examples, out
from formgen.cli.session import Session, open_session
from formgen.errors import Finding, UsageError
from formgen.fields import DayDate, Misread
from formgen.fields.dates import NOT_A_DATE
from formgen.i18n import N_

STATUS = {"open": N_("avoin"), "on_hold": N_("tauolla"), "closed": N_("päättynyt")}

app = typer.Typer(name="cases", no_args_is_help=True)


CaseId = Annotated[str, typer.Argument(metavar="CASE", help=_("Asian tunnus."))]


def describe_task(shared: Session, task: Task) -> dict[str, str]:
    """Describe a task as the outside contract shows it."""
    message = shared.translate(task.message, **task.values)
    return {"code": task.code, "due": task.due.isoformat(), "message": message, "whom": task.whom}


@app.command("list", help=_("Luettele asiat valmentajittain."), epilog=format_examples("formgen cases list"))
def cases_list(context: typer.Context) -> None:
    """List the cases by coach, with the oldest open task of each."""
    shared = open_session(context)
    rows = [(case, next(iter(list_tasks(case)), None)) for case in shared.workspace.list_cases()]
    if shared.as_json:
        shared.print_json(
            [
                {
                    "case_id": case.case_id,
                    "status": case.status,
                    "phase": case.phase,
                    "coach": case.coach,
                    "oldest_task": describe_task(shared, task) if task else None,
                }
                for case, task in rows
            ]
        )
        return
    table = Table(
        shared.translate("Valmentaja"),
        shared.translate("Asia"),
        shared.translate("Tila"),
        shared.translate("Vaihe"),
        shared.translate("Vanhin tehtävä"),
        shared.translate("Mistä lähtien"),
    )
    for case, task in rows:
        phase = shared.translate(case.process.get_phase_name(case.phase))
        due = (shared.translate(task.message, **task.values), DayDate().write(task.due)) if task else ("–", "–")
        table.add_row(case.coach or "–", case.case_id, shared.translate(STATUS[case.status]), phase, *due)
    out.print(table)
    for coach, number in shared.workspace.count_cases_by_coach().items():
        out.print(shared.translate("{coach}: {number} avointa asiaa", coach=coach, number=number))


@app.command(
    "tasks",
    help=_("Luettele avoimet tehtävät: mikä on myöhässä, mistä lähtien ja kenellä."),
    epilog=format_examples("formgen cases tasks", "formgen cases tasks PK-2026-00017"),
)
def cases_tasks(
    context: typer.Context,
    case_ids: Annotated[list[str] | None, typer.Argument(metavar="[CASE…]", help=_("Asioiden tunnukset."))] = None,
) -> None:
    """List what is overdue, oldest first."""
    shared = open_session(context)
    found = shared.workspace.list_tasks(case_ids or ())
    if shared.as_json:
        shared.print_json(
            [{"case_id": case.case_id, "coach": case.coach, **describe_task(shared, task)} for case, task in found]
        )
        return
    table = Table(
        shared.translate("Mistä lähtien"),
        shared.translate("Asia"),
        shared.translate("Valmentaja"),
        shared.translate("Koodi"),
        shared.translate("Tehtävä"),
    )
    for case, task in found:
        table.add_row(
            DayDate().write(task.due),
            case.case_id,
            case.coach or "–",
            task.code,
            describe_task(shared, task)["message"],
        )
    out.print(table)


@app.command(
    "show",
    help=_("Näytä yhden asian vaihe, tietueet ja odottavat palautukset."),
    epilog=format_examples("formgen cases show PK-2026-00017"),
)
def cases_show(context: typer.Context, case_id: CaseId) -> None:
    """Show one case."""
    shared = open_session(context)
    case = shared.workspace.show_case(case_id)
    value: dict[str, Any] = {
        "case_id": case.case_id,
        "status": case.status,
        "phase": case.phase,
        "expected_phase": infer_case_phase(case),
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
        "tasks": [describe_task(shared, task) for task in list_tasks(case)],
        "waiting": list_pending_submissions(shared, case_id, "waiting"),
        "review": list_pending_submissions(shared, case_id, "review"),
    }
    if shared.as_json:
        shared.print_json(value)
        return
    out.print(f"{case.case_id}  {shared.translate(case.process.get_phase_name(case.phase))}  {case.coach or ''}")
    if case.phase != value["expected_phase"]:
        err.print(
            shared.translate(
                "Tietueiden mukaan vaihe olisi {phase}. Tarkistakaa asia.", phase=value["expected_phase"] or "–"
            )
        )
    table = Table(
        "#",
        shared.translate("Lomake"),
        shared.translate("Siirtymä"),
        shared.translate("Vaihe"),
        shared.translate("Aika"),
    )
    for step in case.steps:
        table.add_row(
            str(step.seq),
            step.form,
            step.transition or "–",
            shared.translate(case.process.get_phase_name(step.after)),
            step.at,
        )
    out.print(table)
    for task in value["tasks"]:
        out.print(f"! {task['due']} {task['code']} {task['message']}")
    for item in (*value["waiting"], *value["review"]):
        out.print(f"{item['outcome']}: {item['form']} {item['submission_id']} {item['waits_for'] or ''}")


def list_pending_submissions(shared: Session, case_id: str, outcome: str) -> list[dict[str, Any]]:
    """Describe the submissions of a case that are in review or wait."""
    return [
        {
            "submission_id": row.submission_id,
            "form": row.form,
            "outcome": outcome,
            "received_at": row.received_at,
            "waits_for": row.waits_for,
        }
        for row in shared.workspace.find_case_submissions(case_id, outcome)
    ]


@app.command("open", help=_("Avaa asia käsin, ennen lähetettä."), epilog=format_examples("formgen cases open"))
def cases_open(context: typer.Context) -> None:
    """Open a case by hand."""
    shared = open_session(context)
    case_id = shared.workspace.open_case()
    if shared.as_json:
        shared.print_json({"case_id": case_id})
    else:
        out.print(case_id)


Day = Annotated[str, typer.Option(metavar="DAY", help=_(DayDate.accepts))]


def read_day(shared: Session, text: str) -> date:
    """Read the day of an option; raise `UsageError`."""
    try:
        found: date | None = DayDate().read(text, shared.workspace.today).value
    except Misread as misread:
        raise UsageError(misread.message) from misread
    if found is None:
        raise UsageError(NOT_A_DATE)
    return found


def read_reason(shared: Session) -> str:
    """Read why a case is put on hold from the next line of standard input; raise `UsageError` for an empty one.

    What stands on a command line can be seen by everybody on the machine.
    """
    if sys.stdin.isatty():
        err.print(shared.translate("Tauon syy:"), end=" ")
    if text := sys.stdin.readline().strip():
        return text
    raise UsageError("Kirjoita tauon syy vakiosyötteeseen.")


def print_step(shared: Session, findings: Iterable[Finding], **told: str) -> None:
    """Print what should be looked at in a step that has been taken, and what the step tells."""
    for found in findings:
        err.print(shared.translate(found.message, **found.values))
    if shared.as_json:
        shared.print_json(told)


@app.command(
    "hold",
    help=_(
        "Pane asia tauolle. Tauko ei muuta vaihetta eikä ole syy lopettaa. Tauon syy kysytään tai luetaan "
        "vakiosyötteestä, jolloin muut eivät näe sitä."
    ),
    epilog=format_examples(
        "formgen cases hold PK-2026-00017 --start 1.3.2026 --next-contact 30.3.2026",
        "formgen cases hold PK-2026-00017 --start 1.3.2026 --next-contact 30.3.2026 < syy.txt",
    ),
)
def cases_hold(
    context: typer.Context,
    case_id: CaseId,
    start: Day,
    next_contact: Day,
) -> None:
    """Put a case on hold."""
    shared = open_session(context)
    begins, contact = read_day(shared, start), read_day(shared, next_contact)
    shared.workspace.load_case(case_id)
    reason = read_reason(shared)
    findings = shared.workspace.hold(case_id, begins, contact, reason)
    steps = shared.workspace.registry.process.hold
    told = {"reason": reason, "start": begins.isoformat(), "next_contact": contact.isoformat()}
    print_step(shared, findings, case_id=case_id, transition=steps.begin, **told)


@app.command(
    "resume", help=_("Päätä asian tauko."), epilog=format_examples("formgen cases resume PK-2026-00017 --end 1.4.2026")
)
def cases_resume(context: typer.Context, case_id: CaseId, end: Day) -> None:
    """End the hold of a case."""
    shared = open_session(context)
    last = read_day(shared, end)
    findings, steps = shared.workspace.resume(case_id, last), shared.workspace.registry.process.hold
    print_step(shared, findings, case_id=case_id, transition=steps.end, end=last.isoformat())


@app.command(
    "accept",
    help=_("Hyväksy asiassa muuttuneet ja ristiriitaiset tiedot: ne poistuvat tehtävistä."),
    epilog=format_examples("formgen cases accept PK-2026-00017"),
)
def cases_accept(context: typer.Context, case_id: CaseId) -> None:
    """Accept the known values that documents have changed, and those that another record contradicts."""
    shared = open_session(context)
    if places := shared.workspace.accept_changed_values(case_id):
        print_step(shared, (), case_id=case_id, transition="", accepted=" ".join(places))
