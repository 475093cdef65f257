"""What every command says in: the consoles, the language, and what is asked of all commands alike."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol, TextIO

from rich.console import Console
from rich.text import Text

from formgen import i18n
from formgen.errors import FormgenError

SYSTEM_LANGUAGE = i18n.detect_language(os.environ)

WIDE = 160


class PlainConsole(Console):
    """A console on which what people have typed is text: neither markup nor a command to the terminal."""

    def render_str(self, text: str, **how: Any) -> Text:
        """Render a text with each character that would control the terminal replaced."""
        shown = "".join(sign if sign.isprintable() or sign in "\n\t" else "\N{REPLACEMENT CHARACTER}" for sign in text)
        return super().render_str(shown, **{**how, "markup": False, "emoji": False})


out = PlainConsole(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else WIDE)
err = PlainConsole(stderr=True, highlight=False, soft_wrap=True)


class TolerantStream:
    """A stream that loses what it cannot write: no message, nor a line of the log, may end what is being done."""

    def __init__(self, stream: TextIO) -> None:
        """Write to a stream."""
        self.stream = stream

    def write(self, text: str) -> int:
        """Write a text as far as that can be done."""
        with suppress(OSError, ValueError):
            self.stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Put out what has been written as far as that can be done."""
        with suppress(OSError, ValueError):
            self.stream.flush()

    def __getattr__(self, name: str) -> Any:
        """Hand anything else on to the stream."""
        return getattr(self.stream, name)


class LogFormat(StrEnum):
    """How lines of the log are written."""

    CONSOLE = "console"
    JSON = "json"


@dataclass
class GlobalOptions:
    """The options that go before the command; without ``lang`` the office's language may take its place."""

    root: Path
    as_json: bool = False
    lang: str = ""
    log_format: LogFormat = LogFormat.CONSOLE
    language: str = SYSTEM_LANGUAGE


def _(text: str, **values: object) -> str:
    """Translate a Finnish text into the language of the system."""
    return i18n.translate(text, SYSTEM_LANGUAGE, **values)


def format_examples(*lines: str) -> str:
    """Format examples as the end of a command's help."""
    return "\n\n".join([_("Esimerkkejä:"), *(f"  {line}" for line in lines)])


class Described(Protocol):
    """Something that is wrong, in words: the message with its values, and what mends it."""

    @property
    def message(self) -> str:
        """The Finnish message."""

    @property
    def values(self) -> Mapping[str, Any]:
        """Its values."""

    @property
    def remedy(self) -> str:
        """A method of `formgen.Workspace`, or a parameter that is missing; empty for nothing."""


REMEDIES = {  # what on the command line mends an error or a problem
    "build_template": "formgen templates build",
    "build_watch": "formgen watch",
    "case_id": "--case",
    "encrypt": "formgen encrypt",
    "rotate_key": "formgen keys rotate",
    "verify": "formgen verify",
}


def describe_problem(problem: Described, language: str) -> str:
    """Describe an error or a problem in a language, with what on the command line mends it."""
    sentence = i18n.translate(problem.message, language, **problem.values)
    return f"{sentence} → {REMEDIES[problem.remedy]}" if problem.remedy else sentence


def describe_error(error: BaseException, language: str) -> str:
    """Describe an error in a language, as a person reads it."""
    if isinstance(error, FormgenError):
        return describe_problem(error, language)
    return str(error)
