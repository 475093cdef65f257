"""What is done to Word documents by people, programs and attackers is read right, or doubted, or refused."""

from __future__ import annotations

import io
import random
import re
import struct
import unicodedata
import warnings
import zipfile
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from formgen import formats
from formgen.documents.extraction import Answer, Extraction, FormSpec
from formgen.errors import Unreadable
from formgen.fields import Choice, Choices, Day, Email, Int, Line, Long, Name, Signature, YesNo, define_options
from formgen.formats import docx
from formgen.formats.docx.package import MC, W14, W, w
from formgen.forms.declare import Row, ask, ask_table, section
from formgen.forms.form import Form, prefill_extraction
from formgen.i18n import clean_text
from tests.support.strategies import members, packed, paper, words

Element = Any
Parts = dict[str, bytes]
MAIN = "word/document.xml"


# --- a small form with every control ----------------------------------------------------------


class Member(Row):
    who: Name = ask("Kuka")
    since: Day | None = ask("Mistä alkaen")
    present: YesNo | None = ask("Onko paikalla?")


class Meeting(Row):
    topic: Line = ask("Aihe", max_length=60)
    held: Day | None = ask("Pidetty")
    notes: Long | None = ask("Muistiinpanot")


class Sample(Form):
    id = "sample"
    number = "L99"
    version = "2026.1"
    title = "Näyte"

    with section("1 Henkilö"):
        name: Name = ask("Nimi", max_length=80)
        email: Email | None = ask("Sähköposti")
        story: Long | None = ask("Kertomus", hint="Omin sanoin.")
        start: Day | None = ask("Aloituspäivä")
        wants: YesNo | None = ask("Haluaako töitä?")
        skills: Choices | None = ask(
            "Taidot", of=define_options(cook="Ruoanlaitto", clean="Siivous", drive="Ajokortti")
        )
        colour: Choice | None = ask(
            "Väri",
            of=define_options(
                red="Punainen", green="Vihreä", blue="Sininen", white="Valkoinen", black="Musta", grey="Harmaa"
            ),
        )
        score: Int | None = ask("Arvosana", low=1, high=5)
        members_since: Day | None = ask("Jäsenyys alkaen")

    with section("2 Taulukot"):
        members: tuple[Member, ...] = ask_table("Jäsenet", printed=3)
        meetings: tuple[Meeting, ...] = ask_table("Tapaamiset", printed=1)

    with section("3 Allekirjoitus"):
        sign_client: Signature | None = ask("Asiakkaan allekirjoitus")


GIVEN = {
    "name": "Aino Esimerkki",
    "email": "aino@example.fi",
    "story": "Rivi yksi\nRivi kaksi",
    "start": "1.3.2026",
    "wants": "yes",
    "skills": "cook clean",
    "colour": "green",
    "score": "4",
    "members_since": "",
    "members.0.who": "Eka",
    "members.0.since": "1.1.2020",
    "members.0.present": "yes",
    "members.1.who": "Toka",
    "members.1.since": "2.2.2022",
    "members.1.present": "no",
    "members.2.who": "",
    "members.2.since": "",
    "members.2.present": "",
    "meetings.0.topic": "Alku",
    "meetings.0.held": "3.3.2023",
    "meetings.0.notes": "Sovittiin.",
    "meetings.1.topic": "",
    "meetings.1.held": "",
    "meetings.1.notes": "",
    "sign_client.name": "Aino Allekirjoittaja",
    "sign_client.date": "5.5.2026",
    "sign_client.place": "Joensuu",
}
READ = {**GIVEN, "colour": "Vihreä"}


@cache
def template() -> docx.Template:
    data = docx.build_template(Sample.title, Sample.number, Sample.version, Sample.list_questions())
    return docx.Template(data, Sample.list_questions())


@cache
def papers() -> dict[tuple[str, str], FormSpec]:
    return {(Sample.id, Sample.version): paper(Sample, template())}


@cache
def document() -> Mapping[str, bytes]:
    """Return the members of the filled document."""
    answers = {path: Answer(text) for path, text in GIVEN.items() if text}
    return members(template().render(Extraction({**prefill_extraction(Sample, {}).answers, **answers}), words(Sample)))


# --- what is done to it, and what should come of it -------------------------------------------


@dataclass(frozen=True)
class Damage:
    """One thing done to the filled document: the answers that change, surely or doubtfully, and what else is said."""

    do: Callable[[Any], Any]
    sure: Mapping[str, str] = field(default_factory=dict)
    doubt: Mapping[str, str] = field(default_factory=dict)
    gone: frozenset[str] = frozenset()
    strays: tuple[str, ...] = ()
    facts: frozenset[str] = frozenset()
    code: str = ""


EDITS: list[Damage] = []
PACKAGES: list[Damage] = []


def edit(
    sure: Mapping[str, str] | None = None,
    doubt: Mapping[str, str] | None = None,
    gone: Iterable[str] = (),
    strays: tuple[str, ...] = (),
) -> Callable[[Callable[[Element], None]], Callable[[Element], None]]:
    """Register an edit of the document's XML."""

    def register(do: Callable[[Element], None]) -> Callable[[Element], None]:
        EDITS.append(Damage(do, sure or {}, doubt or {}, frozenset(gone), strays))
        return do

    return register


def package(code: str = "", *facts: str) -> Callable[[Callable[[Parts], bytes]], Callable[[Parts], bytes]]:
    """Register a change of the package: the code by which it is refused, or the facts when it is read as it was."""

    def register(do: Callable[[Parts], bytes]) -> Callable[[Parts], bytes]:
        PACKAGES.append(Damage(do, facts=frozenset(facts), code=code))
        return do

    return register


def named(damages: list[Damage]) -> Any:
    """Return the damages as parameters, named after what is done."""
    return pytest.mark.parametrize("damage", damages, ids=lambda damage: damage.do.__name__)


