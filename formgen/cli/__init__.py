"""The command line: one module a group of commands, one function a command, all of them discovered.

Answers go to standard output; messages and progress go to standard error.
"""

from __future__ import annotations

import importlib
import logging
import pkgutil
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import structlog
import typer

from formgen import __version__
from formgen.cli.session import HERE, Session, _, err, out, text_of
from formgen.errors import FormgenError, raised_at
from formgen.settings import Workspace

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help=_("Lomakkeet ulos, takaisin ja tietueiksi."),
)
for found in pkgutil.iter_modules(__path__):
    module = importlib.import_module(f"{__name__}.{found.name}")
    if hasattr(module, "app"):
        app.add_typer(module.app)


class LogFormat(StrEnum):
    """How lines of the log are written."""

    CONSOLE = "console"
    JSON = "json"


def log(form: LogFormat) -> None:
    """Have lines of the log written to standard error; one about a return holds its id."""
    console = structlog.dev.ConsoleRenderer(
        colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper("iso"),
            structlog.processors.JSONRenderer(ensure_ascii=False) if form is LogFormat.JSON else console,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def tell_version(wanted: bool) -> None:
    """Print the version and end, before a command is asked for."""
    if wanted:
        out.print(f"formgen {__version__}", markup=False)
        raise typer.Exit


@app.callback()
def root(
    context: typer.Context,
    workspace: Annotated[
        Path | None, typer.Option("--workspace", envvar="FORMGEN_WORKSPACE", help=_("Työtilan kansio."), metavar="DIR")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help=_("Vastaus yhtenä JSON-asiakirjana."))] = False,
    log_format: Annotated[
        LogFormat, typer.Option("--log-format", envvar="FORMGEN_LOG", help=_("Lokin muoto: console tai json."))
    ] = LogFormat.CONSOLE,
    lang: Annotated[str, typer.Option("--lang", help=_("Viestien kieli: fi, sv tai en."))] = "",
    _version: Annotated[
        bool, typer.Option("--version", help=_("Näytä versio."), is_eager=True, callback=tell_version)
    ] = False,
) -> None:
    """Take the options that go before the command."""
    log(log_format)
    shared = context.obj = context.obj or Session(Workspace(Path()))
    shared.as_json, shared.language = as_json, lang or HERE
    shared.workspace = Workspace((workspace or Path.cwd()).resolve())
    office = shared.workspace.office
    if not lang and "language" in office.model_fields_set:
        shared.language = office.language[:2]


def main() -> None:
    """Run the command line; a `FormgenError` becomes a sentence and its exit code, any other the place it was raised.

    ``--json`` may stand anywhere on the line.
    """
    arguments = [argument for argument in sys.argv[1:] if argument != "--json"]
    shared = Session(Workspace(Path()))
    try:
        app(["--json", *arguments] if len(arguments) < len(sys.argv) - 1 else arguments, obj=shared)
    except FormgenError as error:
        err.print(text_of(error, shared.language), markup=False)
        sys.exit(error.exit_code)
    except Exception as error:  # noqa: BLE001 - the text of a foreign error may hold what stood in a field
        where = f"{type(error).__name__} {raised_at(error)}"
        err.print(text_of(FormgenError(detail=where), shared.language), markup=False)
        sys.exit(FormgenError.exit_code)
