"""A template of an office, compiled: docxtpl's language in, one drawing step out.

The designer's file is an ordinary Word document in docxtpl's template language, as far as `syntax`
allows it. Each field is an expression such as ``{{ client_last_name }}``, a box
``{{ consent_referral.yes }}``; rows stand between ``{%tr for row in benefits %}`` and
``{%tr endfor %}``; a label is ``{{ _("Sukunimi") }}``.
Compiling finds the fields by their expressions, whatever became of the controls around them in
Word or LibreOffice, and puts a fresh control from the schema in the place of each. Jinja then runs
once for a number of rows in each table: what it leaves are the places of answers and words.
"""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from itertools import count
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape as escaped
from xml.sax.saxutils import unescape

from docxtpl import DocxTemplate
from jinja2 import Template as JinjaTemplate
from jinja2 import nodes
from jinja2.meta import find_undeclared_variables
from lxml import etree
from markupsafe import escape

from formgen.documents.extraction import Control, Extraction, Question
from formgen.documents.page_layout import EASY_SCALE, count_rows
from formgen.errors import Finding, Unreadable, UsageError
from formgen.formats.docx.carried import find_refused_parts
from formgen.formats.docx.controls import Slot
from formgen.formats.docx.package import (
    DOCUMENT_BYTES,
    MC,
    RELS,
    TEMPLATE_BYTES,
    TYPES,
    W14,
    Member,
    Package,
    deflate_member,
    pack_members,
    parse_untrusted_xml,
    w,
)
from formgen.formats.docx.shape import PLACE, PartTemplate, build_part_template, format_place_mark
from formgen.formats.docx.syntax import (
    BROKEN,
    ENVIRONMENT,
    TOO_LARGE,
    WORDS,
    build_error,
    build_finding,
    check_text,
    describe_part,
    finalize,
    find_refusals,
    parse_part,
    render_part,
)
from formgen.formats.docx.wording import EXPRESSION, LABEL
from formgen.i18n import N_, translate

PATH = re.compile(r"([a-z_]\w*)(?:\.(\w+)|\[\W(\w+)\W\])?(?:\.(\w+)|\[\W(\w+)\W\])?")
LOOP = re.compile(r"\{%\s*(?:for\s+(\w+)\s+in\s+(\w+)|(endfor))\s*%\}")
CORE_PART, CUSTOM = "docProps/core.xml", "docProps/custom.xml"
CUSTOM_TYPE = "application/vnd.openxmlformats-officedocument.custom-properties+xml"
CUSTOM_RELATION = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/custom-properties"
FMTID = "{D5CDD505-2E9C-101B-9397-08002B2CF9AE}"
PROPERTIES = "http://schemas.openxmlformats.org/officeDocument/2006/custom-properties"
VT = "http://schemas.openxmlformats.org/officeDocument/2006/docPropsVTypes"
CORE = "http://schemas.openxmlformats.org/package/2006/metadata/core-properties"
DC = "http://purl.org/dc/elements/1.1/"
DECLARATION = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'

Element = Any


@dataclass
class TemplateContents:
    """What a template turned out to hold: fields, words, and what is not allowed in it."""

    slots: list[Slot] = field(default_factory=list)
    words: set[str] = field(default_factory=set)
    refused: list[Finding] = field(default_factory=list)
    copied: int = 0