def assert_read(data: bytes, damage: Damage) -> None:
    """Assert that every answer is as it should be: right and sure, or doubted."""
    sheet = formats.read_document(data, papers())
    expected = {path: text for path, text in {**READ, **damage.sure, **damage.doubt}.items() if path not in damage.gone}
    assert {path: clean_text(answer.text) for path, answer in sheet.answers.items()} == expected
    doubted = {path for path, answer in sheet.answers.items() if answer.confidence < 1}
    assert doubted == set(damage.doubt)
    assert all(sheet.answers[path].doubts for path in doubted)
    assert sheet.strays == damage.strays
    assert set(sheet.facts) == damage.facts


def at(root: Element, path: str) -> Element:
    """Return the control of a path."""
    return next(
        item for item in root.iter(w("sdt")) if item.find(f"{w('sdtPr')}/{w('tag')}").get(w("val")) == f"fg:{path}"
    )


def content(root: Element, path: str) -> Element:
    """Return what a control holds."""
    return at(root, path).find(w("sdtContent"))


def cell(root: Element, path: str) -> Element:
    """Return the cell of a control."""
    return next(at(root, path).iterancestors(w("tc")))


def row(root: Element, path: str) -> Element:
    """Return the table row of a control."""
    return next(at(root, path).iterancestors(w("tr")))


def run_of(root: Element, path: str) -> Element:
    """Return the run that holds a control's text."""
    return content(root, path).find(w("r"))


def xml(fragment: str) -> Element:
    """Return a fragment of XML."""
    return etree.fromstring(f'<x xmlns:w="{W}" xmlns:w14="{W14}" xmlns:mc="{MC}">{fragment}</x>')[0]


def run(text: str) -> Element:
    """Return a run of text."""
    item = xml("<w:r><w:t/></w:r>")
    item[0].text = text
    return item


def say(root: Element, path: str, text: str) -> None:
    """Put text into a control."""
    next(content(root, path).iter(w("t"))).text = text


def wrap(item: Element, name: str) -> Element:
    """Put an element around another."""
    outer = xml(f'<w:{name} w:id="7" w:author="x" w:date="2026-01-01T00:00:00Z"/>')
    item.addprevious(outer)
    outer.append(item)
    return outer


def empty(item: Element) -> None:
    """Take the children of an element away."""
    for child in list(item):
        item.remove(child)


def retype(root: Element, path: str, text: str) -> None:
    """Delete a control and type in its place."""
    item = at(root, path)
    item.addprevious(run(text))
    item.getparent().remove(item)


# --- tracked changes --------------------------------------------------------------------------


@edit(doubt={"name": "Aino EsimerkkiX"})
def text_inserted_under_tracking(root: Element) -> None:
    content(root, "name").append(run("X"))
    wrap(content(root, "name")[-1], "ins")


@edit(doubt={"name": ""})
def text_deleted_under_tracking(root: Element) -> None:
    wrap(run_of(root, "name"), "del")
    for text in content(root, "name").iter(w("t")):
        text.tag = w("delText")


@edit(doubt={"name": "Eino"})
def text_replaced_under_tracking(root: Element) -> None:
    old = wrap(run_of(root, "name"), "del")
    old.addnext(run("Eino"))
    wrap(old.getnext(), "ins")


@edit(doubt={"name": "Aino Esimerkki"})
def control_inserted_under_tracking(root: Element) -> None:
    wrap(at(root, "name"), "ins")


@edit(doubt={"name": "Eino"})
def control_deleted_under_tracking_and_text_inserted(root: Element) -> None:
    old = wrap(at(root, "name"), "del")
    old.addnext(run("Eino"))
    wrap(old.getnext(), "ins")


@edit(doubt={"name": "", "email": "aino@example.fiAino Esimerkki"})
def text_moved_under_tracking(root: Element) -> None:
    copy = deepcopy(run_of(root, "name"))
    wrap(run_of(root, "name"), "moveFrom")
    content(root, "email").append(copy)
    wrap(copy, "moveTo")


def tracked_row(item: Element, name: str) -> Element:
    """Mark a row as inserted or deleted under tracking."""
    properties = item.find(w("trPr"))
    properties.append(xml(f'<w:{name} w:id="8" w:author="x"/>'))
    return item


@edit(doubt={"members.1.who": "Toka", "members.1.since": "2.2.2022", "members.1.present": "no"})
def row_inserted_under_tracking(root: Element) -> None:
    tracked_row(row(root, "members.1.who"), "ins")


def without_row(number: int) -> dict[str, str]:
    """Return the answers of the members when one row has gone: those below it move up."""
    kept = [index for index in range(3) if index != number]
    return {
        f"members.{new}.{column}": GIVEN[f"members.{old}.{column}"]
        for new, old in enumerate(kept)
        for column in ("who", "since", "present")
    }


LAST = ("members.2.who", "members.2.since", "members.2.present")


@edit(sure=without_row(0), gone=LAST)
def row_deleted_under_tracking(root: Element) -> None:
    tracked_row(row(root, "members.0.who"), "del")


@edit(doubt={"name": "Aino Esimerkki"})
def cell_deleted_under_tracking(root: Element) -> None:
    cell(root, "name").find(w("tcPr")).append(xml('<w:cellDel w:id="8" w:author="x"/>'))


@edit(doubt={"story": "Rivi yksiRivi kaksi"})
def paragraph_mark_deleted_under_tracking(root: Element) -> None:
    two_paragraphs(root)
    first = cell(root, "story").find(f".//{w('p')}")
    first.insert(0, xml('<w:pPr><w:rPr><w:del w:id="9" w:author="x"/></w:rPr></w:pPr>'))


# --- what is transparent ----------------------------------------------------------------------


@edit()
def commented(root: Element) -> None:
    item = run_of(root, "name")
    item.addprevious(xml('<w:commentRangeStart w:id="0"/>'))
    item.addnext(xml('<w:r><w:commentReference w:id="0"/></w:r>'))
    item.addnext(xml('<w:commentRangeEnd w:id="0"/>'))


@edit()
def split_by_revisions_and_spelling(root: Element) -> None:
    item = run_of(root, "name")
    for text in ("Ai", "no Esi", "merkki"):
        part = run(text)
        part.set(w("rsidR"), "00AB12CD")
        item.addprevious(part)
        item.addprevious(xml('<w:proofErr w:type="spellStart"/>'))
    item.getparent().remove(item)


