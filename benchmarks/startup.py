"""How long a command takes from nothing to its end, in turn with the bare import of what it needs at the least.

What it costs is told beside that: milliseconds of the processor, those of the process that starts readers included,
against a Python that does nothing.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks.contest import Way, raced
from benchmarks.samples import samples

LEAST = {"formgen --help": "import typer", "formgen read": "import pydantic, lxml.etree"}
NOTHING = "pass"


def starts(folder: Path, rounds: int, measure: Callable[[list[str]], float]) -> dict[str, list[float]]:
    """Measure each command, each import of `LEAST` and `NOTHING` in every round, in milliseconds."""
    (sample,) = samples(folder, ["referral"])
    file = folder / "referral.docx"
    file.write_bytes(sample.drawn("docx", sample.answers))
    formgen = ["-m", "formgen", "--workspace", str(folder)]
    ways: dict[str, Way] = {
        "formgen --help": partial(measure, [*formgen, "--help"]),
        "formgen read": partial(measure, [*formgen, "read", str(file)]),
        **{code: partial(measure, ["-c", code]) for code in (*LEAST.values(), NOTHING)},
    }
    for way in ways.values():
        way()
    return raced(ways, rounds)


def measure_time(arguments: list[str]) -> float:
    """Measure how many milliseconds a Python takes from its start to its end."""
    start = time.perf_counter()
    subprocess.run([sys.executable, *arguments], stdout=subprocess.DEVNULL, check=False)  # noqa: S603 - our own
    return (time.perf_counter() - start) * 1000


def measure_processor(arguments: list[str]) -> float:
    """Measure how many milliseconds of the processor a Python takes, and what it starts and waits for."""
    with subprocess.Popen([sys.executable, *arguments], stdout=subprocess.DEVNULL) as process:  # noqa: S603 - our own
        _, _, used = os.wait4(process.pid, 0)
        process.returncode = 0  # it has been waited for
    return (used.ru_utime + used.ru_stime) * 1000
