"""A workspace for every test, an intake whose clock stands still, and a person who fills and returns forms."""

from __future__ import annotations

import fcntl
import hashlib
import importlib
import io
import json
import os
import re
import shutil
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import structlog
from hypothesis import settings

from formgen import formats
from formgen.demo import resolve_dates
from formgen.documents.extraction import Question
from formgen.forms import registry
from formgen.intake.pipeline import Intake
from formgen.intake.watcher import Watch
from formgen.issuing.issue import GeneratedDocument, issue_document
from formgen.publishing import outbox
from formgen.sandbox import reader_pool
from formgen.settings import PACKAGED, Office, WorkspaceFolder
from formgen.storage.journal import Journal
from formgen.storage.moments import to_local_date
from formgen.storage.rows import Submission
from tests.support.redteam import find_attack
from tests.support.strategies import KEYS

NOON = datetime(2026, 6, 1, 9, 0, tzinfo=UTC)
SETTINGS = """\
[intake]
quiet = 0.05
incomplete = 0.2
"""
STORIES = json.loads((PACKAGED / "demo" / "cases.json").read_text(encoding="utf-8"))
WALK = STORIES[0]["submissions"]
REFERRAL, DECISION, AGREEMENT, JOB = (turn["answers"] for turn in WALK)
DECIDED = {**REFERRAL, **DECISION}
SECRETS = frozenset(
    text
    for story in STORIES
    for turn in story["submissions"]
    for path, text in turn["answers"].items()
    if re.search(r"name|hetu|email|address|own_words|phone$", path) and len(text) > 4 and " " not in text[:4]
) | {"lomake.docx", "palautus-1.docx"}
settings.register_profile("formgen", deadline=None)  # no test measures time
settings.load_profile("formgen")
PLACES = {"new": 0, "referred": 1, "decided": 2, "signed": 3, "employed": 4}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that play an attack of the security model."""
    for item in items:
        if find_attack(item.nodeid):
            item.add_marker("redteam")


def provenance_of(record: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return where each field of a record comes from, by path."""
    return {one["path"]: one for one in record["provenance"]["fields"]}


@dataclass
class Clock:
    """A clock that stands still until it is moved."""

    now: datetime = NOON

    def __call__(self) -> datetime:
        """Return the moment."""
        return self.now

    def pass_days(self, days: int) -> None:
        """Move the clock forward."""
        self.now += timedelta(days=days)


@dataclass
class Bench:
    """One workspace with its intake, and hands that issue, fill and return forms."""

    root: Path
    clock: Clock = field(default_factory=Clock)
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def __post_init__(self) -> None:
        """Open the workspace, as a process that starts does."""
        self.workspace = WorkspaceFolder(self.root).make_folders()
        self.journal = Journal.open_or_create(
            self.workspace.var, encryptor=self.workspace.encryptor, head=self.workspace.head
        )
        self.registry = registry.load_forms(self.workspace)
        self.intake = Intake(self.workspace, self.journal, self.registry, self.clock)

    def restarted(self) -> Bench:
        """Return the same workspace as another process finds it."""
        return Bench(self.root, self.clock, self.numbers)

    # --- out --------------------------------------------------------------------------------------

    def issue(self, form: str, case_id: str | None = None, **how: Any) -> GeneratedDocument:
        """Return a document that went out."""
        return issue_document(
            self.workspace,
            self.journal,
            self.registry,
            self.registry.find_latest_version(form),
            now=self.clock(),
            instance=self.intake.new_id(),
            case_id=case_id,
            **how,
        )

    def filled(self, made: GeneratedDocument, answers: Mapping[str, str]) -> bytes:
        """Return the document as a person fills it; ``{today+1}`` in an answer is that day."""
        typed = {path: resolve_dates(text, to_local_date(self.clock())) for path, text in answers.items()}
        document: bytes = formats.load_formats()[made.format].fill_document(Path(made.path).read_bytes(), typed)
        return document

    # --- back -------------------------------------------------------------------------------------

    def drop(self, data: bytes, name: str = "") -> Path:
        """Return the file that now lies in the inbox."""
        file = self.workspace.inbox / (name or f"palautus-{next(self.numbers)}.docx")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
        return file

    def watch(self) -> None:
        """Empty the inbox as the daemon does."""
        Watch(self.intake).run(once=True)

    def returned(self, data: bytes, name: str = "") -> Submission:
        """Return the return that a dropped file has become."""
        file = self.drop(data, name)
        self.watch()
        assert not file.exists()
        return self.journal.find_submissions()[-1]

    def send(self, form: str, answers: Mapping[str, str], case_id: str | None = None, **how: Any) -> Submission:
        """Return what became of a form that was issued, filled and dropped."""
        return self.returned(self.filled(self.issue(form, case_id, **how), answers))

    # --- what came of it --------------------------------------------------------------------------

    def row(self, submission_id: str) -> Submission:
        """Return a return as it stands now."""
        return self.journal.find_submissions(submission_id=submission_id)[0]

    def record(self, row: Submission) -> dict[str, Any]:
        """Return the record of an accepted return, read where others read it."""
        assert row.outcome == "accepted", row.reason
        place = outbox.get_record_path(self.workspace, row.case_id, row.record_id, row.form)
        found: dict[str, Any] = json.loads(place.read_text(encoding="utf-8"))
        return found

    def reason(self, row: Submission) -> dict[str, Any]:
        """Return the reason of a rejected return, read where others read it."""
        assert row.outcome == "rejected", row.outcome
        place = outbox.get_rejected_path(self.workspace, f"{row.rejected_as}.reason.json")
        found: dict[str, Any] = json.loads(place.read_text(encoding="utf-8"))
        return found

    def errors(self, row: Submission) -> list[tuple[str, str]]:
        """Return code and field of everything that kept a return from being accepted."""
        return [(error["code"], error["field"]) for error in json.loads(row.reason)["errors"]]

    def feed(self) -> list[dict[str, Any]]:
        """Return the lines of the feed."""
        file = self.workspace.outbox / "feed.ndjson"
        return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()] if file.exists() else []

    def case(self) -> Any:
        """Return the only case as it stands today."""
        (case_id,) = self.journal.list_case_ids()
        return self.journal.load_case(case_id, to_local_date(self.clock()), self.workspace.office, self.registry)


