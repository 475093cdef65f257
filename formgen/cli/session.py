"""What the commands share: the workspace, the language, the log."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import structlog
import typer
from rich.progress import track

from formgen import i18n
from formgen.cli.console import SYSTEM_LANGUAGE, GlobalOptions, LogFormat, err
from formgen.errors import OutOfReach
from formgen.forms import registry
from formgen.forms.registry import Registry
from formgen.i18n import N_
from formgen.intake.pipeline import Intake
from formgen.settings import Workspace
from formgen.storage.access_log import Actor
from formgen.storage.journal import Journal

ALL_IN_FOLDER = N_("Kaikki on kansiossa {folder}")


@dataclass
class Session:
    """What the commands share: the workspace and what is opened in it when it is asked for.

    ``command`` is the one that runs, ``by`` the name under which somebody says they act.
    """

    workspace: Workspace
    as_json: bool = False
    language: str = SYSTEM_LANGUAGE
    command: str = ""
    by: str = ""

    @cached_property
    def registry(self) -> Registry:
        """The forms of the workspace, loaded when they are first used."""
        return registry.load_forms(self.workspace)

    @property
    def existing_workspace(self) -> Workspace:
        """The workspace with all its folders; raise `OutOfReach` when it does not exist."""
        if not self.workspace.root.is_dir():
            raise OutOfReach(detail=str(self.workspace.root))
        return self.workspace.make_folders()

    @cached_property
    def journal(self) -> Journal:
        """The journal, opened when it is first used; raise `OutOfReach` when the folder is no workspace."""
        return Journal.open_or_create(
            self.existing_workspace.var,
            Actor.from_system_user(self.command, self.by),
            self.workspace.encryptor,
            self.workspace.head,
        )

    @cached_property
    def intake(self) -> Intake:
        """The intake, opened when it is first used."""
        return Intake(self.workspace, self.journal, self.registry, now)

    def log_access(self, **ids: str | None) -> None:
        """Write down in the access log what is about to be shown."""
        self.journal.log_reads(now(), ids)

    def translate(self, text: str, **values: object) -> str:
        """Translate a Finnish text into the language of the messages."""
        return i18n.translate(text, self.language, **values)

    def print_json(self, value: Any) -> None:
        """Print one JSON document."""
        sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2) + "\n")


def now() -> datetime:
    """Return the present moment in UTC."""
    return datetime.now(UTC)


def open_session(context: typer.Context) -> Session:
    """Open the session that the options before the command ask for."""
    given: Session | GlobalOptions = context.obj
    if isinstance(given, Session):
        return given
    configure_logging(given.log_format)
    workspace = Workspace(given.root)
    if not given.lang and "language" in workspace.office.model_fields_set:
        given.language = workspace.office.language[:2]
    found = context.obj = Session(workspace, given.as_json, given.language, context.command_path.partition(" ")[2])
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
