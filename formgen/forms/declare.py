"""Declaring a form: its questions, its tables, and the fields that come of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel, ConfigDict
from pydantic import Field as PydanticField

from formgen.fields import SIGNATURE_PARTS, FieldType, SignatureBlock, SingleChoice
from formgen.forms.references import FieldReference

MAX_TICK_BOXES_IN_TABLE = 3


class Unanswered(AttributeError):
    """A rule asked for an answer that could not be read: the rule is not asked further."""


def call_or_none(ask_for: Callable[..., Any], *about: Any) -> Any:
    """Call a function of the answers; None when one of them could not be read."""
    try:
        return ask_for(*about)
    except Unanswered:
        return None


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


@dataclass(frozen=True, kw_only=True)
class Field:
    """A field of a form: what `ask` or `ask_table` declares, with the name and type of its annotation.

    ``field_type`` is None for a table, whose ``row`` has ``columns``; ``parameters`` are those of the field type.
    ``section`` is the title of the section that the field stands in.
    """

    label: str
    hint: str = ""
    section: str = ""
    by: str = ""
    prefill: str | Callable[[Any], Any] | None = None
    default: Callable[[Any], Any] | None = None
    fill: Callable[[Any, Any], Any] | None = None
    needed: Callable[[Any], bool] | None = None
    sensitivity: str = ""
    locked: bool = False
    person: bool = False
    printed: int = 0
    given: tuple[str, ...] = ()
    code: str = "required"
    parameters: Mapping[str, Any] = field(default_factory=dict)
    name: str = ""
    field_type: FieldType | None = None
    required: bool = False
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
        """Return the name of the field type in the published contract."""
        return self.field_type.type if self.field_type else "table"

    def iter_parts(self) -> Iterator[tuple[str, str, FieldType]]:
        """Yield path, label and field type of every place that the field has in a document."""
        if isinstance(self.field_type, SignatureBlock):
            for part, (label, field_type) in SIGNATURE_PARTS.items():
                yield f"{self.name}.{part}", f"{self.label}: {label.lower()}", field_type
        elif self.field_type:
            yield self.name, self.label, self.field_type


@dataclass(frozen=True)
class Section:
    """A section of a document: its title, and what is said once for all of its questions."""

    title: str = ""
    by: str = ""
    sensitivity: str = ""


NO_SECTION = Section()
SECTION: ContextVar[Section] = ContextVar("section", default=NO_SECTION)


@contextmanager
def section(title: str, *, by: str = "coach", sensitivity: str = "s") -> Iterator[None]:
    """Open a section of the document for the questions declared within, in the body of a form's class.

    ``by`` says which role of the process fills its questions, ``sensitivity`` how sensitive their answers are (n, s, h
    or i), where a question does not say otherwise. A section stands in no other section: that raises `TypeError`.
    """
    if SECTION.get().title:
        raise TypeError(f"section {title!r} stands in section {SECTION.get().title!r}")
    token = SECTION.set(Section(title, by, sensitivity))
    try:
        yield
    finally:
        SECTION.reset(token)


def ask(
    label: str,
    *,
    hint: str = "",
    by: str = "",
    prefill: Any = None,
    default: Callable[[Any], Any] | None = None,
    fill: Callable[[Any, Any], Any] | None = None,
    needed: Callable[[Any], bool] | None = None,
    sensitivity: str = "",
    locked: bool = False,
    person: bool = False,
    code: str = "required",
    **parameters: Any,
) -> Any:
    """Declare a question.

    ``by`` says who fills it and ``sensitivity`` how sensitive it is, where that is not as its section or table says;
    ``prefill`` is a field of another form, as ``forms.Referral.client_phone``, or a function of the case;
    ``default(case)`` is the value of a blank; ``fill(record, case)`` computes the value instead of asking (in a row:
    ``fill(record, index)``); ``needed(record)`` makes an optional answer required, its absence being a finding with
    ``code`` unless the form has a rule of that code, which then speaks for it; ``person`` marks a name that tells
    whose the document is, as an identity code and a date of birth do by themselves; the rest are parameters of the
    field type (``max_length``, ``of``, ``low``, ``high``, ``places``, ``birth``).
    """
    declared = Field(
        label=label,
        hint=hint,
        section=SECTION.get().title,
        by=by or SECTION.get().by,
        prefill=str(prefill) if isinstance(prefill, FieldReference) else prefill,
        default=default,
        fill=fill,
        needed=needed,
        sensitivity=sensitivity or SECTION.get().sensitivity,
        locked=locked,
        person=person,
        code=code,
        parameters=parameters,
    )
    return PydanticField(title=label, json_schema_extra={"field": declared})  # type: ignore[dict-item]


def is_always_needed(_record: Any) -> bool:
    """Tell that an answer is needed whatever the others say."""
    return True


def ask_table(
    label: str,
    *,
    printed: int = 3,
    given: tuple[str, ...] = (),
    hint: str = "",
    by: str = "",
    prefill: Any = None,
    needed: Callable[[Any], bool] | None = None,
    sensitivity: str = "",
    locked: bool = False,
    required: bool = False,
    code: str = "required",
) -> Any:
    """Declare a repeating table; ``printed`` rows stand ready in a document, more may be added.

    ``given`` names columns that a document brings filled: a row in which nothing else stands
    counts only where the table is needed. ``code`` is as for `ask`. Who fills the table and how sensitive it is
    holds for its columns, where they do not say otherwise.
    """
    declared = Field(
        label=label,
        hint=hint,
        section=SECTION.get().title,
        by=by or SECTION.get().by,
        prefill=str(prefill) if isinstance(prefill, FieldReference) else prefill,
        needed=needed or (is_always_needed if required else None),
        sensitivity=sensitivity or SECTION.get().sensitivity,
        locked=locked,
        printed=printed,
        given=given,
        code=code,
    )
    return PydanticField(title=label, json_schema_extra={"field": declared})  # type: ignore[dict-item]


def collect_fields(model: type[BaseModel], table: Field | None = None) -> tuple[Field, ...]:
    """Collect the fields of a form, or the columns of a table, in order, with the names and types of annotations."""
    above = table or Field(label="", by="coach", sensitivity="s")
    found = []
    for name, hint in get_type_hints(model, include_extras=True).items():
        info = model.model_fields.get(name)
        extra = info.json_schema_extra if info else None
        declared: Any = extra.get("field") if isinstance(extra, dict) else None
        if not isinstance(declared, Field):
            continue
        options = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
        required = type(None) not in options
        inner = next(option for option in options if option is not type(None))
        by, sensitivity = declared.by or above.by, declared.sensitivity or above.sensitivity
        declared = replace(declared, name=name, by=by, sensitivity=sensitivity)
        if get_origin(inner) is tuple:
            row = get_args(inner)[0]
            required = declared.needed is is_always_needed
            found.append(replace(declared, required=required, row=row, columns=collect_fields(row, declared)))
            continue
        if get_origin(inner) is not Annotated:
            raise TypeError(f"{model.__name__}.{name} has no field type")
        chosen = next(item for item in get_args(inner)[1:] if isinstance(item, type) and issubclass(item, FieldType))
        field_type = chosen(**declared.parameters)
        if table and type(field_type) is SingleChoice:
            field_type = replace(field_type, few=MAX_TICK_BOXES_IN_TABLE)
        found.append(replace(declared, field_type=field_type, required=required))
    return tuple(found)
