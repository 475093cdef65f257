"""Notes in a document that has been drawn: a list on top, and at each place a sign, words and a Word comment.

The sign stands in the answer's own cell as the label of a list, which no program takes for a part
of the answer; the words stand with the question's label, or above the table where it has none.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from lxml import etree

from formgen.documents.extraction import SIGN, Notes, format_bookmark_name
from formgen.formats.docx.controls import format_tag, render_text
from formgen.formats.docx.fill import read_tag
from formgen.formats.docx.package import RELS, TYPES, Package, W, deflate_member, pack_members, parse_untrusted_xml, w

OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml"
AFTER_NUMBER = ("pBdr", "shd", "tabs", "spacing", "ind", "jc", "outlineLvl", "rPr", "sectPr", "pPrChange")
AFTER_BORDERS = ("shd", "noWrap", "tcMar", "textDirection", "tcFitText", "vAlign", "hideMark")
FIRST_LIST = 9_000  # above the numbers of a template's own lists
EDGES = ("top", "left", "bottom", "right")

Element = Any


def add_notes(data: bytes, notes: Notes, author: str) -> bytes:
    """Return the document with the notes in it."""
    package = Package(data)
    root = package.parse_member(package.main)
    body = root.find(w("body"))
    places = {number: find_control(root, note.path) for number, note in enumerate(notes.items, start=1)}
    names = {item.get(w("name")) for item in root.iter(w("bookmarkStart"))}
    for number, note in enumerate(notes.items, start=1):
        if (control := places[number]) is not None:
            mark_control(control, number)
            anchor_comment(control, number)
            add_side_note(control, f"{SIGN} {notes.format_side_note(number, note)}")
    add_note_list(body, notes, names)
    parts = {name: package.read_member(name) for name in package.names}
    parts[package.main] = serialise_part(root)
    folder, _, main = package.main.rpartition("/")
    relations = f"{folder}/_rels/{main}.rels"
    for name, content in (("comments", build_comments(notes, places, author)), ("numbering", build_numbering(places))):
        at = ensure_part(parts, relations, folder, name)
        parts[at] = serialise_part(
            merge_content(
                parse_untrusted_xml(parts[at]) if at in parts else etree.Element(w(name), nsmap={"w": W}), content
            )
        )
    return pack_members(deflate_member(name, data) for name, data in parts.items())


def find_control(root: Element, path: str) -> Element | None:
    """Return the control that stands for a path: its own, or the first of a box, of a block or of a table."""
    controls = {read_tag(control): control for control in reversed(list(root.iter(w("sdt"))))}
    if not path or format_tag(path) in controls:
        return controls.get(format_tag(path))
    return next((item for name, item in reversed(controls.items()) if name.startswith(f"{format_tag(path)}.")), None)


# --- at a place -------------------------------------------------------------------------------


def mark_control(control: Element, number: int) -> None:
    """Put the sign and number before a control, and a thick frame around its cell."""
    cell = find_ancestor(control, "tc")
    line = find_ancestor(control, "p") if cell is None else next(cell.iter(w("p")))
    insert_before(
        prepare_properties(line, "pPr", "numPr"),
        AFTER_NUMBER,
        f'<w:numPr><w:ilvl w:val="0"/><w:numId w:val="{FIRST_LIST + number}"/></w:numPr>',
    )
    if cell is not None:
        edges = "".join(f'<w:{edge} w:val="single" w:sz="24" w:space="0" w:color="000000"/>' for edge in EDGES)
        insert_before(
            prepare_properties(cell, "tcPr", "tcBorders"), AFTER_BORDERS, f"<w:tcBorders>{edges}</w:tcBorders>"
        )


def prepare_properties(item: Element, name: str, old: str) -> Element:
    """Return the properties of an element, made where it has none, without what is about to be put there."""
    properties = item.find(w(name))
    if properties is None:
        properties = etree.Element(w(name))
        item.insert(0, properties)
    for there in properties.findall(w(old)):
        properties.remove(there)
    return properties


def anchor_comment(control: Element, number: int) -> None:
    """Anchor the comment of a number at a control."""
    control.addprevious(parse_fragment(f'<w:commentRangeStart w:id="{number}"/>'))
    control.addnext(parse_fragment(f'<w:r><w:commentReference w:id="{number}"/></w:r>'))
    control.addnext(parse_fragment(f'<w:commentRangeEnd w:id="{number}"/>'))


def add_side_note(control: Element, text: str) -> None:
    """Put words with the label of a control, or above its table."""
    label = find_label_cell(control)
    line = parse_fragment(f"<w:p>{render_run(text, bold=True)}</w:p>")
    if label is not None:
        label.append(line)
        return
    outer = next((item for item in reversed(list(control.iterancestors(w("tbl"), w("p"))))), control)
    line.insert(0, parse_fragment("<w:pPr><w:keepNext/><w:spacing w:before='60' w:after='60'/></w:pPr>"))
    outer.addprevious(line)


def find_label_cell(control: Element) -> Element | None:
    """Return the cell with nothing but words to the left of a control, or alone in the row above."""
    cell, row = find_ancestor(control, "tc"), find_ancestor(control, "tr")
    if cell is None:
        return None
    before = list(row.iterchildren(w("tc")))
    before = before[: before.index(cell)] if cell in before else []
    if not before:
        upper = next(row.itersiblings(w("tr"), preceding=True), None)
        before = upper.findall(w("tc")) if upper is not None else []
        before = before if len(before) == 1 else []
    if not before or before[-1].find(f".//{w('sdt')}") is not None or not "".join(before[-1].itertext()).strip():
        return None
    return before[-1]


def find_ancestor(item: Element, name: str) -> Element:
    """Return the nearest element of a name that holds an element, or None."""
    return next(item.iterancestors(w(name)), None)


# --- on top -----------------------------------------------------------------------------------


def add_note_list(body: Element, notes: Notes, names: Iterable[str | None]) -> None:
    """Put the numbered list before all that stands in a body; each item leads to its place."""
    first = next(body.iterchildren(w("p"), w("tbl"), w("sdt")))

    def line(runs: str, before: int, after: int, more: str = "") -> None:
        edges = "".join(f'<w:{edge} w:val="single" w:sz="18" w:space="6" w:color="000000"/>' for edge in EDGES)
        first.addprevious(
            parse_fragment(
                f"<w:p><w:pPr><w:keepLines/><w:pBdr>{edges}</w:pBdr>"
                f'<w:spacing w:before="{before}" w:after="{after}"/><w:ind w:left="170" w:right="170"/>{more}</w:pPr>'
                f"{runs}</w:p>"
            )
        )

    line(render_run(notes.title, bold=True, size=32), 0, 60, '<w:outlineLvl w:val="0"/>')
    line(render_run(notes.lead), 0, 60)
    for number, note in enumerate(notes.items, start=1):
        head = render_run(notes.format_heading(number, note), bold=True, size=22)
        target = format_bookmark_name(note.path)
        line(f'<w:hyperlink w:anchor="{target}">{head}</w:hyperlink>' if target in names else head, 120, 0)
        if note.path:
            line(render_run(f"{notes.read_label}: {note.previous_answer}"), 0, 0)
        for says in note.further_messages:
            line(render_run(says), 0, 0)
    first.addprevious(parse_fragment('<w:p><w:pPr><w:spacing w:before="0" w:after="120"/></w:pPr></w:p>'))


# --- in the parts of the package --------------------------------------------------------------


def build_comments(notes: Notes, places: dict[int, Element | None], author: str) -> list[Element]:
    """Return a comment for each note that has a place."""
    found = []
    for number, note in enumerate(notes.items, start=1):
        if places[number] is not None:
            lines = (f"{SIGN} {notes.format_side_note(number, note)}", *note.messages[1:])
            body = "".join(f"<w:p>{render_run(text)}</w:p>" for text in lines)
            comment = parse_fragment(f'<w:comment w:id="{number}" w:initials="{SIGN}">{body}</w:comment>')
            comment.set(w("author"), author)
            found.append(comment)
    return found


def build_numbering(places: dict[int, Element | None]) -> list[Element]:
    """Return for each place a list whose only label is the sign and its number."""
    found = []
    for number in places:
        label = (
            f'<w:lvl w:ilvl="0"><w:start w:val="{number}"/><w:numFmt w:val="decimal"/><w:suff w:val="space"/>'
            f'<w:lvlText w:val="{SIGN}&#160;%1"/><w:lvlJc w:val="left"/>'
            '<w:pPr><w:ind w:left="0" w:firstLine="0"/></w:pPr><w:rPr><w:b/></w:rPr></w:lvl>'
        )
        found += [
            parse_fragment(
                f'<w:abstractNum w:abstractNumId="{FIRST_LIST + number}">'
                f'<w:multiLevelType w:val="singleLevel"/>{label}</w:abstractNum>'
            ),
            parse_fragment(
                f'<w:num w:numId="{FIRST_LIST + number}"><w:abstractNumId w:val="{FIRST_LIST + number}"/></w:num>'
            ),
        ]
    return found


def merge_content(root: Element, content: Iterable[Element]) -> Element:
    """Return a part with further content; the patterns of lists stand before the lists."""
    for item in content:
        lists_there = root.find(w("num"))
        if item.tag == w("abstractNum") and lists_there is not None:
            lists_there.addprevious(item)
        else:
            root.append(item)
    return root


def ensure_part(parts: dict[str, bytes], relations: str, folder: str, name: str) -> str:
    """Find the member of a related part; make its relation and content type if there is none."""
    root = parse_untrusted_xml(parts[relations])
    for relation in root:
        if relation.get("Type") == f"{OFFICE}/{name}":
            return f"{folder}/{relation.get('Target')}" if folder else str(relation.get("Target"))
    etree.SubElement(
        root, f"{{{RELS}}}Relationship", Id=f"rIdNotes{name}", Type=f"{OFFICE}/{name}", Target=f"{name}.xml"
    )
    parts[relations] = serialise_part(root)
    types = parse_untrusted_xml(parts["[Content_Types].xml"])
    at = f"{folder}/{name}.xml" if folder else f"{name}.xml"
    etree.SubElement(types, f"{{{TYPES}}}Override", PartName=f"/{at}", ContentType=f"{WORD}.{name}+xml")
    parts["[Content_Types].xml"] = serialise_part(types)
    return at


def insert_before(parent: Element, names: Iterable[str], text: str) -> None:
    """Put an element before the first of those that must follow it, else last."""
    follows = next((item for item in parent if item.tag in {w(name) for name in names}), None)
    if follows is None:
        parent.append(parse_fragment(text))
    else:
        follows.addprevious(parse_fragment(text))


def render_run(text: str, bold: bool = False, size: int = 0) -> str:
    """Return a run; ``size`` is in half points."""
    style = ("<w:b/>" if bold else "") + (f'<w:sz w:val="{size}"/><w:szCs w:val="{size}"/>' if size else "")
    return f"<w:r><w:rPr>{style}</w:rPr>{render_text(text)}</w:r>"


def parse_fragment(text: str) -> Element:
    """Return an element of the main namespace."""
    return next(iter(etree.fromstring(f'<root xmlns:w="{W}">{text}</root>')))


def serialise_part(root: Element) -> bytes:
    """Return a part as bytes."""
    data: bytes = etree.tostring(root, encoding="UTF-8", xml_declaration=True, standalone=True)
    return data
