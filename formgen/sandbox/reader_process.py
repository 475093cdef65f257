"""The other side of the wall: processes that are started with nothing of the service's, and read foreign bytes.

One has loaded the formats and starts readers; a reader knows the papers and starts a child, shut in a
`confine`, for every file. The child gets the bytes and what there is to find; what it says is JSON.
"""

from __future__ import annotations

import gc
import json
import os
import pkgutil
import signal
import socket
from base64 import b64encode
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, replace
from functools import partial
from multiprocessing.connection import Connection
from operator import attrgetter
from typing import Any

from formgen import formats
from formgen.errors import Unreadable
from formgen.formats.protocol import FormSpecs
from formgen.sandbox.confine import BUSY, Bounds, Sandbox, build_call_filter, probe_protections

SENT = attrgetter("text", "layer", "confidence", "where", "doubts")  # of an answer, of which there are hundreds


def start_readers(handle: int) -> None:
    """Start a reader for each line that comes, until nobody asks any more: it runs the function that comes with it."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # who has begun ends what they have begun
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    formats.prepare_readers({})
    for programs in (False, True):
        build_call_filter(programs)
    gc.freeze()
    line = socket.socket(fileno=handle)
    while True:
        named, handles, *_ = socket.recv_fds(line, 200, 1)
        if not handles:
            os._exit(0)
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            line.close()
            try:
                pkgutil.resolve_name(named.decode())(handles[0])
            finally:
                os._exit(0)
        os.close(handles[0])


def serve_requests(handle: int) -> None:
    """Read what is asked for until nobody asks any more: what a reader does.

    It begins by telling what its cage is like, which it has tried, and by handing over a handle of itself.
    """
    converters = [found.converter for found in formats.load_formats().values() if found.converter]
    cage = Sandbox.enter(path for converter in converters for path in converter.readable_paths)
    told = {"held": probe_protections(cage), "own_root": cage.own_root}
    with socket.socket(fileno=os.dup(handle)) as line:
        socket.send_fds(line, [json.dumps(told).encode()], [os.pidfd_open(os.getpid())])
    with suppress(EOFError, OSError), Connection(handle) as calls:
        papers = calls.recv()
        formats.prepare_readers(papers)
        gc.freeze()
        while True:
            only, bounds, seconds = calls.recv()
            work = partial(build_reply, calls.recv_bytes(), papers if only is None else only)
            calls.send_bytes(run_in_child(cage, work, bounds, seconds, handle))


def run_in_child(cage: Sandbox, work: Callable[[], bytes], bounds: Bounds, seconds: float, asker: int) -> bytes:
    """Return what a child says, `BUSY` when none can be started."""
    try:
        return cage.run_child(work, bounds, seconds, asker)
    except OSError:
        return BUSY


def build_reply(data: bytes, papers: FormSpecs) -> bytes:
    """Return what a child says of the bytes: the sheet, or why there is none."""
    try:
        sheet = formats.read_document(data, papers)
        told = {
            "answers": {path: SENT(answer) for path, answer in sheet.answers.items()},
            "pictures": {path: b64encode(picture).decode() for path, picture in sheet.pictures.items()},
        }
        reply: dict[str, Any] = {"extraction": asdict(replace(sheet, answers={}, pictures={})) | told}
    except Unreadable as error:
        reply = {"code": error.code, "message": error.message}
    return json.dumps(reply).encode()
