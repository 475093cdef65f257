"""A form: what it is, what it asks, and the extraction of a document to be filled."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, ClassVar

from formgen.documents.extraction import PREFILLED, Answer, Extraction, Question
from formgen.errors import UsageError
from formgen.fields import SIGNATURE_PARTS, SignatureBlock, SignatureValue
from formgen.forms.declare import Answers, Field, collect_fields
from formgen.forms.rules import Contradiction, Deadline, Rule
from formgen.i18n import translate

OPTIONAL_PART = ".place"  # of a signature; a name and a day make one


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
        """Yield the declarations that the methods of the form carry: ``rules``, ``deadlines`` or ``contradictions``."""
        for name in dir(cls):
            if name not in cls.model_fields and not name.startswith("_"):
                yield from getattr(getattr(cls, name), "__dict__", {}).get(kind, ())

    @classmethod
    def list_questions(cls, language: str = "fi", omitted: Container[str] = ()) -> tuple[Question, ...]:
        """List the questions of a document in order, with labels in the language.

        ``omitted`` are names of fields that it does not ask; a section's title goes to the first
        that it does.
        """
        found: list[Question] = []
        titled = ""
        for asked in cls.fields:
            if asked.fill:
                continue
            left_out = asked.name in omitted
            for question in iter_questions(asked, language):
                number = f"F{len(found) + 1}"
                title = translate(asked.section, language) if asked.section != titled else ""
                found.append(replace(question, number=number, section=title, omitted=left_out))
                titled = titled if left_out else asked.section
        return tuple(found)

    @classmethod
    def find_omitted_fields(cls, chosen: Iterable[str]) -> frozenset[str]:
        """Find the fields that a unit has chosen to leave out; raise `UsageError` for one that cannot be.

        Each is the name of an optional field, the number of a section for all optional fields in
        it, or ``*`` for all of the form.
        """
        sections: dict[str, set[str]] = {"*": set()}
        for asked in cls.fields:
            section = asked.section.partition(" ")[0]
            fixed = asked.need != "optional" or asked.fill or isinstance(asked.field_type, SignatureBlock)
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
        """Find the record of the case whose answers a new document starts from, or None."""
        return next(reversed(case.list_current_records(cls.id)), None) if cls.single else None

    @classmethod
    def list_subjects(cls, _case: Any) -> Mapping[str, str]:
        """Map ids to names of the subjects, such as jobs, that a new document of the case may be about."""
        return {}

    @classmethod
    def has_fields_for(cls, by: str) -> bool:
        """Tell whether any field of the form, or column of its tables, is for somebody to fill."""
        return any(asked.by == by for field in cls.fields for asked in (field, *field.columns))

    @classmethod
    def find_withheld_fields(cls, _case: Any) -> frozenset[str] | None:
        """Find the fields that a document for an employer must not hold; None when there may be no such document."""
        return None

    @classmethod
    def find_field(cls, path: str) -> Field | None:
        """Find the field of a path; for a cell of a table, its column."""
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
        """Find the paths of a column of a table, such as ``offer.end_date``, in the rows that break a rule."""
        table, _, column = path.partition(".")
        return [f"{table}.{index}.{column}" for index, row in enumerate(getattr(self, table)) if breaks(row)]

    def list_signatures(self) -> dict[str, SignatureValue]:
        """Map roles to the signatures that are there."""
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
    for number, (path, label, field_type) in enumerate(asked.iter_parts()):
        yield Question(
            path=path,
            label=translate(label, language),
            control=field_type.control,
            hint=translate(asked.hint, language) if asked.hint and not number else "",
            required=asked.required and not path.endswith(OPTIONAL_PART),
            locked=asked.locked,
            choices=field_type.list_choices(language),
            limit=getattr(field_type, "max_length", 0),
            many=field_type.type == "many",
        )


def prefill_extraction(form: type[Form], known: Mapping[str, Any], language: str = "fi") -> Extraction:
    """Build the extraction of a document to be filled, holding the values that are known.

    ``known`` maps field names to values as a record holds them; tables are lists of mappings.
    """
    answers: dict[str, Answer] = {}

    def put(asked: Field, value: Any, prefix: str) -> None:
        if asked.fill:
            return
        for index, row in enumerate(value or ()) if asked.columns else ():
            for column in asked.columns:
                put(column, get_part(row, column.name), f"{prefix}{asked.name}.{index}.")
        if isinstance(asked.field_type, SignatureBlock):
            for part, (_, field_type) in SIGNATURE_PARTS.items():
                answers[f"{prefix}{asked.name}.{part}"] = Answer(
                    field_type.write(get_part(value, part), language), PREFILLED
                )
        elif asked.field_type:
            answers[f"{prefix}{asked.name}"] = Answer(asked.field_type.write(value, language), PREFILLED)

    for asked in form.fields:
        put(asked, known.get(asked.name), "")
    return Extraction(answers)


def get_part(value: Any, name: str) -> Any:
    """Return one part of a value that is a mapping, an object or nothing."""
    return value.get(name) if isinstance(value, Mapping) else getattr(value, name, None)
