"""The flow of a returned document: its paragraphs and tables as boxes of text with what marks them.

One walk over the XML, in the view a reader would have: tracked changes accepted, hidden text
left out, nested controls transparent. Nothing here knows a form.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from formgen.errors import Reason, Unreadable
from formgen.formats.docx.controls import CHECKED, UNCHECKED
from formgen.formats.docx.package import MC, W14, w

Element = Any

TRANSPARENT = {
    w(name)
    for name in (
        "hyperlink",
        "smartTag",
        "customXml",
        "fldSimple",
        "dir",
        "bdo",
        "ins",
        "moveTo",
        "ruby",
        "rt",
        "rubyBase",
    )
}
PARAGRAPH, TABLE, RUN, TEXT = w("p"), w("tbl"), w("r"), w("t")
CONTROL, CONTROL_FORMAT, CONTENT = w("sdt"), w("sdtPr"), w("sdtContent")
PARAGRAPH_FORMAT, RUN_FORMAT, CELL_FORMAT = w("pPr"), w("rPr"), w("tcPr")
MARK, VALUE, ALTERNATIVES = w("bookmarkStart"), w("val"), f"{{{MC}}}AlternateContent"
BLOCKS = {PARAGRAPH, TABLE, CONTROL, ALTERNATIVES} | TRANSPARENT
SILENT = {PARAGRAPH_FORMAT, w("bookmarkEnd"), w("proofErr")}  # children of a paragraph that no text can stand in
DELETED = {w("del"), w("moveFrom")}
TRACKED = {w("ins"), w("moveTo")}
ON = {"1", "true", "on"}
CHECKBOX = f"{{{W14}}}checkbox"
CELLS = {**dict.fromkeys(map(w, ("cellIns", "cellDel", "cellMerge")), "tracked_change"), w("vMerge"): "merged"}
CHARACTERS = 100_000  # in one paragraph or cell; an answer has 2 000 at most
MARKING = {w("vanish"): "hidden_text", w("strike"): "struck_out", w("dstrike"): "struck_out"}
SYMBOLS = {  # checkbox signs of the Wingdings fonts, by the low byte of their code
    0xFE: CHECKED,
    0xFD: CHECKED,
    0x78: CHECKED,
    0x52: CHECKED,
    0x53: CHECKED,
    0x54: CHECKED,
    0x55: CHECKED,
    0xFC: CHECKED,
    0xA8: UNCHECKED,
    0x6F: UNCHECKED,
    0x71: UNCHECKED,
    0x72: UNCHECKED,
    0xA3: UNCHECKED,
    0x30: UNCHECKED,
    0x2A: UNCHECKED,
}


@dataclass(slots=True)
class Held:
    """One content control: its names, what it is, and the part of its box's text that it holds."""

    tag: str
    number: str
    checked: bool | None
    prompting: bool
    start: int
    end: int = 0


@dataclass(slots=True)
class Box:
    """One paragraph or table cell: its text, the controls and bookmarks in it, what is odd about it."""

    text: str = ""
    controls: list[Held] = field(default_factory=list)
    bookmarks: list[str] = field(default_factory=list)
    marks: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Grid:
    """One table as rows of cells; rows deleted under tracking are left out."""

    rows: list[list[Box]] = field(default_factory=list)


