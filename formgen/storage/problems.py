"""What cannot be done now, so that ``status`` tells of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict

from sqlalchemy import select

from formgen.storage.database import Database
from formgen.storage.rows import NotedProblem
from formgen.storage.tables import problems


class ProblemTable(Database):
    """The problems of a workspace."""

    def list_problems(self, *stages: str) -> list[NotedProblem]:
        """List what cannot be done now, oldest first, of some stages of the work or of all."""
        query = select(problems).order_by(problems.c.since, problems.c.subject)
        return self.fetch(NotedProblem, query.where(problems.c.stage.in_(stages)) if stages else query)

    def save_problems(self, found: Iterable[NotedProblem]) -> None:
        """Write down what cannot be done now; of what was noted before only the cause changes, and the signature."""
        with self.begin_transaction() as connection:
            for problem in found:
                same = (problems.c.stage == problem.stage) & (problems.c.subject == problem.subject)
                changes = {"cause": problem.cause, "signature": problem.signature}
                if not connection.execute(problems.update().where(same).values(changes)).rowcount:
                    connection.execute(problems.insert().values(self.encrypt_row(asdict(problem))))

    def delete_problems(self, keys: Iterable[tuple[str, str]]) -> None:
        """Remove what can be done again, by stage and subject."""
        with self.begin_transaction() as connection:
            for stage, subject in keys:
                same = (problems.c.stage == stage) & (problems.c.subject == subject)
                connection.execute(problems.delete().where(same))
