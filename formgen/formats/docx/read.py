"""Back from a DOCX: the identity of a field from any carrier, its value from the container.

A field is found by tag, id, visible code, label or bookmark, whichever the programs on
the way have left; its value is the text of the whole cell, since people type beside controls
and programs drop them. Where these disagree, the answer says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain, islice, pairwise, zip_longest

from formgen import i18n
from formgen.documents.extraction import (
    BOOKMARK_HEAD_LENGTH,
    TOKEN,
    Answer,
    Choice,
    Control,
    Extraction,
    FormSpec,
    Question,
    build_cell_question,
    compute_field_id,
    find_form_spec,
    find_tokens,
    format_bookmark_name,
)
from formgen.documents.producers import identify_producer
from formgen.errors import Reason, Unreadable
from formgen.formats._refusals import NOT_WORD
from formgen.formats.docx.controls import CHECKED, PROMPTS, UNCHECKED, format_tag
from formgen.formats.docx.flow import Body, Cell, Table
from formgen.formats.docx.package import DOCUMENT_BYTES, Package, w
from formgen.i18n import clean_text, normalise_text

CODE = re.compile(r"\[(F\d{1,3})\]")
BOX = re.compile(rf"{CHECKED}|{UNCHECKED}|☑|✓|✔|[✗✘☓]|\[[ xX]?\]|\([ xX]\)|(?<!\w)[xX](?=\s)")
TICKED = re.compile(rf"[{CHECKED}☑✓✔✗✘☓xX]")
INSTANCE = re.compile(r"form_([0-9a-f]{32})")
ROW = re.compile(r"_(?=\d+_)")
ROWS = 2_000
STRAYS = 1_000


def read(data: bytes, form_specs: Mapping[tuple[str, str], FormSpec]) -> Extraction:
    """Read a Word document; raise `Unreadable`.

    ``form_specs`` holds the questions and printed lines of each form and version.
    """
    package = Package(data)
    root = package.parse_member(package.main, DOCUMENT_BYTES)
    body = root.find(w("body"))
    if body is None:
        raise Unreadable(Reason.NOT_A_FORM, NOT_WORD)
    flow = Body().walk_blocks(body)
    if flow.has_unseen_text(body):
        flow.marks.add("warned")
    tokens = find_tokens_by_carrier(package, flow)
    said = read_claims(package)
    form_spec = find_form_spec(tokens, form_specs)
    if form_spec is None:
        return Extraction({}, tokens, said, "docx", find_facts(package, flow), producer=read_producer(package, flow))
    finder = Finder(build_index(form_spec.questions))
    finder.read_items(flow)
    known = form_spec.printed_lines | finder.index.labels
    return Extraction(
        finder.answers,
        tokens,
        said,
        "docx",
        find_facts(package, flow),
        tuple(islice(find_strays(finder, known, said.get("case_id", "")), STRAYS)),
        producer=read_producer(package, flow),
    )


# --- identity ---------------------------------------------------------------------------------


def find_tokens_by_carrier(package: Package, flow: Body) -> dict[str, tuple[str, ...]]:
    """Return the tokens in each carrier: properties, keywords, body, footers, and the bookmark's instance."""
    found = {"body": find_tokens(" ".join(box.text for box in iter_cells(flow)))}
    for name, carrier in (("docProps/custom.xml", "custom"), ("docProps/core.xml", "core")):
        if name in package.names:
            found[carrier] = find_tokens(" ".join(package.parse_member(name, 1_000_000).itertext()))
    footers = [
        Body().walk_blocks(package.parse_member(part, 1_000_000))
        for part, kind in package.types.items()
        if kind.endswith(("footer+xml", "header+xml")) and part in package.names
    ]
    found["footer"] = find_tokens(" ".join(box.text for footer in footers for box in iter_cells(footer)))
    names = [match[1] for box in iter_cells(flow) for name in box.bookmarks if (match := INSTANCE.fullmatch(name))]
    found["bookmark"] = tuple(dict.fromkeys(names))
    return {carrier: tokens for carrier, tokens in found.items() if tokens}