class Template:
    """One compiled template; raises `UsageError` when the file cannot be used as one."""

    def __init__(self, data: bytes, questions: tuple[Question, ...], language: str = "fi") -> None:
        """Compile the designer's file for the questions of its form in one language."""
        self.omitted = tuple(question for question in questions if question.omitted)
        self.questions = questions = tuple(question for question in questions if not question.omitted)
        self.language = language
        self.tables = {question.path: question for question in questions if question.columns}
        self.found = TemplateContents()
        self.worked_with: set[str] = set()
        try:
            self.package = Package(data)
            self.found.refused += find_refused_parts(self.package)
            self.parts = {self.package.main: self.compile_part(self.package.main)}
            self.in_body = frozenset(self.found.words)
            self.parts |= {
                name: self.compile_part(name) for name in self.iter_part_names() if name != self.package.main
            }
        except Unreadable as error:
            raise UsageError(BROKEN, detail=str(error)) from error
        self.asked = tuple(sorted(self.worked_with))

    def iter_part_names(self) -> Iterator[str]:
        """Yield the parts that hold expressions: body, headers, footers, prompts."""
        yield self.package.main
        for name, kind in self.package.types.items():
            if name in self.package.names and kind.endswith(("header+xml", "footer+xml", "document.glossary+xml")):
                yield name

    def compile_part(self, name: str) -> JinjaTemplate | None:
        """Return the part as a Jinja template in which the places of fields and words are marked.

        One that holds anything which is not allowed is not compiled: that is noted, see `check`.
        """
        part = describe_part(self.package.types[name])
        source = etree.tostring(self.package.parse_member(name, TEMPLATE_BYTES), encoding="unicode")
        check_text(source, part)
        root = parse_untrusted_xml(DocxTemplate(io.BytesIO()).patch_xml(source).encode())
        if self.omitted and name == self.package.main:
            remove_omitted_questions(root, self.questions, self.omitted, self.language)
        self.mark_fields(root, () if name == self.package.main else WORDS)
        source = build_jinja_source(root)
        tree = parse_part(source, part)
        if refused := list(find_refusals(tree, source, self.tables, part)):
            self.found.refused += refused
            return None
        mark_word_places(tree)
        self.worked_with |= find_undeclared_variables(tree) & set(WORDS)
        return ENVIRONMENT.from_string(tree)

    def mark_fields(self, root: Element, words: tuple[str, ...]) -> None:
        """Replace every run that holds a field's expression by marks for its slots.

        ``words`` are what a header or footer says, even where a field of the form has the name.
        """
        for control in [item for item in root.iter(w("sdt")) if EXPRESSION.search("".join(item.itertext()))]:
            unwrap_control(control)
        loop = ("", "")
        for event, item in list(etree.iterwalk(root, events=("start", "end"))):
            if event == "start":
                loop = find_current_loop(item.text, loop) if item.tag != w("t") else loop
                if item.tag == w("r") and EXPRESSION.search("".join(item.itertext(w("t")))):
                    self.replace_run(item, loop, words)
            else:
                loop = find_current_loop(item.tail, loop)

    def replace_run(self, run: Element, loop: tuple[str, str], said: tuple[str, ...]) -> None:
        """Put the pieces of a run in its place: text as it was, a mark for each field."""
        pieces = EXPRESSION.split("".join(run.itertext(w("t"))))
        slots = [self.find_slot(piece, loop, said) if number % 2 else None for number, piece in enumerate(pieces)]
        if not any(slots):
            return
        style = run.find(w("rPr"))
        properties = "" if style is None else serialise_properties(style)
        self.found.copied += len(properties) * len(pieces)
        if self.found.copied > DOCUMENT_BYTES:
            raise UsageError(TOO_LARGE)
        for number, (piece, slot) in enumerate(zip(pieces, slots, strict=True)):
            if slot:
                row = " {{ loop.index0 }}" if slot.table else ""
                run.addprevious(etree.ProcessingInstruction(PLACE, f"{len(self.found.slots)}{row}"))
                self.found.slots.append(replace(slot, language=self.language, style=properties))
            elif piece:
                copy = etree.Element(w("r"))
                if style is not None:
                    copy.append(deepcopy(style))
                words = etree.SubElement(copy, w("t"))
                words.text = f"{{{{ {piece} }}}}" if number % 2 else piece
                words.set("{http://www.w3.org/XML/1998/namespace}space", "preserve")
                run.addprevious(copy)
        remove_element(run)

    def find_slot(self, expression: str, loop: tuple[str, str], said: tuple[str, ...]) -> Slot | None:
        """Return the slot that an expression names; note it if it names a word."""
        match = PATH.fullmatch(expression)
        if not match:
            return None
        steps = split_path(match)
        variable, table = loop
        if steps[0] == variable and table in self.tables:
            slot = find_field_slot(self.tables[table].columns, steps[1:], table)
        else:
            slot = None if steps[0] in said else find_field_slot(self.questions, steps)
        if not slot and steps[0] in WORDS:
            self.found.words.add(expression)
        return slot

    def find_problems(self) -> Iterator[Finding]:
        """Find what is missing or broken, in plain words."""
        drawn = Counter((slot.table, slot.get_field_path()) for slot in self.found.slots)
        for question in self.questions:
            table = question.path if question.columns else ""
            for column in question.columns or (question,):
                for path in iter_control_paths(column):
                    if (table, path) not in drawn:
                        shown = f"{table}.{path}" if table else path
                        message = N_("Kohta puuttuu pohjasta: {label} ({path}).")
                        yield build_finding(message, shown, label=column.label, path=shown)
        for (table, path), times in drawn.items():
            if times > 1:
                shown = f"{table}.{path}" if table else path
                yield build_finding("Kohta on pohjassa {count} kertaa: {path}.", shown, count=str(times), path=shown)
        if "token" not in self.in_body:
            message = N_("Lomaketunnus puuttuu pohjan tekstistä. Lisää loppuun {example}.")
            yield build_finding(message, example="{{ token }}")
        yield from dict.fromkeys(self.found.refused) or self.find_rendering_problems()

    def find_rendering_problems(self) -> Iterator[Finding]:
        """Yield why no document can be drawn, with what asks about a word answered both ways."""
        for said in ("", "–"):
            try:
                self.render(Extraction({}), dict.fromkeys(WORDS, said))
            except UsageError as error:
                yield build_finding(error.message, **error.values)
                return

    def render(self, extraction: Extraction, words: Mapping[str, str]) -> bytes:
        """Return the document: the extraction's answers in their controls, identity in every carrier.

        ``words`` are what the document says besides its fields, see `WORDS`. Raise `UsageError` where the
        template holds anything that is not allowed.
        """
        if self.found.refused:
            raise build_error(self.found.refused[0])
        rows = tuple(count_rows(table, extraction) for table in self.tables.values())
        parts = build_members(self, rows, tuple(words.get(word, "") for word in self.asked))
        told = render_words(words)
        return pack_members(
            part if isinstance(part, Member) else deflate_member(part.name, part.render_part(extraction.answers, told))
            for part in parts
        )

    def iter_members(self, context: Mapping[str, Any]) -> Iterator[Member | PartTemplate]:
        """Yield every member of the documents of one shape, deflated where all have the same."""
        marks = count(1000)
        for name in self.package.names:
            if part := self.parts.get(name):
                shape = build_part_template(name, f"{DECLARATION}{render_part(part, context)}", self.found.slots, marks)
                yield shape if shape.is_variable else deflate_member(name, b"".join(shape.pieces))
            elif name == CORE_PART:
                yield build_part_template(
                    name, prepare_core_properties(self.package.read_member(name)).decode(), (), marks
                )
            elif name != CUSTOM and not name.endswith("/"):
                yield self.common_members[name]
        yield build_part_template(CUSTOM, build_custom_properties().decode(), (), marks)

    @cached_property
    def common_members(self) -> Mapping[str, Member]:
        """Return the members that every document has."""
        names = [name for name in self.package.names if name not in self.parts and not name.endswith("/")]
        return {name: deflate_member(name, self.localise_part(name, self.package.read_member(name))) for name in names}

    def localise_part(self, name: str, data: bytes) -> bytes:
        """Return a part as it is in the language of the document, with custom properties in the package."""
        if name in PART_EDITS:
            return PART_EDITS[name](data)
        data = data.replace(b'"fi-FI"', b'"sv-FI"') if self.language.startswith("sv") else data
        return enlarge_type(data) if name.endswith("/styles.xml") and self.language.endswith("_selko") else data


