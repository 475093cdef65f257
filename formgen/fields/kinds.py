"""Kinds of answer: each owns both directions, text → value and value → text, in one object.

``read(write(value)) == value`` for every kind. Reading takes all that people really write
(domain formats, part E), writing gives the one form that is shown. A text that cannot be
read raises `Misread`; a value that a person should look at comes with confidence below 1.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, time, timedelta
from decimal import Decimal
from difflib import get_close_matches
from functools import cache, cached_property
from typing import Annotated, Any, ClassVar

import phonenumbers
from babel.dates import format_date, format_time
from babel.numbers import NumberFormatError, format_currency, format_decimal, parse_decimal
from email_validator import EmailNotValidError, validate_email
from pydantic import BaseModel, ConfigDict, PlainSerializer
from stdnum.exceptions import InvalidChecksum, ValidationError
from stdnum.fi import hetu, ytunnus

from formgen import i18n
from formgen.documents.extraction import Choice, Control
from formgen.errors import Finding
from formgen.fields.code_list import CodeList
from formgen.i18n import N_, clean_text, normalise_text, translate

Json = dict[str, Any]


class Misread(ValueError):
    """A text that is no answer of its kind: the code and the message of the finding to come."""

    def __init__(self, code: str, message: str, **values: str) -> None:
        """``code`` is ``format``, ``choice``, ``range`` or ``required``."""
        super().__init__(message)
        self.code, self.message, self.values = code, message, values


@dataclass(frozen=True, slots=True)
class Reading:
    """A value that was read, how surely, and what to say of it."""

    value: Any
    confidence: float = 1.0
    notes: tuple[Finding, ...] = ()


BLANK = Reading(None)
MAX_TICK_BOXES = 5  # as many options are drawn as boxes, more as a list
MAX_NAMED_OPTIONS = 12  # more options are not named one by one
DASHES = frozenset("-–—−_.…")
SAME_AS_ABOVE = re.compile(r"(sama|samat|samma)( kuin| som)? (yllä|edellä|ovan)\W*", re.I)


def build_finding(message: str, severity: str = "warning", code: str = "format", **values: str) -> Finding:
    """Return something to say of a value that was read; the field is filled in by the form."""
    return Finding(code, "review" if severity == "review" else "warning", "", message, values)


def build_doubtful_reading(value: Any, message: str, **values: str) -> Reading:
    """Return a value that counts only after a person has looked at it."""
    return Reading(value, 0.5, (build_finding(message, "review", **values),))


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One kind of answer. ``type`` is its name outside; ``accepts`` says what may be written."""

    type: ClassVar[str]
    accepts: ClassVar[str]
    multiline: ClassVar[bool] = False

    @property
    def control(self) -> Control:
        """Return how the kind is drawn."""
        return Control.AREA if self.multiline else Control.LINE

    def list_choices(self, language: str = "fi") -> tuple[Choice, ...]:
        """Return the options that a document shows, with their labels in the language."""
        return ()

    @property
    def example(self) -> str:
        """Return an answer that would do, which ``accepts`` gives; nothing where any text would.

        >>> DayDate().example, Text().example
        ('1.3.2026', '')
        """
        return self.accepts.removesuffix(".").partition("esimerkiksi ")[2]

    def describe_accepted_input(self, language: str = "fi") -> str:
        """Return what may be written, with its bounds or options, in the language."""
        return translate(self.accepts, language)

    def read(self, text: str, today: date) -> Reading:
        """Return the value of the text, or None for a blank; raise `Misread`.

        ``today`` is the day of the document: what "valid" and "in the future" are held against.
        """
        text = clean_text(text)
        if not self.multiline:
            text = " ".join(text.split())
        if not text or set(text) <= DASHES:
            return BLANK
        if SAME_AS_ABOVE.fullmatch(text):
            return build_doubtful_reading(None, "Kohdassa viitataan toiseen kohtaan. Kirjoita vastaus tähän.")
        return self.parse_text(text, today)

    def parse_text(self, text: str, today: date) -> Reading:
        """Return the value of a text that is clean and not blank; raise `Misread`."""
        return Reading(text)

    def write(self, value: Any, language: str = "fi") -> str:
        """Return the value as it is shown in a document; an empty text for None."""
        return "" if value is None else self.format_value(value, language)

    def format_value(self, value: Any, language: str) -> str:
        """Return a value that is not None as it is shown."""
        return str(value)

    def build_schema(self) -> Json:
        """Return the JSON Schema of the stored value."""
        return {"type": "string"}


