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
class ContentControl:
    """One content control: its names, what it is, and the part of its box's text that it holds."""

    tag: str
    number: str
    checked: bool | None
    shows_prompt: bool
    start: int
    end: int = 0


@dataclass(slots=True)
class Cell:
    """One paragraph or table cell: its text, the controls and bookmarks in it, what is odd about it."""

    text: str = ""
    controls: list[ContentControl] = field(default_factory=list)
    bookmarks: list[str] = field(default_factory=list)
    marks: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Table:
    """One table as rows of cells; rows deleted under tracking are left out."""

    rows: list[list[Cell]] = field(default_factory=list)


@dataclass(slots=True)
class Body:
    """The walk over one part: boxes and tables in order, and the texts that it came by."""

    items: list[Cell | Table] = field(default_factory=list)
    marks: set[str] = field(default_factory=set)
    seen: set[Element] = field(default_factory=set)

    def walk_blocks(self, container: Element) -> Body:
        """Walk the blocks of a body, header or footer."""
        for child in container:
            if child.tag == TABLE:
                self.items.append(self.read_table(child))
            elif child.tag == PARAGRAPH:
                box = Cell()
                self.add_block(child, box)
                self.items.append(box)
            elif child.tag == MARK:
                self.items.append(Cell(bookmarks=[child.get(w("name"), "")]))
            elif child.tag == CONTROL:
                self.walk_blocks(find_child(child, CONTENT))
            elif child.tag in TRANSPARENT or child.tag == ALTERNATIVES:
                self.walk_blocks(select_alternative(child))
            elif child.tag == w("altChunk"):
                self.marks.add("altChunk")
        return self

    def has_unseen_text(self, container: Element) -> bool:
        """Tell whether a text stands where no text can, so that the walk did not come by it."""
        texts = (text for text in container.iter(TEXT) if text not in self.seen and (text.text or "").strip())
        return any(next(text.iterancestors(f"{{{MC}}}Fallback"), None) is None for text in texts)

    def mark_as_seen(self, item: Element) -> None:
        """Note that what stands below an element has been seen, though it is no part of the text."""
        self.seen.update(text for child in item for text in child.iter(TEXT))

    def read_table(self, table: Element) -> Table:
        """Return a table's rows."""
        grid = Table()
        for row in find_nested_elements(table, w("tr")):
            properties = row.find(w("trPr"))
            if properties is not None and properties.find(w("del")) is not None:
                self.mark_as_seen(row)
                continue
            tracked = properties is not None and properties.find(w("ins")) is not None
            grid.rows.append([self.read_cell(cell, row, tracked) for cell in find_nested_elements(row, w("tc"))])
        return grid

    def read_cell(self, cell: Element, row: Element, tracked: bool) -> Cell:
        """Return a cell of a row; ``tracked`` tells whether the row was inserted under tracking."""
        marks = {CELLS[item.tag] for item in find_child(cell, CELL_FORMAT) if item.tag in CELLS}
        outer = find_outer_controls(cell, row)
        box = Cell(controls=[*outer], marks=marks | ({"tracked_change"} if tracked else set()))
        self.add_blocks(cell, box)
        for control in outer:
            control.end = len(box.text)
        return box

    def add_blocks(self, container: Element, box: Cell) -> None:
        """Add the blocks of a cell, one line each."""
        for child in container:
            if child.tag in BLOCKS:
                self.add_block(child, box)

    def add_block(self, item: Element, box: Cell) -> None:
        """Add one block to a box's text."""
        tag = item.tag
        if tag == PARAGRAPH:
            if box.text and "joined" not in box.marks:
                box.text += "\n"
            box.marks.discard("joined")
            self.add_inlines(item, box)
            formats = find_child(item, PARAGRAPH_FORMAT)
            if any(part.find(w("del")) is not None for part in formats if part.tag == RUN_FORMAT):
                box.marks |= {"joined", "tracked_change"}
        elif tag == TABLE:
            box.marks.add("nested")
            for row in self.read_table(item).rows:
                box.text += ("\n" if box.text else "") + "\t".join(cell.text for cell in row)
        elif tag == CONTROL:
            self.add_control(item, box, self.add_blocks)
        else:
            self.add_blocks(select_alternative(item), box)

    def add_control(self, item: Element, box: Cell, inside: Any) -> None:
        """Add what a control holds, and the control itself."""
        held = read_control(item, len(box.text))
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

    def add_inlines(self, container: Element, box: Cell) -> None:
        """Add all children of a paragraph or an inline container."""
        for child in container:
            tag = child.tag
            if tag == RUN:
                self.add_run(child, box)
            elif tag not in SILENT:
                self.add_inline(child, tag, box)

    def add_inline(self, item: Element, tag: str, box: Cell) -> None:
        """Add one child of a paragraph that is not a run to a box's text."""
        if tag == CONTROL:
            self.add_control(item, box, self.add_inlines)
        elif tag in TRANSPARENT:
            if tag in TRACKED:
                box.marks.add("tracked_change")
            self.add_inlines(item, box)
        elif tag in DELETED:
            self.mark_as_seen(item)
            box.marks.add("tracked_change")
        elif tag == MARK:
            box.bookmarks.append(item.get(w("name"), ""))
        elif tag == ALTERNATIVES:
            self.add_inlines(select_alternative(item), box)
        elif "".join(item.itertext()).strip():
            box.marks.add("unread")

    def add_run(self, run: Element, box: Cell) -> None:
        """Add the text of a run."""
        odd = {MARKING[item.tag] for item in find_child(run, RUN_FORMAT) if item.tag in MARKING and is_on(item)}
        if odd and "".join(run.itertext(TEXT)).strip():
            box.marks |= odd
        if "hidden_text" in odd:
            self.mark_as_seen(run)
            return
        self.add_run_children(run, box)
        if len(box.text) > CHARACTERS:
            raise Unreadable(Reason.TOO_LARGE)

    def add_run_children(self, container: Element, box: Cell) -> None:
        """Add the children of a run."""
        for child in container:
            tag = child.tag
            if tag == TEXT:
                self.seen.add(child)
                box.text += (child.text or "").replace("\r", "\n")
            elif tag != RUN_FORMAT:
                self.add_run_child(child, tag, box)

    def add_run_child(self, child: Element, tag: str, box: Cell) -> None:
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
            self.add_drawing(child, box)
        elif tag == ALTERNATIVES:
            self.add_run_children(select_alternative(child), box)

    def add_drawing(self, item: Element, box: Cell) -> None:
        """Add the text of a text box, marked as such; a picture is marked as what nobody can read here."""
        contents = list(item.iter(w("txbxContent")))
        before = len(box.text)
        for content in contents:
            self.add_blocks(content, box)
        if box.text[before:].strip() or not contents:
            box.marks.add("text_box" if contents else "unread")


