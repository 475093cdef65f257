"""Content controls: the XML of one field, with its state, as Word, LibreOffice and our reader want it.

Run-level, one field a cell, rich text for every text (plain-text controls lose line breaks and
cannot be edited under protection in older LibreOffice), never bound to custom XML.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

from formgen.sheet import Choice, Control, Question, bookmark, field_id
from formgen.words import everywhere, say

CHECKED, UNCHECKED = "☒", "☐"
PROMPTS = {
    Control.LINE: "Kirjoita tähän",
    Control.AREA: "Kirjoita tähän",
    Control.DATE: "pv.kk.vvvv",
    Control.LIST: "Valitse",
}
PLACEHOLDERS = frozenset(text for prompt in PROMPTS.values() for text in everywhere(prompt))
DATE = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})")
GLYPH_FONT = '<w:rFonts w:ascii="MS Gothic" w:hAnsi="MS Gothic" w:eastAsia="MS Gothic" w:cs="MS Gothic"/>'


@dataclass(frozen=True, slots=True)
class Slot:
    """One place in a template: the question, for a tick its option, and the format of its text."""

    question: Question
    option: Choice | None = None
    table: str = ""
    style: str = ""

    def path(self, index: int | None = None) -> str:
        """Return the full path of the field, in a table for one row; with the option for a tick."""
        path = self.question.path if index is None else f"{self.table}.{index}.{self.question.path}"
        return f"{path}.{self.option.code}" if self.option else path

    def draw(self, text: str, language: str, index: int | None, mark: int) -> str:
        """Return the control holding the text; ``mark`` is a number unique in the document."""
        path = self.path(index)
        title = self.question.title + (f": {self.option.label}" if self.option else "")
        if index is not None:
            title = f"{title} ({index + 1})"
        if self.question.required and not self.option:
            title = f"{title} {say('(pakollinen)', language)}"
        state, shown = self.state(text, language)
        lock = "sdtContentLocked" if self.question.locked else "sdtLocked" if index is None else ""
        return (
            f'<w:bookmarkStart w:id="{mark}" w:name="{bookmark(path)}"/>'
            f"<w:sdt><w:sdtPr>{self.run_properties()}"
            f"<w:alias w:val={quoteattr(title[:64])}/>"
            f'<w:tag w:val="{tag(path)}"/><w:id w:val="{field_id(path)}"/>'
            + (f'<w:lock w:val="{lock}"/>' if lock else "")
            + f"{state}</w:sdtPr><w:sdtContent>{shown}</w:sdtContent></w:sdt>"
            f'<w:bookmarkEnd w:id="{mark}"/>'
        )

    def run_properties(self) -> str:
        """Return the format that text typed into the control takes."""
        if not self.option:
            return self.style
        return f"<w:rPr>{GLYPH_FONT}{self.style.removeprefix('<w:rPr>').removesuffix('</w:rPr>')}</w:rPr>"

    def state(self, text: str, language: str) -> tuple[str, str]:
        """Return what stands in the control's properties after its name, and the runs it shows."""
        control = self.question.control
        if self.option:
            ticked = self.option.code in text.split()
            state = (
                f'<w14:checkbox><w14:checked w14:val="{int(ticked)}"/>'
                '<w14:checkedState w14:val="2612" w14:font="MS Gothic"/>'
                '<w14:uncheckedState w14:val="2610" w14:font="MS Gothic"/></w14:checkbox>'
            )
            return state, f"<w:r>{self.run_properties()}<w:t>{CHECKED if ticked else UNCHECKED}</w:t></w:r>"
        kind = ""
        if control is Control.DATE:
            day = DATE.fullmatch(text)
            full = f' w:fullDate="{day[3]}-{day[2]:0>2}-{day[1]:0>2}T00:00:00Z"' if day else ""
            kind = (
                f'<w:date{full}><w:dateFormat w:val="d.M.yyyy"/><w:lid w:val="fi-FI"/>'
                '<w:storeMappedDataAs w:val="date"/><w:calendar w:val="gregorian"/></w:date>'
            )
        elif control is Control.LIST:
            labels = {choice.code: choice.label for choice in self.question.choices}
            items = "".join(
                f"<w:listItem w:displayText={quoteattr(label)} w:value={quoteattr(code)}/>"
                for code, label in labels.items()
            )
            last = f" w:lastValue={quoteattr(text)}" if text in labels else ""
            kind = f"<w:dropDownList{last}>{items}</w:dropDownList>"
            text = labels.get(text, text)
        prompt = PROMPTS.get(control, PROMPTS[Control.LINE])
        placeholder = f'<w:placeholder><w:docPart w:val="{part_name(prompt)}"/></w:placeholder>'
        if text:
            return placeholder + kind, f"<w:r>{self.style}{characters(text)}</w:r>"
        run = f'<w:r><w:rPr><w:rStyle w:val="PlaceholderText"/></w:rPr><w:t>{escape(say(prompt, language))}</w:t></w:r>'
        return f"{placeholder}<w:showingPlcHdr/>{kind}", run


def tag(path: str) -> str:
    """Return the tag of a path's control; Word takes 64 characters at most."""
    return f"fg:{path}"[:64]


def part_name(prompt: str) -> str:
    """Return the name of the glossary part that holds a prompt."""
    return f"FG_{field_id(prompt):08X}"


def characters(text: str) -> str:
    r"""Return text as the children of a run: ``\n`` as a line break, ``\t`` as a tab."""
    parts = re.split(r"([\n\t])", text)
    marks = {"\n": "<w:br/>", "\t": "<w:tab/>"}
    return "".join(marks.get(part) or f'<w:t xml:space="preserve">{escape(part)}</w:t>' for part in parts if part)
