"""The places of a submission that a person is asked about, and the small file in which they are answered."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from pydantic_core import to_jsonable_python

from formgen.errors import UsageError
from formgen.fields import Misread
from formgen.i18n import clean_text, translate
from formgen.intake.answers import get_document_date
from formgen.intake.identify import IdentifiedDocument, has_question
from formgen.intake.outcomes import Decision
from formgen.issuing.correction import get_field_kind, get_field_label, get_field_position


def list_doubts(decision: Decision, language: str, pictures: Mapping[str, str]) -> list[Doubt]:
    """List what a person is asked about a submission, each place once; ``pictures`` are files by path."""
    found: dict[str, list[str]] = {}
    for finding in decision.findings:
        if finding.severity != "warning":
            found.setdefault(finding.field, []).append(translate(finding.message, language, **finding.values))
    about = decision.about
    paths = sorted(found, key=lambda path: get_field_position(about.form, path)) if about else list(found)
    return [
        Doubt(
            path,
            get_field_label(about.form, path, language) if about else "",
            read_value(about, path, get_document_date(about)) if about else None,
            read.text if about and (read := about.extraction.answers.get(path)) else "",
            about.given.get(path, "") if about else "",
            tuple(dict.fromkeys(found[path])),
            pictures.get(path),
            about is not None and has_question(about.form, path),
        )
        for path in paths
    ]


def read_value(about: IdentifiedDocument, path: str, today: date) -> Any:
    """Return the value at a place as a record would hold it, None where there is none that can be read."""
    asked, answer = about.form.find_field(path), about.extraction.answers.get(path)
    kind = get_field_kind(asked, path) if asked else None
    if kind is None or answer is None:
        return None
    try:
        return to_jsonable_python(kind.read(answer.text, today).value)
    except Misread:
        return None


def render_decision_file(asked: Iterable[Doubt], language: str) -> str:
    """Return the file in which a person decides: a line for each place, what is known of it in comments."""
    said = {
        "head": translate("Korjaa arvot, jotka on luettu väärin. Jätä muut ennalleen: ne hyväksytään.", language),
        "stop": translate("Tyhjennä tiedosto, jos et halua hyväksyä palautusta nyt.", language),
    }
    lines = [f"# {said['head']}", f"# {said['stop']}"]
    for doubt in asked:
        lines += ["", *(f"# {' '.join(clean_text(line).split())}" for line in doubt.iter_lines(language))]
        if doubt.answerable:
            lines.append(f"{quote_toml(doubt.path)} = {quote_toml(clean_text(doubt.raw))}")
    return "\n".join(lines) + "\n"


def quote_toml(text: str) -> str:
    """Return a text as a string of TOML, which writes them as JSON does."""
    return json.dumps(text, ensure_ascii=False)


def parse_decision_file(text: str, asked: Iterable[Doubt]) -> dict[str, str]:
    """Return the values that a person has written, by path; raise `UsageError` for what is no decision."""
    if not text.strip():
        raise UsageError("Tiedosto on tyhjä. Palautus odottaa yhä.")
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError('Tiedosto ei ole enää muotoa "kohta" = "arvo". Palautus odottaa yhä.') from error
    read = {doubt.path: clean_text(doubt.raw) for doubt in asked if doubt.answerable}
    for path in read:
        if path not in found:
            raise UsageError("Kohdan {path} rivi puuttuu. Palautus odottaa yhä.", path=path)
    for path, value in found.items():
        if not isinstance(value, str):
            raise UsageError("Kohdan {path} arvo ei ole lainausmerkeissä. Palautus odottaa yhä.", path=path)
    return {path: value for path, value in found.items() if value != read.get(path)}


@dataclass(frozen=True)
class Doubt:
    """A place in doubt: the ``value`` as a record would hold it, the ``raw`` text, what was ``known`` there, and why.

    The ``path`` is empty for what is of no one place; ``picture`` is the file that shows the place;
    one that is ``answerable`` has an answer of its own, as a table has not.
    """

    path: str
    label: str
    value: Any
    raw: str
    known: str
    why: tuple[str, ...]
    picture: str | None
    answerable: bool

    def iter_lines(self, language: str) -> Iterator[str]:
        """Describe the place to a person, line by line."""
        yield f"{self.label} ({self.path})" if self.path else translate("Koko asiakirja", language)
        yield from self.why
        if self.answerable:
            value = self.value if isinstance(self.value, str) else json.dumps(self.value, ensure_ascii=False)
            yield translate("Kohdassa luki", language) + f": {self.raw or '–'}"
            yield translate("Luettu arvo", language) + f": {'–' if self.value is None else value}"
            yield translate("Tiedossa oli", language) + f": {self.known or '–'}"
        if self.picture:
            yield translate("Kuva", language) + f": {self.picture}"
