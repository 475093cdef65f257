"""The wall: foreign bytes are read in a child process with limits, and only plain data comes back.

The child is forked from a warm, single-threaded server. It gets the bytes and what there is to
find, never the database or a key; what it sends back is JSON.
"""

from __future__ import annotations

import ctypes
import json
import multiprocessing
import os
import resource
import sys
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from threading import Lock
from types import ModuleType
from typing import Any

from formgen import formats
from formgen.errors import Busy, CutOff, Unreadable
from formgen.settings import Intake
from formgen.sheet import Answer, Paper, Seal, Sheet

CLONE_NEWNET, CLONE_NEWUSER = 0x40000000, 0x10000000
FILE_BYTES, OPEN_FILES = 200_000_000, 256
GRACE = 5.0
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
    context = server()
    ours, theirs = context.Pipe(duplex=False)
    try:
        child = context.Process(
            target=serve,
            args=(theirs, data, dict(papers), memory, limits.cpu_seconds),
            name=f"formgen-read-{name}",
            daemon=True,
        )
        with without_main():
            child.start()
    except OSError as error:
        raise Busy(detail=error.strerror or "fork") from error
    theirs.close()
    try:
        answered = ours.poll(limits.wall_seconds)
        message = ours.recv_bytes() if answered else b""
    except (EOFError, OSError):
        message = b"{}"
    finally:
        child.join(0 if not ours.poll(0) else GRACE)
        if child.is_alive():
            child.kill()
            child.join(GRACE)
        ours.close()
    if not message:
        raise CutOff("timeout", "Tiedoston lukeminen kesti liian kauan.")
    return received(json.loads(message))


def serve(out: Connection, data: bytes, papers: Mapping[tuple[str, str], Paper], memory: int, seconds: int) -> None:
    """Read the bytes within limits and send the outcome: what the child does."""
    confine(memory, seconds)
    with open(os.devnull, "w") as nowhere:  # noqa: PTH123 - a device; what a foreign library says may quote the file
        for stream in (1, 2):
            os.dup2(nowhere.fileno(), stream)
    try:
        sheet = formats.read(data, papers)
        pictures = {path: b64encode(picture).decode() for path, picture in sheet.pictures.items()}
        reply: dict[str, Any] = {"sheet": {**asdict(sheet), "pictures": pictures}}
    except Unreadable as error:
        reply = {"code": error.code, "message": error.message, "values": error.values}
    out.send_bytes(json.dumps(reply).encode())
    out.close()


def confine(memory: int, seconds: int) -> None:
    """Limit this process for good: memory, time, files, and no network where the kernel allows."""
    for limit, value in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_FSIZE, FILE_BYTES),
        (resource.RLIMIT_NOFILE, OPEN_FILES),
        (resource.RLIMIT_CORE, 0),
    ):
        with suppress(ValueError, OSError):
            resource.setrlimit(limit, (value, value))
    library = ctypes.CDLL(None, use_errno=True)
    if library.unshare(CLONE_NEWNET):
        library.unshare(CLONE_NEWUSER | CLONE_NEWNET)


def received(reply: Mapping[str, Any]) -> Sheet:
    """Return the sheet of a child's reply; raise `Unreadable` for what it could not read."""
    if "code" in reply:
        raise Unreadable(reply["code"], reply["message"], **reply["values"])
    if "sheet" not in reply:
        raise CutOff("unsafe", "Tiedoston lukeminen keskeytyi. Tiedosto ei ole turvallinen.")
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