@contextmanager
def umask(mask: int) -> Iterator[None]:
    """Let files be made under another mask."""
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def tree(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder, by path."""
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def changed(data: bytes, change: Callable[[str, str], str], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Return a document each of whose XML parts has gone through ``change(name, text)``."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(out, "w", compression) as target:
        for name in source.namelist():
            part = source.read(name)
            target.writestr(name, change(name, part.decode()).encode() if name.endswith((".xml", ".rels")) else part)
    return out.getvalue()


def thing(text: bytes = b"something") -> bytes:
    """Return a file that is whole, but no form."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as package:
        package.writestr(zipfile.ZipInfo("thing"), text)
    return out.getvalue()


def saved_again(data: bytes) -> bytes:
    """Return the same document in other bytes."""
    again = changed(data, lambda _, text: text, zipfile.ZIP_STORED)
    assert again != data
    return again


def secrets_in(lines: Iterable[str]) -> set[str]:
    """Return which names, numbers and words of the invented people stand in some lines."""
    text = "\n".join(lines)
    return {secret for secret in SECRETS if secret in text}


def build_once(folder: Path, build: Callable[[Path], None]) -> Path:
    """Build a folder once for all who run the tests, and return it."""
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            work = folder.with_suffix(".work")
            shutil.rmtree(work, ignore_errors=True)
            build(work)
            work.rename(folder)
    return folder


@pytest.fixture(autouse=True)
def quiet_log() -> Iterator[None]:
    """Keep log lines off the output, and hold that none tells of anybody; what a command has configured ends here."""
    lines: list[str] = []

    def note(_logger: object, _method: str, event: Any) -> Any:
        lines.append(str(event))
        return event

    structlog.configure(
        processors=[note, structlog.dev.ConsoleRenderer()], logger_factory=structlog.ReturnLoggerFactory()
    )
    yield
    structlog.reset_defaults()
    assert secrets_in(lines) == set()


@pytest.fixture
def workspace(tmp_path: Path) -> WorkspaceFolder:
    """Return an empty workspace that waits for nothing long."""
    root = tmp_path / "työtila"
    root.mkdir()
    (root / "formgen.toml").write_text(SETTINGS, encoding="utf-8")
    return WorkspaceFolder(root).make_folders()


@pytest.fixture
def bench(workspace: WorkspaceFolder) -> Bench:
    """Return an empty workspace with its intake."""
    return Bench(workspace.root)


@pytest.fixture
def unwalled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read without a child process: for tests of what happens around the reading."""
    monkeypatch.setattr(reader_pool, "read", lambda data, papers, _: formats.read_document(data, papers))


@pytest.fixture(scope="session")
def walked(common: Path) -> Callable[[int], Path]:
    """Return the workspace in which the first so many returns of the demo's first case were accepted."""

    def after(turns: int) -> Path:
        return build_once(common / f"walked-{turns}", lambda root: walk(root, turns))

    def walk(root: Path, turns: int) -> None:
        if turns == 0:
            root.mkdir()
            (root / "formgen.toml").write_text(SETTINGS, encoding="utf-8")
            Bench(root).journal.engine.dispose()
            return
        shutil.copytree(after(turns - 1), root)
        bench = Bench(root)
        case_id = bench.case().case_id if turns > 1 else None
        turn = WALK[turns - 1]
        row = bench.send(turn["form"], turn["answers"], case_id)
        assert row.outcome == "accepted", row.reason
        bench.journal.engine.dispose()

    return after


@pytest.fixture
def at(walked: Callable[[int], Path], tmp_path: Path) -> Callable[[str], Bench]:
    """Return a function that gives a workspace whose only case has come to a place of the walk (`PLACES`)."""

    def stand(place: str) -> Bench:
        root = tmp_path / place
        shutil.copytree(walked(PLACES[place]), root)
        return Bench(root)

    return stand


@pytest.fixture(scope="session")
def common(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """Return a folder that all who run the tests share."""
    base = tmp_path_factory.getbasetemp()
    return base if worker_id == "master" else base.parent


@pytest.fixture(scope="session", autouse=True)
def typeset(common: Path) -> Iterator[Callable[..., bytes]]:
    """Typeset each layout once in a run, a second of the processor each, and return what does it anew.

    That the same description gives the same bytes is shown in `test_pdf_render`.
    """
    layout = importlib.import_module("formgen.formats.pdf.layout")
    anew = layout.typeset_form
    folder = common / "typeset"
    folder.mkdir(exist_ok=True)

    def typeset_once(form: str, questions: tuple[Question, ...]) -> bytes:
        file = folder / hashlib.sha256(f"{form}{questions}".encode()).hexdigest()
        if not file.exists():
            work = file.with_name(f"{file.name}.{os.getpid()}")
            work.write_bytes(anew(form, questions))
            work.rename(file)
        return file.read_bytes()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layout, "typeset_form", typeset_once)
        yield anew


@pytest.fixture(scope="session")
def desk(common: Path) -> Any:
    """Return what PDF forms are drawn with; their layouts are shared by all that run the tests."""
    return SimpleNamespace(office=Office(), keys=KEYS, var=common)
