"""How fast a returned PDF is read by both readers, against pypdf's own `get_fields` alone, in one run.

Run as ``python -m benchmarks.pdf_read [ROUNDS]``. Both read the same bytes in turn, so that a busy
machine slows both. What is timed on our side is the whole reading: limits, two walks that must
agree, unsafe content, identity, what is drawn over the pages.
"""

from __future__ import annotations

import io
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pypdf

from benchmarks.contest import circumstances, contest
from benchmarks.pdf_fill import template
from formgen.documents.extraction import FormSpec
from formgen.formats import pdf
from formgen.forms import registry
from formgen.settings import WorkspaceFolder

GOAL = 1.4


def main() -> int:
    """Print medians, spread and ratio; return 1 when the goal is missed."""
    with tempfile.TemporaryDirectory() as folder:
        empty, values = template(Path(folder))
        forms = registry.load_forms(WorkspaceFolder(Path(folder)))
    data = pdf.fill_document(empty, values)
    papers = {(form.id, form.version): FormSpec(form.list_questions()) for form in forms}
    read = {path: answer.text for path, answer in pdf.read(data, papers).answers.items() if answer.text}
    if read != values:
        raise SystemExit("what was filled has not been read")
    ways: dict[str, Callable[[], object]] = {
        "formgen": lambda: pdf.read(data, papers),
        "pypdf": lambda: pypdf.PdfReader(io.BytesIO(data)).get_fields(),
    }
    ratio, rounds = contest(ways)
    print(f"ratio    {ratio:.2f} (median over {rounds} rounds of both in turn; goal {GOAL} at most)")
    print(f"document {len(data) / 1000:.0f} kB, {len(values)} values")
    circumstances("pikepdf", "pypdf")
    return int(ratio > GOAL)


if __name__ == "__main__":
    sys.exit(main())
