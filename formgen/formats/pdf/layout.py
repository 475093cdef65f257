"""The layout of a form as a PDF that can be filled: drawn by typst, its placeholders made fields.

A layout is made once for a form, version, language and number of rows, and kept by the digest of
what it was made from, in memory and on disk: a document that is printed and comes back as a
picture is measured against the very layout that it was printed from. What lies on disk is held against
what was written down of it when it was made.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.metadata import version
from pathlib import Path

import pikepdf
from pikepdf import Name, Object, Pdf, Stream

from formgen import files
from formgen.documents.extraction import Log, Notes, Question
from formgen.errors import OutOfReach
from formgen.formats.font_metrics import FOLDER
from formgen.formats.pdf.fields import Place, is_system_field
from formgen.formats.pdf.fill import apply_change
from formgen.formats.pdf.layout_data import build_layout_data
from formgen.formats.pdf.notes import add_notes, add_notes_to_tooltips
from formgen.formats.pdf.widgets import add_fields, flatten_groups
from formgen.i18n import N_

HERE = Path(__file__).parent
LAYOUT_SOURCES = (
    "../font_metrics.py",
    "font.py",
    "fields.py",
    "fill.py",
    "form.typ",
    "layout.py",
    "appearance.py",
    "notes.py",
    "layout_data.py",
    "typeset.py",
    "widgets.py",
)
ALTERED = N_("Asettelu {what} kansiossa var/layouts ei ole se, joka tehtiin. Poista se ja tee lomake uudelleen.")
DIGEST = re.compile(r"[0-9a-f]{8}")
CORNER, SQUARE = 8 * 72 / 25.4, 5 * 72 / 25.4  # from the edges of the page; the side of a square


@dataclass(frozen=True, slots=True)
class Layout:
    """An empty form: the PDF, where every field stands, and the digest of what it was made from."""

    pdf: bytes
    places: tuple[Place, ...]
    pages: int
    digest: str


def get_layout(
    questions: tuple[Question, ...],
    language: str,
    words: Mapping[str, str],
    rows: Mapping[str, int],
    store: Path,
    notes: Notes | None = None,
    log: Log | None = None,
) -> Layout:
    """Return the layout of a form, with notes on it, from memory, from the folder, or made now.

    ``words`` are what is printed (`issue.words_for`), of which those of one instance play no
    part; ``rows`` says how many rows each table has, by its path.
    """
    form = build_layout_data(questions, language, words, rows)
    form = add_notes(form, notes) if notes else form
    return find_or_build_layout(json.dumps(form, ensure_ascii=False), questions, store, log)


@lru_cache(maxsize=64)
def find_or_build_layout(form: str, questions: tuple[Question, ...], store: Path, log: Log | None) -> Layout:
    """Return the layout of a description; one that is not as it was made is made anew."""
    digest = hashlib.sha256(f"{compute_recipe_digest()}{form}{questions}".encode()).hexdigest()[:8]
    with suppress(OutOfReach):
        if found := load_layout(digest, store, log):
            return found
    data = typeset_form(form, questions)
    files.write_file(store / f"{digest}.pdf", data, files.PRIVATE)
    if log:
        log.note_file(store.name, digest, data)
    return read_layout(data, digest)


def load_layout(digest: str, store: Path, log: Log | None = None) -> Layout | None:
    """Return the layout of a digest, or None when the folder does not have one that the log tells of.

    Raise `OutOfReach` for one that is not as it was made.
    """
    file = store / f"{digest}.pdf"
    noted = log.find_file_digest(store.name, digest) if log else ""
    if noted is None or not DIGEST.fullmatch(digest) or not file.is_file():
        return None
    data = file.read_bytes()
    if noted and hashlib.sha256(data).hexdigest() != noted:
        raise OutOfReach(ALTERED, what=file.name)
    return read_layout(data, digest)


@cache
def compute_recipe_digest() -> str:
    """Return the digest of all that a layout depends on besides its description."""
    parts = [(HERE / name).read_bytes() for name in LAYOUT_SOURCES]
    parts += [version(package).encode() for package in ("typst", "font-roboto", "fonttools", "pikepdf")]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def read_layout(data: bytes, digest: str) -> Layout:
    """Return the layout that a PDF of ours is."""
    with Pdf.open(io.BytesIO(data)) as pdf:
        places = tuple(place for number, page in enumerate(pdf.pages) for place in iter_places(page, number))
        return Layout(data, places, len(pdf.pages), digest)


def iter_places(page: pikepdf.Page, number: int) -> Iterator[Place]:
    """Yield the places of the fields of a page, in the order of the page."""
    for widget in page.get("/Annots", ()):
        full = get_full_name(widget)
        if is_system_field(full):
            continue
        path, _, code = full.rpartition(".") if Name.Btn == widget.FT else (full, "", "")
        left, bottom, right, top = (float(edge) for edge in widget.Rect)
        yield Place(full, path, code, number, (left, bottom, right, top))


def get_full_name(field: Object) -> str:
    """Return the fully qualified name of a field."""
    steps = [str(field.T)]
    while "/Parent" in field:
        field = field.Parent
        steps.append(str(field.T))
    return ".".join(reversed(steps))


def typeset_form(form: str, questions: Iterable[Question]) -> bytes:
    """Return the PDF of a description, with its fields."""
    drawn = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-I", HERE / "typeset.py", FOLDER],
        input=form.encode(),
        stdout=subprocess.PIPE,
        process_group=0,  # the keys that stop the service let it finish
        check=True,
    ).stdout

    def finish(pdf: Pdf) -> None:
        told = json.loads(form)
        add_fields(pdf, questions, told["said"])
        if "notes" in told:
            add_notes_to_tooltips(pdf, told)
        flatten_groups(pdf.Root.StructTreeRoot)
        for found in pdf.objects:
            if isinstance(found, Stream) and found.read_raw_bytes().endswith(
                b"\r"
            ):  # see `font.make_compressed_stream`
                found.write(found.read_bytes())

    return apply_change(drawn, finish)
