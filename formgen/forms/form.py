"""A form: its questions, its rules, and the two ways through the waist, `blank` and `judge`."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from types import UnionType
from typing import Annotated, Any, ClassVar, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel, ConfigDict
from pydantic import Field as PydanticField

from formgen.documents.extraction import PREFILLED, UNSEEN, Answer, Extraction, Question
from formgen.errors import Finding, Severity, UsageError
from formgen.fields.kinds import SIGNATURE_PARTS, Json, Kind, Misread, Signature, SignatureBlock, SingleChoice
from formgen.forms.rules import Contradiction, Deadline, Rule
from formgen.forms.rules import contradiction as contradiction
from formgen.forms.rules import deadline as deadline
from formgen.forms.rules import rule as rule
from formgen.i18n import translate

DRAFT = "https://json-schema.org/draft/2020-12/schema"
BY = ("client", "coach", "employer", "referrer", "leader", "system")
MAX_TICK_BOXES_IN_TABLE = 3
OPTIONAL_PART = ".place"  # of a signature; a name and a day make one


class Unanswered(AttributeError):
    """A rule asked for an answer that could not be read: the rule is not asked further."""


@dataclass(frozen=True, kw_only=True)
class QuestionDeclaration:
    """What `ask` and `rows` say of a field beyond its type."""

    label: str
    hint: str = ""
    section: str = ""
    by: str = "coach"
    prefill: str | Callable[[Any], Any] | None = None
    default: Callable[[Any], Any] | None = None
    fill: Callable[[Any, Any], Any] | None = None
    needed: Callable[[Any], bool] | None = None
    sensitivity: str = "s"
    locked: bool = False
    person: bool = False
    printed: int = 0
    given: tuple[str, ...] = ()
    code: str = ""
    kind: Mapping[str, Any] = field(default_factory=dict)


def ask(
    label: str,
    *,
    hint: str = "",
    section: str = "",
    by: str = "coach",
    prefill: str | Callable[[Any], Any] | None = None,
    default: Callable[[Any], Any] | None = None,
    fill: Callable[[Any, Any], Any] | None = None,
    needed: Callable[[Any], bool] | None = None,
    sensitivity: str = "s",
    locked: bool = False,
    person: bool = False,
    code: str = "required",
    **kind: Any,
) -> Any:
    """Declare a question.

    ``section`` opens a section of the document; ``by`` says who fills it (`BY`); ``prefill``
    is ``form.field`` or a function of the case; ``default(case)`` is the value of a blank;
    ``fill(record, case)`` computes the value instead of asking (in a row: ``fill(record,
    index)``); ``needed(record)`` makes an optional answer required, its absence being a
    finding with ``code`` unless the form has a rule of that code, which then speaks for it;
    ``sensitivity`` is n, s, h or i; ``person`` marks a name that tells whose the document is, as
    an identity code and a date of birth do by themselves; the rest are parameters of the kind (``max_length``,
    ``of``, ``low``, ``high``, ``places``, ``birth``).
    """
    asked = QuestionDeclaration(
        label=label,
        hint=hint,
        section=section,
        by=by,
        prefill=prefill,
        default=default,
        fill=fill,
        needed=needed,
        sensitivity=sensitivity,
        locked=locked,
        person=person,
        code=code,
        kind=kind,
    )
    return PydanticField(title=label, json_schema_extra={"asked": asked})  # type: ignore[dict-item]


def is_always_needed(_record: Any) -> bool:
    """Tell that an answer is needed whatever the others say."""
    return True


def ask_table(
    label: str,
    *,
    printed: int = 3,
    given: tuple[str, ...] = (),
    hint: str = "",
    section: str = "",
    by: str = "coach",
    prefill: str | Callable[[Any], Any] | None = None,
    needed: Callable[[Any], bool] | None = None,
    sensitivity: str = "s",
    locked: bool = False,
    required: bool = False,
    code: str = "required",
) -> Any:
    """Declare a repeating table; ``printed`` rows stand ready in a document, more may be added.

    ``given`` names columns that a document brings filled: a row in which nothing else stands
    counts only where the table is needed. ``code`` is as for `ask`.
    """
    asked = QuestionDeclaration(
        label=label,
        hint=hint,
        section=section,
        by=by,
        prefill=prefill,
        needed=needed or (is_always_needed if required else None),
        sensitivity=sensitivity,
        locked=locked,
        printed=printed,
        given=given,
        code=code,
    )
    return PydanticField(title=label, json_schema_extra={"asked": asked})  # type: ignore[dict-item]


@dataclass(frozen=True, kw_only=True)
class Field(QuestionDeclaration):
    """One field of a form: its name, its kind, and for a table the columns of a row."""

    name: str
    reads: Kind | None
    required: bool
    row: type[BaseModel] | None = None
    columns: tuple[Field, ...] = ()

    @property
    def need(self) -> str:
        """Return ``required``, ``conditional`` or ``optional``."""
        if self.required:
            return "required"
        return "conditional" if self.needed else "optional"

    @property
    def type(self) -> str:
        """Return the name of the kind as the outside contract has it."""
        return self.reads.type if self.reads else "table"

    def iter_parts(self) -> Iterator[tuple[str, str, Kind]]:
        """Yield path, label and kind of every place that the field has on paper."""
        if isinstance(self.reads, SignatureBlock):
            for part, (label, kind) in SIGNATURE_PARTS.items():
                yield f"{self.name}.{part}", f"{self.label}: {label.lower()}", kind
        elif self.reads:
            yield self.name, self.label, self.reads


def collect_fields(model: type[BaseModel], few: int | None = None) -> tuple[Field, ...]:
    """Return the fields of a form or row in order, read from its annotations."""
    found = []
    for name, hint in get_type_hints(model, include_extras=True).items():
        info = model.model_fields.get(name)
        extra = info.json_schema_extra if info else None
        if not isinstance(extra, dict) or not isinstance(extra.get("asked"), QuestionDeclaration):
            continue
        asked: Any = extra["asked"]
        options = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
        required = type(None) not in options
        inner = next(option for option in options if option is not type(None))
        common = {key: getattr(asked, key) for key in QuestionDeclaration.__dataclass_fields__}
        if get_origin(inner) is tuple:
            row = get_args(inner)[0]
            columns = collect_fields(row, few=MAX_TICK_BOXES_IN_TABLE)
            needs = asked.needed is is_always_needed
            found.append(Field(**common, name=name, reads=None, required=needs, row=row, columns=columns))
            continue
        if get_origin(inner) is not Annotated:
            raise TypeError(f"{model.__name__}.{name} has no kind of answer")
        kind = next(item for item in get_args(inner)[1:] if isinstance(item, type) and issubclass(item, Kind))
        reads = kind(**asked.kind)
        if few is not None and type(reads) is SingleChoice:
            reads = replace(reads, few=few)
        found.append(Field(**common, name=name, reads=reads, required=required))
    return tuple(found)


# --- forms ------------------------------------------------------------------------------------


class Answers(BaseModel):
    """Answers that were read: asking for one that could not be is `Unanswered`."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    def __getattr__(self, name: str) -> Any:
        """Refuse an answer that is missing because it could not be read."""
        if name in type(self).model_fields:
            raise Unanswered(name)
        return super().__getattr__(name)  # type: ignore[misc]


