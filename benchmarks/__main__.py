"""Everything that is measured, in one run and one table.

Documents of every form are made, filled and read as the engine does it, in turn with other
libraries; a backlog is emptied by a real daemon, and single files are dropped before one.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import Progress, TaskID

from benchmarks import backlog, latency
from benchmarks.chart import TASKS, svg
from benchmarks.documents import races
from benchmarks.page import page
from benchmarks.report import Report, packages
from benchmarks.samples import samples
from benchmarks.startup import measure_processor, measure_time, starts
from formgen.forms import registry
from formgen.settings import WorkspaceFolder

SIZES = (100, 1_000)
WAYS = 7  # tasks with the documents of a form
EXAMPLES = """\
examples:
  python -m benchmarks                                        all of it, about five minutes
  python -m benchmarks --only documents --forms job_start     one form beside the other libraries
  python -m benchmarks --only backlog --backlog 10000 100000  the long ones
  python -m benchmarks --page docs/measurements.md            the pages of the documentation, with picture and JSON
"""


def documents(
    asked: argparse.Namespace, folder: Path, report: Report, progress: Progress, bar: TaskID
) -> Iterator[None]:
    """Run the races with documents, a step for each."""
    found = samples(folder / "documents", asked.forms)
    progress.update(bar, total=len(found) * WAYS)
    for sample in found:
        for race in races(sample, asked.rounds, sample.desk.reader.build_form_specs()):
            report.races.append(race)
            progress.update(bar, description=f"{race.form}: {race.task}")
            yield


def starting(
    asked: argparse.Namespace, folder: Path, report: Report, progress: Progress, bar: TaskID
) -> Iterator[None]:
    """Have commands start in turn with bare imports, one step."""
    progress.update(bar, total=1, description="starting commands")
    report.starts = starts(folder / "startup", asked.rounds, measure_time)
    report.costs = starts(folder / "startup-costs", asked.rounds, measure_processor)
    yield


def backlogs(
    asked: argparse.Namespace, folder: Path, report: Report, progress: Progress, bar: TaskID
) -> Iterator[None]:
    """Have the backlogs emptied, a step for each; the year that they are copied from is played once."""
    progress.update(bar, total=len(asked.backlog), description="playing a year")
    source, returned = backlog.year(folder / "year")
    for number in asked.backlog:
        progress.update(bar, description=f"backlog of {number}")
        report.backlogs.append(backlog.measured(folder / f"backlog-{number}", source, returned, number))
        yield


def waits(asked: argparse.Namespace, _folder: Path, report: Report, progress: Progress, bar: TaskID) -> Iterator[None]:
    """Drop single files before a daemon, one step."""
    progress.update(bar, total=1, description=f"{asked.drops} drops of each kind")
    report.waits = latency.waits(asked.drops)
    yield


PARTS = {"documents": documents, "startup": starting, "backlog": backlogs, "latency": waits}


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    """Return what was asked for on the command line."""
    parser = argparse.ArgumentParser(
        "python -m benchmarks", description=__doc__, epilog=EXAMPLES, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5, help="rounds in which all take turns (%(default)s)")
    parser.add_argument("--only", nargs="+", choices=list(PARTS), default=list(PARTS), help="what is measured (all)")
    parser.add_argument("--forms", nargs="+", metavar="FORM", default=(), help="the forms (all)")
    parser.add_argument("--backlog", nargs="+", type=int, metavar="N", default=SIZES, help="sizes (100 and 1000)")
    parser.add_argument("--drops", type=int, default=40, help="drops of each kind before a daemon (%(default)s)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results as JSON")
    parser.add_argument(
        "--page", type=Path, metavar="FILE", help="write them as Markdown, beside it JSON and a picture of the races"
    )
    asked = parser.parse_args(given)
    if unknown := set(asked.forms) - registry.load_forms(WorkspaceFolder(Path())).ids:
        parser.error(f"no such form: {', '.join(sorted(unknown))}")
    if min(asked.rounds, asked.drops, *asked.backlog) < 2:
        parser.error("two are the least that tell anything")
    return asked


def measured(asked: argparse.Namespace, folder: Path, progress: Progress) -> Report:
    """Return what was asked for, measured, telling how far it is."""
    report = Report(asked.rounds)
    for part, work in PARTS.items():
        if part in asked.only:
            bar = progress.add_task(part, total=None)
            for _ in work(asked, folder, report, progress, bar):
                progress.advance(bar)
    return report


def main() -> int:
    """Print the table and the goals; return 1 when a goal is missed."""
    asked = arguments()
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # it minds the Sámi letters of our fonts, twenty lines a file
    with tempfile.TemporaryDirectory() as folder, Progress(console=Console(stderr=True), transient=True) as progress:
        report = measured(asked, Path(folder), progress)
    console = Console(width=None if sys.stdout.isatty() else 160)
    console.print(*report.tables(), sep="\n")
    console.print(report.machine, ", ".join(" ".join(package) for package in packages()), sep="\n")
    if asked.page:
        largest = [race for task in TASKS for race in report.of(task)[:1]]
        asked.page.write_text(page(report), encoding="utf-8")
        asked.page.with_suffix(".svg").write_text(svg(largest, report.machine), encoding="utf-8")
    if found := asked.json or (asked.page and asked.page.with_suffix(".json")):
        found.write_text(json.dumps(report.json(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return int(not all(goal.met for goal in report.goals()))


if __name__ == "__main__":
    sys.exit(main())
