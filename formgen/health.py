"""The state of a workspace: how many returns have ended how, what lies waiting, and what is wrong, in words."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from formgen import outbox
from formgen.errors import OutOfReach
from formgen.intake import shown
from formgen.settings import Workspace
from formgen.store import Journal
from formgen.watch import alive, candidates, oddities

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
    """What a workspace is like at one moment; ``oldest`` is the age in seconds of what has lain longest."""

    received: int
    counts: dict[str, int]
    inbox: int
    oldest: float | None
    alive: bool
    problems: tuple[Problem, ...]


def health(workspace: Workspace, journal: Journal, now: float) -> Health:
    """Return the state of a workspace; ``now`` is the system's clock, seconds."""
    lying = [found.st_mtime for _, found in candidates(workspace.inbox)]
    oldest = round(max(0.0, now - min(lying)), 1) if lying else None
    counts = journal.counts()
    found = {name: counts.get(name, 0) for name in OUTCOMES}
    living = alive(workspace)
    problems = (
        *of_ledger(journal, counts),
        *of_trust(journal),
        *of_inbox(workspace, oldest, living),
        *of_work(workspace, journal),
    )
    return Health(sum(counts.values()), found, len(lying), oldest, living, problems)


def of_ledger(journal: Journal, counts: dict[str, int]) -> Iterator[Problem]:
    """Yield what does not add up: every return has one outcome or is in work, and every outcome was told."""
    received, named = sum(counts.values()), sum(counts.get(name, 0) for name in OUTCOMES)
    if received != named:
        yield Problem("Palautuksia on {received}, mutta tuloksia {named}.", {"received": received, "named": named})
    settled, told = received - counts.get("in_work", 0), journal.told()
    if settled != told:
        yield Problem("Tuloksia on {settled}, mutta tapahtumia {told}.", {"settled": settled, "told": told})


def of_trust(journal: Journal) -> Iterator[Problem]:
    """Yield why nothing is signed, recognised or written: a key that is not as it was made, a log that was cut off."""
    try:
        _ = journal.keys
        journal.require_end()
    except OutOfReach as error:
        yield Problem(error.message, error.values)


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
