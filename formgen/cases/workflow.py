"""The process: a case is an append-only list of steps, and a document moves it or does not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any, TypeVar, overload

from formgen.errors import Finding, Reason
from formgen.forms.declare import Unanswered, call_or_none
from formgen.forms.form import Form
from formgen.forms.references import FieldReference
from formgen.forms.rules import Contradiction
from formgen.i18n import N_
from formgen.process import CLOSED, Process
from formgen.settings import Office

Found = TypeVar("Found")
F = TypeVar("F", bound=Form)

CHANGED = "changed_known_value"
CHANGED_VALUE = N_("Muuttunut tieto: {label}. Tarkistakaa ja hyväksykää.")
NOT_OPEN = N_("Vain avoimen asian voi panna tauolle.")
NOT_ON_HOLD = N_("Asia ei ole tauolla.")
CASE_CLOSED = N_("Asia on päättynyt. Avatkaa uusi asia.")
HOLD_CONTACT = N_("Asia on tauolla. Sovitun yhteydenoton aika on tullut.")

When = Callable[[Any, "Case"], bool]


def is_always_met(_record: Any, _case: Case) -> bool:
    """Hold for any document: the condition of a move that has none of its own."""
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
    when: When = is_always_met
    then: tuple[str, ...] = ()

    @property
    def is_unconditional(self) -> bool:
        """Tell whether any document of the form is of this move."""
        return self.when is is_always_met


@dataclass(frozen=True)
class CaseRecord:
    """One accepted record of a case; ``changed`` are the paths at which it changed a known value.

    ``at`` is the moment when it was accepted.
    """

    record_id: str
    instance_id: str
    version_no: int
    record: Form
    supersedes: str | None = None
    changed: tuple[str, ...] = ()
    at: str = ""


@dataclass(frozen=True)
class Step:
    """One step of a case: which move which record made, and the phases around it.

    The begin and the end of a hold are steps without a record; ``note`` says what was given.
    """

    seq: int
    form: str
    record_id: str | None
    transition: str | None
    before: str | None
    after: str | None
    at: str
    note: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Hold:
    """A time in which a case is on hold; ``end`` is None while it lasts."""

    start: date
    next_contact: date
    end: date | None = None


@dataclass(frozen=True)
class Task:
    """What is to be done in a case: overdue since a day, by whom, and which record calls for it."""

    code: str
    due: date
    message: str
    whom: str
    form: str
    record_id: str | None
    values: Mapping[str, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class Case:
    """What is known of one case on one day: all that rules may ask.

    ``records`` are oldest first, corrected ones included; ``forms`` the ids of all forms
    there are; ``caseloads`` open cases by coach, this case not counted; ``about`` which of its
    subjects a document is being made about, when somebody has chosen one.
    """

    case_id: str
    today: date
    office: Office = field(default_factory=Office)
    records: tuple[CaseRecord, ...] = ()
    steps: tuple[Step, ...] = ()
    forms: frozenset[str] = frozenset()
    caseloads: Mapping[str, int] = field(default_factory=dict)
    previous: str | None = None
    about: str = ""
    process: Process = field(default_factory=Process)

    @property
    def phase(self) -> str | None:
        """Return the current phase: the last step's."""
        return self.steps[-1].after if self.steps else None

    @property
    def status(self) -> str:
        """Return ``open``, ``on_hold`` or ``closed``."""
        if self.phase == CLOSED:
            return "closed"
        return "on_hold" if self.holds and self.holds[-1].end is None else "open"

    @property
    def holds(self) -> tuple[Hold, ...]:
        """Return the holds of the case, oldest first."""
        found: list[Hold] = []
        for step in self.steps:
            if step.transition == self.process.hold.begin:
                found.append(Hold(*(date.fromisoformat(step.note[name]) for name in ("start", "next_contact"))))
            elif step.transition == self.process.hold.end and found:
                found[-1] = replace(found[-1], end=date.fromisoformat(step.note["end"]))
        return tuple(found)

    def find_unresolved(self, places: Mapping[str, Found]) -> dict[str, Found]:
        """Leave out the places that a person has accepted as they are."""
        accepted = {place for step in self.steps for place in step.note.get("accepted", "").split()}
        return {place: found for place, found in places.items() if place not in accepted}

    def find_changed_values(self) -> dict[str, tuple[CaseRecord, str]]:
        """Return the known values that records in force changed and nobody has accepted, by their place."""
        places = {
            f"{known.record_id}:{path}": (known, path)
            for known in self.list_current_records()
            for path in known.changed
        }
        return self.find_unresolved(places)

    def find_contradictions(self) -> dict[str, tuple[CaseRecord, Contradiction, CaseRecord, Mapping[str, str]]]:
        """Return the values that another record in force contradicts and nobody has accepted, by their place.

        A correction of either record is another place: what was accepted of the old one is asked again.
        """
        places, in_force = {}, self.list_current_records()
        for known in in_force:
            for declared in known.record.contradictions:
                told = call_or_none(declared.conflicts_with, known.record, self)
                other = next((one for one in in_force if told and one.record is told.answer), None)
                if other:
                    place = f"{known.record_id}:{declared.field}:{other.record_id}"
                    places[place] = (known, declared, other, told.values)
        return self.find_unresolved(places)

    def add_active_days(self, since: date, days: int) -> date:
        """Return the day on which a clock started on a day has run so many days: it stands still in a hold."""
        ends = since + timedelta(days=days)
        for hold in self.holds:
            if hold.start < ends:
                ends += max(timedelta(0), (hold.end or self.today) - max(hold.start, since))
        return ends

    @property
    def coach(self) -> str | None:
        """Return the coach whom the newest record to name one names."""
        named = (known.record.coach for known in reversed(self.list_current_records()))
        return next((coach for coach in named if coach), None)

    def list_current_records(self, form: type[Form] | str = "") -> tuple[CaseRecord, ...]:
        """List the records in force, of one form or of all, oldest first: those that no later one corrects."""
        corrected = {known.supersedes for known in self.records}
        asked = form if isinstance(form, str) else form.id
        return tuple(
            known for known in self.records if known.record_id not in corrected and asked in ("", known.record.id)
        )

    @overload
    def find_latest_record(self, form: type[F]) -> F | None: ...

    @overload
    def find_latest_record(self, form: str) -> Any: ...

    def find_latest_record(self, form: type[Form] | str) -> Any:
        """Find the newest record in force of a form, named by its class or id; None when there is none."""
        found = self.list_current_records(form)
        return found[-1].record if found else None

    def find_latest_value(self, field: Found) -> Found | None:
        """Find the value of a field, named as `FormReference.field`, in the newest record in force of its form."""
        assert isinstance(field, FieldReference), "a field is named by a reference to its form"
        return getattr(self.find_latest_record(field.form), field.name, None)

    def exclude_documents(self, *instances: str) -> Case:
        """Return the case as if no record of some documents had been accepted: what a correction is judged by."""
        return replace(self, records=tuple(known for known in self.records if known.instance_id not in instances))

    def find_current_record(self, record_id: str) -> CaseRecord:
        """Return the record in force at the end of the line of corrections that a record began."""
        later = {known.supersedes: known for known in self.records}
        found = next(known for known in self.records if known.record_id == record_id)
        while found.record_id in later:
            found = later[found.record_id]
        return found


