"""Commands about documents: generate, read, submit."""

from __future__ import annotations

from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from formgen.cli.console import _, format_examples, out
from formgen.cli.outcomes import describe_result, print_outcomes
from formgen.cli.session import Session, open_session, track_progress
from formgen.errors import UsageError
from formgen.issuing.issue import GeneratedDocument
from formgen.sandbox import reader_pool
from formgen.workspace import NOT_OPENED

OutputPath = Annotated[Path | None, typer.Option("-o", "--output", help=_("Tiedosto tai kansio."))]

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
    format_name: Annotated[str | None, typer.Option("--format", help=_("Tiedostomuoto."))] = None,
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
    path: OutputPath = None,
) -> None:
    """Make prefilled forms."""
    shared = open_session(context)
    if following and case is None:
        raise UsageError("Valinta --next tarvitsee asian tunnuksen: --case.")
    needed = [form.id for form in shared.workspace.list_needed_forms(case)] if following and case else []
    if not names and not following:
        raise UsageError("Anna lomakkeen tunnus tai --next.")
    forms = [*(names or ()), *needed]
    if path and (len(forms) > 1 or following):
        path.mkdir(parents=True, exist_ok=True)
    made = [
        shared.workspace.generate(
            form,
            case_id=case,
            language=lang,
            format_name=format_name,
            blank=blank,
            for_employer=recipient is Recipient.EMPLOYER,
            about=about,
            path=path,
        )
        for form in forms
    ]
    print_documents(shared, made)


@app.command(
    epilog=format_examples("formgen archive 01980000-0000-7000-8000-000000000001"),
)
def archive(
    context: typer.Context,
    records: Annotated[list[str], typer.Argument(metavar="RECORD…", help=_("Tietueiden tunnukset."))],
    path: OutputPath = None,
) -> None:
    """Make the copies of records that are archived."""
    shared = open_session(context)
    if path and len(records) > 1:
        path.mkdir(parents=True, exist_ok=True)
    print_documents(shared, [shared.workspace.archive(record, path) for record in records])


def print_documents(shared: Session, made: list[GeneratedDocument]) -> None:
    """Print where the documents lie."""
    if shared.as_json:
        shared.print_json([asdict(item) for item in made])
    else:
        for item in made:
            out.print(item.path)


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
        try:
            result = shared.workspace.read(file)
        except OSError as error:
            raise UsageError(NOT_OPENED, file=str(file)) from error
        found.append(describe_result(result, shared.language, str(file)))
    print_outcomes(shared, found)


@app.command(epilog=format_examples("formgen submit palautus.docx"))
def submit(
    context: typer.Context, files: Annotated[list[Path], typer.Argument(metavar="FILE…", help=_("Tiedostot."))]
) -> None:
    """Take files in as if they had been dropped into the inbox; the files themselves stay."""
    shared = open_session(context)
    arrived = [(file, shared.workspace.receive(file)) for file in files]
    found = [
        describe_result(shared.workspace.wait_for_result(submission_id), shared.language, str(file))
        for file, submission_id in track_progress(arrived, shared.translate("Käsitellään"))
    ]
    print_outcomes(shared, found)