# --- text -------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Text(Kind):
    """Short text in one line, ``max_length`` characters at most."""

    type: ClassVar[str] = "text"
    accepts: ClassVar[str] = N_("Lyhyt teksti.")
    max_length: int = 200

    def parse_text(self, text: str, today: date) -> Reading:
        """Return the text; too long a text is a `Misread`."""
        if len(text) > self.max_length:
            raise Misread("range", "Teksti on liian pitkä: enintään {most} merkkiä.", most=str(self.max_length))
        return Reading(text)

    def describe_accepted_input(self, language: str = "fi") -> str:
        """Return what may be written, and how much."""
        most = translate("Enintään {most} merkkiä.", language, most=self.max_length)
        return f"{super().describe_accepted_input(language)} {most}"

    def build_schema(self) -> Json:
        """Return a string with its greatest length."""
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
        """Return the name as written; digits and other signs are a `Misread`."""
        if not all(unicodedata.category(sign)[0] in "LM" or sign in " -'’.–" for sign in text):
            raise Misread("format", "Nimessä saa olla kirjaimia, välilyöntejä, yhdysviivoja ja heittomerkkejä.")
        return super().parse_text(text, today)


@dataclass(frozen=True, kw_only=True)
class OccupationText(Text):
    """A code of the classification of occupations: one to five digits, leading zeros kept."""

    accepts: ClassVar[str] = N_("Ammattiluokituksen koodi, 1–5 numeroa, esimerkiksi 5223.")
    max_length: int = 5

    def parse_text(self, text: str, today: date) -> Reading:
        """Return the digits."""
        if not re.fullmatch(r"[0-9]{1,5}", text):
            raise Misread("format", "Ammattiluokassa on 1–5 numeroa, esimerkiksi 5223.")
        return Reading(text)

    def build_schema(self) -> Json:
        """Return a string of digits."""
        return {"type": "string", "pattern": "^[0-9]{1,5}$"}


# --- numbers ----------------------------------------------------------------------------------

MINUS = str.maketrans("−–—", "---")
ABOUT = re.compile(r"(n\.|noin|ca|c\.|circa|ungefär|~)\s*", re.I)
THOUSANDS = re.compile(r"[1-9]\d{0,2}(\.\d{3})+")
SPAN = re.compile(r"(\d[\d ]*(?:[.,]\d+)?)\s*[-–—−]\s*(\d[\d ]*(?:[.,]\d+)?)")


@dataclass(frozen=True, kw_only=True)
class Number(Kind):
    """A decimal number with comma, between ``low`` and ``high``, ``places`` decimals at most.

    ``grouped`` sets thousands apart, which a year is not.
    """

    type: ClassVar[str] = "dec"
    accepts: ClassVar[str] = N_("Luku, esimerkiksi 2,5.")
    units: ClassVar[str] = r"%|prosenttia|kk|kuukautta|min|minuuttia|pv|päivää|kpl|sivua|s|v|vuotta|osp|op|km"
    places: int = 2
    least: int = 1
    low: Decimal | None = None
    high: Decimal | None = None
    grouped: bool = True

    def parse_text(self, text: str, today: date) -> Reading:
        """Return the number; ``n. 20`` is noted, ``20–25`` is for a person to settle."""
        text = re.sub(rf"(?<=[\d,.])\s*(?:{self.units})\.?$", "", text, flags=re.I)
        about = ABOUT.match(text)
        text = text[about.end() :] if about else text
        if THOUSANDS.fullmatch(text):
            value = self.check_bounds(self.parse_number(text.replace(".", "")))
            return build_doubtful_reading(value, "Piste voi tarkoittaa tuhansia tai desimaaleja. Vahvistakaa luku.")
        if span := SPAN.fullmatch(text):
            low = self.check_bounds(self.parse_number(span[1]))
            return build_doubtful_reading(low, "Kohdassa on vaihteluväli. Vahvistakaa yksi luku.")
        value = self.check_bounds(self.parse_number(text))
        if about:
            return Reading(value, notes=(build_finding("Luku on merkitty likimääräiseksi."),))
        return Reading(value)

    def parse_number(self, text: str) -> Decimal:
        """Return the number as written in Finnish: space for thousands, comma for decimals."""
        text = text.translate(MINUS).replace(" ", "").replace("+", "")
        if "," in text:
            text = text.replace(".", "")
        if not re.fullmatch(r"-?\d{1,15}([.,]\d{1,6}|,-)?", text):
            raise Misread("format", "Tähän tarvitaan luku, esimerkiksi {example}.", example=self.example)
        try:
            value = parse_decimal(text.removesuffix(",-").replace(".", ","), locale="fi")
        except NumberFormatError as error:
            raise Misread("format", "Tähän tarvitaan luku, esimerkiksi {example}.", example=self.example) from error
        return self.set_decimal_places(Decimal(value))

    @property
    def example(self) -> str:
        """Return a number that would do."""
        return "20" if self.places == 0 else "37,5"

    def set_decimal_places(self, value: Decimal) -> Decimal:
        """Return the value with ``least`` to ``places`` decimals; more digits are a `Misread`."""
        exact = value.normalize()
        digits = -int(exact.as_tuple().exponent)
        if digits > self.places:
            raise Misread("format", "Luvussa on liikaa desimaaleja: enintään {most}.", most=str(self.places))
        return exact.quantize(Decimal(1).scaleb(-max(digits, self.least)))

    def check_bounds(self, value: Decimal) -> Decimal:
        """Return the value if it is between the bounds."""
        if (self.low is not None and value < self.low) or (self.high is not None and value > self.high):
            raise Misread(
                "range",
                "Luvun pitää olla väliltä {low}–{high}.",
                low=self.format_bound(self.low),
                high=self.format_bound(self.high),
            )
        return value

    def format_bound(self, bound: Decimal | None) -> str:
        """Return a bound as it is shown."""
        return "" if bound is None else format_decimal(bound, locale="fi", group_separator=self.grouped)

    def format_value(self, value: Any, language: str) -> str:
        """Return the number with comma and no-break spaces, decimals as they are."""
        decimals = max(0, -int(Decimal(value).as_tuple().exponent))
        shown = 0 if value == int(value) and type(self) is not Money else decimals
        whole = "#,##0" if self.grouped else "0"
        return format_decimal(value, format=f"{whole}.{'0' * shown}" if shown else whole, locale="fi")

    def build_schema(self) -> Json:
        """Return a string with a dot: binary fractions would not be exact."""
        return {"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]+)?$"}