def read_claims(package: Package) -> dict[str, str]:
    """Read the case and the language from the custom properties."""
    if "docProps/custom.xml" not in package.names:
        return {}
    return {
        name.removeprefix("formgen_"): "".join(item.itertext()).strip()
        for item in package.parse_member("docProps/custom.xml", 1_000_000)
        if (name := item.get("name", "")) in ("formgen_case_id", "formgen_language")
    }


def find_facts(package: Package, flow: Body) -> tuple[str, ...]:
    """Find what a policy may refuse: macros, embedded objects, foreign chunks, links to outside."""
    found = set(flow.marks)
    if any("vbaProject" in name for name in package.names) or "macroEnabled" in package.types.get(package.main, ""):
        found.add("macros")
    if any("/embeddings/" in name or "/activeX/" in name for name in package.names):
        found.add("embedded")
    for kind, outside in package.iter_relations():
        if kind == "aFChunk":
            found.add("altChunk")
        elif outside and kind != "hyperlink":
            found.add(f"external:{kind}"[:40])
    return tuple(sorted(found))


def read_producer(package: Package, flow: Body) -> str:
    """Return the program that has saved the document, as far as its properties, tags or styles tell.

    What we send out says Word of itself, and so may whatever has kept that part as it was.
    """
    said = [held.tag for box in iter_cells(flow) for held in box.controls if held.tag.startswith("goog_")]
    if "docProps/app.xml" in package.names:
        properties = package.parse_member("docProps/app.xml", 1_000_000)
        said += [item.text or "" for item in properties if str(item.tag).endswith("}Application")]
    if "word/styles.xml" in package.names and b'w:styleId="FirstParagraph"' in package.read_member("word/styles.xml"):
        said.append("pandoc")
    return identify_producer(re.sub("microsoft.*word", "", " ".join(said), flags=re.IGNORECASE))


def iter_cells(flow: Body) -> Iterator[Cell]:
    """Yield every paragraph and cell."""
    for item in flow.items:
        if isinstance(item, Table):
            yield from (cell for row in item.rows for cell in row)
        else:
            yield item


# --- fields -----------------------------------------------------------------------------------


