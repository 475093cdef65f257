"""Word documents out and back: what is drawn or filled in is read, in documents that every program understands."""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from docx import Document
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from lxml import etree

from formgen import formats
from formgen.cases.workflow import Case
from formgen.documents.extraction import Answer, Control, Extraction, Identity, Question, iter_questions
from formgen.documents.page_layout import count_rows
from formgen.fields import SIGNATURE_PARTS, FieldType, SignatureBlock
from formgen.formats import docx
from formgen.formats.docx.controls import CHECKED, UNCHECKED, format_tag
from formgen.formats.docx.package import W14, w
from formgen.formats.docx.tables import is_too_wide_for_grid
from formgen.formats.docx.template import iter_control_paths
from formgen.forms import registry
from formgen.forms.form import Form, prefill_extraction
from formgen.forms.validate import validate_extraction
from formgen.i18n import clean_text, translate
from tests.support.strategies import (
    CASE_ID,
    FORMS,
    INSTANCE,
    KEYS,
    ROWS,
    TODAY,
    WORKSPACE,
    drawn,
    members,
    packed,
    papers,
    records,
    template,
    words,
)

MAIN = "word/document.xml"
FEW = st.integers(0, 5)
few = settings(  # no shrinking: a smaller record of a hundred answers is not worth minutes
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)
every_form = pytest.mark.parametrize("form", tuple(FORMS), ids=lambda form: form.id)
every_language = pytest.mark.parametrize("language", ["fi", "sv"])


# --- out and back -----------------------------------------------------------------------------


def kind_of(form: type[Form], path: str) -> FieldType:
    """Return the kind that reads the answer at a path."""
    asked = form.find_field(path)
    assert asked, path
    assert asked.field_type, path
    return (
        SIGNATURE_PARTS[path.rpartition(".")[2]][1]
        if isinstance(asked.field_type, SignatureBlock)
        else asked.field_type
    )


def meant(form: type[Form], path: str, text: str) -> Any:
    """Return what an answer means: a list's label its code, any other text itself."""
    kind = kind_of(form, path)
    return kind.read(text, TODAY) if kind.control is Control.LIST else clean_text(text)


def assert_same(form: type[Form], sheet: Extraction, document: bytes) -> None:
    """Assert that a document reads as exactly the answers of the sheet, all of them sure."""
    found = formats.read_document(document, papers())
    for path, answer in sheet.answers.items():
        read = found.answers.get(path)
        assert read, f"{path} has not been found"
        assert (meant(form, path, read.text), read.confidence) == (meant(form, path, answer.text), 1.0), (
            f"{path}: {read.doubts}"
        )
    assert {
        path: answer.text for path, answer in found.answers.items() if path not in sheet.answers and answer.text
    } == {}
    assert (found.strays, found.facts) == ((), ())


@every_form
@pytest.mark.parametrize("language", ["fi", "sv", "fi_selko"])
def test_what_is_drawn_is_read_back(form: type[Form], language: str) -> None:
    @settings(few, max_examples=5)
    @given(records(form))
    def holds(known: dict[str, Any]) -> None:
        assert_same(
            form,
            prefill_extraction(form, known, language),
            drawn(form, prefill_extraction(form, known, language), language),
        )

    holds()


@every_form
def test_a_table_of_sixty_rows_is_read_back(form: type[Form]) -> None:
    @settings(few, max_examples=2)
    @given(records(form, st.just(ROWS)))
    def holds(known: dict[str, Any]) -> None:
        assert_same(form, prefill_extraction(form, known), drawn(form, prefill_extraction(form, known)))

    holds()


@every_form
def test_what_is_filled_in_is_read_back(form: type[Form]) -> None:
    empty = drawn(form, prefill_extraction(form, {}))

    @settings(few, max_examples=3)
    @given(records(form, FEW), records(form, FEW))
    def holds(known: dict[str, Any], typed: dict[str, Any]) -> None:
        sheet = prefill_extraction(form, typed)
        texts = {path: clean_text(answer.text) for path, answer in sheet.answers.items()}
        assert_same(form, sheet, docx.fill_document(empty, texts))
        again = prefill_extraction(form, known)
        merged = Extraction({**again.answers, **sheet.answers})
        assert_same(form, merged, docx.fill_document(drawn(form, again), texts))

    holds()