@dataclass(frozen=True, kw_only=True)
class HoursNumber(Number):
    """Hours a week."""

    accepts: ClassVar[str] = N_("Tunnit viikossa, esimerkiksi 37,5.")
    units: ClassVar[str] = r"(?:h|t|tuntia?|tunnin|tim|timmar)\.?(?:\s*/?\s*(?:vko?|viikko|viikossa|v|vecka|i veckan))?"
    low: Decimal | None = Decimal("0.5")
    high: Decimal | None = Decimal(48)


@dataclass(frozen=True, kw_only=True)
class Money(Number):
    """Euros, shown as ``2 100,50 €``."""

    type: ClassVar[str] = "eur"
    accepts: ClassVar[str] = N_("Euromäärä, esimerkiksi 2 100,50 €.")
    units: ClassVar[str] = (
        r"(?:€|eur|euroa?|e)(?:\s*(?:/|per)?\s*(?:h|t|tunti|tunnissa|kk|kuukausi|kuukaudessa|kuussa|mån|tim|pv))?"
    )
    least: int = 2
    low: Decimal | None = Decimal(0)

    @property
    def example(self) -> str:
        """Return an amount that would do."""
        return "2 100,50"

    def format_value(self, value: Any, language: str) -> str:
        """Return the amount, a no-break space and the sign."""
        return format_currency(value, "EUR", locale="fi")


@dataclass(frozen=True, kw_only=True)
class Whole(Number):
    """A whole number."""

    type: ClassVar[str] = "int"
    accepts: ClassVar[str] = N_("Kokonaisluku, esimerkiksi 20.")
    places: int = 0
    least: int = 0

    @property
    def control(self) -> Control:
        """Return TICKS where the numbers are so few that one is a score, else LINE."""
        return Control.TICKS if self.list_choices() else Control.LINE

    def list_choices(self, language: str = "fi") -> tuple[Choice, ...]:
        """Return the numbers of a score, each as its own label.

        >>> [choice.label for choice in Whole(low=Decimal(1), high=Decimal(5)).list_choices()]
        ['1', '2', '3', '4', '5']
        """
        if self.low is None or self.high is None or self.high - self.low >= MAX_TICK_BOXES:
            return ()
        return tuple(Choice(str(number), str(number)) for number in range(int(self.low), int(self.high) + 1))

    def parse_text(self, text: str, today: date) -> Reading:
        """Return the number as an int; two boxes of a score are a `Misread`, not one long number."""
        if len(ticked := text.split()) > 1 and {choice.code for choice in self.list_choices()}.issuperset(ticked):
            raise Misread("choice", "Vain yksi vaihtoehto voi olla valittuna.")
        reading = super().parse_text(text, today)
        return replace(reading, value=int(reading.value))

    def build_schema(self) -> Json:
        """Return an integer with its bounds."""
        bounds = {"minimum": self.low, "maximum": self.high}
        return {"type": "integer", **{key: int(bound) for key, bound in bounds.items() if bound is not None}}


# --- time -------------------------------------------------------------------------------------


@cache
def map_month_names() -> dict[str, int]:
    """Return the number of each month's name in Finnish and Swedish, all cases that are written."""
    names: dict[str, int] = {}
    for language in ("fi", "sv"):
        for use in ("format", "stand-alone"):
            for width in ("wide", "abbreviated"):
                for number, name in i18n.load_locale(language).months[use][width].items():
                    names[name.casefold().rstrip(".")] = number
    return names


WEEKDAYS = ("ma", "ti", "ke", "to", "pe", "la", "su"), ("må", "ti", "on", "to", "fr", "lö", "sö")
WEEKDAY = re.compile(r"(?:(ma|ti|ke|to|pe|la|su|må|on|fr|lö|sö)[a-zåäö]*\.?,?\s+)(?=\d)", re.I)
DATE = re.compile(
    r"(\d{1,2})\s*\.\s*(\d{1,2})\s*\.\s*(\d{4}|\d{2})|(\d{4})-(\d{2})-(\d{2})|(\d{1,2})\.?\s+([a-zåäö]+)\.?\s+(\d{4})",
    re.I,
)


