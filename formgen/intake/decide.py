"""The decision on a submission: what it says, whether the rules and the process allow it.

Nothing is written here; `pipeline` settles what is decided.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property

from formgen.cases.workflow import HiddenCase, find_moves
from formgen.documents.extraction import UNSEEN, Extraction
from formgen.errors import Finding, Reason, Unreadable
from formgen.forms.form import Form
from formgen.forms.registry import Registry
from formgen.forms.validate import ValidationResult, validate_extraction
from formgen.intake.answers import (
    find_changed_known_answers,
    find_changed_locked_answers,
    find_corrected_record,
    find_missing_person,
    find_newer_document,
    find_other_case,
    find_other_person,
    find_replaced_record,
    get_document_date,
    is_unsure,
    names_client,
)
from formgen.intake.identify import DocumentIdentifier, IdentifiedDocument
from formgen.intake.outcomes import (
    Accepted,
    Duplicate,
    Outcome,
    Rejected,
    classify,
    reject_unreadable_file,
    review_doubtful_errors,
)
from formgen.intake.reading import DocumentReader
from formgen.settings import WorkspaceFolder
from formgen.storage.database import dump_json
from formgen.storage.journal import Journal


@dataclass(frozen=True)
class DecisionEngine:
    """Where submissions are decided: the forms and the journal, with the keys, of one workspace."""

    workspace: WorkspaceFolder
    journal: Journal
    registry: Registry

    @cached_property
    def reader(self) -> DocumentReader:
        """Where files are read."""
        return DocumentReader(self.workspace, self.journal, self.registry)

    @cached_property
    def identifier(self) -> DocumentIdentifier:
        """Where documents are recognised."""
        return DocumentIdentifier(self.workspace, self.journal, self.registry)

    def decide_file(self, data: bytes, received: datetime) -> Outcome:
        """Read the bytes of a file and decide on them."""
        return self.identify_and_decide(self.read_or_reject(data), received)

    def read_or_reject(self, data: bytes) -> Extraction | Rejected:
        """Read what stands in a file, or reject one that cannot be read."""
        try:
            return self.reader.read_document(data)
        except Unreadable as error:
            return reject_unreadable_file(error, self.workspace.office.language)

    def identify_and_decide(self, found: Extraction | Rejected, received: datetime) -> Outcome:
        """Decide on what was found in a file."""
        if isinstance(found, Rejected):
            return found
        try:
            return review_doubtful_errors(self.decide(self.identifier.identify(found, received)))
        except Unreadable as error:
            return reject_unreadable_file(error, self.identifier.find_language(found), found.producer)

    def reject_oversized_file(self) -> Rejected:
        """Reject a file that is too large to be read."""
        return reject_unreadable_file(Unreadable(Reason.TOO_LARGE), self.workspace.office.language)

    def decide(self, about: IdentifiedDocument) -> Outcome:
        """Decide on a document of ours: its answers, its rules, the process."""
        if not about.known:
            finding = Finding(Reason.UNKNOWN_CASE.rule, "error", "", Reason.UNKNOWN_CASE.message)
            return Rejected(about=about, findings=(finding,), code=Reason.UNKNOWN_CASE)
        corrects = find_corrected_record(about)
        own = {row.instance_id for row in about.earlier} or {corrects.instance_id if corrects else ""}
        judged = validate_extraction(
            about.form, about.extraction, about.case.exclude_documents(*own), get_document_date(about)
        )
        record = judged.record
        replaces = corrects or (find_replaced_record(about, record) if record else None)
        findings = (
            *judged.findings,
            *about.doubts,
            *find_changed_locked_answers(about),
            *find_changed_known_answers(about),
            *find_missing_person(about),
            *find_newer_document(about, corrects, record),
            *find_other_case(about),
        )
        findings = (*findings, *find_other_person(about, record, replaces, findings))
        told = tuple(self.find_told(about, judged))
        if record is None or any(found.severity == "error" for found in findings):
            return classify(about, findings, told, None)
        key = self.journal.encryptor.compute_digest(compute_answers_digest(record))
        if same := next((row for row in about.earlier if row.answers_key == key), None):
            return Duplicate(about=about, findings=findings, first_id=same.submission_id)
        moves, stopped = find_moves(about.case, record, correction=corrects is not None)
        findings, told = (*findings, *stopped), (*told, *(stopped if names_client(about) else ()))
        accepted = Accepted(about=about, findings=findings, told=told, record=record, moves=moves, replaces=replaces)
        return classify(about, findings, told, None if stopped else accepted, Reason.TRANSITION_NOT_ALLOWED)

    def find_told(self, about: IdentifiedDocument, judged: ValidationResult) -> Iterator[Finding]:
        """Find what the sender of a document may be told of it: its errors, and what they may write more plainly.

        A document that is not as it went out where it says whose it is is judged without its case.
        """
        extraction = about.extraction
        if not names_client(about):
            seen = {path: answer for path, answer in extraction.answers.items() if answer.layer not in UNSEEN}
            case = HiddenCase(about.case.today, self.workspace.office, self.registry.ids)
            judged = validate_extraction(about.form, replace(extraction, answers=seen), case, get_document_date(about))
        for found in judged.findings:
            if found.severity == "error" or is_unsure(about, found):
                yield found


def compute_answers_digest(record: Form) -> str:
    """Compute a digest of what a record says: the same answers give the same key."""
    return hashlib.sha256(dump_json(record.model_dump(mode="json")).encode()).hexdigest()
