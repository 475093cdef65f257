"""A busy day in a shared folder: sound forms come in every way of copying, among files that are none or never ready.

``python -m tests.support.storm --forms 1000`` runs the real daemon on it, and tells what came of it and how
much memory the daemon took; a smaller one is run by the tests.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

from formgen.documents.extraction import TOKEN, Identity
from tests.conftest import REFERRAL, Bench, changed, thing

SETTINGS = """\
[intake]
quiet = 1.0
incomplete = {incomplete}
max_bytes = 20000000
"""
LARGE = 5_000_000_000
MEMORY = 300_000_000
PATIENCE = 300.0


# --- ways of copying ------------------------------------------------------------------------------


def whole(data: bytes, file: Path) -> None:
    """Write all at once."""
    file.write_bytes(data)


def slow(data: bytes, file: Path) -> None:
    """Write a piece now and then."""
    with file.open("wb") as stream:
        for start in range(0, len(data), len(data) // 6 + 1):
            stream.write(data[start : start + len(data) // 6 + 1])
            stream.flush()
            time.sleep(0.4)


def stalled(data: bytes, file: Path) -> None:
    """Write half, let the line be down for five seconds, then write the rest to the same file opened again."""
    file.write_bytes(data[: len(data) // 2])
    time.sleep(5)
    with file.open("ab") as stream:
        stream.write(data[len(data) // 2 :])


def reserved(data: bytes, file: Path) -> None:
    """Reserve the size first, and write the content seconds later."""
    with file.open("wb") as stream:
        stream.truncate(len(data))
    time.sleep(3)
    with file.open("r+b") as stream:
        stream.write(data)


def temporary(data: bytes, file: Path) -> None:
    """Write under a temporary name, then give the file its own."""
    work = file.with_name(f"{file.name}.filepart")
    work.write_bytes(data)
    time.sleep(1.5)
    work.rename(file)


def overwritten(data: bytes, file: Path) -> None:
    """Write a first half, and then the whole over it."""
    file.write_bytes(data[: len(data) // 3])
    time.sleep(1.5)
    file.write_bytes(data)


def renamed_over(data: bytes, file: Path) -> None:
    """Put a whole file in the place of one that was not finished."""
    file.write_bytes(data[: len(data) // 3])
    work = file.with_name(f".{file.name}.Ab3xY9")
    work.write_bytes(data)
    time.sleep(1.5)
    work.replace(file)


def hard_linked(data: bytes, file: Path) -> None:
    """Link a file of another folder into the inbox."""
    source = file.parents[1] / f"lähde-{file.name}"
    source.write_bytes(data)
    file.hardlink_to(source)
    source.unlink()


def sparse(data: bytes, file: Path) -> None:
    """Write the end first, then what lies before it."""
    with file.open("wb") as stream:
        for start in reversed(range(0, len(data), len(data) // 4 + 1)):
            stream.seek(start)
            stream.write(data[start : start + len(data) // 4 + 1])
            stream.flush()
            time.sleep(0.6)


WAYS: tuple[Callable[[bytes, Path], None], ...] = (
    whole,
    slow,
    stalled,
    reserved,
    temporary,
    overwritten,
    renamed_over,
    hard_linked,
    sparse,
)


# --- the storm ------------------------------------------------------------------------------------


@dataclass
class Storm:
    """What is dropped into the inbox of a workspace, and what is to come of it."""

    bench: Bench
    forms: int
    foreign: int
    unready: int
    blank: bytes = field(init=False)
    old: Identity = field(init=False)
    made: int = 0

    def __post_init__(self) -> None:
        """Fill one referral, of which all others are copies of their own."""
        issued = self.bench.issue("referral")
        self.blank = self.bench.filled(issued, REFERRAL)
        self.old = Identity(issued.form, issued.version, UUID(issued.instance_id))

    def form(self) -> bytes:
        """Return another sound form."""
        self.made += 1
        instance = UUID(int=self.old.instance.int ^ self.made << 8)
        token = Identity(self.old.form, self.old.version, instance).sign_token(self.bench.journal.keys)

        def other(_: str, text: str) -> str:
            text = TOKEN.sub(token, text).replace(str(self.old.instance), str(instance))
            return text.replace(self.old.instance.hex, instance.hex)

        return changed(self.blank, other)

    def drop_forms(self) -> None:
        """Drop the sound forms, many at once, each in the next way of copying."""
        chance = random.Random(1)
        jobs = [(WAYS[number % len(WAYS)], self.form(), f"{chance.random():.6f}.docx") for number in range(self.forms)]
        with ThreadPoolExecutor(40) as people:
            list(people.map(lambda job: job[0](job[1], self.bench.workspace.inbox / job[2]), jobs))

    def drop_foreign(self) -> None:
        """Drop files that are no forms, and as much litter of other programs."""
        picture = b"\xff\xd8\xff\xe0"
        for number in range(self.foreign):
            name, own = f"muu-{number}", str(number).encode()
            self.bench.drop(
                *((thing(own), f"{name}.zip"), (own, f"{name}.txt"), (picture + own, f"{name}.jpg"))[number % 3]
            )
            self.bench.drop(b"litter", (f"~${name}.docx", f"._{name}.docx", f"{name}.docx~")[number % 3])

    @contextmanager
    def unready_files(self) -> Iterator[None]:
        """Let sound forms lie in front of all others that are not ready: open, growing, or empty."""
        inbox = self.bench.workspace.inbox
        with ExitStack() as stack:
            for number in range(self.unready):
                file = self.bench.drop(self.form(), f"!{number:03}.docx")
                if number % 2:
                    stack.enter_context(file.open("r+b"))
                else:
                    self.bench.drop(b"", f".~lock.{file.name}#")
            yield
        for lock in inbox.glob(".~lock.!*"):
            lock.unlink()

    @contextmanager
    def file_that_cannot_be_removed(self) -> Iterator[Path]:
        """Let a sound form lie in a folder that nothing can be removed from."""
        folder = self.bench.workspace.inbox / "pysyvä"
        file = self.bench.drop(self.form(), "pysyvä/pysyvä.docx")
        root = os.geteuid() == 0  # whom no mode stops
        if root:
            subprocess.run(["chattr", "+i", str(folder)], check=True)
        folder.chmod(0o555) if not root else None
        try:
            yield file
        finally:
            if root:
                subprocess.run(["chattr", "-i", str(folder)], check=True)
            folder.chmod(0o755)


@dataclass(frozen=True)
class Result:
    """What came of a storm: seconds, the daemon's largest memory in bytes, returns by outcome, forms of the records."""

    seconds: float
    memory: int
    counts: dict[str, int]
    instances: list[str]
    before: dict[str, object]
    after: dict[str, object]


