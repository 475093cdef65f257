"""What became of each submission, in the order in which others are told."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import func, select

from formgen.storage.database import Database, Transaction
from formgen.storage.rows import StoredEvent, Submission
from formgen.storage.tables import events


class EventTable(Database):
    """The events of a workspace."""

    def add_event(
        self, connection: Transaction, name: str, settled: Submission, build_line: Callable[[int], str]
    ) -> None:
        """Write down what became of a submission, with the line of the feed that is built from its number."""
        event = events.insert().values(event=name, submission_id=settled.submission_id, body="")
        seq = connection.execute(event).inserted_primary_key[0]  # type: ignore[index] # one row has one
        self.update_row(connection, events, seq, {"body": build_line(seq)}, settled.processed_at or "")

    def list_events(self, after: int = 0, number: int | None = None) -> list[StoredEvent]:
        """List so many events after a number, or all of them, in order."""
        return self.fetch(StoredEvent, select(events).where(events.c.seq > after).order_by(events.c.seq).limit(number))

    def count_events_after(self, after: int) -> int:
        """Count the events after a number."""
        return self.count(select(func.count()).select_from(events).where(events.c.seq > after))

    def count_submissions_with_events(self) -> int:
        """Count the submissions of which there is an event."""
        return self.count(select(func.count(events.c.submission_id.distinct())))

    def find_submission_events(self, submission_id: str) -> list[StoredEvent]:
        """Find the events of one submission, in order."""
        query = select(events).where(events.c.submission_id == submission_id)
        return self.fetch(StoredEvent, query.order_by(events.c.seq))