class Row(Answers):
    """One row of a repeating table."""


class Form(Answers):
    """One form. Subclasses declare questions, rules and moves; see `schemas/`."""

    id: ClassVar[str]
    number: ClassVar[str]
    version: ClassVar[str]
    title: ClassVar[str]
    about: ClassVar[str] = ""
    unit: ClassVar[bool] = False  # of the unit: it has no case
    caseless: ClassVar[bool] = False  # it may be of the unit: a document made for no case is
    single: ClassVar[bool] = False  # one a case: what comes later corrects it
    versions: ClassVar[bool] = False  # a later one takes the place of the earlier one
    versions_per: ClassVar[str] = ""  # the field each of whose values has versions of its own, such as a job
    allowed_phases: ClassVar[tuple[str, ...]] = ()  # the phases in which it may also come without making a move
    date_field: ClassVar[str] = "document_date"  # the field that says of which day the document is
    moves: ClassVar[tuple[Any, ...]] = ()
    fields: ClassVar[tuple[Field, ...]]
    rules: ClassVar[tuple[Rule, ...]]
    deadlines: ClassVar[tuple[Deadline, ...]]
    contradictions: ClassVar[tuple[Contradiction, ...]]

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        """Read the fields and rules of the class once."""
        cls.fields = collect_fields(cls)
        cls.rules = tuple(cls.iter_declarations("rules"))
        cls.deadlines = tuple(cls.iter_declarations("deadlines"))
        cls.contradictions = tuple(cls.iter_declarations("contradictions"))

    @classmethod
    def iter_declarations(cls, kind: str) -> Iterator[Any]:
        """Yield what the methods of the form were declared as: ``rules``, ``dues`` or ``contradictions``."""
        for name in dir(cls):
            if name not in cls.model_fields and not name.startswith("_"):
                yield from getattr(getattr(cls, name), "__dict__", {}).get(kind, ())

    @classmethod
    def list_questions(cls, language: str = "fi", omitted: Container[str] = ()) -> tuple[Question, ...]:
        """Return what a document asks, in order, with labels in the language.

        ``omitted`` are names of fields that it does not ask; a section's title goes to the first
        that it does.
        """
        found: list[Question] = []
        section = ""
        for asked in cls.fields:
            section = asked.section or section
            if asked.fill:
                continue
            left_out = asked.name in omitted
            for question in iter_questions(asked, language):
                number = f"F{len(found) + 1}"
                found.append(replace(question, number=number, section=translate(section, language), omitted=left_out))
                section = section if left_out else ""
        return tuple(found)

    @classmethod
    def find_omitted_fields(cls, chosen: Iterable[str]) -> frozenset[str]:
        """Return the fields that a unit has chosen to leave out; raise `UsageError` for one that cannot be.

        Each is the name of an optional field, the number of a section for all optional fields in
        it, or ``*`` for all of the form.
        """
        sections: dict[str, set[str]] = {"*": set()}
        section = ""
        for asked in cls.fields:
            section = asked.section.partition(" ")[0] or section
            fixed = asked.need != "optional" or asked.fill or isinstance(asked.reads, SignatureBlock)
            free = set() if fixed else {asked.name}
            sections["*"] |= free
            sections.setdefault(section, set()).update(free)
        names = {name: {name} for name in sections["*"]}
        found: set[str] = set()
        for item in chosen:
            if item not in sections and item not in names:
                raise UsageError("Lomakkeelta {form} ei voi jättää pois kohtaa {field}.", form=cls.id, field=item)
            found |= sections.get(item) or names.get(item, set())
        return frozenset(found)

    @classmethod
    def is_of_unit(cls, case_id: str | None) -> bool:
        """Tell whether a document of the form is of the unit and has no case."""
        return cls.unit or (cls.caseless and not case_id)

    @classmethod
    def continues_from(cls, case: Any) -> Any:
        """Return the known record whose answers a new document of the case starts from, or None."""
        return next(reversed(case.list_current_records(cls.id)), None) if cls.single else None

    @classmethod
    def list_subjects(cls, _case: Any) -> Mapping[str, str]:
        """Return what a new document of the case may be about, such as one of several jobs: name by id."""
        return {}

    @classmethod
    def has_fields_for(cls, by: str) -> bool:
        """Tell whether any field of the form, or column of its tables, is for somebody to fill."""
        return any(asked.by == by for field in cls.fields for asked in (field, *field.columns))

    @classmethod
    def find_withheld_fields(cls, _case: Any) -> frozenset[str] | None:
        """Return the fields that an employer's document of the case must not hold, None when there may be none."""
        return None

    @classmethod
    def find_field(cls, path: str) -> Field | None:
        """Return the field of a path; for a cell of a table, its column."""
        name, _, rest = path.partition(".")
        found = next((asked for asked in cls.fields if asked.name == name), None)
        if found and found.columns and rest:
            column = rest.partition(".")[2] or rest
            return next((asked for asked in found.columns if asked.name == column), found)
        return found

    @classmethod
    def is_needed(cls, _case: Any) -> bool:
        """Tell whether the case needs this form now."""
        return False

    @property
    def coach(self) -> str | None:
        """Return the coach that the record names for the case, or None."""
        return None

    def infer_phase(self, case: Any) -> str | None:
        """Return the phase that this record, while it is in force, speaks for."""
        return None

    def find_breaking_paths(self, path: str, breaks: Callable[[Any], Any]) -> list[str]:
        """Return the paths of a column of a table, such as ``offer.end_date``, in the rows that break a rule."""
        table, _, column = path.partition(".")
        return [f"{table}.{index}.{column}" for index, row in enumerate(getattr(self, table)) if breaks(row)]

    def list_signatures(self) -> dict[str, Signature]:
        """Return the signatures that are there by role."""
        blocks = {
            name.removeprefix("sign_"): getattr(self, name)
            for name in type(self).model_fields
            if name.startswith("sign_")
        }
        return {role: block for role, block in blocks.items() if block}


