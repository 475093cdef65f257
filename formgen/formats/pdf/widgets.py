"""The form fields of a PDF that typst has drawn: one in the place of every link to ``x-field:NAME``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import pikepdf
from pikepdf import Array, Dictionary, Name, Object, Pdf, String

from formgen.documents.extraction import Choice, Control, Question
from formgen.formats.pdf import appearance
from formgen.formats.pdf.fields import LANGUAGE, LAYOUT, NONE, OFF, ON, TOKEN, find_question
from formgen.formats.pdf.fill import MULTILINE
from formgen.formats.pdf.font import SIMPLE, embed_fonts, make_compressed_stream
from formgen.formats.pdf.layout_data import POINT, count_lines

READ_ONLY, REQUIRED, COMBO = 1, 1 << 1, 1 << 17
PRINT, HIDDEN = 4, 2
PREFIX = "x-field:"


def add_fields(pdf: Pdf, questions: Iterable[Question], said: Mapping[str, str]) -> None:
    """Make a field of every placeholder, and the hidden ones that carry the identity."""
    typed, drawn = embed_fonts(pdf)
    form = Dictionary(
        Fields=Array(), DR=Dictionary(Font=typed), DA=String(appearance.format_default_appearance(appearance.SIZE))
    )
    pdf.Root.AcroForm = pdf.make_indirect(form)
    resources = pdf.make_indirect(Dictionary(Font=drawn))
    maker = Maker(pdf, {question.path: question for question in questions}, said, resources)
    pdf.Root.MarkInfo = Dictionary(Marked=True)  # of more, such as Suspects, older popplers complain
    tagged = pikepdf.NumberTree(pdf.Root.StructTreeRoot.ParentTree)
    for page in pdf.pages:
        page.Tabs = Name.S
        page.Contents = make_compressed_stream(
            pdf, b"q\n" + page.Contents.read_bytes() + b"\nQ"
        )  # others may draw on top
        page.Resources.Font[SIMPLE] = drawn[SIMPLE]
        for link in page.get("/Annots", ()):
            maker.convert_link(link, str(link.A.URI).removeprefix(PREFIX))
            tagged[int(link.StructParent)].S = Name.Form
    for name in (TOKEN, LANGUAGE, LAYOUT):
        maker.add_hidden_field(pdf.pages[0], name)


def flatten_groups(element: Object) -> None:
    """Put the parts of groups without a meaning, which typst makes for every cell, in their place."""
    parts = [
        part for kid in list_children(element) for part in (unwrap_group(kid) if isinstance(kid, Dictionary) else [kid])
    ]
    for part in parts:
        if isinstance(part, Dictionary) and "/S" in part:
            part.P = element
            if Name.Span == part.S and "/A" in part:  # a block of text, such as a label
                part.S = Name.P
                del part["/A"]
            flatten_groups(part)
    element.K = Array(parts)


def unwrap_group(element: Object) -> list[Object]:
    """Return the element, or what it holds when it only groups other elements."""
    held = list_children(element)
    if element.get("/S") != Name.Div or not all(isinstance(kid, Dictionary) and "/S" in kid for kid in held):
        return [element]
    return [part for kid in held for part in unwrap_group(kid)]


def list_children(element: Object) -> list[Object]:
    """List the children of an element of the structure."""
    held = element.get("/K", Array())
    return list(held) if isinstance(held, Array) else [held]


@dataclass
class Maker:
    """Makes the fields of one PDF; boxes of one size share how they look."""

    pdf: Pdf
    questions: Mapping[str, Question]
    labels: Mapping[str, str]
    resources: Object
    nodes: dict[str, Object] = field(default_factory=dict)
    appearances: dict[tuple[bytes, float, float], Object] = field(default_factory=dict)

    def convert_link(self, widget: Object, name: str) -> None:
        """Turn a link into the field of a name."""
        for key in {"/A", "/Border", "/Contents"} & set(widget.keys()):
            del widget[key]
        widget.Subtype = Name.Widget
        left, bottom, right, top = (float(edge) for edge in widget.Rect)
        width, height = right - left, top - bottom
        found = find_question(name, self.questions.values())
        question, option = found or (Question(name, self.labels["case"], locked=True), None)
        widget.TU = String(self.build_tooltip(question, option))
        if option:
            states = {
                f"/{ON}": self.get_appearance(appearance.draw_cross(width), width, height),
                f"/{OFF}": self.get_appearance(b"", width, height),
            }
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
            widget.DA = String(appearance.format_default_appearance(appearance.SIZE))
            # its own stream, for some write into what is there
            widget.AP = Dictionary(
                N=appearance.make_appearance_stream(self.pdf, appearance.EMPTY, width, height, self.resources)
            )
        widget.Ff = compute_flags(question, width)
        self.attach_to_tree(widget, name)

    def build_tooltip(self, question: Question, option: Choice | None) -> str:
        """Name a field for people: its label, with table and row before it, and what it needs."""
        table = self.questions.get(question.path.partition(".")[0])
        title = question.title
        if table is not None and table.columns:
            title = f"{table.title} {int(question.path.split('.')[1]) + 1}: {title}"
        if option:
            title = f"{title}: {option.label}"
        if question.control is Control.DATE:
            title = f"{title} ({self.labels['date']})"
        return f"{title}, {self.labels['required']}" if question.required else title

    def add_hidden_field(self, page: pikepdf.Page, name: str) -> None:
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
                DA=String(appearance.format_default_appearance(appearance.SIZE)),
            )
        )
        page.Annots.append(widget)
        self.attach_to_tree(widget, name)

    def get_appearance(self, drawn: bytes, width: float, height: float) -> Object:
        """Return the appearance stream of some operators in a size."""
        key = (drawn, round(width, 3), round(height, 3))
        if key not in self.appearances:
            self.appearances[key] = appearance.make_appearance_stream(self.pdf, *key, self.resources)
        return self.appearances[key]

    def attach_to_tree(self, widget: Object, name: str) -> None:
        """Put a field into the tree at the place that its name says."""
        above, _, step = name.rpartition(".")
        widget.T = String(step)
        if not above:
            self.pdf.Root.AcroForm.Fields.append(widget)
            return
        if above not in self.nodes:
            self.nodes[above] = self.pdf.make_indirect(Dictionary(Kids=Array()))
            self.attach_to_tree(self.nodes[above], above)
        widget.Parent = self.nodes[above]
        self.nodes[above].Kids.append(widget)


def compute_flags(question: Question, width: float) -> int:
    """Return the flags of a field so many points wide; of several boxes none is required by itself."""
    found = READ_ONLY if question.locked else 0
    if question.required and (question.control is not Control.TICKS or len(question.choices) == 1):
        found |= REQUIRED
    if question.control is Control.LIST:
        found |= COMBO
    elif count_lines(question, width / POINT) > 1:
        found |= MULTILINE
    return found