@every_form
def test_the_journey_changes_neither_record_nor_findings(form: type[Form]) -> None:
    case = Case(CASE_ID, TODAY, FORMS.process.office(), forms=FORMS.ids, process=FORMS.process)

    @settings(few, max_examples=4)
    @given(records(form, FEW))
    def holds(known: dict[str, Any]) -> None:
        sheet = prefill_extraction(form, known)
        before = validate_extraction(form, sheet, case, TODAY)
        after = validate_extraction(form, formats.read_document(drawn(form, sheet), papers()), case, TODAY)
        assert before.record
        assert (after.record, set(after.findings)) == (before.record, set(before.findings))

    holds()


TRICKS = (
    "[F3]",
    "Työnantaja [F1] *",
    "☒ kyllä ☐ ei",
    "x kyllä",
    "pv.kk.vvvv",
    "Valitse minut",
    "Lomaketunnus fg1:referral:2026.1:00000000-0000-0000-0000-000000000009:k1:8cf3df1a7b6efb2c4c1ab9a3fd5f6d7a",
    "{{ client_email }} {% for x in y %} {_{",
    "]]> &amp; &#65; <w:t>",
    CASE_ID,
)


@every_form
@pytest.mark.parametrize("text", TRICKS)
def test_an_answer_that_looks_like_the_form_is_an_answer(form: type[Form], text: str) -> None:
    free = [
        path
        for path in prefill_extraction(form, {}).answers
        if kind_of(form, path).control in (Control.LINE, Control.AREA)
    ]
    sheet = Extraction({**prefill_extraction(form, {}).answers, **{path: Answer(text) for path in free}})
    assert_same(form, sheet, drawn(form, sheet))


@every_form
def test_an_answer_that_is_another_fields_label_is_an_answer(form: type[Form]) -> None:
    questions = form.list_questions()
    columns = {question.path: question.columns[0].label for question in questions if question.columns}
    labels = [question.label for question in questions]
    shifted = dict(zip([question.path for question in questions], labels[1:] + labels[:1], strict=True))
    answers = {
        path: Answer(shifted.get(path) or columns[path.partition(".")[0]])
        for path in prefill_extraction(form, {name: [{}] for name in columns}).answers
        if kind_of(form, path).control in (Control.LINE, Control.AREA)
    }
    sheet = Extraction({**prefill_extraction(form, {}).answers, **answers})
    assert_same(form, sheet, drawn(form, sheet))


# --- what a document is made of ---------------------------------------------------------------


@cache
def sample(form: type[Form], language: str, full: bool) -> tuple[Extraction, bytes]:
    """Return a sheet, with every answer or with none, and its document."""
    known = prefill_extraction(
        form, {asked.name: [{}, {}] for asked in form.fields if asked.columns} if full else {}, language
    )
    sheet = Extraction({path: Answer(written(form, path) if full else "") for path in known.answers})
    return sheet, drawn(form, sheet, language)


def written(form: type[Form], path: str) -> str:
    """Return some answer to the question at a path."""
    kind = kind_of(form, path)
    codes = [choice.code for choice in kind.list_choices()]
    if kind.control is Control.TICKS:
        return codes[0]
    return {Control.DATE: "1.3.2026", Control.LIST: codes[-1] if codes else ""}.get(kind.control, "Työ & “Äly” <Oy>")


def body(data: bytes) -> Any:
    """Return the root of the document's main part."""
    return etree.fromstring(members(data)[MAIN])


def value(item: Any, name: str) -> str:
    """Return a property of a control."""
    found = item.find(f"{w('sdtPr')}/{w(name)}")
    return found.get(w("val")) if found is not None else ""


def controls(root: Any) -> dict[str, Any]:
    """Return the controls by tag."""
    return {value(item, "tag"): item for item in root.iter(w("sdt"))}


def asked(form: type[Form], sheet: Extraction, language: str) -> Iterator[tuple[str, Question]]:
    """Yield the path of every control that a document should have, and its question."""
    for question in form.list_questions(language):
        for cell in iter_questions([question], count_rows(question, sheet) if question.columns else 0):
            for path in iter_control_paths(cell):
                yield path, cell


every_sample = pytest.mark.parametrize("full", [True, False], ids=["full", "empty"])