def enlarge_type(styles: bytes) -> bytes:
    """Return the styles with larger type and lines further apart, for documents in easy language."""

    def larger(match: re.Match[bytes]) -> bytes:
        return match[1] + str(round(int(match[2]) * EASY_SCALE)).encode()

    return re.sub(rb'(<w:sz(?:Cs)? w:val="|w:line=")(\d+)', larger, styles)


@lru_cache(maxsize=64)
def compile_template(file: Path, _changed: int, questions: tuple[Question, ...], language: str) -> Template:
    """Return the template of a file, compiled once as long as the file stays as it is."""
    return Template(file.read_bytes(), questions, language)


def load_template(file: Path, questions: tuple[Question, ...], language: str = "fi") -> Template:
    """Return the compiled template of a file for questions in the language."""
    return compile_template(file, file.stat().st_mtime_ns, questions, language)


def find_field_slot(questions: tuple[Question, ...], steps: list[str], table: str = "") -> Slot | None:
    """Return the slot of the longest path that the steps begin with; one step more is an option."""
    for question in questions:
        path = question.path.split(".")
        rest = steps[len(path) :]
        if steps[: len(path)] != path or question.columns:
            continue
        if not rest and question.control is not Control.TICKS:
            return Slot(question, table=table)
        option = next((choice for choice in question.choices if rest == [choice.code]), None)
        if option and question.control is Control.TICKS:
            return Slot(question, option, table)
    return None


def split_path(match: re.Match[str]) -> list[str]:
    """Return the steps of a path that an expression is."""
    return [step for step in match.groups() if step]


