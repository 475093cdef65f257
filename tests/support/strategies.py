"""Arbitrary answers, records and documents, built from the kinds and from the forms there are."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from datetime import date, time
from decimal import Decimal
from functools import cache, singledispatch
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from formgen.documents.extraction import Extraction, FormSpec, Identity, Keyring
from formgen.fields import (
    SIGNATURE_PARTS,
    BusinessIdText,
    ClockTime,
    Code,
    CodeList,
    DayDate,
    EmailText,
    FieldType,
    HetuText,
    LongText,
    MonthText,
    MultipleChoice,
    MunicipalityChoice,
    NameText,
    Number,
    OccupationText,
    PhoneText,
    PostcodeText,
    SignatureBlock,
    SingleChoice,
    Text,
    Whole,
    YesNoChoice,
)
from formgen.formats import docx
from formgen.formats.docx.wording import find_printed_lines
from formgen.forms import registry
from formgen.forms.declare import Field
from formgen.forms.form import Form
from formgen.issuing import issue
from formgen.settings import Office, WorkspaceFolder

REPOSITORY = Path(__file__).parents[2]
WORKSPACE = WorkspaceFolder(REPOSITORY)
FORMS = registry.load_forms(WORKSPACE)
TODAY = date(2026, 6, 1)
FIRST, LAST = date(1930, 1, 1), date(2040, 12, 31)
ROWS = 60
EPOCH = (1980, 1, 1, 0, 0, 0)
UP_TO_SIXTY = st.integers(0, ROWS)

LETTERS = "aAbeikmnostäÄöÖåÅčđŋšžŧǥüßЯжΩ"
SIGNS = LETTERS + "0129&<>“”’'\"–-€%/().,:;!?[]{}§*_=+~|\\☒☐✓🙂"
CHECKS = "0123456789ABCDEFHJKLMNPRSTUVWXY"
WEIGHTS = (7, 9, 10, 5, 8, 4, 2)
CENTURIES = {18: "+", 19: "-YXWVU", 20: "ABCDEF"}


# --- values of a kind -------------------------------------------------------------------------


@singledispatch
def values(kind: FieldType) -> SearchStrategy[Any]:
    """Return a strategy of the values that a record may hold for the kind."""
    raise LookupError(f"{type(kind).__name__} has no strategy")


def lines(longest: int, signs: str = SIGNS) -> SearchStrategy[str]:
    """Return a strategy of one-line texts that begin with a letter."""
    word = st.text(signs, min_size=1, max_size=8)
    first = st.text(LETTERS, min_size=1, max_size=4)
    return st.builds(lambda head, tail: " ".join((head, *tail))[:longest].rstrip(), first, st.lists(word, max_size=6))


@values.register
def _(kind: Text) -> SearchStrategy[str]:
    return lines(kind.max_length)


@values.register
def _(kind: LongText) -> SearchStrategy[str]:
    piece = st.lists(lines(60), min_size=1, max_size=3).map("\t".join)
    ends = st.sampled_from(("\n", "\n\n"))
    return st.builds(
        lambda parts, end: end.join(parts)[: kind.max_length].strip(), st.lists(piece, min_size=1, max_size=3), ends
    )


@values.register
def _(kind: NameText) -> SearchStrategy[str]:
    return lines(kind.max_length, LETTERS + "-’'")


@values.register
def _(kind: OccupationText) -> SearchStrategy[str]:
    return st.text("0123456789", min_size=1, max_size=5)


@values.register
def _(kind: Number) -> SearchStrategy[Decimal]:
    low = Decimal(-999999) if kind.low is None else kind.low
    high = Decimal(9999999) if kind.high is None else kind.high
    return st.decimals(low, high, places=kind.places).map(kind.set_decimal_places)


@values.register
def _(kind: Whole) -> SearchStrategy[int]:
    return st.integers(
        int(kind.low) if kind.low is not None else -999999, int(kind.high) if kind.high is not None else 9999999
    )


@values.register
def _(kind: DayDate) -> SearchStrategy[date]:
    return st.dates(FIRST, LAST)


@values.register
def _(kind: MonthText) -> SearchStrategy[str]:
    return st.builds(
        "{}{}".format, st.integers(1930, 2040), st.sampled_from(("", "-01", "-09", "-10", "-12", "-02-28"))
    )


@values.register
def _(kind: ClockTime) -> SearchStrategy[time]:
    return st.builds(time, st.integers(0, 23), st.integers(0, 59))


def offered(kind: SingleChoice) -> list[str]:
    """Return the codes that may be chosen on the day."""
    return [code for code, entry in kind.of.items() if entry.is_valid(TODAY) and not entry.successor]


@values.register
def _(kind: SingleChoice) -> SearchStrategy[str]:
    return st.sampled_from(offered(kind))


@values.register
def _(kind: MultipleChoice) -> SearchStrategy[tuple[str, ...]]:
    some = st.sets(st.sampled_from(offered(kind)), min_size=1)
    return some.map(lambda chosen: tuple(code for code in kind.of if code in chosen))


@values.register
def _(kind: YesNoChoice) -> SearchStrategy[bool]:
    return st.booleans()


@values.register
def _(kind: HetuText) -> SearchStrategy[str]:
    return st.builds(hetu, st.dates(date(1890, 1, 1), TODAY), st.integers(900, 999), st.integers(0, 5))


def hetu(born: date, number: int, separator: int) -> str:
    """Return the artificial identity code of a birth date, a number 900–999 and one of the separators."""
    signs = CENTURIES[born.year // 100]
    day = f"{born:%d%m%y}"
    return f"{day}{signs[separator % len(signs)]}{number}{CHECKS[int(f'{day}{number}') % 31]}"


@values.register
def _(kind: BusinessIdText) -> SearchStrategy[str]:
    return st.integers(9_000_000, 9_999_999).filter(lambda number: remainder(number) != 1).map(business_id)


def remainder(number: int) -> int:
    """Return the weighted sum of the seven digits modulo 11; 1 is never issued."""
    return sum(int(digit) * weight for digit, weight in zip(str(number), WEIGHTS, strict=True)) % 11


def business_id(number: int) -> str:
    """Return the identity code of a firm with its check digit."""
    return f"{number}-{-remainder(number) % 11}"


@values.register
def _(kind: PhoneText) -> SearchStrategy[str]:
    finnish = st.builds("+358{}{:07}".format, st.sampled_from((40, 44, 45, 50)), st.integers(0, 9_999_999))
    return finnish | st.builds("+467{:08}".format, st.integers(0, 99_999_999)) | st.just("+35813123456")


@values.register
def _(kind: EmailText) -> SearchStrategy[str]:
    name = st.text("abcåäö019._-+", min_size=1, max_size=12).filter(
        lambda text: text[0] not in "._-" and text[-1] != "." and ".." not in text
    )
    return st.builds("{}@{}".format, name, st.sampled_from(("example.fi", "posti.example.com", "työ.example.fi")))


@values.register
def _(kind: PostcodeText) -> SearchStrategy[str]:
    return st.text("0123456789", min_size=5, max_size=5)


@values.register
def _(kind: SignatureBlock) -> SearchStrategy[Mapping[str, Any]]:
    return st.fixed_dictionaries({part: values(reads) for part, (_, reads) in SIGNATURE_PARTS.items()})


# --- records of a form ------------------------------------------------------------------------


class Known(dict[str, Any]):
    """What is known of a form; hundreds of answers are not worth printing."""

    def __repr__(self) -> str:
        return f"<{len(self)} answers>"


def records(form: type[Form], rows: SearchStrategy[int] = UP_TO_SIXTY) -> SearchStrategy[Known]:
    """Return a strategy of what may be known of a form: any field, tables of so many rows."""
    fields = {asked.name: answers(asked, rows) for asked in form.fields if not asked.fill}
    return st.fixed_dictionaries(fields).map(Known)


def answers(asked: Field, rows: SearchStrategy[int] = UP_TO_SIXTY) -> SearchStrategy[Any]:
    """Return a strategy of one field's value, None for a blank where it may be; the rows of a table repeat a few."""
    if asked.columns:
        row = st.fixed_dictionaries({column.name: answers(column) for column in asked.columns if not column.fill})
        few = st.lists(row, min_size=1, max_size=3)
        return st.builds(lambda rows, count: [rows[at % len(rows)] for at in range(count)], few, rows)
    assert asked.field_type, "only tables have no kind"
    return values(asked.field_type) if asked.required else st.none() | values(asked.field_type)


