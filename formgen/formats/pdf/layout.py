"""The layout of a form as a PDF that can be filled: drawn by typst, its placeholders made fields.

A layout is made once for a form, version, language and number of rows, and kept by the digest of
what it was made from, in memory and on disk: a document that is printed and comes back as a
picture is measured against the very layout that it was printed from.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from functools import cache, lru_cache
from importlib.metadata import version
from itertools import groupby
from pathlib import Path
from typing import Any

import pikepdf
import typst
from pikepdf import Array, Dictionary, Name, Object, Pdf, Stream, String

from formgen.arrangement import COLUMNS, WIDE_LABEL, block, cards, paired, sections, widths
from formgen.formats.pdf import face, look
from formgen.formats.pdf.fields import CASE, LANGUAGE, LAYOUT, NONE, OFF, ON, TOKEN, Place, asked, boxes
from formgen.formats.pdf.fill import MULTILINE, changed
from formgen.sheet import Choice, Control, Question, within
from formgen.words import locale, say

HERE = Path(__file__).parent
POINT = 72 / 2.54  # points in a cm
LINE, MORE = 25, 14  # the height of a field of one line, and of each further one, in points
LETTER, BOX = 4.9, 19  # the usual width of a letter; of a box with the gap behind it, in points
READ_ONLY, REQUIRED, COMBO = 1, 1 << 1, 1 << 17
PRINT, HIDDEN = 4, 2
PREFIX = "x-field:"
MADE_BY = ("face.py", "fields.py", "form.typ", "layout.py", "look.py")
DIGEST = re.compile(r"[0-9a-f]{8}")
CORNER, SQUARE = 8 / 10 * POINT, 5 / 10 * POINT  # from the edges of the page; the side of a square


@dataclass(frozen=True, slots=True)
class Layout:
    """An empty form: the PDF, where every field stands, and the digest of what it was made from."""

    pdf: bytes
    places: tuple[Place, ...]
    pages: int
    digest: str


def layout(
    questions: tuple[Question, ...],
    language: str,
    words: Mapping[str, str],
    rows: Mapping[str, int],
    store: Path,
) -> Layout:
    """Return the layout of a form, from memory, from the folder, or made now.

    ``words`` are what is printed (`issue.words_for`), of which those of one instance play no
    part; ``rows`` says how many rows each table has, by its path.
    """
    return laid(json.dumps(described(questions, language, words, rows), ensure_ascii=False), questions, store)


@lru_cache(maxsize=64)
def laid(form: str, questions: tuple[Question, ...], store: Path) -> Layout:
    """Return the layout of a description."""
    digest = hashlib.sha256(f"{recipe()}{form}{questions}".encode()).hexdigest()[:8]
    found = kept(digest, store)
    if found is None:
        data = made(form, questions)
        store.mkdir(parents=True, exist_ok=True)
        part = store / f"{digest}.{os.getpid()}.part"
        part.write_bytes(data)
        part.replace(store / f"{digest}.pdf")
        found = read(data, digest)
    return found


def kept(digest: str, store: Path) -> Layout | None:
    """Return the layout of a digest, or None when the folder does not have it."""
    file = store / f"{digest}.pdf"
    return read(file.read_bytes(), digest) if DIGEST.fullmatch(digest) and file.is_file() else None


@cache
def recipe() -> str:
    """Return the digest of all that a layout depends on besides its description."""
    parts = [(HERE / name).read_bytes() for name in MADE_BY]
    parts += [version(package).encode() for package in ("typst", "font-roboto", "fonttools", "pikepdf")]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def read(data: bytes, digest: str) -> Layout:
    """Return the layout that a PDF of ours is."""
    with Pdf.open(io.BytesIO(data)) as pdf:
        places = tuple(place for number, page in enumerate(pdf.pages) for place in placed(page, number))
        return Layout(data, places, len(pdf.pages), digest)


def placed(page: pikepdf.Page, number: int) -> Iterator[Place]:
    """Yield where the fields of a page stand, in the order of the page."""
    for widget in page.get("/Annots", ()):
        full = full_name(widget)
        if full in (TOKEN, CASE, LANGUAGE, LAYOUT):
            continue
        path, _, code = full.rpartition(".") if Name.Btn == widget.FT else (full, "", "")
        left, bottom, right, top = (float(edge) for edge in widget.Rect)
        yield Place(full, path, code, number, (left, bottom, right, top))


def full_name(field: Object) -> str:
    """Return the fully qualified name of a field."""
    steps = [str(field.T)]
    while "/Parent" in field:
        field = field.Parent
        steps.append(str(field.T))
    return ".".join(reversed(steps))


# --- what is drawn: the questions as typst gets them -------------------------------------------


def described(
    questions: Iterable[Question], language: str, words: Mapping[str, str], rows: Mapping[str, int]
) -> dict[str, Any]:
    """Return all that the page says and where, as `form.typ` reads it."""
    return {
        "lang": locale(language).language,
        "columns": COLUMNS,
        "title": words["form_title"],
        "number": words["form_number"],
        "version": words["form_version"],
        "organiser": words["organiser"],
        "about": [text for text in (words["about"], words["privacy"]) if text],
        "case": CASE,
        "said": {
            "version": say("versio", language),
            "case": say("Asia", language),
            "page": say("Sivu", language),
            "date": say("pv.kk.vvvv", language),
            "required": say("pakollinen", language),
            "legend": say(
                "Tähdellä (*) merkityt kohdat ovat pakollisia. Numero kohdan perässä on kohdan tunnus.", language
            ),
        },
        "sections": [{"title": title, "parts": list(parts(group, rows))} for title, group in sections(questions)],
    }


def parts(questions: Iterable[Question], rows: Mapping[str, int]) -> Iterator[dict[str, Any]]:
    """Yield the parts of a section: pairs in rows, and tables; blocks such as signatures stay together."""
    for (tabular, named), run in groupby(
        questions, key=lambda question: (bool(question.columns), bool(block(question)))
    ):
        if tabular:
            yield from (table(question, rows[question.path]) for question in run)
        else:
            groups = [list(pairs(group)) for _, group in groupby(run, key=block)]
            yield {"kind": "rows", "together": named, "groups": groups}


def table(question: Question, rows: int) -> dict[str, Any]:
    """Return a repeating table: cards where a grid would be too wide."""
    lines = [[within(question, row, column) for column in question.columns] for row in range(rows)]
    common = {**labelled(question), "kind": "cards" if cards(question) else "grid"}
    if cards(question):
        return {**common, "cards": [list(pairs(line)) for line in lines]}
    sizes = roomy(question.columns)
    return {
        **common,
        "widths": sizes,
        "columns": [labelled(column) for column in question.columns],
        "rows": [[item(cell, size) for cell, size in zip(line, sizes, strict=True)] for line in lines],
    }


def roomy(columns: Sequence[Question]) -> list[float]:
    """Return the width in cm of each column of a grid, with room for every word beside a box."""
    sizes = widths(columns)
    needed = [
        max((size_of(word) + BOX + 13 for choice in boxed(column) for word in choice.label.split()), default=0) / POINT
        for column in columns
    ]
    missing = sum(max(need - size, 0) for need, size in zip(needed, sizes, strict=True))
    spare = sum(max(size - need, 0) for need, size in zip(needed, sizes, strict=True))
    return [max(need, size - max(size - need, 0) * missing / spare) for need, size in zip(needed, sizes, strict=True)]


def boxed(question: Question) -> tuple[Choice, ...]:
    """Return the options that are drawn as boxes."""
    return question.choices if question.control is Control.TICKS else ()


def size_of(text: str) -> float:
    """Return how wide a text is beside a box, in points."""
    return face.face().width(face.face().clean(text), look.SIZE)


def pairs(questions: Iterable[Question]) -> Iterator[list[dict[str, Any]]]:
    """Yield the rows of label and answer pairs."""
    for pair in paired(questions):
        if pair[0].control is Control.AREA:
            sizes = [sum(COLUMNS)]
        elif len(pair) == 2:
            sizes = [COLUMNS[1], COLUMNS[3]]
        else:
            sizes = [sum(COLUMNS[2:]) if len(pair[0].label) > WIDE_LABEL else sum(COLUMNS[1:])]
        yield [item(question, size) for question, size in zip(pair, sizes, strict=True)]


def labelled(question: Question) -> dict[str, Any]:
    """Return what is printed as the label of a question."""
    return {
        "label": question.label,
        "code": question.number,
        "hint": question.hint,
        "required": question.required,
        "date": question.control is Control.DATE,
    }


def item(question: Question, width: float) -> dict[str, Any]:
    """Return a question as it is drawn where its answer is so many cm wide."""
    return {
        **labelled(question),
        "name": question.path,
        "control": question.control,
        "wide": question.control is Control.AREA,
        "long": len(question.label) > WIDE_LABEL,
        "height": LINE + MORE * (lines(question, width) - 1),
        "beside": beside(question.choices, width * POINT - 12),
        "choices": [{"name": full, "label": choice.label} for full, choice in boxes(question) if choice],
    }


def beside(choices: Sequence[Choice], width: float) -> int:
    """Return how many boxes with their labels go side by side on a width in points."""
    sizes = [size_of(choice.label) + BOX for choice in choices]
    for count in range(min(len(sizes), 6), 1, -1):
        if sum(max(sizes[column::count]) for column in range(count)) + 14 * (count - 1) <= width:
            return count
    return 1


def lines(question: Question, width: float) -> int:
    """Return how many lines a field has on a width in cm: room for what is usually written."""
    needed = question.limit * LETTER / (width * POINT)
    if question.control is Control.AREA:
        return min(max(math.ceil(needed * 0.6), 3), 4 if block(question) else 8)
    return min(max(math.ceil(needed / 1.9), 1), 3) if question.control is Control.LINE else 1


# --- the fields: what stands where typst has left a link ---------------------------------------


def made(form: str, questions: Iterable[Question]) -> bytes:
    """Return the PDF of a description, with its fields."""
    drawn = typst.compile(
        (HERE / "form.typ").read_bytes(),
        font_paths=typefaces(),
        sys_inputs={"form": form},
        pdf_standards=["a-3a", "ua-1"],
    )
    assert isinstance(drawn, bytes), "a PDF is one file"

    def finish(pdf: Pdf) -> None:
        add_fields(pdf, questions, json.loads(form)["said"])
        thin_out(pdf.Root.StructTreeRoot)
        for found in pdf.objects:
            if isinstance(found, Stream) and found.read_raw_bytes().endswith(b"\r"):  # see `face.packed`
                found.write(found.read_bytes())

    return changed(drawn, finish)


@cache
def typefaces() -> typst.Fonts:
    """Return what typst may draw with: our typeface and nothing of the machine's."""
    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[str(face.FOLDER)])


