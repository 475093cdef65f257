"""The state of a workspace: how many submissions have ended how, what lies waiting, and what is wrong, in words."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import Any

from formgen import files
from formgen.errors import OutOfReach, SandboxUnavailable
from formgen.i18n import N_
from formgen.intake.inbox import DEEPEST, Entry, hash_file_name, iter_entries
from formgen.intake.watcher import CHANGING, EMPTY, OPEN, SANDBOX, UNFINISHED, is_daemon_alive
from formgen.publishing import outbox
from formgen.sandbox import confine
from formgen.sandbox.reader_pool import list_missing_protections
from formgen.settings import Workspace
from formgen.storage.journal import Journal
from formgen.storage.rows import NotedProblem

OUTCOMES = ("accepted", "review", "waiting", "rejected", "duplicate", "in_work")
UNWATCHED, FORGOTTEN = 600.0, 3600.0
MIN_FREE_BYTES = 200_000_000
MAX_NAMED_PROBLEMS = 20  # problems of one kind that are named one by one
STAGES = {
    "take": N_("Tiedostoa {place} ei voi ottaa kansiosta inbox tai poistaa sieltä: {cause}"),
    "process": N_("Palautuksen {subject} käsittely ei onnistu: {cause}"),
    "settle": N_("Odottavaa palautusta {subject} ei voi ratkaista: {cause}"),
    "publish": N_("Palautuksen {subject} tulosta ei voi kirjoittaa kansioon outbox: {cause}"),
}
WAITS = {
    EMPTY: N_("Tiedosto {place} odottaa kansiossa inbox: se on tyhjä."),
    OPEN: N_("Tiedosto {place} odottaa kansiossa inbox: se on auki toisessa ohjelmassa."),
    UNFINISHED: N_("Tiedosto {place} odottaa kansiossa inbox: se ei ole vielä kokonainen, tai sen muotoa ei tunneta."),
    CHANGING: N_("Tiedosto {place} odottaa kansiossa inbox: se muuttuu yhä."),
}
WHOLE = {
    "take": N_("Kansiosta inbox ei voi ottaa tiedostoja: {cause}"),
    "process": N_("Palautuksia ei voi käsitellä: {cause}"),
    "publish": N_("Kansioon outbox ei voi kirjoittaa: {cause}"),
    "upkeep": N_("Käsittelyn ylläpito ei onnistu ({subject}): {cause}"),
}


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: a message and its values; ``waits`` when it only waits for somebody.

    The ``remedy`` is a method of `formgen.Workspace` that mends it or tells more.
    """

    message: str
    values: dict[str, Any] = field(default_factory=dict)
    waits: bool = False
    remedy: str = ""


@dataclass(frozen=True)
class Health:
    """What a workspace is like at one moment; ``oldest`` is how long in seconds a file has lain, at the most.

    ``sandbox`` tells for each protection whether it holds for those who read foreign files; ``warnings`` are what
    the office has allowed.
    """

    received: int
    counts: dict[str, int]
    inbox: int
    ignored: int
    oldest: float | None
    alive: bool
    problems: tuple[Problem, ...]
    sandbox: Mapping[str, bool]
    warnings: tuple[Problem, ...]


def check_health(workspace: Workspace, journal: Journal, now: float) -> Health:
    """Return the state of a workspace; ``now`` is the system's clock, seconds."""
    lying = tuple(iter_entries(workspace.inbox, workspace.office.intake.ignore))
    kinds = Counter(entry.kind for entry in lying)
    noted = find_open_problems(workspace, journal, lying)
    ages = [get_file_age(workspace, entry, noted, now) for entry in lying if entry.kind == "file"]
    oldest = round(max(0.0, *ages), 1) if ages else None
    counts = journal.count_submissions()
    found = {name: counts.get(name, 0) for name in OUTCOMES}
    living = is_daemon_alive(workspace)
    told = [row for row in noted.values() if row.stage != "wait" or get_problem_age(row, now) > FORGOTTEN]
    problems = (
        *find_count_problems(journal, counts),
        *find_trust_problems(journal),
        *find_inbox_problems(workspace, lying, told, oldest, living),
        *iter_noted_problems(told),
        *find_work_problems(workspace, journal, noted),
    )
    sandbox = check_sandbox_protections(workspace, living)
    weak = tuple(find_sandbox_problems(workspace, sandbox))
    warnings, refused = (weak, ()) if workspace.office.intake.allow_weak_sandbox else ((), weak)
    lie = kinds["file"], kinds["ignored"], oldest
    return Health(sum(counts.values()), found, *lie, living, (*problems, *refused), sandbox, warnings)


