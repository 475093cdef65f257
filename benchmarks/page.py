"""The page of a run for the documentation, in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.text import Text

from benchmarks.report import GOALS, ROWS, Report, packages

HEAD = """\
# Measurements

All of one run of `python -m benchmarks`, written by it: {rounds} rounds in which formgen and the others take turns,
each with the same document; times are those of the processor, ratios the median of the rounds. What the figures mean
and where the time goes is told in [speed.md](speed.md).

Machine: {machine}.
Packages: {packages}.

![How many documents a second each way does](measurements.svg)
"""


def page(report: Report) -> str:
    """Return the page."""
    named = ", ".join(" ".join(package) for package in packages())
    parts = [HEAD.format(rounds=report.rounds, machine=report.machine, packages=named)]
    for title, columns, rows in (
        ("Goals", GOALS, report.judged()),
        ("Everything", ROWS, report.rows()),
    ):
        parts.append(f"## {title}\n\n{table(columns, rows)}")
    return "\n".join(parts)


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; what is coloured on a terminal is plain here."""
    lines = [columns, ["---"] * len(columns), *([Text.from_markup(cell).plain for cell in row] for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
