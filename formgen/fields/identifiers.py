"""Identifiers of people, firms, occupations and places, and how to reach them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, ClassVar

import phonenumbers
from email_validator import EmailNotValidError, validate_email
from stdnum.exceptions import InvalidChecksum, ValidationError
from stdnum.fi import hetu, ytunnus

from formgen.fields.base import MINUS, FieldType, Json, Misread, Reading, build_doubtful_reading, build_finding
from formgen.fields.text import Text
from formgen.i18n import N_

WRONG_BUSINESS_ID = N_("Y-tunnus ei ole oikein.")
NOT_A_PHONE = N_("Puhelinnumero ei kelpaa. Kirjoita se näin: 040 123 4567.")


@dataclass(frozen=True, kw_only=True)
class HetuText(FieldType):
    """A Finnish personal identity code, its separator a distinguishing part of it."""

    type: ClassVar[str] = "hetu"
    accepts: ClassVar[str] = N_("Henkilötunnus, 11 merkkiä.")

    def parse_text(self, text: str, today: date) -> Reading:
        """Parse the code in upper case; 900–999 is temporary and noted. No slip is mended silently."""
        number = re.sub(r"\s", "", text).upper().translate(MINUS)
        try:
            number = hetu.validate(number, allow_temporary=True)
        except InvalidChecksum as error:
            raise Misread("R04", "Henkilötunnuksen tarkistusmerkki ei täsmää.") from error
        except ValidationError as error:
            raise Misread("format", "Henkilötunnus ei ole oikean muotoinen. Tarkista jokainen merkki.") from error
        if parse_birth_date(number) > today:
            raise Misread("format", "Henkilötunnuksen syntymäaika on tulevaisuudessa.")
        if number[7:10] >= "900":
            return Reading(number, notes=(build_finding("Henkilötunnus on tilapäinen tunnus."),))
        return Reading(number)

    def build_schema(self) -> Json:
        """Build the schema of the shape of the code."""
        return {"type": "string", "pattern": "^[0-9]{6}[-+A-FU-Y][0-9]{3}[0-9A-FHJ-NPR-Y]$"}


def parse_birth_date(number: str) -> date:
    """Parse the date of birth out of a valid identity code.

    >>> parse_birth_date("150703B944J")
    datetime.date(2003, 7, 15)
    """
    century = 1800 if number[6] == "+" else 2000 if number[6] in "ABCDEF" else 1900
    return date(century + int(number[4:6]), int(number[2:4]), int(number[:2]))


@dataclass(frozen=True, kw_only=True)
class BusinessIdText(FieldType):
    """A Finnish business identity code, ``1234567-8``."""

    type: ClassVar[str] = "ytunnus"
    accepts: ClassVar[str] = N_("Y-tunnus, esimerkiksi 9000001-1.")

    def parse_text(self, text: str, today: date) -> Reading:
        """Parse the code with its hyphen; a VAT number and an old six-digit number are converted."""
        number = re.sub(r"\s", "", text).upper().translate(MINUS).removeprefix("FI")
        if re.fullmatch(r"\d{6}-\d", number):
            number = f"0{number}"
        try:
            return Reading(ytunnus.format(ytunnus.validate(number)))
        except InvalidChecksum as error:
            raise Misread("R44", WRONG_BUSINESS_ID) from error
        except ValidationError as error:
            raise Misread("format", WRONG_BUSINESS_ID) from error

    def build_schema(self) -> Json:
        """Build the schema of the shape of the code."""
        return {"type": "string", "pattern": "^[0-9]{7}-[0-9]$"}


@dataclass(frozen=True, kw_only=True)
class PhoneText(FieldType):
    """A telephone number, stored as E.164, shown in groups."""

    type: ClassVar[str] = "phone"
    accepts: ClassVar[str] = N_("Puhelinnumero, esimerkiksi 040 123 4567.")

    def parse_text(self, text: str, today: date) -> Reading:
        """Parse the number; one that no operator has in use is noted."""
        try:
            number = phonenumbers.parse(text.translate(MINUS), "FI")
        except phonenumbers.NumberParseException as error:
            raise Misread("format", NOT_A_PHONE) from error
        if not phonenumbers.is_possible_number(number):
            raise Misread("format", NOT_A_PHONE)
        value = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
        if number.extension:
            return build_doubtful_reading(value, "Puhelinnumerossa on alanumero, jota ei voi tallentaa.")
        if not phonenumbers.is_valid_number(number):
            return Reading(value, notes=(build_finding("Puhelinnumero ei näytä käytössä olevalta. Tarkista se."),))
        return Reading(value)

    def format_value(self, value: Any, language: str) -> str:
        """Format the number in international form with no-break spaces."""
        number = phonenumbers.parse(str(value), None)
        shown = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.INTERNATIONAL)
        return shown.replace(" ", "\u00a0")

    def build_schema(self) -> Json:
        """Build the schema of the shape of E.164."""
        return {"type": "string", "pattern": "^\\+[1-9][0-9]{3,14}$"}


@dataclass(frozen=True, kw_only=True)
class EmailText(FieldType):
    """An e-mail address."""

    type: ClassVar[str] = "email"
    accepts: ClassVar[str] = N_("Sähköpostiosoite, esimerkiksi nimi@example.fi.")

    def parse_text(self, text: str, today: date) -> Reading:
        """Parse the address, its domain normalised."""
        try:
            found = validate_email(text.removeprefix("mailto:").strip("<>"), check_deliverability=False)
        except EmailNotValidError as error:
            raise Misread("format", "Sähköpostiosoite ei kelpaa. Kirjoita se näin: nimi@example.fi.") from error
        return Reading(found.normalized)

    def build_schema(self) -> Json:
        """Build the schema of an e-mail address."""
        return {"type": "string", "format": "email"}


@dataclass(frozen=True, kw_only=True)
class PostcodeText(FieldType):
    """A postal code of five digits, leading zeros kept."""

    type: ClassVar[str] = "postcode"
    accepts: ClassVar[str] = N_("Postinumero, viisi numeroa, esimerkiksi 80100.")

    def parse_text(self, text: str, today: date) -> Reading:
        """Parse the digits; a post office written behind them is left to its own field."""
        match = re.fullmatch(r"(?:FI[- ]?)?(\d{5})(?:\s+\D+)?", text, re.I)
        if not match:
            raise Misread("format", "Postinumerossa on viisi numeroa, esimerkiksi 80100.")
        return Reading(match[1])

    def build_schema(self) -> Json:
        """Build the schema of five digits."""
        return {"type": "string", "pattern": "^[0-9]{5}$"}


@dataclass(frozen=True, kw_only=True)
class OccupationText(Text):
    """A code of the classification of occupations: one to five digits, leading zeros kept."""

    accepts: ClassVar[str] = N_("Ammattiluokituksen koodi, 1–5 numeroa, esimerkiksi 5223.")
    max_length: int = 5

    def parse_text(self, text: str, today: date) -> Reading:
        """Parse the digits."""
        if not re.fullmatch(r"[0-9]{1,5}", text):
            raise Misread("format", "Ammattiluokassa on 1–5 numeroa, esimerkiksi 5223.")
        return Reading(text)

    def build_schema(self) -> Json:
        """Build the schema of a string of digits."""
        return {"type": "string", "pattern": "^[0-9]{1,5}$"}


Hetu = Annotated[str, HetuText]
BusinessId = Annotated[str, BusinessIdText]
Phone = Annotated[str, PhoneText]
Email = Annotated[str, EmailText]
Postcode = Annotated[str, PostcodeText]
Occupation = Annotated[str, OccupationText]
