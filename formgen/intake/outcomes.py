"""What becomes of a submission: one type for each outcome, with what it needs and nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import ClassVar

from formgen.cases.workflow import CaseRecord, Move
from formgen.documents.extraction import Answer
from formgen.errors import CutOff, Finding, Reason, Unreadable
from formgen.forms.form import Form
from formgen.intake.identify import IdentifiedDocument
from formgen.issuing.correction import NOTHING_TO_MEND


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What every outcome has: what was found, and the document it is about, None for a file that is none of ours.

    ``told`` are the findings of which the sender may be told, None where that is all errors.
    """

    outcome: ClassVar[str]
    about: IdentifiedDocument | None = None
    findings: tuple[Finding, ...] = ()
    told: tuple[Finding, ...] | None = None

    @property
    def form(self) -> str | None:
        """The id of the form, or None."""
        return self.about.form.id if self.about else None

    @property
    def case_id(self) -> str | None:
        """The id of the case there is, or None."""
        return (self.about.case.case_id or None) if self.about else None

    @property
    def producer(self) -> str:
        """The program that has saved the document, where it is known."""
        return self.about.extraction.producer if self.about else ""

    @property
    def language(self) -> str:
        """The language in which the sender is answered: that of the document."""
        return self.about.language if self.about else ""

    def select_findings(self, severity: str) -> tuple[Finding, ...]:
        """Select the findings of one severity."""
        return tuple(found for found in self.findings if found.severity == severity)


@dataclass(frozen=True, kw_only=True)
class Confirmation:
    """Who has decided on a submission in review; ``answers`` are those on which they did, as they were read."""

    person: str
    answers: dict[str, Answer] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Accepted(Decision):
    """A document that becomes a record: by its ``moves`` in the case, in the place of the record it ``replaces``."""

    outcome = "accepted"
    about: IdentifiedDocument
    record: Form
    moves: tuple[Move, ...] = ()
    replaces: CaseRecord | None = None
    confirmed: Confirmation | None = None


@dataclass(frozen=True, kw_only=True)
class InReview(Decision):
    """A document that a person must look at; ``accepted`` is what it becomes if they find nothing wrong with it."""

    outcome = "review"
    about: IdentifiedDocument
    accepted: Accepted | None = None


@dataclass(frozen=True, kw_only=True)
class Waiting(Decision):
    """A document that an earlier one must come before; ``waits_for`` is the form of that one."""

    outcome = "waiting"
    about: IdentifiedDocument
    waits_for: str


@dataclass(frozen=True, kw_only=True)
class Rejected(Decision):
    """A file that is not taken, and the reason.

    ``cut_off`` tells that the reader did not come to its end, so that another attempt may; ``saved_by`` is the
    program that has saved a file that is none of ours, ``reply_language`` the language in which it is answered.
    """

    outcome = "rejected"
    code: Reason
    cut_off: bool = False
    saved_by: str = ""
    reply_language: str = ""

    @property
    def producer(self) -> str:
        """The program that has saved the file, where it is known."""
        return super().producer or self.saved_by

    @property
    def language(self) -> str:
        """The language in which the sender is answered."""
        return super().language or self.reply_language


@dataclass(frozen=True, kw_only=True)
class Duplicate(Decision):
    """A submission that repeats another: the same file, or the same answers of the same document."""

    outcome = "duplicate"
    first_id: str


Outcome = Accepted | InReview | Waiting | Rejected | Duplicate


def reject_unreadable_file(error: Unreadable, language: str, producer: str = "") -> Rejected:
    """Reject a file that is none of ours or cannot be read, answering in a language."""
    finding = Finding(error.code.rule, "error", "", error.message, error.values)
    return Rejected(
        code=error.code,
        findings=(finding,),
        cut_off=isinstance(error, CutOff),
        saved_by=producer,
        reply_language=language,
    )


def reject_undecided(decision: Outcome, code: Reason) -> Rejected:
    """Reject what was not accepted, for its own reason where it has one."""
    if isinstance(decision, Rejected):
        return decision
    return Rejected(about=decision.about, findings=decision.findings, told=decision.told, code=code)


def classify(
    about: IdentifiedDocument,
    findings: tuple[Finding, ...],
    told: tuple[Finding, ...],
    accepted: Accepted | None,
    code: Reason | None = None,
) -> Outcome:
    """Choose the outcome of a document by its findings.

    It waits when only an earlier form is missing, and is in review when it is only in doubt. ``accepted`` is what
    it becomes when nothing is wrong, ``code`` the reason when something is.
    """
    errors = [found for found in findings if found.severity == "error"]
    if errors and all(found.waits_for for found in errors):
        return Waiting(about=about, findings=findings, told=told, waits_for=errors[0].waits_for)
    if not errors and any(found.severity == "review" for found in findings):
        return InReview(about=about, findings=findings, told=told, accepted=accepted)
    if errors or accepted is None:
        return Rejected(about=about, findings=findings, told=told, code=code or choose_reason(findings))
    return accepted


def review_doubtful_errors(decision: Outcome) -> Outcome:
    """Leave each error at a place that was not read surely to a person: its sender may have written it right."""
    if not isinstance(decision, Rejected) or decision.about is None or decision.code is not Reason.INVALID_VALUES:
        return decision
    read = decision.about.extraction.answers

    def lower_severity(found: Finding) -> Finding:
        unsure = found.severity == "error" and found.field in read and read[found.field].confidence < 1
        return replace(found, severity="review") if unsure else found

    findings, told = (tuple(map(lower_severity, found)) for found in (decision.findings, decision.told or ()))
    return classify(decision.about, findings, told, None, decision.code)


def answer_sender(decision: Outcome) -> Outcome:
    """Cut a rejection down to what its sender is told: nothing that they neither brought nor may know."""
    if not isinstance(decision, Rejected) or decision.told is None:
        return decision
    told, errors = decision.told, {found for found in decision.told if found.severity == "error"}
    if errors == {*decision.select_findings("error")}:
        return replace(decision, findings=told)
    if errors:
        return replace(decision, code=choose_reason(told), findings=told)
    nothing = Finding(Reason.BAD_IDENTITY.rule, "error", "", NOTHING_TO_MEND)
    return replace(decision, code=Reason.BAD_IDENTITY, findings=(nothing,))


def choose_reason(findings: Iterable[Finding]) -> Reason:
    """Choose the reason for a rejection: the process only when nothing is wrong that an answer would mend."""
    errors = [found for found in findings if found.severity == "error"]
    process = errors and all(found.waits_for or found.code.startswith("T") or not found.field for found in errors)
    return Reason.TRANSITION_NOT_ALLOWED if process else Reason.INVALID_VALUES
