"""Text: lines, paragraphs and names."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import date
from typing import Annotated, ClassVar

from formgen.fields.base import FieldType, Json, Misread, Reading
from formgen.i18n import N_, translate

TOO_LONG = N_("Teksti on liian pitkä: enintään {most} merkkiä.")


@dataclass(frozen=True, kw_only=True)
class Text(FieldType):
    """Short text in one line, ``max_length`` characters at most."""

    type: ClassVar[str] = "text"
    accepts: ClassVar[str] = N_("Lyhyt teksti.")
    max_length: int = 200

    def parse_text(self, text: str, today: date) -> Reading:
        """Parse the text; too long a text is a `Misread`."""
        if len(text) > self.max_length:
            raise Misread("range", TOO_LONG, most=str(self.max_length))
        return Reading(text)

    def describe_accepted_input(self, language: str = "fi") -> str:
        """Describe the accepted input and its greatest length."""
        most = translate("Enintään {most} merkkiä.", language, most=self.max_length)
        return f"{super().describe_accepted_input(language)} {most}"

    def build_schema(self) -> Json:
        """Build the schema of a string with its greatest length."""
        return {"type": "string", "maxLength": self.max_length}


@dataclass(frozen=True, kw_only=True)
class LongText(Text):
    """Text of several lines; tabs and line breaks stay."""

    type: ClassVar[str] = "long"
    accepts: ClassVar[str] = N_("Tekstiä, tarvittaessa usealla rivillä.")
    multiline: ClassVar[bool] = True
    max_length: int = 2000


@dataclass(frozen=True, kw_only=True)
class NameText(Text):
    """A person's name: letters of any script, space, hyphen, apostrophe, full stop."""

    accepts: ClassVar[str] = N_("Nimi kirjaimin, esimerkiksi Mäki-Korpela.")

    def parse_text(self, text: str, today: date) -> Reading:
        """Parse the name as written; digits and other signs are a `Misread`."""
        if not all(unicodedata.category(sign)[0] in "LM" or sign in " -'’.–" for sign in text):
            raise Misread("format", "Nimessä saa olla kirjaimia, välilyöntejä, yhdysviivoja ja heittomerkkejä.")
        return super().parse_text(text, today)


Line = Annotated[str, Text]
Long = Annotated[str, LongText]
Name = Annotated[str, NameText]
