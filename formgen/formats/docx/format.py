"""The format of Word documents, of which the office's templates are too."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from formgen.documents.extraction import Extraction, FormSpec, Log, Question, RenderRequest
from formgen.errors import Finding
from formgen.formats import docx
from formgen.formats.protocol import Format, FormSpecs


class DocxTemplates:
    """Word documents with fields in the language of templates (`syntax`)."""

    ending = ".docx"

    def build_template(
        self, title: str, number: str, version: str, questions: Iterable[Question], unit: bool = False
    ) -> bytes:
        """Build the first draft of a form's template."""
        return docx.build_template(title, number, version, questions, unit)

    def find_problems(self, file: Path, questions: tuple[Question, ...]) -> Iterable[Finding]:
        """Find what is missing or broken in a template; raise `UsageError` or `OSError`."""
        return docx.load_template(file, questions).find_problems()

    def load_printed_lines(self, file: Path, words: Mapping[str, str]) -> frozenset[str]:
        """Load the lines that a template prints around its fields."""
        return docx.load_printed_lines(file, words)


class Docx:
    """Word documents (Office Open XML)."""

    name = "docx"
    media_types = {".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document"}  # noqa: RUF012
    rank = 1
    is_archivable = False
    converter = None
    templates = DocxTemplates()

    def can_read(self, data: bytes) -> bool:
        """Tell whether the bytes are a ZIP package that holds a Word document."""
        return data.startswith(b"PK\x03\x04") and b"word/" in data

    def prepare_reader(self, form_specs: Iterable[FormSpec]) -> None:
        """Load what reads, and index the questions."""
        docx.prepare_reader(form_specs)

    def read(self, data: bytes, form_specs: FormSpecs) -> Extraction:
        """Read a document; raise `Unreadable`."""
        return docx.read(data, form_specs)

    def name_roots(self, roots: Iterable[bytes]) -> frozenset[str]:
        """Name none: digital signatures in Word documents are not read."""
        return frozenset()

    def load_layout(self, digest: str, store: Path, log: Log | None = None) -> None:
        """Load none: the pages of a Word document name no layout."""

    def render(self, request: RenderRequest, extraction: Extraction) -> bytes:
        """Make a document from the form's template; raise `UsageError` without one."""
        return docx.render(request, extraction)

    def render_letter(
        self,
        organiser: str,
        title: str,
        paragraphs: Iterable[str],
        items: Iterable[tuple[str, str]],
        locale: str,
        alternative: str,
    ) -> bytes:
        """Make a letter, the same bytes for the same words."""
        return docx.render_letter(organiser, title, paragraphs, items, locale, alternative)

    def fill_document(self, data: bytes, answers: Mapping[str, str]) -> bytes:
        """Type answers into the content controls; raise `LookupError` for one that there is not."""
        return docx.fill_document(data, answers)


FORMAT: Format = Docx()
