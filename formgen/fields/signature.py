"""Signatures: who signed, when and where."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict

from formgen.fields.base import FieldType, Json
from formgen.fields.dates import DayDate
from formgen.fields.text import Text
from formgen.i18n import N_


class SignatureValue(BaseModel):
    """Who signed, when and where; ``method`` is how: ``typed``, ``paper`` or ``oral``."""

    model_config = ConfigDict(frozen=True)

    name: str
    date: date
    place: str | None = None
    method: str = "typed"


@dataclass(frozen=True, kw_only=True)
class SignatureBlock(FieldType):
    """A signature block, asked as the questions of `SIGNATURE_PARTS`."""

    type: ClassVar[str] = "sign"
    accepts: ClassVar[str] = N_("Nimi ja päivämäärä.")

    def build_schema(self) -> Json:
        """Build the schema of an object of the parts."""
        parts = {name: {**kind.build_schema(), "title": label} for name, (label, kind) in SIGNATURE_PARTS.items()}
        parts["place"] = {"type": ["string", "null"], "title": SIGNATURE_PARTS["place"][0]}
        parts["method"] = {"type": "string", "title": "Tapa"}
        return {"type": "object", "properties": parts, "required": list(parts), "additionalProperties": False}


SIGNATURE_PARTS: dict[str, tuple[str, FieldType]] = {
    "name": ("Nimi", Text(max_length=80)),
    "date": ("Päivä", DayDate()),
    "place": ("Paikka", Text(max_length=80)),
}

Signature = Annotated[SignatureValue, SignatureBlock]
