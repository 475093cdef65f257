"""Named points between two effects, where tests kill the process or let the machine fail."""

from __future__ import annotations

from collections.abc import Callable

POINTS = (
    "copy.begun",
    "copy.written",
    "copy.flushed",
    "original.named",
    "original.flushed",
    "arrival.written",
    "inbox.removed",
    "attempt.written",
    "file.read",
    "decision.reached",
    "outcome.written",
    "outcome.committed",
    "file.begun",
    "file.written",
    "file.flushed",
    "file.named",
    "folder.flushed",
    "feed.written",
    "feed.flushed",
    "waiting.released",
)
LISTENERS: list[Callable[[str], None]] = []


def report_checkpoint(point: str) -> None:
    """Tell those who listen that a point has been reached; in an office nobody does."""
    for listener in LISTENERS:
        listener(point)