def iter_questions(asked: Field, language: str) -> Iterator[Question]:
    """Yield the question or questions that a field is asked as."""
    if asked.columns:
        columns = tuple(
            question for column in asked.columns if not column.fill for question in iter_questions(column, language)
        )
        yield Question(
            path=asked.name,
            label=translate(asked.label, language),
            hint=translate(asked.hint, language) if asked.hint else "",
            required=asked.required,
            locked=asked.locked,
            columns=columns,
            rows=asked.printed,
        )
        return
    for number, (path, label, kind) in enumerate(asked.iter_parts()):
        yield Question(
            path=path,
            label=translate(label, language),
            control=kind.control,
            hint=translate(asked.hint, language) if asked.hint and not number else "",
            required=asked.required and not path.endswith(OPTIONAL_PART),
            locked=asked.locked,
            choices=kind.list_choices(language),
            limit=getattr(kind, "max_length", 0),
            many=kind.type == "many",
        )


def prefill_extraction(form: type[Form], known: Mapping[str, Any], language: str = "fi") -> Extraction:
    """Return the sheet of a document to be filled, holding the values that are known.

    ``known`` maps field names to values as a record holds them; tables are lists of mappings.
    """
    answers: dict[str, Answer] = {}

    def put(asked: Field, value: Any, prefix: str) -> None:
        if asked.fill:
            return
        for index, row in enumerate(value or ()) if asked.columns else ():
            for column in asked.columns:
                put(column, get_part(row, column.name), f"{prefix}{asked.name}.{index}.")
        if isinstance(asked.reads, SignatureBlock):
            for part, (_, kind) in SIGNATURE_PARTS.items():
                answers[f"{prefix}{asked.name}.{part}"] = Answer(kind.write(get_part(value, part), language), PREFILLED)
        elif asked.reads:
            answers[f"{prefix}{asked.name}"] = Answer(asked.reads.write(value, language), PREFILLED)

    for asked in form.fields:
        put(asked, known.get(asked.name), "")
    return Extraction(answers)


