"""A real LibreOffice between issue and return: every field of every form, exact in every format it saves."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from formgen import formats
from formgen.documents.extraction import (
    Answer,
    Control,
    Extraction,
    FormSpec,
    Identity,
    Question,
    build_cell_question,
    format_bookmark_name,
    iter_questions,
)
from formgen.documents.page_layout import count_rows
from formgen.errors import Unreadable
from formgen.formats.docx.build import draw_placeholder_logo
from formgen.formats.docx.tables import is_too_wide_for_grid
from formgen.formats.docx.template import Template
from formgen.formats.docx.template import iter_control_paths as template_places
from formgen.formats.docx.wording import find_printed_lines
from formgen.formats.office import OLE, find_lost_content
from formgen.forms import registry
from formgen.forms.form import Form
from formgen.forms.registry import find_template
from formgen.i18n import FORM_LANGUAGES, clean_text, list_languages, translate
from formgen.issuing.issue import build_document_texts
from formgen.sandbox import reader_pool
from formgen.settings import Intake, WorkspaceFolder
from tests.support.strategies import KEYS

REPOSITORY = Path(__file__).parents[2]
FORMS = tuple(registry.load_forms(WorkspaceFolder(REPOSITORY)))
FORMATS = ("docx", "odt", "doc", "rtf")
PERSON = Path(__file__).parents[1] / "support" / "office_fill.py"
INSTANCE = UUID("0f9c2c1e-5a58-4b5e-9d33-6f1f3a7f2b10")

every_form = pytest.mark.parametrize("form", FORMS, ids=lambda form: form.id)
every_format = pytest.mark.parametrize("ending", FORMATS)


def in_turn(name: str, values: Sequence[str]) -> pytest.MarkDecorator:
    """Parametrize a test with every form, each with the next of the values."""
    pairs = [(form, values[turn % len(values)]) for turn, form in enumerate(FORMS)]
    return pytest.mark.parametrize(("form", name), pairs, ids=[f"{form.id}-{value}" for form, value in pairs])


Texts = Mapping[str, str]


# --- the office, and a person at it ---------------------------------------------------------


@dataclass
class Office:
    """A person at one running LibreOffice, and what has already been filled there."""

    process: subprocess.Popen[str]
    folder: Path
    filled: dict[str, Filled] = field(default_factory=dict)

    def work(
        self, source: bytes, suffix: str, steps: list[list[Any]], endings: tuple[str, ...], password: str = ""
    ) -> tuple[list[Any], dict[str, bytes]]:
        """Return what the steps tell, and the document as saved in each format, with a password if there is one."""
        place = self.folder / f"source.{suffix}"
        place.write_bytes(source)
        targets = {ending: str(self.folder / f"target.{ending}") for ending in endings}
        assert self.process.stdin
        assert self.process.stdout
        job = {"source": str(place), "steps": steps, "targets": targets, "password": password}
        self.process.stdin.write(json.dumps(job) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline() or '{"error": "the office is gone"}')
        assert "error" not in answer, answer["error"]
        return answer["told"], {ending: Path(target).read_bytes() for ending, target in targets.items()}


def python_with_uno() -> str | None:
    """Return a Python that has the UNO bindings of LibreOffice, or None."""
    program = shutil.which("soffice")
    beside = [str(Path(program).resolve().parent / "python")] if program else []
    found = (shutil.which(name) for name in ("/usr/bin/python3", *beside, "python3"))
    check = "import uno; uno.getComponentContext()"
    works = (name for name in found if name and not subprocess.run([name, "-c", check], capture_output=True).returncode)
    return next(works, None) if program else None


@pytest.fixture(scope="session")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """Start LibreOffice once."""
    python = python_with_uno()
    if python is None:
        reason = "LibreOffice or its UNO bindings are missing"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    folder = tmp_path_factory.mktemp("office")
    command = [python, str(PERSON), str(folder)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, **pipes, text=True) as process:
        yield Office(process, folder)
        assert process.stdin
        process.stdin.close()
        process.wait(30)


# --- what stands in the fields ---------------------------------------------------------------


def places(form: type[Form], sheet: Extraction, language: str = "fi") -> list[Question]:
    """Return every question of a document, those of tables for each row that it has."""
    return [
        place
        for question in form.list_questions(language)
        for place in iter_questions([question], count_rows(question, sheet) if question.columns else 0)
    ]


def answer(question: Question, number: int, salt: int) -> str:
    """Return an answer of its own for a place: what a person writes, ticks or chooses."""
    codes = [choice.code for choice in question.choices]
    if question.control is Control.TICKS and question.many:
        return " ".join(codes[salt % 2 :: 2])
    if question.control in (Control.TICKS, Control.LIST):
        return codes[(number + salt) % len(codes)]
    if question.control is Control.DATE:
        return f"{number % 28 + 1}.{(number + salt) % 12 + 1}.{2000 + number % 30}"
    line = f"{salt}/{number} Äiti söi Ångströmin lounaan: “8 €” – Čača, đuro, ŋ & <b>"
    return f"{line}\nToinen rivi\n\n• neljäs, {number}" if question.control is Control.AREA else line


def known(form: type[Form]) -> Extraction:
    """Return a sheet in which every other place, and the first row of each table, is prefilled."""
    asked = list(iter_questions(form.list_questions(), 1))
    return Extraction(
        {place.path: Answer(answer(place, number, 0)) for number, place in enumerate(asked) if number % 2}
    )


def shown(question: Question, text: str) -> str:
    """Return an answer as it is read back: a list's item by its label, ticks in the order of the choices."""
    labels = {choice.code: choice.label for choice in question.choices}
    return labels.get(text, text) if question.control is Control.LIST else clean_text(text)


