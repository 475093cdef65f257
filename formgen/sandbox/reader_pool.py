"""The pool of readers: foreign bytes are read by other processes, shut in, and only plain data comes back.

Those processes begin with nothing of ours (`reader_process`): no database, no key, no environment. What they
send back is JSON, and foreign as well: a reader that a file has taken over can lie about that file,
and do nothing else. Whatever a reading has started ends with it.
"""

from __future__ import annotations

import atexit
import json
import os
import re
import signal
import socket
import subprocess
import tempfile
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Annotated

from pydantic import Base64Bytes, BaseModel, ConfigDict, Field

from formgen import formats
from formgen.documents.extraction import (
    MARK,
    NOT_READ,
    TOKEN,
    Answer,
    DigitalSignature,
    Extraction,
    iter_questions,
)
from formgen.documents.producers import PRODUCERS
from formgen.errors import Busy, CutOff, Reason, SandboxUnavailable, Unreadable
from formgen.files import NOBODY
from formgen.formats.protocol import Format, FormSpecs
from formgen.i18n import N_
from formgen.sandbox import confine
from formgen.sandbox.confine import ANSWER_BYTES, BUSY, LATE, PATIENCE, PROTECTIONS, Bounds

if TYPE_CHECKING:
    from formgen.settings import Intake

GRACE = 5.0
DIED = N_("Tiedoston lukeminen keskeytyi. Tiedosto ei ole turvallinen.")
READER = "formgen.sandbox.reader_process:serve_requests"  # what a process does that reads

INSTANCE = re.compile(r"[0-9a-f]{32}")
ROW = re.compile(r"\.\d{1,4}\.")
PICTURE = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True)
class Reader:
    """A warm process that reads one file after another, each by a child of its own.

    ``handle`` is a handle of it, ``held`` tells for each protection whether it holds for the children, as it has
    tried; these have files of their own to write to when ``own_root``.
    """

    handle: int
    pipe: Connection
    protections: Mapping[str, bool]
    own_root: bool
    form_specs: FormSpecs

    @cached_property
    def field_paths(self) -> frozenset[str]:
        """Return the field paths of the forms."""
        return list_field_paths(self.form_specs)

    @classmethod
    def start(cls, form_specs: FormSpecs) -> Reader:
        """Start a reader that knows the forms; raise `Busy`."""
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                request_reader(theirs)
            ours.settimeout(PATIENCE)
            said, handles, *_ = socket.recv_fds(ours, 1000, 1)
            ours.settimeout(None)
            told = json.loads(said)
            reader = cls(handles[0], Connection(os.dup(ours.fileno())), told["held"], told["own_root"], form_specs)
            reader.pipe.send(dict(form_specs))
        except (LookupError, OSError, ValueError) as error:
            raise Busy(detail="reader") from error
        finally:
            ours.close()
        return reader

    def request_reply(self, data: bytes, form_specs: FormSpecs | None, bounds: Bounds, seconds: float) -> bytes:
        """Have a child read the bytes and return its reply: `LATE` when it takes too long, empty when it dies.

        Without ``form_specs`` it looks for those that the reader knows.
        """
        try:
            self.pipe.send((form_specs, bounds, seconds))
            self.pipe.send_bytes(data)
            return self.pipe.recv_bytes(ANSWER_BYTES) if self.pipe.poll(seconds + GRACE) else LATE
        except (EOFError, OSError):
            return b""

    @property
    def is_alive(self) -> bool:
        """Tell whether the process has not ended."""
        return not confine.wait_for_handles([self.handle], 0)

    @property
    def process_id(self) -> int:
        """Return its id, -1 when it has ended."""
        known = Path(f"/proc/self/fdinfo/{self.handle}").read_text(encoding="ascii")
        return int(dict(line.split(":", 1) for line in known.splitlines())["Pid"])

    @property
    def child_ids(self) -> list[int]:
        """Return the processes that it has started and that have not ended."""
        place = Path(f"/proc/{self.process_id}/task/{self.process_id}/children")
        return [*map(int, place.read_text(encoding="ascii").split())]

    def stop(self) -> None:
        """End the process, and first what it should have ended: after a machine has slept both may be late."""
        self.pipe.close()
        with suppress(OSError):
            signal.pidfd_send_signal(self.handle, signal.SIGSTOP)  # it starts nothing more
            for child in self.child_ids:
                os.killpg(child, signal.SIGKILL)
        with suppress(OSError):
            signal.pidfd_send_signal(self.handle, signal.SIGKILL)
        confine.wait_for_handles([self.handle], GRACE)
        os.close(self.handle)