@edit()
def wrapped_in_a_smart_tag(root: Element) -> None:
    wrap(run_of(root, "name"), "smartTag")


@edit()
def turned_into_a_hyperlink(root: Element) -> None:
    wrap(run_of(root, "email"), "hyperlink")


@edit()
def bookmarked_in_the_middle(root: Element) -> None:
    run_of(root, "name").addprevious(xml('<w:bookmarkStart w:id="5000" w:name="_GoBack"/>'))
    run_of(root, "name").addnext(xml('<w:bookmarkEnd w:id="5000"/>'))


@edit(sure={"start": "24.12.2026"})
def date_as_a_field(root: Element) -> None:
    inner = content(root, "start")
    empty(inner)
    for part in (
        '<w:r><w:fldChar w:fldCharType="begin"/></w:r>',
        '<w:r><w:instrText> DATE \\@ "d.M.yyyy" </w:instrText></w:r>',
        '<w:r><w:fldChar w:fldCharType="separate"/></w:r>',
        "<w:r><w:t>24.12.2026</w:t></w:r>",
        '<w:r><w:fldChar w:fldCharType="end"/></w:r>',
    ):
        inner.append(xml(part))


@edit(sure={"start": "24.12.2026"})
def date_as_a_simple_field(root: Element) -> None:
    inner = content(root, "start")
    empty(inner)
    inner.append(xml('<w:fldSimple w:instr=" DATE "><w:r><w:t>24.12.2026</w:t></w:r></w:fldSimple>'))


@edit()
def nested_in_another_programs_control(root: Element) -> None:
    outer = xml('<w:sdt><w:sdtPr><w:tag w:val="goog_rdk_12"/></w:sdtPr><w:sdtContent/></w:sdt>')
    item = at(root, "name")
    item.addprevious(outer)
    outer.find(w("sdtContent")).append(item)


@edit()
def holding_another_programs_control(root: Element) -> None:
    outer = xml('<w:sdt><w:sdtPr><w:tag w:val="goog_rdk_12"/></w:sdtPr><w:sdtContent/></w:sdt>')
    item = run_of(root, "name")
    item.addprevious(outer)
    outer.find(w("sdtContent")).append(item)


@edit()
def control_around_the_cell(root: Element) -> None:
    item, inner = cell(root, "name"), at(root, "name")
    outer = xml("<w:sdt><w:sdtContent/></w:sdt>")
    outer.insert(0, deepcopy(inner.find(w("sdtPr"))))
    inner.addprevious(run_of(root, "name"))
    inner.getparent().remove(inner)
    item.addprevious(outer)
    outer.find(w("sdtContent")).append(item)


@edit(sure={"members.0.who": "Eka"})
def control_around_the_row(root: Element) -> None:
    item = row(root, "members.0.who")
    outer = xml("<w:sdt><w:sdtPr/><w:sdtContent/></w:sdt>")
    item.addprevious(outer)
    outer.find(w("sdtContent")).append(item)


# --- lines, tabs and strange characters -------------------------------------------------------


@edit()
def two_paragraphs(root: Element) -> None:
    item = at(root, "story")
    line = item.getparent()
    inner = item.find(w("sdtContent"))
    empty(inner)
    for text in ("Rivi yksi", "Rivi kaksi"):
        block = xml("<w:p/>")
        block.append(run(text))
        inner.append(block)
    line.addprevious(item)
    empty(line)


@edit(sure={"story": "a\tb\nc\nd"})
def tabs_and_breaks(root: Element) -> None:
    empty(content(root, "story"))
    content(root, "story").append(
        xml(
            "<w:r><w:t>a</w:t><w:tab/><w:t>b</w:t><w:br/><w:t>c</w:t><w:cr/><w:t>d</w:t><w:lastRenderedPageBreak/></w:r>"
        )
    )


@edit(doubt={"story": "Rivi yksi\nRivi kaksi\nRivi kolme"})
def paragraph_typed_below_the_control(root: Element) -> None:
    line = xml("<w:p/>")
    line.append(run("Rivi kolme"))
    cell(root, "story").append(line)


@edit(sure={"story": "Äiti-tytär x y z-w"})
def invisible_characters(root: Element) -> None:
    empty(content(root, "story"))
    text = "\u202a\ufeffA\u0308i\u00adti\u2011ty\u200bta\u0308r\u00a0x\u202fy\u2007z\u2069\u200e"
    content(root, "story").append(run(text))
    content(root, "story").append(xml("<w:r><w:softHyphen/><w:noBreakHyphen/><w:t>w</w:t></w:r>"))


@edit(sure={"name": "Äärelä Å. Öö"})
def decomposed_letters(root: Element) -> None:
    say(root, "name", unicodedata.normalize("NFD", "Äärelä Å. Öö"))


@edit()
def decomposed_labels(root: Element) -> None:
    for text in root.iter(w("t")):
        text.text = unicodedata.normalize("NFD", text.text or "")


# --- beside, instead of and around the control ------------------------------------------------


@edit(doubt={"name": "Aino Esimerkki (Eino)"})
def typed_behind_the_control(root: Element) -> None:
    at(root, "name").addnext(run(" (Eino)"))


@edit(doubt={"name": "ent. Aino Esimerkki"})
def typed_before_the_control(root: Element) -> None:
    at(root, "name").addprevious(run("ent. "))


@edit(sure={"name": "Eino Esimerkki"})
def control_deleted_and_text_typed(root: Element) -> None:
    retype(root, "name", "Eino Esimerkki")


@edit(sure={"name": ""})
def control_emptied(root: Element) -> None:
    empty(content(root, "name"))


@edit(sure={"name": ""})
def control_deleted(root: Element) -> None:
    at(root, "name").getparent().remove(at(root, "name"))


@edit(doubt={"members.2.who": "Uusi"})
def typed_beside_an_empty_control(root: Element) -> None:
    empty(content(root, "members.2.who"))
    at(root, "members.2.who").addprevious(run("Uusi"))


