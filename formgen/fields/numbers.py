"""Numbers: decimals, hours, euros and whole numbers."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, ClassVar

from babel.numbers import NumberFormatError, format_currency, format_decimal, parse_decimal

from formgen.documents.extraction import Choice, Control
from formgen.fields.base import (
    MINUS,
    SEVERAL_OPTIONS,
    FieldType,
    Json,
    Misread,
    Reading,
    build_doubtful_reading,
    build_finding,
)
from formgen.i18n import N_

NOT_A_NUMBER = N_("Tähän tarvitaan luku, esimerkiksi {example}.")
MAX_SCORES = 5  # as many whole numbers are drawn as boxes, more as a line
ABOUT = re.compile(r"(n\.|noin|ca|c\.|circa|ungefär|~)\s*", re.I)
THOUSANDS = re.compile(r"[1-9]\d{0,2}(\.\d{3})+")
SPAN = re.compile(r"(\d[\d ]*(?:[.,]\d+)?)\s*[-–—−]\s*(\d[\d ]*(?:[.,]\d+)?)")


@dataclass(frozen=True, kw_only=True)
class Number(FieldType):
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
        """Parse the number; ``n. 20`` is noted, ``20–25`` is for a person to settle."""
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
        """Parse a number written in Finnish: space for thousands, comma for decimals."""
        text = text.translate(MINUS).replace(" ", "").replace("+", "")
        if "," in text:
            text = text.replace(".", "")
        if not re.fullmatch(r"-?\d{1,15}([.,]\d{1,6}|,-)?", text):
            raise Misread("format", NOT_A_NUMBER, example=self.example)
        try:
            value = parse_decimal(text.removesuffix(",-").replace(".", ","), locale="fi")
        except NumberFormatError as error:
            raise Misread("format", NOT_A_NUMBER, example=self.example) from error
        return self.set_decimal_places(Decimal(value))

    @property
    def example(self) -> str:
        """Return an example number."""
        return "20" if self.places == 0 else "37,5"

    def set_decimal_places(self, value: Decimal) -> Decimal:
        """Set the decimals, ``least`` to ``places`` of them; raise `Misread` for more digits."""
        exact = value.normalize()
        digits = -int(exact.as_tuple().exponent)
        if digits > self.places:
            raise Misread("format", "Luvussa on liikaa desimaaleja: enintään {most}.", most=str(self.places))
        return exact.quantize(Decimal(1).scaleb(-max(digits, self.least)))

    def check_bounds(self, value: Decimal) -> Decimal:
        """Return the value if it is within the bounds; raise `Misread` if not."""
        if (self.low is not None and value < self.low) or (self.high is not None and value > self.high):
            raise Misread(
                "range",
                "Luvun pitää olla väliltä {low}–{high}.",
                low=self.format_bound(self.low),
                high=self.format_bound(self.high),
            )
        return value

    def format_bound(self, bound: Decimal | None) -> str:
        """Format a bound as a message shows it."""
        return "" if bound is None else format_decimal(bound, locale="fi", group_separator=self.grouped)

    def format_value(self, value: Any, language: str) -> str:
        """Format the number with comma and no-break spaces, decimals as they are."""
        decimals = max(0, -int(Decimal(value).as_tuple().exponent))
        shown = 0 if value == int(value) and type(self) is not Money else decimals
        whole = "#,##0" if self.grouped else "0"
        return format_decimal(value, format=f"{whole}.{'0' * shown}" if shown else whole, locale="fi")

    def build_schema(self) -> Json:
        """Build the schema of a string with a dot: binary fractions would not be exact."""
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
        """Return an example amount."""
        return "2 100,50"

    def format_value(self, value: Any, language: str) -> str:
        """Format the amount, a no-break space and the sign."""
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
        """List the numbers of a score, each as its own label.

        >>> [choice.label for choice in Whole(low=Decimal(1), high=Decimal(5)).list_choices()]
        ['1', '2', '3', '4', '5']
        """
        if self.low is None or self.high is None or self.high - self.low >= MAX_SCORES:
            return ()
        return tuple(Choice(str(number), str(number)) for number in range(int(self.low), int(self.high) + 1))

    def parse_text(self, text: str, today: date) -> Reading:
        """Parse the number as an int; two boxes of a score are a `Misread`, not one long number."""
        if len(ticked := text.split()) > 1 and {choice.code for choice in self.list_choices()}.issuperset(ticked):
            raise Misread("choice", SEVERAL_OPTIONS)
        reading = super().parse_text(text, today)
        return replace(reading, value=int(reading.value))

    def build_schema(self) -> Json:
        """Build the schema of an integer with its bounds."""
        bounds = {"minimum": self.low, "maximum": self.high}
        return {"type": "integer", **{key: int(bound) for key, bound in bounds.items() if bound is not None}}


Int = Annotated[int, Whole]
Dec = Annotated[Decimal, Number]
Hours = Annotated[Decimal, HoursNumber]
Euro = Annotated[Decimal, Money]