def steps(asked: list[Question], texts: Texts) -> list[list[Any]]:
    """Return what a person does to give the answers; of the dates every other one is picked."""
    typed: dict[str, str] = {}
    picked: dict[str, tuple[str, str]] = {}
    items: dict[str, str] = {}
    boxes: dict[str, bool] = {}
    for number, question in enumerate(asked):
        text = texts[question.path]
        if question.control is Control.TICKS:
            codes = [choice.code for choice in question.choices]
            boxes |= {format_bookmark_name(f"{question.path}.{code}"): code in text.split() for code in codes}
        elif question.control is Control.LIST:
            items[format_bookmark_name(question.path)] = shown(question, text)
        elif question.control is Control.DATE and number % 2:
            day, month, year = text.split(".")
            picked[format_bookmark_name(question.path)] = f"{year}-{month:0>2}-{day:0>2}", text
        else:
            typed[format_bookmark_name(question.path)] = text
    return [["type_in", typed], ["pick", picked], ["choose", items], ["tick", boxes]]


# --- out and back ------------------------------------------------------------------------------


@dataclass
class Filled:
    """One form filled in LibreOffice: what was asked and answered, the files saved, and what was read."""

    asked: list[Question]
    texts: Texts
    missing: list[str]
    files: dict[str, bytes]
    sheets: dict[str, Extraction] = field(default_factory=dict)


@pytest.fixture(scope="session")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> WorkspaceFolder:
    """Make a workspace that has the packaged forms."""
    return WorkspaceFolder(tmp_path_factory.mktemp("workspace"))


def drawn(workspace: WorkspaceFolder, form: type[Form], template: Template, sheet: Extraction) -> bytes:
    """Return a document as it goes out."""
    identity = Identity(form.id, form.version, INSTANCE)
    return template.render(
        sheet, build_document_texts(workspace, KEYS, form, identity, "PK-2026-00017", template.language)
    )


def prefilled(sheet: Extraction, asked: list[Question]) -> dict[str, str]:
    """Return what stands in the fields of a document before anybody has written in it."""
    return {place.path: sheet.answers[place.path].text if place.path in sheet.answers else "" for place in asked}


def papers(workspace: WorkspaceFolder, form: type[Form], template: Template) -> dict[tuple[str, str], FormSpec]:
    """Return what the reader may know of a form and its template."""
    words = build_document_texts(workspace, KEYS, form, Identity(form.id, form.version, INSTANCE), None, "fi")
    told = {name: words[name] for name in ("organiser", "privacy", "guidance", "about", "form_title")}
    return {(form.id, form.version): FormSpec(form.list_questions(), find_printed_lines(template.package, told))}


