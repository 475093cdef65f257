"""Back from a PDF: the names of the fields come from the questions, their values from two readers.

A value that only one of them finds, or each in its own way, is in doubt. What the file holds
besides is named, never run.
"""

from __future__ import annotations

import importlib
import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import islice

from formgen.documents.extraction import (
    Answer,
    Choice,
    Control,
    DigitalSignature,
    Extraction,
    FormSpec,
    Question,
    find_form_spec,
    find_tokens,
    iter_questions,
)
from formgen.documents.producers import identify_producer
from formgen.formats.pdf import fields as names
from formgen.formats.pdf.by_pdfium import read_fields_with_pdfium
from formgen.formats.pdf.document import Document
from formgen.formats.pdf.tree import SIGNED, FieldContent, Fields, PikepdfLibrary, collect_fields
from formgen.i18n import clean_text

ROWS = 200
STRAYS = 100
CLAIMS = {"case_id": names.CASE, "language": names.LANGUAGE}
UNSET = {"", names.OFF}


def read(data: bytes, form_specs: Mapping[tuple[str, str], FormSpec]) -> Extraction:
    """Read a PDF; raise `Unreadable`."""
    document = Document(data)
    found = collect_fields(PikepdfLibrary(document.form))
    signatures: tuple[DigitalSignature, ...] = ()
    if any(held.kind == "Sig" and held.value == SIGNED for each in found.values() for held in each):
        roots = {root for form_spec in form_specs.values() for root in form_spec.roots}
        signatures, data = importlib.import_module(f"{__package__}.signatures").verify_signatures(data, roots)
        document = Document(data)
        found = collect_fields(PikepdfLibrary(document.form))
    tokens = find_tokens_by_carrier(document, found)
    form_spec = find_form_spec(tokens, form_specs)
    document.refuse_strange_titles()
    answers = dict(iter_answers(form_spec.questions, found, read_with_second_reader(data))) if form_spec else {}
    facts, strays = find_facts_and_strays(document, found, form_spec.questions if form_spec else (), bool(answers))
    writer = identify_producer(" ".join(document.info.get(name, "") for name in ("Producer", "Creator")))
    extraction = Extraction(
        answers, tokens, read_claims(document, found), "pdf", facts, strays, signatures, producer=writer
    )
    if answers:
        return extraction
    document.refuse_large_pictures()
    return add_page_readings(data, extraction, form_spec)


def prepare_reader(form_specs: Iterable[FormSpec]) -> None:
    """Name the fields that there are to find, so that a child that is forked for one file need not."""
    for form_spec in form_specs:
        deque(names.iter_fields(form_spec.questions), maxlen=0)


def read_with_second_reader(data: bytes) -> Fields | None:
    """Return the fields as a reader of another make finds them, or None where there is none that can."""
    found = read_fields_with_pdfium(data)
    if found is not None:
        return found
    seen: Fields | None = importlib.import_module(f"{__package__}.by_pypdf").read_fields_with_pypdf(data)
    return seen


