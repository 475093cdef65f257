"""The format of PDF forms."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from formgen.documents.extraction import Extraction, FormSpec, Log, RenderRequest
from formgen.errors import UsageError
from formgen.formats import pdf
from formgen.formats._refusals import NOT_MADE
from formgen.formats.protocol import Format, FormSpecs


class PdfForm:
    """PDF forms, and PDF/A-3 with a record attached."""

    name = "pdf"
    media_types = {".pdf": "application/pdf"}  # noqa: RUF012
    rank = 2
    is_archivable = True
    converter = None
    templates = None

    def can_read(self, data: bytes) -> bool:
        """Tell whether the bytes begin as a PDF does."""
        return data[:1024].lstrip(b"\xef\xbb\xbf\0\t\n\f\r ").startswith(b"%PDF-")

    def prepare_reader(self, form_specs: Iterable[FormSpec]) -> None:
        """Load what reads, and name the fields that there are to find."""
        pdf.prepare_reader(form_specs)

    def read(self, data: bytes, form_specs: FormSpecs) -> Extraction:
        """Read a document; raise `Unreadable`."""
        return pdf.read(data, form_specs)

    def name_roots(self, roots: Iterable[bytes]) -> frozenset[str]:
        """Name certificates, PEM or DER, as a digital signature names its root."""
        return pdf.name_roots(roots)

    def load_layout(self, digest: str, store: Path, log: Log | None = None) -> pdf.Layout | None:
        """Load the layout of a digest, None when it is not known; raise `OutOfReach` for an altered one."""
        return pdf.load_layout(digest, store, log)

    def render(self, request: RenderRequest, extraction: Extraction) -> bytes:
        """Make a document; with a record to archive, as PDF/A-3 with the record attached."""
        return pdf.render(request, extraction)

    def render_letter(
        self,
        organiser: str,
        title: str,
        paragraphs: Iterable[str],
        items: Iterable[tuple[str, str]],
        locale: str,
        alternative: str,
    ) -> bytes:
        """Refuse: letters go out in another format."""
        raise UsageError(NOT_MADE, format=self.name)

    def fill_document(self, data: bytes, answers: Mapping[str, str]) -> bytes:
        """Type answers into the fields; raise `LookupError` for one that there is not."""
        return pdf.fill_document(data, answers)


FORMAT: Format = PdfForm()
