"""The formats of other word processors, which are read by a converter and never made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from formgen.documents.extraction import Extraction, FormSpec, Log, RenderRequest
from formgen.errors import UsageError
from formgen.formats._refusals import NOT_MADE
from formgen.formats.office import convert
from formgen.formats.protocol import Converter, Format, FormSpecs


class Office:
    """OpenDocument text, Word 97–2003 and RTF."""

    name = "office"
    media_types = {  # noqa: RUF012
        ".odt": "application/vnd.oasis.opendocument.text",
        ".doc": "application/msword",
        ".rtf": "application/rtf",
    }
    rank = None
    is_archivable = False
    converter = Converter(convert.MEMORY, convert.READABLE_PATHS, convert.remove_sockets)
    templates = None

    def can_read(self, data: bytes) -> bool:
        """Tell whether the bytes are an OpenDocument text, an RTF, or an OLE file such as .doc."""
        return bool(convert.detect_ending(data))

    def prepare_reader(self, form_specs: Iterable[FormSpec]) -> None:
        """Do nothing: what is converted is read as another format, which prepares itself."""

    def read(self, data: bytes, form_specs: FormSpecs) -> Extraction:
        """Read a document after its conversion; raise `Unreadable`."""
        return convert.read(data, form_specs)

    def name_roots(self, roots: Iterable[bytes]) -> frozenset[str]:
        """Name none: digital signatures do not outlive the conversion."""
        return frozenset()

    def load_layout(self, digest: str, store: Path, log: Log | None = None) -> None:
        """Load none: nothing of this format is printed here."""

    def render(self, request: RenderRequest, extraction: Extraction) -> bytes:
        """Refuse: nothing goes out in this format."""
        raise UsageError(NOT_MADE, format=self.name)

    def render_letter(
        self,
        organiser: str,
        title: str,
        paragraphs: Iterable[str],
        items: Iterable[tuple[str, str]],
        locale: str,
        alternative: str,
    ) -> bytes:
        """Refuse: nothing goes out in this format."""
        raise UsageError(NOT_MADE, format=self.name)

    def fill_document(self, data: bytes, answers: Mapping[str, str]) -> bytes:
        """Refuse: nothing goes out in this format."""
        raise UsageError(NOT_MADE, format=self.name)


FORMAT: Format = Office()
