"""What the commands share: the workspace, the consoles, the language."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import typer
from rich.console import Console
from rich.progress import track

from formgen import registry, words
from formgen.access import Actor
from formgen.errors import FormgenError, OutOfReach
from formgen.intake import Intake
from formgen.registry import Registry
from formgen.settings import Workspace
from formgen.store import Journal

HERE = words.spoken_here(os.environ)

WIDE = 160
out = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else WIDE)
err = Console(stderr=True, highlight=False, soft_wrap=True)


def _(text: str, **values: object) -> str:
    """Return a Finnish text in the language of the messages."""
    return words.say(text, HERE, **values)


def examples(*lines: str) -> str:
    """Return examples as the end of a command's help."""
    return "\n\n".join([_("Esimerkkejä:"), *(f"  {line}" for line in lines)])


@dataclass
class Session:
    """What the commands share: the workspace and what is opened in it when it is asked for.

    ``command`` is the one that runs, ``by`` the name under which somebody says they act.
    """

    workspace: Workspace
    as_json: bool = False
    language: str = HERE
    command: str = ""
    by: str = ""

    @cached_property
    def registry(self) -> Registry:
        """Return the forms."""
        return registry.load(self.workspace)

    @property
    def made(self) -> Workspace:
        """Return the workspace with all its folders; raise `OutOfReach` when there is no such folder."""
        if not self.workspace.root.is_dir():
            raise OutOfReach(detail=str(self.workspace.root))
        return self.workspace.make()

    @cached_property
    def journal(self) -> Journal:
        """Return the journal; raise `OutOfReach` when the folder is no workspace."""
        return Journal.open(self.made.var, Actor.here(self.command, self.by), self.workspace.vault)

    @cached_property
    def intake(self) -> Intake:
        """Return the way in."""
        return Intake(self.workspace, self.journal, self.registry, now)

    def reads(self, **ids: str | None) -> None:
        """Write down in the access log what is about to be shown."""
        self.journal.read_by(now(), ids)

    def say(self, text: str, **values: object) -> str:
        """Return a text in the language of the messages."""
        return words.say(text, self.language, **values)

    def answer(self, value: Any) -> None:
        """Print one JSON document."""
        sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2) + "\n")


def now() -> datetime:
    """Return the moment."""
    return datetime.now(UTC)


def session(context: typer.Context) -> Session:
    """Return what the commands share."""
    found: Session = context.obj
    found.command = context.command_path.partition(" ")[2]
    return found


def progress(items: Iterable[Any], text: str) -> Iterable[Any]:
    """Yield the items, with a bar on standard error when there are many."""
    many = list(items)
    return track(many, text, console=err, transient=True) if len(many) > 1 and err.is_terminal else many


def text_of(error: BaseException, language: str) -> str:
    """Return an error as a person reads it."""
    if isinstance(error, FormgenError):
        return words.say(error.message, language, **error.values)
    return str(error)