@dataclass
class Finder:
    """Finds the questions of one form in a flow and takes their answers."""

    index: Index
    answers: dict[str, Answer] = field(default_factory=dict)
    unclaimed: list[Cell] = field(default_factory=list)
    headings: list[str] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)

    def read_items(self, flow: Body) -> None:
        """Walk the flow: the lines above a table, heading and hints, may name it; tables hold the fields."""
        for item in flow.items:
            if isinstance(item, Cell):
                self.headings.append(item.text)
                self.unclaimed.append(item)
            else:
                self.read_table(item)
                self.headings = []

    def read_table(self, grid: Table) -> None:
        """Take the answers of one table: rows of a repeating one, or label and answer pairs."""
        table = self.identify_table(grid)
        if table is None:
            self.read_pairs(grid)
            return
        self.seen.add(table.path)
        header = next((row for row in grid.rows[:2] if is_header_row(row, table)), None)
        if header is not None:
            self.read_grid_rows(grid, table, header)
        else:
            self.read_cards(grid, table)

    def collect_heading_lines(self) -> set[str]:
        """Return the lines above the table at hand, as they are compared."""
        return {normalise_text(CODE.sub("", line)) for line in self.headings}

    def identify_table(self, grid: Table) -> Question | None:
        """Return the repeating table that a grid is, told by tags, heading or column labels."""
        tagged = re.findall(
            r"fg:(\w+)\.\d+\.", " ".join(held.tag for row in grid.rows for cell in row for held in cell.controls)
        )
        labels = {
            extract_first_line(cell.text)
            for row in grid.rows[:20]
            for cell in row
            if not (cell.controls or CODE.search(cell.text))
        }
        marked = collect_bookmark_prefixes(name for row in grid.rows for cell in row for name in cell.bookmarks)
        codes = {code for line in self.headings for code in CODE.findall(line)}
        named = self.collect_heading_lines()
        scores: dict[str, float] = {}
        for table, names in self.index.tables.values():
            if table.path in self.seen:
                continue
            score = 3.0 * (tagged.count(table.path) > 0) + 2.0 * (format_bookmark_prefix(table.path) in marked)
            score += 2.0 * (table.number in codes) + 1.5 * bool(named & normalise_translations(table.label))
            hits = len({column.path for label in labels if (column := names.titles.get(label))})
            score += 2.0 * (hits >= max(2, len(table.columns) - 1)) + 0.1 * (hits >= 2)
            scores[table.path] = score
        best = max(scores, key=lambda path: scores[path], default=None)
        if best is None or scores[best] < 2.0:
            return None
        return self.index.tables[best][0]

    def read_grid_rows(self, grid: Table, table: Question, header: list[Cell]) -> None:
        """Take the rows below the header by position; tags only tell when a row has lost cells."""
        columns = match_columns(header, table)
        repeated = [normalise_text(cell.text) for cell in header]
        index = 0
        for row in grid.rows[grid.rows.index(header) + 1 : ROWS]:
            if [normalise_text(cell.text) for cell in row] == repeated:
                continue
            cells = {column.path: cell for column, cell in zip(columns, row, strict=False) if column}
            shifted = len(row) != len(header)
            if shifted:
                cells = self.find_cells_by_tag(row, table) or cells
            for column in table.columns:
                cell = cells.get(column.path)
                if cell is not None:
                    self.take_answer(
                        build_cell_question(table, index, column),
                        cell,
                        "content_control" if cell.controls else "position",
                        ("misplaced",)
                        if shifted or "merged" in cell.marks or has_mixed_rows(table, cells.values())
                        else (),
                    )
            index += 1

    def find_cells_by_tag(self, row: list[Cell], table: Question) -> dict[str, Cell]:
        """Return the cells of a row by the tags in them."""
        found: dict[str, Cell] = {}
        for cell in row:
            for held in cell.controls:
                match = re.match(rf"fg:{table.path}\.\d+\.(\w+)", held.tag)
                if match:
                    found.setdefault(match[1], cell)
        return found

    def read_cards(self, grid: Table, table: Question) -> None:
        """Take cards: a column that comes again begins the next one."""
        _, names = self.index.tables[table.path]
        found: list[dict[str, tuple[Question, Cell, str]]] = []
        for row in grid.rows[: ROWS * 10]:
            for column, cell, layer in iter_pairs(row, names):
                if not found or column.path in found[-1]:
                    found.append({})
                found[-1][column.path] = column, cell, layer
        for index, card in enumerate(found):
            doubts = ("misplaced",) if has_mixed_rows(table, (cell for _, cell, _ in card.values())) else ()
            for column, cell, layer in card.values():
                self.take_answer(build_cell_question(table, index, column), cell, layer, doubts)

    def read_pairs(self, grid: Table) -> None:
        """Take a table of label and answer pairs."""
        for row in grid.rows:
            claimed_boxes = set()
            for question, cell, layer in iter_pairs(row, self.index.scalars, self.collect_heading_lines()):
                claimed_boxes |= {id(cell)}
                self.take_answer(question, cell, layer)
            self.unclaimed += [cell for cell in row if id(cell) not in claimed_boxes]

    def take_answer(self, question: Question, cell: Cell, layer: str, doubts: tuple[str, ...] = ()) -> None:
        """Take the answer that stands in a cell; the first place of a field wins."""
        reading = read_ticks(question, cell) if question.control is Control.TICKS else read_written_text(question, cell)
        doubts = (*doubts, *reading.doubts)
        if question.path in self.answers:
            first = self.answers[question.path]
            if reading.text.strip() and reading.text != first.text:
                self.answers[question.path] = Answer(
                    first.text, first.layer, 0.5, first.where, (*first.doubts, "duplicate")
                )
            return
        confidence = 0.5 if doubts else 1.0
        self.answers[question.path] = Answer(reading.text, layer, confidence, question.number, doubts)