def select_alternative(item: Element) -> Element:
    """Return the children to walk: of alternatives only the first choice."""
    if item.tag != ALTERNATIVES:
        return item
    return next((child for child in item if child.tag in (f"{{{MC}}}Choice", f"{{{MC}}}Fallback")), ())


def find_nested_elements(container: Element, tag: str) -> list[Element]:
    """Return the rows of a table or cells of a row, also those inside controls and markup."""
    found: list[Element] = []
    for child in container:
        if child.tag == tag:
            found.append(child)
        elif child.tag == CONTROL:
            found += find_nested_elements(find_child(child, CONTENT), tag)
        elif child.tag in TRANSPARENT:
            found += find_nested_elements(child, tag)
    return found


def find_outer_controls(cell: Element, row: Element) -> list[ContentControl]:
    """Return the controls that stand around a whole cell."""
    found = []
    parent = cell.getparent()
    while parent is not None and parent is not row:
        if parent.tag == CONTROL:
            found.append(read_control(parent, 0))
        parent = parent.getparent()
    return found


def read_control(item: Element, start: int) -> ContentControl:
    """Read a control's properties; of a property that comes twice the first counts."""
    found = {part.tag: part for part in reversed(find_child(item, CONTROL_FORMAT))}
    tag, number = (found[name].get(VALUE, "") if name in found else "" for name in (w("tag"), w("id")))
    state = None
    if CHECKBOX in found:
        checked = found[CHECKBOX].find(f"{{{W14}}}checked")
        state = checked is not None and checked.get(f"{{{W14}}}val", "1") in ON
    return ContentControl(tag, number, state, w("showingPlcHdr") in found, start)


def find_child(item: Element, name: str) -> Element:
    """List the children of an element's child, such as its properties; none where there is no such child."""
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
