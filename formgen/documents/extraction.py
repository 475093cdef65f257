"""The waist: what stands in the fields of one document, and whose document it is."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from formgen.i18n import clean_text

SIGN = "►"  # before what a note says beside its place
BOOKMARK_HEAD_LENGTH = 31  # letters that are left of a bookmark's name which would be too long
NOT_ASKED = "not_asked"  # the layer of what a document leaves out and was known when it was made
AS_ISSUED = "as_issued"  # the layer of what a reply does not show and was left as it was
INK, FLATTENED = "ink", "flattened"  # the layer of ticks on a page, and the doubt of all that is read off one
PREFILLED, CONFIRMED = "prefill", "confirmed"  # the layers of what we write and of what a person has decided
UNSEEN = frozenset((NOT_ASKED, AS_ISSUED))  # the layers of what was known and did not stand in the document
NOT_READ = UNSEEN | {PREFILLED, CONFIRMED}  # the layers of what no reader has read


class Control(StrEnum):
    """How a question is drawn; all that a format knows of a kind of answer."""

    LINE = "line"
    AREA = "area"
    DATE = "date"
    TICKS = "ticks"
    LIST = "list"


class Choice(NamedTuple):
    """One option: its code and its label in the language of the document."""

    code: str
    label: str


@dataclass(frozen=True, slots=True)
class Question:
    """One place for an answer, or with ``columns`` a table of repeating rows.

    ``path`` is the dotted name (relative inside a table); ``number`` the visible code
    ``F12``; ``limit`` the longest text in characters, 0 for none; ``rows`` how many rows
    are printed; ``section`` is set on the first question of each section; one that is
    ``omitted`` is a question of the form that this document does not ask.
    """

    path: str
    label: str
    control: Control = Control.LINE
    hint: str = ""
    required: bool = False
    locked: bool = False
    choices: tuple[Choice, ...] = ()
    columns: tuple[Question, ...] = ()
    number: str = ""
    section: str = ""
    limit: int = 0
    many: bool = False
    rows: int = 0
    omitted: bool = False

    def __hash__(self) -> int:
        """Return a digest of what tells questions apart: quick, for it is asked for at every file that is read."""
        return hash((self.path, self.label))

    @property
    def title(self) -> str:
        """Return the label as assistive software should say it."""
        return self.label.rstrip(" :")


@dataclass(frozen=True, slots=True)
class Answer:
    """What stood in one field of one document, and how surely it was read.

    ``text`` is as written; ticked boxes are their codes joined by a space. ``layer`` tells
    by what the field was found. ``confidence`` is 1.0 for sure, less needs a person.
    ``doubts`` are short codes such as ``text_outside``.
    """

    text: str
    layer: str = "content_control"
    confidence: float = 1.0
    where: str = ""
    doubts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DigitalSignature:
    """A valid electronic signature: whose, when, over the whole ``file`` or a ``revision``, by which root.

    ``signed_at`` is a time stamp's or, without one, as the signer says; ``root`` is empty when
    there is none that leads to the signer.
    """

    signer: str
    signed_at: str
    covers: str
    root: str


@dataclass(frozen=True, slots=True)
class Extraction:
    """One document as its answers.

    ``answers`` maps a path to its answer: a blank is an answer, an absent path is damage.
    ``tokens`` maps each carrier of identity to the tokens found in it; ``claims`` is
    what the document says of itself unsigned (``case_id``, ``language``); ``facts`` are things
    a policy may mind (``macros``, ``external``); ``strays`` is text outside the fields; ``seals``
    are its electronic signatures; ``pictures`` show, as PNG, the places of answers in doubt;
    ``writer`` is the program that has saved it, a key of `producers.WRITERS` where it is known.
    """

    answers: Mapping[str, Answer]
    tokens: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    claims: Mapping[str, str] = field(default_factory=dict)
    reader: str = ""
    facts: tuple[str, ...] = ()
    strays: tuple[str, ...] = ()
    digital_signatures: tuple[DigitalSignature, ...] = ()
    pictures: Mapping[str, bytes] = field(default_factory=dict)
    producer: str = ""

    @property
    def claimed_case(self) -> str:
        """The case that the document says it is of, unsigned: nothing follows from it."""
        return self.claims.get("case_id", "").strip("– ")


class Note(NamedTuple):
    """What a document that goes out says of one of its places: what it is called, what stood there, what to do.

    ``path`` is that of a field, of a block of them or of a table; empty for what is of no one place.
    """

    path: str
    label: str
    previous_answer: str
    messages: tuple[str, ...]

    @property
    def further_messages(self) -> tuple[str, ...]:
        """Return the further messages of a note, below its heading in the list."""
        return self.messages if self.label else self.messages[1:]


class Notes(NamedTuple):
    """The notes of a document, which it begins with: a title, what to do, a word for each mark, what was read."""

    title: str
    lead: str
    mark_label: str
    read_label: str
    items: tuple[Note, ...]

    def iter_lines(self) -> Iterator[str]:
        """Yield every line that a format may print of the notes."""
        yield from (self.title, self.lead)
        for number, note in enumerate(self.items, start=1):
            yield from (self.format_heading(number, note), f"{self.read_label}: {note.previous_answer}", *note.messages)
            yield f"{SIGN} {self.format_side_note(number, note)}"

    def format_heading(self, number: int, note: Note) -> str:
        """Return the head of a note in the list: what its place is called, or what to do where it is of none."""
        return f"{number}. {note.label or note.messages[0]}"

    def format_side_note(self, number: int, note: Note) -> str:
        """Format the text beside the place of a note, after the sign."""
        return f"{self.mark_label} {number}: {note.messages[0]}"


class Log(Protocol):
    """What remembers the digests of files that are kept, so that none can be changed unseen."""

    def __hash__(self) -> int:
        """Return its hash."""

    def note_file(self, kind: str, name: str, data: bytes) -> None:
        """Write down what a file holds."""

    def find_file_digest(self, kind: str, name: str) -> str | None:
        """Return the sha256 of what was written down of a file, None when nothing was."""


@dataclass(frozen=True, slots=True)
class RenderRequest:
    """What a format draws a document from, besides the answers.

    ``words`` is what the document says besides its fields; ``template`` returns the office's
    file of the form and raises `UsageError` without one; ``store`` is a private folder for what a
    format wants to keep, of which the ``log`` remembers what it was; ``mark(page, pages, layout)`` is
    `Identity.mark`; ``record`` is the accepted record, for the copy that is archived; ``notes`` are put at
    its places and listed first.
    """

    questions: tuple[Question, ...]
    language: str
    words: Mapping[str, str]
    template: Callable[[], Path]
    store: Path
    sign_page_mark: Callable[[int, int, str], str]
    record: bytes = b""
    notes: Notes | None = None
    log: Log | None = None


class FormSpec(NamedTuple):
    """What a format must know of a form to find its fields: questions and printed text.

    ``roots`` are the certificates through which an electronic signature is trusted. For a document
    that has lost its fields, ``layout`` is the format's own account of where they stand, and
    ``issued_answers`` are the paths where it was issued with something: not what, for a reader may lie
    (`confirm_given`).
    """

    questions: tuple[Question, ...]
    printed_lines: frozenset[str] = frozenset()
    roots: tuple[bytes, ...] = ()
    layout: Any = None
    issued_answers: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Identity:
    """Whose document it is: form, version and the one generated instance."""

    form: str
    version: str
    instance: UUID

    def sign_token(self, keys: Keyring) -> str:
        """Return the signed text that every carrier of identity holds.

        >>> keys = Keyring({"k": b"secret"}, "k")
        >>> Identity("referral", "2026.1", UUID(int=1)).sign_token(keys)
        'fg1:referral:2026.1:00000000-0000-0000-0000-000000000001:k:ceaf6f8757f28f2e719b03214ef3db68'
        """
        body = f"fg1:{self.form}:{self.version}:{self.instance}:{keys.current}"
        return f"{body}:{keys.sign_text(body)}"

    def sign_page_mark(self, keys: Keyring, page: int, pages: int, layout: str) -> str:
        """Return the signed text of the code on one page of a document, which `Keyring.marked` reads.

        Only letters and signs that a QR code holds most densely; ``layout`` is the digest, eight
        hex digits, of what the page was laid out from. The signature is short, for a code on
        paper must be coarse: it is over the page too, so that none can be put for another.

        >>> keys = Keyring({"k": b"secret"}, "k")
        >>> Identity("job_start", "2026.1", UUID(int=1)).sign_page_mark(keys, 1, 5, "0badcafe")
        'FG1:JOB-START:2026.1:00000000000000000000000000000001:1/5:0BADCAFE:K:CFC9131DB439'
        """
        form = self.form.replace("_", "-")
        body = f"FG1:{form}:{self.version}:{self.instance.hex}:{page}/{pages}:{layout}:{keys.current}".upper()
        return f"{body}:{keys.sign_text(body)[:12].upper()}"


TOKEN = re.compile(r"fg1:([a-z_]{2,40}):([0-9][0-9.]{0,11}):([0-9a-f-]{36}):([0-9a-z]{1,16}):([0-9a-f]{32})")
MARK = re.compile(
    r"FG1:([A-Z-]{2,40}):([0-9][0-9.]{0,11}):([0-9A-F]{32}):"
    r"([1-9][0-9]{0,2})/([1-9][0-9]{0,2}):([0-9A-F]{8}):([0-9A-Z]{1,16}):([0-9A-F]{12})"
)


class Mark(NamedTuple):
    """What the code on one page says: whose document, which page of how many, of which layout."""

    identity: Identity
    page: int
    pages: int
    layout: str


class Keyring(NamedTuple):
    """The signing keys by key id, the id of the one that signs, and the ids of those that are not trusted any more."""

    keys: Mapping[str, bytes]
    current: str
    revoked: frozenset[str] = frozenset()

    def sign_text(self, body: str, key: str = "") -> str:
        """Return HMAC-SHA-256 of the text, cut to 128 bits, as 32 hex digits."""
        secret = self.keys[key or self.current]
        return hmac.new(secret, body.encode(), hashlib.sha256).hexdigest()[:32]

    def verify_token(self, token: str) -> Identity | None:
        """Return the identity that the token carries, or None when it was not signed by us."""
        match = TOKEN.fullmatch(token)
        if not match:
            return None
        form, version, instance, key, mac = match.groups()
        body = token.rpartition(":")[0]
        if key not in self.keys or not hmac.compare_digest(self.sign_text(body, key), mac):
            return None
        try:
            return Identity(form, version, UUID(instance))
        except ValueError:
            return None

    def verify_identity(self, token: str) -> Identity | None:
        """Return the identity that a token or the code on a page carries, or None when it was not signed by us."""
        mark = self.verify_page_mark(token)
        return mark.identity if mark else self.verify_token(token)

    def verify_page_mark(self, text: str) -> Mark | None:
        """Verify the code on a page: what it says, None when it was not signed by us."""
        match = MARK.fullmatch(text)
        if not match:
            return None
        form, version, instance, page, pages, layout, key, mac = match.groups()
        body, key = text.rpartition(":")[0], key.lower()
        if key not in self.keys or not hmac.compare_digest(self.sign_text(body, key)[:12].upper(), mac):
            return None
        identity = Identity(form.lower().replace("-", "_"), version, UUID(instance))
        return Mark(identity, int(page), int(pages), layout.lower())


def extract_key_id(token: str) -> str:
    """Return the id of the key with which a token or the code on a page says that it was signed.

    >>> token = "fg1:referral:2026.1:00000000-0000-0000-0000-000000000001:0badcafe:ceaf6f8757f28f2e719b03214ef3db68"
    >>> extract_key_id(token)
    '0badcafe'
    """
    return token.split(":")[-2].lower()


def parse_claimed_identity(token: str) -> Identity | None:
    """Return the identity that the token claims, unverified: good only for finding questions."""
    match = TOKEN.fullmatch(token)
    try:
        return Identity(match[1], match[2], UUID(match[3])) if match else None
    except ValueError:
        return None


def add_omitted_answers(
    extraction: Extraction, questions: Iterable[Question], omitted: Container[str], given: Mapping[str, str]
) -> Extraction:
    """Return the extraction with what its document did not ask, as it was known when the document was made.

    ``omitted`` are names of fields: the first step of the paths that they have.
    """
    plain = [question.path for question in questions if not question.columns]
    paths = [path for path in dict.fromkeys((*plain, *given)) if path.partition(".")[0] in omitted]
    kept = {path: Answer(given.get(path, ""), NOT_ASKED) for path in paths}
    return replace(extraction, answers={**kept, **extraction.answers})


def confirm_given(extraction: Extraction, given: Mapping[str, str]) -> Extraction:
    """Return the extraction of a document that has lost its fields, sure of each answer that is what it went out with.

    Such a place needs no picture. One that is in doubt for another reason stays so.
    """
    same = {
        path: replace(answer, text=clean_text(given[path]), confidence=1.0, doubts=())
        for path, answer in extraction.answers.items()
        if given.get(path) and answer.doubts == (FLATTENED,) and is_same(answer, given[path])
    }
    pictures = {path: picture for path, picture in extraction.pictures.items() if path not in same}
    return replace(extraction, answers={**extraction.answers, **same}, pictures=pictures)


def is_same(answer: Answer, given: str) -> bool:
    """Tell whether an answer off a page is what was given, in whatever lines, and ticks in whatever order."""
    read, known = clean_text(answer.text).split(), clean_text(given).split()
    return sorted(read) == sorted(known) if answer.layer == INK else read == known


def find_tokens(text: str) -> tuple[str, ...]:
    """Return the tokens in a text, however it is broken into lines."""
    close = re.sub(r"[\s\u00ad\u200b]+", "", text)
    return tuple(dict.fromkeys(match[0] for match in TOKEN.finditer(close)))


def find_form_spec(
    tokens: Mapping[str, tuple[str, ...]], form_specs: Mapping[tuple[str, str], FormSpec]
) -> FormSpec | None:
    """Find the form that the tokens of most carriers name: an answer may hold a token of another form.

    Without a token it is the only one that is looked for.
    """
    named = Counter(
        (identity.form, identity.version)
        for found in tokens.values()
        for token in found
        if (identity := parse_claimed_identity(token))
    )
    only = next(iter(form_specs.values())) if len(form_specs) == 1 and not named else None
    return next((form_specs[name] for name, _ in named.most_common() if name in form_specs), only)


def compute_field_id(path: str) -> int:
    """Return the positive 31-bit number that stands for a path in a content control's id.

    >>> compute_field_id("client_last_name") == compute_field_id("client_last_name")
    True
    """
    return int.from_bytes(hashlib.sha256(path.encode()).digest()[:4]) % 0x7FFFFFFE + 1


def format_bookmark_name(path: str) -> str:
    """Return the bookmark name for a path: at most 40 characters of ``[A-Za-z0-9_]``.

    >>> format_bookmark_name("benefits.0.payer")
    'f_benefits_0_payer'
    """
    name = "f_" + re.sub(r"[^A-Za-z0-9_]", "_", path)
    return name if len(name) <= 40 else f"{name[:BOOKMARK_HEAD_LENGTH]}_{compute_field_id(path):08x}"


def iter_questions(questions: Iterable[Question], rows: int = 0) -> Iterator[Question]:
    """Yield every question, and for each table its columns ``rows`` times with full paths."""
    for question in questions:
        if not question.columns:
            yield question
        for index in range(rows if question.columns else 0):
            for column in question.columns:
                yield build_cell_question(question, index, column)


@lru_cache(maxsize=16_384)
def build_cell_question(table: Question, index: int, column: Question) -> Question:
    """Return the column's question with its path in one row of the table."""
    return replace(column, path=f"{table.path}.{index}.{column.path}")
