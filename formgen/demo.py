"""The demonstration: invented cases whose forms are made, filled and returned on the real path."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from formgen import formats
from formgen.intake import Intake
from formgen.issue import issue
from formgen.kinds import DayDate
from formgen.settings import PACKAGED
from formgen.store import day
from formgen.watch import Watch

DAY = re.compile(r"\{today([+-]\d+)?\}")


@dataclass(frozen=True)
class Outcome:
    """What became of one return of the demonstration."""

    case: str
    form: str
    document: Path
    row: Mapping[str, Any]
    expected: str


def dated(text: str, today: date) -> str:
    """Return a text with ``{today-3}`` replaced by that day.

    >>> dated("alkaen {today+1}", date(2026, 2, 28))
    'alkaen 1.3.2026'
    """
    return DAY.sub(lambda match: DayDate().write(today + timedelta(days=int(match[1] or 0))), text)


def play(intake: Intake) -> Iterator[Outcome]:
    """Make, fill and return the forms of every demonstration case; yield what became of each."""
    stories = json.loads((PACKAGED / "demo" / "cases.json").read_text(encoding="utf-8"))
    today = day(intake.clock())
    for number, story in enumerate(stories, start=1):
        case_id = None
        for turn, returned in enumerate(story["returns"], start=1):
            form = intake.registry.latest(returned["form"])
            made = issue(
                intake.workspace,
                intake.journal,
                intake.registry,
                form,
                now=intake.clock(),
                instance=intake.new_id(),
                case_id=case_id,
                language=returned.get("language"),
            )
            document = Path(made.path)
            answers = {path: dated(text, today) for path, text in returned["answers"].items()}
            filled = formats.every()["docx"].fill(document.read_bytes(), answers)
            (intake.workspace.inbox / f"palautus-{number}-{turn}.docx").write_bytes(filled)
            Watch(intake).run(once=True)
            row = intake.journal.returned()[-1]
            case_id = row["case_id"] or case_id
            yield Outcome(story["name"], form.id, document, row, returned["expect"])
