"""How Alembic reaches the journal: through the engine that is handed over, in one transaction."""

from __future__ import annotations

from contextlib import ExitStack

from alembic import context
from sqlalchemy import inspect

from formgen.storage.access_log import Head
from formgen.storage.journal import end_of_log, metadata

given = context.config.attributes
with ExitStack() as ending, given["engine"].execution_options(writes=True).connect() as connection:
    context.configure(connection=connection, target_metadata=metadata, render_as_batch=True, transactional_ddl=True)
    with context.begin_transaction():
        before = end_of_log(connection) if inspect(connection).has_table("access") else Head()
        context.run_migrations()
        if (after := end_of_log(connection)) != before:
            ending.enter_context(given["end"].noting(before, after))