@every_form
@every_language
@every_sample
def test_every_field_has_one_control_with_title_tag_and_number(form: type[Form], language: str, full: bool) -> None:
    sheet, data = sample(form, language, full)
    items = list(body(data).iter(w("sdt")))
    assert Counter(value(item, "tag") for item in items) == Counter(
        format_tag(path) for path, _ in asked(form, sheet, language)
    )
    assert all(value(item, "alias") and len(value(item, "alias")) <= 64 for item in items)
    numbers = [int(value(item, "id")) for item in items]
    assert len(set(numbers)) == len(numbers)
    assert all(0 < number < 2**31 for number in numbers)


@every_form
@every_sample
def test_bookmarks_are_unique_and_short(form: type[Form], full: bool) -> None:
    root = body(sample(form, "fi", full)[1])
    marks = list(root.iter(w("bookmarkStart")))
    names = [mark.get(w("name")) for mark in marks]
    numbers = [mark.get(w("id")) for mark in marks]
    assert len({name.casefold() for name in names}) == len(names)
    assert all(re.fullmatch(r"[A-Za-z_]\w{0,39}", name, re.ASCII) for name in names)
    assert sorted(numbers) == sorted({mark.get(w("id")) for mark in root.iter(w("bookmarkEnd"))})
    assert f"form_{INSTANCE.hex}" in names


@every_form
@every_language
@every_sample
def test_state_and_text_of_a_control_agree(form: type[Form], language: str, full: bool) -> None:
    sheet, data = sample(form, language, full)
    found = controls(body(data))
    for path, question in asked(form, sheet, language):
        item = found[format_tag(path)]
        text = "".join(item.find(w("sdtContent")).itertext(w("t")))
        answer = sheet.answers.get(question.path, Answer("")).text
        properties = item.find(w("sdtPr"))
        if question.control is Control.TICKS:
            ticked = path.rpartition(".")[2] in answer.split()
            state = properties.find(f"{{{W14}}}checkbox/{{{W14}}}checked").get(f"{{{W14}}}val")
            assert (state, text) == (("1", CHECKED) if ticked else ("0", UNCHECKED))
            continue
        assert (properties.find(w("showingPlcHdr")) is not None) == (answer == "")
        if question.control is Control.DATE:
            assert properties.find(w("date")).get(w("fullDate")) == ("2026-03-01T00:00:00Z" if answer else None)
        if question.control is Control.LIST:
            labels = {choice.code: choice.label for choice in question.choices}
            assert properties.find(w("dropDownList")).get(w("lastValue")) == (answer or None)
            assert {
                entry.get(w("value")): entry.get(w("displayText")) for entry in properties.iter(w("listItem"))
            } == labels
            assert text == (labels[answer] if answer else text)
            assert len(set(labels.values())) == len(labels), "a list's texts tell its codes apart"


@every_form
@pytest.mark.parametrize(("language", "locale"), [("fi", "fi-FI"), ("fi_selko", "fi-FI"), ("sv", "sv-FI")])
def test_a_document_says_its_language(form: type[Form], language: str, locale: str) -> None:
    parts = members(drawn(form, prefill_extraction(form, {}, language), language))
    styles = etree.fromstring(parts["word/styles.xml"])
    assert {item.get(w("val")) for item in styles.iter(w("lang"))} == {locale}
    assert f"<dc:language>{locale}</dc:language>".encode() in parts["docProps/core.xml"]


@every_form
def test_header_rows_of_grids_are_marked(form: type[Form]) -> None:
    headed = 0
    for table in body(sample(form, "fi", True)[1]).iter(w("tbl")):
        first = table.find(w("tr"))
        inside = {
            value(item, "tag").split(".")[1]
            for item in table.iter(w("sdt"))
            if re.match(r"fg:\w+\.\d+\.", value(item, "tag"))
        }
        if inside and not list(first.iter(w("sdt"))) and len(first.findall(w("tc"))) > 1:
            assert first.find(f"{w('trPr')}/{w('tblHeader')}") is not None
            headed += 1
    assert headed == sum(
        1 for question in form.list_questions() if question.columns and not is_too_wide_for_grid(question)
    )


@every_form
@every_language
@every_sample
def test_other_programs_open_the_document(form: type[Form], language: str, full: bool) -> None:
    data = sample(form, language, full)[1]
    for name, part in members(data).items():
        if name.endswith((".xml", ".rels")):
            etree.fromstring(part)
    opened = Document(io.BytesIO(data))
    assert opened.core_properties.title == words(form, language)["form_title"]
    assert opened.tables


