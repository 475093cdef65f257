"""What every field type is made of: text to value and back, in one object.

``read(write(value)) == value`` for every field type. Reading takes all that people really write
(domain formats, part E), writing gives the one form that is shown. A text that cannot be
read raises `Misread`; a value that a person should look at comes with confidence below 1.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any, ClassVar

from formgen.documents.extraction import Choice, Control
from formgen.errors import Finding
from formgen.i18n import N_, clean_text, translate

Json = dict[str, Any]


class Misread(ValueError):
    """A text that is no answer of its field type: the code and the message of the finding to come."""

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
SEVERAL_OPTIONS = N_("Vain yksi vaihtoehto voi olla valittuna.")
DASHES = frozenset("-–—−_.…")
MINUS = str.maketrans("−–—", "---")
SAME_AS_ABOVE = re.compile(r"(sama|samat|samma)( kuin| som)? (yllä|edellä|ovan)\W*", re.I)


def build_finding(message: str, severity: str = "warning", code: str = "format", **values: str) -> Finding:
    """Build a finding about a value that was read; the form fills in the field."""
    return Finding(code, "review" if severity == "review" else "warning", "", message, values)


def build_doubtful_reading(value: Any, message: str, **values: str) -> Reading:
    """Build a reading whose value counts only after a person has looked at it."""
    return Reading(value, 0.5, (build_finding(message, "review", **values),))


@dataclass(frozen=True, kw_only=True)
class FieldType:
    """A type of answers. ``type`` is its name outside; ``accepts`` says what may be written."""

    type: ClassVar[str]
    accepts: ClassVar[str]
    multiline: ClassVar[bool] = False

    @property
    def control(self) -> Control:
        """Return the control by which the field is drawn."""
        return Control.AREA if self.multiline else Control.LINE

    def list_choices(self, language: str = "fi") -> tuple[Choice, ...]:
        """List the options that a document shows, with their labels in the language."""
        return ()

    @property
    def example(self) -> str:
        """Return the example answer that ``accepts`` gives; an empty text where it gives none.

        >>> from formgen.fields import DayDate, Text
        >>> DayDate().example, Text().example
        ('1.3.2026', '')
        """
        return self.accepts.removesuffix(".").partition("esimerkiksi ")[2]

    def describe_accepted_input(self, language: str = "fi") -> str:
        """Describe the accepted input with its bounds or options, in the language."""
        return translate(self.accepts, language)

    def read(self, text: str, today: date) -> Reading:
        """Read a text into a value, None for a blank; raise `Misread`.

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
        """Read a text that is clean and not blank; raise `Misread`."""
        return Reading(text)

    def write(self, value: Any, language: str = "fi") -> str:
        """Write the value as a document shows it; an empty text for None."""
        return "" if value is None else self.format_value(value, language)

    def format_value(self, value: Any, language: str) -> str:
        """Format a value that is not None as a document shows it."""
        return str(value)

    def build_schema(self) -> Json:
        """Build the JSON Schema of the stored value."""
        return {"type": "string"}


def iter_field_types(base: type[FieldType] = FieldType) -> Iterator[type[FieldType]]:
    """Yield every field type, however deep it is derived."""
    for child in base.__subclasses__():
        yield child
        yield from iter_field_types(child)