@dataclass(frozen=True)
class HiddenCase:
    """A case of which nothing may be told: a rule that asks more of it than what everybody knows is silent."""

    today: date
    office: Office
    forms: frozenset[str]

    def __getattr__(self, name: str) -> Any:
        """Refuse to say anything of the case."""
        raise Unanswered(name)


def list_tasks(case: Case) -> tuple[Task, ...]:
    """List the tasks that are overdue or in question on the case's day, longest first.

    A contradiction is in question from the day of the later of its two documents. A hold stops
    every clock but its own, an end every clock but those of the record that brought it; a clock
    that runs counts with `Case.add_active_days`.
    """
    process = case.process
    if case.status == "on_hold":
        contact = Task(process.hold.begin, case.holds[-1].next_contact, HOLD_CONTACT, process.responsible, "", None)
        return (contact,) if contact.due <= case.today else ()
    found = []
    for known in case.list_current_records():
        for declared in known.record.deadlines if case.status == "open" or can_end_case(known.record) else ():
            told = call_or_none(declared.since, known.record, case)
            if told and told.answer and told.answer <= case.today:
                about = (declared.message, declared.whom, known.record.id, known.record_id, told.values)
                found.append(Task(declared.code, told.answer, *about))
    for known, asks, other, values in case.find_contradictions().values() if case.status == "open" else ():
        day = max(getattr(one.record, one.record.date_field) for one in (known, other))
        found.append(Task(asks.code, day, asks.message, process.responsible, known.record.id, known.record_id, values))
    for known, path in case.find_changed_values().values():
        day, asked = getattr(known.record, known.record.date_field), known.record.find_field(path)
        label = asked.label if asked else path
        task = Task(
            CHANGED, day, CHANGED_VALUE, process.responsible, known.record.id, known.record_id, {"label": label}
        )
        found.append(task)
    return tuple(sorted(dict.fromkeys(found), key=lambda task: (task.due, task.code)))