def add_fields(pdf: Pdf, questions: Iterable[Question], said: Mapping[str, str]) -> None:
    """Make a field of every placeholder, and the hidden ones that carry the identity."""
    typed, drawn = face.embedded(pdf)
    form = Dictionary(Fields=Array(), DR=Dictionary(Font=typed), DA=String(look.style(look.SIZE)))
    pdf.Root.AcroForm = pdf.make_indirect(form)
    resources = pdf.make_indirect(Dictionary(Font=drawn))
    maker = Maker(pdf, {question.path: question for question in questions}, said, resources)
    del pdf.Root.MarkInfo["/Suspects"]  # false by default, and older popplers complain of it
    tagged = pikepdf.NumberTree(pdf.Root.StructTreeRoot.ParentTree)
    for page in pdf.pages:
        page.Tabs = Name.S
        page.Contents = face.packed(pdf, b"q\n" + page.Contents.read_bytes() + b"\nQ")  # others may draw on top
        page.Resources.Font[face.SIMPLE] = drawn[face.SIMPLE]
        for link in page.get("/Annots", ()):
            maker.field(link, str(link.A.URI).removeprefix(PREFIX))
            tagged[int(link.StructParent)].S = Name.Form
    for name in (TOKEN, LANGUAGE, LAYOUT):
        maker.hidden(pdf.pages[0], name)


