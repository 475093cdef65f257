"""What a decision on a submission becomes for others: the record, or why there is none, and the event."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime

from formgen import __version__, formats
from formgen.documents.extraction import Answer
from formgen.errors import Finding
from formgen.i18n import clean_text, translate
from formgen.intake.decide import IdentifiedDocument, Verdict, classify_change
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
from formgen.storage.journal import Row, format_timestamp


def build_rejection(row: Row, verdict: Verdict) -> Rejection:
    """Build why a submission was not accepted: the case is the one that it named itself."""
    form = verdict.about.form if verdict.about else None
    claim = verdict.about.claim if verdict.about else ""
    return Rejection(
        code=verdict.code,
        errors=tuple(
            Error.model_validate(
                {
                    **build_issue(found, verdict.language).model_dump(),
                    **explain_field(form, found.field, verdict.language),
                }
            )
            for found in verdict.findings
            if found.severity != "warning"
        ),
        file_name=row["file_name"],
        sha256=row["sha256"] or None,
        form=verdict.form,
        case_id=verdict.case_id if claim == verdict.case_id else None,
        received_at=row["received_at"],
        producer=verdict.producer or None,
    )


def build_record(row: Row, verdict: Verdict, record_id: str | None, case_id: str | None, at: datetime) -> Record:
    """Build the record of an accepted document."""
    record, about, replaces = verdict.record, verdict.about, verdict.replaces
    assert record, "only a whole record is published"
    assert about, "a record is of a document of ours"
    return Record(
        record_id=record_id,
        form=record.id,
        form_version=record.version,
        instance_id=str(about.identity.instance),
        submission_id=row.get("submission_id"),
        case_id=case_id,
        version_no=replaces.version_no + 1 if replaces else 1,
        supersedes=replaces.record_id if replaces else None,
        language=about.language,
        phase=Phase(
            before=about.case.phase,
            after=verdict.moves[-1].target if verdict.moves else about.case.phase,
            transitions=tuple(move.id for move in verdict.moves),
        ),
        data=record.model_dump(mode="json"),
        signatures={
            role: Signature.model_validate(block.model_dump(mode="json"))
            for role, block in record.list_signatures().items()
        },
        issues=tuple(build_issue(found, about.language) for found in verdict.findings),
        provenance=build_provenance(row, verdict, about, at),
    )


def build_provenance(row: Row, verdict: Verdict, about: IdentifiedDocument, at: datetime) -> Provenance:
    """Build where a record comes from."""
    sheet = about.sheet
    return Provenance(
        file_name=row["file_name"],
        sha256=row["sha256"],
        size=row["size"],
        media_type=formats.find_media_type(sheet.reader),
        channel=row["channel"],
        received_at=row["received_at"],
        processed_at=format_timestamp(at),
        software=f"formgen {__version__}",
        reader=sheet.reader,
        producer=sheet.producer or None,
        confirmed_by=verdict.confirmed_by,
        confirmed_at=format_timestamp(at) if verdict.confirmed_by else None,
        fields=tuple(trace_fields(about)),
        facts=sheet.facts,
        digital_signatures=tuple(DigitalSignature(**asdict(seal)) for seal in sheet.digital_signatures),
    )


def trace_fields(about: IdentifiedDocument) -> Iterator[FieldProvenance]:
    """Yield what stood in each field in which something stands, was known or was decided."""
    for path, answer in about.sheet.answers.items():
        decided = about.decided.get(path)
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


def name_event(row: Row) -> str:
    """Return what the feed calls the outcome of a submission."""
    return "record.accepted" if row["outcome"] == "accepted" else f"submission.{row['outcome']}"


def build_event(row: Row, seq: int, path: str | None) -> Event:
    """Build the line of the feed on a settled submission; ``path`` is what was published of it, below the outbox."""
    return Event.model_validate(
        {
            "seq": seq,
            "event": name_event(row),
            "at": row["processed_at"],
            "submission_id": row["submission_id"],
            "sha256": row["sha256"] or None,
            "form": row["form"],
            "case_id": row["case_id"],
            "record_id": row["record_id"],
            "first": row["first_id"],
            "waits_for": row["waits_for"],
            "code": row["code"],
            "path": path,
        }
    )


def build_issue(found: Finding, language: str) -> Issue:
    """Build a finding in a language."""
    message = translate(found.message, language, **found.values)
    return Issue(code=found.code, severity=found.severity, field=found.field, message=message)