def packaged(workspace: WorkspaceFolder, form: type[Form], language: str = "fi") -> tuple[bytes, Template]:
    """Return the packaged template of a form, as a file and compiled."""
    data = find_template(workspace, form).read_bytes()
    return data, Template(data, form.list_questions(language), language)


def read(files: Mapping[str, bytes], known_papers: Mapping[tuple[str, str], FormSpec]) -> dict[str, Extraction]:
    """Return what stands in each file; those that need converting are read side by side."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return dict(
            zip(files, pool.map(lambda data: formats.read_document(data, known_papers), files.values()), strict=True)
        )


def fill(
    office: Office,
    workspace: WorkspaceFolder,
    form: type[Form],
    language: str = "fi",
    endings: tuple[str, ...] = FORMATS,
) -> Filled:
    """Return the form filled in LibreOffice, saved and read in every format; done once for all tests."""
    name = f"{form.id} {language}"
    if name not in office.filled:
        _, template = packaged(workspace, form, language)
        sheet = known(form)
        asked = places(form, sheet, language)
        texts = {question.path: answer(question, number, 1) for number, question in enumerate(asked)}
        told, files = office.work(drawn(workspace, form, template, sheet), "docx", steps(asked, texts), endings)
        filled = office.filled[name] = Filled(asked, texts, told[2], files)
        filled.sheets = read(files, papers(workspace, form, packaged(workspace, form)[1]))
    return office.filled[name]


def wrong(asked: list[Question], texts: Texts, sheet: Extraction) -> list[str]:
    """Return the places that were not read exactly and surely, each with what was read."""
    found = []
    for question in asked:
        expected, got = shown(question, texts[question.path]), sheet.answers.get(question.path)
        if got is None or (got.text, got.confidence, got.doubts) != (expected, 1.0, ()):
            found.append(f"{question.path} [{question.control}]: {expected!r} was read as {got}")
    return found


def assert_exact(
    workspace: WorkspaceFolder, form: type[Form], sheet: Extraction, asked: list[Question], texts: Texts
) -> None:
    """Hold a sheet against what was written: values, identity, and nothing besides."""
    assert wrong(asked, texts, sheet) == []
    assert set(sheet.answers) == {question.path for question in asked}
    token = Identity(form.id, form.version, INSTANCE).sign_token(KEYS)
    agreeing = [carrier for carrier, tokens in sheet.tokens.items() if tokens in ((token,), (INSTANCE.hex,))]
    assert len(agreeing) >= 2, sheet.tokens
    assert len(agreeing) == len(sheet.tokens), sheet.tokens
    assert sheet.strays == ()


# --- 1. a form filled in LibreOffice ---------------------------------------------------------


@pytest.mark.slow
@every_format
@every_form
def test_a_form_filled_in_libreoffice_is_read_exactly(
    office: Office, workspace: WorkspaceFolder, form: type[Form], ending: str
) -> None:
    filled = fill(office, workspace, form)
    assert_exact(workspace, form, filled.sheets[ending], filled.asked, filled.texts)


@pytest.mark.slow
@in_turn("language", [language for language in list_languages() if language in FORM_LANGUAGES[1:]])
def test_a_form_in_another_language_is_read_by_what_is_known_in_finnish(
    office: Office, workspace: WorkspaceFolder, form: type[Form], language: str
) -> None:
    filled = fill(office, workspace, form, language, ("docx",))
    assert filled.missing == []
    assert_exact(workspace, form, filled.sheets["docx"], filled.asked, filled.texts)


@every_form
def test_every_field_is_a_control_of_its_kind_in_libreoffice(
    office: Office, workspace: WorkspaceFolder, form: type[Form]
) -> None:
    sheet = known(form)
    told, _ = office.work(drawn(workspace, form, packaged(workspace, form)[1], sheet), "docx", [["kinds"]], ())
    kinds = {Control.DATE: "date", Control.LIST: "list"}
    expected = {
        format_bookmark_name(path): "box" if path != place.path else kinds.get(place.control, "text")
        for place in places(form, sheet)
        for path in template_places(place)
    }
    assert told == [expected]


@every_form
def test_libreoffice_offers_every_item_of_every_list(
    office: Office, workspace: WorkspaceFolder, form: type[Form]
) -> None:
    assert fill(office, workspace, form).missing == []


def changes(asked: list[Question], texts: Texts) -> tuple[list[Question], dict[str, str]]:
    """Return every third place, and all the answers after a person has changed their mind at those."""
    again = asked[::3]
    return again, {**texts, **{question.path: answer(question, number, 2) for number, question in enumerate(again)}}


@pytest.mark.slow
@in_turn("ending", FORMATS)
def test_a_form_saved_once_can_be_opened_and_changed_again(
    office: Office, workspace: WorkspaceFolder, form: type[Form], ending: str
) -> None:
    filled = fill(office, workspace, form)
    again, texts = changes(filled.asked, filled.texts)
    _, files = office.work(filled.files[ending], ending, steps(again, texts), (ending,))
    known_papers = papers(workspace, form, packaged(workspace, form)[1])
    assert_exact(workspace, form, formats.read_document(files[ending], known_papers), filled.asked, texts)


@every_form
def test_words_typed_before_a_prompt_or_value_are_part_of_the_answer(
    office: Office, workspace: WorkspaceFolder, form: type[Form]
) -> None:
    _, template = packaged(workspace, form)
    sheet = known(form)
    asked = [place for place in places(form, sheet) if place.control in (Control.LINE, Control.AREA)]
    more = {format_bookmark_name(place.path): f"Lisäys {number} " for number, place in enumerate(asked)}
    _, files = office.work(drawn(workspace, form, template, sheet), "docx", [["add", more]], ("docx",))
    found = formats.read_document(files["docx"], papers(workspace, form, template))
    for place in asked:
        was = sheet.answers[place.path].text if place.path in sheet.answers else ""
        got = found.answers[place.path]
        assert got.text == clean_text(more[format_bookmark_name(place.path)] + was)
        assert set(got.doubts) <= {"placeholder_left"}, place.path


@every_form
def test_an_answer_in_the_place_of_a_deleted_control_is_read(
    office: Office, workspace: WorkspaceFolder, form: type[Form]
) -> None:
    _, template = packaged(workspace, form)
    sheet = known(form)
    asked = [place for place in places(form, sheet) if place.control is not Control.TICKS]
    texts = {place.path: answer(place, number, 1) for number, place in enumerate(asked)}
    typed = {format_bookmark_name(place.path): shown(place, texts[place.path]) for place in asked}
    _, files = office.work(drawn(workspace, form, template, sheet), "docx", [["overwrite", typed]], ("docx",))
    found = formats.read_document(files["docx"], papers(workspace, form, template))
    assert wrong(asked, texts, found) == []
    assert found.strays == ()


@every_form
def test_rows_added_to_a_table_are_read_after_the_printed_ones(
    office: Office, workspace: WorkspaceFolder, form: type[Form]
) -> None:
    _, template = packaged(workspace, form)
    sheet = known(form)
    tables = [question for question in form.list_questions() if question.columns and not is_too_wide_for_grid(question)]
    rows: dict[str, list[str]] = {}
    expected: dict[str, str] = {}
    for table in tables:
        count = count_rows(table, sheet)
        first = next(template_places(build_cell_question(table, count - 1, table.columns[0])))
        rows[format_bookmark_name(first)] = [f"{table.path} lisätty, {column.path}" for column in table.columns]
        names = (build_cell_question(table, count, column).path for column in table.columns)
        expected |= dict(zip(names, rows[format_bookmark_name(first)], strict=True))
    _, files = office.work(drawn(workspace, form, template, sheet), "docx", [["lengthen", rows]], ("docx",))
    found = formats.read_document(files["docx"], papers(workspace, form, template))
    assert {path: found.answers[path].text for path in expected} == expected
    asked = places(form, sheet)
    assert wrong(asked, prefilled(sheet, asked), found) == []


@pytest.mark.slow
def test_what_libreoffice_does_not_finish_in_its_time_is_told_as_that() -> None:
    long = b"{\\rtf1 " + b"\\par rivi" * 100_000 + b"}"
    with pytest.raises(Unreadable) as refused:
        reader_pool.read(long, {}, Intake(cpu_seconds=1))
    assert refused.value.code == "timeout"


@pytest.mark.parametrize(
    ("data", "lost"),
    [
        (rb"{\rtf1{\object\objemb{\*\objdata 0105}}}", ["embedded"]),
        (rb"{\rtf1 sana \\objdata}", []),
        (OLE + "_VBA_PROJECT".encode("utf-16-le"), ["macros"]),
        (OLE + b"_VBA_PROJECT", []),
    ],
    ids=["object", "word", "macros", "another word"],
)
def test_what_no_form_may_carry_is_told_before_the_conversion_leaves_it_out(data: bytes, lost: list[str]) -> None:
    assert list(find_lost_content(data)) == lost


# --- 2. a template restyled in LibreOffice ---------------------------------------------------


@dataclass
class Restyled:
    """A template that an office has changed, and a document drawn from it."""

    template: Template
    asked: list[Question]
    texts: Texts
    document: bytes


Restyler = Callable[[type[Form]], Restyled]


@pytest.fixture(scope="session")
def restyle(office: Office, workspace: WorkspaceFolder, tmp_path_factory: pytest.TempPathFactory) -> Restyler:
    """Return a function that gives a form's template as an office has restyled it; done once a form."""
    picture = tmp_path_factory.mktemp("logo") / "logo.png"
    picture.write_bytes(draw_placeholder_logo(64))
    done: dict[str, Restyled] = {}

    def restyled(form: type[Form]) -> Restyled:
        if form.id not in done:
            data, _ = packaged(workspace, form)
            _, files = office.work(data, "docx", [["restyle", str(picture)]], ("docx",))
            assert pictures(files["docx"]) > pictures(data)
            assert b"Georgia" in zipfile.ZipFile(io.BytesIO(files["docx"])).read("word/styles.xml")
            template = Template(files["docx"], form.list_questions())
            sheet = known(form)
            asked = places(form, sheet)
            texts = prefilled(sheet, asked)
            done[form.id] = Restyled(template, asked, texts, drawn(workspace, form, template, sheet))
        return done[form.id]

    return restyled


