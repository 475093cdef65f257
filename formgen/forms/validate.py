"""Validation: from an extraction to a record and all that is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from pydantic import BaseModel

from formgen.documents.extraction import UNSEEN, Answer, Extraction
from formgen.errors import Finding, Severity
from formgen.fields import SIGNATURE_PARTS, FieldType, Misread, SignatureBlock, SignatureValue
from formgen.forms.declare import Answers, Field, Unanswered, call_or_none
from formgen.forms.form import Form
from formgen.forms.rules import Rule
from formgen.i18n import N_


@dataclass(frozen=True)
class ValidationResult:
    """The result of validation: a record when every answer could be read, and all findings."""

    record: Form | None
    findings: tuple[Finding, ...]

    def list_findings(self, severity: Severity) -> tuple[Finding, ...]:
        """Return the findings of one severity."""
        return tuple(found for found in self.findings if found.severity == severity)


@dataclass
class Reader:
    """One pass over the answers of an extraction; collects findings as it reads."""

    extraction: Extraction
    today: date
    case: Any = None
    findings: list[Finding] = field(default_factory=list)
    places: dict[str, list[int]] = field(default_factory=dict)

    def read_table(self, asked: Field, record: Any) -> list[Answers]:
        """Read the rows of a table that hold something; empty rows between filled ones are dropped.

        ``record`` holds the answers before the table: what they do not call for is no row either
        when it holds no more than it was given.
        """
        given = () if asked.needed and call_or_none(asked.needed, record) else asked.given
        pattern = re.compile(rf"{asked.name}\.(\d+)\.")
        indices = sorted({int(match[1]) for path in self.extraction.answers if (match := pattern.match(path))})
        found = []
        for index in indices:
            prefix = f"{asked.name}.{index}."
            cells = {path: answer.text for path, answer in self.extraction.answers.items() if path.startswith(prefix)}
            if not any(
                text.strip(" -–—\n\t") for path, text in cells.items() if path.removeprefix(prefix) not in given
            ):
                continue
            self.places.setdefault(asked.name, []).append(index)
            assert asked.row, "a table has rows"
            found.append(self.read_model(asked.row, asked.columns, prefix))
        return found

    def read_model(self, model: type[BaseModel], fields: Iterable[Field], prefix: str = "") -> Any:
        """Read the answers into a form or row; an answer that could not be read is left out of it."""
        values: dict[str, Any] = {}
        damaged: set[str] = set()
        for asked in fields:
            if asked.fill:
                values[asked.name] = None
            elif asked.columns:
                values[asked.name] = tuple(self.read_table(asked, model.model_construct(**values)))
            elif isinstance(asked.field_type, SignatureBlock):
                self.read_signature(asked, prefix, values, damaged)
            else:
                self.read_value(asked, prefix, values, damaged)
        record = model.model_construct(**values)
        for name in damaged:
            record.__dict__.pop(name, None)
        return record

    def read_value(self, asked: Field, prefix: str, values: dict[str, Any], damaged: set[str]) -> None:
        """Read one plain field into values, or name it as damaged."""
        assert asked.field_type, "only tables have no field type"
        try:
            values[asked.name] = self.read_answer(asked.field_type, prefix + asked.name)
            if values[asked.name] is None and asked.default:
                values[asked.name] = asked.default(self.case)
        except Unanswered:
            damaged.add(asked.name)
            return
        if values[asked.name] is None and asked.required:
            damaged.add(asked.name)
            self.report_missing_answer(asked, prefix)

    def read_signature(self, asked: Field, prefix: str, values: dict[str, Any], damaged: set[str]) -> None:
        """Read a signature block: nothing at all is None, half of one is a finding."""
        path = prefix + asked.name
        try:
            name, day, place = (
                self.read_answer(field_type, f"{path}.{part}") for part, (_, field_type) in SIGNATURE_PARTS.items()
            )
        except Unanswered:
            damaged.add(asked.name)
            return
        values[asked.name] = SignatureValue(name=name, date=day, place=place) if name and day else None
        if bool(name) != bool(day):
            damaged.add(asked.name)
            absent = f"{path}.{'date' if name else 'name'}"
            self.findings.append(Finding("required", "error", absent, "Allekirjoituksessa on oltava nimi ja päivä."))
        elif not name and asked.required:
            damaged.add(asked.name)
            self.report_missing_answer(asked, prefix, ".name")

    def complete_record(self, record: Form, form: type[Form]) -> None:
        """Compute what is not asked, and find what the other answers make necessary."""
        ruled = {declared.code for declared in form.rules} - {"required"}
        for asked in form.fields:
            if asked.fill:
                compute(record, asked.name, asked.fill, record, self.case)
            elif asked.code not in ruled and is_missing(asked, record):
                self.report_missing_answer(asked)
            for index, row in enumerate(record.__dict__[asked.name]) if asked.columns else ():
                prefix = f"{asked.name}.{self.places[asked.name][index]}."
                for column in asked.columns:
                    if column.fill:
                        compute(row, column.name, column.fill, record, index)
                    elif column.code not in ruled and is_missing(column, row):
                        self.report_missing_answer(column, prefix)

    def report_missing_answer(self, asked: Field, prefix: str = "", part: str = "") -> None:
        """Find that a required answer is not there: a question for a person where the document did not ask it."""
        path = f"{prefix}{asked.name}{part}"
        answer = self.extraction.answers.get(path)
        if answer and answer.layer in UNSEEN:
            self.findings.append(Finding(asked.code, "review", path, "Asiakirja ei kysynyt tätä. Täydentäkää se."))
        else:
            self.findings.append(Finding(asked.code, "error", path, MISSING_ANSWER))

    def read_answer(self, field_type: FieldType, path: str) -> Any:
        """Read the value at the path; raise `Unanswered` when there is none to trust."""
        answer = self.extraction.answers.get(path)
        if answer is None:
            self.findings.append(Finding("required", "review", path, "Kohta puuttuu asiakirjasta kokonaan."))
            raise Unanswered(path)
        try:
            reading = field_type.read(answer.text, self.today)
        except Misread as misread:
            self.findings.append(Finding(misread.code, "error", path, misread.message, misread.values))
            raise Unanswered(path) from misread
        self.findings += [replace(said, field=path) for said in reading.notes]
        if answer.confidence < 1:
            self.findings.append(Finding("format", "review", path, describe_doubt(answer)))
        return reading.value


MISSING_ANSWER = N_("Pakollinen kohta puuttuu.")
DOUBTS = {
    "placeholder_left": N_("Kentän ohjeteksti on jäänyt vastauksen viereen. Vahvistakaa arvo."),
    "struck_out": N_("Kentässä on yliviivattua tekstiä. Vahvistakaa arvo."),
    "unread": N_("Kentässä on kuva tai muuta, jota ei voi lukea tekstinä. Vahvistakaa arvo."),
    "text_outside": N_("Kentän vieressä on muuta tekstiä. Vahvistakaa arvo."),
    "tracked_change": N_("Kentässä on jäljitetty muutos. Vahvistakaa arvo."),
    "hidden_text": N_("Kentässä on piilotettua tekstiä. Vahvistakaa arvo."),
    "duplicate": N_("Kenttä on asiakirjassa kahdesti. Vahvistakaa arvo."),
    "glyph_state": N_("Ruudun merkki ja tila ovat ristiriidassa. Vahvistakaa valinta."),
    "carriers_disagree": N_("Kentän tunnisteet ovat ristiriidassa. Vahvistakaa arvo."),
    "misplaced": N_("Taulukon soluja on siirtynyt. Vahvistakaa arvo."),
    "incomplete": N_("Osa kentän ruuduista puuttuu asiakirjasta. Vahvistakaa valinta."),
    "readers_disagree": N_("Kaksi lukijaa sai kentästä eri arvon. Vahvistakaa arvo."),
    "flattened": N_("Arvo on luettu sivun kuvasta. Vahvistakaa arvo."),
    "one_reader": N_("Vain toinen kahdesta lukijasta sai tiedoston luettua. Vahvistakaa arvo."),
}


def describe_doubt(answer: Answer) -> str:
    """Describe the first doubt of an answer in one sentence."""
    return next(
        (DOUBTS[code] for code in answer.doubts if code in DOUBTS), N_("Arvo on luettu epävarmasti. Vahvistakaa se.")
    )


def is_missing(asked: Field, record: Answers) -> bool:
    """Tell whether an answer is blank that the other answers make necessary."""
    blank_now = record.__dict__.get(asked.name, ...) in (None, ())
    return bool(asked.needed and blank_now and call_or_none(asked.needed, record))


def validate_extraction(form: type[Form], extraction: Extraction, case: Any, today: date) -> ValidationResult:
    """Read an extraction into a record and find all that is wrong with it, not only the first thing.

    ``case`` is what the rules may ask (see `workflow.Case`); ``today`` the day the codes and
    two-digit years are read against. The record is None when an answer could not be read.
    """
    reader = Reader(extraction, today, case)
    record = reader.read_model(form, form.fields)
    reader.complete_record(record, form)
    for declared in form.rules:
        if not set(declared.needs) - case.forms:
            reader.findings += find_violations(declared, record, case, reader.places)
    reader.findings += [
        Finding("format", "review", "", "Asiakirjassa on tekstiä kenttien ulkopuolella.") for _ in extraction.strays[:1]
    ]
    whole = form.model_validate(record.model_dump()) if is_complete(record, form.fields) else None
    return ValidationResult(whole, tuple(dict.fromkeys(reader.findings)))


def compute(answers: Answers, name: str, ask_for: Callable[..., Any], *about: Any) -> None:
    """Put what is not asked into a form or row; without an answer that it needs it is not there either."""
    try:
        answers.__dict__[name] = ask_for(*about)
    except Unanswered:
        answers.__dict__.pop(name, None)


def find_violations(declared: Rule, record: Form, case: Any, places: Mapping[str, list[int]]) -> Iterator[Finding]:
    """Yield the findings of one rule, at the places that stand in the document."""
    told = call_or_none(declared.check, record, case)
    if told is None or told.answer is True:
        return
    for path in [declared.field] if told.answer is False else told.answer:
        table, _, rest = path.partition(".")
        index, _, column = rest.partition(".")
        if index.isdecimal() and table in places:
            path = f"{table}.{places[table][int(index)]}.{column}".rstrip(".")
        yield Finding(
            declared.code, declared.severity, path, declared.message, told.values, waits_for=declared.waits_for
        )


def is_complete(record: Answers, fields: Iterable[Field]) -> bool:
    """Tell whether every answer of the record and of its rows could be read."""
    return all(
        asked.name in record.__dict__
        and all(is_complete(row, asked.columns) for row in record.__dict__[asked.name] or ())
        if asked.columns
        else asked.name in record.__dict__
        for asked in fields
    )