def find_facts_and_strays(
    document: Document, found: Fields, questions: tuple[Question, ...], whole: bool
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Find what a policy may refuse, and texts outside the fields; ``whole`` when the fields are there."""
    facts = document.find_facts()
    expected = {name for name, _, _ in names.iter_fields(questions)}
    ours = {
        name
        for name in found
        if name in expected or names.is_system_field(name) or names.find_question(name, questions)
    }
    unknown = [name for name in found if name not in ours]
    others = [held for name in unknown for held in found[name] if held.kind != "Sig"]
    if whole:
        lacking = sorted({name.partition(".")[0] for name in expected - found.keys()})
        facts |= {f"missing_fields:{' '.join(lacking)}"} if lacking else set()
        facts |= {"unknown_fields"} if others else set()
        bare = document.find_pages_without_fields()
        facts |= {f"foreign_pages:{','.join(map(str, bare))}"} if bare else set()
    written = (held.value[:200] for held in others if held.value not in UNSET)
    strays = tuple(islice((*document.find_strays(), *written), STRAYS))
    facts |= {"warned"} if document.has_warnings else set()
    return tuple(sorted(facts)), strays


def add_page_readings(data: bytes, extraction: Extraction, form_spec: FormSpec | None) -> Extraction:
    """Return the extraction of a document that has lost its fields, with what its pages show."""
    pages = importlib.import_module(f"{__package__}.flat").read_flattened_pages(data, form_spec)
    return replace(
        extraction,
        answers=pages.answers,
        tokens={**extraction.tokens, "qr": pages.marks} if pages.marks else extraction.tokens,
        facts=tuple(sorted({*extraction.facts, *pages.facts})),
        pictures=pages.pictures,
    )


def find_tokens_by_carrier(document: Document, found: Fields) -> dict[str, tuple[str, ...]]:
    """Return the tokens in each carrier: hidden field, metadata, information, embedded file."""
    tokens: dict[str, tuple[str, ...]] = {}
    hidden = [("field", held.value) for held in found.get(names.TOKEN, ())]
    for carrier, text in (*hidden, *document.iter_texts()):
        if here := find_tokens(text):
            tokens[carrier] = tuple(dict.fromkeys((*tokens.get(carrier, ()), *here)))
    return tokens


def read_claims(document: Document, found: Fields) -> dict[str, str]:
    """Read the case and the language from the document's fields or else its information."""
    said = {claim: document.info.get(name, "") for claim, name in CLAIMS.items()}
    said |= {claim: found[name][0].value for claim, name in CLAIMS.items() if name in found}
    return {claim: text for claim, value in said.items() if (text := value.strip("– "))}


# --- answers ----------------------------------------------------------------------------------


def iter_answers(questions: Iterable[Question], found: Fields, second: Fields | None) -> Iterator[tuple[str, Answer]]:
    """Yield path and answer of every question that has at least one of its fields in the file."""
    for asked in questions:
        for question in iter_questions([asked], count_expected_rows(asked, found)):
            boxes = list(names.iter_field_names(question))
            held = {name: found[name] for name, _ in boxes if name in found}
            if held:
                text, doubts = read_answer_text(question, boxes, held)
                doubts += find_doubts(held, second) + (("incomplete",) if len(held) < len(boxes) else ())
                yield question.path, Answer(text, "acroform", 0.5 if doubts else 1.0, question.number, doubts)


def count_expected_rows(table: Question, found: Fields) -> int:
    """Count the rows of a table to look for: those it prints, or more when the file has them."""
    if not table.columns:
        return 0
    row = re.compile(rf"{re.escape(table.path)}\.(\d{{1,3}})\.")
    there = [int(match[1]) + 1 for name in found if (match := row.match(name))]
    return min(max(table.rows, *there, 0), ROWS) if there else table.rows


def find_doubts(held: Mapping[str, tuple[FieldContent, ...]], second: Fields | None) -> tuple[str, ...]:
    """Find the doubts about fields whatever they hold: two have one name, the readers differ."""
    doubts = ("duplicate",) if any(len({one.value for one in each}) > 1 for each in held.values()) else ()
    if second is None:
        return (*doubts, "one_reader")
    agreed = all(has_same_content(each, second.get(name, ())) for name, each in held.items())
    return doubts if agreed else (*doubts, "readers_disagree")


def has_same_content(first: tuple[FieldContent, ...], second: tuple[FieldContent, ...]) -> bool:
    """Tell whether two readers found the same under one name, each thing once or more often."""
    return first == second or merge_duplicates(first) == merge_duplicates(second)


def merge_duplicates(each: tuple[FieldContent, ...]) -> Mapping[tuple[str, str], frozenset[str]]:
    """Merge the contents of fields of one name, each once with the states that it is shown in."""
    shown: dict[tuple[str, str], frozenset[str]] = {}
    for held in each:
        known = (held.kind, held.value)
        shown[known] = shown.get(known, frozenset()) | held.shown
    return shown


def read_answer_text(
    question: Question, boxes: Iterable[tuple[str, Choice | None]], held: Mapping[str, tuple[FieldContent, ...]]
) -> tuple[str, tuple[str, ...]]:
    """Return the text of a question's fields and what is doubtful of it."""
    first = {name: each[0] for name, each in held.items()}
    button = question.control is Control.TICKS
    doubts = ("unread",) if any((one.kind == "Btn") != button for one in first.values()) else ()
    if not button:
        (one,) = first.values()
        if one.value == SIGNED:  # a dictionary or a name in the place of a text
            return "", (*doubts, "unread")
        return names.find_choice_code(question, clean_text(one.value)), doubts
    ticked = [option.code for name, option in boxes if option and name in first and first[name].value not in UNSET]
    if any(one.shown and bool(one.shown - UNSET) != (one.value not in UNSET) for one in first.values()):
        doubts = (*doubts, "glyph_state")
    return " ".join(ticked), doubts