@dataclass(frozen=True, kw_only=True)
class DayDate(Kind):
    """A calendar day, shown as ``1.3.2026``; ``birth`` widens the window of two-digit years."""

    type: ClassVar[str] = "date"
    accepts: ClassVar[str] = N_("Päivämäärä, esimerkiksi 1.3.2026.")
    birth: bool = False

    @property
    def control(self) -> Control:
        """Return DATE."""
        return Control.DATE

    def parse_text(self, text: str, today: date) -> Reading:
        """Return the day; a range or a wrong weekday is for a person to settle."""
        weekday = WEEKDAY.match(text)
        rest = text[weekday.end() :] if weekday else text
        match = DATE.match(rest)
        if not match:
            if ranged := re.match(r"(\d{1,2}\.\d{1,2}\.)\s*[-–]\s*\d{1,2}\.\d{1,2}\.(\d{4})", rest):
                return build_doubtful_reading(
                    self.parse_day(ranged[1] + ranged[2]), "Kohdassa on aikaväli. Vahvistakaa yksi päivä."
                )
            raise Misread("format", "Kirjoita päivämäärä näin: 1.3.2026.")
        value = self.parse_day(match[0])
        tail = rest[match.end() :].strip(" .,").casefold()
        if tail in {"", "alkaen", "lähtien", "från och med"}:
            named = weekday and weekday[1].casefold() not in {days[value.weekday()] for days in WEEKDAYS}
            return (
                build_doubtful_reading(value, "Viikonpäivä ja päivämäärä eivät sovi yhteen.")
                if named
                else Reading(value)
            )
        if re.fullmatch(r"[-–]\s*(?:" + DATE.pattern + r")?", tail, re.I):
            return build_doubtful_reading(value, "Kohdassa on aikaväli. Vahvistakaa yksi päivä.")
        raise Misread("format", "Kirjoita päivämäärä näin: 1.3.2026.")

    def parse_day(self, text: str) -> date:
        """Return the day of a text that looks like one."""
        match = DATE.fullmatch(text)
        assert match, "callers have matched the pattern"
        day, month, year = (
            (match[1], match[2], match[3])
            if match[1]
            else (match[6], match[5], match[4])
            if match[4]
            else (match[7], str(map_month_names().get(match[8].casefold(), 0)), match[9])
        )
        try:
            return date(self.parse_year(year), int(month), int(day))
        except ValueError as error:
            raise Misread("format", "Päivää ei ole kalenterissa. Tarkista päivä ja kuukausi.") from error

    def parse_year(self, text: str) -> int:
        """Return the year of four or two digits: births 1930–2029, other days 2000–2099."""
        if len(text) == 4:
            return int(text)
        return int(text) + (1900 if self.birth and int(text) >= 30 else 2000)

    def format_value(self, value: Any, language: str) -> str:
        """Return the day without leading zeros, the same in both national languages."""
        return format_date(value, "d.M.yyyy", locale="fi")

    def build_schema(self) -> Json:
        """Return an ISO 8601 date."""
        return {"type": "string", "format": "date"}


@dataclass(frozen=True, kw_only=True)
class MonthText(Kind):
    """A month, a year alone or a day, stored as ``2021-03``, ``2021`` or ``2021-03-15``, shown as ``3/2021``."""

    type: ClassVar[str] = "month"
    accepts: ClassVar[str] = N_("Kuukausi tai vuosi, esimerkiksi 3/2021.")

    def parse_text(self, text: str, today: date) -> Reading:
        """Return the month in ISO form."""
        if re.fullmatch(r"\d{4}", text):
            return Reading(text)
        if DATE.fullmatch(text):
            return Reading(DayDate(birth=True).parse_day(text).isoformat())
        if match := re.fullmatch(r"(\d{4})-(\d{2})|(\d{1,2})\s*[/.]\s*(\d{4})|([a-zåäö]+)\.?\s+(\d{4})", text, re.I):
            year = match[1] or match[4] or match[6]
            month = int(match[2] or match[3] or map_month_names().get(match[5].casefold(), 0))
            if 1 <= month <= 12:
                return Reading(f"{year}-{month:02}")
        raise Misread("format", "Kirjoita kuukausi näin: 3/2021. Pelkkä vuosikin käy.")

    def format_value(self, value: Any, language: str) -> str:
        """Return ``3/2021``, ``2021`` or ``15.3.2021``."""
        year, month, day = (*map(int, str(value).split("-")), 0, 0)[:3]
        return f"{day}.{month}.{year}" if day else f"{month}/{year}" if month else str(year)

    def build_schema(self) -> Json:
        """Return a string of year and perhaps month and day."""
        return {"type": "string", "pattern": "^[0-9]{4}(-(0[1-9]|1[0-2])(-[0-9]{2})?)?$"}


