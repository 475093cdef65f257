"""What a document format can do: one object a format has all of this, and what it cannot do is None or refused.

A format knows no form. It is a package here that has a ``FORMAT``; it is found, not registered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from formgen.documents.extraction import Extraction, FormSpec, Log, Question, RenderRequest
from formgen.errors import Finding

FormSpecs = Mapping[tuple[str, str], FormSpec]  # by form and version


@dataclass(frozen=True)
class Converter:
    """A program that a format starts to read a document, and what it needs in the sandbox.

    ``memory`` is in bytes; ``remove_sockets`` removes the sockets that it leaves outside of its folder and tells
    whether all are gone.
    """

    memory: int
    readable_paths: tuple[str, ...]
    remove_sockets: Callable[[str], bool]


class Templates(Protocol):
    """The office's templates, which are documents of a format."""

    @property
    def ending(self) -> str:
        """The ending of a template's file."""

    def build_template(
        self, title: str, number: str, version: str, questions: Iterable[Question], unit: bool = False
    ) -> bytes:
        """Build the first draft of a form's template; one of the unit says nothing of a case and its client."""

    def find_problems(self, file: Path, questions: tuple[Question, ...]) -> Iterable[Finding]:
        """Find what is missing or broken in a template; raise `UsageError` or `OSError` for one that cannot be read."""

    def load_printed_lines(self, file: Path, words: Mapping[str, str]) -> frozenset[str]:
        """Load the lines that a template prints around its fields, normalised; ``words`` are its own besides."""


class Format(Protocol):
    """A document format."""

    @property
    def name(self) -> str:
        """The name of its package, by which people choose it."""

    @property
    def media_types(self) -> Mapping[str, str]:
        """The media types of what it reads, by ending; the first is that of the documents it makes."""

    @property
    def rank(self) -> int | None:
        """Its place among the formats that documents go out in, the lowest first; None when it makes none."""

    @property
    def is_archivable(self) -> bool:
        """Whether its documents carry an attached record and may be archived as they are."""

    @property
    def converter(self) -> Converter | None:
        """The program that it starts to read a document, None when it reads by itself."""

    @property
    def templates(self) -> Templates | None:
        """The templates that its documents are made from, None when they are made without."""

    def can_read(self, data: bytes) -> bool:
        """Tell by their beginning whether bytes are a document of this format."""

    def prepare_reader(self, form_specs: Iterable[FormSpec]) -> None:
        """Load what reads, and index what there is to find, so that a process forked for one file need not."""

    def read(self, data: bytes, form_specs: FormSpecs) -> Extraction:
        """Read a document; raise `Unreadable`."""

    def name_roots(self, roots: Iterable[bytes]) -> frozenset[str]:
        """Name the certificates that a digital signature in a document may lead to, none where it can hold none."""

    def load_layout(self, digest: str, store: Path, log: Log | None = None) -> Any:
        """Load the layout that a printed page names, None when there is none; raise `OutOfReach` for an altered one."""

    def render(self, request: RenderRequest, extraction: Extraction) -> bytes:
        """Make a document with the answers of an extraction; raise `UsageError` where that cannot be done."""

    def render_letter(
        self,
        organiser: str,
        title: str,
        paragraphs: Iterable[str],
        items: Iterable[tuple[str, str]],
        locale: str,
        alternative: str,
    ) -> bytes:
        """Make a letter with a numbered list, each item bold words and a sentence; raise `UsageError`."""

    def fill_document(self, data: bytes, answers: Mapping[str, str]) -> bytes:
        """Type answers into a document as a person does, by their paths; raise `LookupError` for a field it lacks.

        Ticks are codes joined by a space, the answer of a list is a code. Raise `UsageError` where it cannot be done.
        """