def get_part(value: Any, name: str) -> Any:
    """Return one part of a value that is a mapping, an object or nothing."""
    return value.get(name) if isinstance(value, Mapping) else getattr(value, name, None)


@dataclass(frozen=True)
class ValidationResult:
    """What became of a sheet: a record when every answer could be read, and all findings."""

    record: Form | None
    findings: tuple[Finding, ...]

    def list_findings(self, severity: Severity) -> tuple[Finding, ...]:
        """Return the findings of one severity."""
        return tuple(found for found in self.findings if found.severity == severity)


@dataclass
class Reader:
    """One pass over the answers of a sheet; collects findings as it reads."""

    extraction: Extraction
    today: date
    case: Any = None
    findings: list[Finding] = field(default_factory=list)
    places: dict[str, list[int]] = field(default_factory=dict)

    def read_table(self, asked: Field, record: Any) -> list[Answers]:
        """Return the rows that hold something; empty rows between filled ones are dropped.

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
        """Return the form or row of the answers; what could not be read is left out of it."""
        values: dict[str, Any] = {}
        damaged: set[str] = set()
        for asked in fields:
            if asked.fill:
                values[asked.name] = None
            elif asked.columns:
                values[asked.name] = tuple(self.read_table(asked, model.model_construct(**values)))
            elif isinstance(asked.reads, SignatureBlock):
                self.read_signature(asked, prefix, values, damaged)
            else:
                self.read_value(asked, prefix, values, damaged)
        record = model.model_construct(**values)
        for name in damaged:
            record.__dict__.pop(name, None)
        return record

    def read_value(self, asked: Field, prefix: str, values: dict[str, Any], damaged: set[str]) -> None:
        """Read one plain field into values, or name it as damaged."""
        assert asked.reads, "only tables have no kind"
        try:
            values[asked.name] = self.read_answer(asked.reads, prefix + asked.name)
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
            name, day, place = (self.read_answer(kind, f"{path}.{part}") for part, (_, kind) in SIGNATURE_PARTS.items())
        except Unanswered:
            damaged.add(asked.name)
            return
        values[asked.name] = Signature(name=name, date=day, place=place) if name and day else None
        if bool(name) != bool(day):
            damaged.add(asked.name)
            absent = "date" if name else "name"
            self.findings.append(
                Finding("required", "error", f"{path}.{absent}", "Allekirjoituksessa on oltava nimi ja päivä.")
            )
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
            self.findings.append(Finding(asked.code, "error", path, "Pakollinen kohta puuttuu."))

    def read_answer(self, kind: Kind, path: str) -> Any:
        """Return the value at the path; raise `Unanswered` when there is none to trust."""
        answer = self.extraction.answers.get(path)
        if answer is None:
            self.findings.append(Finding("required", "review", path, "Kohta puuttuu asiakirjasta kokonaan."))
            raise Unanswered(path)
        try:
            reading = kind.read(answer.text, self.today)
        except Misread as misread:
            self.findings.append(Finding(misread.code, "error", path, misread.message, misread.values))
            raise Unanswered(path) from misread
        self.findings += [replace(said, field=path) for said in reading.notes]
        if answer.confidence < 1:
            self.findings.append(Finding("format", "review", path, describe_doubt(answer)))
        return reading.value


DOUBTS = {
    "placeholder_left": "Kentän ohjeteksti on jäänyt vastauksen viereen. Vahvistakaa arvo.",
    "struck_out": "Kentässä on yliviivattua tekstiä. Vahvistakaa arvo.",
    "unread": "Kentässä on kuva tai muuta, jota ei voi lukea tekstinä. Vahvistakaa arvo.",
    "text_outside": "Kentän vieressä on muuta tekstiä. Vahvistakaa arvo.",
    "tracked_change": "Kentässä on jäljitetty muutos. Vahvistakaa arvo.",
    "hidden_text": "Kentässä on piilotettua tekstiä. Vahvistakaa arvo.",
    "duplicate": "Kenttä on asiakirjassa kahdesti. Vahvistakaa arvo.",
    "glyph_state": "Ruudun merkki ja tila ovat ristiriidassa. Vahvistakaa valinta.",
    "carriers_disagree": "Kentän tunnisteet ovat ristiriidassa. Vahvistakaa arvo.",
    "misplaced": "Taulukon soluja on siirtynyt. Vahvistakaa arvo.",
    "incomplete": "Osa kentän ruuduista puuttuu asiakirjasta. Vahvistakaa valinta.",
    "readers_disagree": "Kaksi lukijaa sai kentästä eri arvon. Vahvistakaa arvo.",
    "flattened": "Arvo on luettu sivun kuvasta. Vahvistakaa arvo.",
    "one_reader": "Vain toinen kahdesta lukijasta sai tiedoston luettua. Vahvistakaa arvo.",
}


def describe_doubt(answer: Answer) -> str:
    """Return the sentence for the first doubt of an answer."""
    return next(
        (DOUBTS[code] for code in answer.doubts if code in DOUBTS), "Arvo on luettu epävarmasti. Vahvistakaa se."
    )


def is_missing(asked: Field, record: Answers) -> bool:
    """Tell whether an answer is blank that the other answers make necessary."""
    blank_now = record.__dict__.get(asked.name, ...) in (None, ())
    return bool(asked.needed and blank_now and call_or_none(asked.needed, record))


def validate_extraction(form: type[Form], sheet: Extraction, case: Any, today: date) -> ValidationResult:
    """Return the record of a sheet and all that is wrong with it, not only the first thing.

    ``case`` is what the rules may ask (see `workflow.Case`); ``today`` the day the codes and
    two-digit years are read against. The record is None when an answer could not be read.
    """
    reader = Reader(sheet, today, case)
    record = reader.read_model(form, form.fields)
    reader.complete_record(record, form)
    for declared in form.rules:
        if not set(declared.needs) - case.forms:
            reader.findings += find_violations(declared, record, case, reader.places)
    reader.findings += [
        Finding("format", "review", "", "Asiakirjassa on tekstiä kenttien ulkopuolella.") for _ in sheet.strays[:1]
    ]
    whole = form.model_validate(record.model_dump()) if is_complete(record, form.fields) else None
    return ValidationResult(whole, tuple(dict.fromkeys(reader.findings)))


def call_or_none(ask_for: Callable[..., Any], *about: Any) -> Any:
    """Return what the function says of the answers, or None when one of them is not there."""
    try:
        return ask_for(*about)
    except Unanswered:
        return None


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


# --- what is published of a form --------------------------------------------------------------


def build_json_schema(form: type[Form]) -> Json:
    """Return the JSON Schema 2020-12 of the form's data, titles in Finnish."""
    return {
        "$schema": DRAFT,
        "$id": f"urn:formgen:schema:{form.id}:{form.version}",
        "title": form.title,
        **build_object_schema(form.fields),
    }


def build_object_schema(fields: Iterable[Field]) -> Json:
    """Return the schema of an object with all of the fields, null where an answer may be empty."""
    properties: Json = {}
    for asked in fields:
        if asked.columns:
            value: Json = {"type": "array", "items": build_object_schema(asked.columns)}
        else:
            assert asked.reads, "only tables have no kind"
            value = asked.reads.build_schema()
            if asked.need != "required":
                value = {"anyOf": [value, {"type": "null"}]}
        properties[asked.name] = {"title": asked.label, **value}
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
