"""formgen cases: the cases, and one of them closely."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Annotated, Any

import typer
from rich.table import Table

from formgen.cases.workflow import PHASES, Case, Task, check_hold, check_resume, infer_case_phase, list_tasks
from formgen.cli.console import _, err, format_examples, out
from formgen.cli.session import Session, now, open_session
from formgen.errors import Finding, UsageError
from formgen.fields import DayDate, Misread
from formgen.storage.cases import Caseloads
from formgen.storage.moments import to_local_date

STATUS = {"open": "avoin", "on_hold": "tauolla", "closed": "päättynyt"}

app = typer.Typer(name="cases", no_args_is_help=True)


CaseId = Annotated[str, typer.Argument(metavar="CASE", help=_("Asian tunnus."))]


def load_case(shared: Session, case_id: str) -> Case:
    """Return a case as it is today."""
    return shared.journal.load_case(case_id, to_local_date(now()), shared.workspace.office, shared.registry)


def describe_task(shared: Session, task: Task) -> dict[str, str]:
    """Return a task as the outside contract shows it."""
    message = shared.translate(task.message, **task.values)
    return {"code": task.code, "due": task.due.isoformat(), "message": message, "whom": task.whom}


@app.command("list", help=_("Luettele asiat valmentajittain."), epilog=format_examples("formgen cases list"))
def cases_list(context: typer.Context) -> None:
    """List the cases by coach, with the oldest open task of each."""
    shared = open_session(context)
    shared.log_access(case_id="*")
    found = [load_case(shared, case_id) for case_id in shared.journal.list_case_ids()]
    rows = [
        (case, next(iter(list_tasks(case)), None))
        for case in sorted(found, key=lambda case: (case.coach or "", case.case_id))
    ]
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
    titles = ("Valmentaja", "Asia", "Tila", "Vaihe", "Vanhin tehtävä", "Mistä lähtien")
    table = Table(*(shared.translate(title) for title in titles))
    for case, task in rows:
        phase = shared.translate(PHASES.get(case.phase or "", "–"))
        due = (shared.translate(task.message, **task.values), DayDate().write(task.due)) if task else ("–", "–")
        table.add_row(case.coach or "–", case.case_id, shared.translate(STATUS[case.status]), phase, *due)
    out.print(table)
    for coach, number in Caseloads(shared.journal).items():
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
    chosen = case_ids or shared.journal.list_case_ids()
    found = [(task, case) for case in (load_case(shared, case_id) for case_id in chosen) for task in list_tasks(case)]
    shared.journal.log_reads(now(), *({"case_id": case_id} for case_id in case_ids or "*"))
    found.sort(key=lambda item: (item[0].due, item[1].case_id))
    if shared.as_json:
        shared.print_json(
            [{"case_id": case.case_id, "coach": case.coach, **describe_task(shared, task)} for task, case in found]
        )
        return
    titles = ("Mistä lähtien", "Asia", "Valmentaja", "Koodi", "Tehtävä")
    table = Table(*(shared.translate(title) for title in titles))
    for task, case in found:
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
    case = load_case(shared, case_id)
    shared.log_access(case_id=case_id)
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
    out.print(f"{case.case_id}  {shared.translate(PHASES.get(case.phase or '', '–'))}  {case.coach or ''}")
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
            shared.translate(PHASES.get(step.after or "", "–")),
            step.at,
        )
    out.print(table)
    for task in value["tasks"]:
        out.print(f"! {task['due']} {task['code']} {task['message']}")
    for item in (*value["waiting"], *value["review"]):
        out.print(f"{item['outcome']}: {item['form']} {item['submission_id']} {item['waits_for'] or ''}")


def list_pending_submissions(shared: Session, case_id: str, outcome: str) -> list[dict[str, Any]]:
    """Return the returns of a case that are in review or wait."""
    return [
        {
            "submission_id": row.submission_id,
            "form": row.form,
            "outcome": outcome,
            "received_at": row.received_at,
            "waits_for": row.waits_for,
        }
        for row in shared.journal.find_submissions(case_id=case_id, outcome=outcome)
    ]


@app.command("open", help=_("Avaa asia käsin, ennen lähetettä."), epilog=format_examples("formgen cases open"))
def cases_open(context: typer.Context) -> None:
    """Open a case by hand."""
    shared = open_session(context)
    with shared.journal.begin_transaction() as connection:
        case_id = shared.journal.open_case(connection, shared.workspace.office.case_prefix, now())
    if shared.as_json:
        shared.print_json({"case_id": case_id})
    else:
        out.print(case_id)


Day = Annotated[str, typer.Option(metavar="DAY", help=_("Päivä, esimerkiksi 1.3.2026."))]


def read_day(text: str) -> date:
    """Return the day of an option; raise `UsageError`."""
    try:
        found: date | None = DayDate().read(text, to_local_date(now())).value
    except Misread as misread:
        raise UsageError(misread.message) from misread
    if found is None:
        raise UsageError("Kirjoita päivämäärä näin: 1.3.2026.")
    return found


def read_reason(shared: Session) -> str:
    """Return why a case is put on hold, which is the next line of standard input; raise `UsageError` for an empty one.

    What stands on a command line can be seen by everybody on the machine.
    """
    if sys.stdin.isatty():
        err.print(shared.translate("Tauon syy:"), end=" ")
    if text := sys.stdin.readline().strip():
        return text
    raise UsageError("Kirjoita tauon syy vakiosyötteeseen.")


def take_step(
    shared: Session, case: Case, transition: str, findings: Iterable[Finding], note: Mapping[str, str]
) -> None:
    """Write a step that no document makes, unless a finding forbids it."""
    for found in findings:
        if found.severity == "error":
            raise UsageError(found.message, **found.values)
        err.print(shared.translate(found.message, **found.values))
    shared.journal.add_manual_step(case, transition, note, now())
    if shared.as_json:
        shared.print_json({"case_id": case.case_id, "transition": transition, **note})


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
    """Put a case on hold (T26)."""
    shared = open_session(context)
    case = load_case(shared, case_id)
    begins, contact = read_day(start), read_day(next_contact)
    note = {"reason": read_reason(shared), "start": begins.isoformat(), "next_contact": contact.isoformat()}
    take_step(shared, case, "T26", check_hold(case, begins, contact), note)


@app.command(
    "resume", help=_("Päätä asian tauko."), epilog=format_examples("formgen cases resume PK-2026-00017 --end 1.4.2026")
)
def cases_resume(context: typer.Context, case_id: CaseId, end: Day) -> None:
    """End the hold of a case (T27)."""
    shared = open_session(context)
    case = load_case(shared, case_id)
    last = read_day(end)
    take_step(shared, case, "T27", check_resume(case, last), {"end": last.isoformat()})


@app.command(
    "accept",
    help=_("Hyväksy asiassa muuttuneet ja ristiriitaiset tiedot: ne poistuvat tehtävistä."),
    epilog=format_examples("formgen cases accept PK-2026-00017"),
)
def cases_accept(context: typer.Context, case_id: CaseId) -> None:
    """Accept the known values that documents have changed, and those that another record contradicts."""
    shared = open_session(context)
    case = load_case(shared, case_id)
    places = [*case.find_changed_values(), *case.find_contradictions()]
    if places:
        take_step(shared, case, "", (), {"accepted": " ".join(places)})
