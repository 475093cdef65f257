"""What the commands share: the workspace, the language, the log."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import structlog
import typer
from rich.progress import track

from formgen import Workspace, i18n
from formgen.cli.console import SYSTEM_LANGUAGE, GlobalOptions, LogFormat, err
from formgen.i18n import N_

ALL_IN_FOLDER = N_("Kaikki on kansiossa {folder}")


@dataclass
class Session:
    """What the commands share: the workspace, opened when it is asked for, and how they answer.

    ``command`` is the one that runs, ``by`` the name under which somebody says they act.
    """

    root: Path
    as_json: bool = False
    language: str = SYSTEM_LANGUAGE
    command: str = ""
    by: str = ""

    @cached_property
    def workspace(self) -> Workspace:
        """The workspace, in the hands of whoever runs the command."""
        return Workspace(self.root, by=self.by, command=self.command)

    def translate(self, text: str, **values: object) -> str:
        """Translate a Finnish text into the language of the messages."""
        return i18n.translate(text, self.language, **values)

    def print_json(self, value: Any) -> None:
        """Print one JSON document."""
        sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2) + "\n")


def open_session(context: typer.Context) -> Session:
    """Open the session that the options before the command ask for."""
    given: Session | GlobalOptions = context.obj
    if isinstance(given, Session):
        return given
    configure_logging(given.log_format)
    found = Session(given.root, given.as_json, given.language, context.command_path.partition(" ")[2])
    office = Workspace(given.root).folder.office
    if not given.lang and "language" in office.model_fields_set:
        given.language = found.language = office.language[:2]
    context.obj = found
    return found


def configure_logging(form: LogFormat) -> None:
    """Have lines of the log written to standard error; one about a submission holds its id."""
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


def track_progress(items: Iterable[Any], text: str) -> Iterable[Any]:
    """Yield the items, with a bar on standard error when there are many."""
    many = list(items)
    return track(many, text, console=err, transient=True) if len(many) > 1 and err.is_terminal else many
