"""How fast a ready PDF template is filled with 40 values, against pypdf's own way, in one run.

Run as ``python -m benchmarks.pdf_fill [ROUNDS]``. Both fill the same bytes with the same values in
turn, so that a busy machine slows both; what they have written is read back and compared.
"""

from __future__ import annotations

import io
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pikepdf
from pypdf import PdfWriter

from formgen import issue, registry
from formgen.form import blank
from formgen.formats import pdf
from formgen.formats.pdf.fill import named
from formgen.settings import Office, Workspace
from formgen.sheet import Control, Identity, Keyring, Question, flat

VALUES = 40
GOAL = 8


def template(folder: Path) -> tuple[bytes, dict[str, str]]:
    """Return an empty form and a value for each of the first 40 of its fields."""
    form = registry.load(Workspace(folder)).latest("job_start")
    desk: Any = SimpleNamespace(office=Office(), keys=Keyring({"k": b"a key"}, "k"), var=folder)
    identity = Identity(form.id, form.version, UUID(int=1))
    data = pdf.draw(issue.drafted(desk, form, identity, "PK-2026-00001", "fi"), blank(form, {}))
    text = [question for question in flat(form.questions(), 1) if question.control is not Control.TICKS]
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
        return {name: str(found.V) for name, found in named(document.Root.AcroForm.Fields) if name in values}


def timed(work: Callable[[], bytes]) -> float:
    """Return how many milliseconds the work takes."""
    start = time.perf_counter()
    work()
    return (time.perf_counter() - start) * 1000


def main() -> int:
    """Print medians, spread and ratio; return 1 when the goal is missed."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 25
    with tempfile.TemporaryDirectory() as folder:
        data, values = template(Path(folder))
    ways: dict[str, Callable[[], bytes]] = {
        "formgen": lambda: pdf.fill(data, values),
        "pypdf": lambda: with_pypdf(data, values),
    }
    for name, way in ways.items():
        if held(way(), values) != values:
            raise SystemExit(f"{name} has not written the values")
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            times[name].append(timed(way))
    for name, found in times.items():
        low, middle, high = statistics.quantiles(found, n=4)
        print(f"{name:8} median {middle:7.1f} ms, quartiles {low:.1f} to {high:.1f} ms, {1000 / middle:.1f} a second")
    ratio = statistics.median(other / own for own, other in zip(*times.values(), strict=True))
    print(f"ratio    {ratio:.1f} (median over {rounds} rounds of both in turn; goal {GOAL})")
    print(f"template {len(data) / 1000:.0f} kB, {VALUES} values")
    packages = ", ".join(f"{package} {version(package)}" for package in ("pikepdf", "pypdf"))
    load = os.getloadavg()[0]
    print(
        f"machine  {platform.platform()}, {os.cpu_count()} cores, load {load:.1f}, Python {platform.python_version()}"
    )
    print(f"packages {packages}")
    return int(ratio < GOAL)


if __name__ == "__main__":
    sys.exit(main())