@dataclass
class Names:
    """The questions of a form or table by everything that may name them."""

    tags: dict[str, Question]
    titles: dict[str, Question | None]
    codes: dict[str, Question]
    marks: dict[str, Question]

    @classmethod
    def from_questions(cls, questions: list[Question]) -> Names:
        """Index the questions; a label that several share names none of them."""
        titles: dict[str, Question | None] = {}
        tags: dict[str, Question] = {}
        marks: dict[str, Question] = {}
        for question in questions:
            for said in normalise_translations(question.label):
                titles[said] = None if said in titles else question
            for path in (question.path, *(f"{question.path}.{choice.code}" for choice in question.choices)):
                tags[format_tag(path)] = question
                tags[str(compute_field_id(path))] = question
                marks[format_bookmark_name(path)] = question
        return cls(tags, titles, {question.number: question for question in questions if question.number}, marks)

    def find_by_label(self, text: str, above: Iterable[str] = ()) -> Question | None:
        """Return the question whose label a cell is, by its visible code or its first line.

        ``above`` are the lines above the table, as compared: a part of a signature stands under its name.
        """
        code = CODE.search(text)
        if code and code[1] in self.codes:
            return self.codes[code[1]]
        said = extract_first_line(text)
        parts = (self.titles.get(f"{line}: {said}") for line in above)
        return next((part for part in parts if part), None) or self.titles.get(said)

    def find_by_carrier(self, cell: Cell) -> tuple[Question, str] | None:
        """Return the question that the controls or bookmarks in a cell name, and by what."""
        for held in cell.controls:
            for name, layer in ((held.tag, "content_control"), (held.number, "control_id")):
                short = re.sub(r"^fg:\w+\.\d+\.", "fg:", name)
                if question := self.tags.get(name) or self.tags.get(short):
                    return question, layer
        for name in cell.bookmarks:
            if question := self.marks.get(name) or self.marks.get(re.sub(r"^f_\w+?_\d+_", "f_", name)):
                return question, "bookmark"
        return None


@dataclass(frozen=True)
class Index:
    """The questions of one form by everything that may name them, each table beside its columns' names."""

    scalars: Names
    tables: dict[str, tuple[Question, Names]]
    labels: frozenset[str]


@lru_cache(maxsize=64)
def build_index(questions: tuple[Question, ...]) -> Index:
    """Return the index of a form's questions."""
    return Index(
        Names.from_questions([question for question in questions if not question.columns]),
        {table.path: (table, Names.from_questions(list(table.columns))) for table in questions if table.columns},
        frozenset(
            said
            for question in questions
            for asked in (question, *question.columns)
            for text in (asked.label, asked.hint, asked.section, *(choice.label for choice in asked.choices))
            for said in normalise_translations(text)
            if said
        ),
    )


def prepare_reader(form_specs: Iterable[FormSpec]) -> None:
    """Index what there is to find, so that a child that is forked for one file need not."""
    for form_spec in form_specs:
        build_index(form_spec.questions)


def extract_first_line(text: str) -> str:
    """Return the first line of a cell without its code, as labels are compared."""
    return normalise_text(CODE.sub("", text.partition("\n")[0]))


@lru_cache(maxsize=4096)
def normalise_translations(text: str) -> frozenset[str]:
    """Return a Finnish text as it is compared, in every language that a document may be in."""
    return frozenset(normalise_text(said) for said in i18n.list_translations(text))