CLOCK = r"(\d{1,2})(?:\s*[.:]\s*(\d{2}))?"


@dataclass(frozen=True, kw_only=True)
class ClockTime(Kind):
    """A time of day, shown as ``9.00``."""

    type: ClassVar[str] = "time"
    accepts: ClassVar[str] = N_("Kellonaika, esimerkiksi 9.00.")

    def parse_text(self, text: str, today: date) -> Reading:
        """Return the time; a range is for a person to settle."""
        bare = re.sub(r"^(klo|kl|kello)\.?\s*", "", text, flags=re.I)
        if match := re.fullmatch(CLOCK, bare):
            return Reading(self.build_time(match[1], match[2]))
        if match := re.fullmatch(CLOCK + r"\s*[-–]\s*" + CLOCK, bare):
            self.build_time(match[3], match[4])
            return build_doubtful_reading(
                self.build_time(match[1], match[2]), "Kohdassa on aikaväli. Vahvistakaa yksi kellonaika."
            )
        raise Misread("format", "Kirjoita kellonaika näin: 9.00.")

    def build_time(self, hour: str, minute: str | None) -> time:
        """Return the time of its parts."""
        try:
            return time(int(hour), int(minute or 0))
        except ValueError as error:
            raise Misread("format", "Kirjoita kellonaika näin: 9.00.") from error

    def format_value(self, value: Any, language: str) -> str:
        """Return hours without leading zero, a full stop and minutes."""
        return format_time(value, "H.mm", locale="fi")

    def build_schema(self) -> Json:
        """Return hours and minutes with a colon."""
        return {"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$"}


# --- choices ----------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class SingleChoice(Kind):
    """One code of a closed list. Up to ``few`` options are drawn as boxes, more as a list."""

    type: ClassVar[str] = "one"
    accepts: ClassVar[str] = N_("Yksi annetuista vaihtoehdoista.")
    of: CodeList
    few: int = MAX_TICK_BOXES

    @property
    def control(self) -> Control:
        """Return TICKS where paper should show the options, else LIST."""
        return Control.TICKS if len(self.of) <= self.few else Control.LIST

    def list_choices(self, language: str = "fi") -> tuple[Choice, ...]:
        """Return the codes with their labels, where they are drawn."""
        drawn = self.control in (Control.TICKS, Control.LIST)
        return tuple(Choice(code, self.format_label(code, language)) for code in self.of) if drawn else ()

    @property
    def example(self) -> str:
        """Return the first option."""
        return super().example or next((choice.label for choice in self.list_choices()), "")

    def describe_accepted_input(self, language: str = "fi") -> str:
        """Return what may be chosen, with the options where they are few."""
        labels = [choice.label for choice in self.list_choices(language)]
        if not 0 < len(labels) <= MAX_NAMED_OPTIONS:
            return super().describe_accepted_input(language)
        return f"{super().describe_accepted_input(language).removesuffix('.')}: {'; '.join(labels)}."

    def parse_text(self, text: str, today: date) -> Reading:
        """Return the code for a code, a label in any language, a number, or a close label."""
        if text in self.of:
            return self.read_code(text, today)
        if (found := text.split()) and all(code in self.of for code in found):
            raise Misread("choice", "Vain yksi vaihtoehto voi olla valittuna.")
        if code := self.names.get(normalise_text(text)):
            return self.read_code(code, today)
        if re.fullmatch(r"\d{1,3}\.?", text) and 1 <= int(text.rstrip(".")) <= len(self.of):
            return self.read_code(list(self.of)[int(text.rstrip(".")) - 1], today)
        if close := get_close_matches(normalise_text(text), self.names, n=2, cutoff=0.8):
            codes = {self.names[name] for name in close}
            if len(codes) == 1:
                return replace(
                    self.read_code(codes.pop(), today),
                    confidence=0.8,
                    notes=(
                        build_finding("Vaihtoehto on tulkittu kirjoitusasusta. Vahvistakaa se.", "review", "choice"),
                    ),
                )
        raise Misread("choice", "Vastaus ei ole mikään annetuista vaihtoehdoista.")

    def read_code(self, code: str, today: date) -> Reading:
        """Return the code if it may be chosen on the day."""
        current = self.of.find_current_code(code)
        if not self.of[current].is_valid(today):
            raise Misread("choice", "Vaihtoehto ei ole voimassa asiakirjan päivänä.")
        if current != code:
            return Reading(
                current, notes=(build_finding("Nimi on vanha. Tilalle on merkitty nykyinen.", code="choice"),)
            )
        return Reading(code)

    @cached_property
    def names(self) -> dict[str, str]:
        """Return every name that a code goes by, as compared, in every language; current codes win."""
        found: dict[str, str] = {}
        for code, entry in sorted(self.of.items(), key=lambda item: bool(item[1].successor or item[1].valid_to)):
            offered = {self.format_label(code, language) for language in i18n.list_languages()}
            for text in offered.union(*map(i18n.list_translations, (entry.label, *entry.names))):
                found.setdefault(normalise_text(text), code)
        return found

    def format_value(self, value: Any, language: str) -> str:
        """Return the code: labels are the business of whoever draws the document."""
        return str(value)

    def format_label(self, code: str, language: str = "fi") -> str:
        """Return the label as offered, with the end of its validity where it has one."""
        entry = self.of[code]
        label = translate(entry.label, language)
        if entry.valid_to:
            return translate(
                "{label} ({day} asti)", language, label=label, day=format_date(entry.valid_to, "d.M.yyyy", locale="fi")
            )
        if entry.valid_from:
            return translate(
                "{label} ({day} alkaen)",
                language,
                label=label,
                day=format_date(entry.valid_from, "d.M.yyyy", locale="fi"),
            )
        return label

    def build_schema(self) -> Json:
        """Return the codes with their labels."""
        return {"type": "string", "oneOf": [{"const": code, "title": self.format_label(code)} for code in self.of]}


