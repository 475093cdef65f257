"""The wall: foreign bytes are read in a child process with limits, and only plain data comes back.

A reader is a warm, single-threaded process that knows the papers and forks a child for every
file, shut in a `cage`. The child gets the bytes and what there is to find, never the database or
a key; what it sends back is JSON. Whatever it has started ends with it.
"""

from __future__ import annotations

import gc
import json
import multiprocessing
import os
import select
import signal
import sys
import tempfile
import time
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext, ForkServerProcess
from operator import attrgetter
from pathlib import Path
from threading import Lock
from types import ModuleType
from typing import TYPE_CHECKING, Any

from formgen import cage, formats
from formgen.errors import Busy, CutOff, Unreadable
from formgen.sheet import Answer, Paper, Seal, Sheet
from formgen.writers import WRITERS

if TYPE_CHECKING:
    from formgen.settings import Intake

ANSWER_BYTES = 100_000_000
GRACE = 5.0
DIED = "Tiedoston lukeminen keskeytyi. Tiedosto ei ole turvallinen."

SENT = attrgetter("text", "layer", "confidence", "where", "doubts")  # of an answer, of which there are hundreds

Papers = Mapping[tuple[str, str], Paper]
Bounds = tuple[int, int, str, tuple[str, ...]]


@dataclass(frozen=True)
class Reader:
    """A warm process that reads one file after another, each in a child of its own."""

    process: ForkServerProcess
    pipe: Connection
    papers: Papers

    @classmethod
    def start(cls, papers: Papers) -> Reader:
        """Return a new reader that knows the papers; raise `Busy`."""
        context = server()
        ours, theirs = context.Pipe()
        try:
            process = context.Process(target=serve, args=(theirs, dict(papers)), name="formgen-read", daemon=True)
            with without_main():
                process.start()
        except OSError as error:
            raise Busy(detail=error.strerror or "fork") from error
        finally:
            theirs.close()
        return cls(process, ours, papers)

    def ask(self, data: bytes, papers: Papers | None, bounds: Bounds, seconds: float) -> bytes | None:
        """Return what a child says of the bytes: nothing when it takes too long, empty when it dies.

        Without ``papers`` it looks for those that the reader knows; ``bounds`` are what `cage.confine` takes.
        """
        try:
            self.pipe.send((papers, bounds, seconds))
            self.pipe.send_bytes(data)
            if not self.pipe.poll(seconds + GRACE):
                return None
            found: bytes | None = self.pipe.recv()
        except (EOFError, OSError):
            return b""
        return found

    def end(self) -> None:
        """End the process, and first what it should have ended: after a machine has slept both may be late."""
        self.pipe.close()
        if (pid := self.process.pid) and self.process.is_alive():
            with suppress(OSError):
                os.kill(pid, signal.SIGSTOP)  # it starts nothing more
                for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
                    os.killpg(int(child), signal.SIGKILL)
        self.process.kill()
        self.process.join(GRACE)


STARTING, IDLE = Lock(), list[Reader]()


