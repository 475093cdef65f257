"""The process: a case is an append-only list of steps, and a document moves it or does not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from formgen.errors import Finding
from formgen.form import Form, attempt
from formgen.settings import Office

PHASES = {
    "phase_1": "Sopiminen",
    "phase_2": "Profilointi",
    "phase_3": "Työn etsintä",
    "phase_4": "Työnantajan kanssa",
    "phase_5": "Työsuhteen tuki",
    "closed": "Päättynyt",
}

When = Callable[[Any, "Case"], bool]


def always(_record: Any, _case: Case) -> bool:
    """Tell that a move has no condition of its own."""
    return True


@dataclass(frozen=True)
class Move:
    """One transition: from a phase (None before the case) to a phase, by one form.

    ``when(record, case)`` tells whether the document is of this move; whether it is allowed
    is a matter of the form's rules. ``then`` names moves that the same document may make
    right after this one.
    """

    id: str
    source: str | None
    target: str
    when: When = always
    then: tuple[str, ...] = ()


@dataclass(frozen=True)
class Known:
    """One accepted record of a case."""

    record_id: str
    instance_id: str
    version_no: int
    record: Form
    supersedes: str | None = None


@dataclass(frozen=True)
class Step:
    """One step of a case: which move which record made, and the phases around it."""

    seq: int
    form: str
    record_id: str
    transition: str | None
    before: str | None
    after: str | None
    at: str


@dataclass(frozen=True)
class Case:
    """What is known of one case on one day: all that rules may ask.

    ``records`` are oldest first, corrected ones included; ``forms`` the ids of all forms
    there are; ``caseloads`` open cases by coach, this case not counted.
    """

    case_id: str
    today: date
    office: Office = field(default_factory=Office)
    records: tuple[Known, ...] = ()
    steps: tuple[Step, ...] = ()
    forms: frozenset[str] = frozenset()
    caseloads: Mapping[str, int] = field(default_factory=dict)
    previous: str | None = None

    @property
    def phase(self) -> str | None:
        """Return the current phase: the last step's."""
        return self.steps[-1].after if self.steps else None

    @property
    def status(self) -> str:
        """Return ``open`` or ``closed``."""
        return "closed" if self.phase == "closed" else "open"

    @property
    def coach(self) -> str | None:
        """Return the coach whom the newest record to name one names."""
        named = (known.record.coach for known in reversed(self.current()))
        return next((coach for coach in named if coach), None)

    def current(self, form: str = "") -> tuple[Known, ...]:
        """Return the records in force, oldest first: those that no later one corrects."""
        corrected = {known.supersedes for known in self.records}
        return tuple(
            known for known in self.records if known.record_id not in corrected and form in ("", known.record.id)
        )

    def latest(self, form: str) -> Any:
        """Return the newest record in force of a form, or None."""
        found = self.current(form)
        return found[-1].record if found else None

    def without(self, record_id: str | None) -> Case:
        """Return the case as if a record had not been accepted: what its correction is judged by."""
        if record_id is None:
            return self
        kept = tuple(known for known in self.records if known.record_id != record_id)
        return Case(**{**self.__dict__, "records": kept})


def expected(case: Case) -> str | None:
    """Return the phase that the records in force speak for: a check, never a change."""
    reached = [attempt(known.record.expects, case) for known in case.current()]
    return max((phase for phase in reached if phase), default=None, key=list(PHASES).index)


def advance(case: Case, record: Form, correction: bool = False) -> tuple[tuple[Move, ...], tuple[Finding, ...]]:
    """Return the moves that the record makes, or the finding why it makes none.

    Exactly one move fits the phase; two are a mistake in the schemas. A move may be followed
    by another one of the same document (a referral that arrives with its decision). A
    correction of a record that the case already has may also make no move at all.
    """
    if case.status == "closed":
        return (), (Finding("R88", "error", "", "Asia on päättynyt. Avatkaa uusi asia."),)
    first = fitting(record, case, case.phase)
    if first:
        second = fitting(record, case, first.target, first.then) if first.then else None
        return (first, second) if second else (first,), ()
    if correction:
        return (), ()
    message = "Lomake ei sovi asian vaiheeseen. Vaihe on nyt: {phase}."
    return (), (Finding(record.moves[0].id, "error", "", message, {"phase": PHASES.get(case.phase or "", "–")}),)


def fitting(record: Form, case: Case, phase: str | None, among: tuple[str, ...] = ()) -> Move | None:
    """Return the one move, among those named if any are, that fits the phase and the record."""
    fits = [
        move
        for move in record.moves
        if move.source == phase and (not among or move.id in among) and attempt(move.when, record, case)
    ]
    if len(fits) > 1:
        raise LookupError(f"{record.id}: {', '.join(move.id for move in fits)} fit at once")
    return fits[0] if fits else None
