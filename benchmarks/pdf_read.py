"""How fast a returned PDF is read by both readers, against pypdf's own `get_fields` alone, in one run.

Run as ``python -m benchmarks.pdf_read [ROUNDS]``. Both read the same bytes in turn, so that a busy
machine slows both. What is timed on our side is the whole reading: limits, two walks that must
agree, unsafe content, identity, what is drawn over the pages.
"""

from __future__ import annotations

import io
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pypdf

from benchmarks.pdf_fill import template
from formgen import registry
from formgen.formats import pdf
from formgen.settings import Workspace
from formgen.sheet import Paper

GOAL = 1.4


def timed(work: Callable[[], object]) -> float:
    """Return how many milliseconds the work takes."""
    start = time.perf_counter()
    work()
    return (time.perf_counter() - start) * 1000


def main() -> int:
    """Print medians, spread and ratio; return 1 when the goal is missed."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 25
    with tempfile.TemporaryDirectory() as folder:
        empty, values = template(Path(folder))
        forms = registry.load(Workspace(Path(folder)))
    data = pdf.fill(empty, values)
    papers = {(form.id, form.version): Paper(form.questions()) for form in forms}
    read = {path: answer.text for path, answer in pdf.read(data, papers).answers.items() if answer.text}
    if read != values:
        raise SystemExit("what was filled has not been read")
    ways: dict[str, Callable[[], object]] = {
        "formgen": lambda: pdf.read(data, papers),
        "pypdf": lambda: pypdf.PdfReader(io.BytesIO(data)).get_fields(),
    }
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            times[name].append(timed(way))
    for name, found in times.items():
        low, middle, high = statistics.quantiles(found, n=4)
        print(f"{name:8} median {middle:7.1f} ms, quartiles {low:.1f} to {high:.1f} ms, {1000 / middle:.1f} a second")
    ratio = statistics.median(own / other for own, other in zip(*times.values(), strict=True))
    print(f"ratio    {ratio:.2f} (median over {rounds} rounds of both in turn; goal {GOAL} at most)")
    print(f"document {len(data) / 1000:.0f} kB, {len(values)} values")
    packages = ", ".join(f"{package} {version(package)}" for package in ("pikepdf", "pypdf"))
    load = os.getloadavg()[0]
    print(
        f"machine  {platform.platform()}, {os.cpu_count()} cores, load {load:.1f}, Python {platform.python_version()}"
    )
    print(f"packages {packages}")
    return int(ratio > GOAL)


if __name__ == "__main__":
    sys.exit(main())
