"""Commands about documents: generate, read, submit."""

from __future__ import annotations

import time
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from formgen import formats
from formgen.cli.console import _, format_examples, out
from formgen.cli.outcomes import describe_decision, describe_file, describe_submission, print_outcomes
from formgen.cli.session import Session, now, open_session, track_progress
from formgen.errors import OutOfReach, SandboxUnavailable, UsageError
from formgen.forms.form import Form
from formgen.intake.duplicates import predict_repeat
from formgen.intake.health import require_sandbox
from formgen.intake.retries import ALL
from formgen.intake.watcher import Watch
from formgen.issuing.issue import GeneratedDocument, issue_document
from formgen.issuing.issue import archive_record as make_archived
from formgen.publishing import outbox
from formgen.sandbox import reader_pool
from formgen.storage.moments import to_local_date

DEFAULT_FORMAT = formats.get_preferred_format().name

app = typer.Typer()


class Recipient(StrEnum):
    """For whom a document is made, when it is not for the client and the coach."""

    EMPLOYER = "employer"


@app.command(
    epilog=format_examples(
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
    format_name: Annotated[str, typer.Option("--format", help=_("Tiedostomuoto."))] = DEFAULT_FORMAT,
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
    shared = open_session(context)
    made = []
    forms = [shared.registry.find_latest_version(name) for name in names or ()] + (
        list_needed_forms(shared, case) if following else []
    )
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
            issue_document(
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
    print_documents(shared, made)


@app.command(
    epilog=format_examples("formgen archive 01980000-0000-7000-8000-000000000001"),
)
def archive(
    context: typer.Context,
    records: Annotated[list[str], typer.Argument(metavar="RECORD…", help=_("Tietueiden tunnukset."))],
    path: Annotated[Path | None, typer.Option("-o", "--output", help=_("Tiedosto tai kansio."))] = None,
) -> None:
    """Make the copies of records that are archived."""
    shared = open_session(context)
    folder = path if path and (path.is_dir() or len(records) > 1) else None
    made = [
        make_archived(
            shared.workspace,
            shared.journal,
            shared.registry,
            record,
            now(),
            folder / f"{record}{formats.get_ending(formats.get_archive_format())}" if folder else path,
        )
        for record in records
    ]
    print_documents(shared, made)


def print_documents(shared: Session, made: list[GeneratedDocument]) -> None:
    """Print where the documents lie."""
    if shared.as_json:
        shared.print_json([asdict(item) for item in made])
    else:
        for item in made:
            out.print(item.path)


def list_needed_forms(shared: Session, case_id: str | None) -> list[type[Form]]:
    """Return the forms that a case needs now; raise `UsageError` without a case."""
    if case_id is None:
        raise UsageError("Valinta --next tarvitsee asian tunnuksen: --case.")
    case = shared.journal.load_case(case_id, to_local_date(now()), shared.workspace.office, shared.registry)
    return [form for form in shared.registry if form.is_needed(case)]


@app.command(
    epilog=format_examples("formgen read palautus.docx", "formgen --json read *.docx"),
)
def read(
    context: typer.Context, files: Annotated[list[Path], typer.Argument(metavar="FILE…", help=_("Tiedostot."))]
) -> None:
    """Read and validate files; nothing is written."""
    reader_pool.start_reader_server()
    shared = open_session(context)
    found = []
    for file in track_progress(files, shared.translate("Luetaan")):
        at = now()
        try:
            size = file.stat().st_size
            large = size > shared.workspace.office.intake.max_bytes
            data = b"" if large else file.read_bytes()
        except OSError as error:
            raise UsageError("Tiedostoa ei voi avata: {file}", file=str(file)) from error
        engine = shared.intake.decision_engine
        decision = engine.reject_oversized_file() if large else engine.decide_file(data, at)
        if decision.case_id:
            shared.log_access(case_id=decision.case_id)
        row = describe_file(file, size, "" if large else outbox.compute_digest(data), at)
        again = predict_repeat(decision, shared.intake.find_identical_submission(row))
        said = {"file": str(file), "again": again.to_dict(shared.language) if again else None}
        found.append({**describe_decision(row, decision, at), **said})
    print_outcomes(shared, found)


@app.command(epilog=format_examples("formgen submit palautus.docx"))
def submit(
    context: typer.Context, files: Annotated[list[Path], typer.Argument(metavar="FILE…", help=_("Tiedostot."))]
) -> None:
    """Take files in as if they had been dropped into the inbox; the files themselves stay."""
    shared = open_session(context)
    arrived = []
    for file in files:
        submission_id = shared.intake.receive_file(file, "cli") if file.is_file() else None
        if submission_id is None:
            raise UsageError("Tiedostoa ei voi avata: {file}", file=str(file))
        arrived.append((file, submission_id))
    found = [
        wait_for_outcome(shared, file, submission_id)
        for file, submission_id in track_progress(arrived, shared.translate("Käsitellään"))
    ]
    print_outcomes(shared, found)


def wait_for_outcome(shared: Session, file: Path, submission_id: str) -> dict[str, Any]:
    """Return what became of a return: settled here, or by the daemon when one is at work.

    Raise `OutOfReach` when something that is no fault of the file's keeps it from being processed.
    """
    while (row := shared.journal.get_submission(submission_id)).outcome is None:
        try:
            Watch(shared.intake).run(once=True, inbox=False)
        except SandboxUnavailable:
            raise
        except OutOfReach:
            require_sandbox(shared.workspace, living=True)
            time.sleep(0.2)
        for problem in shared.journal.list_problems("process"):
            if problem.subject in (ALL, submission_id) and not row.attempts:
                raise OutOfReach(detail=problem.cause)
    return {**describe_submission(shared, row), "file": str(file)}
