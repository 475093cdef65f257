"""A compiled template gives what docxtpl gives of the same file, and is never wrong about what it keeps."""

from __future__ import annotations

import hashlib
import io
import subprocess
import sys
import zipfile
from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

import docx as python_docx
import pytest
from docxtpl import DocxTemplate
from hypothesis import given, settings
from jinja2 import Environment
from lxml import etree

from formgen import formats
from formgen.documents.extraction import Answer, Control, Extraction, Question, iter_questions
from formgen.documents.page_layout import count_rows
from formgen.formats import docx
from formgen.formats.docx.controls import CHECKED, DATE, PROMPTS, UNCHECKED
from formgen.formats.docx.package import W14, Package, deflate_member, pack_members, w
from formgen.forms import registry
from formgen.forms.form import Form, prefill_extraction
from formgen.i18n import translate
from tests.formats.test_docx import FEW, MAIN, every_form, every_language, few, written
from tests.support.strategies import FORMS, WORKSPACE, drawn, members, packed, papers, records, template, words

CARRIERS = ("body", "footer")
ODD = "\ue000 \uf8ff {{ token }} {% if x %} <?fg 0?> <?fg token?> &amp; & < > ]]> \" ' \\1 \\g<0>\n\n\trivi\t"


# --- beside docxtpl ---------------------------------------------------------------------------


def by_docxtpl(form: type[Form], sheet: Extraction, language: str) -> bytes:
    """Return the document that docxtpl renders of the same file, its controls put in the state that they show."""
    document = DocxTemplate(registry.find_template(WORKSPACE, form))
    told = {**words(form, language), "_": lambda text: translate(text, language)}
    for question in form.list_questions(language):
        if question.columns:
            rows = range(count_rows(question, sheet))
            told[question.path] = [shown(question.columns, sheet, language, f"{question.path}.{row}.") for row in rows]
    told |= shown((question for question in form.list_questions(language) if not question.columns), sheet, language)
    document.render(told, Environment(autoescape=True))
    for control in document.docx.element.body.iter(w("sdt")):
        put_in_state(control, language)
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def shown(questions: Iterable[Question], sheet: Extraction, language: str, prefix: str = "") -> dict[str, Any]:
    """Return what questions show by the steps of their paths: a label, the sign of each box, or what to do."""
    found: dict[str, Any] = {}
    for question in questions:
        *above, name = question.path.split(".")
        place = found
        for step in above:
            place = place.setdefault(step, {})
        answer = sheet.answers.get(f"{prefix}{question.path}", Answer("")).text
        if question.control is Control.TICKS:
            ticked = answer.split()
            signs = {code: CHECKED if code in ticked else UNCHECKED for code, _ in question.choices}
            place[name] = SimpleNamespace(**signs)  # a dict has a `get` of its own, and there is such a code
        else:
            place[name] = dict(question.choices).get(answer, answer) or translate(PROMPTS[question.control], language)
    return found


def put_in_state(control: Any, language: str) -> None:
    """Put a control into the state that it shows."""
    properties, text = control.find(w("sdtPr")), "".join(control.find(w("sdtContent")).itertext(w("t")))
    for checked in properties.iter(f"{{{W14}}}checked"):
        checked.set(f"{{{W14}}}val", str(int(text == CHECKED)))
    for day in properties.iter(w("date")):
        if match := DATE.fullmatch(text):
            day.set(w("fullDate"), f"{match[3]}-{match[2]:0>2}-{match[1]:0>2}T00:00:00Z")
    for item in list(properties.iter(w("listItem"))):
        if translate(item.get(w("displayText")), language) == text:
            item.getparent().set(w("lastValue"), item.get(w("value")))
    if text in {translate(prompt, language) for prompt in PROMPTS.values()}:
        etree.SubElement(properties, w("showingPlcHdr"))


def state(control: Any) -> tuple[str, ...]:
    """Return what a control says of itself, and the text in it."""
    properties = control.find(w("sdtPr"))
    names = ((f"{{{W14}}}checked", f"{{{W14}}}val"), (w("date"), w("fullDate")), (w("dropDownList"), w("lastValue")))
    said = [item.get(key, "") for name, key in names for item in properties.iter(name)]
    return (*said, str(properties.find(w("showingPlcHdr")) is not None), text_of(control.find(w("sdtContent"))))


def text_of(block: Any) -> str:
    """Return the text that a person sees; docxtpl takes a line between braces out of what is typed too."""
    signs = {w("br"): "\n", w("tab"): "\t"}
    pieces = (item.text or "" if item.tag == w("t") else signs[item.tag] for item in block.iter(w("t"), *signs))
    text = "".join(pieces)
    for mark in ("{{", "}}", "{%", "%}"):
        text = text.replace("_".join(mark), mark)
    return text


def lines(data: bytes) -> list[str]:
    """Return the paragraphs of all parts that a person sees."""
    package = Package(data)
    names = [name for name in package.names if name.startswith(("word/document", "word/header", "word/footer"))]
    return [text_of(block) for name in names for block in package.parse_member(name).iter(w("p"))]


def assert_as_by_docxtpl(form: type[Form], sheet: Extraction, language: str) -> None:
    """Assert that our document and docxtpl's say, hold and carry the same.

    docxtpl has one name for a word in the header and for a field that is called so: they say the same here.
    """
    known = words(form, language)
    named = {
        question.path: Answer(known[question.path]) for question in form.list_questions() if question.path in known
    }
    sheet = Extraction({**sheet.answers, **named})
    ours, theirs = drawn(form, sheet, language), by_docxtpl(form, sheet, language)
    assert lines(ours) == lines(theirs)
    pairs = [[state(control) for control in Package(data).parse_member(MAIN).iter(w("sdt"))] for data in (ours, theirs)]
    assert pairs[0] == pairs[1]
    assert pairs[0]
    read = [formats.read_document(data, papers()) for data in (ours, theirs)]
    texts = [{path: answer.text for path, answer in found.answers.items()} for found in read]
    assert texts[0] == texts[1]
    carried = [[found.tokens[carrier] for carrier in CARRIERS] for found in read]
    assert carried[0] == carried[1]


