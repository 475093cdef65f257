"""Commands about documents: generate, read, submit."""

from __future__ import annotations

import time
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from formgen.cli.console import _, examples, out
from formgen.cli.outcomes import described_bytes, report, settled, told
from formgen.cli.session import Session, now, progress, session
from formgen.errors import OutOfReach, SandboxUnavailable, UsageError
from formgen.forms.form import Form
from formgen.intake.duplicates import foreseen
from formgen.intake.health import require_sandbox
from formgen.intake.pipeline import ALL
from formgen.intake.watcher import Watch
from formgen.issuing.issue import Issued, issue
from formgen.issuing.issue import archive as make_archived
from formgen.publishing import outbox
from formgen.sandbox import reader_pool
from formgen.storage.journal import day

app = typer.Typer()


class Recipient(StrEnum):
    """For whom a document is made, when it is not for the client and the coach."""

    EMPLOYER = "employer"


@app.command(
    epilog=examples(
        "formgen generate referral",
        "formgen generate referral --format pdf",
        "formgen generate cooperation_agreement --case PK-2026-00017",
        "formgen generate --next --case PK-2026-00017 -o lomakkeet",
        "formgen generate job_start --case PK-2026-00017 --lang sv -o anställning.docx",
        "formgen generate job_end --case PK-2026-00017 --about JOB-2",
    ),
)
def generate(
    context: typer.Context,
    names: Annotated[list[str] | None, typer.Argument(metavar="[FORM…]", help=_("Lomakkeiden tunnukset."))] = None,
    case: Annotated[str | None, typer.Option("--case", help=_("Asian tunnus."))] = None,
    format_name: Annotated[str, typer.Option("--format", help=_("Tiedostomuoto."))] = "docx",
    lang: Annotated[
        str | None, typer.Option("--lang", help=_("Lomakkeen kieli: fi, sv, fi_selko tai sv_selko."))
    ] = None,
    following: Annotated[bool, typer.Option("--next", help=_("Ne lomakkeet, jotka asia tarvitsee nyt."))] = False,
    blank: Annotated[bool, typer.Option("--blank", help=_("Ilman asiakkaan tietoja."))] = False,
    recipient: Annotated[
        Recipient | None, typer.Option("--for", help=_("Kenelle: työnantajalle vain se, mihin on suostumus."))
    ] = None,
    about: Annotated[
        str, typer.Option("--about", metavar="ID", help=_("Mistä työstä tai työnantajasta, kun niitä on monta."))
    ] = "",
    path: Annotated[Path | None, typer.Option("-o", "--output", help=_("Tiedosto tai kansio."))] = None,
) -> None:
    """Make prefilled forms."""
    shared = session(context)
    made = []
    forms = [shared.registry.latest(name) for name in names or ()] + (needed(shared, case) if following else [])
    if not forms and not following:
        raise UsageError("Anna lomakkeen tunnus tai --next.")
    for form in forms:
        instance = shared.intake.new_id()
        target = (
            path / f"{form.id}-{str(instance)[-12:]}.{format_name}"
            if path and (path.is_dir() or len(forms) > 1 or following)
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
                employer=recipient is Recipient.EMPLOYER,
                about=about,
                format_name=format_name,
                path=target,
            )
        )
    listed(shared, made)


@app.command(
    epilog=examples("formgen archive 01980000-0000-7000-8000-000000000001"),
)
def archive(
    context: typer.Context,
    records: Annotated[list[str], typer.Argument(metavar="RECORD…", help=_("Tietueiden tunnukset."))],
    path: Annotated[Path | None, typer.Option("-o", "--output", help=_("Tiedosto tai kansio."))] = None,
) -> None:
    """Make the copies of records that are archived."""
    shared = session(context)
    folder = path if path and (path.is_dir() or len(records) > 1) else None
    made = [
        make_archived(
            shared.workspace,
            shared.journal,
            shared.registry,
            record,
            now(),
            folder / f"{record}.pdf" if folder else path,
        )
        for record in records
    ]
    listed(shared, made)


def listed(shared: Session, made: list[Issued]) -> None:
    """Print where the documents lie."""
    if shared.as_json:
        shared.answer([asdict(item) for item in made])
    else:
        for item in made:
            out.print(item.path)


def needed(shared: Session, case_id: str | None) -> list[type[Form]]:
    """Return the forms that a case needs now; raise `UsageError` without a case."""
    if case_id is None:
        raise UsageError("Valinta --next tarvitsee asian tunnuksen: --case.")
    case = shared.journal.case(case_id, day(now()), shared.workspace.office, shared.registry)
    return [form for form in shared.registry if form.wanted(case)]


@app.command(
    epilog=examples("formgen read palautus.docx", "formgen --json read *.docx"),
)
def read(
    context: typer.Context, files: Annotated[list[Path], typer.Argument(metavar="FILE…", help=_("Tiedostot."))]
) -> None:
    """Read and validate files; nothing is written."""
    reader_pool.prepare()
    shared = session(context)
    found = []
    for file in progress(files, shared.say("Luetaan")):
        at = now()
        try:
            size = file.stat().st_size
            large = size > shared.workspace.office.intake.max_bytes
            data = b"" if large else file.read_bytes()
        except OSError as error:
            raise UsageError("Tiedostoa ei voi avata: {file}", file=str(file)) from error
        verdict = shared.intake.desk.too_large if large else shared.intake.desk.read(data, at)
        if verdict.case_id:
            shared.reads(case_id=verdict.case_id)
        row = described_bytes(file, size, "" if large else outbox.digest(data), at)
        again = foreseen(verdict, shared.intake.first_of_same_bytes(row))
        said = {"again": again.told(shared.language) if again else None}
        found.append({**told(str(file), row, verdict, at), **said})
    report(shared, found)


@app.command(epilog=examples("formgen submit palautus.docx"))
def submit(
    context: typer.Context, files: Annotated[list[Path], typer.Argument(metavar="FILE…", help=_("Tiedostot."))]
) -> None:
    """Take files in as if they had been dropped into the inbox; the files themselves stay."""
    shared = session(context)
    arrived = []
    for file in files:
        submission_id = shared.intake.receive(file, "cli") if file.is_file() else None
        if submission_id is None:
            raise UsageError("Tiedostoa ei voi avata: {file}", file=str(file))
        arrived.append((file, submission_id))
    found = [
        awaited(shared, file, submission_id) for file, submission_id in progress(arrived, shared.say("Käsitellään"))
    ]
    report(shared, found)


def awaited(shared: Session, file: Path, submission_id: str) -> dict[str, Any]:
    """Return what became of a return: settled here, or by the daemon when one is at work.

    Raise `OutOfReach` when something that is no fault of the file's keeps it from being processed.
    """
    while (row := shared.journal.returned(submission_id=submission_id)[0])["outcome"] is None:
        try:
            Watch(shared.intake).run(once=True, inbox=False)
        except SandboxUnavailable:
            raise
        except OutOfReach:
            require_sandbox(shared.workspace, living=True)
            time.sleep(0.2)
        for problem in shared.journal.problems("process"):
            if problem["subject"] in (ALL, submission_id) and not row["attempts"]:
                raise OutOfReach(detail=problem["cause"])
    return settled(shared, str(file), submission_id, shared.intake.read(row))
