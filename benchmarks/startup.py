"""How long a command takes from nothing to its end, in turn with the bare import of what it needs at the least."""

from __future__ import annotations

import subprocess
import sys
import time
from functools import partial
from pathlib import Path

from benchmarks.contest import Way, raced
from benchmarks.samples import samples

LEAST = {"formgen --help": "import typer", "formgen read": "import pydantic, lxml.etree"}


def starts(folder: Path, rounds: int) -> dict[str, list[float]]:
    """Return the milliseconds of each command and each import of `LEAST`, in every round."""
    (sample,) = samples(folder, ["referral"])
    file = folder / "referral.docx"
    file.write_bytes(sample.drawn("docx", sample.answers))
    formgen = ["-m", "formgen", "--workspace", str(folder)]
    ways: dict[str, Way] = {
        "formgen --help": partial(run, [*formgen, "--help"]),
        "formgen read": partial(run, [*formgen, "read", str(file)]),
        **{least: partial(run, ["-c", least]) for least in LEAST.values()},
    }
    for way in ways.values():
        way()
    return raced(ways, rounds)


def run(arguments: list[str]) -> float:
    """Return how many milliseconds a Python takes from its start to its end."""
    start = time.perf_counter()
    subprocess.run([sys.executable, *arguments], stdout=subprocess.DEVNULL, check=False)  # noqa: S603 - our own
    return (time.perf_counter() - start) * 1000