def server() -> ForkServerContext:
    """Return the context whose server has the readers loaded already."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(
        ["formgen.wall", "formgen.formats.docx.read", "formgen.formats.office", "formgen.formats.pdf.read"]
    )
    return context


def prepare() -> None:
    """Let the readers be loaded, in another process, while this one goes on."""
    server()
    forkserver.ensure_running()


@contextmanager
def without_main() -> Iterator[None]:
    """Let a child be started that does not run the program's main module again.

    It needs nothing of it, and importing the command line takes many times longer than reading a file.
    """
    with STARTING:
        main = sys.modules["__main__"]
        sys.modules["__main__"] = ModuleType("__main__")
        try:
            yield
        finally:
            sys.modules["__main__"] = main


def read(data: bytes, papers: Papers, limits: Intake) -> Sheet:
    """Return what stands in a document, read behind the wall; raise `Unreadable`.

    A child that dies raises `CutOff` with ``unsafe``, one that takes too long with ``timeout``:
    one attempt of one file, nothing else. May be called by several threads: each has a reader.
    """
    if len(data) > limits.max_bytes:
        raise Unreadable("too_large", "Tiedosto on liian suuri luettavaksi.")
    _, module = formats.identify(data)
    memory = max(limits.memory_bytes, getattr(module, "MEMORY", 0))
    opens = getattr(module, "OPENS", None)
    reader = free(papers)
    with ExitStack() as stack:
        scratch = "" if opens is None else stack.enter_context(scratch_folder())
        if scratch and hasattr(module, "sweep"):
            stack.callback(module.sweep, scratch)
        bounds = (memory, limits.cpu_seconds, scratch, opens or ())
        found = reader.ask(data, None if reader.papers == papers else papers, bounds, limits.wall_seconds)
        if found:
            IDLE.append(reader)
        else:
            reader.end()
    if found is None:
        raise CutOff("timeout", "Tiedoston lukeminen kesti liian kauan.")
    try:
        return received(json.loads(found))
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise CutOff("unsafe", DIED) from error


def scratch_folder() -> tempfile.TemporaryDirectory[str]:
    """Return a folder for a child that needs one; what lies there when the reading is over is removed."""
    return tempfile.TemporaryDirectory(prefix="formgen-", ignore_cleanup_errors=True)


def free(papers: Papers) -> Reader:
    """Return a reader that nobody uses, a new one when there is none that knows as many papers."""
    while True:
        try:
            reader = IDLE.pop()
        except IndexError:
            return Reader.start(papers)
        if reader.process.is_alive() and (len(papers) == 1 or reader.papers == papers):
            return reader
        reader.end()


def rest() -> None:
    """End the readers that nobody uses."""
    while IDLE:
        IDLE.pop().end()


def serve(calls: Connection, papers: Papers) -> None:
    """Read what is asked for until nobody asks any more: what a reader does.

    It is silent: what a foreign library says may quote the file.
    """
    with open(os.devnull, "w") as nowhere:  # noqa: PTH123 - a device
        for stream in (1, 2):
            os.dup2(nowhere.fileno(), stream)
    cage.leave_network()
    cage.libraries()  # what is known here every child knows
    formats.warm(papers)
    gc.freeze()
    with suppress(EOFError, OSError):
        while True:
            only, bounds, seconds = calls.recv()
            data = calls.recv_bytes()
            calls.send(forked(calls, data, papers if only is None else only, bounds, seconds))


def forked(calls: Connection, data: bytes, papers: Papers, bounds: Bounds, seconds: float) -> bytes | None:
    """Return what a child of this process says of the bytes: nothing when its time runs out.

    The child leads a group of its own, so that whatever it starts ends with it.
    """
    ours, theirs = os.pipe()
    until = time.monotonic() + seconds
    child = os.fork()
    if child == 0:
        try:
            calls.close()
            os.close(ours)
            os.setsid()
            cage.confine(*bounds)
            with os.fdopen(theirs, "wb") as out:
                out.write(said(data, papers))
        finally:
            os._exit(0)
    os.close(theirs)
    try:
        return collected(ours, until)
    finally:
        os.close(ours)
        for kill in (os.killpg, os.kill):
            with suppress(ProcessLookupError):
                kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def collected(pipe: int, until: float) -> bytes | None:
    """Return all that comes through a pipe, or nothing when its end has not come in time."""
    found = bytearray()
    while len(found) <= ANSWER_BYTES:
        if not select.select([pipe], [], [], max(0.0, until - time.monotonic()))[0]:
            return None
        part = os.read(pipe, 1_048_576)
        if not part:
            return bytes(found)
        found += part
    return b""


def said(data: bytes, papers: Papers) -> bytes:
    """Return what a child says of the bytes: the sheet, or why there is none."""
    try:
        sheet = formats.read(data, papers)
        told = {
            "answers": {path: SENT(answer) for path, answer in sheet.answers.items()},
            "pictures": {path: b64encode(picture).decode() for path, picture in sheet.pictures.items()},
        }
        reply: dict[str, Any] = {"sheet": asdict(replace(sheet, answers={}, pictures={})) | told}
    except Unreadable as error:
        reply = {"code": error.code, "message": error.message, "values": error.values}
    return json.dumps(reply).encode()


def received(reply: Mapping[str, Any]) -> Sheet:
    """Return the sheet of a child's reply; raise `Unreadable` for what it could not read."""
    if "code" in reply:
        raise Unreadable(reply["code"], reply["message"], **reply["values"])
    sheet = reply["sheet"]
    return Sheet(
        answers={
            path: Answer(text, layer, confidence, where, tuple(doubts))
            for path, (text, layer, confidence, where, doubts) in sheet["answers"].items()
        },
        tokens={carrier: tuple(tokens) for carrier, tokens in sheet["tokens"].items()},
        claims=sheet["claims"],
        reader=sheet["reader"],
        facts=tuple(sheet["facts"]),
        strays=tuple(sheet["strays"]),
        seals=tuple(Seal(**seal) for seal in sheet["seals"]),
        pictures={path: b64decode(picture) for path, picture in sheet["pictures"].items()},
        writer=sheet["writer"] if sheet["writer"] in WRITERS else "",
    )