def run(root: Path, forms: int, foreign: int, unready: int, incomplete: float = 30.0) -> Result:
    """Return what comes of a storm in an empty folder, the real daemon being at work in it."""
    (root / "formgen.toml").write_text(SETTINGS.format(incomplete=incomplete), encoding="utf-8")
    bench = Bench(root)
    storm = Storm(bench, forms, foreign, unready)
    with (bench.workspace.inbox / "!valtava.pdf").open("wb") as stream:
        stream.truncate(LARGE)
    command = [sys.executable, "-m", "formgen", "--workspace", str(root)]
    daemon = subprocess.Popen([*command, "watch"], stderr=subprocess.DEVNULL)
    begun = time.monotonic()
    try:
        with storm.unready_files(), storm.file_that_cannot_be_removed():
            storm.drop_foreign()
            storm.drop_forms()
            expected = {"accepted": forms + 1, "rejected": foreign + 1}
            wait_until(bench, lambda: {**bench.journal.count_submissions(), "in_work": 0} == {**expected, "in_work": 0})
            seconds = time.monotonic() - begun
            before = status(command)
        expected["accepted"] += unready
        wait_until(bench, lambda: {**bench.journal.count_submissions(), "in_work": 0} == {**expected, "in_work": 0})
        wait_until(bench, lambda: not any(file.suffix == ".docx" for file in (root / "inbox" / "pysyvä").iterdir()))
        wait_until(bench, lambda: status(command)["ok"])
        memory = next(
            int(line.split()[1]) * 1024
            for line in Path(f"/proc/{daemon.pid}/status").read_text().splitlines()
            if line.startswith("VmHWM")
        )
        after = status(command)
    finally:
        daemon.terminate()
        daemon.wait(PATIENCE)
    records = [json.loads(file.read_text("utf-8")) for file in (root / "outbox" / "records").rglob("*.json")]
    return Result(
        seconds, memory, bench.journal.count_submissions(), [record["instance_id"] for record in records], before, after
    )


def wait_until(bench: Bench, holds: Callable[[], object]) -> None:
    """Look until something holds; give up when nothing has happened for minutes."""
    last, since = None, time.monotonic()
    while not holds():
        now = (bench.journal.count_submissions(), len(list(bench.workspace.inbox.rglob("*"))))
        last, since = (now, time.monotonic()) if now != last else (last, since)
        assert time.monotonic() - since < PATIENCE, now
        time.sleep(0.2)


def status(command: list[str]) -> dict[str, object]:
    """Return what `formgen status` tells."""
    done = subprocess.run([*command, "--json", "status"], capture_output=True, text=True, check=False)
    found: dict[str, object] = json.loads(done.stdout)
    return found


def main() -> None:
    """Run a storm and tell what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--forms", type=int, default=1000)
    parser.add_argument("--foreign", type=int, default=200)
    parser.add_argument("--unready", type=int, default=50)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = run(Path(folder), asked.forms, asked.foreign, asked.unready)
        distinct = len(set(found.instances))
        print(f"{found.counts}, {len(found.instances)} records of {distinct} forms in {found.seconds:.0f} s")
        print(f"daemon: {found.memory / 1e6:.0f} MB; status while it lasted: {found.before}; after: {found.after}")
        sound = distinct == len(found.instances) == asked.forms + 1 + asked.unready and found.memory < MEMORY
        sys.exit(0 if sound and found.after["ok"] else 1)


if __name__ == "__main__":
    main()