def thin_out(element: Object) -> None:
    """Put the parts of groups without a meaning, which typst makes for every cell, in their place."""
    parts = [part for kid in listed(element) for part in (ungrouped(kid) if isinstance(kid, Dictionary) else [kid])]
    for part in parts:
        if isinstance(part, Dictionary) and "/S" in part:
            part.P = element
            if Name.Span == part.S and "/A" in part:  # a block of text, such as a label
                part.S = Name.P
                del part["/A"]
            thin_out(part)
    element.K = Array(parts)


def ungrouped(element: Object) -> list[Object]:
    """Return the element, or what it holds when it only groups other elements."""
    held = listed(element)
    if element.get("/S") != Name.Div or not all(isinstance(kid, Dictionary) and "/S" in kid for kid in held):
        return [element]
    return [part for kid in held for part in ungrouped(kid)]


def listed(element: Object) -> list[Object]:
    """Return what an element of the structure holds."""
    held = element.get("/K", Array())
    return list(held) if isinstance(held, Array) else [held]


@dataclass
class Maker:
    """Makes the fields of one PDF; boxes and empty fields of one size share how they look."""

    pdf: Pdf
    questions: Mapping[str, Question]
    said: Mapping[str, str]
    resources: Object
    nodes: dict[str, Object] = dataclass_field(default_factory=dict)
    looks: dict[tuple[bytes, float, float], Object] = dataclass_field(default_factory=dict)

    def field(self, widget: Object, name: str) -> None:
        """Turn a link into the field of a name."""
        for key in ("/A", "/Border", "/Contents"):
            del widget[key]
        widget.Subtype = Name.Widget
        left, bottom, right, top = (float(edge) for edge in widget.Rect)
        width, height = right - left, top - bottom
        found = asked(name, self.questions.values())
        question, option = found or (Question(name, self.said["case"], locked=True), None)
        widget.TU = String(self.tooltip(question, option))
        if option:
            states = {f"/{ON}": self.look(look.cross(width), width, height), f"/{OFF}": self.look(b"", width, height)}
            widget.AP = Dictionary(N=Dictionary(states))
            widget.FT, widget.V, widget.AS = Name.Btn, Name(f"/{OFF}"), Name(f"/{OFF}")
            widget.MK = Dictionary(CA=String("8"))
        elif question.control is Control.LIST:
            widget.FT, widget.V = Name.Ch, String(NONE)
            choices = [(NONE, NONE), *question.choices]
            widget.Opt = Array([Array([String(code), String(label)]) for code, label in choices])
        else:
            widget.FT = Name.Tx
            if question.limit:
                widget.MaxLen = question.limit
        if not option:
            widget.DA = String(look.style(look.SIZE))
            widget.AP = Dictionary(N=self.look(look.EMPTY, width, height))
        widget.Ff = flags(question, height)
        self.hang(widget, name)

    def tooltip(self, question: Question, option: Choice | None) -> str:
        """Return what a field is called: its label, with table and row before it, and what it needs."""
        table = self.questions.get(question.path.partition(".")[0])
        title = question.title
        if table is not None and table.columns:
            title = f"{table.title} {int(question.path.split('.')[1]) + 1}: {title}"
        if option:
            title = f"{title}: {option.label}"
        if question.control is Control.DATE:
            title = f"{title} ({self.said['date']})"
        return f"{title}, {self.said['required']}" if question.required else title

    def hidden(self, page: pikepdf.Page, name: str) -> None:
        """Add a field that no one sees."""
        widget = self.pdf.make_indirect(
            Dictionary(
                Type=Name.Annot,
                Subtype=Name.Widget,
                FT=Name.Tx,
                Ff=READ_ONLY,
                F=HIDDEN,
                Rect=Array([0, 0, 0, 0]),
                P=page.obj,
                TU=String(name),
                DA=String(look.style(look.SIZE)),
            )
        )
        page.Annots.append(widget)
        self.hang(widget, name)

    def look(self, drawn: bytes, width: float, height: float) -> Object:
        """Return the appearance stream of some operators in a size."""
        key = (drawn, round(width, 3), round(height, 3))
        if key not in self.looks:
            self.looks[key] = look.stream(self.pdf, *key, self.resources)
        return self.looks[key]

    def hang(self, widget: Object, name: str) -> None:
        """Put a field into the tree at the place that its name says."""
        above, _, step = name.rpartition(".")
        widget.T = String(step)
        if not above:
            self.pdf.Root.AcroForm.Fields.append(widget)
            return
        if above not in self.nodes:
            self.nodes[above] = self.pdf.make_indirect(Dictionary(Kids=Array()))
            self.hang(self.nodes[above], above)
        widget.Parent = self.nodes[above]
        self.nodes[above].Kids.append(widget)


def flags(question: Question, height: float) -> int:
    """Return the flags of a field; of several boxes none is required by itself."""
    found = READ_ONLY if question.locked else 0
    if question.required and (question.control is not Control.TICKS or len(question.choices) == 1):
        found |= REQUIRED
    if question.control is Control.LIST:
        found |= COMBO
    elif question.control is not Control.TICKS and height > LINE:
        found |= MULTILINE
    return found