@edit(doubt={"members.2.who": "Uusi"})
def prompt_left_before_what_was_typed(root: Element) -> None:
    content(root, "members.2.who").append(run("Uusi"))


@edit(doubt={"members.2.who": "Uusi"})
def typed_beside_the_prompt(root: Element) -> None:
    at(root, "members.2.who").addnext(run(" Uusi"))


@edit(sure={"members.2.who": ""})
def prompt_as_plain_text(root: Element) -> None:
    retype(root, "members.2.who", "Kirjoita tähän")


@edit(sure={"name": ""})
def prompt_of_word_itself(root: Element) -> None:
    say(root, "name", "Click or tap here to enter text.")


@edit(sure={"name": "Valitse Päivi"})
def text_that_begins_like_the_prompt_of_a_list(root: Element) -> None:
    say(root, "name", "Valitse Päivi")


BOX = (
    "<w:r><w:pict><v:shape xmlns:v='urn:schemas-microsoft-com:vml'><v:textbox><w:txbxContent><w:p>"
    "<w:r><w:t>Eino</w:t></w:r></w:p></w:txbxContent></v:textbox></v:shape></w:pict></w:r>"
)


@edit(doubt={"name": "Aino Esimerkki\nEino"})
def text_box_in_the_cell(root: Element) -> None:
    at(root, "name").addnext(xml(BOX))


@edit(doubt={"name": "Aino Esimerkki"})
def picture_in_the_cell(root: Element) -> None:
    at(root, "name").addnext(xml("<w:r><w:drawing/></w:r>"))


@edit(doubt={"name": "Aino Esimerkki"})
def footnote_in_the_control(root: Element) -> None:
    content(root, "name").append(xml('<w:r><w:footnoteReference w:id="2"/></w:r>'))


@edit(doubt={"name": "Aino Esimerkki"})
def formula_in_the_control(root: Element) -> None:
    math = "http://schemas.openxmlformats.org/officeDocument/2006/math"
    content(root, "name").append(xml(f'<m:oMath xmlns:m="{math}"><m:r><m:t>x</m:t></m:r></m:oMath>'))


@edit(doubt={"name": "Aino Esimerkki"})
def struck_out(root: Element) -> None:
    run_of(root, "name").insert(0, xml("<w:rPr><w:strike/></w:rPr>"))


@edit(doubt={"name": "Aino Esimerkki"})
def hidden_text_in_the_control(root: Element) -> None:
    content(root, "name").append(xml("<w:r><w:rPr><w:vanish/></w:rPr><w:t>salaa</w:t></w:r>"))


@edit()
def text_that_was_once_hidden(root: Element) -> None:
    run_of(root, "name").insert(0, xml('<w:rPr><w:vanish w:val="0"/><w:strike w:val="false"/></w:rPr>'))


@edit(strays=("Soittakaa minulle!",))
def note_between_the_tables(root: Element) -> None:
    line = xml("<w:p/>")
    line.append(run("Soittakaa minulle!"))
    root.find(w("body")).insert(5, line)


@edit(strays=("Huomio",))
def note_in_a_cell_of_its_own(root: Element) -> None:
    extra = xml("<w:tc><w:p/></w:tc>")
    extra[0].append(run("Huomio"))
    cell(root, "story").addnext(extra)


@edit(sure={"name": "AinoVara"})
def alternatives(root: Element) -> None:
    empty(content(root, "name"))
    choices = "<mc:Choice Requires='w14'>{}</mc:Choice><mc:Fallback>{}</mc:Fallback>"
    text = "<w:t>{}</w:t>"
    outside = choices.format("<w:r><w:t>Aino</w:t></w:r>", "<w:r><w:t>B</w:t></w:r>")
    content(root, "name").append(xml(f"<mc:AlternateContent>{outside}</mc:AlternateContent>"))
    inside = choices.format(text.format("Vara"), text.format("C"))
    content(root, "name").append(xml(f"<w:r><mc:AlternateContent>{inside}</mc:AlternateContent></w:r>"))


# --- boxes, lists and dates -------------------------------------------------------------------


def check(root: Element, path: str, state: str) -> None:
    """Set the state of a box and leave its sign."""
    at(root, path).find(f".//{{{W14}}}checked").set(f"{{{W14}}}val", state)


@edit(doubt={"wants": ""})
def box_state_off_and_sign_on(root: Element) -> None:
    check(root, "wants.yes", "0")


@edit(doubt={"wants": "yes no"})
def box_state_on_and_sign_off(root: Element) -> None:
    check(root, "wants.no", "true")


@edit(sure={"wants": "yes no"})
def both_boxes_ticked(root: Element) -> None:
    check(root, "wants.no", "1")
    say(root, "wants.no", "☒")


@edit(sure={"wants": ""})
def no_box_ticked(root: Element) -> None:
    check(root, "wants.yes", "0")
    say(root, "wants.yes", "☐")


@edit(doubt={"skills": "cook clean drive"})
def cross_typed_into_a_box(root: Element) -> None:
    say(root, "skills.drive", "X")


@edit(doubt={"skills": "cook clean drive"})
def cross_typed_behind_a_box(root: Element) -> None:
    at(root, "skills.drive").addnext(run("x"))


@edit(sure={"skills": "cook clean drive"})
def box_replaced_by_a_cross(root: Element) -> None:
    retype(root, "skills.drive", "X")


@edit(sure={"skills": "cook clean drive"})
def box_replaced_by_a_wingdings_sign(root: Element) -> None:
    at(root, "skills.drive").addprevious(xml('<w:r><w:sym w:font="Wingdings" w:char="F0FE"/></w:r>'))
    at(root, "skills.drive").getparent().remove(at(root, "skills.drive"))


@edit(sure={"skills": "cook clean drive"})
def box_with_a_wingdings_sign(root: Element) -> None:
    check(root, "skills.drive", "1")
    empty(run_of(root, "skills.drive"))
    run_of(root, "skills.drive").append(xml('<w:sym w:font="Wingdings" w:char="F0FE"/>'))


