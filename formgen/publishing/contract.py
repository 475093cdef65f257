"""What other systems read: the record, the reason for a rejection, the events of the feed.

The JSON Schemas (draft 2020-12) are made from these models, and what is written is one of them. Keys
come in the order in which they stand here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from formgen.errors import Reason, Severity
from formgen.fields import Json
from formgen.forms.form import Form
from formgen.forms.json_schema import DRAFT, build_json_schema

Moment = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
Day = Annotated[str, Field(json_schema_extra={"format": "date"})]
Uuid = Annotated[str, Field(json_schema_extra={"format": "uuid"})]
Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class PublishedModel(BaseModel):
    """Something that is published: keys may be added in later versions, and none goes."""

    model_config = ConfigDict(frozen=True, defer_build=True)


# --- the record -------------------------------------------------------------------------------


class Phase(PublishedModel):
    """The phase of the case before and after a record, and the moves between."""

    before: str | None
    after: str | None
    transitions: tuple[str, ...]


class Signature(PublishedModel):
    """Who has signed, when, where and how."""

    name: str
    date: Day
    place: str | None = None
    method: str


class Issue(PublishedModel):
    """A finding: its code, how severe it is, the path of the field or nothing, what is said of it."""

    code: str = Field(title="Koodi")
    severity: Severity = Field(title="Vakavuus")
    field: str = Field(title="Kohta")
    message: str = Field(title="Viesti")


class Source(PublishedModel):
    """The record and the field (``form.field``) that a value was prefilled from."""

    record_id: str
    field: str


class FieldProvenance(PublishedModel):
    """What stood in a field, how it was read, what its sender and whoever has checked it did there."""

    path: str = Field(title="Kohta")
    raw: str
    layer: str
    confidence: float = Field(ge=0, le=1)
    change: Literal["new", "confirmed", "changed", "blanked"] = Field(title="Muutos")
    source: Source | None = Field(default=None, title="Lähde")
    decided: Literal["confirmed", "changed"] | None = Field(default=None, title="Mitä tarkistaja teki")
    read: str | None = Field(default=None, title="Mitä luettiin ennen tarkistajan muutosta")


class DigitalSignature(PublishedModel):
    """A digital signature in a document: what of the file it covers, and the certificate that it is trusted by."""

    signer: str = Field(title="Allekirjoittaja")
    signed_at: str = Field(title="Aika")
    covers: Literal["file", "revision"] = Field(title="Kattaa")
    root: str = Field(title="Luotettu varmenne")


class Provenance(PublishedModel):
    """Where a record comes from: the file, how it came, how it was read, who has confirmed it."""

    file_name: str
    sha256: Digest
    size: int
    media_type: str
    channel: str
    received_at: Moment
    processed_at: Moment
    software: str
    reader: str
    producer: str | None = Field(title="Tallentanut ohjelma")
    confirmed_by: str | None = Field(title="Vahvistanut")
    confirmed_at: Moment | None = Field(title="Vahvistettu")
    fields: tuple[FieldProvenance, ...]
    facts: tuple[str, ...] = Field(title="Mitä tiedostossa oli muuta")
    digital_signatures: tuple[DigitalSignature, ...] = Field(title="Sähköiset allekirjoitukset")


class Record(PublishedModel):
    """An accepted form. One that is only read has no id yet, and no case where it would open one."""

    record_schema: Literal["formgen.record/2"] = Field(default="formgen.record/2", title="Tietueen muoto")
    record_id: Uuid | None = Field(title="Tietueen tunniste")
    form: str = Field(title="Lomake")
    form_version: str = Field(title="Lomakkeen versio")
    instance_id: Uuid = Field(title="Asiakirjan tunniste")
    submission_id: Uuid | None = Field(title="Palautuksen tunniste")
    case_id: str | None = Field(title="Asian tunniste")
    version_no: int = Field(ge=1, title="Versio")
    supersedes: Uuid | None = Field(title="Korvaa tietueen")
    language: str = Field(title="Kieli")
    phase: Phase = Field(title="Vaihe")
    data: dict[str, Any] = Field(title="Lomakkeen tiedot")
    signatures: dict[str, Signature] = Field(title="Allekirjoitukset")
    issues: tuple[Issue, ...] = Field(title="Huomautukset")
    provenance: Provenance = Field(title="Alkuperä")


# --- why there is none --------------------------------------------------------------------------


class Error(Issue):
    """A finding as a sender is answered with it: how its place is called, what can be written there, an example."""

    label: str = Field(default="", title="Kohdan nimi")
    accepts: str = Field(default="", title="Mitä kohtaan voi kirjoittaa")
    example: str = Field(default="", title="Esimerkki")


class Rejection(PublishedModel):
    """Why a submission was not accepted."""

    code: Reason | None = Field(title="Syy")
    errors: tuple[Error, ...] = Field(title="Virheet")
    file_name: str = Field(title="Tiedosto")
    sha256: Digest | None
    form: str | None
    case_id: str | None
    received_at: Moment
    producer: str | None = Field(title="Tallentanut ohjelma")


# --- the feed -----------------------------------------------------------------------------------


class Event(PublishedModel):
    """A line of the feed: something that was written down."""

    seq: int = Field(ge=1, title="Järjestysnumero")
    event: Literal[
        "record.accepted",
        "submission.review",
        "submission.waiting",
        "submission.rejected",
        "submission.duplicate",
    ] = Field(title="Tapahtuma")
    at: Moment
    submission_id: Uuid
    sha256: Digest | None
    form: str | None
    case_id: str | None
    record_id: Uuid | None = Field(title="Tietue")
    first: Uuid | None = Field(title="Ensimmäinen")
    waits_for: str | None = Field(title="Odottaa lomaketta")
    code: Reason | None = Field(title="Syy")
    path: str | None = Field(title="Tiedosto")


# --- schemas --------------------------------------------------------------------------------------


def build_schemas(forms: Iterable[type[Form]]) -> dict[str, Json]:
    """Build every published JSON Schema, by file name."""
    forms = list(forms)
    found = {f"{form.id}.schema.json": build_json_schema(form) for form in forms}
    published: Mapping[str, tuple[type[PublishedModel], str]] = {
        "record": (Record, "Tietue"),
        "reason": (Rejection, "Hylkäyksen syy"),
        "feed": (Event, "Tapahtuma"),
    }
    for name, (model, title) in published.items():
        body = model.model_json_schema(mode="serialization")
        found[f"{name}.schema.json"] = {
            "$schema": DRAFT,
            "$id": f"urn:formgen:schema:{name}:2",
            **body,
            "title": title,
            "description": model.__doc__,
        }
    record = found["record.schema.json"]
    record["properties"]["form"]["enum"] = [form.id for form in forms]
    record["allOf"] = [
        {
            "if": {"properties": {"form": {"const": form.id}, "form_version": {"const": form.version}}},
            "then": {"properties": {"data": {"$ref": f"urn:formgen:schema:{form.id}:{form.version}"}}},
        }
        for form in forms
    ]
    return found