@dataclass(frozen=True, kw_only=True)
class MultipleChoice(SingleChoice):
    """Any number of codes of a closed list, always drawn as boxes."""

    type: ClassVar[str] = "many"
    accepts: ClassVar[str] = N_("Yksi tai useampi annetuista vaihtoehdoista.")
    multiline: ClassVar[bool] = True

    @property
    def control(self) -> Control:
        """Return TICKS."""
        return Control.TICKS

    def parse_text(self, text: str, today: date) -> Reading:
        """Return the codes in the order of the list, from codes, or labels between commas or lines."""
        parts = text.split()
        if not all(part in self.of for part in parts):
            parts = [
                part for line in re.split(r"[;\n]|\s[-–•]\s", text) for part in self.iter_labels(line) if part.strip()
            ]
        if not 0 < len(parts) <= 2 * len(self.of):
            raise Misread("choice", "Vastaus ei ole mikään annetuista vaihtoehdoista.")
        readings = [super(MultipleChoice, self).parse_text(" ".join(part.split()), today) for part in parts]
        found = {reading.value for reading in readings}
        return Reading(
            tuple(code for code in self.of if code in found),
            min(reading.confidence for reading in readings),
            tuple(dict.fromkeys(said for reading in readings for said in reading.notes)),
        )

    def iter_labels(self, line: str) -> Iterator[str]:
        """Yield the labels between commas, those that hold a comma themselves in one piece."""
        pieces = line.split(",")
        most = 1 + max(name.count(",") for name in self.names)
        start = 0
        while start < len(pieces):
            tries = (",".join(pieces[start : start + count]) for count in range(most, 1, -1))
            label = next((text for text in tries if normalise_text(text) in self.names), pieces[start])
            yield label
            start += label.count(",") + 1

    def format_value(self, value: Any, language: str) -> str:
        """Return the codes joined by a space."""
        return " ".join(value)

    def build_schema(self) -> Json:
        """Return a list without repetition."""
        return {"type": "array", "uniqueItems": True, "items": super().build_schema()}


YES_NO = CodeList("yes_no", {"yes": "kyllä", "no": "ei"})
YES = frozenset({"kyllä", "k", "joo", "on", "x", "true", "1", "☒", "☑", "✓", "✔", "ja", "j", "yes", "y"})
NO = frozenset({"ei", "e", "false", "0", "nej", "n", "no"})


@dataclass(frozen=True, kw_only=True)
class YesNoChoice(SingleChoice):
    """Yes or no, stored as true or false, drawn as two boxes."""

    type: ClassVar[str] = "yn"
    accepts: ClassVar[str] = N_("Rasti kohtaan kyllä tai ei.")
    of: CodeList = YES_NO

    def describe_accepted_input(self, language: str = "fi") -> str:
        """Return which of the two boxes may be ticked."""
        return translate(self.accepts, language)

    def parse_text(self, text: str, today: date) -> Reading:
        """Return True or False; both boxes ticked is a `Misread`."""
        said = {normalise_text(part) or part for part in text.split()}
        yes, no = said <= YES, said <= NO
        if yes == no:
            raise Misread(
                "choice", N_("Valitse kyllä tai ei, vain toinen.") if said <= YES | NO else N_("Vastaa kyllä tai ei.")
            )
        return Reading(yes)

    def format_value(self, value: Any, language: str) -> str:
        """Return the code of the box."""
        return "yes" if value else "no"

    def build_schema(self) -> Json:
        """Return a boolean."""
        return {"type": "boolean"}


