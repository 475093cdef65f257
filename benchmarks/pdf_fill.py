"""How fast a ready PDF template is filled with 40 values, against pypdf's own way, in one run.

Run as ``python -m benchmarks.pdf_fill [ROUNDS]``. Both fill the same bytes with the same values in
turn, so that a busy machine slows both; what they have written is read back and compared.
"""

from __future__ import annotations

import io
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pikepdf
from pypdf import PdfWriter

from benchmarks.contest import circumstances, contest
from formgen.documents.extraction import Control, Identity, Keyring, Question, iter_questions
from formgen.formats import pdf
from formgen.formats.pdf.fill import iter_named_fields
from formgen.forms import registry
from formgen.forms.form import prefill_extraction
from formgen.issuing import issue
from formgen.settings import Office, WorkspaceFolder

VALUES = 40
GOAL = 8


def template(folder: Path) -> tuple[bytes, dict[str, str]]:
    """Return an empty form and a value for each of the first 40 of its fields."""
    form = registry.load_forms(WorkspaceFolder(folder)).find_latest_version("job_start")
    desk: Any = SimpleNamespace(office=Office(), keys=Keyring({"k": b"a key"}, "k"), var=folder)
    identity = Identity(form.id, form.version, UUID(int=1))
    data = pdf.render(
        issue.build_render_request(desk, desk.keys, form, identity, "PK-2026-00001", "fi"), prefill_extraction(form, {})
    )
    text = [question for question in iter_questions(form.list_questions(), 1) if question.control is not Control.TICKS]
    return data, {question.path: value(question) for question in text[:VALUES]}


def value(question: Question) -> str:
    """Return a plausible answer."""
    if question.control is Control.LIST:
        return question.choices[0].code
    if question.control is Control.DATE:
        return "6.12.2026"
    return "Testi Mallikas, Äänekoski – 12,50 €"[: question.limit or None]


def with_pypdf(data: bytes, values: Mapping[str, str]) -> bytes:
    """Return the form as pypdf fills it."""
    writer = PdfWriter(clone_from=io.BytesIO(data))
    writer.update_page_form_field_values(None, dict(values), auto_regenerate=False)
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def held(data: bytes, values: Mapping[str, str]) -> dict[str, str]:
    """Return what stands in the fields that were filled."""
    with pikepdf.open(io.BytesIO(data)) as document:
        return {
            name: str(found.V) for name, found in iter_named_fields(document.Root.AcroForm.Fields) if name in values
        }


def main() -> int:
    """Print medians, spread and ratio; return 1 when the goal is missed."""
    with tempfile.TemporaryDirectory() as folder:
        data, values = template(Path(folder))
    ways: dict[str, Callable[[], bytes]] = {
        "formgen": lambda: pdf.fill_document(data, values),
        "pypdf": lambda: with_pypdf(data, values),
    }
    for name, way in ways.items():
        if held(way(), values) != values:
            raise SystemExit(f"{name} has not written the values")
    ratio, rounds = contest(ways)
    print(f"ratio    {1 / ratio:.1f} (median over {rounds} rounds of both in turn; goal {GOAL})")
    print(f"template {len(data) / 1000:.0f} kB, {VALUES} values")
    circumstances("pikepdf", "pypdf")
    return int(1 / ratio < GOAL)


if __name__ == "__main__":
    sys.exit(main())