def iter_pairs(row: list[Cell], names: Names, above: Iterable[str] = ()) -> Iterator[tuple[Question, Cell, str]]:
    """Yield question, answer cell and layer for each label and answer pair of a row."""
    taken: set[int] = set()
    for label, cell in pairwise([Cell(), *row]):
        named = names.find_by_label(label.text, above) if id(label) not in taken else None
        held = names.find_by_carrier(cell)
        if held is None and (
            named is None or (names.find_by_label(cell.text, above) is not None and not cell.controls)
        ):
            continue
        taken.add(id(cell))
        if held is None:
            assert named, "one of the two names the question"
            yield named, cell, "code" if CODE.search(label.text) else "label"
            continue
        question, layer = held
        if named and named is not question:
            cell.marks.add("carriers_disagree")
        yield named or question, cell, layer


def format_bookmark_prefix(table: str) -> str:
    """Build the beginning of the bookmarks in the rows of a table; a long name is cut (`bookmark`)."""
    return f"f_{table}_"[:BOOKMARK_HEAD_LENGTH]


def collect_bookmark_prefixes(names: Iterable[str]) -> set[str]:
    """Collect the beginnings of bookmarks that may be those of fields in rows.

    >>> format_bookmark_prefix("benefits") in collect_bookmark_prefixes(["f_benefits_0_payer"])
    True
    >>> format_bookmark_prefix("benefits") in collect_bookmark_prefixes(["f_benefits_note"])
    False
    """
    starts = ((name[:BOOKMARK_HEAD_LENGTH], *(name[: row.start() + 1] for row in ROW.finditer(name))) for name in names)
    return set(chain.from_iterable(starts))


def has_mixed_rows(table: Question, cells: Iterable[Cell]) -> bool:
    """Tell whether the cells of one row of a table were made for different rows, by the first control in each."""
    made = re.compile(rf"fg:{table.path}\.(\d+)\.")
    first = (next((match[1] for held in cell.controls if (match := made.match(held.tag))), None) for cell in cells)
    return len({row for row in first if row}) > 1


def is_header_row(row: list[Cell], table: Question) -> bool:
    """Tell whether a row holds the column labels of a table."""
    hits = sum(1 for column in match_columns(row, table) if column)
    count = len(table.columns)
    return hits >= max(min(2, count), count - 1, len(row) - 1)


def match_columns(header: list[Cell], table: Question) -> list[Question | None]:
    """Return the column that stands at each place of a header row."""
    titles = index_columns_by_title(table.columns)
    return [None if cell.controls else titles.get(normalise_text(cell.text.split("\n")[0])) for cell in header]


@lru_cache(maxsize=1024)
def index_columns_by_title(columns: tuple[Question, ...]) -> Mapping[str, Question]:
    """Return the columns of a table by their labels in every language, as compared."""
    return {said: column for column in columns for said in normalise_translations(column.label)}


# --- values -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class CellReading:
    """A text and what is doubtful about it."""

    text: str
    doubts: tuple[str, ...] = ()


DOUBTFUL = ("tracked_change", "hidden_text", "struck_out", "unread", "glyph_state", "carriers_disagree")
# What Word shows in an emptied field whose own prompt some program has dropped.
WORD_PROMPTS = (
    "Kirjoita tekstiä napsauttamalla tai napauttamalla tätä.",
    "Kirjoita tekstiä napsauttamalla tätä.",
    "Kirjoita päivämäärä napsauttamalla tai napauttamalla tätä.",
    "Valitse kohde.",
    "Klicka eller tryck här för att ange text.",
    "Klicka här för att ange text.",
    "Klicka eller tryck här för att ange datum.",
    "Välj ett objekt.",
    "Click or tap here to enter text.",
    "Click here to enter text.",
    "Click or tap to enter a date.",
    "Choose an item.",
)
SHOWN = {
    control: (*i18n.list_translations(PROMPTS.get(control, PROMPTS[Control.LINE])), *WORD_PROMPTS)
    for control in Control
}
PLACEHOLDERS = {control: (prompts, frozenset(map(normalise_text, prompts))) for control, prompts in SHOWN.items()}