@dataclass(frozen=True)
class ReaderServer:
    """The process that starts readers, and the line on which it is asked for them: nobody else can call it."""

    process: subprocess.Popen[bytes]
    line: socket.socket

    @classmethod
    def start(cls) -> ReaderServer:
        """Return a new one, which goes on loading what reads."""
        ours, theirs = socket.socketpair()
        with theirs:
            return cls(confine.start_process("formgen.sandbox.reader_process:start_readers", theirs.fileno()), ours)

    def stop(self) -> None:
        """End the process; its readers end when they are asked nothing more."""
        self.line.close()
        self.process.kill()
        self.process.wait()


STARTING, SERVERS, IDLE = Lock(), list[ReaderServer](), list[Reader]()


def start_reader_server() -> None:
    """Let the readers be loaded, in another process, while this one goes on."""
    with STARTING:
        if not SERVERS:
            SERVERS.append(ReaderServer.start())


def request_reader(line: socket.socket) -> None:
    """Have a reader started that answers on a line; raise `OSError`."""
    for _ in range(2):
        start_reader_server()
        with STARTING:
            try:
                socket.send_fds(SERVERS[0].line, [READER.encode()], [line.fileno()])
            except (BrokenPipeError, ConnectionError):
                SERVERS.pop().stop()
            else:
                return
    raise OSError


def read(data: bytes, form_specs: FormSpecs, limits: Intake) -> Extraction:
    """Read a document in the sandbox; raise `Unreadable`.

    A child that dies raises `CutOff` with ``unsafe``, one that takes too long with ``timeout``:
    one attempt of one file, nothing else. Raise `SandboxUnavailable` where a child cannot be shut in and the
    settings do not allow that, `Busy` when none can be started. May be called by several threads: each has a reader.
    """
    if len(data) > limits.max_bytes:
        raise Unreadable(Reason.TOO_LARGE)
    found_format = formats.identify_format(data)
    reader = acquire_reader(form_specs, limits)
    same = reader.form_specs == form_specs
    with ExitStack() as stack:
        bounds = Bounds(limits.memory_bytes, limits.cpu_seconds)
        if converter := found_format.converter:
            scratch = (
                confine.TEMPORARY
                if reader.own_root
                else stack.enter_context(create_scratch_folder(converter.remove_sockets))
            )
            memory = max(bounds.memory, converter.memory)
            bounds = bounds._replace(memory=memory, scratch=scratch, opens=converter.readable_paths)
        found = reader.request_reply(data, None if same else form_specs, bounds, limits.wall_seconds)
        if found and found != LATE:
            IDLE.append(reader)
        else:
            reader.stop()
    if found == LATE:
        raise CutOff(Reason.TIMEOUT)
    if found == BUSY:
        raise Busy(detail="reader")
    readers = {ending.lstrip(".") for ending in found_format.media_types}
    try:
        extraction = parse_reply(found, reader.field_paths if same else list_field_paths(form_specs), readers)
        require_trusted(extraction.digital_signatures, form_specs, found_format)
    except (LookupError, ValueError) as error:
        raise CutOff(Reason.UNSAFE, DIED) from error
    return extraction


@contextmanager
def create_scratch_folder(sweep: Callable[[str], bool]) -> Iterator[str]:
    """Let a child have a folder among the machine's files; what lies there when the reading is over is removed."""
    with tempfile.TemporaryDirectory(prefix="formgen-", ignore_cleanup_errors=True) as folder:
        if confine.can_run_as_nobody():
            os.chown(folder, NOBODY, NOBODY)
        try:
            yield folder
        finally:
            sweep(folder)


