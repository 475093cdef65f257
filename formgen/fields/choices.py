"""Choices from closed lists: one or several codes, yes or no, municipalities."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from difflib import get_close_matches
from functools import cached_property
from typing import Annotated, Any, ClassVar

from babel.dates import format_date

from formgen import i18n
from formgen.documents import extraction
from formgen.documents.extraction import Control
from formgen.fields.base import SEVERAL_OPTIONS, FieldType, Json, Misread, Reading, build_finding
from formgen.fields.code_list import CodeList
from formgen.i18n import N_, normalise_text, translate

NOT_AN_OPTION = N_("Vastaus ei ole mikään annetuista vaihtoehdoista.")
MAX_TICK_BOXES = 5  # as many options are drawn as boxes, more as a list
MAX_NAMED_OPTIONS = 12  # more options are not named one by one
YES_NO = CodeList("yes_no", {"yes": "kyllä", "no": "ei"})
YES = frozenset({"kyllä", "k", "joo", "on", "x", "true", "1", "☒", "☑", "✓", "✔", "ja", "j", "yes", "y"})
NO = frozenset({"ei", "e", "false", "0", "nej", "n", "no"})


@dataclass(frozen=True, kw_only=True)
class SingleChoice(FieldType):
    """One code of a closed list. Up to ``few`` options are drawn as boxes, more as a list."""

    type: ClassVar[str] = "one"
    accepts: ClassVar[str] = N_("Yksi annetuista vaihtoehdoista.")
    of: CodeList
    few: int = MAX_TICK_BOXES

    @property
    def control(self) -> Control:
        """Return TICKS where paper should show the options, else LIST."""
        return Control.TICKS if len(self.of) <= self.few else Control.LIST

    def list_choices(self, language: str = "fi") -> tuple[extraction.Choice, ...]:
        """List the codes with their labels, where they are drawn."""
        drawn = self.control in (Control.TICKS, Control.LIST)
        return tuple(extraction.Choice(code, self.format_label(code, language)) for code in self.of) if drawn else ()

    @property
    def example(self) -> str:
        """Return the first option."""
        return super().example or next((choice.label for choice in self.list_choices()), "")

    def describe_accepted_input(self, language: str = "fi") -> str:
        """Describe the choice, with its options where they are few."""
        labels = [choice.label for choice in self.list_choices(language)]
        if not 0 < len(labels) <= MAX_NAMED_OPTIONS:
            return super().describe_accepted_input(language)
        return f"{super().describe_accepted_input(language).removesuffix('.')}: {'; '.join(labels)}."

    def parse_text(self, text: str, today: date) -> Reading:
        """Parse a code, a label in any language, a number in the list, or a close label."""
        if text in self.of:
            return self.read_code(text, today)
        if (found := text.split()) and all(code in self.of for code in found):
            raise Misread("choice", SEVERAL_OPTIONS)
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
        raise Misread("choice", NOT_AN_OPTION)

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
        """Map every name, normalised, in every language, to its code; a current code wins over an old one."""
        found: dict[str, str] = {}
        for code, entry in sorted(self.of.items(), key=lambda item: bool(item[1].successor or item[1].valid_to)):
            offered = {self.format_label(code, language) for language in i18n.list_languages()}
            for text in offered.union(*map(i18n.list_translations, (entry.label, *entry.names))):
                found.setdefault(normalise_text(text), code)
        return found

    def format_value(self, value: Any, language: str) -> str:
        """Format the choice as its code: who draws the document looks the label up."""
        return str(value)

    def format_label(self, code: str, language: str = "fi") -> str:
        """Format the label of an option, with the day until or from which it is valid."""
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
        """Build the schema of the codes with their labels."""
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
        """Parse the codes in the order of the list, from codes, or labels between commas or lines."""
        parts = text.split()
        if not all(part in self.of for part in parts):
            parts = [
                part for line in re.split(r"[;\n]|\s[-–•]\s", text) for part in self.iter_labels(line) if part.strip()
            ]
        if not 0 < len(parts) <= 2 * len(self.of):
            raise Misread("choice", NOT_AN_OPTION)
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
        """Format the codes joined by a space."""
        return " ".join(value)

    def build_schema(self) -> Json:
        """Build the schema of a list without repetition."""
        return {"type": "array", "uniqueItems": True, "items": super().build_schema()}


@dataclass(frozen=True, kw_only=True)
class YesNoChoice(SingleChoice):
    """Yes or no, stored as true or false, drawn as two boxes."""

    type: ClassVar[str] = "yn"
    accepts: ClassVar[str] = N_("Rasti kohtaan kyllä tai ei.")
    of: CodeList = YES_NO

    def describe_accepted_input(self, language: str = "fi") -> str:
        """Describe the two boxes."""
        return translate(self.accepts, language)

    def parse_text(self, text: str, today: date) -> Reading:
        """Parse True or False; both boxes ticked is a `Misread`."""
        said = {normalise_text(part) or part for part in text.split()}
        yes, no = said <= YES, said <= NO
        if yes == no:
            raise Misread(
                "choice", N_("Valitse kyllä tai ei, vain toinen.") if said <= YES | NO else N_("Vastaa kyllä tai ei.")
            )
        return Reading(yes)

    def format_value(self, value: Any, language: str) -> str:
        """Format the code of the box."""
        return "yes" if value else "no"

    def build_schema(self) -> Json:
        """Build the schema of a boolean."""
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
        """Format the municipality by its name in the language."""
        entry = self.of[value]
        return entry.names[0] if language.startswith("sv") and entry.names else entry.label

    def parse_text(self, text: str, today: date) -> Reading:
        """Parse the code; a number counts only as an official code."""
        if text.isdecimal() and text.zfill(3) not in self.of:
            raise Misread("choice", "Kuntaa ei löydy. Kirjoita kunnan nimi.")
        return super().parse_text(text.zfill(3) if text.isdecimal() else text, today)

    def build_schema(self) -> Json:
        """Build the schema of a three-digit code."""
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
        """Parse the codes in the order of the list, from names between commas, lines or an "and"."""
        return super().parse_text(re.sub(r"\s(?:ja|sekä|och|samt)\s", ", ", text, flags=re.I), today)

    def format_value(self, value: Any, language: str) -> str:
        """Format the names in the language."""
        return ", ".join(MunicipalityChoice.format_value(self, code, language) for code in value)


YesNo = Annotated[bool, YesNoChoice]
Choice = Annotated[str, SingleChoice]
Choices = Annotated[tuple[str, ...], MultipleChoice]
Municipality = Annotated[str, MunicipalityChoice]
Municipalities = Annotated[tuple[str, ...], MunicipalitiesChoice]