def iter_control_paths(question: Question) -> Iterator[str]:
    """Yield the path of every control of a question: one, or one for each box."""
    if question.control is Control.TICKS:
        yield from (f"{question.path}.{choice.code}" for choice in question.choices)
    else:
        yield question.path


def find_current_loop(text: str | None, loop: tuple[str, str]) -> tuple[str, str]:
    """Return loop variable and table that are in force after a piece of text."""
    for match in LOOP.finditer(text or ""):
        loop = ("", "") if match[3] else (match[1], match[2])
    return loop


def remove_omitted_questions(
    root: Element, asked: tuple[Question, ...], omitted: tuple[Question, ...], language: str
) -> None:
    """Take out of a template all that speaks of the omitted questions, and what is empty then.

    A paragraph speaks of them that holds their fields or says their words; words that another
    question says too go only from a row in which an omitted field stands.
    """
    tables = {question.path for question in omitted if question.columns}
    for grid in list(root.iter(w("tbl"))):
        if tables & {match[2] for match in LOOP.finditer("".join(grid.itertext()))}:
            grid.getparent().remove(grid)
    blocks = [(block, EXPRESSION.findall("".join(block.itertext(w("t"))))) for block in root.iter(w("p"))]
    fields = [block for block, names in blocks if any(is_field_expression(name, omitted) for name in names)]
    rows = dict.fromkeys(row for block in fields for row in block.iterancestors(w("tr")))
    dropped, kept = collect_question_texts(omitted), collect_question_texts(asked)
    for block, names in blocks:
        labels = {translate(match[2], language) for name in names if (match := LABEL.fullmatch(name))}
        about = bool(labels) and labels <= dropped
        if block in fields or (about and (not labels <= kept or any(row in rows for row in block.iterancestors()))):
            remove_paragraph(block)
    for row in rows:
        if not any(text.strip() for text in row.itertext(w("t"))):
            grid = row.getparent()
            grid.remove(row)
            if grid.find(w("tr")) is None:
                grid.getparent().remove(grid)


def is_field_expression(expression: str, questions: tuple[Question, ...]) -> bool:
    """Tell whether an expression is a field of the questions."""
    match = PATH.fullmatch(expression)
    return bool(match and find_field_slot(questions, split_path(match)))


def collect_question_texts(questions: tuple[Question, ...]) -> set[str]:
    """Return the words that questions say: labels, hints, titles of sections."""
    return {text for question in questions for text in (question.label, question.hint, question.section) if text}


def remove_paragraph(block: Element) -> None:
    """Take a paragraph away, or what is in it where its cell has no other."""
    parent = block.getparent()
    if parent.tag == w("tc") and len(parent.findall(w("p"))) == 1:
        for item in list(block):
            if item.tag != w("pPr"):
                block.remove(item)
        for ground in parent.findall(f"{w('tcPr')}/{w('shd')}"):
            ground.getparent().remove(ground)
    else:
        parent.remove(block)


def serialise_properties(style: Element) -> str:
    """Return run properties as XML without the namespaces that the document declares anyway."""
    return re.sub(r' xmlns:\w+="[^"]*"', "", etree.tostring(style, encoding="unicode", with_tail=False))


def remove_element(element: Element) -> None:
    """Take an element away, but not the text behind it."""
    before, parent = element.getprevious(), element.getparent()
    if element.tail and before is not None:
        before.tail = (before.tail or "") + element.tail
    elif element.tail:
        parent.text = (parent.text or "") + element.tail
    parent.remove(element)


def unwrap_control(control: Element) -> None:
    """Put what a control holds in its place."""
    content = control.find(w("sdtContent"))
    for child in list(content) if content is not None else []:
        control.addprevious(child)
    remove_element(control)


def build_jinja_source(root: Element) -> str:
    """Return the XML of a part as Jinja source: expressions without XML escapes, the identity as a bookmark.

    What is in each tag begins a line, by which it is found again when it is not allowed.
    """
    source = etree.tostring(root, encoding="unicode")
    head, _, rest = source.partition(">")
    for prefix, uri in (("w14", W14), ("mc", MC)):
        if f"xmlns:{prefix}=" not in head:
            head += f' xmlns:{prefix}="{uri}"'
    ignorable = re.search(r'mc:Ignorable="([^"]*)"', head)
    if not ignorable:
        head += ' mc:Ignorable="w14"'
    elif "w14" not in ignorable[1].split():
        head = head.replace(ignorable[0], f'mc:Ignorable="{ignorable[1]} w14"'.replace('" ', '"'))
    source = re.sub(
        r"(\{[{%][-+]?)(.*?[}%]\})",
        lambda match: f"{match[1]}\n{unescape(match[2])}",
        f"{head}>{rest}",
        flags=re.DOTALL,
    )
    mark = f'<w:bookmarkStart w:id="999" w:name="{format_place_mark("bookmark")}"/><w:bookmarkEnd w:id="999"/>'
    return source.replace("<w:body>", f"<w:body>{mark}", 1)


