"""The timelines of practice, as data: what is returned on which day, and what stands at the end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from formgen.demo import Turn

STORY = "Asia"
Answers = Mapping[str, str]


@dataclass(frozen=True)
class Step:
    """One return of a timeline: its day, its form, what is typed into it, and the moves that it makes.

    ``document`` names a paper that is returned more than once, each time with more in it.
    """

    day: str
    form: str
    answers: Answers
    moves: str = ""
    document: str = ""

    @property
    def on(self) -> date:
        """Return the day."""
        return read(self.day)

    @property
    def turn(self) -> Turn:
        """Return what the player of stories plays."""
        at = datetime.combine(self.on, datetime.min.time(), UTC).replace(hour=9)
        return Turn(STORY, self.form, self.answers, at=at, document=self.document)


@dataclass(frozen=True)
class Timeline:
    """One timeline: its steps, and what is to stand at its end.

    ``records`` are the version numbers of every form in the order of the records; ``tasks`` the
    spans of days on which each open task stands, no other task standing on any day. ``known`` is
    the day from which documents can only be made when those before have come: they carry an id
    that is given then, such as that of a second job.
    """

    steps: tuple[Step, ...]
    phase: str
    records: Mapping[str, tuple[int, ...]]
    until: str = ""
    tasks: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    known: str = ""


def read(day: str) -> date:
    """Return the day of a Finnish date."""
    return datetime.strptime(day, "%d.%m.%Y").replace(tzinfo=UTC).date()


def row(table: str, index: int, **cells: str) -> dict[str, str]:
    """Return the answers of one row; a column whose name is a word of Python's own ends in ``_``."""
    return {f"{table}.{index}.{name.rstrip('_')}": text for name, text in cells.items()}


def signed(day: str, *roles: str) -> dict[str, str]:
    """Return the signatures of a day."""
    names = {"client": "Testi Mallikas", "coach": "Veera Valmentaja-Esimerkki", "referrer": "Liisa Lähettäjä-Malli"}
    return {f"sign_{role}.{part}": text for role in roles for part, text in {"name": names[role], "date": day}.items()}