def find_unfinished_work(workspace: Workspace, journal: Journal) -> tuple[Problem, ...]:
    """Find what a daemon that has ended could not take, process or publish, and which files it has left waiting."""
    lying = tuple(iter_entries(workspace.inbox, workspace.office.intake.ignore))
    closed = (entry for entry in lying if entry.kind in ("unreadable", "deep"))
    return (
        *find_entry_problems(workspace, closed),
        *iter_noted_problems(find_open_problems(workspace, journal, lying).values()),
    )


def find_open_problems(
    workspace: Workspace, journal: Journal, lying: Iterable[Entry]
) -> dict[tuple[str, str], NotedProblem]:
    """Find what was written down as a problem, by stage and subject, but for files that are gone."""
    there = {hash_file_name(workspace, entry.file) for entry in lying}
    return {(row.stage, row.subject): row for row in journal.list_problems() if not row.place or row.subject in there}


def get_problem_age(row: NotedProblem, now: float) -> float:
    """Return the seconds for which there has been a problem."""
    return now - datetime.fromisoformat(row.since).timestamp()


def get_file_age(
    workspace: Workspace, entry: Entry, noted: Mapping[tuple[str, str], NotedProblem], now: float
) -> float:
    """Return the seconds since a file was first seen; since it came, where no daemon has seen it yet.

    The time at which it was last written may be of long ago, when it was copied from somewhere else.
    """
    about = hash_file_name(workspace, entry.file)
    row = noted.get(("wait", about)) or noted.get(("take", about))
    return get_problem_age(row, now) if row else now - entry.status.st_ctime if entry.status else 0.0


def check_sandbox_protections(workspace: Workspace, living: bool) -> Mapping[str, bool]:
    """Return for each protection whether it holds: for the daemon's readers, as it has noted, or for those of ours."""
    if living:
        with suppress(OSError, ValueError), files.open_for_reading(workspace.var / SANDBOX) as stream:
            found: dict[str, bool] = json.load(stream)
            return found
    return confine.probe_reader_protections()


def find_sandbox_problems(workspace: Workspace, held: Mapping[str, bool]) -> Iterator[Problem]:
    """Find what a foreign file cannot be kept from on this machine."""
    if lacking := list_missing_protections(held):
        allowed = workspace.office.intake.allow_weak_sandbox
        message = N_("Heikompi suojaus on sallittu: tällä koneella haitallista tiedostoa ei voi estää {what}.")
        yield Problem(message if allowed else SandboxUnavailable().message, {"what": lacking})


def require_sandbox(workspace: Workspace, living: bool) -> None:
    """Raise `SandboxUnavailable` where foreign files are not read, because they could do harm."""
    lacking = list_missing_protections(check_sandbox_protections(workspace, living))
    if lacking and not workspace.office.intake.allow_weak_sandbox:
        raise SandboxUnavailable(what=lacking)


def find_count_problems(journal: Journal, counts: dict[str, int]) -> Iterator[Problem]:
    """Find what does not add up: every submission has one outcome or is in work, and every outcome was told."""
    received, named_ = sum(counts.values()), sum(counts.get(name, 0) for name in OUTCOMES)
    if received != named_:
        yield Problem("Palautuksia on {received}, mutta tuloksia {named}.", {"received": received, "named": named_})
    settled, told = received - counts.get("in_work", 0), journal.count_submissions_with_events()
    if settled != told:
        yield Problem("Tuloksia on {settled}, mutta tapahtumia {told}.", {"settled": settled, "told": told})


