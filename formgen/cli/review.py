"""formgen review: the submissions that await a person or another form."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated
from uuid import uuid4

import typer
from rich.table import Table

from formgen import files
from formgen.cli.console import _, format_examples, out
from formgen.cli.outcomes import OUTCOMES, describe_result, print_outcomes
from formgen.cli.session import Session, open_session
from formgen.errors import UsageError
from formgen.intake.review import parse_decision_file, render_decision_file

app = typer.Typer(name="review", no_args_is_help=True)


@app.command("list", help=_("Luettele palautukset, jotka odottavat."), epilog=format_examples("formgen review list"))
def review_list(context: typer.Context) -> None:
    """List the submissions in review and those that wait for another form."""
    shared = open_session(context)
    rows = shared.workspace.list_pending()
    if shared.as_json:
        shared.print_json(
            [
                {
                    "submission_id": row.submission_id,
                    "outcome": row.outcome,
                    **row.rejection.model_dump(mode="json"),
                    "case_id": row.case_id,
                    "waits_for": row.waits_for,
                }
                for row in rows
            ]
        )
        return
    table = Table(
        shared.translate("Palautus"),
        shared.translate("Asia"),
        shared.translate("Lomake"),
        shared.translate("Tulos"),
        shared.translate("Kohtia"),
    )
    for row in rows:
        table.add_row(
            row.submission_id,
            row.case_id or "–",
            row.form,
            shared.translate(OUTCOMES[row.outcome or ""]),
            str(len(row.rejection.errors)),
        )
    out.print(table)


SubmissionId = Annotated[str, typer.Argument(metavar="SUBMISSION", help=_("Palautuksen tunnus."))]
DecidedBy = Annotated[str, typer.Option("--by", help=_("Kuka päättää."))]


@app.command(
    "show",
    help=_("Näytä, mitä palautuksesta luettiin ja mikä on epävarmaa."),
    epilog=format_examples("formgen review show SUBMISSION"),
)
def review_show(
    context: typer.Context,
    submission_id: SubmissionId,
    folder: Annotated[
        Path | None,
        typer.Option("--pictures", metavar="DIR", help=_("Kansio, johon epävarmojen kohtien kuvat tehdään.")),
    ] = None,
) -> None:
    """Show what was read of a submission, and what is doubtful."""
    shared = open_session(context)
    shown = shared.workspace.show_review(submission_id, shared.language, folder)
    if shared.as_json:
        shared.print_json(
            {
                **describe_result(shown.result, shared.language),
                "submission_id": submission_id,
                "waits_for": shown.result.submission.waits_for,
                "pictures": shown.pictures,
                "doubts": [asdict(doubt) for doubt in shown.doubts],
            }
        )
        return
    for doubt in shown.doubts:
        first, *rest = doubt.iter_lines(shared.language)
        out.print(first)
        for line in rest:
            out.print(f"    {line}")


def edit_answers(shared: Session, submission_id: str) -> dict[str, str]:
    """Let a person change the file of a submission's doubtful places, which is then removed; return what they did."""
    asked = shared.workspace.show_review(submission_id, shared.language).doubts
    file = shared.workspace.folder.var / "work" / f"{uuid4()}.toml"
    editor = shlex.split(os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi")
    try:
        files.write_file(file, render_decision_file(asked, shared.language).encode(), files.PRIVATE)
        done = subprocess.run([*editor, str(file)], check=False).returncode  # noqa: S603 - the person's own editor
        text = file.read_text(encoding="utf-8") if file.is_file() and not done else ""
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError("Muokkainta {editor} ei voi käyttää. Palautus odottaa yhä.", editor=editor[0]) from error
    finally:
        for left in file.parent.glob(f"*{file.stem}*"):  # an editor's own copies too
            left.unlink(missing_ok=True)
    return parse_decision_file(text, asked)


def read_field_value(value: str) -> tuple[str, str]:
    """Read the value of a field from the next line of standard input; raise `UsageError` when it is given here.

    What stands on a command line can be seen by everybody on the machine.
    """
    path, sign, _value = value.partition("=")
    if sign:
        raise UsageError(
            "Arvoa ei anneta komentorivillä, jonka muut koneen käyttäjät näkevät. Anna --set {path} ja kirjoita arvo "
            "vakiosyötteeseen.",
            path=path,
        )
    return path.strip(), sys.stdin.readline().rstrip("\r\n")


@app.command(
    "accept",
    help=_("Hyväksy palautus sellaisena kuin se luettiin, tai korjatuin arvoin."),
    epilog=format_examples(
        "formgen review accept SUBMISSION",
        "formgen review accept SUBMISSION --edit",
        "formgen review accept SUBMISSION --set client_hetu",
        "formgen review accept SUBMISSION --set start_date --set weekly_hours < arvot.txt",
    ),
)
def review_accept(
    context: typer.Context,
    submission_id: SubmissionId,
    values: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="PATH",
            help=_("Kohta, jolle annetaan korjattu arvo: se luetaan vakiosyötteestä, jolloin muut eivät näe sitä."),
        ),
    ] = None,
    edit: Annotated[
        bool, typer.Option("--edit", help=_("Avaa epävarmat kohdat muokkaimessa, jonka VISUAL tai EDITOR nimeää."))
    ] = False,
    who: DecidedBy = "",
) -> None:
    """Accept a submission in review; it goes through the same rules."""
    shared = open_session(context)
    shared.by = who
    new = {**(edit_answers(shared, submission_id) if edit else {}), **dict(map(read_field_value, values or ()))}
    print_outcomes(shared, [describe_result(shared.workspace.accept(submission_id, new), shared.language)])


@app.command("reject", help=_("Hylkää palautus."), epilog=format_examples("formgen review reject SUBMISSION"))
def review_reject(
    context: typer.Context,
    submission_id: SubmissionId,
    who: DecidedBy = "",
) -> None:
    """Reject a submission that awaits a decision."""
    shared = open_session(context)
    shared.by = who
    shared.workspace.reject(submission_id)
