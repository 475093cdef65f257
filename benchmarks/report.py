"""What one run has found: as a table, as goals that are met or not, and as JSON."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from rich.table import Table

from benchmarks.backlog import Backlog
from benchmarks.contest import machine, quartiles, ratio
from benchmarks.documents import OURS, Race
from benchmarks.latency import within
from benchmarks.startup import LEAST, NOTHING

PERCENT = (50, 95, 99)
USUAL = 1_000  # returns of the backlog that longer ones are held against
ROWS = ("task", "what", "median", "quartiles", "rate", "peers and floors, median of ratios")
GOALS = ("goal", "found", "bound", "met")
PACKAGES = (
    *("lxml", "pikepdf", "pypdfium2", "typst", "sqlalchemy"),
    *("docxtpl", "docx-mailmerge2", "docx2python", "python-docx", "pypdf"),
)


@dataclass(frozen=True)
class Goal:
    """A goal: what was found, the bound, and whether the bound is the most or the least."""

    name: str
    found: float
    bound: float
    unit: str
    at_most: bool = False

    @property
    def met(self) -> bool:
        """Tell whether it is met."""
        return self.found <= self.bound if self.at_most else self.found >= self.bound


@dataclass
class Report:
    """What a run has found so far."""

    rounds: int
    races: list[Race] = field(default_factory=list)
    backlogs: list[Backlog] = field(default_factory=list)
    waits: Mapping[tuple[str, str], list[float]] = field(default_factory=dict)
    starts: Mapping[str, list[float]] = field(default_factory=dict)
    costs: Mapping[str, list[float]] = field(default_factory=dict)
    machine: str = field(default_factory=machine)

    def of(self, task: str) -> list[Race]:
        """Return the races of a task, that of the largest document first."""
        return sorted((race for race in self.races if race.task == task), key=lambda race: -race.size)

    def goals(self) -> Iterator[Goal]:
        """Yield the goals that this run can speak of; rates are those of the slowest form."""
        for task, peer, bound in (
            ("generate docx", "docxtpl", 40),
            ("read docx", "python-docx", 0.5),
            ("fill pdf", "pypdf", 8),
            ("read pdf", "pypdf", 1),
        ):
            for race in self.of(task)[:1]:
                if peer in race.ratios:
                    yield Goal(f"{task}, largest form, against {peer}", race.ratios[peer], bound, " x")
        for task, least in (("read docx", 100), ("read pdf", 25)):
            if races := self.of(task):
                slowest = max(races, key=lambda race: race.median)
                yield Goal(f"{task}, slowest form ({slowest.form})", 1000 / slowest.median, least, "/s")
                middle = statistics.median(race.median for race in races)
                yield Goal(f"{task}, median of {len(races)} forms", 1000 / middle, least, "/s")
        yield from self.goals_of_backlogs()
        for (kind, event), times in self.waits.items():
            if event == "record.accepted":
                name = f"drop to record, {kind}, 95 % within"
                yield Goal(name, within(times, 95), 250, " ms", at_most=True)
        for command, least in LEAST.items() if self.starts else ():
            found = ratio(self.starts[command], self.starts[least])
            yield Goal(f"start of {command}, against {least}", found, 3, " x", at_most=True)

    def goals_of_backlogs(self) -> Iterator[Goal]:
        """Yield the goals of every backlog, what a return costs in long ones against the usual one among them."""
        for found in self.backlogs:
            yield Goal(f"backlog of {found.number}, first to last outcome", found.rate, 100, "/s")
            yield Goal(f"backlog of {found.number}, peak memory", found.memory, 300, " MB", at_most=True)
        usual = next((found.cost for found in self.backlogs if found.number == USUAL), 0.0)
        for found in self.backlogs:
            if usual and found.number > USUAL:
                name = f"cost of a return, backlog of {found.number} against {USUAL}"
                yield Goal(name, found.cost / usual, 1.15, " x", at_most=True)

    def tables(self) -> Iterator[Table]:
        """Yield the results as one table, and the goals as another."""
        title = f"{self.rounds} rounds in turn; peers: how many times as long as formgen they take"
        table = Table(*ROWS, title=title)
        for row in self.rows():
            table.add_row(*row)
        yield table
        goals = Table(*GOALS, title="Goals")
        for row in self.judged():
            goals.add_row(*row)
        yield goals

    def judged(self) -> Iterator[tuple[str, ...]]:
        """Yield the rows of the table of goals."""
        for goal in self.goals():
            side = "≤" if goal.at_most else "≥"
            met = "[green]yes[/]" if goal.met else "[bold red]NO[/]"
            yield goal.name, f"{goal.found:.3g}{goal.unit}", f"{side} {goal.bound:g}{goal.unit}", met

    def rows(self) -> Iterator[tuple[str, ...]]:
        """Yield the rows of the table."""
        for race in self.races:
            low, middle, high = quartiles(race.times[OURS])
            others = [f"{way} {times:.2f}" for way, times in race.ratios.items()]
            others += [f"[red]{way}: {error}[/]" for way, error in race.failed.items()]
            yield (
                race.task,
                race.form,
                f"{middle:.1f} ms",
                f"{low:.1f}–{high:.1f}",
                f"{1000 / middle:.1f}/s",
                ", ".join(others),
            )
        for found in self.backlogs:
            low, middle, high = quartiles(found.rates)
            told = f"{found.memory:.0f} MB at most, {found.cost:.1f} ms of processor a return"
            told += "" if found.accounted else ", [red]NOT ALL ACCOUNTED FOR[/]"
            name = f"{found.number} returns"
            yield "backlog", name, f"{found.seconds:.1f} s", f"{low:.0f}–{high:.0f}/s", f"{found.rate:.1f}/s", told
        for command, times in self.starts.items():
            low, middle, high = quartiles(times)
            cost, against = (
                statistics.median(self.costs[command]),
                ratio(self.costs[command], self.costs[NOTHING]),
            )
            told = f"{cost:.0f} ms of processor, {against:.0f} x those of a Python that does nothing"
            yield "start", command, f"{middle:.0f} ms", f"{low:.0f}–{high:.0f}", "", told
        for (kind, event), times in self.waits.items():
            low, middle, high = quartiles(times)
            told = ", ".join(f"{percent} % within {within(times, percent):.0f} ms" for percent in PERCENT)
            task = f"drop to {event}"
            yield task, f"{kind}, {len(times)} drops", f"{middle:.0f} ms", f"{low:.0f}–{high:.0f}", "", told

    def json(self) -> dict[str, Any]:
        """Return everything as it is written down."""
        return {
            "machine": self.machine,
            "packages": dict(packages()),
            "rounds": self.rounds,
            "documents": [race.json() for race in self.races],
            "backlogs": [{**asdict(found), "rate": found.rate} for found in self.backlogs],
            "waits": [
                {"format": kind, "event": event, "ms": times, "within": {p: within(times, p) for p in PERCENT}}
                for (kind, event), times in self.waits.items()
            ],
            "starts_ms": dict(self.starts),
            "starts_processor_ms": dict(self.costs),
            "goals": [{**asdict(goal), "met": goal.met} for goal in self.goals()],
        }


def packages() -> Iterator[tuple[str, str]]:
    """Yield the versions of what took part."""
    for name in PACKAGES:
        try:
            yield name, version(name)
        except PackageNotFoundError:
            yield name, "not installed"
