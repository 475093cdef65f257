"""Whose a document is: the identity code, the date of birth and the name that tell people apart."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from formgen.fields import HetuText, parse_birth_date
from formgen.forms.declare import Field
from formgen.forms.form import Form

CODE, BORN, NAME = "code", "born", "name"


@dataclass(frozen=True, slots=True)
class Person:
    """Who somebody is as far as a document says it: identity code, date of birth, the words of the name."""

    code: str = ""
    born: date | None = None
    name: frozenset[str] = frozenset()

    def has_matching_name(self, other: Person) -> bool:
        """Tell whether two have a name in common: one may be written shorter, or in another order.

        >>> short, whole = (Person(name=frozenset(name.split())) for name in ("onni malli", "malli onni testi"))
        >>> short.has_matching_name(whole)
        True
        """
        return bool(self.name and other.name) and (self.name <= other.name or self.name >= other.name)

    def can_be(self, other: Person) -> bool:
        """Tell whether two may be one person: what tells people apart is not all different.

        Two identity codes that differ are of two people, unless the name is the same: one may be mistyped.
        """
        if self.code and other.code:
            return self.code == other.code or self.has_matching_name(other)
        return self.has_matching_name(other) or bool(self.born and self.born == other.born)

    def find_differences(self, known: Iterable[Person]) -> set[str]:
        """Find the parts that differ from all that is known of somebody: `CODE`, `BORN`, `NAME`.

        A name may be written shorter, not longer: by words that are added and words that are left out it
        would become another one.
        """
        known = list(known)
        codes, days = {one.code for one in known if one.code}, {one.born for one in known if one.born}
        names = [one.name for one in known if one.name]
        found = {CODE} if self.code and codes and self.code not in codes else set()
        found |= {BORN} if self.born and days and self.born not in days else set()
        return found | ({NAME} if names and not any(self.name <= name for name in names) else set())


def iter_identifying_fields(form: type[Form]) -> Iterator[tuple[str, Field]]:
    """Yield each field that tells whose a document of a form is, after the part of a person that it holds."""
    for asked in form.fields:
        if isinstance(asked.field_type, HetuText):
            yield CODE, asked
        elif getattr(asked.field_type, "birth", False):
            yield BORN, asked
        elif asked.person:
            yield NAME, asked


def build_person(form: type[Form], answer: Callable[[Field], Any]) -> Person:
    """Build the person whom a document of a form names; ``answer`` returns the value of a field, or None."""
    values: dict[str, list[Any]] = {CODE: [], BORN: [], NAME: []}
    for part, asked in iter_identifying_fields(form):
        if value := answer(asked):
            values[part].append(value)
    code = next(iter(values[CODE]), "")
    born = next(iter(values[BORN]), parse_birth_date(code) if code else None)
    return Person(code, born, frozenset(word for name in values[NAME] for word in split_name(name)))


def split_name(name: str) -> list[str]:
    """Return the words of a name as they are compared."""
    return name.casefold().split()


def read_person(record: Form) -> Person:
    """Return the person whom a record names."""
    return build_person(type(record), lambda asked: getattr(record, asked.name, None))


def find_differing_fields(record: Form, known: Iterable[Form], replaced: Form | None = None) -> list[str]:
    """Return the fields in which a record names another person than the known records of one do.

    An identity code that a record of its form has had is one of them when it is missing, and so is a
    name that is not word for word that of the record which is ``replaced``.
    """
    known = list(known)
    others, person = list(map(read_person, known)), read_person(record)
    parts = person.find_differences(others)
    if not person.code and any(other.code for one, other in zip(known, others, strict=True) if one.id == record.id):
        parts.add(CODE)
    if replaced and read_person(replaced).name not in (frozenset(), person.name):
        parts.add(NAME)
    names: dict[str, list[str]] = {CODE: [], BORN: [], NAME: []}
    for part, asked in iter_identifying_fields(type(record)):
        names[part].append(asked.name)
    found = names[CODE] if CODE in parts else []
    if BORN in parts:
        found = [*found, next(name for name in (*names[BORN], *names[CODE]) if getattr(record, name))]
    if NAME in parts:
        words = {word for other in others for word in other.name}
        strange = [name for name in names[NAME] if not words.issuperset(split_name(getattr(record, name) or ""))]
        found = [*found, *(strange or names[NAME])]
    return list(dict.fromkeys(found))
