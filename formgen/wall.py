"""The wall: foreign bytes are read in a child process with limits, and only plain data comes back.

The child is forked from a warm, single-threaded server and shut in a `cage`. It gets the bytes and
what there is to find, never the database or a key; what it sends back is JSON. Whatever it has
started ends with it.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import sys
import tempfile
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext, ForkServerProcess
from threading import Lock, Timer
from types import ModuleType
from typing import Any

from formgen import formats
from formgen.cage import confine
from formgen.errors import Busy, CutOff, Unreadable
from formgen.settings import Intake
from formgen.sheet import Answer, Paper, Seal, Sheet

ANSWER_BYTES = 100_000_000
GRACE = 5.0
DIED = "Tiedoston lukeminen keskeytyi. Tiedosto ei ole turvallinen."
STARTING = Lock()


def server() -> ForkServerContext:
    """Return the context whose server has the readers loaded already."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(
        ["formgen.wall", "formgen.formats.docx", "formgen.formats.office", "formgen.formats.pdf"]
    )
    return context


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


def read(data: bytes, papers: Mapping[tuple[str, str], Paper], limits: Intake) -> Sheet:
    """Return what stands in a document, read behind the wall; raise `Unreadable`.

    A child that dies raises `CutOff` with ``unsafe``, one that takes too long with ``timeout``:
    one attempt of one file, nothing else.
    """
    if len(data) > limits.max_bytes:
        raise Unreadable("too_large", "Tiedosto on liian suuri luettavaksi.")
    name, module = formats.identify(data)
    memory = max(limits.memory_bytes, getattr(module, "MEMORY", 0))
    opens = getattr(module, "OPENS", None)
    with ExitStack() as stack:
        scratch = "" if opens is None else stack.enter_context(scratch_folder())
        bounds = (memory, limits.cpu_seconds, scratch, opens or ())
        message = answer(f"formgen-read-{name}", limits.wall_seconds, (data, dict(papers), bounds))
    if not message:
        raise CutOff("timeout", "Tiedoston lukeminen kesti liian kauan.")
    try:
        return received(json.loads(message))
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise CutOff("unsafe", DIED) from error


def scratch_folder() -> tempfile.TemporaryDirectory[str]:
    """Return a folder for a reader that needs one; what lies there when the reading is over is removed."""
    return tempfile.TemporaryDirectory(prefix="formgen-", ignore_cleanup_errors=True)


def answer(name: str, seconds: float, task: tuple[Any, ...]) -> bytes:
    """Return what a child says of a task: nothing when time is up, an empty object when it dies; raise `Busy`."""
    context = server()
    ours, theirs = context.Pipe(duplex=False)
    child = context.Process(target=serve, args=(theirs, *task), name=name, daemon=True)
    try:
        with without_main():
            child.start()
    except OSError as error:
        raise Busy(detail=error.strerror or "fork") from error
    theirs.close()
    timer = Timer(seconds, end, [child])
    timer.start()
    try:
        message = ours.recv_bytes(ANSWER_BYTES)
    except (EOFError, OSError):
        message = b"{}" if timer.is_alive() else b""
    finally:
        timer.cancel()
        end(child)
        child.join(GRACE)
        ours.close()
    return message


def end(child: ForkServerProcess) -> None:
    """Kill a child and all that it has started."""
    assert child.pid, "it has been started"
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.kill()


def serve(out: Connection, data: bytes, papers: Mapping[tuple[str, str], Paper], bounds: tuple[Any, ...]) -> None:
    """Read the bytes within bounds and send the outcome: what the child does, in a group of processes of its own."""
    os.setsid()
    confine(*bounds)
    try:
        sheet = formats.read(data, papers)
        pictures = {path: b64encode(picture).decode() for path, picture in sheet.pictures.items()}
        reply: dict[str, Any] = {"sheet": {**asdict(sheet), "pictures": pictures}}
    except Unreadable as error:
        reply = {"code": error.code, "message": error.message, "values": error.values}
    out.send_bytes(json.dumps(reply).encode())
    out.close()


def received(reply: Mapping[str, Any]) -> Sheet:
    """Return the sheet of a child's reply; raise `Unreadable` for what it could not read."""
    if "code" in reply:
        raise Unreadable(reply["code"], reply["message"], **reply["values"])
    if "sheet" not in reply:
        raise CutOff("unsafe", DIED)
    sheet = reply["sheet"]
    return Sheet(
        answers={
            path: Answer(item["text"], item["layer"], item["confidence"], item["where"], tuple(item["doubts"]))
            for path, item in sheet["answers"].items()
        },
        tokens={carrier: tuple(tokens) for carrier, tokens in sheet["tokens"].items()},
        claims=sheet["claims"],
        reader=sheet["reader"],
        facts=tuple(sheet["facts"]),
        strays=tuple(sheet["strays"]),
        seals=tuple(Seal(**seal) for seal in sheet["seals"]),
        pictures={path: b64decode(picture) for path, picture in sheet["pictures"].items()},
    )