@edit(sure={"wants": "kyllä"})
def boxes_replaced_by_a_word(root: Element) -> None:
    line = at(root, "wants.yes").getparent()
    empty(line)
    line.append(run("kyllä"))


@edit(doubt={"wants": "yes"})
def remark_behind_the_boxes(root: Element) -> None:
    at(root, "wants.no").getparent().append(run(" ehkä myöhemmin"))


@edit(doubt={"wants": "yes"})
def boxes_under_tracking(root: Element) -> None:
    wrap(at(root, "wants.yes"), "ins")


@edit(sure={"colour": "Purppura"})
def list_with_free_text(root: Element) -> None:
    say(root, "colour", "Purppura")


@edit(sure={"colour": "Musta"})
def list_chosen_while_the_last_value_is_stale(root: Element) -> None:
    say(root, "colour", "Musta")


@edit(sure={"start": "24.12.2026"})
def date_typed_over_a_stale_state(root: Element) -> None:
    say(root, "start", "24.12.2026")


# --- tables -----------------------------------------------------------------------------------


def more(*texts: str) -> dict[str, str]:
    """Return the answers of a fourth member."""
    return dict(zip((f"members.3.{column}" for column in ("who", "since", "present")), texts, strict=True))


@edit(sure=more("Uusi", "", ""))
def row_added_by_the_tab_key(root: Element) -> None:
    copy = deepcopy(row(root, "members.2.who"))
    row(root, "members.2.who").addnext(copy)
    next(copy.iter(w("sdtContent"))).find(w("r")).find(w("t")).text = "Uusi"


@edit(sure=more("Uusi", "4.4.2024", "kyllä"))
def row_added_without_controls(root: Element) -> None:
    cells = "".join(f"<w:tc><w:p><w:r><w:t>{text}</w:t></w:r></w:p></w:tc>" for text in ("Uusi", "4.4.2024", "kyllä"))
    row(root, "members.2.who").addnext(xml(f"<w:tr>{cells}</w:tr>"))


@edit(sure=without_row(1), gone=LAST)
def row_deleted(root: Element) -> None:
    item = row(root, "members.1.who")
    item.getparent().remove(item)


@edit(sure={f"members.0.{column}": "" for column in ("who", "since", "present")})
def row_emptied(root: Element) -> None:
    for column in ("who", "since", "present.yes", "present.no"):
        item = at(root, f"members.0.{column}")
        item.getparent().remove(item)
    for text in row(root, "members.1.who").getprevious().iter(w("t")):
        text.text = ""


@edit(
    sure={
        f"members.{index}.{column}": GIVEN[f"members.{1 - index}.{column}"]
        for index in (0, 1)
        for column in ("who", "since", "present")
    }
)
def rows_in_another_order(root: Element) -> None:
    row(root, "members.0.who").addprevious(row(root, "members.1.who"))


@edit(sure={"members.3.who": "", "members.3.since": "", "members.3.present": ""})
def header_row_in_the_middle_does_not_count(root: Element) -> None:
    table = row(root, "members.0.who").getparent()
    row(root, "members.1.who").addprevious(deepcopy(table.find(w("tr"))))
    row(root, "members.2.who").addnext(deepcopy(row(root, "members.2.who")))


@edit(strays=("aino@example.fi",))
def control_pasted_between_the_tables(root: Element) -> None:
    line = xml("<w:p/>")
    line.append(deepcopy(at(root, "email")))
    root.find(w("body")).insert(5, line)


@edit(doubt={"name": "Aino Esimerkkiaino@example.fi"})
def control_pasted_into_another_fields_cell(root: Element) -> None:
    at(root, "name").addnext(deepcopy(at(root, "email")))


@edit(doubt={"name": "Aino EsimerkkiAino Esimerkki"})
def control_pasted_beside_itself(root: Element) -> None:
    at(root, "name").addnext(deepcopy(at(root, "name")))


@edit(doubt={"name": "Aino Esimerkki"})
def row_of_fields_pasted_again_with_another_answer(root: Element) -> None:
    copy = deepcopy(row(root, "name"))
    row(root, "name").addnext(copy)
    for text in copy.iter(w("t")):
        text.text = (text.text or "").replace("Aino Esimerkki", "Eino")


@edit(doubt={"members.0.who": "Eka\n1.1.2020", "members.0.since": "Eka\n1.1.2020", "members.0.present": "yes"})
def cells_merged_across(root: Element) -> None:
    left, right = cell(root, "members.0.who"), cell(root, "members.0.since")
    left.find(w("tcPr")).append(xml('<w:gridSpan w:val="2"/>'))
    for block in right.findall(w("p")):
        left.append(block)
    right.getparent().remove(right)


@edit(doubt={"members.0.who": "Eka\nToka", "members.1.who": ""})
def cells_merged_downwards(root: Element) -> None:
    upper, lower = cell(root, "members.0.who"), cell(root, "members.1.who")
    upper.find(w("tcPr")).append(xml('<w:vMerge w:val="restart"/>'))
    lower.find(w("tcPr")).append(xml("<w:vMerge/>"))
    for block in lower.findall(w("p")):
        upper.append(block)
    lower.append(xml("<w:p/>"))


@edit(doubt={f"members.0.{column}": GIVEN[f"members.0.{column}"] for column in ("who", "since", "present")})
def cell_inserted(root: Element) -> None:
    cell(root, "members.0.who").addprevious(xml("<w:tc><w:p/></w:tc>"))


@edit(doubt={"name": "Aino Esimerkki\nEino\tx"})
def table_in_a_cell(root: Element) -> None:
    inner = "".join(f"<w:tc><w:p><w:r><w:t>{text}</w:t></w:r></w:p></w:tc>" for text in ("Eino", "x"))
    cell(root, "name").append(xml(f"<w:tbl><w:tr>{inner}</w:tr></w:tbl>"))


@edit(sure={"meetings.2.topic": "Alku", "meetings.2.held": "3.3.2023", "meetings.2.notes": "Sovittiin."})
def card_copied(root: Element) -> None:
    items = [row(root, "meetings.0.topic").getprevious(), row(root, "meetings.0.topic"), row(root, "meetings.0.notes")]
    place = row(root, "meetings.1.notes")
    for item in dict.fromkeys(items):
        copy = deepcopy(item)
        place.addnext(copy)
        place = copy


