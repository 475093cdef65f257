"""The rows of the database as dataclasses, named after what they hold; moments are ISO 8601 in UTC.

A field has the name of its column. What says something of people is in the clear here, and sealed only where it lies.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from formgen.publishing.contract import Record, Rejection


@dataclass(frozen=True, kw_only=True)
class Submission:
    """A file that came back, and what became of it; without an ``outcome`` it is in work.

    ``sha256`` is empty for a file too large to be kept; ``source`` is a digest of where it lay; ``first_id`` is the
    submission that a duplicate repeats; ``reply_id`` the form that a rejected one is answered with.
    """

    submission_id: str
    sha256: str
    file_name: str
    size: int
    channel: str
    source: str = ""
    received_at: str
    attempts: int = 0
    outcome: str | None = None
    code: str | None = None
    form: str | None = None
    instance_id: str | None = None
    case_id: str | None = None
    record_id: str | None = None
    first_id: str | None = None
    waits_for: str | None = None
    rejected_as: str | None = None
    reply_id: str | None = None
    reason: str | None = None
    language: str | None = None
    processed_at: str | None = None

    @cached_property
    def rejection(self) -> Rejection:
        """Why it was not accepted, or is not yet."""
        return Rejection.model_validate_json(self.reason or "")


@dataclass(frozen=True, kw_only=True)
class IssuedDocument:
    """A document that went out, with what it showed: ``answers`` by path, ``sources`` by field.

    A reply to a rejected submission ``corrects`` the document that was issued first: ``given`` are the answers of
    that one, and ``made_for`` the case that it was made for.
    """

    instance_id: str
    form: str
    version: str
    case_id: str | None
    language: str
    format: str
    answers: Mapping[str, str] = field(default_factory=dict)
    sources: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    omitted: tuple[str, ...] = ()
    corrects: str | None = None
    key: str | None = None
    issued_at: str
    given: Mapping[str, str] = field(default_factory=dict)
    made_for: str = ""


@dataclass(frozen=True, kw_only=True)
class StoredRecord:
    """An accepted record; ``payload`` is what is published of it, ``answers_key`` a digest of its answers."""

    record_id: str
    case_id: str | None
    form: str
    version: str
    instance_id: str
    answers_key: str
    version_no: int
    supersedes: str | None
    submission_id: str
    payload: str

    @cached_property
    def content(self) -> Record:
        """What is published of it."""
        return Record.model_validate_json(self.payload)


class RecordPlace(NamedTuple):
    """Where a record lies: its id, case and form."""

    record_id: str
    case_id: str | None
    form: str


@dataclass(frozen=True, kw_only=True)
class StoredCase:
    """A case that has been opened, and the one that it continues."""

    case_id: str
    prefix: str
    year: int
    number: int
    opened_at: str
    previous: str | None = None


@dataclass(frozen=True, kw_only=True)
class StoredStep:
    """A step of a case: what moved it, from which phase to which, and who coaches from then on."""

    case_id: str
    seq: int
    record_id: str | None = None
    form: str
    transition: str | None
    phase_before: str | None
    phase_after: str | None
    coach: str | None
    note: str | None = None
    at: str


@dataclass(frozen=True, kw_only=True)
class StoredEvent:
    """What became of a submission, in the order in which others are told; ``body`` is its line in the feed."""

    seq: int
    event: str
    submission_id: str
    body: str


@dataclass(frozen=True, kw_only=True)
class NotedProblem:
    """What cannot be done now: the stage of the work, its subject, why, and since when.

    ``place`` is a file in the inbox and ``signature`` how it looked, where it is of a file.
    """

    stage: str
    subject: str
    place: str = ""
    signature: str = ""
    cause: str
    since: str


@dataclass(frozen=True, kw_only=True)
class SigningKey:
    """What is written down of a signing key, and of its revocation."""

    name: str
    fingerprint: str
    made_at: str
    state: str
    revoked_at: str | None = None
    revoked_by: str | None = None
    remark: str | None = None


@dataclass(frozen=True, kw_only=True)
class AccessLine:
    """A line of the access log: who did what, when, to which submission, record or case."""

    seq: int
    at: str
    actor: str
    command: str
    action: str
    submission_id: str | None
    record_id: str | None
    case_id: str | None
    written: str | None
    digest: str | None
    prev: str
    hash: str