def find_trust_problems(journal: Journal) -> Iterator[Problem]:
    """Yield why nothing is signed, recognised or written: a key that is not as it was made, a log that was cut off."""
    try:
        _ = journal.keys
        journal.require_end()
    except OutOfReach as error:
        yield Problem(error.message, error.values, remedy=error.remedy)


def find_entry_problems(workspace: Workspace, lying: Iterable[Entry]) -> Iterator[Problem]:
    """Find what in the inbox cannot be looked at or is never opened; what lies too deep, once a folder."""
    deep: set[str] = set()
    for entry in lying:
        if entry.kind == "deep":
            deep.add(files.make_printable(entry.file.relative_to(workspace.inbox).parts[0]))
        if entry.kind == "odd":
            yield Problem("Ei tavallinen tiedosto: {name}", {"name": files.make_printable(entry.file.name)})
        if entry.kind == "unreadable":
            yield Problem("Kansiota ei voi lukea: {name}", {"name": files.make_printable(entry.file.name)})
    message = N_("Kansiossa {name} on yli {depth} kansiota sisäkkäin: syvemmältä ei oteta tiedostoja.")
    yield from (Problem(message, {"name": name, "depth": DEEPEST}) for name in sorted(deep))


def find_inbox_problems(
    workspace: Workspace, lying: Iterable[Entry], noted: Iterable[NotedProblem], oldest: float | None, living: bool
) -> Iterator[Problem]:
    """Find problems of the inbox; ``noted`` are the problems that were written down."""
    yield from find_entry_problems(workspace, lying)
    if oldest is not None and not living and oldest > UNWATCHED:
        yield Problem("Tiedostoja odottaa, mutta kansiota ei vahdita.", remedy="build_watch")
    elif oldest is not None and oldest > FORGOTTEN and not any(row.place for row in noted):
        yield Problem("Kansiossa inbox on tiedosto, jota ei ole voitu ottaa tuntiin. Onko se auki jollakulla?")


def iter_noted_problems(rows: Iterable[NotedProblem]) -> Iterator[Problem]:
    """Yield problems that were written down, of each stage no more than `NAMED` one by one."""
    for stage, found in groupby(sorted(rows, key=attrgetter("stage")), key=attrgetter("stage")):
        several = list(found)
        for row in several[:MAX_NAMED_PROBLEMS]:
            yield Problem(
                choose_message(row), {"place": row.place, "subject": row.subject, "cause": row.cause}, stage == "wait"
            )
        if several[MAX_NAMED_PROBLEMS:]:
            yield Problem(
                "Samanlaisia ongelmia on lisää: {number}",
                {"number": len(several) - MAX_NAMED_PROBLEMS},
                stage == "wait",
            )


def choose_message(row: NotedProblem) -> str:
    """Choose the message of a problem that was written down."""
    if row.stage == "wait":
        return WAITS[row.cause]
    return WHOLE[row.stage] if row.stage == "upkeep" or not row.subject else STAGES[row.stage]


def find_work_problems(
    workspace: Workspace, journal: Journal, noted: Mapping[tuple[str, str], NotedProblem]
) -> Iterator[Problem]:
    """Find what keeps submissions from being settled or published."""
    for row in journal.list_retried_submissions():
        if ("process", row.submission_id) not in noted:
            values = {"attempts": row.attempts, "id": row.submission_id}
            yield Problem("Palautusta ei ole voitu lukea {attempts} yrityksellä: {id}", values)
    if lacking := journal.count_events_after(outbox.read_last_seq(workspace)):
        yield Problem("Kirjoittamatta outbox-kansioon: {number}", {"number": lacking})
    if shutil.disk_usage(workspace.var).free < MIN_FREE_BYTES:
        yield Problem("Levytila on loppumassa.")