# --- identity of the fields -------------------------------------------------------------------


def unnamed(root: Element) -> None:
    """Take away what names the controls: tags, numbers, titles and bookmarks."""
    for name in ("tag", "id", "alias", "bookmarkStart", "bookmarkEnd"):
        for item in list(root.iter(w(name))):
            item.getparent().remove(item)


@edit()
def names_of_controls_gone(root: Element) -> None:
    unnamed(root)


@edit()
def controls_gone(root: Element) -> None:
    unnamed(root)
    for item in list(root.iter(w("sdt"))):
        for child in list(item.find(w("sdtContent"))):
            item.addprevious(child)
        item.getparent().remove(item)


@edit()
def controls_and_codes_gone(root: Element) -> None:
    controls_gone(root)
    for text in root.iter(w("t")):
        text.text = re.sub(r" ?\[F\d+\]", "", text.text or "")


@edit(strays=("Koko nimesi", "Puhelin tai posti"))
def labels_changed(root: Element) -> None:
    for text in root.iter(w("t")):
        said = re.sub(r" ?\[F\d+\]", "", text.text or "")
        text.text = {"Nimi\u00a0*": "Koko nimesi", "Sähköposti": "Puhelin tai posti"}.get(said, said)


@edit(doubt={"name": "aino@example.fi", "email": "Aino Esimerkki"})
def answers_dragged_to_each_others_place(root: Element) -> None:
    left, right = cell(root, "name"), cell(root, "email")
    for source, target in ((left, right), (right, left)):
        target.append(source.find(w("p")))


@edit(gone=["story"])
def row_of_a_field_deleted(root: Element) -> None:
    item = row(root, "story")
    item.getparent().remove(item)


@edit(gone=[path for path in READ if path.startswith("members.")])
def table_deleted(root: Element) -> None:
    table = row(root, "members.0.who").getparent()
    table.getparent().remove(table)


@named(EDITS)
def test_what_people_and_programs_do_is_read_right_or_doubted(damage: Damage) -> None:
    parts = dict(document())
    root = etree.fromstring(parts[MAIN])
    damage.do(root)
    assert_read(packed({**parts, MAIN: etree.tostring(root, encoding="UTF-8", xml_declaration=True)}), damage)


def test_the_filled_document_is_read_as_it_was_filled() -> None:
    assert_read(packed(dict(document())), Damage(lambda root: None))


SHUFFLES = ("drop", "copy", "move", "unwrap", "rename", "blank")


def shuffle(root: Element, how: str, source: int, target: int) -> None:
    """Do something to an element of the document that no program would."""
    items = [item for item in root.iter() if item.getparent() not in (None, root)]
    if not items:
        return
    item, place = items[source % len(items)], items[target % len(items)]
    if how == "drop":
        item.getparent().remove(item)
    elif how == "copy":
        place.append(deepcopy(item))
    elif how == "move" and item not in [place, *place.iterancestors()]:
        place.addnext(item)
    elif how == "unwrap":
        for child in list(item):
            item.addprevious(child)
    elif how == "rename":
        item.tag = place.tag
    elif how == "blank":
        item.attrib.clear()


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(st.sampled_from(SHUFFLES), st.integers(0, 5_000), st.integers(0, 5_000)), min_size=1, max_size=12
    )
)
def test_no_shuffled_document_breaks_the_reader(shuffles: list[tuple[str, int, int]]) -> None:
    parts = dict(document())
    root = etree.fromstring(parts[MAIN])
    for how, source, target in shuffles:
        shuffle(root, how, source, target)
    with suppress(Unreadable):
        docx.read(packed({**parts, MAIN: etree.tostring(root)}), papers())


# --- the package ------------------------------------------------------------------------------


def with_main(parts: Parts, change: Callable[[str], str]) -> bytes:
    """Return the package with its main part changed as text."""
    return packed({**parts, MAIN: change(parts[MAIN].decode()).encode()})


def declared(parts: Parts, old: str, new: str) -> Parts:
    """Return the parts with the content types changed."""
    types = parts["[Content_Types].xml"].decode()
    assert old in types
    return {**parts, "[Content_Types].xml": types.replace(old, new).encode()}


@package()
def strict_namespaces(parts: Parts) -> bytes:
    old, new = "http://schemas.openxmlformats.org/officeDocument/2006/", "http://purl.oclc.org/ooxml/"
    names = {
        W: f"{new}wordprocessingml/main",
        f"{old}relationships": f"{new}officeDocument/relationships",
        f"{old}custom-properties": f"{new}officeDocument/customProperties",
        f"{old}docPropsVTypes": f"{new}officeDocument/docPropsVTypes",
    }
    for name, part in parts.items():
        text = part
        for transitional, strict in names.items():
            text = text.replace(transitional.encode(), strict.encode())
        parts[name] = text if name.endswith((".xml", ".rels")) else part
    return packed(parts)


@package()
def another_prefix(parts: Parts) -> bytes:
    return with_main(
        parts, lambda text: re.sub(r"(?<=[</ ])w:|(?<=xmlns:)w(?==)", lambda found: found[0].replace("w", "ns0"), text)
    )


@package()
def default_namespace(parts: Parts) -> bytes:
    return with_main(
        parts, lambda text: re.sub(r"(?<=[</])w:", "", text).replace("<document ", f'<document xmlns="{W}" ', 1)
    )


@package()
def main_part_in_utf_16(parts: Parts) -> bytes:
    text = parts[MAIN].decode().replace('encoding="UTF-8"', 'encoding="UTF-16"')
    return packed({**parts, MAIN: text.encode("utf-16")})


@package()
def main_part_under_another_name(parts: Parts) -> bytes:
    parts = declared(parts, "/word/document.xml", "/word/document2.xml")
    rels = parts["_rels/.rels"].replace(b"word/document.xml", b"word/document2.xml")
    return packed(
        {("word/document2.xml" if name == MAIN else name): part for name, part in parts.items()} | {"_rels/.rels": rels}
    )


