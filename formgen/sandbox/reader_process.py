"""The inside of the sandbox: processes that are started with nothing of the service's, and read foreign bytes.

One has loaded the formats and starts readers; a reader knows the forms and starts a child, shut in a
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

    It begins by telling which protections hold, which it has tried, and by handing over a handle of itself.
    """
    converters = [found.converter for found in formats.load_formats().values() if found.converter]
    sandbox = Sandbox.enter(path for converter in converters for path in converter.readable_paths)
    told = {"held": probe_protections(sandbox), "own_root": sandbox.own_root}
    with socket.socket(fileno=os.dup(handle)) as line:
        socket.send_fds(line, [json.dumps(told).encode()], [os.pidfd_open(os.getpid())])
    with suppress(EOFError, OSError), Connection(handle) as calls:
        form_specs = calls.recv()
        formats.prepare_readers(form_specs)
        gc.freeze()
        while True:
            only, bounds, seconds = calls.recv()
            work = partial(build_reply, calls.recv_bytes(), form_specs if only is None else only)
            calls.send_bytes(run_in_child(sandbox, work, bounds, seconds, handle))


def run_in_child(sandbox: Sandbox, work: Callable[[], bytes], bounds: Bounds, seconds: float, asker: int) -> bytes:
    """Run some work in a confined child; return its reply, `BUSY` when none can be started."""
    try:
        return sandbox.run_child(work, bounds, seconds, asker)
    except OSError:
        return BUSY


def build_reply(data: bytes, form_specs: FormSpecs) -> bytes:
    """Read the bytes and build the reply in JSON: the extraction, or why there is none."""
    try:
        extraction = formats.read_document(data, form_specs)
        told = {
            "answers": {path: SENT(answer) for path, answer in extraction.answers.items()},
            "pictures": {path: b64encode(picture).decode() for path, picture in extraction.pictures.items()},
        }
        reply: dict[str, Any] = {"extraction": asdict(replace(extraction, answers={}, pictures={})) | told}
    except Unreadable as error:
        reply = {"code": error.code, "message": error.message}
    return json.dumps(reply).encode()