@dataclass(frozen=True, kw_only=True)
class MunicipalityChoice(SingleChoice):
    """A municipality: name in Finnish or Swedish or three-digit code, old names included."""

    type: ClassVar[str] = "muni"
    accepts: ClassVar[str] = N_("Kunnan nimi, esimerkiksi Joensuu.")

    @property
    def control(self) -> Control:
        """Return LINE: 300 options are quicker typed than chosen."""
        return Control.LINE

    def format_value(self, value: Any, language: str) -> str:
        """Return the name in the language."""
        entry = self.of[value]
        return entry.names[0] if language.startswith("sv") and entry.names else entry.label

    def parse_text(self, text: str, today: date) -> Reading:
        """Return the code; a number counts only as an official code."""
        if text.isdecimal() and text.zfill(3) not in self.of:
            raise Misread("choice", "Kuntaa ei löydy. Kirjoita kunnan nimi.")
        return super().parse_text(text.zfill(3) if text.isdecimal() else text, today)

    def build_schema(self) -> Json:
        """Return a three-digit code."""
        return {"type": "string", "pattern": "^[0-9]{3}$"}


@dataclass(frozen=True, kw_only=True)
class MunicipalitiesChoice(MultipleChoice, MunicipalityChoice):
    """Any number of municipalities, written one after the other: each is read as one alone."""

    accepts: ClassVar[str] = N_("Kuntien nimet, esimerkiksi Joensuu, Kontiolahti.")

    @property
    def control(self) -> Control:
        """Return AREA: the names are typed."""
        return Control.AREA

    def parse_text(self, text: str, today: date) -> Reading:
        """Return the codes in the order of the list, from names between commas, lines or an "and"."""
        return super().parse_text(re.sub(r"\s(?:ja|sekä|och|samt)\s", ", ", text, flags=re.I), today)

    def format_value(self, value: Any, language: str) -> str:
        """Return the names in the language."""
        return ", ".join(MunicipalityChoice.format_value(self, code, language) for code in value)


# --- numbers of people, firms and places ------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class HetuText(Kind):
    """A Finnish personal identity code, its separator a distinguishing part of it."""

    type: ClassVar[str] = "hetu"
    accepts: ClassVar[str] = N_("Henkilötunnus, 11 merkkiä.")

    def parse_text(self, text: str, today: date) -> Reading:
        """Return the code in upper case; 900–999 is temporary and noted. No slip is mended silently."""
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
        """Return the shape of the code."""
        return {"type": "string", "pattern": "^[0-9]{6}[-+A-FU-Y][0-9]{3}[0-9A-FHJ-NPR-Y]$"}


def parse_birth_date(number: str) -> date:
    """Return the date of birth in a valid identity code.

    >>> parse_birth_date("150703B944J")
    datetime.date(2003, 7, 15)
    """
    century = 1800 if number[6] == "+" else 2000 if number[6] in "ABCDEF" else 1900
    return date(century + int(number[4:6]), int(number[2:4]), int(number[:2]))


@dataclass(frozen=True, kw_only=True)
class BusinessIdText(Kind):
    """A Finnish business identity code, ``1234567-8``."""

    type: ClassVar[str] = "ytunnus"
    accepts: ClassVar[str] = N_("Y-tunnus, esimerkiksi 9000001-1.")

    def parse_text(self, text: str, today: date) -> Reading:
        """Return the code with its hyphen; a VAT number and an old six-digit number are converted."""
        number = re.sub(r"\s", "", text).upper().translate(MINUS).removeprefix("FI")
        if re.fullmatch(r"\d{6}-\d", number):
            number = f"0{number}"
        try:
            return Reading(ytunnus.format(ytunnus.validate(number)))
        except InvalidChecksum as error:
            raise Misread("R44", "Y-tunnus ei ole oikein.") from error
        except ValidationError as error:
            raise Misread("format", "Y-tunnus ei ole oikein.") from error

    def build_schema(self) -> Json:
        """Return the shape of the code."""
        return {"type": "string", "pattern": "^[0-9]{7}-[0-9]$"}


@dataclass(frozen=True, kw_only=True)
class PhoneText(Kind):
    """A telephone number, stored as E.164, shown in groups."""

    type: ClassVar[str] = "phone"
    accepts: ClassVar[str] = N_("Puhelinnumero, esimerkiksi 040 123 4567.")

    def parse_text(self, text: str, today: date) -> Reading:
        """Return the number; one that no operator has in use is noted."""
        try:
            number = phonenumbers.parse(text.translate(MINUS), "FI")
        except phonenumbers.NumberParseException as error:
            raise Misread("format", "Puhelinnumero ei kelpaa. Kirjoita se näin: 040 123 4567.") from error
        if not phonenumbers.is_possible_number(number):
            raise Misread("format", "Puhelinnumero ei kelpaa. Kirjoita se näin: 040 123 4567.")
        value = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
        if number.extension:
            return build_doubtful_reading(value, "Puhelinnumerossa on alanumero, jota ei voi tallentaa.")
        if not phonenumbers.is_valid_number(number):
            return Reading(value, notes=(build_finding("Puhelinnumero ei näytä käytössä olevalta. Tarkista se."),))
        return Reading(value)

    def format_value(self, value: Any, language: str) -> str:
        """Return the number in international form with no-break spaces."""
        number = phonenumbers.parse(str(value), None)
        shown = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.INTERNATIONAL)
        return shown.replace(" ", "\u00a0")

    def build_schema(self) -> Json:
        """Return the shape of E.164."""
        return {"type": "string", "pattern": "^\\+[1-9][0-9]{3,14}$"}