PLACES = CodeList(
    "",
    {
        "167": Code("Joensuu", names=("Joensuu stad",)),
        "541": "Nurmes",
        "049": Code("Espoo", names=("Esbo",)),
        "911": Code("Valtimo", successor="541"),
    },
)
COLOURS = CodeList(
    "",
    {
        "red": "Punainen",
        "green": "Vihreä",
        "blue": Code("Sininen (tumma)", names=("Blå",)),
        "old": Code("Vanha", successor="red"),
        "gone": Code("Poistunut", valid_to=date(2025, 12, 31)),
        "next": Code("Tuleva", valid_from=date(2027, 1, 1)),
        "pair": "Musta, valkoinen",
    },
)


def lists_of(kind: type[FieldType]) -> dict[str, CodeList]:
    """Return the parameters that a kind cannot do without."""
    if issubclass(kind, MunicipalityChoice):
        return {"of": PLACES}
    return {"of": COLOURS} if issubclass(kind, SingleChoice) and not issubclass(kind, YesNoChoice) else {}


def example(kind: type[FieldType]) -> FieldType:
    """Return a kind as a form would declare it."""
    return kind(**lists_of(kind))


# --- documents --------------------------------------------------------------------------------

KEYS = Keyring({"k1": b"a key for tests"}, "k1")
INSTANCE = UUID("01980000-0000-7000-8000-000000000001")
CASE_ID = "PK-2026-00001"
OFFICE: Any = SimpleNamespace(office=Office(), keys=KEYS)


