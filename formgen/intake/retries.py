"""What has failed and rests before it is tried again, longer each time; nothing else waits for it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from math import inf
from typing import NamedTuple

import structlog

from formgen.errors import Busy, OutOfReach, SandboxUnavailable, describe_cause
from formgen.storage.journal import Journal
from formgen.storage.moments import format_timestamp
from formgen.storage.rows import NotedProblem

log = structlog.get_logger()

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 60.0
ALL = ""  # subject of what rests as a whole

Key = tuple[str, str]  # a stage of the work, and what it was done with


class Pause(NamedTuple):
    """How often something has failed, until when it rests (the system's steady clock), and why."""

    tries: int
    until: float
    cause: str


@dataclass(frozen=True)
class Retries:
    """What rests at the moment, by stage and subject, and is written down for ``status``."""

    journal: Journal
    clock: Callable[[], datetime]
    pauses: dict[Key, Pause] = field(default_factory=dict)

    @contextmanager
    def isolate_failure(self, stage: str, subject: str) -> Iterator[None]:
        """Let what goes wrong with one subject, such as a submission, be its own: it rests, and the others go on.

        What goes wrong with the database within a transaction is that transaction's.
        """
        try:
            yield
        except Exception as error:
            ours = isinstance(error, Busy) and not isinstance(error, SandboxUnavailable)
            if ours and self.journal.current_transaction:
                raise
            self.report_problem(stage, subject, describe_cause(error))
        else:
            self.resolve_problem(stage, subject)

    def report_problem(self, stage: str, subject: str, cause: str, place: str = "", signature: str = "") -> None:
        """Let something rest before it is tried again, and write down for ``status`` what it is and why.

        Of a file it is also written down where it lies and how it looked.
        """
        if self.postpone_retry(stage, subject, cause):
            log.warning("problem", stage=stage, subject=subject, cause=cause)
        since = format_timestamp(self.clock())
        noted = NotedProblem(stage=stage, subject=subject, place=place, signature=signature, cause=cause, since=since)
        with suppress(OutOfReach):
            self.journal.save_problems([noted])

    def resolve_problem(self, stage: str, subject: str) -> None:
        """Forget what went wrong with something, since it has been done."""
        if self.pauses.pop((stage, subject), None):
            with suppress(OutOfReach):
                self.journal.delete_problems([(stage, subject)])

    def is_due(self, stage: str, subject: str) -> bool:
        """Tell whether something may be tried now."""
        pause = self.pauses.get((stage, subject))
        return pause is None or pause.until <= time.monotonic()

    def postpone_retry(self, stage: str, subject: str, cause: str) -> bool:
        """Let something rest before it is tried again; return whether it had not failed so before."""
        before = self.pauses.get((stage, subject), Pause(0, 0.0, ""))
        until = time.monotonic() + min(LONGEST_PAUSE, FIRST_PAUSE * 2.0**before.tries)
        self.pauses[stage, subject] = Pause(before.tries + 1, until, cause)
        return before.cause != cause

    def restore_failure(self, stage: str, subject: str, cause: str) -> None:
        """Know of something that failed before this process began, or in another one; it may be tried now."""
        self.pauses.setdefault((stage, subject), Pause(0, 0.0, cause))

    def find_next_due_time(self, after: float = -inf, tries: float = inf) -> float:
        """Return when the next of what rests may be tried, `inf` for none.

        Only that counts which rests beyond a moment, and has failed no more than so often.
        """
        coming = (pause.until for pause in self.pauses.values() if pause.until > after and pause.tries <= tries)
        return min(coming, default=inf)