def check_hold(case: Case, start: date, next_contact: date) -> tuple[Finding, ...]:
    """Find what forbids a hold from a day to the day of the next contact, or is unusual in it."""
    code = case.process.hold.begin
    if case.status != "open" or case.phase is None:
        return (Finding(code, "error", "", NOT_OPEN),)
    if next_contact < start:
        return (Finding(code, "error", "", "Seuraava yhteydenotto on ennen tauon alkua."),)
    limit = getattr(case.office.limits, case.process.hold.limit)
    if (next_contact - start).days > limit:
        message = N_("Seuraava yhteydenotto on yli {limit} päivän päässä.")
        return (Finding(code, "warning", "", message, {"limit": str(limit)}),)
    return ()


def check_resume(case: Case, end: date) -> tuple[Finding, ...]:
    """Find what forbids that the hold of a case ends on a day."""
    code = case.process.hold.end
    if case.status != "on_hold":
        return (Finding(code, "error", "", NOT_ON_HOLD),)
    if end < case.holds[-1].start:
        return (Finding(code, "error", "", "Tauon loppu on ennen sen alkua."),)
    return ()


def infer_case_phase(case: Case) -> str | None:
    """Return the phase that the records in force speak for: a check, never a change."""
    reached = [call_or_none(known.record.infer_phase, case) for known in case.list_current_records()]
    return max((phase for phase in reached if phase), default=None, key=list(case.process.phases).index)


def find_moves(case: Case, record: Form, correction: bool = False) -> tuple[tuple[Move, ...], tuple[Finding, ...]]:
    """Return the moves that the record makes, or the finding why it makes none.

    Exactly one move fits the phase; two are a mistake in the schemas. A move may be followed
    by another one of the same document (a referral that arrives with its decision). A
    correction of a record that the case already has may also make no move at all, and so may a
    form in one of its ``allowed_phases``; a correction is all that a closed case takes, and only of
    the form that closed it. A form of the unit moves no case.
    """
    if record.is_of_unit(case.case_id):
        return (), ()
    if case.status == "closed" and not (correction and can_end_case(record)):
        return (), (Finding("R88", "error", "", CASE_CLOSED),)
    first = find_fitting_move(record, case, case.phase)
    if first:
        second = find_fitting_move(record, case, first.target, first.then) if first.then else None
        return (first, second) if second else (first,), ()
    if correction or case.phase in record.allowed_phases:
        return (), ()
    phase = case.process.get_phase_name(case.phase)
    message = Reason.TRANSITION_NOT_ALLOWED.message
    return (), (Finding(record.moves[0].id, "error", "", message, {"phase": phase}),)


def can_end_case(form: Form | type[Form]) -> bool:
    """Tell whether a form ends a case."""
    return any(move.target == CLOSED for move in form.moves)


def find_fitting_move(record: Form, case: Case, phase: str | None, among: tuple[str, ...] = ()) -> Move | None:
    """Return the one move, among those named if any are, that fits the phase and the record."""
    fits = [
        move
        for move in record.moves
        if move.source == phase and (not among or move.id in among) and call_or_none(move.when, record, case)
    ]
    if len(fits) > 1:
        raise LookupError(f"{record.id}: {', '.join(move.id for move in fits)} fit at once")
    return fits[0] if fits else None
