"""What a document looks like on paper: every form printed by LibreOffice, blank and filled, and looked over."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pypdfium2
import pytest

from formgen.cases import prefill
from formgen.cases.workflow import Case
from formgen.documents.extraction import Answer, Control, Extraction, Question
from formgen.formats.docx.package import Package
from formgen.forms.form import Form, prefill_extraction
from formgen.i18n import translate
from formgen.settings import Office
from tests.support.strategies import FORMS, TODAY, drawn

pytestmark = pytest.mark.slow
every_form = pytest.mark.parametrize("form", tuple(FORMS), ids=lambda form: form.id)
LANGUAGES = ("fi", "sv", "fi_selko")
PAGES = {  # what a blank and a filled document in Finnish may take
    "referral": (4, 7),
    "cooperation_agreement": (7, 10),
    "vocational_profile": (8, 12),
    "job_search_plan": (5, 8),
    "employer_contact": (5, 8),
    "job_start": (4, 5),
    "job_support_plan": (6, 9),
    "job_end": (3, 4),
    "education_plan": (4, 6),
    "closing": (5, 7),
    "quality_assessment": (9, 13),
}
MILLIMETRE = 72 / 25.4
TOP, BOTTOM = 277 * MILLIMETRE, 19 * MILLIMETRE  # of the text on a page, from its lower edge
LINE = "Testi Mallikas, Esimerkkilä"
AREA = (
    "Asiakas osallistuu sovittuihin tapaamisiin. Työtehtävät käydään läpi kuvallisten ohjeiden avulla, ja "
    "taukoja pidetään tunnin välein.\nPerehdytykseen on varattu kolme viikkoa, ja työparina on kokenut työntekijä."
)


@dataclass(frozen=True)
class Page:
    """The lines of one page between its head and foot, and how far down they come, in parts of the room there is."""

    lines: tuple[str, ...]
    filled: float


@dataclass(frozen=True)
class Printed:
    """One printed document."""

    file: Path

    @cached_property
    def pages(self) -> tuple[Page, ...]:
        """Return the pages."""
        with pypdfium2.PdfDocument(self.file) as document:
            return tuple(page_of(document, number) for number in range(len(document)))

    @property
    def lines(self) -> Iterator[str]:
        """Yield every line."""
        return (line for page in self.pages for line in page.lines)


def page_of(document: pypdfium2.PdfDocument, number: int) -> Page:
    """Return one page."""
    text = document[number].get_textpage()
    body = text.get_text_bounded(bottom=BOTTOM, top=TOP)
    lowest = min(low for at in range(text.count_rects()) if (low := text.get_rect(at)[1]) > BOTTOM)
    lines = tuple(line.strip() for line in body.splitlines() if line.strip())
    return Page(lines, (TOP - lowest) / (TOP - BOTTOM))


def filled(form: type[Form], language: str) -> Extraction:
    """Return a sheet with an answer to everything, and one row more than is printed where rows may be added."""
    answers = dict(unfilled(form, language).answers)
    for question in form.list_questions(language):
        rows = range(question.rows + (not question.locked)) if question.columns else ()
        places = [(f"{question.path}.{row}.{column.path}", column) for row in rows for column in question.columns]
        for path, place in places or [(question.path, question)]:
            if path not in answers or not answers[path].text:
                answers[path] = Answer(written(place))
    return Extraction(answers)


def unfilled(form: type[Form], language: str) -> Extraction:
    """Return the sheet of a document as it is made when nothing is known of the client."""
    return prefill_extraction(
        form, prefill.collect_known_values(form, Case("", TODAY, FORMS.process.office(), forms=FORMS.ids)), language
    )


def written(question: Question) -> str:
    """Return what somebody writes, ticks or chooses."""
    if question.choices:
        return question.choices[-1].code
    return {Control.DATE: "28.12.2026", Control.AREA: AREA}.get(question.control, LINE)


@pytest.fixture(scope="session")
def printed(tmp_path_factory: pytest.TempPathFactory) -> Mapping[tuple[str, str, bool], Printed]:
    """Print every form once: blank in every language, filled in Finnish."""
    if not shutil.which("soffice"):
        reason = "LibreOffice is missing"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    folder = tmp_path_factory.mktemp("printed")
    wanted = [(form, language, False) for form in FORMS for language in LANGUAGES]
    wanted += [(form, "fi", True) for form in FORMS]
    found = {}
    for form, language, full in wanted:
        file = folder / f"{form.id}-{language}-{full}.docx"
        file.write_bytes(drawn(form, (filled if full else unfilled)(form, language), language))
        found[form.id, language, full] = Printed(file.with_suffix(".pdf"))
    profile = f"-env:UserInstallation={(folder / 'profile').as_uri()}"
    command = ["soffice", profile, "--headless", "--convert-to", "pdf", "--outdir", str(folder)]
    subprocess.run([*command, *map(str, folder.glob("*.docx"))], check=True, capture_output=True, timeout=300)
    return found


Every = Mapping[tuple[str, str, bool], Printed]


def of(printed: Every, form: type[Form]) -> list[tuple[str, Printed]]:
    """Return every printed document of a form, and its language."""
    return [(language, document) for (name, language, _), document in printed.items() if name == form.id]


@every_form
def test_a_document_takes_no_more_pages_than_it_needs(printed: Every, form: type[Form]) -> None:
    taken = tuple(len(printed[form.id, "fi", full].pages) for full in (False, True))
    assert all(count <= most for count, most in zip(taken, PAGES[form.id], strict=True)), taken


@every_form
def test_no_page_is_left_half_empty_and_none_holds_hardly_anything(printed: Every, form: type[Form]) -> None:
    for language, document in of(printed, form):
        *full, last = document.pages
        assert [number for number, page in enumerate(full, 1) if page.filled < 0.6] == [], document.file.name
        assert len(last.lines) >= 3, (language, last.lines)


@every_form
def test_no_heading_stands_alone_at_the_foot_of_a_page(printed: Every, form: type[Form]) -> None:
    for language, document in of(printed, form):
        asked = form.list_questions(language)
        headings = {question.section for question in asked} | {
            f"{question.label}{' *' if question.required else ''} [{question.number}]"
            for question in asked
            if question.columns
        }
        headings |= {question.label.rpartition(": ")[0] for question in asked if "." in question.path}
        assert not headings & {page.lines[-1].replace("\xa0", " ") for page in document.pages}


@every_form
def test_a_box_stands_on_the_line_of_its_label(printed: Every, form: type[Form]) -> None:
    for _, document in of(printed, form):
        assert [line for line in document.lines if re.search(r"[☐☒]$", line)] == []


def broken(text: str) -> list[str]:
    """Return the pieces of a text between which a line may be broken."""
    return re.split(r"(?<=[-–/])|\s", text)


@every_form
def test_no_word_of_a_label_is_broken(printed: Every, form: type[Form]) -> None:
    for language, document in of(printed, form):
        seen = {piece for line in document.lines for piece in broken(line)}
        labels = [
            label
            for question in form.list_questions(language)
            for asked in (question, *question.columns)
            for label in ([asked.label] if "." not in asked.path else asked.label.split(": ")[:1])
        ]
        assert {piece for label in labels for piece in broken(label)} - seen == set(), document.file.name


@every_form
def test_every_page_says_what_it_is_of_and_which(printed: Every, form: type[Form]) -> None:
    for language, document in of(printed, form):
        with pypdfium2.PdfDocument(document.file) as pdf:
            feet = [pdf[at].get_textpage().get_text_bounded(top=BOTTOM) for at in range(len(pdf))]
        title = translate(form.title, language)
        for number, foot in enumerate(feet, 1):
            assert f"{form.number} · {title}" in foot
            assert re.search(rf"{translate('Sivu', language)} {number} / {len(feet)}", foot)
            assert len(foot.splitlines()) == 2


def test_a_document_of_the_unit_speaks_of_no_case_and_no_client(printed: Every) -> None:
    for form in (form for form in FORMS if form.unit):
        text = " ".join(printed[form.id, "fi", False].lines)
        assert translate("Asia") + ":" not in text
        assert " ".join(Office().privacy.split()) not in " ".join(text.split())


@every_form
def test_a_signature_says_its_hint_once_and_asks_for_no_place(form: type[Form]) -> None:
    parts = [question for question in form.list_questions() if "." in question.path]
    assert [part.path for part in parts if part.hint and not part.path.endswith(".name")] == []
    assert [part.path for part in parts if part.required and part.path.endswith(".place")] == []


@every_form
def test_a_document_in_easy_language_is_set_larger(form: type[Form]) -> None:
    def sizes(language: str) -> list[int]:
        styles = Package(drawn(form, unfilled(form, language), language)).read_member("word/styles.xml")
        return [int(size) for size in re.findall(rb'<w:sz w:val="(\d+)"', styles)]

    plain, easy = sizes("fi"), sizes("fi_selko")
    assert len(plain) == len(easy)
    assert all(larger > size for size, larger in zip(plain, easy, strict=True))
