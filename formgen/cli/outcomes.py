"""How the outcomes of submissions are shown, and the exit codes that they call for."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import typer

from formgen.cli.console import out
from formgen.cli.session import Session
from formgen.documents.extraction import UNSEEN
from formgen.intake.duplicates import find_repeat
from formgen.intake.identify import IdentifiedDocument
from formgen.intake.outcomes import Accepted, Duplicate, Outcome, answer_sender
from formgen.intake.publication import build_record, build_rejection
from formgen.storage.moments import format_timestamp
from formgen.storage.rows import Submission

REJECTED, UNSURE = 3, 4
EXIT = {"rejected": REJECTED, "review": UNSURE, "waiting": UNSURE}


def describe_decision(row: Submission, decision: Outcome, at: datetime) -> dict[str, Any]:
    """Describe a decision that is not settled as the outside contract shows it."""
    record = build_record(row, decision, None, decision.case_id, at) if isinstance(decision, Accepted) else None
    reason = build_rejection(row, answer_sender(decision)) if not isinstance(decision, (Accepted, Duplicate)) else None
    return {
        "file": row.file_name,
        "outcome": decision.outcome,
        "record": record.model_dump(mode="json") if record else None,
        "reason": reason.model_dump(mode="json") if reason else None,
        "answers": describe_answers(decision.about),
        "again": None,
    }


def describe_submission(shared: Session, row: Submission) -> dict[str, Any]:
    """Describe what became of a submission in the end, as the outside contract shows it."""
    record = shared.journal.find_record(row.record_id)
    again = find_repeat(shared.journal, shared.registry, row)
    return {
        "file": row.file_name,
        "outcome": row.outcome,
        "record": json.loads(record.payload) if record else None,
        "reason": json.loads(row.reason) if row.reason else None,
        "answers": describe_answers(shared.intake.identify_submission(row)),
        "again": again.to_dict(shared.language) if again else None,
    }


def describe_answers(about: IdentifiedDocument | None) -> dict[str, Any] | None:
    """Describe what stood in the fields, nothing that was known besides; None when the file is no form."""
    if about is None:
        return None
    return {
        path: {"text": answer.text, "layer": answer.layer, "confidence": answer.confidence}
        for path, answer in about.sheet.answers.items()
        if answer.layer not in UNSEEN
    }


def describe_file(file: Path, size: int, sha256: str, at: datetime) -> Submission:
    """Describe a file that is only read as if it had come in."""
    return Submission(
        submission_id="",
        file_name=file.name,
        sha256=sha256,
        size=size,
        channel="read",
        received_at=format_timestamp(at),
    )


def print_outcomes(shared: Session, found: list[dict[str, Any]]) -> None:
    """Print outcomes, and end with the exit code that they call for."""
    if shared.as_json:
        shared.print_json(found)
    else:
        for item in found:
            out.print(f"{item['file']}: {shared.translate(OUTCOMES[item['outcome']])}")
            if item["again"]:
                out.print(f"  {item['again']['message']}")
            problems = (item["reason"] or {}).get("errors") or (item["record"] or {}).get("issues") or ()
            for number, problem in enumerate(problems, start=1):
                for line in iter_problem_lines(shared, number, problem):
                    out.print(line)
    codes = {EXIT.get(item["outcome"], 0) for item in found}
    if code := (REJECTED if REJECTED in codes else max(codes, default=0)):
        raise typer.Exit(code)


def iter_problem_lines(shared: Session, number: int, problem: Mapping[str, str]) -> Iterator[str]:
    """Yield the lines on what is wrong at a place, as the reply to its sender says them."""
    named = f"{problem['label']}: " if problem.get("label") else ""
    where = f"{problem['code']} {problem['field']}".strip()
    yield f"  {number}. {named}{problem['message']} ({where})"
    accepts, example = problem.get("accepts", ""), problem.get("example", "")
    if accepts:
        yield f"     {shared.translate('Kelpaa: {accepts}', accepts=accepts)}"
    if example not in accepts:
        yield f"     {shared.translate('Esimerkki: {example}', example=example)}"


OUTCOMES = {
    "accepted": "hyväksytty",
    "review": "tarkistettava",
    "waiting": "odottaa toista lomaketta",
    "rejected": "hylätty",
    "duplicate": "sama on jo käsitelty",
}