@dataclass(slots=True)
class Flow:
    """The walk over one part: boxes and tables in order, and the texts that it came by."""

    items: list[Box | Grid] = field(default_factory=list)
    marks: set[str] = field(default_factory=set)
    seen: set[Element] = field(default_factory=set)

    def body(self, container: Element) -> Flow:
        """Walk the blocks of a body, header or footer."""
        for child in container:
            if child.tag == TABLE:
                self.items.append(self.table(child))
            elif child.tag == PARAGRAPH:
                box = Box()
                self.block(child, box)
                self.items.append(box)
            elif child.tag == MARK:
                self.items.append(Box(bookmarks=[child.get(w("name"), "")]))
            elif child.tag == CONTROL:
                self.body(children_of(child, CONTENT))
            elif child.tag in TRANSPARENT or child.tag == ALTERNATIVES:
                self.body(chosen(child))
            elif child.tag == w("altChunk"):
                self.marks.add("altChunk")
        return self

    def overlooked(self, container: Element) -> bool:
        """Tell whether a text stands where no text can, so that the walk did not come by it."""
        texts = (text for text in container.iter(TEXT) if text not in self.seen and (text.text or "").strip())
        return any(next(text.iterancestors(f"{{{MC}}}Fallback"), None) is None for text in texts)

    def left_out(self, item: Element) -> None:
        """Note that what stands below an element has been seen, though it is no part of the text."""
        self.seen.update(text for child in item for text in child.iter(TEXT))

    def table(self, table: Element) -> Grid:
        """Return a table's rows."""
        grid = Grid()
        for row in unfolded(table, w("tr")):
            properties = row.find(w("trPr"))
            if properties is not None and properties.find(w("del")) is not None:
                self.left_out(row)
                continue
            tracked = properties is not None and properties.find(w("ins")) is not None
            grid.rows.append([self.cell(cell, row, tracked) for cell in unfolded(row, w("tc"))])
        return grid

    def cell(self, cell: Element, row: Element, tracked: bool) -> Box:
        """Return a cell of a row; ``tracked`` tells whether the row was inserted under tracking."""
        marks = {CELLS[item.tag] for item in children_of(cell, CELL_FORMAT) if item.tag in CELLS}
        outer = outer_controls(cell, row)
        box = Box(controls=[*outer], marks=marks | ({"tracked_change"} if tracked else set()))
        self.blocks(cell, box)
        for control in outer:
            control.end = len(box.text)
        return box

    def blocks(self, container: Element, box: Box) -> None:
        """Add the blocks of a cell, one line each."""
        for child in container:
            if child.tag in BLOCKS:
                self.block(child, box)

    def block(self, item: Element, box: Box) -> None:
        """Add one block to a box's text."""
        tag = item.tag
        if tag == PARAGRAPH:
            if box.text and "joined" not in box.marks:
                box.text += "\n"
            box.marks.discard("joined")
            self.inlines(item, box)
            formats = children_of(item, PARAGRAPH_FORMAT)
            if any(part.find(w("del")) is not None for part in formats if part.tag == RUN_FORMAT):
                box.marks |= {"joined", "tracked_change"}
        elif tag == TABLE:
            box.marks.add("nested")
            for row in self.table(item).rows:
                box.text += ("\n" if box.text else "") + "\t".join(cell.text for cell in row)
        elif tag == CONTROL:
            self.control(item, box, self.blocks)
        else:
            self.blocks(chosen(item), box)

    def control(self, item: Element, box: Box, inside: Any) -> None:
        """Add what a control holds, and the control itself."""
        held = held_of(item, len(box.text))
        box.controls.append(held)
        content = next((child for child in item if child.tag == CONTENT), None)
        if held.checked is not None:
            texts = [] if content is None else list(content.iter(TEXT))
            if content is not None and next(content.iter(CONTROL), None) is None:  # a box holds no other field
                self.seen.update(texts)
            shown = "".join(text.text or "" for text in texts)
            sign = shown.strip()
            box.text += CHECKED if held.checked else UNCHECKED
            if sign in (CHECKED, UNCHECKED):
                if (sign == CHECKED) != held.checked:
                    box.marks.add("glyph_state")
            elif sign not in ("☑", "✓", "✔", ""):
                box.text += shown
        elif content is not None:
            inside(content, box)
        held.end = len(box.text)

    def inlines(self, container: Element, box: Box) -> None:
        """Add all children of a paragraph or an inline container."""
        for child in container:
            tag = child.tag
            if tag == RUN:
                self.run(child, box)
            elif tag not in SILENT:
                self.inline(child, tag, box)

    def inline(self, item: Element, tag: str, box: Box) -> None:
        """Add one child of a paragraph that is not a run to a box's text."""
        if tag == CONTROL:
            self.control(item, box, self.inlines)
        elif tag in TRANSPARENT:
            if tag in TRACKED:
                box.marks.add("tracked_change")
            self.inlines(item, box)
        elif tag in DELETED:
            self.left_out(item)
            box.marks.add("tracked_change")
        elif tag == MARK:
            box.bookmarks.append(item.get(w("name"), ""))
        elif tag == ALTERNATIVES:
            self.inlines(chosen(item), box)
        elif "".join(item.itertext()).strip():
            box.marks.add("unread")

    def run(self, run: Element, box: Box) -> None:
        """Add the text of a run."""
        odd = {MARKING[item.tag] for item in children_of(run, RUN_FORMAT) if item.tag in MARKING and is_on(item)}
        if odd and "".join(run.itertext(TEXT)).strip():
            box.marks |= odd
        if "hidden_text" in odd:
            self.left_out(run)
            return
        self.signs(run, box)
        if len(box.text) > CHARACTERS:
            raise Unreadable(Reason.TOO_LARGE)

    def signs(self, container: Element, box: Box) -> None:
        """Add the children of a run."""
        for child in container:
            tag = child.tag
            if tag == TEXT:
                self.seen.add(child)
                box.text += (child.text or "").replace("\r", "\n")
            elif tag != RUN_FORMAT:
                self.sign(child, tag, box)

    def sign(self, child: Element, tag: str, box: Box) -> None:
        """Add one child of a run that is not its text."""
        if tag in (w("tab"), w("ptab")):
            box.text += "\t"
        elif tag in (w("br"), w("cr")):
            box.text += "\n" if child.get(w("type")) in (None, "textWrapping") else ""
        elif tag == w("noBreakHyphen"):
            box.text += "-"
        elif tag == w("sym"):
            code = child.get(w("char"), "")
            box.text += SYMBOLS.get(int(code, 16) & 0xFF, "") if len(code) in (2, 4) and is_hex(code) else ""
        elif tag in (w("footnoteReference"), w("endnoteReference")):
            box.marks.add("unread")
        elif tag in (w("drawing"), w("pict"), w("object"), f"{{{W14}}}contentPart"):
            self.drawing(child, box)
        elif tag == ALTERNATIVES:
            self.signs(chosen(child), box)

    def drawing(self, item: Element, box: Box) -> None:
        """Add the text of a text box, marked as such; a picture is marked as what nobody can read here."""
        contents = list(item.iter(w("txbxContent")))
        before = len(box.text)
        for content in contents:
            self.blocks(content, box)
        if box.text[before:].strip() or not contents:
            box.marks.add("text_box" if contents else "unread")


