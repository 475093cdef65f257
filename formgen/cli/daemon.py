"""formgen watch: the inbox daemon."""

from __future__ import annotations

import importlib
import signal
from typing import Annotated

import typer

from formgen.cli.console import _, describe_problem, err, format_examples
from formgen.cli.outcomes import OUTCOMES, UNSURE
from formgen.cli.session import open_session
from formgen.cli.workspace import METRICS
from formgen.errors import FormgenError, OutOfReach

app = typer.Typer()


@app.command(
    epilog=format_examples(
        "formgen watch", "formgen watch --once", "formgen watch --poll 5", "formgen watch --metrics 9464"
    ),
)
def watch(
    context: typer.Context,
    once: Annotated[bool, typer.Option("--once", help=_("Tyhjennä kansio ja lopeta."))] = False,
    poll: Annotated[
        float | None,
        typer.Option(
            "--poll", help=_("Kuinka monen sekunnin välein kansio käydään läpi (verkkolevyä varten)."), min=0.1
        ),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option("--metrics", metavar="PORT", help=_("Kerro luvut Prometheukselle tämän koneen portissa."), min=1),
    ] = None,
) -> None:
    """Run the daemon, or empty the inbox once.

    What could not be taken, processed or published then is named, and the exit code is 1; it is 4
    when files were only left waiting: open, empty, or not whole yet.
    """
    shared = open_session(context)
    daemon = shared.workspace.build_watch(poll)
    if port:
        try:
            daemon.observe = (
                importlib.import_module(METRICS)
                .serve_metrics(shared.workspace.folder, shared.workspace.journal, port)
                .observe
            )
        except OSError as error:
            raise OutOfReach(detail=f"{port}: {error.strerror}") from error
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: daemon.request_stop())
    err.print(shared.translate("Vahditaan kansiota {folder}", folder=shared.workspace.folder.inbox))
    daemon.run(once)
    left = shared.workspace.find_unfinished_work() if once else ()
    for problem in left:
        err.print(f"! {describe_problem(problem, shared.language)}")
    counts = shared.workspace.journal.count_submissions()
    if shared.as_json:
        shared.print_json(counts)
    else:
        err.print(
            ", ".join(
                f"{shared.translate(OUTCOMES.get(name, name))} {number}" for name, number in sorted(counts.items())
            )
        )
    if left:
        raise typer.Exit(UNSURE if all(problem.waits for problem in left) else FormgenError.exit_code)
