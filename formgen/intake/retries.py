"""What has failed and rests before it is tried again, longer each time; nothing else waits for it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from math import inf
from typing import NamedTuple

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 60.0

Key = tuple[str, str]  # a stage of the work, and what it was done with


class Pause(NamedTuple):
    """How often something has failed, until when it rests (the system's steady clock), and why."""

    tries: int
    until: float
    cause: str


@dataclass
class Retries:
    """What rests at the moment, by stage and subject."""

    pauses: dict[Key, Pause] = field(default_factory=dict)

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

    def clear_failure(self, stage: str, subject: str) -> bool:
        """Let nothing rest any more; return whether it had failed."""
        return self.pauses.pop((stage, subject), None) is not None

    def find_next_due_time(self, after: float = -inf, tries: float = inf) -> float:
        """Return when the next of what rests may be tried, `inf` for none.

        Only that counts which rests beyond a moment, and has failed no more than so often.
        """
        coming = (pause.until for pause in self.pauses.values() if pause.until > after and pause.tries <= tries)
        return min(coming, default=inf)
