"""Files that came back, what stood in each, and what became of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, replace
from typing import Any

from sqlalchemy import func, select

from formgen.storage.database import ENCRYPTED_COLUMNS, Database, Transaction
from formgen.storage.rows import Submission
from formgen.storage.tables import submissions


class SubmissionTable(Database):
    """The submissions of a workspace."""

    def add_submissions(self, arrivals: Iterable[Submission]) -> None:
        """Write down that submissions have come; from now on they exist."""
        with self.begin_transaction() as connection:
            for arrival in arrivals:
                row = replace(arrival, source=self.encryptor.compute_digest(arrival.source))
                self.insert_row(connection, submissions, asdict(row), row.received_at)

    def set_attempts(self, numbers: Mapping[str, int]) -> None:
        """Write down how many attempts there have been at submissions, by id."""
        with self.begin_transaction() as connection:
            for submission_id, number in numbers.items():
                connection.execute(
                    submissions.update().where(submissions.c.submission_id == submission_id).values(attempts=number)
                )

    def list_unsettled_submissions(self, number: int, after: str = "") -> list[Submission]:
        """List so many of the submissions without an outcome, oldest first, those after an id."""
        query = select(submissions).where(submissions.c.outcome.is_(None), submissions.c.submission_id > after)
        return self.fetch(Submission, query.order_by(submissions.c.submission_id).limit(number))

    def list_retried_submissions(self) -> list[Submission]:
        """List the submissions without an outcome that have been tried more than once, oldest first."""
        query = select(submissions).where(submissions.c.outcome.is_(None), submissions.c.attempts > 1)
        return self.fetch(Submission, query.order_by(submissions.c.submission_id))

    def list_overdue_submissions(self, before: str) -> list[Submission]:
        """List the submissions that wait since before a moment, oldest first."""
        query = select(submissions).where(submissions.c.outcome == "waiting", submissions.c.received_at < before)
        return self.fetch(Submission, query.order_by(submissions.c.submission_id))

    def find_submissions(self, **equal: Any) -> list[Submission]:
        """Find the submissions whose columns have the values, oldest first."""
        query = select(submissions).order_by(submissions.c.received_at, submissions.c.submission_id)
        for name, value in equal.items():
            if name not in ENCRYPTED_COLUMNS:
                query = query.where(
                    submissions.c[name] == (self.encryptor.compute_digest(value) if name == "source" else value)
                )
        sealed = {name: value for name, value in equal.items() if name in ENCRYPTED_COLUMNS}
        found = self.fetch(Submission, query)
        return [row for row in found if all(getattr(row, name) == value for name, value in sealed.items())]

    def get_submission(self, submission_id: str) -> Submission:
        """Look a submission up; raise `LookupError` when there is none."""
        (found,) = self.find_submissions(submission_id=submission_id) or (None,)
        if found is None:
            raise LookupError(submission_id)
        return found

    def iter_original_digests(self) -> Iterator[str]:
        """Yield the digests of the files that are kept."""
        for row in self.iter_stored_rows(select(submissions.c.sha256).where(submissions.c.sha256 != "").distinct()):
            yield row["sha256"]

    def get_outcome(self, connection: Transaction, submission_id: str) -> str | None:
        """Look up the outcome of a submission as it stands now."""
        query = select(submissions.c.outcome).where(submissions.c.submission_id == submission_id)
        found: str | None = connection.execute(query).scalar_one()
        return found

    def has_rejected_file(self, places: Iterable[str]) -> bool:
        """Tell whether a rejected file lies at one of the places."""
        query = select(submissions.c.submission_id).where(submissions.c.rejected_as.in_(tuple(places)))
        return self.fetch_row(query) is not None

    def count_submissions(self) -> dict[str, int]:
        """Count the submissions by outcome; ``in_work`` are those without one."""
        rows = self.fetch_rows(
            select(submissions.c.outcome, func.count().label("number")).group_by(submissions.c.outcome)
        )
        return {row["outcome"] or "in_work": row["number"] for row in rows}

    def update_submission(self, connection: Transaction, settled: Submission) -> None:
        """Write down what has become of a submission: all that is not known when it comes."""
        shut = self.encrypt_row(asdict(settled))
        changes = {name: shut[name] for name in OUTCOME_COLUMNS}
        self.update_row(connection, submissions, settled.submission_id, changes, settled.processed_at or "")


OUTCOME_COLUMNS = tuple(submissions.columns.keys())[tuple(submissions.columns.keys()).index("outcome") :]