def acquire_reader(form_specs: FormSpecs, limits: Intake) -> Reader:
    """Return a reader that nobody uses, a new one when there is none that knows these forms.

    Raise `SandboxUnavailable` where it cannot shut its children in and the settings do not allow that.
    """
    while True:
        try:
            reader = IDLE.pop()
        except IndexError:
            reader = Reader.start(form_specs)
        if reader.is_alive and (len(form_specs) == 1 or reader.form_specs == form_specs):
            break
        reader.stop()
    if not all(reader.protections.values()) and not limits.allow_weak_sandbox:
        IDLE.append(reader)
        raise SandboxUnavailable(what=list_missing_protections(reader.protections), detail="sandbox")
    return reader


def list_missing_protections(held: Mapping[str, bool]) -> tuple[str, ...]:
    """List the protections that do not hold, in words."""
    return tuple(words for name, words in PROTECTIONS.items() if not held.get(name))


def stop_idle_readers() -> None:
    """End the readers that nobody uses."""
    while IDLE:
        IDLE.pop().stop()


@atexit.register
def stop_readers() -> None:
    """End the readers that nobody uses and what starts them."""
    stop_idle_readers()
    while SERVERS:
        SERVERS.pop().stop()


# --- what comes back ------------------------------------------------------------------------------


class ReaderMessage(BaseModel):
    """Something that a child says, which is of the types expected and holds nothing else."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class ExtractionMessage(ReaderMessage):
    """What a child says of a document that it could read."""

    answers: dict[str, tuple[str, str, Annotated[float, Field(ge=0, le=1)], str, tuple[str, ...]]]
    tokens: dict[str, tuple[str, ...]]
    claims: dict[Annotated[str, Field(pattern="^(case_id|language)$")], str]
    reader: str
    facts: tuple[str, ...]
    strays: tuple[str, ...]
    digital_signatures: tuple[DigitalSignature, ...]
    pictures: dict[str, Base64Bytes]
    producer: str


class ReplyMessage(ReaderMessage):
    """What a child says: an extraction, or the code and message of why there is none."""

    extraction: ExtractionMessage | None = None
    code: Reason | None = None
    message: str = ""


def parse_reply(found: bytes, known: frozenset[str], readers: Container[str]) -> Extraction:
    """Parse a child's reply; raise `Unreadable` for a document that it could not read, `ValueError` for no reply.

    ``known`` are the places that there are in the forms, ``readers`` may have read such a file.
    """
    reply = ReplyMessage.model_validate_json(found)
    said = reply.extraction
    if said is None:
        if reply.code is None or reply.message not in formats.REFUSALS:
            raise ValueError(reply.code)
        raise Unreadable(reply.code, reply.message)
    answers = {path: Answer(*answer) for path, answer in said.answers.items()}
    if (
        said.reader not in readers
        or any(ROW.sub(".0.", path, count=1) not in known for path in {*said.answers, *said.pictures} - known)
        or any(answer.layer in NOT_READ for answer in answers.values())
        or not all(is_token(carrier, token) for carrier, tokens in said.tokens.items() for token in tokens)
        or not all(picture.startswith(PICTURE) for picture in said.pictures.values())
    ):
        raise ValueError(said.reader)
    return Extraction(
        answers=answers,
        tokens=said.tokens,
        claims=said.claims,
        reader=said.reader,
        facts=said.facts,
        strays=said.strays,
        digital_signatures=said.digital_signatures,
        pictures=said.pictures,
        producer=said.producer if said.producer in PRODUCERS else "",
    )


def require_trusted(signatures: Iterable[DigitalSignature], form_specs: FormSpecs, read_as: Format) -> None:
    """Raise `ValueError` for an electronic signature that names another root than one of those that are trusted."""
    said = {signature.root for signature in signatures} - {""}
    roots = {root for form_spec in form_specs.values() for root in form_spec.roots}
    if said and not said <= read_as.name_roots(roots):
        raise ValueError("root")


def is_token(carrier: str, token: str) -> bool:
    """Tell whether a text may be what a carrier holds: a token, the code of a page, the instance in a bookmark."""
    return bool(INSTANCE.fullmatch(token) if carrier == "bookmark" else TOKEN.fullmatch(token) or MARK.fullmatch(token))


def list_field_paths(form_specs: FormSpecs) -> frozenset[str]:
    """Return the places for answers in the forms, of each table those in its first row."""
    return frozenset(
        question.path for form_spec in form_specs.values() for question in iter_questions(form_spec.questions, 1)
    )