@dataclass(frozen=True, kw_only=True)
class EmailText(Kind):
    """An e-mail address."""

    type: ClassVar[str] = "email"
    accepts: ClassVar[str] = N_("Sähköpostiosoite, esimerkiksi nimi@example.fi.")

    def parse_text(self, text: str, today: date) -> Reading:
        """Return the address, its domain normalised."""
        try:
            found = validate_email(text.removeprefix("mailto:").strip("<>"), check_deliverability=False)
        except EmailNotValidError as error:
            raise Misread("format", "Sähköpostiosoite ei kelpaa. Kirjoita se näin: nimi@example.fi.") from error
        return Reading(found.normalized)

    def build_schema(self) -> Json:
        """Return an e-mail address."""
        return {"type": "string", "format": "email"}


@dataclass(frozen=True, kw_only=True)
class PostcodeText(Kind):
    """A postal code of five digits, leading zeros kept."""

    type: ClassVar[str] = "postcode"
    accepts: ClassVar[str] = N_("Postinumero, viisi numeroa, esimerkiksi 80100.")

    def parse_text(self, text: str, today: date) -> Reading:
        """Return the digits; a post office written behind them is left to its own field."""
        match = re.fullmatch(r"(?:FI[- ]?)?(\d{5})(?:\s+\D+)?", text, re.I)
        if not match:
            raise Misread("format", "Postinumerossa on viisi numeroa, esimerkiksi 80100.")
        return Reading(match[1])

    def build_schema(self) -> Json:
        """Return five digits."""
        return {"type": "string", "pattern": "^[0-9]{5}$"}


# --- signatures -------------------------------------------------------------------------------


class Signature(BaseModel):
    """Who signed, when and where; ``method`` is how: ``typed``, ``paper`` or ``oral``."""

    model_config = ConfigDict(frozen=True)

    name: str
    date: date
    place: str | None = None
    method: str = "typed"


@dataclass(frozen=True, kw_only=True)
class SignatureBlock(Kind):
    """A signature block; it is asked as three questions, `parts`."""

    type: ClassVar[str] = "sign"
    accepts: ClassVar[str] = N_("Nimi ja päivämäärä.")

    def build_schema(self) -> Json:
        """Return the block as an object."""
        parts = {name: {**kind.build_schema(), "title": label} for name, (label, kind) in SIGNATURE_PARTS.items()}
        parts["place"] = {"type": ["string", "null"], "title": SIGNATURE_PARTS["place"][0]}
        parts["method"] = {"type": "string", "title": "Tapa"}
        return {"type": "object", "properties": parts, "required": list(parts), "additionalProperties": False}


SIGNATURE_PARTS: dict[str, tuple[str, Kind]] = {
    "name": ("Nimi", Text(max_length=80)),
    "date": ("Päivä", DayDate()),
    "place": ("Paikka", Text(max_length=80)),
}

# --- what forms are declared with -------------------------------------------------------------

Line = Annotated[str, Text]
Long = Annotated[str, LongText]
Name = Annotated[str, NameText]
Occupation = Annotated[str, OccupationText]
Day = Annotated[date, DayDate]
Month = Annotated[str, MonthText]
Clock = Annotated[time, ClockTime, PlainSerializer(lambda at: at.strftime("%H:%M"), str, when_used="json")]
Int = Annotated[int, Whole]
Dec = Annotated[Decimal, Number]
Hours = Annotated[Decimal, HoursNumber]
Euro = Annotated[Decimal, Money]
YesNo = Annotated[bool, YesNoChoice]
One = Annotated[str, SingleChoice]
Many = Annotated[tuple[str, ...], MultipleChoice]
Municipality = Annotated[str, MunicipalityChoice]
Municipalities = Annotated[tuple[str, ...], MunicipalitiesChoice]
Hetu = Annotated[str, HetuText]
BusinessId = Annotated[str, BusinessIdText]
Phone = Annotated[str, PhoneText]
Email = Annotated[str, EmailText]
Postcode = Annotated[str, PostcodeText]
Signed = Annotated[Signature, SignatureBlock]


def iter_kinds(kind: type[Kind] = Kind) -> Iterable[type[Kind]]:
    """Yield every kind of answer, however deep it is derived."""
    for child in kind.__subclasses__():
        yield child
        yield from iter_kinds(child)


def compute_age(born: date, on: date) -> int:
    """Return full years of age on a day.

    >>> compute_age(date(2000, 2, 29), date(2018, 2, 28))
    17
    """
    return on.year - born.year - ((on.month, on.day) < (born.month, born.day))


def count_days(start: date, end: date) -> int:
    """Return calendar days from start to end, negative when end is earlier."""
    return (end - start) // timedelta(days=1)


Needed = Callable[[Any], bool]
