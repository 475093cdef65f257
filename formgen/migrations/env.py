"""How Alembic reaches the journal: through the engine that is handed over."""

from __future__ import annotations

from alembic import context

from formgen.store import metadata

with context.config.attributes["engine"].connect() as connection:
    context.configure(connection=connection, target_metadata=metadata, render_as_batch=True)
    with context.begin_transaction():
        context.run_migrations()
    connection.commit()