@every_form
def test_the_identity_stands_in_every_carrier(form: type[Form]) -> None:
    found = formats.read_document(sample(form, "fi", False)[1], papers())
    token = Identity(form.id, form.version, INSTANCE).sign_token(KEYS)
    carriers = {**dict.fromkeys(("body", "custom", "core", "footer"), (token,)), "bookmark": (INSTANCE.hex,)}
    assert found.tokens == carriers
    assert found.claims == {"case_id": CASE_ID, "language": "fi"}


@every_form
@every_sample
def test_the_same_sheet_is_drawn_as_the_same_bytes(form: type[Form], full: bool) -> None:
    sheet, data = sample(form, "fi", full)
    file = registry.find_template(WORKSPACE, form)
    afresh = docx.Template(file.read_bytes(), form.list_questions())
    assert drawn(form, sheet) == data == afresh.render(sheet, words(form))


# --- templates --------------------------------------------------------------------------------


def edited(form: type[Form], change: Any) -> list[str]:
    """Return what the check says of a template whose body and footer were changed by ``change(text)``."""
    parts = members(registry.find_template(WORKSPACE, form).read_bytes())
    changed = {
        name: change(part.decode()).encode()
        for name, part in parts.items()
        if name.startswith(("word/document", "word/footer"))
    }
    assert any(parts[name] != part for name, part in changed.items())
    template = docx.Template(packed({**parts, **changed}), form.list_questions())
    return [translate(found.message, **found.values) for found in template.find_problems()]


def first_line(form: type[Form]) -> Question:
    """Return the first question that is answered in a line."""
    return next(
        question for question in form.list_questions() if question.control is Control.LINE and not question.columns
    )


@every_form
def test_a_packaged_template_has_every_field_once(form: type[Form]) -> None:
    assert list(template(form).find_problems()) == []


@every_form
def test_the_check_names_a_field_that_was_removed(form: type[Form]) -> None:
    asked = first_line(form)
    said = edited(form, lambda text: text.replace(f"{{{{ {asked.path} }}}}", ""))
    assert said == [f"Kohta puuttuu pohjasta: {asked.label} ({asked.path})."]


@every_form
def test_the_check_names_a_box_and_a_column_that_were_removed(form: type[Form]) -> None:
    boxed = next(
        question for question in form.list_questions() if question.control is Control.TICKS and not question.columns
    )
    path = f"{boxed.path}.{boxed.choices[0].code}"
    assert edited(form, lambda text: text.replace(f"{{{{ {path} }}}}", "")) == [
        f"Kohta puuttuu pohjasta: {boxed.label} ({path})."
    ]
    table = next(question for question in form.list_questions() if question.columns)
    column = next(column for column in table.columns if column.control is not Control.TICKS)

    def without(text: str) -> str:
        start = text.find(f"in {table.path} %}}")
        return text if start < 0 else text[:start] + text[start:].replace(f"{{{{ row.{column.path} }}}}", "", 1)

    assert edited(form, without) == [f"Kohta puuttuu pohjasta: {column.label} ({table.path}.{column.path})."]


@every_form
def test_the_check_names_a_field_that_the_form_lacks(form: type[Form]) -> None:
    said = edited(form, lambda text: text.replace("{{ about }}", "{{ about }} {{ shoe_size }}"))
    assert said == ["Pohjassa on kenttä, jota lomakkeella ei ole: shoe_size."]


@every_form
def test_the_check_names_a_field_that_stands_twice(form: type[Form]) -> None:
    asked = first_line(form)
    said = edited(form, lambda text: text.replace("{{ about }}", f"{{{{ about }}}} {{{{ {asked.path} }}}}"))
    assert said == [f"Kohta on pohjassa 2 kertaa: {asked.path}."]


@every_form
def test_the_check_misses_the_line_of_the_token(form: type[Form]) -> None:
    said = edited(form, lambda text: text.replace("{{ token }}", ""))
    assert said == ["Lomaketunnus puuttuu pohjan tekstistä. Lisää loppuun {{ token }}."]


@every_form
def test_a_restyled_template_loses_no_field(form: type[Form]) -> None:
    def bare(text: str) -> str:
        return re.sub(r"<w:sdtPr>.*?</w:sdtPr>", "<w:sdtPr/>", text, flags=re.DOTALL)

    assert edited(form, bare) == []
