"""Time: days, months and times of day."""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import date, time, timedelta
from decimal import Decimal
from functools import cache
from typing import Annotated, Any, ClassVar

from babel.dates import format_date, format_time
from pydantic import PlainSerializer

from formgen import i18n
from formgen.documents.extraction import Control
from formgen.fields.base import FieldType, Json, Misread, Reading, build_doubtful_reading
from formgen.i18n import N_

NOT_A_DATE = N_("Kirjoita päivämäärä näin: 1.3.2026.")
NOT_A_TIME = N_("Kirjoita kellonaika näin: 9.00.")
RANGE_OF_DATES = N_("Kohdassa on aikaväli. Vahvistakaa yksi päivä.")
WEEKDAYS = ("ma", "ti", "ke", "to", "pe", "la", "su"), ("må", "ti", "on", "to", "fr", "lö", "sö")
WEEKDAY = re.compile(r"(?:(ma|ti|ke|to|pe|la|su|må|on|fr|lö|sö)[a-zåäö]*\.?,?\s+)(?=\d)", re.I)
DATE = re.compile(
    r"(\d{1,2})\s*\.\s*(\d{1,2})\s*\.\s*(\d{4}|\d{2})|(\d{4})-(\d{2})-(\d{2})|(\d{1,2})\.?\s+([a-zåäö]+)\.?\s+(\d{4})",
    re.I,
)
CLOCK = r"(\d{1,2})(?:\s*[.:]\s*(\d{2}))?"


@cache
def map_month_names() -> dict[str, int]:
    """Map the Finnish and Swedish names of months, in full and abbreviated, to their numbers."""
    names: dict[str, int] = {}
    for language in ("fi", "sv"):
        for use in ("format", "stand-alone"):
            for width in ("wide", "abbreviated"):
                for number, name in i18n.load_locale(language).months[use][width].items():
                    names[name.casefold().rstrip(".")] = number
    return names


@dataclass(frozen=True, kw_only=True)
class DayDate(FieldType):
    """A calendar day, shown as ``1.3.2026``; ``birth`` widens the window of two-digit years."""

    type: ClassVar[str] = "date"
    accepts: ClassVar[str] = N_("Päivämäärä, esimerkiksi 1.3.2026.")
    birth: bool = False

    @property
    def control(self) -> Control:
        """Return DATE."""
        return Control.DATE

    def parse_text(self, text: str, today: date) -> Reading:
        """Parse the day; a range or a wrong weekday is for a person to settle."""
        weekday = WEEKDAY.match(text)
        rest = text[weekday.end() :] if weekday else text
        match = DATE.match(rest)
        if not match:
            if ranged := re.match(r"(\d{1,2}\.\d{1,2}\.)\s*[-–]\s*\d{1,2}\.\d{1,2}\.(\d{4})", rest):
                return build_doubtful_reading(self.parse_day(ranged[1] + ranged[2]), RANGE_OF_DATES)
            raise Misread("format", NOT_A_DATE)
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
            return build_doubtful_reading(value, RANGE_OF_DATES)
        raise Misread("format", NOT_A_DATE)

    def parse_day(self, text: str) -> date:
        """Parse a day; raise `Misread` for one that the calendar has not."""
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
        """Parse a year of four or two digits: births 1930–2029, other days 2000–2099."""
        if len(text) == 4:
            return int(text)
        return int(text) + (1900 if self.birth and int(text) >= 30 else 2000)

    def format_value(self, value: Any, language: str) -> str:
        """Format the day without leading zeros, the same in both national languages."""
        return format_date(value, "d.M.yyyy", locale="fi")

    def build_schema(self) -> Json:
        """Build the schema of an ISO 8601 date."""
        return {"type": "string", "format": "date"}


@dataclass(frozen=True, kw_only=True)
class MonthText(FieldType):
    """A month, a year alone or a day, stored as ``2021-03``, ``2021`` or ``2021-03-15``, shown as ``3/2021``."""

    type: ClassVar[str] = "month"
    accepts: ClassVar[str] = N_("Kuukausi tai vuosi, esimerkiksi 3/2021.")

    def parse_text(self, text: str, today: date) -> Reading:
        """Parse the month in ISO form."""
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
        """Format ``3/2021``, ``2021`` or ``15.3.2021``."""
        year, month, day = (*map(int, str(value).split("-")), 0, 0)[:3]
        return f"{day}.{month}.{year:04}" if day else f"{month}/{year:04}" if month else f"{year:04}"

    def build_schema(self) -> Json:
        """Build the schema of a string of year and perhaps month and day."""
        return {"type": "string", "pattern": "^[0-9]{4}(-(0[1-9]|1[0-2])(-[0-9]{2})?)?$"}


@dataclass(frozen=True, kw_only=True)
class ClockTime(FieldType):
    """A time of day, shown as ``9.00``."""

    type: ClassVar[str] = "time"
    accepts: ClassVar[str] = N_("Kellonaika, esimerkiksi 9.00.")

    def parse_text(self, text: str, today: date) -> Reading:
        """Parse the time; a range is for a person to settle."""
        bare = re.sub(r"^(klo|kl|kello)\.?\s*", "", text, flags=re.I)
        if match := re.fullmatch(CLOCK, bare):
            return Reading(self.build_time(match[1], match[2]))
        if match := re.fullmatch(CLOCK + r"\s*[-–]\s*" + CLOCK, bare):
            self.build_time(match[3], match[4])
            return build_doubtful_reading(
                self.build_time(match[1], match[2]), "Kohdassa on aikaväli. Vahvistakaa yksi kellonaika."
            )
        raise Misread("format", NOT_A_TIME)

    def build_time(self, hour: str, minute: str | None) -> time:
        """Build the time from its parts; raise `Misread` for one that no clock shows."""
        try:
            return time(int(hour), int(minute or 0))
        except ValueError as error:
            raise Misread("format", NOT_A_TIME) from error

    def format_value(self, value: Any, language: str) -> str:
        """Format hours without leading zero, a full stop and minutes."""
        return format_time(value, "H.mm", locale="fi")

    def build_schema(self) -> Json:
        """Build the schema of hours and minutes with a colon."""
        return {"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$"}


Day = Annotated[date, DayDate]
Month = Annotated[str, MonthText]
Clock = Annotated[time, ClockTime, PlainSerializer(lambda at: at.strftime("%H:%M"), str, when_used="json")]


def compute_age(born: date, on: date) -> int:
    """Compute the age in full years on a day.

    >>> compute_age(date(2000, 2, 29), date(2018, 2, 28))
    17
    """
    return on.year - born.year - ((on.month, on.day) < (born.month, born.day))


def count_days(start: date, end: date) -> int:
    """Count calendar days from start to end, negative when end is earlier."""
    return (end - start) // timedelta(days=1)


def count_months(first: date, last: date) -> Decimal:
    """Count the months from a first day to a last day, both included; a part of a month in thirtieths.

    >>> count_months(date(2026, 9, 1), date(2027, 2, 28))
    Decimal('6')
    """
    after = last + timedelta(days=1)
    whole = 12 * (after.year - first.year) + after.month - first.month
    return whole + Decimal(after.day - first.day) / 30


def add_months(day: date, months: int) -> date:
    """Return the same day of a later month, its last day where that month is shorter.

    >>> add_months(date(2026, 8, 31), 6)
    datetime.date(2027, 2, 28)
    """
    years, before = divmod(day.month - 1 + months, 12)
    year, month = day.year + years, before + 1
    return date(year, month, min(day.day, monthrange(year, month)[1]))
