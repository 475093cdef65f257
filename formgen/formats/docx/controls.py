"""Content controls: the XML of one field, with its state, as Word, LibreOffice and our reader want it.

Run-level, one field a cell, rich text for every text (plain-text controls lose line breaks and
cannot be edited under protection in older LibreOffice), never bound to custom XML.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

from formgen.documents.extraction import Choice, Control, Question, compute_field_id, format_bookmark_name
from formgen.i18n import N_, translate

CHECKED, UNCHECKED = "☒", "☐"
TICKED, NOT_TICKED = (b"1", CHECKED.encode()), (b"0", UNCHECKED.encode())
PROMPTS = {
    **dict.fromkeys((Control.LINE, Control.AREA), N_("Kirjoita tähän")),
    Control.DATE: "pv.kk.vvvv",
    Control.LIST: N_("Valitse"),
}
DATE = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})")
GLYPH_FONT = '<w:rFonts w:ascii="MS Gothic" w:hAnsi="MS Gothic" w:eastAsia="MS Gothic" w:cs="MS Gothic"/>'


@dataclass(frozen=True, slots=True)
class Slot:
    """One place in a template: the question, for a tick its option, language, and the format of its text.

    Its control is drawn in five pieces, of which `told` gives the second and the fourth for an answer.
    """

    question: Question
    option: Choice | None = None
    table: str = ""
    language: str = "fi"
    style: str = ""

    def get_field_path(self, index: int | None = None) -> str:
        """Return the full path of the field, in a table for one row; with the option for a tick."""
        path = self.get_answer_path(index)
        return f"{path}.{self.option.code}" if self.option else path

    def get_answer_path(self, index: int | None = None) -> str:
        """Return the path of the answer, which all the boxes of a question share."""
        return self.question.path if index is None else f"{self.table}.{index}.{self.question.path}"

    def render_control(self, index: int | None, mark: int) -> tuple[bytes, ...]:
        """Return the five pieces of the control without an answer; ``mark`` is a number unique in the document."""
        path = self.get_field_path(index)
        title = self.question.title + (f": {self.option.label}" if self.option else "")
        if index is not None:
            title = f"{title} ({index + 1})"
        if self.question.required and not self.option:
            title += " " + translate("(pakollinen)", self.language)
        lock = "sdtContentLocked" if self.question.locked else "sdtLocked" if index is None else ""
        kind, rest = self.render_kind_properties()
        start, end = (f"<w:r>{self.render_run_properties()}<w:t>", "</w:t></w:r>") if self.option else ("", "")
        before = (
            f'<w:bookmarkStart w:id="{mark}" w:name="{format_bookmark_name(path)}"/>'
            f"<w:sdt><w:sdtPr>{self.render_run_properties()}"
            f"<w:alias w:val={quoteattr(title[:64])}/>"
            f'<w:tag w:val="{format_tag(path)}"/><w:id w:val="{compute_field_id(path)}"/>'
            + (f'<w:lock w:val="{lock}"/>' if lock else "")
            + kind
        )
        between = f"{rest}</w:sdtPr><w:sdtContent>{start}"
        after = f'{end}</w:sdtContent></w:sdt><w:bookmarkEnd w:id="{mark}"/>'
        state, shown = self.render_answer("")
        return before.encode(), state, between.encode(), shown, after.encode()

    def render_run_properties(self) -> str:
        """Return the format that text typed into the control takes."""
        if not self.option:
            return self.style
        return f"<w:rPr>{GLYPH_FONT}{self.style.removeprefix('<w:rPr>').removesuffix('</w:rPr>')}</w:rPr>"

    def render_kind_properties(self) -> tuple[str, str]:
        """Render the control's properties of its kind, before and behind its state."""
        if self.option:
            return '<w14:checkbox><w14:checked w14:val="', (
                '"/><w14:checkedState w14:val="2612" w14:font="MS Gothic"/>'
                '<w14:uncheckedState w14:val="2610" w14:font="MS Gothic"/></w14:checkbox>'
            )
        rest = ""
        if self.question.control is Control.DATE:
            rest = (
                '><w:dateFormat w:val="d.M.yyyy"/><w:lid w:val="fi-FI"/>'
                '<w:storeMappedDataAs w:val="date"/><w:calendar w:val="gregorian"/></w:date>'
            )
        elif self.question.control is Control.LIST:
            items = (
                f"<w:listItem w:displayText={quoteattr(label)} w:value={quoteattr(code)}/>"
                for code, label in self.question.choices
            )
            rest = f">{''.join(items)}</w:dropDownList>"
        name = format_prompt_part_name(PROMPTS[self.question.control])
        return f'<w:placeholder><w:docPart w:val="{name}"/></w:placeholder>', rest

    def render_answer(self, text: str, prompt: str = "") -> tuple[bytes, bytes]:
        """Return the two pieces that an answer decides: the state of the control and what it shows.

        ``prompt`` is shown instead of an answer, and of what else would ask for one.
        """
        if self.option:
            return TICKED if self.option.code in text.split() else NOT_TICKED
        state = ""
        if self.question.control is Control.DATE:
            day = DATE.fullmatch(text)
            state = "<w:date" + (f' w:fullDate="{day[3]}-{day[2]:0>2}-{day[1]:0>2}T00:00:00Z"' if day else "")
        elif self.question.control is Control.LIST:
            label = next((label for code, label in self.question.choices if code == text), None)
            state = "<w:dropDownList" + ("" if label is None else f" w:lastValue={quoteattr(text)}")
            text = text if label is None else label
        if text:
            return state.encode(), f"<w:r>{self.style}{render_text(text)}</w:r>".encode()
        said = escape(prompt or translate(PROMPTS[self.question.control], self.language))
        run = f'<w:r><w:rPr><w:rStyle w:val="PlaceholderText"/></w:rPr><w:t>{said}</w:t></w:r>'
        return f"<w:showingPlcHdr/>{state}".encode(), run.encode()


def format_tag(path: str) -> str:
    """Return the tag of a path's control; Word takes 64 characters at most."""
    return f"fg:{path}"[:64]


def format_prompt_part_name(prompt: str) -> str:
    """Return the name of the glossary part that holds a prompt."""
    return f"FG_{compute_field_id(prompt):08X}"


def render_text(text: str) -> str:
    r"""Return text as the children of a run: ``\n`` as a line break, ``\t`` as a tab."""
    if "\n" not in text and "\t" not in text:  # as most texts are
        return f'<w:t xml:space="preserve">{escape(text)}</w:t>' if text else ""
    parts = re.split(r"([\n\t])", text)
    marks = {"\n": "<w:br/>", "\t": "<w:tab/>"}
    return "".join(marks.get(part) or f'<w:t xml:space="preserve">{escape(part)}</w:t>' for part in parts if part)