def words(form: type[Form], language: str = "fi") -> dict[str, str]:
    """Return what a document says besides its fields."""
    return issue.build_document_texts(OFFICE, KEYS, form, Identity(form.id, form.version, INSTANCE), CASE_ID, language)


def template(form: type[Form], language: str = "fi") -> docx.Template:
    """Return the compiled template of a form."""
    return docx.load_template(registry.find_template(WORKSPACE, form), form.list_questions(language), language)


def paper(form: type[Form], made: docx.Template) -> FormSpec:
    """Return what there is to find in a document of a form."""
    said = words(form)
    return FormSpec(form.list_questions(), find_printed_lines(made.package, {name: said[name] for name in PRINTED}))


PRINTED = ("organiser", "privacy", "guidance", "about", "form_title")


@cache
def papers() -> dict[tuple[str, str], FormSpec]:
    """Return what there is to find in the documents of every form."""
    return {(form.id, form.version): paper(form, template(form)) for form in FORMS}


def drawn(form: type[Form], sheet: Extraction, language: str = "fi") -> bytes:
    """Return a document of the form with the sheet's answers."""
    return template(form, language).render(sheet, words(form, language))


def members(data: bytes) -> dict[str, bytes]:
    """Return the members of a package."""
    with zipfile.ZipFile(io.BytesIO(data)) as package:
        return {name: package.read(name) for name in package.namelist()}


def packed(content: Mapping[str, bytes]) -> bytes:
    """Return a package of the members."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as package:
        for name, data in content.items():
            package.writestr(zipfile.ZipInfo(name, EPOCH), data, zipfile.ZIP_DEFLATED)
    return out.getvalue()