def read_written_text(question: Question, cell: Cell) -> CellReading:
    """Return the text of a cell that holds one field, prompts taken off."""
    doubts = [mark for mark in DOUBTFUL if mark in cell.marks]
    ours = [held for held in cell.controls if held.checked is None and held.tag.startswith("fg:")]
    text, left = strip_prompt(cell.text, question)
    if left:
        doubts.append("placeholder_left")
    outside, place = "", 0
    for held in sorted(ours, key=lambda held: held.start):
        outside += cell.text[place : held.start]
        place = max(place, held.end)
    outside += cell.text[place:]
    if (ours and text and strip_prompt(outside, question)[0]) or {"text_box", "nested"} & cell.marks:
        doubts.append("text_outside")
    if len(ours) > 1:
        doubts.append("duplicate")
    return CellReading(text, tuple(doubts))


def strip_prompt(text: str, question: Question) -> tuple[str, bool]:
    """Return a text without the prompt before or after what was written, and whether there was such a one."""
    text = clean_text(text)
    prompts, said = PLACEHOLDERS[question.control]
    if not text or normalise_text(text) in said:
        return "", False
    if text.startswith(prompts) or text.endswith(prompts):
        for prompt in prompts:
            rest = text.removeprefix(prompt).removesuffix(prompt).strip()
            if rest != text:
                return rest, True
    return text, False


@lru_cache(maxsize=1024)
def index_codes_by_label(choices: tuple[Choice, ...]) -> Mapping[str, str]:
    """Return the codes of options by their labels in every language, as compared."""
    return {said: choice.code for choice in choices for said in normalise_translations(choice.label)}


def read_ticks(question: Question, cell: Cell) -> CellReading:
    """Return the codes of the ticked boxes of a cell, or what is written there instead."""
    doubts = [mark for mark in DOUBTFUL if mark in cell.marks]
    labels = index_codes_by_label(question.choices)
    by_place = {
        held.start: held.tag.rpartition(".")[2]
        for held in cell.controls
        if held.checked is not None and held.tag.startswith("fg:")
    }
    found: dict[str, bool] = {}
    matches = list(BOX.finditer(cell.text))
    rest = cell.text[: matches[0].start()] if matches else cell.text
    for match, following in zip_longest(matches, matches[1:]):
        label = cell.text[match.end() : following.start() if following else len(cell.text)]
        code = labels.get(normalise_text(label))
        if code is None:
            near = next(
                (name for name in sorted(labels, key=len, reverse=True) if normalise_text(label).startswith(name)), None
            )
            tagged = by_place.get(match.start())
            code = (
                labels[near]
                if near is not None
                else next((option for option in labels.values() if option == tagged), None)
            )
            rest += normalise_text(label)[len(near or "") :]
        if code is None:
            continue
        ticked = bool(TICKED.search(match[0]))
        if found.setdefault(code, ticked) != ticked:
            found[code] = True
            doubts.append("glyph_state")
    if not found:
        return CellReading(clean_text(cell.text), tuple(doubts))
    if rest.strip(" \n\t.,;:-"):
        doubts.append("text_outside")
    chosen = [choice.code for choice in question.choices if found.get(choice.code)]
    return CellReading(" ".join(chosen), tuple(doubts))


# --- what else stands there -------------------------------------------------------------------


def find_strays(finder: Finder, known: frozenset[str], case_id: str) -> Iterator[str]:
    """Yield the lines outside the fields that no template has printed; the case is printed on each."""
    for box in finder.unclaimed:
        for line in box.text.split("\n"):
            said = normalise_text(CODE.sub("", TOKEN.sub("", line.replace(case_id, "") if case_id else line)))
            if said and said not in known and not re.fullmatch(r"[\W\d_]*", said):
                yield line.strip()[:200]