def chosen(item: Element) -> Element:
    """Return the children to walk: of alternatives only the first choice."""
    if item.tag != ALTERNATIVES:
        return item
    return next((child for child in item if child.tag in (f"{{{MC}}}Choice", f"{{{MC}}}Fallback")), ())


def unfolded(container: Element, tag: str) -> list[Element]:
    """Return the rows of a table or cells of a row, also those inside controls and markup."""
    found: list[Element] = []
    for child in container:
        if child.tag == tag:
            found.append(child)
        elif child.tag == CONTROL:
            found += unfolded(children_of(child, CONTENT), tag)
        elif child.tag in TRANSPARENT:
            found += unfolded(child, tag)
    return found


def outer_controls(cell: Element, row: Element) -> list[Held]:
    """Return the controls that stand around a whole cell."""
    found = []
    parent = cell.getparent()
    while parent is not None and parent is not row:
        if parent.tag == CONTROL:
            found.append(held_of(parent, 0))
        parent = parent.getparent()
    return found


def held_of(item: Element, start: int) -> Held:
    """Return what a control's properties say of it; of a property that comes twice the first counts."""
    found = {part.tag: part for part in reversed(children_of(item, CONTROL_FORMAT))}
    tag, number = (found[name].get(VALUE, "") if name in found else "" for name in (w("tag"), w("id")))
    state = None
    if CHECKBOX in found:
        checked = found[CHECKBOX].find(f"{{{W14}}}checked")
        state = checked is not None and checked.get(f"{{{W14}}}val", "1") in ON
    return Held(tag, number, state, w("showingPlcHdr") in found, start)


def children_of(item: Element, name: str) -> Element:
    """Return what stands in a child of an element, such as its properties; nothing where there is no such child."""
    for child in item:
        if child.tag == name:
            return child
    return ()


def is_on(switch: Element) -> bool:
    """Tell whether a part of a run's format is on."""
    return switch.get(VALUE, "1") in ON


def is_hex(text: str) -> bool:
    """Tell whether a text is a hexadecimal number."""
    try:
        int(text, 16)
    except ValueError:
        return False
    return True
