"""The command line: one function a command. Answers go to standard output, all else to standard error."""

from __future__ import annotations

import getpass
import json
import logging
import os
import signal
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

import structlog
import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table

from formgen import __version__, demo, formats, outbox, prefill, registry, words
from formgen.errors import FormgenError, OutOfReach, UsageError
from formgen.form import Field, Form
from formgen.intake import Intake
from formgen.issue import issue
from formgen.kinds import Choose
from formgen.process import PHASES, expected
from formgen.registry import Registry, template_file
from formgen.settings import PACKAGED, Workspace
from formgen.sheet import Control
from formgen.store import Journal, stamp
from formgen.verdict import Verdict, envelope, reason
from formgen.watch import Watch, alive, candidates, oddities

HERE = words.spoken_here(os.environ)
REJECTED, UNSURE = 3, 4
EXIT = {"rejected": REJECTED, "review": UNSURE, "waiting": UNSURE}

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


def _(text: str, **values: object) -> str:
    """Return a Finnish text in the language of the messages."""
    return words.say(text, HERE, **values)


def examples(*lines: str) -> str:
    """Return examples as the end of a command's help."""
    return "\n\n".join([_("Esimerkkejä:"), *(f"  {line}" for line in lines)])


@dataclass
class Session:
    """What the commands share: the workspace and what is opened in it when it is asked for."""

    workspace: Workspace
    as_json: bool = False
    language: str = HERE

    @cached_property
    def registry(self) -> Registry:
        """Return the forms."""
        return registry.load(self.workspace)

    @cached_property
    def journal(self) -> Journal:
        """Return the journal; raise `OutOfReach` when the folder is no workspace."""
        if not self.workspace.root.is_dir():
            raise OutOfReach(detail=str(self.workspace.root))
        return Journal.open(self.workspace.make().var)

    @cached_property
    def intake(self) -> Intake:
        """Return the way in."""
        return Intake(self.workspace, self.journal, self.registry, now)

    def say(self, text: str, **values: object) -> str:
        """Return a text in the language of the messages."""
        return words.say(text, self.language, **values)

    def answer(self, value: Any) -> None:
        """Print one JSON document."""
        sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2) + "\n")


def now() -> datetime:
    """Return the moment."""
    return datetime.now(UTC)


app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help=_("Lomakkeet ulos, takaisin ja tietueiksi."),
)
forms_app = typer.Typer(no_args_is_help=True, help=_("Lomakkeet, jotka on määritelty."))
templates_app = typer.Typer(no_args_is_help=True, help=_("Lomakepohjat."))
cases_app = typer.Typer(no_args_is_help=True, help=_("Asiakkaiden asiat."))
review_app = typer.Typer(no_args_is_help=True, help=_("Palautukset, jotka odottavat ihmistä tai toista lomaketta."))
for name, child in (("forms", forms_app), ("templates", templates_app), ("cases", cases_app), ("review", review_app)):
    app.add_typer(child, name=name)

Context = typer.Context


def session(context: Context) -> Session:
    """Return what the commands share."""
    found: Session = context.obj
    return found


@app.callback()
def root(
    context: Context,
    workspace: Annotated[
        Path | None, typer.Option("--workspace", envvar="FORMGEN_WORKSPACE", help=_("Työtilan kansio."), metavar="DIR")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help=_("Vastaus yhtenä JSON-asiakirjana."))] = False,
    lang: Annotated[str, typer.Option("--lang", help=_("Viestien kieli: fi, sv tai en."))] = "",
    version: Annotated[bool, typer.Option("--version", help=_("Näytä versio."), is_eager=True)] = False,
) -> None:
    """Take the options that go before the command."""
    if version:
        out.print(f"formgen {__version__}")
        raise typer.Exit
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper("iso"),
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
            ),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    place = Workspace((workspace or Path.cwd()).resolve())
    settled = "language" in place.office.model_fields_set and place.office.language[:2]
    context.obj = Session(place, as_json, lang or settled or HERE)