@package()
def saved_as_a_template(parts: Parts) -> bytes:
    return packed(declared(parts, "document.main+xml", "template.main+xml"))


@package()
def comments_and_instructions_in_the_xml(parts: Parts) -> bytes:
    return with_main(parts, lambda text: text.replace("Aino Esimerkki", "Aino<!-- x --><?pi y?> Esimerkki"))


@package("", "macros")
def macros(parts: Parts) -> bytes:
    return packed({**parts, "word/vbaProject.bin": b"\xd0\xcf\x11\xe0"})


@package("", "macros")
def declared_with_macros(parts: Parts) -> bytes:
    main = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
    return packed(declared(parts, main, "application/vnd.ms-word.document.macroEnabled.main+xml"))


@package("", "embedded")
def embedded_object(parts: Parts) -> bytes:
    return packed({**parts, "word/embeddings/oleObject1.bin": b"\xd0\xcf\x11\xe0"})


KINDS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
RELATION = f'<Relationship Id="rIdX" Type="{KINDS}/{{}}" Target="{{}}"{{}}/>'
OUTSIDE = ' TargetMode="External"'


def related(parts: Parts, name: str, kind: str, target: str, mode: str = "") -> Parts:
    """Return the parts with one more relation."""
    opening = b'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    text = parts.get(name, opening + b"</Relationships>")
    return {
        **parts,
        name: text.replace(b"</Relationships>", RELATION.format(kind, target, mode).encode() + b"</Relationships>"),
    }


@package("", "altChunk")
def foreign_chunk(parts: Parts) -> bytes:
    parts = related(parts, "word/_rels/document.xml.rels", "aFChunk", "chunk.html")
    return with_main(
        {**parts, "word/chunk.html": b"<p>x</p>"},
        lambda text: text.replace("<w:sectPr", '<w:altChunk r:id="rIdX"/><w:sectPr', 1),
    )


@package("", "external:attachedTemplate")
def template_from_outside(parts: Parts) -> bytes:
    return packed(
        related(parts, "word/_rels/settings.xml.rels", "attachedTemplate", "http://example.com/x.dotm", OUTSIDE)
    )


@package("", "external:image")
def picture_from_outside(parts: Parts) -> bytes:
    return packed(related(parts, "word/_rels/document.xml.rels", "image", "http://example.com/x.png", OUTSIDE))


@package()
def hyperlink(parts: Parts) -> bytes:
    return packed(related(parts, "word/_rels/document.xml.rels", "hyperlink", "mailto:aino@example.fi", OUTSIDE))


XXE = '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/hostname">]>'
LAUGHS = (
    "<!DOCTYPE x [<!ENTITY a 'ha'>"
    + "".join(f"<!ENTITY {b} '{f'&{a};' * 10}'>" for a, b in zip("abcdefgh", "bcdefghi", strict=True))
    + "]>"
)


def opened(text: str, doctype: str) -> str:
    """Return the XML with a document type before its root."""
    return re.sub(r"(<w:document)", lambda found: doctype + found[1], text, count=1)


@package("unsafe")
def entity_from_outside(parts: Parts) -> bytes:
    return with_main(parts, lambda text: opened(text, XXE).replace("Aino", "&e;"))


@package("unsafe")
def billion_laughs(parts: Parts) -> bytes:
    return with_main(parts, lambda text: opened(text, LAUGHS).replace("Aino", "&i;"))


@package("unsafe")
def billion_laughs_in_utf_16(parts: Parts) -> bytes:
    text = opened(parts[MAIN].decode(), LAUGHS).replace("Aino", "&i;").replace('encoding="UTF-8"', 'encoding="UTF-16"')
    return packed({**parts, MAIN: text.encode("utf-16")})


@package("unreadable")
def billion_laughs_in_utf_16_without_mark(parts: Parts) -> bytes:
    text = (
        opened(parts[MAIN].decode(), LAUGHS).replace("Aino", "&i;").replace('encoding="UTF-8"', 'encoding="UTF-16BE"')
    )
    return packed({**parts, MAIN: text.encode("utf-16-be")})


@package("unreadable")
def billion_laughs_in_ebcdic(parts: Parts) -> bytes:
    plain = parts[MAIN].decode("utf-8").encode("ascii", "xmlcharrefreplace").decode()
    text = opened(plain, LAUGHS).replace("Aino", "&i;").replace('encoding="UTF-8"', 'encoding="IBM037"')
    return packed({**parts, MAIN: text.encode("cp037")})


@package("unsafe")
def doctype_in_another_part(parts: Parts) -> bytes:
    text = parts["docProps/core.xml"].decode()
    return packed({**parts, "docProps/core.xml": text.replace("<cp:core", f"{XXE}<cp:core", 1).encode()})


@package("unsafe")
def doctype_in_the_content_types(parts: Parts) -> bytes:
    text = parts["[Content_Types].xml"].decode()
    return packed({**parts, "[Content_Types].xml": text.replace("<Types", f"{XXE}<Types", 1).encode()})


@package("unsafe")
def zip_bomb(parts: Parts) -> bytes:
    return packed({**parts, "word/media/image9.png": bytes(50_000_000)})


@package("unsafe")
def zip_bomb_in_the_main_part(parts: Parts) -> bytes:
    return packed({**parts, MAIN: parts[MAIN] + b" " * 20_000_000})


@package("too_large")
def main_part_of_many_megabytes(parts: Parts) -> bytes:
    noise = random.Random(1).randbytes(4_300_000).hex()
    return with_main(parts, lambda text: text.replace("Aino Esimerkki", noise))


@package("too_large")
def hundred_megabytes_in_sum(parts: Parts) -> bytes:
    return packed(parts | {f"word/media/{number}.bin": bytes(990_000) for number in range(100)})


@package("too_large")
def thousands_of_members(parts: Parts) -> bytes:
    return packed(parts | {f"word/media/{number}.bin": b"" for number in range(2_001)})


