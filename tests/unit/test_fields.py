"""Every kind of answer in both directions: what people write, what is kept, what is doubted, what is refused."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from contextlib import suppress
from datetime import date, time
from decimal import Decimal
from typing import Annotated, Any, get_args, get_origin

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

import formgen.fields
from formgen.documents.extraction import Control
from formgen.fields import (
    BusinessIdText,
    ClockTime,
    DayDate,
    EmailText,
    FieldType,
    HetuText,
    HoursNumber,
    LongText,
    Misread,
    Money,
    MonthText,
    MultipleChoice,
    MunicipalityChoice,
    NameText,
    Number,
    OccupationText,
    PhoneText,
    PostcodeText,
    Reading,
    SignatureBlock,
    SingleChoice,
    Text,
    Whole,
    YesNoChoice,
)
from formgen.forms.declare import Field
from formgen.i18n import FORM_LANGUAGES, clean_text, list_languages
from tests.support.strategies import COLOURS, FORMS, TODAY, example, hetu, values

EVERY = tuple(formgen.fields.iter_field_types())
GIVING = [
    kind for kind in EVERY if example(kind).example and not issubclass(kind, formgen.fields.MunicipalityChoice)
]  # a municipality's is of the real list
READ = tuple(kind for kind in EVERY if kind is not SignatureBlock)
DECLARED = {get_args(hint)[1]: hint for hint in vars(formgen.fields).values() if get_origin(hint) is Annotated}

every_kind = pytest.mark.parametrize("kind", EVERY, ids=lambda kind: kind.__name__)
every_read_kind = pytest.mark.parametrize("kind", READ, ids=lambda kind: kind.__name__)


# --- by enumeration ---------------------------------------------------------------------------


@every_kind
def test_a_kind_says_what_may_be_written(kind: type[FieldType]) -> None:
    assert kind.type
    assert kind.accepts.endswith(".")
    assert example(kind).describe_accepted_input().startswith(kind.accepts.removesuffix("."))


@pytest.mark.parametrize("kind", GIVING, ids=lambda kind: kind.__name__)
def test_the_example_of_a_kind_is_read_without_a_word(kind: type[FieldType]) -> None:
    reading = example(kind).read(example(kind).example, date(2026, 6, 1))
    assert (reading.value is None, reading.confidence, reading.notes) == (False, 1.0, ())
    assert kind in DECLARED, "forms have a name to declare it by"


@every_read_kind
@pytest.mark.parametrize("language", FORM_LANGUAGES)
def test_what_is_written_is_read(kind: type[FieldType], language: str) -> None:
    reads = example(kind)

    @settings(max_examples=40)
    @given(values(reads))
    def holds(value: Any) -> None:
        reading = reads.read(reads.write(value, language), TODAY)
        assert (reading.value, type(reading.value), reading.confidence) == (value, type(value), 1.0)
        assert all(said.severity == "warning" for said in reading.notes)

    holds()


@every_kind
@settings(max_examples=40)
@given(data=st.data())
def test_the_schema_holds_for_what_is_stored(kind: type[FieldType], data: st.DataObject) -> None:
    reads = example(kind)
    schema = reads.build_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    value = data.draw(values(reads))
    stored = TypeAdapter(DECLARED[kind]).dump_python(
        formgen.fields.SignatureValue(**value) if kind is SignatureBlock else value, mode="json"
    )
    jsonschema.validate(stored, schema, jsonschema.Draft202012Validator, format_checker=jsonschema.FormatChecker())


@every_read_kind
@pytest.mark.parametrize("text", ["", "  ", "\n\t\r\n", "-", " – ", "—", "...", "___", "\u00a0", "\u200b\ufeff"])
def test_a_dash_or_nothing_is_a_blank(kind: type[FieldType], text: str) -> None:
    reading = example(kind).read(text, TODAY)
    assert (reading.value, reading.confidence, reading.notes) == (None, 1.0, ())


@every_read_kind
def test_nothing_is_written_as_nothing(kind: type[FieldType]) -> None:
    assert example(kind).write(None) == ""


@every_read_kind
@pytest.mark.parametrize("text", ["sama kuin yllä", "Sama kuin edellä.", "samma som ovan"])
def test_a_reference_to_another_answer_is_doubted(kind: type[FieldType], text: str) -> None:
    reading = example(kind).read(text, TODAY)
    assert (reading.value, reading.confidence < 1) == (None, True)
    assert [said.severity for said in reading.notes] == ["review"]


def attempt(kind: FieldType, text: str) -> Reading | Misread:
    """Return what becomes of a text."""
    try:
        return kind.read(text, TODAY)
    except Misread as misread:
        return misread


@every_read_kind
@settings(max_examples=60)
@given(text=st.text(max_size=40) | st.text("0123456789.,-–:/ klonxpv€%+A\n", max_size=12))
def test_any_text_is_read_or_misread(kind: type[FieldType], text: str) -> None:
    reads = example(kind)
    reading = attempt(reads, text)
    if isinstance(reading, Misread):
        assert reading.code in {"format", "choice", "range", "required", "R04", "R44"}
        assert reading.message.format_map(reading.values)
        return
    assert (reading.confidence < 1) == any(said.severity == "review" for said in reading.notes)
    if reading.value is not None and reading.confidence == 1:
        assert reads.read(reads.write(reading.value), TODAY).value == reading.value


@every_read_kind
@pytest.mark.parametrize("unit", ["1", "1 ", "1.", "x, ", "1.3.", "a@", "kyllä ", "red "])
def test_a_very_long_text_is_read_or_misread(kind: type[FieldType], unit: str) -> None:
    with suppress(Misread):
        example(kind).read(unit * 20_000, TODAY)


# --- cleaning ---------------------------------------------------------------------------------


@given(st.text(st.characters() | st.sampled_from("\u2000\u2001\u00ad\u200ba\u0308\u0344\u212b\r\n\v\x85\u2028 \u3000")))
def test_clean_text_stays_as_it_is(text: str) -> None:
    assert clean_text(clean_text(text)) == clean_text(text)


@given(st.text())
def test_clean_text_is_what_every_format_can_carry(text: str) -> None:
    cleaned = clean_text(text)
    assert unicodedata.is_normalized("NFC", cleaned)
    assert cleaned == cleaned.strip()
    assert not [sign for sign in cleaned if unicodedata.category(sign) in ("Cc", "Cs") and sign not in "\n\t"]


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("Ma\u0308ki", "Mäki"),
        ("a\r\nb\rc\u2028d\u2029e\vf\fg", "a\nb\nc\nd\ne\nf\ng"),
        ("1\u00a0234\u202f5\u20096", "1 234 5 6"),
        ("sil\u00adta\u200bvuo\ufeffro\u2060", "siltavuoro"),
        ("\u200eabc\u202c\u2069", "abc"),
        ("a\u200b\u0308", "ä"),
        ("Mäki\u2011Korpela", "Mäki-Korpela"),
        ("x\x00\x07\x1by", "xy"),
        ("“Äiti” ’n – €", "“Äiti” ’n – €"),
        ("a\tb", "a\tb"),
        ("👩‍🍳", "👩‍🍳"),
    ],
)
def test_dirt_goes_and_letters_stay(text: str, cleaned: str) -> None:
    assert clean_text(text) == cleaned


# --- what people really write -----------------------------------------------------------------

MARCH = date(2026, 3, 1)
FUTURE = hetu(date(2029, 12, 31), 902, 0)
NINE = time(9)
PLACE = next(
    field.field_type for form in FORMS for field in form.fields if isinstance(field.field_type, MunicipalityChoice)
)
COLOUR, COLOURFUL = SingleChoice(of=COLOURS), MultipleChoice(of=COLOURS)
PERCENT = Whole(low=Decimal(0), high=Decimal(100))


def each(kind: FieldType, value: Any, texts: str) -> list[tuple[FieldType, str, Any]]:
    """Return a line of a table for each text between bars; the value ``str`` is the text itself."""
    return [(kind, text, text if value is str else value) for text in texts.split(" | ")]


SURE: list[tuple[FieldType, str, Any]] = [
    *each(
        DayDate(),
        MARCH,
        "1.3.2026 | 01.03.2026 | 1.3.26 | 1. maaliskuuta 2026 | 2026-03-01 | 1. 3. 2026 | "
        "1 maaliskuuta 2026 | su 1.3.2026 | sunnuntai 1.3.2026 | 1 mars 2026 | 1.3.2026. | "
        "1.3.2026 alkaen | 1.\u00a03.\u00a02026",
    ),
    (DayDate(), "29.2.2028", date(2028, 2, 29)),
    (DayDate(), "1.3.85", date(2085, 3, 1)),
    (DayDate(birth=True), "1.3.85", date(1985, 3, 1)),
    (DayDate(birth=True), "1.3.30", date(1930, 3, 1)),
    (DayDate(birth=True), "1.3.29", date(2029, 3, 1)),
    *each(MonthText(), "2021-03", "03/2021 | 3/2021 | maaliskuu 2021 | mars 2021 | 3.2021 | 2021-03"),
    (MonthText(), "2021", "2021"),
    *each(
        ClockTime(),
        NINE,
        "klo 9 | klo 9.00 | 9:00 | 9.00 | 09.00 | 9 | Klo 9.00 | kl. 9 | klo 09:00",
    ),
    (ClockTime(), "23.59", time(23, 59)),
    *each(
        HoursNumber(),
        Decimal("37.5"),
        "37,5 | 37.5 | 37,5 h | 37,5 h/vk | 37,5h | 37,5 t/vko | 37,5 tuntia | "
        "37,5 tuntia viikossa | 37,50 | 37,5 timmar | 37,5 tim/vecka",
    ),
    *each(
        Money(),
        Decimal("2100.50"),
        "2 100,50 € | 2100,50 | 2\u00a0100,50\u00a0€ | 2\u202f100,50 € | 2.100,50 € | "
        "2100,50 euroa | 2100.50 | 2100,50 €/kk | 2100,5 e",
    ),
    *each(Money(), Decimal(2100), "2100 euroa | 2 100 | 2100,- | 2100 € | 2100 euroa/kk"),
    (Money(), "12,00 €/h", Decimal(12)),
    (Money(), "12 euroa tunnissa", Decimal(12)),
    (Number(), "1 234,5", Decimal("1234.5")),
    (Number(), "−1,5", Decimal("-1.5")),
    (Number(), "–1,5", Decimal("-1.5")),
    *each(PERCENT, 70, "70 % | 70% | 70 | 70 prosenttia"),
    (Whole(), "1 234", 1234),
    (Whole(), "20 min", 20),
    *each(
        PhoneText(),
        "+358401234567",
        "+358 40 123 4567 | 040 123 4567 | 040-1234567 | 0401234567 | 00358 40 1234567 | "
        "+358 (0)40 123 4567 | 040–123 4567 | puh. 040 123 4567",
    ),
    (PhoneText(), "(013) 123 456", "+35813123456"),
    (PhoneText(), "+46 70 123 45 67", "+46701234567"),
    *each(PostcodeText(), "00180", "00180 | 00180 Helsinki | FI-00180 | FI 00180"),
    (PostcodeText(), "80100", "80100"),
    *each(PLACE, "167", "Joensuu | JOENSUU |  joensuu  | 167"),
    *each(PLACE, "091", "Helsinki | Helsingfors | 91 | 091"),
    *each(YesNoChoice(), True, "kyllä | Kyllä. | k | x | X | ☒ | ☑ | ✓ | ja | Joo | yes"),
    *each(YesNoChoice(), False, "ei | Ei | e | nej | no"),
    *each(COLOUR, "red", "Punainen | punainen |  PUNAINEN.  | red | 1 | 1."),
    *each(COLOUR, "blue", "Sininen (tumma) | sininen (tumma | Blå | 3"),
    (COLOURFUL, "Vihreä, punainen", ("red", "green")),
    (COLOURFUL, "red green", ("red", "green")),
    (COLOURFUL, "Vihreä, musta, valkoinen, punainen", ("red", "green", "pair")),
    (COLOURFUL, "Punainen\nVihreä", ("red", "green")),
    *each(
        NameText(),
        str,
        "Mäki-Korpela | af Ursin | Georg Henrik von Wright | Cher | O’Neill | Nguyễn Thị Hoa | Åsa Öhrn | Иван | J. R.",
    ),
    (NameText(), "Ma\u0308ki  Korpela", "Mäki Korpela"),
    (Text(), "  kaksi\n riviä ", "kaksi riviä"),
    (LongText(), "yksi\r\nkaksi\tkolme", "yksi\nkaksi\tkolme"),
    (OccupationText(), "05223", "05223"),
    *each(
        EmailText(),
        "nimi@example.fi",
        "nimi@example.fi |  nimi@EXAMPLE.fi  | mailto:nimi@example.fi | <nimi@example.fi>",
    ),
    *each(
        HetuText(),
        str,
        "130485-901L | 130485-902M | 290296-915L | 010101A950B | 311299Y933A | 150703A944J | "
        "150703B944J | 240578X9775 | 060692-900F | 281190-999C",
    ),
    *each(
        HetuText(),
        "130485-901L",
        "130485-901l |  130485 - 901L  | 130485–901L | 130485−901L | 130485\u2011901L",
    ),
    *each(BusinessIdText(), str, "2077474-0 | 1572860-0 | 0112038-9 | 9000001-1 | 9000003-8"),
    *each(
        BusinessIdText(),
        "2077474-0",
        "20774740 | FI20774740 | FI 2077474-0 | 2077474 - 0 | 2077474–0 | fi20774740",
    ),
    (BusinessIdText(), "112038-9", "0112038-9"),
]

NOTED: list[tuple[FieldType, str, Any]] = [
    (HoursNumber(), "n. 20", Decimal(20)),
    (HoursNumber(), "noin 20 h", Decimal(20)),
    (HoursNumber(), "~20", Decimal(20)),
    (HetuText(), "130485-901L", "130485-901L"),
    (PLACE, "Valtimo", "541"),
    (COLOUR, "Vanha", "red"),
    (PhoneText(), "+358 49 123", "+35849123"),
]

DOUBTED: list[tuple[FieldType, str, Any]] = [
    (DayDate(), "1.3.–30.6.2026", MARCH),
    (DayDate(), "1.3.2026 - 30.6.2026", MARCH),
    (DayDate(), "1.3.2026–30.6.2026", MARCH),
    (DayDate(), "ma 1.3.2026", MARCH),
    (ClockTime(), "klo 9–15.30", NINE),
    (ClockTime(), "9.00-15.30", NINE),
    (HoursNumber(), "20–25", Decimal(20)),
    (HoursNumber(), "20-25 h", Decimal(20)),
    (Money(), "2.100", Decimal(2100)),
    (Money(), "1.234 €", Decimal(1234)),
    (Number(), "1.234.567", Decimal(1234567)),
    (Money(), "1500–2000 €", Decimal(1500)),
    (COLOUR, "Punanen", "red"),
    (COLOURFUL, "Punanen, vihreä", ("red", "green")),
    (PLACE, "Joensu", "167"),
    (PhoneText(), "040 123 4567 x12", "+358401234567"),
]

REFUSED: list[tuple[FieldType, str, str]] = [
    *each(
        DayDate(),
        "format",
        "ensi viikolla | 31.2.2026 | 1.13.2026 | 1.3. | 3/2026 | 1.3.2026 tai 2.3.2026 | 0.0.2026",
    ),
    *each(MonthText(), "format", "13/2021 | 0/2021 | keväällä | 3/2026 alkaen | 21"),
    *each(ClockTime(), "format", "klo 25 | 9.60 | aamulla | 24.00 | 9.0"),
    *each(HoursNumber(), "format", "paljon | 37,5,5 | 3 päivää"),
    *each(HoursNumber(), "range", "60 | 0 | 48,5"),
    *each(Money(), "format", "kaksituhatta | 12,005 € | $12"),
    (Money(), "-5", "range"),
    (PERCENT, "170 %", "range"),
    (Whole(), "2,5", "format"),
    *each(PhoneText(), "format", "soita | 12 | 040 123 4567 890 123 456"),
    *each(PostcodeText(), "format", "8010 | 801000 | Joensuu"),
    *each(PLACE, "choice", "Atlantis | 999"),
    *each(YesNoChoice(), "choice", "kyllä ei | yes no | ehkä | ☐"),
    *each(
        COLOUR,
        "choice",
        "red green | Violetti | 0 | 8 | Poistunut | gone | Tuleva | Tuleva (1.1.2027 alkaen)",
    ),
    (COLOURFUL, "Punainen, Violetti", "choice"),
    *each(NameText(), "format", "Matti2 | a@b | Matti <x>"),
    (NameText(max_length=5), "Pitkänimi", "range"),
    (Text(max_length=5), "pitkähkö", "range"),
    *each(OccupationText(), "format", "kokki | 123456"),
    *each(EmailText(), "format", "nimi | nimi@ | nimi at example.fi | a@b@c.fi"),
    (HetuText(), "130485-901M", "R04"),
    *each(
        HetuText(),
        "format",
        "300285-901L | 130485G901L | 130485901L | 130485-9O1L | l30485-901L | 130485-901 | 13.4.1985 | 130485-90IL",
    ),
    (HetuText(), FUTURE, "format"),
    (BusinessIdText(), "0737546-1", "R44"),
    *((BusinessIdText(), f"9000002-{digit}", "R44") for digit in range(10)),
    (BusinessIdText(), "2077474-1", "R44"),
    *each(BusinessIdText(), "format", "207747 | ei ole | SE20774740"),
]


def named(case: tuple[FieldType, str, Any]) -> str:
    """Return the name of a line of a table."""
    return f"{type(case[0]).__name__}: {case[1]}"


@pytest.mark.parametrize(("kind", "text", "value"), [pytest.param(*case, id=named(case)) for case in SURE])
def test_what_people_write_is_read(kind: FieldType, text: str, value: Any) -> None:
    reading = kind.read(text, TODAY)
    assert (reading.value, reading.confidence) == (value, 1.0)


@pytest.mark.parametrize(("kind", "text", "value"), [pytest.param(*case, id=named(case)) for case in NOTED])
def test_what_is_worth_a_word_is_noted(kind: FieldType, text: str, value: Any) -> None:
    reading = kind.read(text, TODAY)
    assert (reading.value, reading.confidence) == (value, 1.0)
    assert [said.severity for said in reading.notes] == ["warning"]


@pytest.mark.parametrize(("kind", "text", "value"), [pytest.param(*case, id=named(case)) for case in DOUBTED])
def test_what_may_be_meant_otherwise_is_doubted(kind: FieldType, text: str, value: Any) -> None:
    reading = kind.read(text, TODAY)
    assert reading.value == value
    assert reading.confidence < 1
    assert [said.severity for said in reading.notes] == ["review"]


@pytest.mark.parametrize(("kind", "text", "code"), [pytest.param(*case, id=named(case)) for case in REFUSED])
def test_what_is_no_answer_is_refused_with_the_code(kind: FieldType, text: str, code: str) -> None:
    with pytest.raises(Misread) as refused:
        kind.read(text, TODAY)
    assert refused.value.code == code
    assert refused.value.message.format_map(refused.value.values)
    assert text not in refused.value.values.values()


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        (DayDate(), MARCH, "1.3.2026"),
        (MonthText(), "2021-03", "3/2021"),
        (MonthText(), "2021", "2021"),
        (ClockTime(), NINE, "9.00"),
        (HoursNumber(), Decimal("37.5"), "37,5"),
        (HoursNumber(), Decimal("20.0"), "20"),
        (Money(), Decimal("2100.50"), "2\u00a0100,50\u00a0€"),
        (Money(), Decimal(12), "12,00\u00a0€"),
        (Whole(), 1234, "1\u00a0234"),
        (PhoneText(), "+358401234567", "+358\u00a040\u00a01234567"),
        (PLACE, "091", "Helsinki"),
        (YesNoChoice(), False, "no"),
        (COLOURFUL, ("red", "green"), "red green"),
    ],
)
def test_a_value_has_one_form_that_is_shown(kind: FieldType, value: Any, text: str) -> None:
    assert kind.write(value) == text


def test_a_score_is_drawn_as_boxes_of_which_one_is_ticked() -> None:
    score = Whole(low=Decimal(0), high=Decimal(4))
    assert (score.control, [choice.code for choice in score.list_choices("sv")]) == (Control.TICKS, list("01234"))
    assert score.read("3", TODAY).value == 3
    with pytest.raises(Misread) as misread:
        score.read("0 3", TODAY)
    assert misread.value.code == "choice"
    assert Whole(low=Decimal(0), high=Decimal(10)).control is Control.LINE


def test_a_municipality_is_shown_in_the_language() -> None:
    assert PLACE.write("091", "sv") == "Helsingfors"


# --- the lists of the forms -------------------------------------------------------------------


def lists() -> Iterator[Any]:
    """Yield every question with a list, named."""
    for form in FORMS:
        for field in fields(form.fields):
            if isinstance(field.field_type, SingleChoice):
                yield pytest.param(field.field_type, id=f"{form.id}.{field.name}")


def fields(of: tuple[Field, ...]) -> Iterator[Field]:
    """Yield the fields and the columns of tables."""
    for field in of:
        yield field
        yield from fields(field.columns)


@pytest.mark.parametrize("kind", tuple(lists()))
def test_a_label_as_it_is_offered_means_its_code(kind: SingleChoice) -> None:
    for code, entry in kind.of.items():
        if entry.is_valid(TODAY) and not entry.successor:
            for language in list_languages():
                assert kind.read(kind.format_label(code, language), TODAY).value == kind.read(code, TODAY).value