# --- workspace --------------------------------------------------------------------------------

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
        settings.write_text(EXAMPLE, encoding="utf-8")
    for source in sorted((PACKAGED / "templates" / "forms").glob("*.docx")):
        target = workspace.root / "templates" / "forms" / source.name
        if not target.exists():
            target.write_bytes(source.read_bytes())
    Journal.open(workspace.var)
    outbox.publish_schemas(workspace.outbox / "schemas", registry.load(workspace))
    return workspace


@app.command(help=_("Tee työtila kansioon."), epilog=examples("formgen init työtila"))
def init(
    context: Context, folder: Annotated[Path, typer.Argument(metavar="[DIR]", help=_("Kansio."))] = Path()
) -> None:
    """Make a workspace."""
    workspace = prepare(folder if folder != Path() else session(context).workspace.root)
    if session(context).as_json:
        session(context).answer({"workspace": str(workspace.root)})
    else:
        err.print(session(context).say("Työtila on valmis: {folder}", folder=workspace.root))


@app.command(
    "demo",
    help=_("Tee työtila, jossa kolme esimerkkiasiaa kulkee koko polun."),
    epilog=examples("formgen demo", "formgen demo kokeilu"),
)
def demonstrate(
    context: Context, folder: Annotated[Path, typer.Argument(metavar="[DIR]", help=_("Kansio."))] = Path("demo-työtila")
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
    for outcome in demo.play(shared.intake):
        seen.append(outcome)
        err.print(f"{outcome.case}: {outcome.form} → {outcome.row['outcome']}")
    places = [outbox_place(workspace, outcome.row) for outcome in seen]
    if shared.as_json:
        shared.answer(
            [
                {
                    "case": item.case,
                    "form": item.form,
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
                item.row["case_id"] or "–", item.form, item.row["outcome"], str(place.relative_to(workspace.root))
            )
        out.print(table)
        out.print(shared.say("Kaikki on kansiossa {folder}", folder=workspace.root))
    if any(item.row["outcome"] != item.expected for item in seen):
        raise typer.Exit(1)


def outbox_place(workspace: Workspace, row: Mapping[str, Any]) -> Path:
    """Return where the outcome of a return lies."""
    if row["record_id"]:
        return outbox.record_path(workspace, row["case_id"], row["record_id"], row["form"])
    if row["rejected_as"]:
        return outbox.rejected_path(workspace, f"{row['rejected_as']}.reason.json")
    return workspace.outbox / "feed.ndjson"


@app.command(
    help=_("Kirjoita lomakkeiden JSON-skeemat."), epilog=examples("formgen schemas", "formgen schemas skeemat")
)
def schemas(
    context: Context, folder: Annotated[Path | None, typer.Argument(metavar="[DIR]", help=_("Kansio."))] = None
) -> None:
    """Write the JSON Schemas."""
    shared = session(context)
    places = outbox.publish_schemas(folder or shared.workspace.outbox / "schemas", shared.registry)
    if shared.as_json:
        shared.answer([str(place) for place in places])
    else:
        for place in places:
            out.print(str(place))


# --- forms ------------------------------------------------------------------------------------


@forms_app.command("list", help=_("Luettele lomakkeet."), epilog=examples("formgen forms list"))
def forms_list(context: Context) -> None:
    """List the forms, and the rules that wait for forms that do not exist yet."""
    shared = session(context)
    pending = [
        {"form": form, "code": rule.code, "name": rule.name, "needs": list(rule.needs)}
        for form, rule in shared.registry.pending()
    ]
    if shared.as_json:
        shared.answer(
            [
                {
                    "form": form.id,
                    "number": form.number,
                    "version": form.version,
                    "title": form.title,
                    "pending_rules": [item for item in pending if item["form"] == form.id],
                }
                for form in shared.registry
            ]
        )
        return
    table = Table(
        shared.say("Lomake"), shared.say("Numero"), shared.say("Versio"), shared.say("Nimi"), shared.say("Kenttiä")
    )
    for form in shared.registry:
        table.add_row(form.id, form.number, form.version, shared.say(form.title), str(len(form.fields)))
    out.print(table)
    for item in pending:
        needs = ", ".join(item["needs"])
        err.print(
            shared.say(
                "{form}: sääntö {code} odottaa lomaketta {needs}", form=item["form"], code=item["code"], needs=needs
            )
        )


@forms_app.command(
    "show",
    help=_("Näytä lomakkeen kentät ja säännöt."),
    epilog=examples("formgen forms show referral", "formgen --json forms show job_start"),
)
def forms_show(
    context: Context,
    form: Annotated[str, typer.Argument(metavar="FORM", help=_("Lomakkeen tunnus."))],
    as_json: Annotated[bool, typer.Option("--json", help=_("Vastaus yhtenä JSON-asiakirjana."))] = False,
) -> None:
    """Show a form's fields and rules."""
    shared = session(context)
    found = shared.registry.latest(form)
    if as_json or shared.as_json:
        shared.answer(described(found))
        return
    table = Table(
        shared.say("Kohta"),
        shared.say("Nimi"),
        shared.say("Laji"),
        shared.say("Pakollinen"),
        shared.say("Täyttää"),
        title=shared.say(found.title),
    )
    for asked in found.fields:
        table.add_row(asked.name, shared.say(asked.label), asked.type, asked.need, asked.by)
        for column in asked.columns:
            table.add_row(f"  .{column.name}", shared.say(column.label), column.type, column.need, column.by)
    out.print(table)
    for rule in found.rules:
        out.print(f"{rule.code:6} {rule.severity:8} {shared.say(rule.message)}", markup=False)


def described(form: type[Form]) -> dict[str, Any]:
    """Return a form as the outside contract shows it."""
    return {
        "form": form.id,
        "version": form.version,
        "title": form.title,
        "phases": sorted({move.source or "" for move in form.moves} - {""}),
        "fields": [described_field(asked) for asked in form.fields],
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


def described_field(asked: Field) -> dict[str, Any]:
    """Return a field as the outside contract shows it."""
    kind = asked.reads
    choices = isinstance(kind, Choose) and kind.control in (Control.TICKS, Control.LIST)
    return {
        "path": asked.name,
        "label": asked.label,
        "type": asked.type,
        "required": asked.need,
        "options": [{"code": code, "label": kind.label(code)} for code in kind.of]
        if choices and isinstance(kind, Choose)
        else None,
        "columns": [described_field(column) for column in asked.columns] or None,
        "sensitivity": asked.sensitivity,
        "filled_by": asked.by,
        "prefill": prefill.source_name(asked),
        "locked": asked.locked,
        "drawn": None if asked.fill else str(kind.control) if kind else "line",
    }


# --- templates --------------------------------------------------------------------------------


@templates_app.command(
    "build",
    help=_("Tee lomakepohjien luonnokset skeemoista."),
    epilog=examples("formgen templates build", "formgen templates build referral"),
)
def templates_build(
    context: Context,
    names: Annotated[list[str] | None, typer.Argument(metavar="[FORM…]", help=_("Lomakkeiden tunnukset."))] = None,
    force: Annotated[bool, typer.Option("--force", help=_("Korvaa myös pohja, joka on jo olemassa."))] = False,
) -> None:
    """Build first drafts of templates; one that the office already has is left alone."""
    shared = session(context)
    made = []
    for form in [shared.registry.latest(name) for name in names] if names else list(shared.registry):
        file = shared.workspace.root / "templates" / "forms" / f"{form.id}.docx"
        if file.exists() and not force:
            err.print(
                shared.say("Pohja on jo olemassa, sitä ei muutettu: {file}. Korvaa valinnalla --force.", file=file)
            )
            continue
        outbox.write(file, formats.every()["docx"].build(form.title, form.number, form.version, form.questions()))
        made.append(str(file))
    if shared.as_json:
        shared.answer(made)
    else:
        for name in made:
            out.print(name)


@templates_app.command(
    "check",
    help=_("Tarkista, että muokattu pohja on ehjä."),
    epilog=examples("formgen templates check", "formgen templates check templates/forms/referral.docx"),
)
def templates_check(
    context: Context, files: Annotated[list[Path] | None, typer.Argument(metavar="[FILE…]", help=_("Pohjat."))] = None
) -> None:
    """Say in plain words what is missing or broken in templates."""
    shared = session(context)
    checked = files or [template_file(shared.workspace, form) for form in shared.registry]
    found: list[dict[str, Any]] = []
    for file in checked:
        form = shared.registry.latest(file.stem)
        try:
            problems = list(formats.every()["docx"].load(file, form.questions()).check())
        except (UsageError, OSError) as error:
            problems = [text_of(error, shared.language)]
        found.append({"file": str(file), "form": form.id, "ok": not problems, "problems": problems})
    if shared.as_json:
        shared.answer(found)
    else:
        for item in found:
            out.print(f"{item['file']}: {shared.say('kunnossa') if item['ok'] else ''}", markup=False)
            for problem in item["problems"]:
                out.print(f"  - {problem}", markup=False)
    if not all(item["ok"] for item in found):
        raise typer.Exit(1)


# --- cases ------------------------------------------------------------------------------------


@cases_app.command("list", help=_("Luettele asiat."), epilog=examples("formgen cases list"))
def cases_list(context: Context) -> None:
    """List the cases."""
    shared = session(context)
    today = now().date()
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


@cases_app.command(
    "show",
    help=_("Näytä yhden asian vaihe, tietueet ja odottavat palautukset."),
    epilog=examples("formgen cases show PK-2026-00017"),
)
def cases_show(
    context: Context, case_id: Annotated[str, typer.Argument(metavar="CASE", help=_("Asian tunnus."))]
) -> None:
    """Show one case."""
    shared = session(context)
    case = shared.journal.case(case_id, now().date(), shared.workspace.office, shared.registry)
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


@cases_app.command("open", help=_("Avaa asia käsin, ennen lähetettä."), epilog=examples("formgen cases open"))
def cases_open(context: Context) -> None:
    """Open a case by hand."""
    shared = session(context)
    with shared.journal.transaction() as connection:
        case_id = shared.journal.open_case(connection, shared.workspace.office.case_prefix, now())
    if shared.as_json:
        shared.answer({"case_id": case_id})
    else:
        out.print(case_id)


# --- documents --------------------------------------------------------------------------------


@app.command(
    help=_("Tee esitäytetty lomake."),
    epilog=examples(
        "formgen generate referral",
        "formgen generate cooperation_agreement --case PK-2026-00017",
        "formgen generate job_start --case PK-2026-00017 --lang sv -o anställning.docx",
    ),
)
def generate(
    context: Context,
    names: Annotated[list[str], typer.Argument(metavar="FORM…", help=_("Lomakkeiden tunnukset."))],
    case: Annotated[str | None, typer.Option("--case", help=_("Asian tunnus."))] = None,
    format_name: Annotated[str, typer.Option("--format", help=_("Tiedostomuoto."))] = "docx",
    lang: Annotated[
        str | None, typer.Option("--lang", help=_("Lomakkeen kieli: fi, sv, fi_selko tai sv_selko."))
    ] = None,
    blank: Annotated[bool, typer.Option("--blank", help=_("Ilman asiakkaan tietoja."))] = False,
    path: Annotated[Path | None, typer.Option("-o", "--output", help=_("Tiedosto tai kansio."))] = None,
    as_json: Annotated[bool, typer.Option("--json", help=_("Vastaus yhtenä JSON-asiakirjana."))] = False,
) -> None:
    """Make prefilled forms."""
    shared = session(context)
    made = []
    for name in names:
        form = shared.registry.latest(name)
        instance = shared.intake.new_id()
        target = (
            path / f"{form.id}-{str(instance)[-12:]}.{format_name}"
            if path and (path.is_dir() or len(names) > 1)
            else path
        )
        made.append(
            issue(
                shared.workspace,
                shared.journal,
                shared.registry,
                form,
                now=now(),
                instance=instance,
                case_id=case,
                language=lang,
                empty=blank,
                format_name=format_name,
                path=target,
            )
        )
    if as_json or shared.as_json:
        shared.answer([asdict(item) for item in made])
    else:
        for item in made:
            out.print(item.path, markup=False)


@app.command(
    help=_("Lue ja tarkista palautus, mutta älä tallenna mitään."),
    epilog=examples("formgen read palautus.docx", "formgen --json read *.docx"),
)
def read(
    context: Context,
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", help=_("Tiedostot."))],
    as_json: Annotated[bool, typer.Option("--json", help=_("Vastaus yhtenä JSON-asiakirjana."))] = False,
) -> None:
    """Read and validate files; nothing is written."""
    shared = session(context)
    found = []
    for file in progress(files, shared.say("Luetaan")):
        try:
            data = file.read_bytes()
        except OSError as error:
            raise UsageError("Tiedostoa ei voi avata: {file}", file=str(file)) from error
        at = now()
        found.append(told(str(file), described_bytes(file, data, at), shared.intake.desk.read(data, at), at))
    report(shared, found, as_json)


@app.command(help=_("Käsittele palautus kuten inbox-kansiosta."), epilog=examples("formgen submit palautus.docx"))
def submit(
    context: Context,
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", help=_("Tiedostot."))],
    as_json: Annotated[bool, typer.Option("--json", help=_("Vastaus yhtenä JSON-asiakirjana."))] = False,
) -> None:
    """Take files in as if they had been dropped into the inbox; the files themselves stay."""
    shared = session(context)
    arrived = []
    for file in files:
        return_id = shared.intake.receive(file, "cli") if file.is_file() else None
        if return_id is None:
            raise UsageError("Tiedostoa ei voi avata: {file}", file=str(file))
        arrived.append((file, return_id))
    found = [settled(shared, file, return_id) for file, return_id in progress(arrived, shared.say("Käsitellään"))]
    report(shared, found, as_json)


def settled(shared: Session, file: Path, return_id: str) -> dict[str, Any]:
    """Return what became of a return: settled here, or by the daemon when one is at work."""
    while (row := shared.journal.returned(return_id=return_id)[0])["outcome"] is None:
        try:
            Watch(shared.intake).run(once=True, inbox=False)
        except OutOfReach:
            time.sleep(0.2)
    record = shared.journal.record(row["record_id"]) if row["record_id"] else None
    verdict = shared.intake.read(row)
    return {
        "file": str(file),
        "outcome": row["outcome"],
        "record": json.loads(record["payload"]) if record else None,
        "reason": json.loads(row["reason"]) if row["reason"] else None,
        "answers": answers_of(verdict),
    }


def told(file: str, row: Mapping[str, Any], verdict: Verdict, at: datetime) -> dict[str, Any]:
    """Return a verdict as the outside contract shows it."""
    return {
        "file": file,
        "outcome": verdict.outcome,
        "record": envelope(row, verdict, None, verdict.case_id, at) if verdict.outcome == "accepted" else None,
        "reason": None if verdict.outcome == "accepted" else reason(row, verdict),
        "answers": answers_of(verdict),
    }


def answers_of(verdict: Verdict) -> dict[str, Any] | None:
    """Return what stood in the fields, or None when the file is no form."""
    if verdict.about is None:
        return None
    return {
        path: {"text": answer.text, "layer": answer.layer, "confidence": answer.confidence}
        for path, answer in verdict.about.sheet.answers.items()
    }


def described_bytes(file: Path, data: bytes, at: datetime) -> dict[str, Any]:
    """Return what a return's row would say of a file that is only read."""
    digest = outbox.digest(data)
    return {"file_name": file.name, "sha256": digest, "size": len(data), "channel": "read", "received_at": stamp(at)}


def report(shared: Session, found: list[dict[str, Any]], as_json: bool) -> None:
    """Print outcomes, and end with the exit code that they call for."""
    if as_json or shared.as_json:
        shared.answer(found)
    else:
        for item in found:
            out.print(f"{item['file']}: {shared.say(OUTCOMES[item['outcome']])}", markup=False)
            for problem in (item["reason"] or {}).get("errors") or (item["record"] or {}).get("issues") or ():
                out.print(f"  - {problem['code']} {problem['field']}: {problem['message']}", markup=False)
    codes = {EXIT.get(item["outcome"], 0) for item in found}
    if code := (REJECTED if REJECTED in codes else max(codes, default=0)):
        raise typer.Exit(code)


OUTCOMES = {
    "accepted": "hyväksytty",
    "review": "tarkistettava",
    "waiting": "odottaa toista lomaketta",
    "rejected": "hylätty",
    "duplicate": "sama on jo käsitelty",
}


def progress(items: Iterable[Any], text: str) -> Iterable[Any]:
    """Yield the items, with a bar on standard error when there are many."""
    many = list(items)
    return track(many, text, console=err, transient=True) if len(many) > 1 and err.is_terminal else many


# --- the daemon -------------------------------------------------------------------------------


@app.command(
    help=_("Vahdi inbox-kansiota ja käsittele palautukset."),
    epilog=examples("formgen watch", "formgen watch --once", "formgen watch --poll 5"),
)
def watch(
    context: Context,
    once: Annotated[bool, typer.Option("--once", help=_("Tyhjennä kansio ja lopeta."))] = False,
    poll: Annotated[
        float | None, typer.Option("--poll", help=_("Sekunteja katselmusten välillä, verkkolevylle."), min=0.1)
    ] = None,
) -> None:
    """Run the daemon, or empty the inbox once."""
    shared = session(context)
    daemon = Watch(shared.intake, poll)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: daemon.end())
    outbox.publish_schemas(shared.workspace.outbox / "schemas", shared.registry)
    err.print(shared.say("Vahditaan kansiota {folder}", folder=shared.workspace.inbox))
    daemon.run(once)
    counts = shared.journal.counts()
    if shared.as_json:
        shared.answer(counts)
    else:
        err.print(
            ", ".join(f"{shared.say(OUTCOMES.get(name, name))} {number}" for name, number in sorted(counts.items()))
        )


@app.command(help=_("Näytä jono, määrät ja ongelmat."), epilog=examples("formgen status", "formgen status --json"))
def status(
    context: Context,
    as_json: Annotated[bool, typer.Option("--json", help=_("Vastaus yhtenä JSON-asiakirjana."))] = False,
) -> None:
    """Show counts, queue and problems."""
    shared = session(context)
    counts = shared.journal.counts()
    lying = [found.st_mtime for _, found in candidates(shared.workspace.inbox)]
    problems = [
        shared.say("Ei tavallinen tiedosto: {name}", name=file.name) for file in oddities(shared.workspace.inbox)
    ]
    problems += [
        shared.say(
            "Palautusta ei ole voitu lukea {attempts} yrityksellä: {id}", attempts=row["attempts"], id=row["return_id"]
        )
        for row in shared.journal.unsettled()
        if row["attempts"] > 1
    ]
    names = ("accepted", "review", "waiting", "rejected", "duplicate", "in_work")
    value = {
        "ok": not problems,
        "received": sum(counts.values()),
        **{name: counts.get(name, 0) for name in names},
        "inbox": len(lying),
        "oldest_inbox_s": round(max(0.0, time.time() - min(lying)), 1) if lying else None,
        "watcher_alive": alive(shared.workspace),
        "problems": problems,
    }
    if as_json or shared.as_json:
        shared.answer(value)
    else:
        for name, number in value.items():
            if name != "problems":
                out.print(f"{name:16} {number}", markup=False)
        for problem in problems:
            out.print(f"! {problem}", markup=False)
    if problems:
        raise typer.Exit(1)


# --- review -----------------------------------------------------------------------------------


@review_app.command("list", help=_("Luettele palautukset, jotka odottavat."), epilog=examples("formgen review list"))
def review_list(context: Context) -> None:
    """List the returns in review and those that wait for another form."""
    shared = session(context)
    rows = [*shared.journal.returned(outcome="review"), *shared.journal.returned(outcome="waiting")]
    if shared.as_json:
        shared.answer(
            [
                {
                    "return_id": row["return_id"],
                    "outcome": row["outcome"],
                    **json.loads(row["reason"]),
                    "waits_for": row["waits_for"],
                }
                for row in rows
            ]
        )
        return
    table = Table(
        shared.say("Palautus"), shared.say("Asia"), shared.say("Lomake"), shared.say("Tulos"), shared.say("Kohtia")
    )
    for row in rows:
        table.add_row(
            row["return_id"],
            row["case_id"] or "–",
            row["form"],
            shared.say(OUTCOMES[row["outcome"]]),
            str(len(json.loads(row["reason"])["errors"])),
        )
    out.print(table)


ReturnId = Annotated[str, typer.Argument(metavar="RETURN", help=_("Palautuksen tunnus."))]


def pending(shared: Session, return_id: str) -> Mapping[str, Any]:
    """Return a return that awaits a decision; raise `UsageError` for any other."""
    rows = [row for row in shared.journal.returned(return_id=return_id) if row["outcome"] in ("review", "waiting")]
    if not rows:
        raise UsageError("Palautus {id} ei odota ratkaisua.", id=return_id)
    return rows[0]


@review_app.command(
    "show",
    help=_("Näytä, mitä palautuksesta luettiin ja mikä on epävarmaa."),
    epilog=examples("formgen review show RETURN"),
)
def review_show(context: Context, return_id: ReturnId) -> None:
    """Show what was read of a return, and what is doubtful."""
    shared = session(context)
    row = pending(shared, return_id)
    verdict = shared.intake.read(row)
    value = {**told(row["file_name"], row, verdict, now()), "return_id": return_id, "waits_for": row["waits_for"]}
    if shared.as_json:
        shared.answer(value)
        return
    for found in verdict.findings:
        asked = verdict.about.form.field(found.field) if verdict.about and found.field else None
        answer = verdict.about.sheet.answers.get(found.field) if verdict.about else None
        label = shared.say(asked.label) if asked else found.field
        out.print(f"{found.code} {found.field} {label}: {answer.text if answer else ''!r}", markup=False)
        out.print(f"    {shared.say(found.message, **found.values)}", markup=False)


@review_app.command(
    "accept",
    help=_("Hyväksy palautus sellaisena kuin se luettiin, tai korjatuin arvoin."),
    epilog=examples("formgen review accept RETURN", "formgen review accept RETURN --set weekly_hours=25"),
)
def review_accept(
    context: Context,
    return_id: ReturnId,
    values: Annotated[list[str] | None, typer.Option("--set", metavar="PATH=VALUE", help=_("Korjattu arvo."))] = None,
    who: Annotated[str, typer.Option("--by", help=_("Kuka päättää."))] = "",
) -> None:
    """Accept a return in review; it goes through the same rules."""
    shared = session(context)
    row = pending(shared, return_id)
    pairs = [value.partition("=") for value in values or ()]
    verdict = shared.intake.confirm(row, who or getpass.getuser(), {path.strip(): text for path, _, text in pairs})
    report(shared, [told(row["file_name"], row, verdict, now())], shared.as_json)


@review_app.command("reject", help=_("Hylkää palautus."), epilog=examples("formgen review reject RETURN"))
def review_reject(
    context: Context, return_id: ReturnId, who: Annotated[str, typer.Option("--by", help=_("Kuka päättää."))] = ""
) -> None:
    """Reject a return that awaits a decision."""
    shared = session(context)
    shared.intake.refuse(pending(shared, return_id), who or getpass.getuser())


def text_of(error: BaseException, language: str) -> str:
    """Return an error as a person reads it."""
    if isinstance(error, FormgenError):
        return words.say(error.message, language, **error.values)
    return str(error)


def main() -> None:
    """Run the command line; a `FormgenError` becomes a sentence and its exit code."""
    try:
        app()
    except FormgenError as error:
        err.print(text_of(error, HERE), markup=False)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