def full(form: type[Form], text: str = "") -> Extraction:
    """Return a sheet with an answer to every question, in the first three rows of tables; ``text`` where any goes."""
    return Extraction(
        {
            question.path: Answer(
                text if text and question.control in (Control.LINE, Control.AREA) else written(form, question.path)
            )
            for question in iter_questions(form.list_questions(), 3)
        }
    )


@every_form
@every_language
def test_a_document_is_what_docxtpl_makes_of_the_same_template(form: type[Form], language: str) -> None:
    assert_as_by_docxtpl(form, prefill_extraction(form, {}, language), language)
    assert_as_by_docxtpl(form, full(form), language)

    @settings(few, max_examples=2)
    @given(records(form, FEW))
    def holds(known: dict[str, Any]) -> None:
        assert_as_by_docxtpl(form, prefill_extraction(form, known, language), language)

    holds()


# --- what is kept -----------------------------------------------------------------------------

DRAW = """
import hashlib
from tests.formats.test_docx_compiled import FORMS, drawn, full
for form in FORMS:
    print(hashlib.sha256(drawn(form, full(form))).hexdigest())
"""


def test_another_process_draws_the_same_bytes() -> None:
    command = [sys.executable, "-c", DRAW]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=WORKSPACE.root, timeout=600)
    assert done.stdout.split() == [hashlib.sha256(drawn(form, full(form))).hexdigest() for form in FORMS]


@every_form
def test_documents_of_one_template_do_not_leak_into_each_other(form: type[Form]) -> None:
    sheets = [prefill_extraction(form, {}), full(form), Extraction({}), full(form, ODD)]
    alone = [docx.Template(file_of(form), form.list_questions()).render(sheet, words(form)) for sheet in sheets]
    assert [drawn(form, sheet) for sheet in sheets * 2] == alone * 2
    assert len(set(alone)) == len(alone) - 1, "a blank answer is drawn as none"


def file_of(form: type[Form]) -> bytes:
    """Return the designer's file of a form."""
    return registry.find_template(WORKSPACE, form).read_bytes()


def edited(form: type[Form], line: str) -> docx.Template:
    """Return the template of a form with something besides in the line of the token."""
    parts = members(file_of(form))
    changed = parts[MAIN].replace(b"{{ token }}", f"{{{{ token }}}} {line}".encode())
    assert changed != parts[MAIN]
    return docx.Template(packed({**parts, MAIN: changed}), form.list_questions())


def last_lines(made: docx.Template, form: type[Form], **said: str) -> list[str]:
    """Return the lines with the token in a document without answers."""
    told = {**words(form), **said}
    data = made.render(prefill_extraction(form, {}), told)
    return [line.partition(f"{told['token']} ")[2] for line in lines(data) if f"{told['token']} " in line]


@pytest.mark.parametrize(
    ("line", "with_case", "without"),
    [
        ("{% if case_id %}Asia {{ case_id }}{% else %}Ei asiaa{% endif %}", "Asia PK-1", "Ei asiaa"),
        ("{{ case_id|lower }}/{{ case_id }}", "pk-1/PK-1", "/"),
        ("{{ case_id or guidance }}", "PK-1", "Ohje & <neuvo>"),
        ("{{ organiser|upper }}", "{{ ME }} & CO", "{{ ME }} & CO"),
        ("{{ case_id|default('–', true)|length }}{{ case_id|default('–', true) }}", "4PK-1", "1–"),
        ("{{ case_id if case_id == 'PK-1' else guidance }}", "PK-1", "Ohje & <neuvo>"),
    ],
)
def test_a_word_that_a_template_works_with_is_never_that_of_another_document(
    line: str, with_case: str, without: str
) -> None:
    form = next(iter(FORMS))
    made = edited(form, line)
    others = {"organiser": "{{ me }} & co", "guidance": "Ohje & <neuvo>"}
    for case_id, expected in (("PK-1", with_case), ("", without), ("PK-1", with_case)):
        assert last_lines(made, form, case_id=case_id, **others) == [expected]


@every_form
def test_words_and_answers_come_out_as_they_were_typed(form: type[Form]) -> None:
    sheet = full(form, ODD)
    told = {**words(form), "organiser": f"a{ODD}", "form_title": f"b{ODD}", "case_id": "–"}
    data = template(form).render(sheet, told)
    assert any(f"a{ODD}" in line for line in lines(data))
    texts = [state(control)[-1] for control in Package(data).parse_member(MAIN).iter(w("sdt"))]
    assert texts.count(ODD) == sum(answer.text == ODD for answer in sheet.answers.values()) > 0
    opened = python_docx.Document(io.BytesIO(data)).core_properties
    assert (opened.author, opened.title, opened.keywords) == (f"a{ODD}", f"b{ODD}", told["token"])
    assert formats.read_document(data, papers()).claims == {"case_id": "", "language": "fi"}


# --- the package ------------------------------------------------------------------------------


def test_a_package_is_read_by_others() -> None:
    content = {"a.xml": b"<a/>", "kansio/työ.bin": bytes(range(256)) * 999, "empty": b""}
    data = pack_members(deflate_member(name, part) for name, part in content.items())
    with zipfile.ZipFile(io.BytesIO(data)) as package:
        assert package.testzip() is None
        assert {item.filename: package.read(item) for item in package.infolist()} == content
        assert {item.date_time for item in package.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    assert members(packed(content)) == members(data)
