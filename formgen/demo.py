"""Stories: invented cases whose forms are made, filled and returned on the real path."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from hashlib import sha256
from importlib.util import module_from_spec, spec_from_file_location
from itertools import count
from pathlib import Path
from random import Random
from types import ModuleType
from uuid import UUID

from formgen import formats
from formgen.cases.workflow import Case, check_hold, check_resume
from formgen.errors import UsageError
from formgen.fields import DayDate
from formgen.forms import registry
from formgen.intake.pipeline import Intake
from formgen.intake.watcher import Watch, hold_workspace_lock
from formgen.issuing.issue import issue_document
from formgen.settings import PACKAGED, WorkspaceFolder
from formgen.storage.journal import Journal
from formgen.storage.moments import to_local_date
from formgen.storage.rows import Submission

DAY = re.compile(r"\{today([+-]\d+)?\}")


@dataclass(frozen=True)
class Turn:
    """One turn of a story: a form that is made, filled and returned, or a step that no document makes.

    ``answers`` are as a person types them; ``{today-3}`` in one is that day. ``document`` names
    the paper: one that the story has seen before is filled on and returned again, and without
    answers the very same comes once more. ``step`` is one of the steps of a hold, its note in ``answers``.
    """

    story: str
    form: str
    answers: Mapping[str, str] = field(default_factory=dict, hash=False)
    expect: str = "accepted"
    language: str | None = None
    at: datetime | None = None
    document: str = ""
    step: str = ""


@dataclass(frozen=True)
class Outcome:
    """What became of one turn of a story: the submission as it stands after it, None after a step without one."""

    turn: Turn
    row: Submission | None

    @property
    def is_expected(self) -> bool:
        """Tell whether it became what the story says."""
        return self.row is None or self.row.outcome == self.turn.expect


@dataclass
class Clock:
    """A clock that stands still until a story moves it."""

    now: datetime

    def __call__(self) -> datetime:
        """Return the moment."""
        return self.now


@dataclass
class Stage:
    """Where stories are played: the way in, the cases that they have opened, the papers that people hold."""

    intake: Intake
    cases: dict[str, str] = field(default_factory=dict)
    documents: dict[tuple[str, str], bytes] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def fill_document(self, turn: Turn) -> bytes:
        """Return the filled document of a turn: a new one with what is known in it, or an earlier one filled on."""
        paper = self.documents.get((turn.story, turn.document)) or self.issue_form(turn)
        if turn.answers:
            today = to_local_date(self.intake.clock())
            typed = {path: resolve_dates(text, today) for path, text in turn.answers.items()}
            paper = formats.get_preferred_format().fill_document(paper, typed)
        if turn.document:
            self.documents[turn.story, turn.document] = paper
        return paper

    def issue_form(self, turn: Turn) -> bytes:
        """Return the document of a turn as it goes out."""
        intake = self.intake
        form = intake.registry.find_latest_version(turn.form)
        made = issue_document(
            intake.workspace,
            intake.journal,
            intake.registry,
            form,
            now=intake.clock(),
            instance=intake.new_id(),
            case_id=None if form.unit else self.cases.get(turn.story),
            language=turn.language,
        )
        return Path(made.path).read_bytes()

    def submit_documents(self, papers: Iterable[tuple[Turn, bytes]], watch: Watch) -> list[Outcome]:
        """Lay filled documents into the inbox together, have it emptied, and return what became of each."""
        names = {}
        for turn, paper in papers:
            names[f"palautus-{next(self.numbers):05}.docx"] = turn
            (self.intake.workspace.inbox / list(names)[-1]).write_bytes(paper)
        watch.drain_inbox()
        rows = {name: self.intake.journal.find_submissions(file_name=name)[-1] for name in names}
        for name, turn in names.items():
            if case_id := rows[name].case_id:
                self.cases[turn.story] = case_id
        return [Outcome(turn, rows[name]) for name, turn in names.items()]

    def take_step(self, turn: Turn) -> Outcome:
        """Take a step that no document makes: a hold begins or ends."""
        case = self.load_case(turn.story)
        days = {name: date.fromisoformat(text) for name, text in turn.answers.items() if name != "reason"}
        for found in (check_hold if turn.step == case.process.hold.begin else check_resume)(case, **days):
            if found.severity == "error":
                raise UsageError(found.message, **found.values)
        self.intake.journal.add_manual_step(case, turn.step, turn.answers, self.intake.clock())
        return Outcome(turn, None)

    def load_case(self, story: str) -> Case:
        """Return the case of a story as it stands today."""
        intake = self.intake
        return intake.journal.load_case(
            self.cases[story], to_local_date(intake.clock()), intake.workspace.office, intake.registry
        )


def play_stories(stage: Stage, batches: Iterable[list[Turn]]) -> Iterator[Outcome]:
    """Play the turns of stories, those of a batch being returned together; yield what became of each.

    The clock of the stage is set to the moment of a batch where it tells one.
    """
    intake, watch = stage.intake, Watch(stage.intake)
    with hold_workspace_lock(intake.workspace):
        intake.recover_from_crash()
        for batch in batches:
            if batch[0].at and isinstance(intake.clock, Clock):
                intake.clock.now = batch[0].at
            yield from [stage.take_step(turn) for turn in batch if turn.step]
            yield from stage.submit_documents(
                [(turn, stage.fill_document(turn)) for turn in batch if not turn.step], watch
            )


def iter_demo_turns() -> Iterator[list[Turn]]:
    """Yield the turns of the demonstration cases, each returned on its own."""
    stories = json.loads((PACKAGED / "demo" / "cases.json").read_text(encoding="utf-8"))
    for story in stories:
        for turn in story["submissions"]:
            yield [Turn(story["name"], turn["form"], turn["answers"], turn["expect"], turn.get("language"))]


def load_year_module() -> ModuleType:
    """Return the module of the content that invents the year of a unit: ``COACHES``, ``FIRST`` and ``year``."""
    name = "formgen_demo_year"
    if name not in sys.modules:
        found = spec_from_file_location(name, PACKAGED / "demo" / "year.py")
        assert found, "the content has its year"
        assert found.loader, "a file has its loader"
        module = sys.modules[name] = module_from_spec(found)
        found.loader.exec_module(module)
    return sys.modules[name]


def create_unit_stage(root: Path, coaches: int, seed: int) -> Stage:
    """Return the stage for a year of a unit in an empty workspace, all of it following from the seed.

    Even the signing key does: such a workspace is for play, and what it signs is nobody's. Raise
    `UsageError` where there is a workspace already.
    """
    if (root / "var").exists():
        raise UsageError("Kansiossa {folder} on jo työtila. Valitse tyhjä kansio.", folder=str(root))
    WorkspaceFolder(root).make_folders()
    workspace = WorkspaceFolder(root)  # its settings are those that are written here
    names = [f"\n[[coaches]]\nname = {json.dumps(name)}" for name in load_year_module().COACHES[:coaches]]
    (root / "formgen.toml").write_text("\n".join(["[intake]", "quiet = 0.0", *names, ""]), encoding="utf-8")
    clock = Clock(datetime.combine(load_year_module().FIRST, time(), UTC))
    journal = Journal.open_or_create(workspace.var, encryptor=workspace.encryptor, head=workspace.head)
    journal.rotate_key(clock(), sha256(f"formgen {seed}".encode()).digest())
    return Stage(Intake(workspace, journal, registry.load_forms(workspace), clock, build_id_factory(seed, clock)))


def list_daily_turns(stage: Stage, clients: int, seed: int) -> list[list[Turn]]:
    """Return the turns of the unit's year, those of a day together."""
    coaches = [coach.name for coach in stage.intake.workspace.office.coaches]
    return list(load_year_module().year(stage.intake.registry, clients, coaches, seed))


def build_id_factory(seed: int, clock: Clock) -> Callable[[], UUID]:
    """Return a maker of UUIDv7s that follow from a seed: the clock's moment, a running number, then chance."""
    random, numbers = Random(seed), count()  # noqa: S311 - a story, no secret

    def new() -> UUID:
        rest = next(numbers) << 48 | random.getrandbits(48)
        moment = int(clock().timestamp() * 1000)
        return UUID(int=moment << 80 | 7 << 76 | (rest >> 62) << 64 | 2 << 62 | rest & (1 << 62) - 1)

    return new


def resolve_dates(text: str, today: date) -> str:
    """Return a text with ``{today-3}`` replaced by that day.

    >>> resolve_dates("alkaen {today+1}", date(2026, 2, 28))
    'alkaen 1.3.2026'
    """
    return DAY.sub(lambda match: DayDate().write(today + timedelta(days=int(match[1] or 0))), text)