def pictures(data: bytes) -> int:
    """Return how many pictures a document holds."""
    return sum(name.startswith("word/media/") for name in zipfile.ZipFile(io.BytesIO(data)).namelist())


@every_form
def test_a_restyled_template_still_has_every_field(restyle: Restyler, form: type[Form]) -> None:
    assert list(restyle(form).template.find_problems()) == []


@every_form
def test_a_document_from_a_restyled_template_is_read_exactly(
    workspace: WorkspaceFolder, restyle: Restyler, form: type[Form]
) -> None:
    restyled = restyle(form)
    sheet = formats.read_document(restyled.document, papers(workspace, form, restyled.template))
    assert_exact(workspace, form, sheet, restyled.asked, restyled.texts)


@every_form
def test_a_document_from_a_restyled_template_is_filled_and_read_exactly(
    office: Office, workspace: WorkspaceFolder, restyle: Restyler, form: type[Form]
) -> None:
    restyled = restyle(form)
    texts = {place.path: answer(place, number, 1) for number, place in enumerate(restyled.asked)}
    _, files = office.work(restyled.document, "docx", steps(restyled.asked, texts), ("docx",))
    sheet = formats.read_document(files["docx"], papers(workspace, form, restyled.template))
    assert_exact(workspace, form, sheet, restyled.asked, texts)


# --- 3. a template that an office has damaged ------------------------------------------------


@every_form
def test_the_check_names_a_field_that_was_deleted(office: Office, workspace: WorkspaceFolder, form: type[Form]) -> None:
    data, _ = packaged(workspace, form)
    lost, renamed = [place for place in form.list_questions() if place.control is Control.LINE and not place.columns][
        :2
    ]
    steps_ = [["delete", f"{{{{ {lost.path} }}}}"], ["replace", f'_("{renamed.label}")', '_("Uusi nimi")']]
    told, files = office.work(data, "docx", steps_, ("docx",))
    assert told == [1, 1]
    template = Template(files["docx"], form.list_questions())
    said = [translate(found.message, **found.values) for found in template.find_problems()]
    assert said == [f"Kohta puuttuu pohjasta: {lost.label} ({lost.path})."]
    sheet = known(form)
    rest = [place for place in places(form, sheet) if place is not lost and place.path != lost.path]
    texts = prefilled(sheet, rest)
    document = drawn(workspace, form, template, sheet)
    assert wrong(rest, texts, formats.read_document(document, papers(workspace, form, template))) == []
