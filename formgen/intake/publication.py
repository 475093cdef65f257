"""What a decision on a submission becomes for others: the record, or why there is none, and the event."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import datetime

from formgen import __version__, formats
from formgen.documents.extraction import Answer
from formgen.errors import Finding
from formgen.i18n import clean_text, translate
from formgen.intake.answers import classify_change
from formgen.intake.identify import IdentifiedDocument
from formgen.intake.outcomes import Accepted, Decision, Rejected
from formgen.issuing.correction import explain_field
from formgen.publishing.contract import (
    DigitalSignature,
    Error,
    Event,
    FieldProvenance,
    Issue,
    Phase,
    Provenance,
    Record,
    Rejection,
    Signature,
    Source,
)
from formgen.storage.moments import format_timestamp
from formgen.storage.rows import Submission


def build_rejection(row: Submission, decision: Decision) -> Rejection:
    """Build why a submission was not accepted: the case is the one that it named itself."""
    form = decision.about.form if decision.about else None
    claim = decision.about.claim if decision.about else ""
    return Rejection(
        code=decision.code if isinstance(decision, Rejected) else None,
        errors=tuple(
            Error.model_validate(
                {
                    **build_issue(found, decision.language).model_dump(),
                    **explain_field(form, found.field, decision.language),
                }
            )
            for found in decision.findings
            if found.severity != "warning"
        ),
        file_name=row.file_name,
        sha256=row.sha256 or None,
        form=decision.form,
        case_id=decision.case_id if claim == decision.case_id else None,
        received_at=row.received_at,
        producer=decision.producer or None,
    )


def build_record(
    row: Submission, accepted: Accepted, record_id: str | None, case_id: str | None, at: datetime
) -> Record:
    """Build the record of an accepted document."""
    record, about, replaces = accepted.record, accepted.about, accepted.replaces
    return Record(
        record_id=record_id,
        form=record.id,
        form_version=record.version,
        instance_id=str(about.identity.instance),
        submission_id=row.submission_id or None,
        case_id=case_id,
        version_no=replaces.version_no + 1 if replaces else 1,
        supersedes=replaces.record_id if replaces else None,
        language=about.language,
        phase=Phase(
            before=about.case.phase,
            after=accepted.moves[-1].target if accepted.moves else about.case.phase,
            transitions=tuple(move.id for move in accepted.moves),
        ),
        data=record.model_dump(mode="json"),
        signatures={
            role: Signature.model_validate(block.model_dump(mode="json"))
            for role, block in record.list_signatures().items()
        },
        issues=tuple(build_issue(found, about.language) for found in accepted.findings),
        provenance=build_provenance(row, accepted, at),
    )


def build_provenance(row: Submission, accepted: Accepted, at: datetime) -> Provenance:
    """Build where a record comes from."""
    extraction, confirmed = accepted.about.extraction, accepted.confirmed
    return Provenance(
        file_name=row.file_name,
        sha256=row.sha256,
        size=row.size,
        media_type=formats.find_media_type(extraction.reader),
        channel=row.channel,
        received_at=row.received_at,
        processed_at=format_timestamp(at),
        software=f"formgen {__version__}",
        reader=extraction.reader,
        producer=extraction.producer or None,
        confirmed_by=confirmed.person if confirmed else None,
        confirmed_at=format_timestamp(at) if confirmed else None,
        fields=tuple(trace_fields(accepted.about, confirmed.answers if confirmed else {})),
        facts=extraction.facts,
        digital_signatures=tuple(DigitalSignature(**asdict(seal)) for seal in extraction.digital_signatures),
    )


def trace_fields(about: IdentifiedDocument, confirmed: Mapping[str, Answer]) -> Iterator[FieldProvenance]:
    """Trace each field in which something stands, was known or was decided.

    ``confirmed`` are the answers on which a person has decided, as they were read.
    """
    for path, answer in about.extraction.answers.items():
        decided = confirmed.get(path)
        if answer.text or about.given.get(path) or (decided and decided.text):
            yield trace_field(about, path, answer, decided)


def trace_field(about: IdentifiedDocument, path: str, answer: Answer, decided: Answer | None) -> FieldProvenance:
    """Tell what stood in a field, and what its sender and whoever has checked it did there.

    ``decided`` is what was read where a person has decided.
    """
    source = about.sources.get(path.partition(".")[0]) if about.given.get(path) else None
    same = decided and clean_text(decided.text) == clean_text(answer.text)
    return FieldProvenance.model_validate(
        {
            "path": path,
            "raw": answer.text,
            "layer": answer.layer,
            "confidence": answer.confidence,
            "change": classify_change(about, path) or "blanked",
            "source": Source.model_validate(source) if source else None,
            "decided": ("confirmed" if same else "changed") if decided else None,
            "read": decided.text if decided and not same else None,
        }
    )


def name_event(row: Submission) -> str:
    """Name the outcome of a submission as the feed does."""
    return "record.accepted" if row.outcome == "accepted" else f"submission.{row.outcome}"


def build_event(row: Submission, seq: int, path: str | None) -> Event:
    """Build the line of the feed on a settled submission; ``path`` is what was published of it, below the outbox."""
    return Event.model_validate(
        {
            "seq": seq,
            "event": name_event(row),
            "at": row.processed_at,
            "submission_id": row.submission_id,
            "sha256": row.sha256 or None,
            "form": row.form,
            "case_id": row.case_id,
            "record_id": row.record_id,
            "first": row.first_id,
            "waits_for": row.waits_for,
            "code": row.code,
            "path": path,
        }
    )


def build_issue(found: Finding, language: str) -> Issue:
    """Build a finding in a language."""
    message = translate(found.message, language, **found.values)
    return Issue(code=found.code, severity=found.severity, field=found.field, message=message)
