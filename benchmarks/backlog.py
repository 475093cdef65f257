"""How fast a backlog of mixed returns is emptied, each with everything on disk, and at what memory.

Run as ``python -m benchmarks.backlog [RETURNS]``. The returns are those of an invented year,
restamped as those of as many cases as it takes: other instances and other case ids, signed with
the workspace's own key. Among them are files that came before, files that are cut off and files
that are no forms. What is timed is ``formgen watch --once``; the rate is that of each thousand by
the time of its outcomes, the memory that of the daemon and its readers, shared pages counted once.
"""

from __future__ import annotations

import io
import json
import logging
import os
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import count, islice, pairwise
from pathlib import Path
from typing import Any
from uuid import UUID

import structlog

from benchmarks.contest import circumstances
from formgen import demo
from formgen.documents.extraction import TOKEN, Identity, Keyring
from formgen.formats.docx.package import Member, deflate_member, pack_members
from formgen.settings import WorkspaceFolder
from formgen.storage.database import dump_json
from formgen.storage.journal import Journal
from formgen.storage.rows import IssuedDocument
from formgen.storage.tables import cases

CLIENTS, SEED, RETURNS = 6, 1, 10_000
MEMORY, STEADY = 300, 1.1
SETTINGS = {"FORMGEN_INTAKE__INCOMPLETE": "1"}  # seconds for which a file that is cut off may still become whole


@dataclass(frozen=True)
class Sample:
    """A return of the year that is copied: its file, its case, and what was written down when it was issued.

    Of the file, members that tell nothing of the case are ready; of others the text is there, each second
    piece the name of a word of `words`.
    """

    members: tuple[Member | tuple[str, list[str]], ...]
    case_id: str
    issued: IssuedDocument

    @classmethod
    def of(cls, data: bytes, case_id: str, issued: IssuedDocument) -> Sample:
        """Return the sample of a file."""
        marks = {word: f"\0{name}\0" for name, word in words(UUID(issued.instance_id), case_id).items()}
        members: list[Member | tuple[str, list[str]]] = []
        with zipfile.ZipFile(io.BytesIO(data)) as package:
            for name in package.namelist():
                content = package.read(name)
                text = TOKEN.sub("\0token\0", content.decode()) if name.endswith((".xml", ".rels")) else ""
                for word, mark in marks.items():
                    text = text.replace(word, mark)
                members.append((name, text.split("\0")) if "\0" in text else deflate_member(name, content))
        return cls(tuple(members), case_id, issued)

    def again(self, case_id: str, turn: int, keys: Keyring) -> tuple[bytes, IssuedDocument]:
        """Return the file as that of another case and instance, and what is written down of its issue."""
        new = UUID(int=UUID(self.issued.instance_id).int ^ turn << 16)
        told = {name: getattr(self.issued, name) for name in ("answers", "sources")}
        told = {name: json.loads(dump_json(value).replace(self.case_id, case_id)) for name, value in told.items()}
        row = replace(self.issued, instance_id=str(new), case_id=case_id, **told)
        said = words(new, case_id) | {"token": Identity(row.form, row.version, new).sign_token(keys)}
        return pack_members(
            member if isinstance(member, Member) else stamped(*member, said) for member in self.members
        ), row


def words(instance: UUID, case_id: str) -> dict[str, str]:
    """Return what a file says of its case and instance besides the token."""
    return {"case": case_id, "instance": str(instance), "hex": instance.hex}


def stamped(name: str, pieces: list[str], said: Mapping[str, str]) -> Member:
    """Return the member of a text whose every second piece is the name of a word."""
    return deflate_member(name, "".join(said[piece] if at % 2 else piece for at, piece in enumerate(pieces)).encode())


