"""A daemon that dies where it is told: ``python -m tests.support.mortal`` obeys lines of JSON and answers each.

A line names the ``root`` of a workspace and how the daemon ends: ``kill`` at the ``hit``-th time
that a point is reached, ``cut`` the power there (what is not flushed to disk is gone), struck down
so many seconds ``then`` after having reached so many ``points``, or by itself when the inbox is
empty. ``weak`` are limits that the system holds it to: ``bytes`` a file may have, or ``nobody``
for one who may only do what the modes of files say. The answer holds the ``signal`` or ``code``
that ended it, and how often each point was ``reached``.
"""

from __future__ import annotations

import json
import os
import pickle
import pwd
import resource
import shutil
import signal
import sys
import tempfile
import traceback
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog

from formgen import checkpoints, formats
from formgen.formats.docx import draw, letter  # noqa: F401 - one who may do little may not be able to load them later
from formgen.forms import registry
from formgen.intake.decide import DecisionEngine
from formgen.intake.pipeline import Intake
from formgen.intake.watcher import Watch
from formgen.sandbox import reader_pool
from formgen.settings import WorkspaceFolder
from formgen.storage.journal import Journal

NOON = datetime(2026, 6, 1, 9, 0, tzinfo=UTC)
OWN = ("formgen.db", "access.head", "intake.lock")  # what flushes itself to disk: SQLite, and what goes with it


class Disk:
    """What would be found after a power cut: entries of flushed folders, bytes of flushed files."""

    def __init__(self, root: Path) -> None:
        """Take what lies there now as flushed, and listen to all that is flushed from now on."""
        self.root = root
        self.entries: dict[str, dict[str, int]] = {}
        self.bytes: dict[int, bytes] = {}
        for folder, _, names in os.walk(root):
            self.listed(folder)
            for name in names:
                file = Path(folder, name)
                self.bytes[file.stat().st_ino] = file.read_bytes()
        for name in ("fsync", "fdatasync"):
            setattr(os, name, self.listening(getattr(os, name)))

    def listening(self, flush: Any) -> Any:
        """Return a flush that is noted."""

        def noted(handle: int) -> None:
            flush(handle)
            place = Path(f"/proc/self/fd/{handle}").readlink()
            if place.is_dir():
                self.listed(str(place))
            else:
                self.bytes[os.fstat(handle).st_ino] = Path(f"/proc/self/fd/{handle}").read_bytes()

        return noted

    def listed(self, folder: str) -> None:
        """Note the entries of a folder."""
        self.entries[folder] = {entry.name: entry.inode() for entry in os.scandir(folder)}


def cut(root: Path, disk: Disk) -> None:
    """Leave of a workspace what a power cut leaves.

    What somebody has put into the inbox is on their disk; whether a file that was removed from
    there comes back is for the points between arrival and removal.
    """
    for folder, names, files in os.walk(root):
        here = Path(folder)
        kept = disk.entries.get(folder, {})
        if here.is_relative_to(root / "inbox"):
            continue
        for name in [*names, *files]:
            place = here / name
            if name.startswith(OWN):
                continue
            if kept.get(name) != place.stat().st_ino:
                shutil.rmtree(place) if place.is_dir() else place.unlink()
            elif place.is_file():
                place.write_bytes(disk.bytes.get(place.stat().st_ino, b""))
        names[:] = [name for name in names if (here / name).exists()]
        for name, inode in kept.items():
            if not (here / name).exists() and inode in disk.bytes and not name.startswith(OWN):
                (here / name).write_bytes(disk.bytes[inode])


def weakened(weak: dict[str, Any]) -> None:
    """Hold this process to limits of the system."""
    if "bytes" in weak:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (weak["bytes"], weak["bytes"]))
    if weak.get("nobody") and os.getuid() == 0:
        nobody = pwd.getpwnam("nobody")
        os.setgroups([])
        os.setresgid(*[nobody.pw_gid] * 3)
        os.setresuid(*[nobody.pw_uid] * 3)


def live(told: dict[str, Any], forms: registry.Registry) -> None:
    """Be the daemon of a workspace until the end."""
    root = Path(told["root"])
    reached: Counter[str] = Counter()
    disk = Disk(root) if "cut" in told else None
    notes = os.open(told["notes"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)

    def listen(point: str) -> None:
        reached[point] += 1
        if told.get("kill", told.get("cut")) == point and reached[point] == told["hit"]:
            if disk:
                Path(told["notes"]).write_bytes(pickle.dumps((disk.entries, disk.bytes)))
            os.kill(os.getpid(), signal.SIGKILL)
        if reached.total() == told.get("points"):
            signal.setitimer(signal.ITIMER_REAL, told["then"])

    checkpoints.LISTENERS.append(listen)
    workspace = WorkspaceFolder(root)
    weakened(told.get("weak", {}))
    intake = Intake(workspace, Journal.open_or_create(workspace.var), forms, lambda: NOON)
    watch = Watch(intake)
    signal.signal(signal.SIGTERM, lambda *_: watch.request_stop())
    if told.get("scans"):
        for _ in range(told["scans"]):
            watch.scan_inbox()
            watch.intake.retries.pauses.clear()
    else:
        watch.run(once=True)
    os.write(notes, json.dumps(reached).encode())


def main() -> None:
    """Obey."""
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    forms = registry.load_forms(WorkspaceFolder(Path.cwd()))
    DecisionEngine(
        WorkspaceFolder(Path.cwd()), Journal.open_or_create(Path(tempfile.mkdtemp())), forms
    ).reader.build_form_specs()
    reader_pool.read = lambda data, papers, _: formats.read_document(data, papers)
    for line in sys.stdin:
        told = json.loads(line)
        notes = Path(told["notes"])
        child = os.fork()
        if child == 0:
            code = 1
            try:
                live(told, forms)
                code = 0
            except BaseException:  # noqa: BLE001 - told on standard error, and by the exit code
                traceback.print_exc()
            os._exit(code)
        _, status = os.waitpid(child, 0)
        found = notes.read_bytes() if notes.exists() else b""
        if "cut" in told and os.WIFSIGNALED(status):
            disk = object.__new__(Disk)
            disk.entries, disk.bytes = pickle.loads(found)
            cut(Path(told["root"]), disk)
            found = b""
        answer = {
            "signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0,
            "code": os.waitstatus_to_exitcode(status),
        }
        sys.stdout.write(json.dumps({**answer, "reached": json.loads(found or b"{}")}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
