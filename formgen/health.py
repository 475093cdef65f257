"""The state of a workspace: how many returns have ended how, what lies waiting, and what is wrong, in words."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from formgen import cage, outbox
from formgen.errors import SandboxUnavailable
from formgen.intake import shown
from formgen.settings import Workspace
from formgen.store import Journal
from formgen.wall import missing
from formgen.watch import SANDBOX, alive, candidates, oddities

OUTCOMES = ("accepted", "review", "waiting", "rejected", "duplicate", "in_work")
UNWATCHED, FORGOTTEN = 600.0, 3600.0
ROOM = 200_000_000


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: a message and its values."""

    message: str
    values: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Health:
    """What a workspace is like at one moment; ``oldest`` is the age in seconds of what has lain longest.

    ``sandbox`` tells for each protection whether it holds for those who read foreign files; ``warnings`` are what
    the office has allowed.
    """

    received: int
    counts: dict[str, int]
    inbox: int
    oldest: float | None
    alive: bool
    problems: tuple[Problem, ...]
    sandbox: Mapping[str, bool]
    warnings: tuple[Problem, ...]


def health(workspace: Workspace, journal: Journal, now: float) -> Health:
    """Return the state of a workspace; ``now`` is the system's clock, seconds."""
    lying = [found.st_mtime for _, found in candidates(workspace.inbox)]
    oldest = round(max(0.0, now - min(lying)), 1) if lying else None
    counts = journal.counts()
    found = {name: counts.get(name, 0) for name in OUTCOMES}
    living = alive(workspace)
    problems = (*of_ledger(journal, counts), *of_inbox(workspace, oldest, living), *of_work(workspace, journal))
    sandbox = sandbox_of(workspace, living)
    weak = tuple(of_sandbox(workspace, sandbox))
    warnings, refused = (weak, ()) if workspace.office.intake.allow_weak_sandbox else ((), weak)
    return Health(sum(counts.values()), found, len(lying), oldest, living, (*problems, *refused), sandbox, warnings)


def sandbox_of(workspace: Workspace, living: bool) -> Mapping[str, bool]:
    """Return for each protection whether it holds: for the daemon's readers, as it has noted, or for those of ours."""
    if living:
        with suppress(OSError, ValueError):
            found: dict[str, bool] = json.loads((workspace.var / SANDBOX).read_bytes())
            return found
    return cage.tried()


def of_sandbox(workspace: Workspace, held: Mapping[str, bool]) -> Iterator[Problem]:
    """Yield what a foreign file cannot be kept from on this machine."""
    if lacking := missing(held):
        allowed = workspace.office.intake.allow_weak_sandbox
        message = "Heikompi suojaus on sallittu: tällä koneella haitallista tiedostoa ei voi estää {what}."
        yield Problem(message if allowed else SandboxUnavailable().message, {"what": lacking})


def require_sandbox(workspace: Workspace, living: bool) -> None:
    """Raise `SandboxUnavailable` where foreign files are not read, because they could do harm."""
    lacking = missing(sandbox_of(workspace, living))
    if lacking and not workspace.office.intake.allow_weak_sandbox:
        raise SandboxUnavailable(what=lacking)


def of_ledger(journal: Journal, counts: dict[str, int]) -> Iterator[Problem]:
    """Yield what does not add up: every return has one outcome or is in work, and every outcome was told."""
    received, named = sum(counts.values()), sum(counts.get(name, 0) for name in OUTCOMES)
    if received != named:
        yield Problem("Palautuksia on {received}, mutta tuloksia {named}.", {"received": received, "named": named})
    settled, told = received - counts.get("in_work", 0), journal.told()
    if settled != told:
        yield Problem("Tuloksia on {settled}, mutta tapahtumia {told}.", {"settled": settled, "told": told})


def of_inbox(workspace: Workspace, oldest: float | None, living: bool) -> Iterator[Problem]:
    """Yield what is wrong with the drop zone."""
    for file in oddities(workspace.inbox):
        yield Problem("Ei tavallinen tiedosto: {name}", {"name": shown(file.name)})
    if oldest is not None and not living and oldest > UNWATCHED:
        yield Problem("Tiedostoja odottaa, mutta formgen watch ei ole käynnissä.")
    elif oldest is not None and oldest > FORGOTTEN:
        yield Problem("Kansiossa inbox on tiedosto, jota ei ole voitu ottaa tuntiin. Onko se auki jollakulla?")


def of_work(workspace: Workspace, journal: Journal) -> Iterator[Problem]:
    """Yield what keeps returns from being settled or published."""
    for row in journal.troubled():
        values = {"attempts": row["attempts"], "id": row["return_id"]}
        yield Problem("Palautusta ei ole voitu lukea {attempts} yrityksellä: {id}", values)
    if lacking := journal.unpublished(outbox.last_seq(workspace)):
        yield Problem("Kirjoittamatta outbox-kansioon: {number}", {"number": lacking})
    if shutil.disk_usage(workspace.var).free < ROOM:
        yield Problem("Levytila on loppumassa.")