def year(folder: Path) -> tuple[WorkspaceFolder, list[Sample]]:
    """Return the workspace of an invented year and the accepted returns of its cases, in the order they came."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    stage = demo.create_unit_stage(folder, 1, SEED)
    for _ in demo.play_stories(stage, demo.list_daily_turns(stage, CLIENTS, SEED)):
        pass
    intake = stage.intake
    samples = []
    for row in intake.journal.find_submissions(outcome="accepted"):
        gone_out = intake.journal.find_issued_document(row.instance_id)
        if row.case_id and gone_out:
            samples.append(Sample.of(intake.read_original(row), row.case_id, gone_out))
    return intake.workspace, samples


def mixed(samples: list[Sample], journal: Journal) -> Iterator[bytes]:
    """Yield the samples again and again as returns of other cases, and every tenth time something that is none."""
    odd = count(1)
    opened = sorted({sample.case_id for sample in samples})
    for turn in count(1):
        own = {case_id: f"PK-2025-{turn * 100 + number:06}" for number, case_id in enumerate(opened)}
        copies = [sample.again(own[sample.case_id], turn, journal.keys) for sample in samples]
        with journal.begin_transaction():
            open_cases(journal, own.values())
            for row in {row.instance_id: row for _, row in copies}.values():
                journal.add_issued_document(row)
        for number, (data, _) in enumerate(copies):
            yield data
            if number % 10 == 0:
                yield (data, data[:-200], f"no form {next(odd)}".encode())[number // 10 % 3]


def open_cases(journal: Journal, case_ids: Iterable[str]) -> None:
    """Open cases under their ids."""
    shared: dict[str, Any] = {"prefix": "PK", "year": 2025, "opened_at": "2025-01-01T00:00:00.000Z"}
    with journal.begin_transaction() as connection:
        for case_id in case_ids:
            row = {"case_id": case_id, "number": int(case_id.rpartition("-")[2]), **shared}
            journal.insert_row(connection, cases, row, shared["opened_at"])


def filled(folder: Path, source: WorkspaceFolder, samples: list[Sample], number: int) -> WorkspaceFolder:
    """Return a new workspace in whose inbox that many returns lie."""
    folder.mkdir()
    (folder / "formgen.toml").write_bytes((source.root / "formgen.toml").read_bytes())
    workspace = WorkspaceFolder(folder).make_folders()
    journal = Journal.open_or_create(workspace.var)
    for key in (source.var / "keys").iterdir():
        journal.rotate_key(demo.datetime.now(demo.UTC), key.read_bytes())
    for index, data in enumerate(islice(mixed(samples, journal), number)):
        (workspace.inbox / f"{index:06}.docx").write_bytes(data)
    journal.engine.dispose()
    return workspace


def emptied(workspace: WorkspaceFolder) -> tuple[float, float, float]:
    """Return how long the daemon takes to empty the inbox, and the most that it and its readers use.

    That is seconds, megabytes, and seconds of the processor.
    """
    start, most, cost = time.monotonic(), 0.0, 0.0
    command = [sys.executable, "-m", "formgen", "--workspace", str(workspace.root), "watch", "--once"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, env=os.environ | SETTINGS, **quiet) as daemon:  # noqa: S603
        while daemon.poll() is None:
            at_work = list(family(daemon.pid))
            most = max(most, sum(map(proportional, at_work)))
            cost = max(cost, sum(map(processor, at_work)))
            time.sleep(0.25)
    return time.monotonic() - start, most, cost


def family(process: int) -> Iterator[int]:
    """Yield a process and all that it has started."""
    yield process
    with suppress(OSError):
        for task in Path(f"/proc/{process}/task").iterdir():
            for child in (task / "children").read_text().split():
                yield from family(int(child))


def proportional(process: int) -> float:
    """Return the megabytes of a process, each shared page divided by those who share it."""
    with suppress(OSError):
        for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) / 1000
    return 0.0


def processor(process: int) -> float:
    """Return the seconds of the processor that a process, and those that it has seen end, have used."""
    with suppress(OSError):
        spent = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[11:15]
        return sum(map(int, spent)) / os.sysconf("SC_CLK_TCK")
    return 0.0


@dataclass(frozen=True)
class Backlog:
    """What came of a backlog: outcomes, whether all are accounted for, and what it took.

    ``seconds`` hold start-up and quiet time, ``rates`` are returns a second in each tenth,
    ``memory`` the most megabytes, ``cost`` milliseconds of the processor for each return.
    """

    number: int
    counts: Mapping[str, int]
    accounted: bool
    seconds: float
    rates: list[float]
    memory: float
    cost: float

    @property
    def rate(self) -> float:
        """Return the returns a second from the first outcome to the last."""
        return statistics.harmonic_mean(self.rates)


def measured(folder: Path, source: WorkspaceFolder, samples: list[Sample], number: int) -> Backlog:
    """Return what came of a backlog of that many returns, laid into a new workspace."""
    workspace = filled(folder, source, samples, number)
    seconds, most, cost = emptied(workspace)
    journal = Journal.open_or_create(workspace.var)
    counts, rows = journal.count_submissions(), journal.find_submissions()
    feed = (workspace.outbox / "feed.ndjson").read_text(encoding="utf-8").splitlines()
    left = [file for file in workspace.inbox.iterdir() if file.suffix == ".docx"]
    settled = sorted(demo.datetime.fromisoformat(row.processed_at).timestamp() for row in rows)
    step = max(1, number // 10)
    ends = [settled[0], *(settled[end - 1] for end in range(step, number + 1, step))]
    rates = [step / max(after - before, 0.001) for before, after in pairwise(ends)]
    accounted = not left and "in_work" not in counts and sum(counts.values()) == number <= len(feed)
    return Backlog(number, counts, accounted, seconds, rates, most, cost / number * 1000)


def main() -> int:
    """Print what came of the backlog, rate and memory; return 1 when something is amiss."""
    number = int(sys.argv[1]) if len(sys.argv) > 1 else RETURNS
    with tempfile.TemporaryDirectory() as folder:
        source, samples = year(Path(folder) / "year")
        found = measured(Path(folder) / "backlog", source, samples, number)
    rates = found.rates
    print(f"returns  {json.dumps(found.counts)}, {'all' if found.accounted else 'NOT ALL'} accounted for")
    print(f"rate     {number / found.seconds:.1f} a second in {found.seconds:.0f} s, start-up and quiet time within")
    print(f"         {', '.join(f'{rate:.1f}' for rate in rates)} in each tenth")
    print(f"ratio    first tenth to last tenth {rates[0] / rates[-1]:.2f} (goal {STEADY} at most)")
    print(f"memory   {found.memory:.0f} MB at most, daemon and readers (goal {MEMORY})")
    print(f"cost     {found.cost:.1f} ms of the processor a return")
    circumstances("lxml", "sqlalchemy")
    return int(not found.accounted or found.memory > MEMORY or rates[0] / rates[-1] > STEADY)


if __name__ == "__main__":
    sys.exit(main())
