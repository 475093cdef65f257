"""How Alembic reaches the journal: through the engine that is handed over, in one transaction."""

from __future__ import annotations

from alembic import context

from formgen.storage.tables import metadata

with context.config.attributes["engine"].execution_options(writes=True).connect() as connection:
    context.configure(connection=connection, target_metadata=metadata, render_as_batch=True, transactional_ddl=True)
    with context.begin_transaction():
        context.run_migrations()