def mark_word_places(tree: nodes.Template) -> None:
    """Put a mark where a word is printed as it is; one that the template works with is left, see `shapes`."""
    for output in tree.find_all(nodes.Output):
        output.nodes = [
            nodes.TemplateData(format_place_mark(node.name)) if isinstance(node, nodes.Name) else node
            for node in output.nodes
        ]


@lru_cache(maxsize=64)  # one takes as much as its document.xml: 0.1 to 1.1 MB
def build_members(
    template: Template, rows: tuple[int, ...], asked: tuple[str, ...]
) -> tuple[Member | PartTemplate, ...]:
    """Return the members of a template's documents with so many rows in each table.

    ``asked`` are the values of the words that the template does more with than to print them.
    """
    tables = {path: range(number) for path, number in zip(template.tables, rows, strict=True)}
    words = dict(zip(template.asked, asked, strict=True))
    return tuple(template.iter_members({**words, **tables, "_": lambda text: translate(text, template.language)}))


def render_words(words: Mapping[str, str]) -> dict[str, bytes]:
    """Render the words of a document for their places: in a run, in a property, and in the name of the bookmark."""
    values = {word: words.get(word, "") for word in WORDS}
    return {
        **{word: escape(finalize(value)).encode() for word, value in values.items()},
        **{f"property:{word}": escaped(value, {"\r": "&#13;"}).encode() for word, value in values.items()},
        "property:case_id": escaped(values["case_id"].strip("–")).encode(),
        "bookmark": f"form_{values['instance'].replace('-', '')}".encode(),
    }


# --- identity and titles in the package -------------------------------------------------------


def add_custom_type(data: bytes) -> bytes:
    """Return the content types with the custom properties among them."""
    root = parse_untrusted_xml(data)
    if not any(item.get("PartName") == f"/{CUSTOM}" for item in root):
        etree.SubElement(root, f"{{{TYPES}}}Override", PartName=f"/{CUSTOM}", ContentType=CUSTOM_TYPE)
    return serialise_part(root)


def add_custom_relation(data: bytes) -> bytes:
    """Return the package's relations with the custom properties among them."""
    root = parse_untrusted_xml(data)
    if not any(item.get("Type") == CUSTOM_RELATION for item in root):
        etree.SubElement(root, f"{{{RELS}}}Relationship", Id="rIdFormgen", Type=CUSTOM_RELATION, Target=CUSTOM)
    return serialise_part(root)


def prepare_core_properties(data: bytes) -> bytes:
    """Return the core properties with places for title, language, and the token as keywords and identifier."""
    root = parse_untrusted_xml(data)
    for namespace, name, word in (
        (DC, "title", "form_title"),
        (DC, "language", "locale"),
        (DC, "identifier", "token"),
        (DC, "subject", "form_number"),
        (DC, "creator", "organiser"),
        (CORE, "keywords", "token"),
    ):
        element = root.find(f"{{{namespace}}}{name}")
        if element is None:
            element = etree.SubElement(root, f"{{{namespace}}}{name}")
        element.text = None
        element.insert(0, etree.ProcessingInstruction(PLACE, f"property:{word}"))
    return serialise_part(root)


def build_custom_properties() -> bytes:
    """Return the custom properties with places for the identity."""
    root = etree.Element(f"{{{PROPERTIES}}}Properties", nsmap={None: PROPERTIES, "vt": VT})  # type: ignore[dict-item]
    for number, name in enumerate(("token", "case_id", "language"), start=2):
        item = etree.SubElement(root, f"{{{PROPERTIES}}}property", fmtid=FMTID, pid=str(number), name=f"formgen_{name}")
        etree.SubElement(item, f"{{{VT}}}lpwstr").append(etree.ProcessingInstruction(PLACE, f"property:{name}"))
    return serialise_part(root)


def serialise_part(root: Element) -> bytes:
    """Return a part as bytes."""
    data: bytes = etree.tostring(root, encoding="UTF-8", xml_declaration=True, standalone=True)
    return data


PART_EDITS: dict[str, Callable[[bytes], bytes]] = {
    "[Content_Types].xml": add_custom_type,
    "_rels/.rels": add_custom_relation,
}