@package("unsafe")
def main_part_twice(parts: Parts) -> bytes:
    out = io.BytesIO(packed(parts))
    with warnings.catch_warnings(), zipfile.ZipFile(out, "a") as target:
        warnings.simplefilter("ignore")
        target.writestr(MAIN, parts[MAIN])
    return out.getvalue()


@package("unsafe")
def main_part_twice_but_for_case(parts: Parts) -> bytes:
    return packed({**parts, "Word/Document.xml": parts[MAIN]})


@package("unsafe")
def name_that_leads_out(parts: Parts) -> bytes:
    return packed({**parts, "word/../../evil.xml": b"<x/>"})


@package("unsafe")
def absolute_name(parts: Parts) -> bytes:
    return packed({**parts, "/etc/evil.xml": b"<x/>"})


@package("unsafe")
def name_of_a_drive(parts: Parts) -> bytes:
    return packed({**parts, "C:\\evil.xml": b"<x/>"})


def poked(data: bytes, name: str, offset: int, value: bytes) -> bytes:
    """Return the package with bytes of a member's entry in the directory at its end changed."""
    found = data.rindex(name.encode())
    entry = data.rindex(b"PK\x01\x02", 0, found)
    return data[: entry + offset] + value + data[entry + offset + len(value) :]


@package("encrypted")
def encrypted_member(parts: Parts) -> bytes:
    return poked(packed(parts), MAIN, 8, struct.pack("<H", 1))


@package("unreadable")
def size_that_lies(parts: Parts) -> bytes:
    return poked(packed(parts), MAIN, 24, struct.pack("<L", 100))


@package("unreadable")
def bomb_whose_size_lies(parts: Parts) -> bytes:
    return poked(packed({**parts, MAIN: bytes(20_000_000)}), MAIN, 24, struct.pack("<L", 1_000))


@package("unreadable")
def unknown_compression(parts: Parts) -> bytes:
    return poked(packed(parts), MAIN, 10, struct.pack("<H", 93))


@package("unreadable")
def checksum_that_lies(parts: Parts) -> bytes:
    return poked(packed(parts), MAIN, 16, b"\0\0\0\0")


@package("unreadable")
def truncated(parts: Parts) -> bytes:
    data = packed(parts)
    return data[: len(data) // 2]


@package("unreadable")
def damaged_in_the_middle(parts: Parts) -> bytes:
    data = packed(parts)
    start = data.index(b"word/document.xml") + 200
    return data[:start] + bytes(400) + data[start + 400 :]


@package("unreadable")
def five_thousand_deep(parts: Parts) -> bytes:
    nest = "<w:sdt><w:sdtContent>" * 2_500 + "</w:sdtContent></w:sdt>" * 2_500
    return with_main(parts, lambda text: text.replace("<w:sectPr", f"{nest}<w:sectPr", 1))


@package()
def hundred_deep(parts: Parts) -> bytes:
    nest = "<w:sdt><w:sdtContent>" * 100 + "</w:sdtContent></w:sdt>" * 100
    return with_main(parts, lambda text: text.replace("<w:sectPr", f"{nest}<w:sectPr", 1))


@package("unreadable")
def xml_cut_short(parts: Parts) -> bytes:
    return packed({**parts, MAIN: parts[MAIN][:-200]})


@package("not_a_form")
def no_content_types(parts: Parts) -> bytes:
    return packed({name: part for name, part in parts.items() if name != "[Content_Types].xml"})


@package("not_a_form")
def no_main_part(parts: Parts) -> bytes:
    return packed({name: part for name, part in parts.items() if name != MAIN})


@package("not_a_form")
def main_part_of_another_kind(parts: Parts) -> bytes:
    return packed({**parts, MAIN: b"<html><body>x</body></html>"})


@named(PACKAGES)
def test_a_package_is_read_as_it_was_or_refused_with_the_code(damage: Damage) -> None:
    data = damage.do(dict(document()))
    assert docx.FORMAT.can_read(data)
    if not damage.code:
        assert_read(data, damage)
        return
    with pytest.raises(Unreadable) as refused:
        formats.read_document(data, papers())
    assert refused.value.code == damage.code


# --- other files under a Word name ------------------------------------------------------------

ODT = b"PK\x03\x04" + bytes(26) + b"mimetypeapplication/vnd.oasis.opendocument.text"
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)
PDF = b"%PDF-1.7\n1 0 obj\n<< >>\nendobj\n"
HTML = b"<!doctype html><html><body><p>x</p></body></html>"


XLSX = packed({"[Content_Types].xml": b"<Types/>", "xl/workbook.xml": b"<x/>"})
FOREIGN = {"odt": ODT, "doc": OLE, "rtf": b"{\\rtf1 x}", "pdf": PDF, "html": HTML, "xlsx": XLSX}


@pytest.mark.parametrize("data", FOREIGN.values(), ids=FOREIGN)
def test_a_file_of_another_format_is_not_taken_for_a_word_document(data: bytes) -> None:
    assert not docx.FORMAT.can_read(data)


@pytest.mark.parametrize("name", ["odt", "doc", "rtf"])
def test_a_file_of_another_word_processor_is_known_by_its_content(name: str) -> None:
    assert formats.identify_format(FOREIGN[name]).name == "office"


def test_a_word_document_behind_a_password_is_called_encrypted() -> None:
    with pytest.raises(Unreadable) as refused:
        formats.read_document(OLE + "EncryptedPackage".encode("utf-16-le"), papers())
    assert refused.value.code == "encrypted"


@pytest.mark.parametrize(
    ("data", "code"),
    [(b"", "empty_file"), (b"PK\x05\x06" + bytes(18), "unsupported_type"), (b"\0\1\2\3", "unsupported_type")],
    ids=["nothing", "an empty package", "noise"],
)
def test_a_file_of_no_format_is_refused(data: bytes, code: str) -> None:
    with pytest.raises(Unreadable) as refused:
        formats.read_document(data, papers())
    assert refused.value.code == code


def test_a_word_document_that_is_no_form_has_no_answers() -> None:
    plain = docx.build_template("Kirje", "", "", ())
    sheet = formats.read_document(plain, papers())
    assert (dict(sheet.answers), dict(sheet.tokens)) == ({}, {})
